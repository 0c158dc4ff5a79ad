"""A bird between pipes, 80x80: it falls, a flap lifts it, and it must fly through the gaps."""

import gymnasium
import numpy as np

from convlab.applications.games.batch import Batch, Game

__all__ = ["Bird", "Birds", "steer"]

SIZE = 80
LEFT, BODY = 16, 5  # the bird's left column and its side, in pixels
GRAVITY, FLAP, FASTEST = 0.4, -3.0, 5.0  # pixels per frame, and per frame and frame
WIDTH, GAP, APART, SPEED = (
    10,
    26,
    48,
    2,
)  # a pipe's width, its gap, the way to the next pipe, pixels per frame
MARGIN = 8  # pixels between a gap and the edges, at least
PIPES = 3  # as many as are alive at once


class Birds(Batch):
    """Several birds. Pictures (N, 80, 80); actions: 0 do nothing, 1 flap. Lesson 24.

    A pipe that is passed gives 1; a crash into a pipe, the ground or the sky gives -1 and ends the game.
    There is no other end. After the game by Dong Nguyen, 2013; drawn and moved in NumPy.
    """

    single_observation_space = gymnasium.spaces.Box(0, 255, (SIZE, SIZE), np.uint8)
    single_action_space = gymnasium.spaces.Discrete(2)
    names = ("height", "velocity", "pipes", "gaps")

    def __init__(self, num_envs: int = 1, skip: int = 1):
        super().__init__(num_envs, skip)
        self.height, self.velocity = np.zeros((2, num_envs))  # of the bird's top row; downwards
        self.pipes = np.zeros((num_envs, PIPES), int)  # their left columns, the next one first
        self.gaps = np.zeros((num_envs, PIPES), int)  # the first free rows

    def begin(self, rows: np.ndarray) -> None:
        self.height[rows] = SIZE // 2 - BODY
        self.velocity[rows] = 0
        self.pipes[rows] = SIZE + APART * np.arange(PIPES)
        for i in rows:
            self.gaps[i] = self.generators[i].integers(MARGIN, SIZE - GAP - MARGIN + 1, PIPES)

    def play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.velocity = np.where(actions == 1, FLAP, np.minimum(self.velocity + GRAVITY, FASTEST))
        self.height = self.height + self.velocity
        self.pipes = self.pipes - SPEED
        passed = self.pipes[:, 0] + WIDTH == LEFT  # its last column is now just left of the bird
        gone = np.flatnonzero(self.pipes[:, 0] + WIDTH <= 0)
        self.pipes[gone] = np.column_stack([self.pipes[gone, 1:], self.pipes[gone, -1] + APART])
        self.gaps[gone, :-1] = self.gaps[gone, 1:]
        for i in gone:
            self.gaps[i, -1] = self.generators[i].integers(MARGIN, SIZE - GAP - MARGIN + 1)
        crashed = self._crashed()
        return np.where(crashed, -1.0, np.where(passed, 1.0, 0.0)), crashed

    def _crashed(self) -> np.ndarray:
        """Return which birds touch a pipe, the ground or the sky, (N,)."""
        top = np.rint(self.height)[:, None]
        beside = (self.pipes < LEFT + BODY) & (self.pipes + WIDTH > LEFT)
        outside = (top < self.gaps) | (top + BODY > self.gaps + GAP)
        edge = (top[:, 0] < 0) | (top[:, 0] + BODY > SIZE)
        return (beside & outside).any(axis=1) | edge

    def pictures(self) -> np.ndarray:
        pictures = np.zeros((self.num_envs, SIZE, SIZE), np.uint8)
        columns = np.arange(SIZE)
        for k in range(PIPES):
            left, gap = self.pipes[:, k, None], self.gaps[:, k, None]
            across = (columns >= left) & (columns < left + WIDTH)  # (N, columns)
            down = (columns < gap) | (columns >= gap + GAP)  # (N, rows)
            pictures[down[:, :, None] & across[:, None, :]] = 128
        rows = np.clip(np.rint(self.height).astype(int), 0, SIZE - BODY)[:, None] + np.arange(BODY)
        for column in range(LEFT, LEFT + BODY):
            pictures[self.rows[:, None], rows, column] = 255
        return pictures


class Bird(Game):
    """One bird, as a `gymnasium.Env`; its rules are those of `Birds`. Lesson 24.

    >>> game = Bird()
    >>> picture, _ = game.reset(seed=0)
    >>> picture.shape, game.action_space
    ((80, 80), Discrete(2))
    """

    many = Birds


def steer(games: Birds) -> np.ndarray:
    """Return the actions (N,) of a rule: flap where the bird is low in the gap that comes next. Lesson 24.

    It reads the state, not the picture.
    """
    coming = (games.pipes + WIDTH > LEFT).argmax(axis=1)
    floor = games.gaps[games.rows, coming] + GAP
    below = games.height + games.velocity + BODY > floor - 4
    return below.astype(int)
