"""Players that search, and one that teaches itself: minimax, Monte Carlo tree search, AlphaZero (lesson 25).

D. Silver et al., "Mastering the game of Go without human knowledge", Nature 550, 2017, and "A general
reinforcement learning algorithm …", Science 362, 2018. The games are in `convlab.applications.boards`.
An evaluator is a function: boards (N, H, W) -> priors (N, actions) and values (N,) for the player to move.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from convlab.applications.boards import InARow
from convlab.runs import Run
from convlab.training import train

__all__ = [
    "Cached",
    "Count",
    "Experience",
    "Learner",
    "NetworkEvaluator",
    "Playouts",
    "Search",
    "alpha_beta",
    "fit",
    "lines",
    "matches",
    "minimax",
    "network_player",
    "optimal",
    "optimal_share",
    "planes",
    "play_out",
    "positions",
    "random_actions",
    "search_player",
    "self_play",
]

Evaluator = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Player = Callable[[np.ndarray], np.ndarray]
"""Boards (N, H, W) -> one action for each, (N,)."""


def minimax(game: InARow, board: np.ndarray, table: dict[bytes, float]) -> float:
    """Return the value of a position for the player to move under perfect play: 1 won, 0 drawn, -1 lost.

    `table` gets the value of each position on the way, by the bytes of its board, and saves a second visit.
    For games as small as tic-tac-toe. Lesson 25.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> table = {}
    >>> minimax(tic_tac_toe(), tic_tac_toe().start()[0], table), len(table)
    (0.0, 5478)
    """
    key = board.tobytes()
    if key not in table:
        outcome = game.outcomes(board[None])[0]
        if np.isnan(outcome):
            actions = np.flatnonzero(game.legal(board[None])[0])
            following = game.play(board[None].repeat(len(actions), axis=0), actions)
            outcome = max(-minimax(game, after, table) for after in following)  # the opponent moves next
        table[key] = float(outcome) + 0.0  # no -0.0
    return table[key]


@dataclass
class Count:
    """How many positions a search has looked at."""

    positions: int = 0


def alpha_beta(
    game: InARow, board: np.ndarray, count: Count, alpha: float = -1.0, beta: float = 1.0
) -> float:
    """Return what `minimax` returns, without the moves that cannot change it. Lesson 25.

    Knuth and Moore 1975, "An analysis of alpha-beta pruning".

    Args:
        game: its rules.
        board: (H, W).
        count: gets one more for each position that is looked at.
        alpha: what the player to move is already sure of elsewhere.
        beta: what the opponent will not allow to be exceeded.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> board = np.array([[1, 1, 0], [-1, -1, 0], [0, 0, 0]], "int8")
    >>> alpha_beta(tic_tac_toe(), board, Count())
    1.0
    """
    count.positions += 1
    outcome = game.outcomes(board[None])[0]
    if not np.isnan(outcome):
        return float(outcome)
    best = -np.inf
    for action in np.flatnonzero(game.legal(board[None])[0]):
        after = game.play(board[None], [int(action)])[0]
        best = max(best, -alpha_beta(game, after, count, -beta, -max(alpha, best)))
        if best >= beta:
            break
    return best + 0.0  # no -0.0


class Search:
    """Monte Carlo tree search of many games at once: one leaf of each game goes into one evaluation.

    Each simulation walks down from the root by PUCT, Q + c·P·√N/(1 + n), until it comes to a position that
    is not in the tree yet. This position is evaluated and added, and its value goes back up with a change of
    sign at each move. Silver et al. 2017, Methods, "Search algorithm". Lesson 25.

    Args:
        game: its rules.
        evaluate: an Evaluator: `Playouts` for search without a network, or `NetworkEvaluator`.
        boards: the positions to search from, (N, H, W); a game that is over gets no visits.
        c: how much the prior counts against the values found.
        noise: share of the root's priors that is Dirichlet noise, for self-play.
        concentration: of that noise: small is uneven.
        rng: NumPy's generator, for the noise alone.
    """

    def __init__(
        self,
        game: InARow,
        evaluate: Evaluator,
        boards: np.ndarray,
        c: float = 1.5,
        noise: float = 0.0,
        concentration: float = 1.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        if noise and rng is None:
            raise ValueError(f"noise of {noise} needs a generator: give rng=np.random.default_rng(seed)")
        self.game, self.evaluate, self.c = game, evaluate, c
        self.size = 1  # nodes of each tree: a simulation adds at most one
        self.boards = np.asarray(boards, "int8")[:, None]  # (N, nodes, H, W)
        shape = (len(boards), 1, game.actions)
        self.child = np.full(shape, -1)
        self.visits, self.totals, self.priors = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.outcomes = game.outcomes(self.boards[:, 0])[:, None]  # (N, nodes), nan where it goes on
        going = np.flatnonzero(np.isnan(self.outcomes[:, 0]))
        self._expand(going, np.zeros(len(going), int))
        if noise and len(going):
            legal = game.legal(self.boards[going, 0])
            drawn = rng.gamma(concentration, size=legal.shape) * legal  # type: ignore[union-attr]
            drawn /= drawn.sum(axis=1, keepdims=True)
            self.priors[going, 0] = (1 - noise) * self.priors[going, 0] + noise * drawn

    def run(self, simulations: int) -> "Search":
        """Take so many simulations in each game that is not over; return the search itself."""
        self._grow(simulations)
        for _ in range(simulations):
            self.simulate()
        return self

    def simulate(self) -> None:
        """Take one simulation in each game: select, expand, evaluate, back up."""
        rows = np.flatnonzero(np.isnan(self.outcomes[:, 0]))
        nodes = np.zeros(len(rows), int)
        path = []
        values = np.zeros(len(self.boards))
        new_rows, new_nodes = [], []
        while len(rows):
            actions = self.puct(rows, nodes).argmax(axis=1)
            path.append((rows, nodes, actions))
            following = self.child[rows, nodes, actions]
            fresh = following < 0
            if fresh.any():
                added = np.full(fresh.sum(), self.size)
                self.child[rows[fresh], nodes[fresh], actions[fresh]] = added
                boards = self.game.play(self.boards[rows[fresh], nodes[fresh]], actions[fresh])
                self.boards[rows[fresh], added] = boards
                self.outcomes[rows[fresh], added] = self.game.outcomes(boards)
                new_rows.append(rows[fresh])
                new_nodes.append(added)
            known = self.outcomes[rows, following]
            ended = ~fresh & ~np.isnan(known)
            values[rows[ended]] = known[ended]
            rows, nodes = rows[~fresh & ~ended], following[~fresh & ~ended]
        self.size += 1
        if new_rows:
            leaves, places = np.concatenate(new_rows), np.concatenate(new_nodes)
            known = self.outcomes[leaves, places]
            values[leaves] = known
            going = np.isnan(known)
            values[leaves[going]] = self._expand(leaves[going], places[going])
        for rows, nodes, actions in reversed(path):
            values[rows] = -values[rows]  # the player who moved there sees it the other way round
            self.totals[rows, nodes, actions] += values[rows]
            self.visits[rows, nodes, actions] += 1

    def puct(self, rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Return Q + c·P·√N/(1 + n) of each action, (M, actions), at nodes of games; -inf where illegal.

        N counts the visits of the node itself, its first evaluation included.
        """
        visits, totals, priors = (part[rows, nodes] for part in (self.visits, self.totals, self.priors))
        values = totals / np.maximum(visits, 1)
        node_visits = 1 + visits.sum(axis=1, keepdims=True)
        scores = values + self.c * priors * np.sqrt(node_visits) / (1 + visits)
        return np.where(self.game.legal(self.boards[rows, nodes]), scores, -np.inf)

    def root_visits(self) -> np.ndarray:
        """Return how often each action was taken at each root, (N, actions)."""
        return self.visits[:, 0]

    def root_values(self) -> np.ndarray:
        """Return the mean value found for each action at each root, (N, actions); nan without a visit."""
        return np.where(self.visits[:, 0] > 0, self.totals[:, 0] / np.maximum(self.visits[:, 0], 1), np.nan)

    def _expand(self, rows, nodes):
        """Evaluate positions, store the priors of their legal actions, return their values."""
        if not len(rows):
            return np.zeros(0)
        boards = self.boards[rows, nodes]
        priors, values = self.evaluate(boards)
        priors = np.where(self.game.legal(boards), priors, 0) + 1e-12 * self.game.legal(boards)
        self.priors[rows, nodes] = priors / priors.sum(axis=1, keepdims=True)
        return values

    def _grow(self, nodes):
        """Make room for so many more nodes in each tree."""
        missing = self.size + nodes - self.boards.shape[1]
        if missing > 0:
            fills = {"boards": 0, "child": -1, "visits": 0, "totals": 0, "priors": 0, "outcomes": 0}
            for name, fill in fills.items():
                part = getattr(self, name)
                widths = [(0, 0), (0, missing)] + [(0, 0)] * (part.ndim - 2)
                setattr(self, name, np.pad(part, widths, constant_values=fill))


