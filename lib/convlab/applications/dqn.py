"""Deep Q-learning: replay, targets, exploration, and the step that plays and learns (lesson 24).

The networks are in `convlab.networks`: `lecture_dqn`, `atari_dqn` and `small_dqn`; the games in
`convlab.applications.games`. Mnih et al. 2013 (arXiv:1312.5602) and 2015 (Nature 518), van Hasselt et al.
2015 (arXiv:1509.06461).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from convlab.applications.games import Batch
from convlab.runs import Run
from convlab.training import train

__all__ = [
    "JUDGED",
    "Learner",
    "Replay",
    "double_targets",
    "epsilon",
    "fit",
    "greedy",
    "play",
    "table",
    "targets",
]

JUDGED = 1_000_000  # seeds of games that judge begin here, far from those that teach


def table(
    following: np.ndarray, rewards: np.ndarray, ends: np.ndarray, discount: float, tolerance: float = 1e-12
) -> np.ndarray:
    """Return the value of each action in each state by value iteration, (states, actions). Lesson 24.

    Bellman 1957; Sutton & Barto 2018, section 4.4. ValueError for a discount outside 0 to below 1.

    Args:
        following: which state an action leads to, (states, actions).
        rewards: what it gives, likewise.
        ends: whether it ends the game, likewise.
        discount: the factor on the value of the next state.
        tolerance: the iteration stops when no value changes by more.

    >>> table(np.array([[1], [1]]), np.array([[0.0], [1.0]]), np.array([[False], [True]]), 0.5).tolist()
    [[0.5], [1.0]]
    """
    if not 0 <= discount < 1:
        raise ValueError(f"a discount of {discount} need not converge: give a number from 0 to below 1")
    values = np.zeros(np.shape(rewards))
    while True:
        better = rewards + discount * np.where(ends, 0.0, values.max(axis=1)[following])
        if np.abs(better - values).max() <= tolerance:
            return better
        values = better


def targets(rewards: Any, ended: Any, following: Any, discount: float) -> Any:
    """Return what the value of the action taken should be, (N,): reward + discount · best next value.

    After the end nothing follows. Mnih et al. 2013, equation 2. Arrays or tensors; a tensor comes back.
    Lesson 24.

    Args:
        rewards: (N,).
        ended: (N,), whether the game ended with this action.
        following: (N, actions), the target network's values of the next state.
        discount: the factor on what follows.

    >>> targets(np.array([1.0, 0.0]), np.array([True, False]), np.array([[5.0, 6], [7, 8]]), 0.5).numpy()
    array([1., 4.])
    """
    return rewards + discount * ops.where(ended, 0.0, ops.max(following, axis=1))


def double_targets(rewards: Any, ended: Any, online: Any, following: Any, discount: float) -> Any:
    """Return the targets of double Q-learning, (N,): one network chooses the next action, another values it.

    The maximum of noisy values is too high on average; a second network has noise of its own. Van Hasselt et
    al. 2015, equation 4. Arrays or tensors; a tensor comes back. Lesson 24.

    Args:
        rewards: (N,).
        ended: (N,), whether the game ended with this action.
        online: (N, actions), the values of the next state by the network that learns.
        following: (N, actions), those by the target network.
        discount: the factor on what follows.

    >>> one, other = np.array([[2.0, 1.0]]), np.array([[3.0, 4.0]])
    >>> double_targets(np.zeros(1), np.zeros(1, bool), one, other, 0.5).numpy()
    array([1.5])
    """
    chosen = ops.take_along_axis(following, ops.argmax(online, axis=1)[:, None], axis=1)[:, 0]
    return rewards + discount * ops.where(ended, 0.0, chosen)


def epsilon(step: int, first: float, last: float, steps: int) -> float:
    """Return the chance of a random action: from `first` along a line to `last` at `steps`, then `last`.

    Mnih et al. 2013, section 5. ValueError for steps below 1. Lesson 24.

    Args:
        step: from 0.
        first: the chance at step 0.
        last: the chance from step `steps` on.
        steps: how many steps the line takes.

    >>> [epsilon(step, 1.0, 0.5, 100) for step in (0, 50, 100, 500)]
    [1.0, 0.75, 0.5, 0.5]
    """
    if steps < 1:
        raise ValueError(f"a line of {steps} steps is none: give 1 or more")
    return first + (last - first) * min(1.0, step / steps)


class Replay:
    """A memory of the last pictures, actions and rewards of several games, from which batches are drawn.

    Each picture is stored once; a state of `stack` pictures, the newest last, is put together when it is
    drawn. Pictures from before an episode's start are black in it. Mnih et al. 2013, section 4. Lesson 24.

    Args:
        pictures: the first pictures of the games, (N, H, W) uint8.
        capacity: how many transitions are stored, all games together.
        stack: pictures in a state.

    >>> replay = Replay(np.zeros((2, 10, 10), np.uint8), capacity=100, stack=3)
    >>> replay.add(np.array([0, 1]), np.zeros(2), np.zeros(2, bool), np.ones((2, 10, 10), np.uint8))
    >>> replay.state().shape, len(replay)
    ((2, 10, 10, 3), 2)
    """

    def __init__(self, pictures: np.ndarray, capacity: int, stack: int):
        count, *shape = pictures.shape
        if capacity < count or stack < 1:
            raise ValueError(
                f"a memory of {capacity} transitions and a stack of {stack} do not fit {count} games: "
                f"store {count} or more, and stack 1 or more"
            )
        self.stack, self.games = stack, count
        self.times = capacity // count  # transitions of each game
        self.slots = self.times + stack  # the current picture, and what the oldest state looks back on
        self.pictures = np.zeros((self.slots, count, *shape), np.uint8)
        self.actions = np.zeros((self.slots, count), np.int32)
        self.rewards = np.zeros((self.slots, count), np.float32)
        self.ended = np.zeros((self.slots, count), bool)
        self.now = 0  # the time of the current pictures
        self.pictures[0] = pictures

    def __len__(self) -> int:
        """Return how many transitions are stored."""
        return min(self.now, self.times) * self.games

    def add(self, actions: np.ndarray, rewards: np.ndarray, ended: np.ndarray, pictures: np.ndarray) -> None:
        """Store what was done at the current pictures and what it gave, each (N,), and the next pictures."""
        slot = self.now % self.slots
        self.actions[slot], self.rewards[slot], self.ended[slot] = actions, rewards, ended
        self.now += 1
        self.pictures[self.now % self.slots] = pictures

    def state(self) -> np.ndarray:
        """Return the current state of each game, (N, H, W, stack) uint8."""
        return self.states(np.full(self.games, self.now), np.arange(self.games))

    def states(self, times: np.ndarray, games: np.ndarray) -> np.ndarray:
        """Return the states of those games at those times, (B, H, W, stack) uint8."""
        seen, stack = times >= 0, []
        for back in range(self.stack):
            slot = (times - back) % self.slots
            if back:
                seen = seen & (times >= back) & ~self.ended[slot, games]
            picture = self.pictures[slot, games]
            stack.append(picture * seen.reshape(-1, *[1] * (picture.ndim - 1)).astype(np.uint8))
        return np.stack(stack[::-1], axis=-1)

    def sample(self, rng: np.random.Generator, batch_size: int) -> tuple[np.ndarray, ...]:
        """Return states, actions, rewards, whether the game ended, and next states of a random batch.

        Each stored transition is equally likely. ValueError for an empty memory.
        """
        if not self.now:
            raise ValueError("this memory is empty: play first")
        times = rng.integers(max(0, self.now - self.times), self.now, batch_size)
        games = rng.integers(self.games, size=batch_size)
        done = [array[times % self.slots, games] for array in (self.actions, self.rewards, self.ended)]
        return (self.states(times, games), *done, self.states(times + 1, games))

    def read(self) -> list[np.ndarray]:
        """Return all of it, for a checkpoint."""
        return [self.pictures, self.actions, self.rewards, self.ended, np.array(self.now)]

    def write(self, arrays: Sequence[np.ndarray]) -> None:
        """Go on from what `read` returned."""
        self.pictures, self.actions, self.rewards, self.ended = (array.copy() for array in arrays[:4])
        self.now = int(arrays[4])


class Learner:
    """A network that plays several games and learns from its memory of them, by Adam. Lesson 24.

    Rewards are clipped to -1 to 1, errors above 1 count linearly (the Huber loss).

    Args:
        model: states (N, H, W, stack), pixels from 0 to 255, in; a value for each action out.
        games: the games to learn from.
        seed: of the games, of exploration and of the batches.
        capacity: transitions in the memory.
        batch_size: transitions in a gradient step.
        discount: the factor on the value of the next state.
        learning_rate: Adam's.
        frames: how many frames are played for each gradient step.
        target_every: rounds after which the target network becomes a copy; a round is a frame of each game.
        double: whether the network that learns chooses the action that the target network values.
        exploration: the arguments first, last and steps (rounds) of `epsilon`.
        warmup: transitions that are played at random before the first gradient step.
        clip: whether rewards are clipped.
    """

    def __init__(
        self,
        model: keras.Model,
        games: Batch,
        seed: int = 0,
        capacity: int = 20_000,
        batch_size: int = 32,
        discount: float = 0.95,
        learning_rate: float = 1e-3,
        frames: int = 4,
        target_every: int = 50,
        double: bool = True,
        exploration: tuple[float, float, int] = (1.0, 0.05, 400),
        warmup: int = 500,
        clip: bool = True,
    ):
        if games.num_envs % frames:
            raise ValueError(
                f"{games.num_envs} games give no whole number of gradient steps, one for {frames} frames: "
                f"take a multiple of {frames} games"
            )
        self.model, self.games, self.seed = model, games, seed
        self.batch_size, self.discount, self.double, self.clip = batch_size, discount, double, clip
        self.updates = games.num_envs // frames
        self.target_every, self.exploration, self.warmup = target_every, exploration, warmup
        self.target = keras.models.clone_model(model)
        self.target.set_weights(model.get_weights())
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build(model.trainable_variables)
        pictures, _ = games.reset(seed=seed)
        self.replay = Replay(pictures, capacity, stack=model.input.shape[-1])
        self.scores = np.zeros(games.num_envs)  # of the episodes under way
        self.values = tf.function(lambda states: model(states, training=False))
        self.learn = tf.function(self._learn)

    def step(self, number: int) -> dict:
        """Play one frame of each game and take the gradient steps that are due: round `number`.

        Return the mean loss, and the mean score of the episodes that ended, where some did.
        """
        rng = np.random.default_rng([self.seed, number])
        if number == 0:
            for _ in range(-(-self.warmup // self.games.num_envs)):
                self.play(rng, chance=1.0)
        scores = self.play(rng, epsilon(number, *self.exploration))
        if number % self.target_every == 0:
            self.target.set_weights(self.model.get_weights())
        loss = self.learn(*self.replay.sample(rng, self.updates * self.batch_size))
        return {"loss": float(loss)} | ({"score": scores.mean()} if len(scores) else {})

    def play(self, rng: np.random.Generator, chance: float) -> np.ndarray:
        """Play one action in each game, random with this chance; return the scores of those that ended."""
        actions = self.values(self.replay.state()).numpy().argmax(axis=1)
        guessed = rng.random(self.games.num_envs) < chance
        actions[guessed] = rng.integers(self.games.single_action_space.n, size=guessed.sum())
        pictures, rewards, ended, _, _ = self.games.step(actions)
        self.replay.add(actions, np.clip(rewards, -1, 1) if self.clip else rewards, ended, pictures)
        self.scores += rewards
        finished = self.scores[ended]
        self.scores[ended] = 0
        return finished

    def read(self) -> list[np.ndarray]:
        """Return what a checkpoint needs besides the networks and the optimizer."""
        return [self.scores, *self.replay.read(), *self.games.read()]

    def write(self, arrays: Sequence[np.ndarray]) -> None:
        """Go on from what `read` returned."""
        self.scores = arrays[0].copy()
        self.replay.write(arrays[1:6])
        self.games.write(arrays[6:])

    def _learn(self, *drawn):
        """Take one gradient step on each batch of what was drawn; return their mean loss."""
        total = 0.0
        for place in range(self.updates):
            rows = slice(place * self.batch_size, (place + 1) * self.batch_size)
            states, actions, rewards, ended, next_states = (part[rows] for part in drawn)
            following = self.target(next_states, training=False)
            if self.double:
                online = self.model(next_states, training=False)
                wanted = double_targets(rewards, ended, online, following, self.discount)
            else:
                wanted = targets(rewards, ended, following, self.discount)
            with tf.GradientTape() as tape:  # the targets are outside: no gradient flows through them
                values = tf.gather(self.model(states, training=True), actions, axis=1, batch_dims=1)
                loss = tf.reduce_mean(keras.losses.huber(wanted[:, None], values[:, None]))
            gradients = tape.gradient(loss, self.model.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
            total += loss
        return total / self.updates


def fit(
    model: keras.Model,
    games: Batch,
    steps: int,
    judged: Batch | None = None,
    steps_per_epoch: int | None = None,
    checkpoint: str | Path | None = None,
    most: int = 10_000,
    **choices: Any,
) -> Run:
    """Train a network, in place, by playing; return the Run: loss, score and test score of each epoch.

    Args:
        model: as for `Learner`.
        games: likewise.
        steps: rounds: in each, every game plays a frame.
        judged: other games, of which each plays one episode after each epoch, without exploration: their
            mean score is the epoch's `test`.
        steps_per_epoch: rounds of an epoch.
        checkpoint: path of a file that an interrupted run goes on from.
        most: the frames after which a judged episode counts as it stands.
        **choices: of `Learner`.
    """
    learner = Learner(model, games, **choices)

    def judge(done):
        chance = {"epsilon": epsilon(done, *learner.exploration)}
        if judged is None:
            return chance
        scores = play(
            greedy(model), judged, seed=JUDGED + learner.seed, stack=learner.replay.stack, most=most
        )
        return chance | {"test": scores.mean()}

    return train(
        model,
        learner.step,
        steps,
        steps_per_epoch=steps_per_epoch,
        state=[learner.target, learner.optimizer, learner],
        validate=judge,
        checkpoint=checkpoint,
        settings={
            "seed": 0,
            **choices,
            "game": type(games).__name__,
            "games": games.num_envs,
            "skip": games.skip,
            "stack": learner.replay.stack,
        },
    )


def greedy(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from states (N, H, W, stack) to the actions (N,) of the highest value. Lesson 24."""
    values = tf.function(lambda states: model(states, training=False))
    return lambda states: values(states).numpy().argmax(axis=1)


def play(
    choose: Callable[[np.ndarray], np.ndarray], games: Batch, seed: int, stack: int = 1, most: int = 10_000
) -> np.ndarray:
    """Return the score of one episode of each game, (N,): the sum of its rewards. Lesson 24.

    Args:
        choose: returns the actions (N,) for states (N, H, W, stack); a rule may look at the games instead.
        games: begun anew, and played until each has ended once.
        seed: of the games.
        stack: pictures in a state.
        most: how many times to choose at most; an episode that lasts longer counts as it stands.

    >>> from convlab.applications.games import Catch, intercept
    >>> games = Catch.batch(50)
    >>> float(play(lambda states: intercept(games), games, seed=0).mean())
    1.0
    """
    pictures, _ = games.reset(seed=seed)
    replay = Replay(pictures, games.num_envs, stack)
    scores, over = np.zeros(games.num_envs), np.zeros(games.num_envs, bool)
    for _ in range(most):
        actions = choose(replay.state())
        pictures, rewards, ended, _, _ = games.step(actions)
        replay.add(actions, rewards, ended, pictures)
        scores += np.where(over, 0.0, rewards)
        over |= ended
        if over.all():
            break
    return scores
