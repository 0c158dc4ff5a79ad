"""Games for one player, in NumPy, with gymnasium's interface: a grid, a ball to catch, a bird between pipes.

A game is a `gymnasium.Env`; `Catch.batch(16)` plays sixteen of it at once. The same seed gives the same
episode, alone or in a batch. Built for lesson 24. Importing this package does not import TensorFlow.
"""

from convlab.applications.games.batch import Batch, Game
from convlab.applications.games.bird import Bird, Birds, steer
from convlab.applications.games.catch import Catch, Catches, follow, intercept
from convlab.applications.games.grid import Grid

__all__ = [
    "Batch",
    "Bird",
    "Birds",
    "Catch",
    "Catches",
    "Game",
    "Grid",
    "follow",
    "intercept",
    "steer",
]