class Playouts:
    """An evaluator without a network: equal priors, and the outcome of one game of random moves. Lesson 25.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> priors, values = Playouts(tic_tac_toe(), seed=0)(tic_tac_toe().start(2))
    >>> priors.shape, bool(np.isin(values, (-1, 0, 1)).all())
    ((2, 9), True)
    """

    def __init__(self, game: InARow, seed: int = 0) -> None:
        self.game, self.rng = game, np.random.default_rng(seed)

    def __call__(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.ones((len(boards), self.game.actions)), play_out(self.game, boards, self.rng)


def play_out(game: InARow, boards: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return outcomes of games that random moves end, for the player to move on `boards`, (N,). Lesson 25.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> board = np.array([[[1, 1, -1], [-1, -1, 1], [1, -1, 0]]], "int8")  # one point left: a draw
    >>> play_out(tic_tac_toe(), board, np.random.default_rng(0))
    array([0.])
    """
    values, sign = np.array(game.outcomes(boards)), 1
    rows = np.flatnonzero(np.isnan(values))
    boards = boards[rows]
    if game.drops and game.bits is not None:
        values[rows] = _drop_out(game, boards, rng)
        return values + 0.0  # no -0.0
    while len(rows):
        boards = game.play(boards, random_actions(game, boards, rng))
        sign = -sign
        outcomes = game.outcomes(boards)
        over = ~np.isnan(outcomes)
        values[rows[over]] = sign * outcomes[over]
        rows, boards = rows[~over], boards[~over]
    return values + 0.0  # no -0.0


def _drop_out(game, boards, rng):
    """Return what the loop of `play_out` finds where stones fall, with two integers for a board: faster."""
    values, sign, bits = np.zeros(len(boards)), 1, game.bits
    rows, mover, other = np.arange(len(boards)), bits.of(boards == 1), bits.of(boards == -1)
    while len(rows):
        stones = mover | other
        free = (stones + bits.floor & bits.everything)[:, None] & bits.columns  # (N, W): where a stone falls
        chosen = np.where(free != 0, rng.random(free.shape), -1).argmax(axis=1)
        move = free[np.arange(len(rows)), chosen]
        mover, other = other, mover | move
        sign = -sign
        won = bits.rows(other)
        over = won | (stones | move == bits.everything)
        values[rows[won]] = -sign
        rows, mover, other = rows[~over], mover[~over], other[~over]
    return values


def random_actions(game: InARow, boards: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random legal action for each board, (N,)."""
    return np.where(game.legal(boards), rng.random((len(boards), game.actions)), -1).argmax(axis=1)


def planes(boards: np.ndarray) -> np.ndarray:
    """Return what the network sees, (N, H, W, 2) float32: the own stones, and the opponent's. Lesson 25.

    >>> planes(np.array([[[1, -1, 0]]]))[0, 0].tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    return np.stack([boards == 1, boards == -1], axis=-1).astype("float32")


class NetworkEvaluator:
    """An evaluator that asks a network of two heads, `networks.policy_value`. Lesson 25."""

    def __init__(self, model: keras.Model) -> None:
        shape = (None, *model.input.shape[1:])

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
        def forward(batch):
            logits, value = model(batch, training=False)
            return tf.nn.softmax(logits), value[:, 0]

        self.model, self.forward = model, forward

    def __call__(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        priors, values = self.forward(planes(boards))
        return priors.numpy().astype("float64"), values.numpy().astype("float64")


class Cached:
    """An evaluator that evaluates each position once and remembers the answer. Lesson 25.

    Side by side, games share many positions, and a search meets most of the last search's tree again. Make a
    new one when the network has learned.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> evaluate = Cached(Playouts(tic_tac_toe(), seed=0))
    >>> first, again = evaluate(tic_tac_toe().start(3)), evaluate(tic_tac_toe().start())
    >>> bool((first[1] == again[1]).all()), evaluate.evaluated
    (True, 1)
    """

    def __init__(self, evaluate: Evaluator) -> None:
        self.evaluate = evaluate
        self.places: dict[bytes, int] = {}  # where the answer to a position stands
        self.priors, self.values = np.zeros((0, 0)), np.zeros(0)

    @property
    def evaluated(self) -> int:
        """How many different positions were evaluated."""
        return len(self.places)

    def __call__(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        keys = [board.tobytes() for board in boards]
        new = {key: row for row, key in enumerate(keys) if key not in self.places}
        if new:
            self._remember(list(new), *self.evaluate(boards[list(new.values())]))
        places = [self.places[key] for key in keys]
        return self.priors[places], self.values[places]

    def _remember(self, keys, priors, values):
        """Store answers to new positions; double the arrays when they are full."""
        begin, end = len(self.places), len(self.places) + len(keys)
        if end > len(self.values):
            missing = max(end, 1000)
            before = self.priors if len(self.values) else np.zeros((0, priors.shape[1]))
            self.priors = np.pad(before, [(0, missing), (0, 0)])
            self.values = np.pad(self.values, (0, missing))
        self.priors[begin:end], self.values[begin:end] = priors, values
        self.places.update(zip(keys, range(begin, end)))


@dataclass(frozen=True)
class Experience:
    """What games teach: positions, the search's policies there, and how the games ended.

    Args:
        boards: (M, H, W) int8, seen by the player to move.
        policies: (M, actions), the shares of the visits.
        results: (M,), the game's outcome for the player to move; with `blend`, mixed with the search's value.
    """

    boards: np.ndarray
    policies: np.ndarray
    results: np.ndarray

    def __len__(self) -> int:
        return len(self.boards)


def self_play(
    game: InARow,
    evaluate: Evaluator,
    games: int,
    simulations: int,
    rng: np.random.Generator,
    *,
    sampled: int = 1000,
    openings: int = 0,
    noise: float = 0.25,
    concentration: float = 1.0,
    blend: float = 0.0,
) -> Experience:
    """Return what so many games against itself teach, played side by side.

    Each network call evaluates a leaf of every game that still goes on. Silver et al. 2017. Lesson 25.

    Args:
        game: its rules.
        evaluate: an Evaluator.
        games: how many at once.
        simulations: of the search at each move.
        rng: NumPy's generator.
        sampled: moves at the beginning that are drawn in proportion to the visits; later the most visited.
        openings: up to so many random moves come before, at least 0: they show what play alone never reaches.
        noise: share of Dirichlet noise in the root's priors.
        concentration: of this noise.
        blend: share of the search's mean value in `results`; the rest is the outcome. It is less exact, but
            depends less on the chance of one game.
    """
    boards, rows = _openings(game, games, openings, rng), np.arange(games)
    seen, played, found = [], [], []
    results = np.zeros(games)
    for ply in range(1, int(np.prod(game.shape)) + 1):
        search = Search(game, evaluate, boards, noise=noise, concentration=concentration, rng=rng)
        visits = search.run(simulations).root_visits()
        policies = visits / visits.sum(axis=1, keepdims=True)
        seen.append((boards, policies, rows))
        found.append(search.totals[:, 0].sum(axis=1) / visits.sum(axis=1))
        drawn = (policies.cumsum(axis=1) > rng.random((len(rows), 1))).argmax(axis=1)
        actions = np.where(ply <= sampled, drawn, visits.argmax(axis=1))
        boards = game.play(boards, actions)
        outcomes = game.outcomes(boards)
        over = ~np.isnan(outcomes)
        results[rows[over]] = outcomes[over] * (-1) ** ply  # as the first to move here sees it
        played.append(len(rows))
        rows, boards = rows[~over], boards[~over]
        if not len(rows):
            break
    signs = [np.full(count, (-1.0) ** ply) for ply, count in enumerate(played)]
    owners = np.concatenate([row for _, _, row in seen])
    outcomes = results[owners] * np.concatenate(signs)
    return Experience(
        np.concatenate([part for part, _, _ in seen]),
        np.concatenate([part for _, part, _ in seen]),
        (1 - blend) * outcomes + blend * np.concatenate(found) + 0.0,  # no -0.0
    )


def _openings(game, games, most, rng):
    """Return boards after 0 to `most` random moves, none of them over."""
    boards, lengths = game.start(games), rng.integers(most + 1, size=games)
    for ply in range(most):
        after = game.play(boards, random_actions(game, boards, rng))
        going = (ply < lengths) & np.isnan(game.outcomes(after))
        boards = np.where(going[:, None, None], after, boards)
    return boards


class Learner:
    """AlphaZero's loop as steps for `training.train`: play games against itself, then learn from them.

    Before the first of each `steps_per_generation` steps, games are played with the network as it is. Each
    step takes positions from the last `memory` generations, turned and mirrored at random, and descends on
    cross-entropy(policy) + (value - result)². Lesson 25.

    Args:
        game: its rules.
        model: `networks.policy_value` of this game.
        generations: how often games are played and learned from.
        games: self-play games of each generation.
        simulations: of the search at each move.
        steps_per_generation: gradient steps after them.
        batch_size: positions of each step.
        learning_rate: Adam's at the first step; it falls in a straight line to 0 after the last.
        falling: the share of the steps in which it falls, the last ones; before, it stays.
        memory: how many generations are learned from.
        seed: of games, batches and symmetries.
        sampled: moves of each game that are drawn, see `self_play`.
        openings: random moves before a game, see `self_play`.
        blend: of the value that is learned, see `self_play`.
        cached: whether each position is evaluated only once in a generation.
    """

    def __init__(
        self,
        game: InARow,
        model: keras.Model,
        generations: int,
        games: int = 128,
        simulations: int = 30,
        steps_per_generation: int = 50,
        batch_size: int = 256,
        learning_rate: float = 3e-3,
        falling: float = 1.0,
        memory: int = 6,
        seed: int = 0,
        sampled: int = 1000,
        openings: int = 5,
        blend: float = 0.0,
        cached: bool = False,
    ) -> None:
        self.game, self.model, self.seed = game, model, seed
        self.generations, self.games, self.simulations = generations, games, simulations
        self.sampled, self.openings, self.blend, self.cached = sampled, openings, blend, cached
        self.steps_per_generation, self.batch_size, self.remembered = steps_per_generation, batch_size, memory
        self.evaluate = NetworkEvaluator(model)
        self.learning_rate, self.falling = learning_rate, falling
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build(model.trainable_variables)
        self.memory: list[Experience] = []
        self.descend = _descent(model, self.optimizer)

    def step(self, number: int) -> dict[str, float]:
        """Take gradient step `number`, after games if a generation begins; return the losses."""
        rng = np.random.default_rng([self.seed, number])
        if number % self.steps_per_generation == 0:
            evaluate = Cached(self.evaluate) if self.cached else self.evaluate
            new = self_play(
                self.game,
                evaluate,
                self.games,
                self.simulations,
                rng,
                sampled=self.sampled,
                openings=self.openings,
                blend=self.blend,
            )
            self.memory = [*self.memory, new][-self.remembered :]
        left = 1 - number / (self.generations * self.steps_per_generation)
        self.optimizer.learning_rate.assign(self.learning_rate * min(1, left / self.falling))
        boards, policies, results = self._batch(rng)
        policy_loss, value_loss = self.descend(planes(boards), policies, results)
        return {"policy_loss": float(policy_loss), "value_loss": float(value_loss)}

    def _batch(self, rng):
        """Return boards, policies and results, each board turned or mirrored at random."""
        parts = [
            np.concatenate([getattr(one, name) for one in self.memory])
            for name in ("boards", "policies", "results")
        ]
        chosen = rng.integers(len(parts[0]), size=self.batch_size)
        boards, policies, results = (part[chosen] for part in parts)
        points, actions = (np.array(orders) for orders in zip(*self.game.symmetries))
        which = rng.integers(len(points), size=self.batch_size)
        flat = np.take_along_axis(boards.reshape(self.batch_size, -1), points[which], axis=1)
        policies = np.take_along_axis(policies, actions[which], axis=1)
        return flat.reshape(boards.shape), policies.astype("float32"), results.astype("float32")

    def read(self) -> list[np.ndarray]:
        """Return the positions in memory as arrays, for a checkpoint."""
        return [getattr(one, name) for one in self.memory for name in ("boards", "policies", "results")]

    def write(self, arrays: list[np.ndarray]) -> None:
        """Put back what `read` returned."""
        self.memory = [Experience(*arrays[i : i + 3]) for i in range(0, len(arrays), 3)]


def _descent(model, optimizer):
    """Return a compiled step: planes, policies, results -> the two losses before it."""

    @tf.function(reduce_retracing=True)
    def descend(batch, policies, results):
        with tf.GradientTape() as tape:
            logits, values = model(batch, training=True)
            policy_loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(policies, logits))
            value_loss = tf.reduce_mean((values[:, 0] - results) ** 2)
            loss = policy_loss + value_loss
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return policy_loss, value_loss

    return descend


def fit(
    learner: Learner,
    validate: Callable[[int], dict[str, float]] | None = None,
    checkpoint: str | Path | None = None,
) -> Run:
    """Let a learner play and learn for all its generations; return the Run, one row for each generation.

    The network is changed in place. Lesson 25.

    Args:
        learner: with its game and network.
        validate: called as `validate(steps done)` after each; returns further figures.
        checkpoint: path of a file to go on from after an interruption.
    """
    names = (
        "games",
        "simulations",
        "learning_rate",
        "falling",
        "batch_size",
        "remembered",
        "seed",
        "sampled",
        "openings",
        "blend",
        "cached",
    )
    return train(
        learner.model,
        learner.step,
        learner.generations * learner.steps_per_generation,
        steps_per_epoch=learner.steps_per_generation,
        state=[learner.optimizer, learner],
        validate=validate,
        checkpoint=checkpoint,
        settings={
            "game": learner.game.name,
            **{name: getattr(learner, name) for name in names},
        },
        title=learner.game.name,
    )


def network_player(game: InARow, evaluate: Evaluator) -> Player:
    """Return a player that takes the legal action with the highest prior, without any search."""
    return lambda boards: np.where(game.legal(boards), evaluate(boards)[0], -1).argmax(axis=1)


def search_player(game: InARow, evaluate: Evaluator, simulations: int) -> Player:
    """Return a player that takes the most visited action of a search; of equal ones the first."""
    return lambda boards: Search(game, evaluate, boards).run(simulations).root_visits().argmax(axis=1)


def lines(
    game: InARow, player: Player, first: bool, replies: Callable[[np.ndarray], np.ndarray] | None = None
) -> dict[str, int]:
    """Return how all games end that a player can be led into: {"won": …, "drawn": …, "lost": …}.

    The player answers each position in one way, and the opponent tries every reply: a tree of games, each
    of whose ends counts once. For small games. Lesson 25.

    Args:
        game: its rules.
        player: boards -> actions, deterministic.
        first: whether the player begins.
        replies: boards -> which replies the opponent tries, (N, actions) bool; by default all legal ones.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> game = tic_tac_toe()
    >>> first_free = lambda boards: game.legal(boards).argmax(axis=1)
    >>> lines(game, first_free, first=True)["lost"] > 0
    True
    """
    boards, turn = game.start(), first
    ends = {"won": 0, "drawn": 0, "lost": 0}
    while len(boards):
        if turn:
            boards = game.play(boards, player(boards))
        else:
            tried = game.legal(boards) if replies is None else replies(boards)
            row, action = np.nonzero(tried)
            boards = game.play(boards[row], action)
        turn = not turn
        outcomes = game.outcomes(boards)  # for the one to move now
        ends["drawn"] += int((outcomes == 0).sum())
        ends["lost" if turn else "won"] += int((outcomes == -1).sum())
        boards = boards[np.isnan(outcomes)]
    return ends


def positions(game: InARow) -> np.ndarray:
    """Return each position that can occur and is not over, (M, H, W), those with few stones first. Lesson 25.

    For games as small as tic-tac-toe.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> len(positions(tic_tac_toe()))
    4520
    """
    found, boards = [], game.start()
    while len(boards):
        found.append(boards)
        row, action = np.nonzero(game.legal(boards))
        boards = np.unique(game.play(boards[row], action), axis=0)
        boards = boards[np.isnan(game.outcomes(boards))]
    return np.concatenate(found)


def optimal(game: InARow, boards: np.ndarray, table: dict[bytes, float]) -> np.ndarray:
    """Return which actions keep the value that perfect play has, (N, actions) bool; `table` as in `minimax`.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> board = np.array([[[1, 1, 0], [-1, -1, 0], [0, 0, 0]]], "int8")
    >>> optimal(tic_tac_toe(), board, {}).nonzero()[1]
    array([2])
    """
    row, action = np.nonzero(game.legal(boards))
    after = game.play(boards[row], action)
    values = np.full((len(boards), game.actions), -np.inf)
    values[row, action] = [-minimax(game, board, table) for board in after]
    return values == values.max(axis=1, keepdims=True)


def optimal_share(game: InARow, player: Player, boards: np.ndarray, table: dict[bytes, float]) -> float:
    """Return the share of positions in which a player takes an action that loses no value. Lesson 25."""
    return float(optimal(game, boards, table)[np.arange(len(boards)), player(boards)].mean())


def matches(
    game: InARow, player: Player, opponent: Player, games: int, rng: np.random.Generator, opening: int = 0
) -> dict[str, int]:
    """Return how a player's games ended: {"won": …, "drawn": …, "lost": …}; it begins half of them.

    All games are played side by side. Two players without chance need random openings, or else all games
    are the same. Lesson 25.

    Args:
        game: its rules.
        player: boards -> actions.
        opponent: the same.
        games: how many, an even number.
        rng: NumPy's generator, for the openings.
        opening: moves at random before the players take over.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> game, rng = tic_tac_toe(), np.random.default_rng(0)
    >>> chance = lambda boards: random_actions(game, boards, rng)
    >>> sum(matches(game, chance, chance, 20, rng).values())
    20
    """
    if games % 2:
        raise ValueError(f"{games} games cannot be shared out evenly: give an even number")
    ends = {"won": 0, "drawn": 0, "lost": 0}
    for turn in (True, False):
        boards, ply = game.start(games // 2), 0
        while len(boards):
            mover = player if turn else opponent
            actions = random_actions(game, boards, rng) if ply < opening else mover(boards)
            boards = game.play(boards, actions)
            turn, ply = not turn, ply + 1
            outcomes = game.outcomes(boards)
            ends["drawn"] += int((outcomes == 0).sum())
            ends["lost" if turn else "won"] += int((outcomes == -1).sum())
            boards = boards[np.isnan(outcomes)]
    return ends
