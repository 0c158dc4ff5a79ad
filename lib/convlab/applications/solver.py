"""Exact values of late positions in games whose stones fall, as Connect Four: alpha-beta on bits (lesson 25).

A set of points is one integer, so that a row of four is found by four shifts. The method is that of
J. Tromp's and P. Pons's solvers (blog.gamesolver.org), in its simplest form: late positions take seconds, the
empty board of 6x7 points would take days in Python.
"""

import numpy as np

from convlab.applications.boards import InARow

__all__ = ["DropSolver"]


class DropSolver:
    """A perfect player of a game whose stones fall; it remembers the positions that it has solved. Lesson 25.

    Args:
        game: `boards.connect_four()`, or another `InARow` with `drops`.

    >>> from convlab.applications.boards import InARow
    >>> game = InARow("three in a row", 3, 4, 3, drops=True)
    >>> DropSolver(game).value(game.start()[0])
    1.0
    """

    def __init__(self, game: InARow) -> None:
        if not game.drops:
            raise ValueError(f"in {game.name} stones do not fall: use `selfplay.minimax`")
        height, width = game.shape
        self.game, self.tall = game, height + 1  # a column has one bit more, which stays empty
        self.bottoms = [1 << column * self.tall for column in range(width)]
        self.columns = [((1 << height) - 1) << column * self.tall for column in range(width)]
        self.everything = sum(self.columns)
        self.order = sorted(
            range(width), key=lambda column: abs(column - (width - 1) / 2)
        )  # the middle first
        self.bounds: dict[tuple[int, int], tuple[int, int]] = {}  # of the value, by own stones and all stones

    def value(self, board: np.ndarray) -> float:
        """Return the value of a board (H, W) for the player to move: 1 won, 0 drawn, -1 lost."""
        own, other = self._bits(board == 1), self._bits(board == -1)
        return -1.0 if self._wins(other) else float(self._search(own, own | other, -1, 1))

    def values(self, board: np.ndarray) -> np.ndarray:
        """Return the value of each action for the player to move, (W,); nan for a full column."""
        legal = np.flatnonzero(self.game.legal(board[None])[0])
        values = np.full(self.game.actions, np.nan)
        for action in legal:
            values[action] = 0.0 - self.value(self.game.play(board[None], [int(action)])[0])
        return values

    def _search(self, own, stones, alpha, beta):
        """Return the value if it lies between alpha and beta, otherwise a bound of it beyond them."""
        if stones == self.everything:
            return 0
        moves = [(stones + self.bottoms[column]) & self.columns[column] for column in self.order]
        moves = [move for move in moves if move]
        if any(self._wins(own | move) for move in moves):
            return 1
        other = stones ^ own
        threats = [move for move in moves if self._wins(other | move)]
        if len(threats) > 1:
            return -1
        moves = threats or moves
        lower, upper = self.bounds.get((own, stones), (-1, 1))
        alpha, beta = max(alpha, lower), min(beta, upper)
        if alpha >= beta:
            return lower if alpha == lower else upper
        best = -1
        for move in moves:
            best = max(best, -self._search(other, stones | move, -beta, -max(alpha, best)))
            if best >= beta:
                break
        self.bounds[own, stones] = (
            best if best > alpha else lower,
            best if best < beta else upper,
        )
        return best

    def _wins(self, stones):
        """Return whether these stones have a complete row."""
        for shift in (1, self.tall, self.tall - 1, self.tall + 1):
            row = stones
            for number in range(1, self.game.length):
                row &= stones >> number * shift
            if row:
                return True
        return False

    def _bits(self, points):
        """Return a set of points (H, W) as one integer: a column upwards, then the next."""
        rows, columns = np.nonzero(points)
        height = self.game.shape[0]
        return sum(1 << int(x) * self.tall + height - 1 - int(y) for y, x in zip(rows, columns))
