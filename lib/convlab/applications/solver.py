"""Exact values of positions in games whose stones fall, as Connect Four: alpha-beta on bits (lesson 25).

A set of points is one integer, so that a row of four is found by a few shifts. The method is that of
J. Tromp's and P. Pons's solvers (blog.gamesolver.org), in a simple form: from 16 stones on a position takes
seconds at most, the empty board of 6x7 points would take days in Python.
"""

from pathlib import Path

import numpy as np

from convlab import DATA_FOLDER
from convlab.applications.boards import InARow

__all__ = ["DropSolver", "draw_positions", "load_positions", "played"]


def load_positions(
    game: InARow, path: str | Path = DATA_FOLDER / "connect_four_positions.txt"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the stored positions, (N, H, W), and which actions keep their values, (N, W) bool. Lesson 25.

    `draw_positions` says how they were found. A line of the file has the columns of the moves, from 1, and
    the optimal columns: "44535 145".

    >>> from convlab.applications.boards import connect_four
    >>> boards, optimal = load_positions(connect_four())
    >>> boards.shape, np.unique((boards != 0).sum(axis=(1, 2))).tolist()
    ((1000, 6, 7), [16, 20, 24, 28])
    """
    lines = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    optimal = [[str(column + 1) in columns for column in range(game.actions)] for _, columns in lines]
    return np.concatenate([played(game, moves) for moves, _ in lines]), np.array(optimal)


def played(game: InARow, moves: str) -> np.ndarray:
    """Return the board after the moves, (1, H, W): each is a column, from 1. Lesson 25.

    >>> from convlab.applications.boards import connect_four
    >>> int(played(connect_four(), "44535").sum())  # the one to move has two stones of five
    -1
    """
    board = game.start()
    for move in moves:
        board = game.play(board, [int(move) - 1])
    return board


def draw_positions(game: InARow, count: int, stones: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return positions with so many stones as texts: the columns of the moves, and the optimal columns.

    Both players block a row that the other could complete next, and otherwise move at random. Nobody can win
    at once in a position, at least one legal action loses value, and no two are equal or mirror images.
    Lesson 25.

    Args:
        game: an `InARow` with `drops`, of at most nine columns.
        count: how many positions.
        stones: on each board; the more, the faster they are solved.
        seed: of the random moves.

    Raises:
        ValueError: the game has too few such positions.

    >>> from convlab.applications.boards import InARow
    >>> draw_positions(InARow("small", 4, 5, 4, drops=True), 2, stones=10)
    [('2352345214', '2345'), ('3121152122', '5')]
    """
    rng, solver = np.random.default_rng([seed, stones]), DropSolver(game)
    found: dict[bytes, tuple[str, str]] = {}
    for _ in range(100 * count):
        board, moves = game.start(), ""
        while len(moves) < stones and not solver.winning(board[0]).any():
            blocking = solver.winning(-board[0])
            column = int(rng.choice(np.flatnonzero(blocking if blocking.any() else game.legal(board)[0])))
            board, moves = game.play(board, [column]), moves + str(column + 1)
            if not np.isnan(game.outcomes(board)[0]):
                break
        key = min(board.tobytes(), board[:, :, ::-1].tobytes())
        if len(moves) == stones and not solver.winning(board[0]).any() and key not in found:
            values = solver.values(board[0])
            if np.nanmin(values) < np.nanmax(values):
                optimal = np.flatnonzero(values == np.nanmax(values)) + 1
                found[key] = moves, "".join(str(column) for column in optimal)
        if len(found) == count:
            return list(found.values())
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
        self.everything, self.floor = sum(self.columns), sum(self.bottoms)
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

    def winning(self, board: np.ndarray) -> np.ndarray:
        """Return which actions complete a row for the player of the stones 1 on a board (H, W), (W,) bool."""
        own, other = self._bits(board == 1), self._bits(board == -1)
        playable = (own | other) + self.floor & self._completing(own, own | other)
        return np.array([bool(playable & column) for column in self.columns])

    def _search(self, own, stones, alpha, beta):
        """Return the value if it lies between alpha and beta, otherwise a bound of it beyond them."""
        if stones == self.everything:
            return 0
        playable = stones + self.floor & self.everything  # the lowest empty point of each column
        if playable & self._completing(own, stones):
            return 1
        other = stones ^ own
        threats = self._completing(other, stones)
        forced = playable & threats
        if forced & (forced - 1):  # two points to block
            return -1
        playable = (forced or playable) & ~(threats >> 1)  # a stone below a threat lets the other win on it
        if not playable:
            return -1
        lower, upper = self.bounds.get((own, stones), (-1, 1))
        alpha, beta = max(alpha, lower), min(beta, upper)
        if alpha >= beta:
            return lower if alpha == lower else upper
        best = -1
        for column in self.order:
            move = playable & self.columns[column]
            if move:
                best = max(best, -self._search(other, stones | move, -beta, -max(alpha, best)))
                if best >= beta:
                    break
        self.bounds[own, stones] = (
            best if best > alpha else lower,
            best if best < beta else upper,
        )
        return best

    def _completing(self, own, stones):
        """Return the empty points that would complete a row of the stones `own`."""
        points = 0
        for shift in (1, self.tall, self.tall - 1, self.tall + 1):
            above, below = [self.everything], [self.everything]  # entry m: the m points there are all own
            for number in range(1, self.game.length):
                above.append(above[-1] & own >> number * shift)
                below.append(below[-1] & own << number * shift)
            for number in range(self.game.length):
                points |= above[number] & below[-1 - number]
        return points & self.everything & ~stones

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
