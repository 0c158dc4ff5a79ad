"""Board games in NumPy, many boards at once: tic-tac-toe, Connect Four and Go (lesson 25).

A board is seen by the player to move: 1 is one of this player's stones, -1 one of the opponent's, 0 empty.
So a move ends with a change of sign, and one network plays both sides. Arrays of boards are (N, H, W) int8.
Points and actions are numbered line by line from the top left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Bits", "Go", "GoState", "InARow", "connect_four", "tic_tac_toe"]


def tic_tac_toe() -> "InARow":
    """Return tic-tac-toe: three in a row on 3x3 points.

    >>> tic_tac_toe().actions
    9
    """
    return InARow("tic-tac-toe", 3, 3, 3, drops=False)


def connect_four() -> "InARow":
    """Return Connect Four: four in a row on 6x7 points, where stones fall to the lowest empty point.

    >>> connect_four().actions, len(connect_four().lines)
    (7, 69)
    """
    return InARow("Connect Four", 6, 7, 4, drops=True)


class InARow:
    """A game that a row of stones wins: along a line, a column or a diagonal. Lesson 25.

    Args:
        name: what it is called.
        height: rows of the board.
        width: its columns.
        length: how many stones in a row win.
        drops: whether an action is a column, in which the stone falls; otherwise it is a point.

    >>> game = tic_tac_toe()
    >>> boards = game.start()
    >>> for point in (4, 0, 2, 1, 6):
    ...     boards = game.play(boards, [point])
    >>> boards[0]
    array([[ 1,  1, -1],
           [ 0, -1,  0],
           [-1,  0,  0]], dtype=int8)
    >>> game.outcomes(boards)
    array([-1.])
    """

    def __init__(self, name: str, height: int, width: int, length: int, drops: bool) -> None:
        if not 1 <= length <= max(height, width):
            raise ValueError(f"{length} in a row do not fit a board of {height}x{width}: give fewer")
        self.name, self.shape, self.length, self.drops = name, (height, width), length, drops
        self.actions = width if drops else height * width
        self.lines = _lines(height, width, length)  # (lines, length): the points of each
        self.symmetries = _symmetries(height, width, drops)  # pairs: order of the points, of the actions
        self.bits = Bits(height, width, length) if (height + 1) * width <= 64 else None

    def start(self, count: int = 1) -> np.ndarray:
        """Return empty boards, (count, H, W) int8."""
        return np.zeros((count, *self.shape), "int8")

    def legal(self, boards: np.ndarray) -> np.ndarray:
        """Return which actions the rules allow on each board, (N, actions) bool; a game may be over."""
        return boards[:, 0] == 0 if self.drops else boards.reshape(len(boards), -1) == 0

    def play(self, boards: np.ndarray, actions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the boards after one action on each, seen by the next player; ValueError for an illegal one.

        boards: (N, H, W); actions: (N,) of int.
        """
        actions = np.asarray(actions)
        rows = np.arange(len(boards))
        inside = (actions >= 0) & (actions < self.actions)
        allowed = inside & self.legal(boards)[rows, np.where(inside, actions, 0)]
        if not allowed.all():
            wrong = int(np.argmin(allowed))
            raise ValueError(
                f"action {actions[wrong]} is not legal on board {wrong}: choose one that `legal` names"
            )
        after = boards.copy()
        if self.drops:
            lowest = (boards[rows, :, actions] == 0).sum(axis=1) - 1
            after[rows, lowest, actions] = 1
        else:
            after.reshape(len(boards), -1)[rows, actions] = 1
        return -after

    def outcomes(self, boards: np.ndarray) -> np.ndarray:
        """Return how each game ended for the player to move, (N,): -1 lost, 0 drawn, nan not over yet.

        Only the player who has just moved can have completed a row, so nobody wins at the own turn.
        """
        points = boards.reshape(len(boards), -1)
        lost = (points[:, self.lines] == -1).all(axis=2).any(axis=1)
        full = (points != 0).all(axis=1)
        return np.where(lost, -1.0, np.where(full, 0.0, np.nan))


