"""Many games at once, and one of them: the parts of gymnasium's interface that all games share."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

__all__ = ["Batch", "Game"]


class Batch(gymnasium.vector.VectorEnv):
    """Several games of one kind, played in step; one that ends begins anew at once (lesson 24).

    A subclass has `single_observation_space` and `single_action_space`, `names` (of its arrays of state, one
    row for each game), `begin(rows)`, `play(actions)` and `pictures()`.

    Args:
        num_envs: how many games.
        skip: for how many frames an action is held: 1 lets the player choose at each. Rewards are added up.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 as gymnasium has it
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": ["rgb_array"],
    }
    single_observation_space: gymnasium.spaces.Box
    single_action_space: gymnasium.spaces.Discrete
    names: tuple[str, ...]

    def __init__(self, num_envs: int = 1, skip: int = 1):
        if num_envs < 1 or skip < 1:
            raise ValueError(f"{num_envs} games and a skip of {skip}: give at least one of each")
        self.num_envs, self.skip = num_envs, skip
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.generators: list[np.random.Generator] = []

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None
    ) -> tuple[np.ndarray, dict]:
        """Begin all games; return their pictures (N, H, W) uint8 and an empty dict.

        seed: game i gets seed + i, or the seed i of a list. Without one, chance decides.
        """
        seeds = (
            seed if isinstance(seed, Sequence) else [seed if seed is None else seed + i for i in self.rows]
        )
        self.generators = [np.random.default_rng(one) for one in seeds]
        self.begin(self.rows)
        return self.pictures(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
        """Play one action in each game; return pictures, rewards, which ended, none, and infos.

        A game that ended shows the first picture of its next episode, and infos["final_obs"] the last one.
        ValueError for actions that the game does not have, and before the first `reset`.
        """
        rewards, ended = self.advance(actions)
        infos = {}
        if ended.any():
            infos = {"final_obs": self.pictures(), "_final_obs": ended}
            self.begin(np.flatnonzero(ended))
        return self.pictures(), rewards, ended, np.zeros(self.num_envs, bool), infos

    def advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Play one action in each game, for `skip` frames; return rewards (N,) and which ended (N,).

        Games that ended are not begun anew. ValueError as for `step`.
        """
        actions = np.asarray(actions)
        choices = self.single_action_space.n
        if actions.shape != (self.num_envs,) or not np.all((actions >= 0) & (actions < choices)):
            wanted = f"give {self.num_envs} whole numbers from 0 to {choices - 1}"
            raise ValueError(f"actions {actions.tolist()} do not fit this game: {wanted}")
        if not self.generators:
            raise ValueError("this game has not begun: call reset() first")
        rewards, ended = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
        for _ in range(self.skip):
            reward, over = self.play(actions)
            rewards += np.where(ended, 0.0, reward)  # what follows an end within a skip does not count
            ended |= over
        return rewards, ended

    @property
    def rows(self) -> np.ndarray:
        """The numbers of the games, (N,)."""
        return np.arange(self.num_envs)

    def begin(self, rows: np.ndarray) -> None:
        """Set the games `rows` to the start of an episode, drawn from their generators."""
        raise NotImplementedError

    def play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move all games on by one frame; return rewards (N,) and which are over (N,)."""
        raise NotImplementedError

    def pictures(self) -> np.ndarray:
        """Return what the players see, (N, H, W) uint8, a new array."""
        raise NotImplementedError

    def render(self) -> tuple[np.ndarray, ...]:
        """Return each game's picture in grey RGB, a tuple of (H, W, 3)."""
        return tuple(np.repeat(picture[..., None], 3, axis=-1) for picture in self.pictures())

    def read(self) -> list[np.ndarray]:
        """Return the state of all games and of their generators, for a checkpoint."""
        states = [json.dumps(generator.bit_generator.state) for generator in self.generators]
        return [*(getattr(self, name).copy() for name in self.names), np.array(states)]

    def write(self, arrays: Sequence[np.ndarray]) -> None:
        """Go on from what `read` returned."""
        for name, array in zip(self.names, arrays):
            setattr(self, name, array.copy())
        self.generators = [np.random.default_rng() for _ in arrays[-1]]
        for generator, state in zip(self.generators, arrays[-1]):
            generator.bit_generator.state = json.loads(str(state))


class Game(gymnasium.Env):
    """One game of a kind, as a `gymnasium.Env`: a batch of one. Lesson 24.

    A subclass names its batch in `many`. Arguments are those of the batch.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012
    many: ClassVar[type[Batch]]

    def __init__(self, render_mode: str | None = None, **choices: Any):
        self.inner = self.many(1, **choices)
        self.observation_space = self.inner.single_observation_space
        self.action_space = self.inner.single_action_space
        self.render_mode, self.over = render_mode, True

    @classmethod
    def batch(cls, count: int, **choices: Any) -> Batch:
        """Return `count` games that are played in step.

        >>> from convlab.applications.games import Catch
        >>> Catch.batch(3).reset(seed=0)[0].shape
        (3, 10, 10)
        """
        return cls.many(count, **choices)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Begin an episode; return the picture (H, W) uint8 and an empty dict. The seed decides all of it."""
        super().reset(seed=seed)
        self.inner.generators = [self.np_random]
        self.inner.begin(self.inner.rows)
        self.over = False
        return self.inner.pictures()[0], {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Play one action; return the picture, the reward, whether the game has ended, False and a dict.

        ValueError for an action that the game does not have, and after the end.
        """
        if self.over:
            raise ValueError("this game is over, or has not begun: call reset()")
        rewards, ended = self.inner.advance(np.array([action]))
        self.over = bool(ended[0])
        return self.inner.pictures()[0], float(rewards[0]), self.over, False, {}

    def render(self) -> np.ndarray:
        """Return the picture in grey RGB, (H, W, 3) uint8."""
        return self.inner.render()[0]
