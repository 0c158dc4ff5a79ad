"""Exact values of late positions in games whose stones fall, as Connect Four: alpha-beta on bits (lesson 25).

A set of points is one integer, so that a row of four is found by four shifts. The method is that of
J. Tromp's and P. Pons's solvers (blog.gamesolver.org), in its simplest form: late positions take seconds, the
empty board of 6x7 points would take days in Python.
"""

import numpy as np

from convlab.applications.boards import InARow

__all__ = ["DropSolver", "late_positions"]


def late_positions(game: InARow, count: int, stones: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return positions with so many stones, (count, H, W), and which actions keep the value, (count, W).

    Random moves lead to them. None is over, no two are equal, and in each at least one legal action loses
    value, so that a player can be wrong. ValueError where the game has too few of them. Lesson 25.

    Args:
        game: an `InARow` with `drops`.
        count: how many positions.
        stones: on each board; the more, the faster they are solved.
        seed: of the random moves.

    >>> from convlab.applications.boards import InARow
    >>> boards, optimal = late_positions(InARow("small", 3, 4, 3, drops=True), 5, stones=6)
    >>> boards.shape, (boards != 0).sum(axis=(1, 2)).tolist()
    ((5, 3, 4), [6, 6, 6, 6, 6])
    """
    rng, solver = np.random.default_rng(seed), DropSolver(game)
    found: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    for _ in range(1000 * count):
        board = game.start()
        while np.isnan(game.outcomes(board)[0]) and (board != 0).sum() < stones:
            legal = np.flatnonzero(game.legal(board)[0])
            board = game.play(board, [int(rng.choice(legal))])
        if np.isnan(game.outcomes(board)[0]) and board.tobytes() not in found:
            values = solver.values(board[0])
            if np.nanmin(values) < np.nanmax(values):
                found[board.tobytes()] = board[0], values == np.nanmax(values)
        if len(found) == count:
            boards, optimal = zip(*found.values())
            return np.stack(boards), np.stack(optimal)
    raise ValueError(
        f"{len(found)} such positions with {stones} stones were found, not {count}: ask for fewer"
    )


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