class Bits:
    """Boards as sets of points, an integer of 64 bits each: a column upwards, an unused bit, the next column.

    The unused bit keeps columns apart, so that a row is found by shifts. From J. Tromp's solver
    (tromp.github.io/c4/c4.html). Lesson 25.

    Args:
        height: rows of the board.
        width: its columns, so that width · (height + 1) is 64 at most.
        length: how many stones in a row win.

    >>> bits = Bits(6, 7, 4)
    >>> board = np.zeros((1, 6, 7), "int8")
    >>> board[0, 5, :4] = 1
    >>> bits.of(board == 1), bits.rows(bits.of(board == 1))
    (array([2113665], dtype=uint64), array([ True]))
    """

    def __init__(self, height: int, width: int, length: int) -> None:
        self.length = length
        self.shifts = [1, height + 1, height, height + 2]
        self.points = np.array(
            [[1 << x * (height + 1) + height - 1 - y for x in range(width)] for y in range(height)], "uint64"
        )
        self.columns = self.points.sum(axis=0)  # (W,)
        self.everything, self.floor = self.columns.sum(), self.points[-1].sum()

    def of(self, points: np.ndarray) -> np.ndarray:
        """Return the integer of each set of points: (N, H, W) bool to (N,) uint64."""
        return (points * self.points).sum(axis=(1, 2))

    def rows(self, sets: np.ndarray) -> np.ndarray:
        """Return whether each set, (N,) uint64, has as many points in a row as win, (N,) bool."""
        found = np.zeros(len(sets), "uint64")
        for shift in self.shifts:
            row = sets
            for number in range(1, self.length):
                row = row & sets >> np.uint64(number * shift)
            found |= row
        return found != 0


def _lines(height, width, length):
    """Return the points of each possible row, (lines, length)."""
    lines = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        for y, x in np.ndindex(height, width):
            ys, xs = y + down * np.arange(length), x + right * np.arange(length)
            if ys[-1] < height and 0 <= xs[-1] < width:
                lines.append(ys * width + xs)
    return np.array(lines)


def _symmetries(height, width, drops):
    """Return (points, actions) of each symmetry: `board.ravel()[points]` is the board turned or mirrored.

    Stones that fall leave two: the board and its mirror image.
    """
    board = np.arange(height * width).reshape(height, width)
    if drops:
        return [(turned.ravel(), turned[0]) for turned in (board, board[:, ::-1])]
    turns = range(4) if height == width else (0, 2)
    both = [np.rot90(mirrored, turn).ravel() for mirrored in (board, board[:, ::-1]) for turn in turns]
    return [(points, points) for points in both]


@dataclass(frozen=True)
class GoState:
    """Many games of Go at one moment.

    Args:
        boards: (N, H, W) int8, seen by the player to move.
        passes: how many passes came last in each game, (N,) int.
        history: a number for each position so far, as the first player sees it: list of sets, one a game.
        turn: 0 when the player who began is to move, otherwise 1; the games go in step.
    """

    boards: np.ndarray
    passes: np.ndarray
    history: tuple[frozenset, ...]
    turn: int = 0


