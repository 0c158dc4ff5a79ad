"""Catch: a ball falls slantwise through a picture of 10x10, and a paddle of three pixels must be below it."""

import gymnasium
import numpy as np

from convlab.applications.games.batch import Batch, Game

__all__ = ["Catch", "Catches", "follow", "intercept"]

SIZE = 10
SPEEDS = (-2, -1, 1, 2)  # columns by which a ball moves while it falls by one row
HALF = 1  # the paddle's pixels on each side of its middle


class Catches(Batch):
    """Several games of Catch. Pictures (N, 10, 10); actions: 0 left, 1 stay, 2 right. Lesson 24.

    The ball starts in the first row, falls by one row a frame, moves by one or two columns, and bounces off
    the sides. The paddle moves by one column. After nine frames the reward is 1 for a ball that is caught and
    -1 for one that is missed, and the game ends. One picture does not show which way the ball moves.

    Args:
        num_envs: how many games.
        skip: for how many frames an action is held.
        worth: what a ball gives or takes, instead of 1.
    """

    single_observation_space = gymnasium.spaces.Box(0, 255, (SIZE, SIZE), np.uint8)
    single_action_space = gymnasium.spaces.Discrete(3)
    names = ("row", "column", "speed", "paddle")

    def __init__(self, num_envs: int = 1, skip: int = 1, worth: float = 1.0):
        super().__init__(num_envs, skip)
        self.worth = worth
        self.row, self.column, self.speed, self.paddle = np.zeros((4, num_envs), int)

    def begin(self, rows: np.ndarray) -> None:
        self.row[rows] = 0
        for i in rows:
            self.column[i] = self.generators[i].integers(SIZE)
            self.speed[i] = self.generators[i].choice(SPEEDS)
            self.paddle[i] = self.generators[i].integers(HALF, SIZE - HALF)

    def play(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.paddle = np.clip(self.paddle + actions - 1, HALF, SIZE - HALF - 1)
        self.column, self.speed = _moved(self.column, self.speed)
        self.row = np.minimum(self.row + 1, SIZE - 1)
        over = self.row == SIZE - 1
        caught = np.abs(self.column - self.paddle) <= HALF
        return np.where(over, np.where(caught, self.worth, -self.worth), 0.0), over

    def pictures(self) -> np.ndarray:
        pictures = np.zeros((self.num_envs, SIZE, SIZE), np.uint8)
        for offset in range(-HALF, HALF + 1):
            pictures[self.rows, SIZE - 1, self.paddle + offset] = 128
        pictures[self.rows, self.row, self.column] = 255
        return pictures


class Catch(Game):
    """One game of Catch, as a `gymnasium.Env`; its rules are those of `Catches`. Lesson 24.

    >>> game = Catch()
    >>> picture, _ = game.reset(seed=0)
    >>> picture.shape, game.action_space
    ((10, 10), Discrete(3))
    """

    many = Catches


def follow(games: Catches) -> np.ndarray:
    """Return the actions (N,) of a simple rule: go to the column where the ball is now. Lesson 24.

    >>> games = Catch.batch(4)
    >>> games.reset(seed=0)[0].shape, follow(games).shape
    ((4, 10, 10), (4,))
    """
    return np.sign(games.column - games.paddle) + 1


def intercept(games: Catches) -> np.ndarray:
    """Return the actions (N,) of the best rule: go to the column where the ball will land. Lesson 24.

    It reads the ball's speed, which one picture does not show. It catches every ball.
    """
    column, speed = games.column, games.speed
    for frames in range(SIZE - 1):
        there = _moved(column, speed)
        falling = games.row + frames < SIZE - 1
        column, speed = (np.where(falling, new, old) for new, old in zip(there, (column, speed)))
    return np.sign(column - games.paddle) + 1


def _moved(column: np.ndarray, speed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and speeds after one frame: a ball that would leave comes back by as much."""
    moved = column + speed
    inside = SIZE - 1 - np.abs(np.abs(moved) - (SIZE - 1))
    return inside, np.where(inside == moved, speed, -speed)