class Go:
    """Go on a small board: captures, no suicide, no position twice (positional superko), area scoring.

    Actions are the points, and after them the pass. Two passes end a game. Rules as in J. Tromp and
    B. Taylor, "The Game of Go" (tromp.github.io/go.html), but with suicide forbidden. Lesson 25.

    Args:
        size: points along a side, as 5 or 7.
        komi: points that the second player gets for being second.

    >>> go = Go(3, komi=0.5)
    >>> state = go.start()
    >>> for point in (4, 0, 1, 8, 3):  # the stone in the corner has no liberty left
    ...     state = go.play(state, [point])
    >>> -state.boards[0]
    array([[ 0,  1,  0],
           [ 1,  1,  0],
           [ 0,  0, -1]], dtype=int8)
    """

    def __init__(self, size: int, komi: float = 7.5) -> None:
        if not 2 <= size <= 19:
            raise ValueError(f"a board of {size}x{size} points is not played: give a size from 2 to 19")
        self.name, self.shape, self.komi = "Go", (size, size), komi
        self.points = size * size
        self.actions = self.points + 1
        self.neighbours = _neighbours(size)  # (points, points) bool
        keys = np.random.default_rng(0).integers(1, 2**62, (2, self.points))
        self.keys = np.vstack([keys, np.zeros((1, self.points), "int64")])  # of stone 1 is row 0, of -1 row 1

    def start(self, count: int = 1) -> GoState:
        """Return games with empty boards."""
        boards = np.zeros((count, *self.shape), "int8")
        return GoState(boards, np.zeros(count, int), (frozenset([0]),) * count)

    def groups(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each stone's group and each group's liberties.

        A group is connected stones of one colour, and its number is that of its first point. Groups (N, P)
        int: P, the number of points, for an empty point. Liberties (N, P + 1, P) bool: whether a point is a
        liberty of the group with that number.
        """
        stones = boards.reshape(len(boards), -1)
        groups = np.where(stones != 0, np.arange(self.points), self.points)
        joined = self.neighbours & (stones[:, :, None] == stones[:, None, :]) & (stones != 0)[:, None, :]
        joined |= np.eye(self.points, dtype=bool) & (stones != 0)[:, None, :]
        while True:  # each stone takes the smallest number of those beside it
            lower = np.where(joined, groups[:, None, :], self.points).min(axis=2)
            if (lower == groups).all():
                break
            groups = lower
        member = groups[:, None, :] == np.arange(self.points + 1)[:, None]  # (N, group, point)
        touches = member @ self.neighbours
        return groups, touches & (stones == 0)[:, None, :] & (np.arange(self.points + 1) < self.points)[
            :, None
        ]

    def legal(self, state: GoState) -> np.ndarray:
        """Return which actions the rules allow, (N, P + 1) bool; a pass is always legal."""
        after, alive = self._after_each(state.boards)
        stones = state.boards.reshape(len(state.boards), -1)
        allowed = (stones == 0) & alive
        numbers = self._numbers(after, state.turn)
        for game, seen in enumerate(state.history):
            for point in np.flatnonzero(allowed[game]):
                allowed[game, point] = int(numbers[game, point]) not in seen
        return np.hstack([allowed, np.ones((len(allowed), 1), bool)])

    def play(self, state: GoState, actions: Sequence[int] | np.ndarray) -> GoState:
        """Return the games after one action each, seen by the next player; ValueError for an illegal one."""
        actions = np.asarray(actions)
        rows = np.arange(len(actions))
        inside = (actions >= 0) & (actions < self.actions)
        allowed = inside & self.legal(state)[rows, np.where(inside, actions, 0)]
        if not allowed.all():
            wrong = int(np.argmin(allowed))
            raise ValueError(
                f"action {actions[wrong]} is not legal on board {wrong}: choose one that `legal` names"
            )
        after, _ = self._after_each(state.boards)
        passed = actions == self.points
        placed = after[rows, np.where(passed, 0, actions)]
        stones = np.where(passed[:, None], state.boards.reshape(len(rows), -1), placed)
        numbers = self._numbers(stones[:, None], state.turn)[:, 0]
        return replace(
            state,
            boards=-stones.reshape(state.boards.shape),
            passes=np.where(passed, state.passes + 1, 0),
            history=tuple(seen | {int(number)} for seen, number in zip(state.history, numbers)),
            turn=1 - state.turn,
        )

    def outcomes(self, state: GoState) -> np.ndarray:
        """Return how each game ended for the player to move, (N,): 1 won, -1 lost, 0 drawn, nan not over."""
        return np.where(state.passes >= 2, np.sign(self.scores(state)), np.nan)

    def scores(self, state: GoState) -> np.ndarray:
        """Return points of the player to move, less the opponent's, (N,): area scoring with komi.

        A player's area is the own stones and the empty regions that touch no stone of the other.
        """
        stones = state.boards.reshape(len(state.boards), -1)
        reached = [stones == colour for colour in (1, -1)]
        for number, region in enumerate(reached):
            while True:
                wider = region | ((region @ self.neighbours) & (stones == 0))
                if (wider == region).all():
                    break
                region = wider
            reached[number] = region
        own, other = ((here & ~there).sum(axis=1) for here, there in (reached, reached[::-1]))
        return own - other + (self.komi if state.turn else -self.komi)

    def _after_each(self, boards):
        """Return the stones after one of 1 at each point, (N, P, P), and whether it has a liberty, (N, P).

        What an occupied point gives is meaningless.
        """
        stones = boards.reshape(len(boards), -1)
        groups, liberties = self.groups(boards)
        last = liberties & (liberties.sum(axis=2) == 1)[:, :, None]  # (N, group, point): the last liberty
        rows = np.arange(len(boards))[:, None]
        taken = last[rows, groups] & (stones == -1)[:, :, None]  # (N, stone, move)
        own = (groups[:, :, None] < self.points) & (stones == 1)[:, :, None] & ~last[rows, groups]
        free = self.neighbours & (stones == 0)[:, :, None]
        alive = (free | (self.neighbours & own)).any(axis=1) | taken.any(axis=1)
        after = np.where(taken.transpose(0, 2, 1), 0, stones[:, None, :])
        after[:, np.arange(self.points), np.arange(self.points)] = 1
        return after.astype("int8"), alive

    def _numbers(self, stones, turn):
        """Return Zobrist's number of each position, (N, K), for stones (N, K, P) seen by one player."""
        colour = np.where(stones == 0, 2, np.where(stones == (1 if turn == 0 else -1), 0, 1))
        return np.bitwise_xor.reduce(self.keys[colour, np.arange(self.points)], axis=2)


def _neighbours(size):
    """Return which points are beside each other, (P, P) bool."""
    y, x = np.divmod(np.arange(size * size), size)
    return np.abs(y[:, None] - y) + np.abs(x[:, None] - x) == 1
