"""Lesson 25: PUCT, the backup of a value with alternating players, liberties and captures in Go."""

import numpy as np

from convlab.exercises.exercise import exercise


@exercise(
    question="Which score Q + c·P·√N/(1 + n) does PUCT give each action?",
    insight="The prior decides while n is small, and the mean of the values found decides later.",
    cases=[
        (np.array([0.5, 0.3, 0.2]), np.array([4, 2, 0]), np.array([1.0, 1.5, 0.0]), 1.5),
        (np.array([0.1, 0.9]), np.array([1, 7]), np.array([0.5, -2.0]), 2.0),
        (np.array([0.2, 0.2, 0.2, 0.4]), np.array([3, 0, 5, 10]), np.array([-3.0, 0.0, 2.0, 4.0]), 0.7),
    ],
    hints=[
        "Two parts: the mean value found so far, and a bonus that shrinks as an action is visited.",
        "Q is `totals / visits`, and 0 without a visit. N counts the visits of the node itself: one for its own "
        "evaluation, and one for each visit of an action.",
        "`mean = totals / np.maximum(visits, 1)`, then `mean + c * priors * np.sqrt(1 + visits.sum()) / (1 + "
        "visits)`.",
    ],
)
def puct(priors, visits, totals, c):
    mean = totals / np.maximum(visits, 1)
    return mean + c * priors * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake("total for mean", "the totals stand in place of Q: Q is the mean, totals / visits.")
def _(priors, visits, totals, c):
    return totals + c * priors * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake("bonus only", "this is the bonus alone: add Q, the mean of the values found.")
def _(priors, visits, totals, c):
    return c * priors * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake(
    "value only", "this is Q alone: without the bonus, an action that begins badly is never tried again."
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1)


@puct.mistake(
    "own visit forgotten", "N is the sum over the actions here: add 1 for the node's own evaluation."
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * np.sqrt(visits.sum()) / (1 + visits)


@puct.mistake("root forgotten", "N stands without its square root: then the bonus would never fade.")
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * (1 + visits.sum()) / (1 + visits)


@puct.mistake("prior forgotten", "the prior is not in it: the bonus of an action is in proportion to P.")
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake("c forgotten", "c is not in it: it says how much the prior counts against the values.")
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + priors * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake(
    "bonus never shrinks", "the bonus is not divided by 1 + n: it must shrink as an action is visited."
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * np.sqrt(1 + visits.sum())


@puct.mistake(
    "root over the fraction",
    "the root goes over the whole fraction here: it belongs to N alone, and 1 + n has none.",
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * np.sqrt((1 + visits.sum()) / (1 + visits))


@puct.mistake(
    "value subtracted", "Q is subtracted: a high value makes an action better for the player to move."
)
def _(priors, visits, totals, c):
    return c * priors * np.sqrt(1 + visits.sum()) / (1 + visits) - totals / np.maximum(visits, 1)


@puct.mistake("best action only", "this is the best action: return the scores of all of them.")
def _(priors, visits, totals, c):
    return int(np.argmax(puct.reference(priors, visits, totals, c)))


@puct.mistake(
    "mean over 1 + n",
    "the totals are divided by 1 + n: Q is the mean, totals / visits. Only the bonus has 1 + n.",
)
def _(priors, visits, totals, c):
    return totals / (1 + visits) + c * priors * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake(
    "mean over N", "the totals are divided by the visits of the node: divide each by its own action's."
)
def _(priors, visits, totals, c):
    return totals / (1 + visits.sum()) + c * priors * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake(
    "bonus over n",
    "the bonus is divided by n: divide it by 1 + n, so that it is finite for an action without a visit.",
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * np.sqrt(1 + visits.sum()) / np.maximum(visits, 1)


@puct.mistake(
    "root of the action's visits",
    "the root is of the action's own visits: N is the node's, one for all actions.",
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * np.sqrt(visits) / (1 + visits)


@puct.mistake(
    "root of 1 + n",
    "the root is of 1 + n, for each action: N counts the visits of all actions, and one more.",
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * np.sqrt(1 + visits) / (1 + visits)


@puct.mistake(
    "1 outside the root", "the node's own visit is added outside the root: it is a part of N, under the root."
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * (1 + np.sqrt(visits.sum())) / (1 + visits)


@puct.mistake(
    "brackets missing",
    "`/ 1 + visits` divides by 1 and then adds the visits: put brackets around `1 + visits`.",
)
def _(priors, visits, totals, c):
    return totals / np.maximum(visits, 1) + c * priors * np.sqrt(1 + visits.sum()) / 1 + visits


@puct.mistake("c for both", "Q is multiplied by c, too: c belongs to the bonus alone.")
def _(priors, visits, totals, c):
    return c * (totals / np.maximum(visits, 1) + priors * np.sqrt(1 + visits.sum()) / (1 + visits))


@puct.mistake(
    "nothing without a visit",
    "an action without a visit gets 0 here: only its Q is 0, and its bonus still counts.",
)
def _(priors, visits, totals, c):
    return np.where(visits == 0, 0, puct.reference(priors, visits, totals, c))


@puct.mistake(
    "0 divided by 0", "totals / visits is 0 / 0 without a visit: Q is 0 there. `np.maximum(visits, 1)` helps."
)
def _(priors, visits, totals, c):
    return totals / visits + c * priors * np.sqrt(1 + visits.sum()) / (1 + visits)


@puct.mistake("best score only", "this is the best score: return the scores of all actions.")
def _(priors, visits, totals, c):
    return float(np.max(puct.reference(priors, visits, totals, c)))


@exercise(
    question="What does a leaf of value v add to the totals of the moves that led to it, first to last?",
    insight="A move is judged by the player who made it, and the leaf's value is that of the player who moves next.",
    tolerance=1e-9,
    cases=[(0.8, 1), (0.5, 4), (-0.3, 3), (1.0, 6)],
    hints=[
        "The leaf's value is good for the player to move at the leaf. Who made the last move?",
        "The last move was the opponent's, so it gets -v. The move before it gets +v, and so on up to the root.",
        "Move i of `moves`, counted from 0, gets `v * (-1) ** (moves - i)`.",
    ],
)
def backup(v, moves):
    return np.array([v * (-1) ** (moves - i) for i in range(moves)])


@backup.mistake(
    "sign of the last move",
    "the last move gets +v: it was made by the opponent of the player whose value v is, so it gets -v.",
)
def _(v, moves):
    return np.array([v * (-1) ** (moves - 1 - i) for i in range(moves)])


@backup.mistake(
    "always the same sign", "all moves get v: the players take turns, so the sign changes at each move."
)
def _(v, moves):
    return np.full(moves, v)


@backup.mistake(
    "always the other sign",
    "all moves get -v: the players take turns, so the sign changes at each move. (In Python `-1 ** 2` is -1: "
    "write `(-1) ** 2`.)",
)
def _(v, moves):
    return np.full(moves, -v)


@backup.mistake(
    "counted from the root",
    "the first move always gets v here: the sign is fixed at the leaf, so count the moves from there.",
)
def _(v, moves):
    return np.array([v * (-1) ** i for i in range(moves)])


@backup.mistake(
    "counted from the root, negative",
    "the first move always gets -v here: the *last* move gets -v, so count from the leaf, or turn the list round.",
)
def _(v, moves):
    return np.array([-v * (-1) ** i for i in range(moves)])


@backup.mistake("root only", "this is what the first move gets: return a number for each of the moves.")
def _(v, moves):
    return v * (-1) ** moves


@backup.mistake("leaf included", "there is one number too many: the leaf itself is no move.")
def _(v, moves):
    return np.array([v * (-1) ** (moves - i) for i in range(moves + 1)])


@backup.mistake(
    "averaged", "v is shared out over the moves: each move's total gets the whole of it, or its negative."
)
def _(v, moves):
    return np.array([v * (-1) ** (moves - i) / moves for i in range(moves)])


@backup.mistake(
    "last move only",
    "only the last move gets something: the leaf's value goes back to all moves, up to the root.",
)
def _(v, moves):
    return np.array([0.0] * (moves - 1) + [-v])


@backup.mistake(
    "last move alone", "this is what the last move gets: return an array with a number for each of the moves."
)
def _(v, moves):
    return -v


@backup.mistake(
    "added up", "these are sums along the moves: each move gets v or -v, and no more from this leaf."
)
def _(v, moves):
    return np.cumsum([v * (-1) ** (moves - i) for i in range(moves)])


@backup.mistake("signs only", "these are the signs: multiply each by v.")
def _(v, moves):
    return np.array([(-1.0) ** (moves - i) for i in range(moves)])


@backup.mistake(
    "root included", "there is one number too many at the front: the root is a position, not a move."
)
def _(v, moves):
    return np.array([v * (-1) ** (moves - i) for i in range(-1, moves)])


def _board(*rows):
    return np.array([["O.X".index(point) - 1 for point in row] for row in rows])


LIBERTIES = [
    (_board("X.OO.", "XX.O.", ".....", "..O.."), 0, 0),
    (_board(".X...", "X.X..", ".X.OX", "...XX"), 2, 4),
    (_board("OO.", "XO.", ".X."), 0, 0),
    (_board("..X", ".XX", "X.."), 1, 2),
    (_board("X...", ".X.O", "....", "O..."), 0, 0),  # stones that touch at a corner alone
]


def _around(board, y, x):
    return [
        (y + dy, x + dx)
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
        if 0 <= y + dy < board.shape[0] and 0 <= x + dx < board.shape[1]
    ]


def _touching(board, y, x):
    """The points beside (y, x), and those at its corners."""
    near = [(row, column) for row in (y - 1, y, y + 1) for column in (x - 1, x, x + 1)]
    return [
        (row, column)
        for row, column in near
        if (row, column) != (y, x) and 0 <= row < board.shape[0] and 0 <= column < board.shape[1]
    ]


def _group(board, y, x, around=_around, same=lambda a, b: a == b):
    group, waiting = set(), [(y, x)]
    while waiting:
        point = waiting.pop()
        if point not in group:
            group.add(point)
            waiting += [beside for beside in around(board, *point) if same(board[beside], board[point])]
    return group


@exercise(
    question="How many liberties has the group of the stone at (y, x)?",
    insight="Connected stones share their liberties, so they live and are taken together.",
    tolerance=0,
    cases=LIBERTIES,
    hints=[
        "First find the group: stones of the same colour that are connected along rows and columns.",
        "Begin with the stone, and add each stone of its colour beside one that you have, until none is new. A "
        "liberty is an empty point beside a stone of the group; it counts once.",
        "Collect points in a set `group`, with a list of those still to look at. Collect the empty points beside "
        "them in a second set, and return its `len`.",
    ],
)
def liberties(board, y, x):
    group, free, waiting = set(), set(), [(y, x)]
    while waiting:
        y, x = waiting.pop()
        group.add((y, x))
        for row, column in ((y, x + 1), (y + 1, x), (y, x - 1), (y - 1, x)):
            if 0 <= row < board.shape[0] and 0 <= column < board.shape[1]:
                if board[row, column] == 0:
                    free.add((row, column))
                elif board[row, column] == board[y, x] and (row, column) not in group:
                    waiting.append((row, column))
    return len(free)


def _free(board, group, around=_around):
    return [beside for point in group for beside in around(board, *point) if board[beside] == 0]


@liberties.mistake(
    "one stone only", "these are the liberties of one stone: all stones connected to it share theirs."
)
def _(board, y, x):
    return len(_free(board, [(y, x)]))


@liberties.mistake(
    "counted twice", "a liberty beside two stones of the group counts twice here: collect liberties in a set."
)
def _(board, y, x):
    return len(_free(board, _group(board, y, x)))


@liberties.mistake(
    "both colours", "stones of the other colour are in the group: only stones of one colour are connected."
)
def _(board, y, x):
    return len(set(_free(board, _group(board, y, x, same=lambda a, b: a * b != 0))))


@liberties.mistake(
    "diagonals", "diagonal neighbours count here: points are connected along rows and columns only."
)
def _(board, y, x):
    return len(set(_free(board, _group(board, y, x, _touching), _touching)))


@liberties.mistake(
    "over the edge",
    "the board continues at the other side here: an index of -1 is the last row. Test that a neighbour is on the "
    "board.",
)
def _(board, y, x):
    def around(board, y, x):
        return [
            ((y + dy) % board.shape[0], (x + dx) % board.shape[1])
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
        ]

    return len(set(_free(board, _group(board, y, x, around), around)))


@liberties.mistake("stones counted", "these are the stones of the group: count the empty points beside them.")
def _(board, y, x):
    return len(_group(board, y, x))


@liberties.mistake(
    "all empty points", "all empty points count here: only those beside the group are its liberties."
)
def _(board, y, x):
    return int((board == 0).sum())


@liberties.mistake(
    "group over diagonals",
    "stones that touch only at a corner are in the group here: a group is connected along rows and columns.",
)
def _(board, y, x):
    return len(set(_free(board, _group(board, y, x, _touching))))


@liberties.mistake(
    "neighbours only",
    "only the stone and the stones beside it are in the group here: go on from each new stone, until none is new.",
)
def _(board, y, x):
    return len(set(_free(board, [(y, x), *(p for p in _around(board, y, x) if board[p] == board[y, x])])))


@liberties.mistake(
    "all stones of the colour",
    "all stones of this colour are in the group here: only those that are connected with (y, x) are.",
)
def _(board, y, x):
    return len(set(_free(board, list(zip(*np.nonzero(board == board[y, x]))))))


@liberties.mistake(
    "edge as a liberty", "places outside the board count here: a liberty is an empty point *on* the board."
)
def _(board, y, x):
    framed = np.pad(board, 1)
    return len(set(_free(framed, _group(framed, y + 1, x + 1))))


@liberties.mistake(
    "other stones as liberties", "the opponent's stones count here: only empty points are liberties."
)
def _(board, y, x):
    group = _group(board, y, x)
    return len({beside for point in group for beside in _around(board, *point)} - group)


@liberties.mistake(
    "opponent's stones counted",
    "these are the opponent's stones beside the group: count the empty points, with 0.",
)
def _(board, y, x):
    group = _group(board, y, x)
    return len({p for point in group for p in _around(board, *point) if board[p] == -board[y, x]})


@liberties.mistake(
    "colour 1 alone", "only stones of 1 join the group here: compare with the colour of the stone at (y, x)."
)
def _(board, y, x):
    group = _group(board, y, x, same=lambda a, b: a == 1)
    return len(set(_free(board, group)))


@liberties.mistake(
    "over the first edge",
    "a row or column of -1 is used here, which NumPy reads as the last one: test that both are 0 or more.",
)
def _(board, y, x):
    def around(board, y, x):
        steps = ((y + dy, x + dx) for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)))
        return [(row, column) for row, column in steps if row < board.shape[0] and column < board.shape[1]]

    return len(set(_free(board, _group(board, y, x, around), around)))


@liberties.mistake(
    "set of points", "these are the liberties themselves: return how many there are, their `len`."
)
def _(board, y, x):
    return set(_free(board, _group(board, y, x)))


CAPTURES = [
    (_board("XOO.", ".XX.", "...."), 0, 3),
    (_board(".OX.", "OX..", "X...", "...."), 0, 0),
    (_board("O.OX", "XOX.", ".X.O"), 0, 1),
    (_board("XOO..", ".X.O.", "....."), 1, 2),
    (_board("OX..", ".O..", "...."), 1, 0),  # stones of -1 that touch at a corner alone
]


@exercise(
    question="What is the board after 1 has made a legal move at (y, x)?",
    insight="Stones are taken first, so the new stone then has a liberty, even where it had none before.",
    tolerance=0,
    cases=CAPTURES,
    hints=[
        "Copy the board and put the stone down. Which groups of the opponent can have lost their last liberty?",
        "Only those beside the new stone. For each of them, find its stones and count its liberties on the *new* "
        "board; without any, its points become empty.",
        "For each neighbour with -1: collect its group as in the exercise before, and `if` it has no liberty, set "
        "each of its points to 0.",
    ],
)
def capture(board, y, x):
    after = board.copy()
    after[y, x] = 1
    height, width = board.shape
    for start in ((y, x + 1), (y + 1, x), (y, x - 1), (y - 1, x)):
        group, free, waiting = set(), 0, [start]
        while waiting:
            row, column = waiting.pop()
            inside = 0 <= row < height and 0 <= column < width
            if inside and after[row, column] == 0:
                free += 1
            elif inside and after[row, column] == -1 and (row, column) not in group:
                group.add((row, column))
                waiting += [(row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column)]
        if free == 0:
            for point in group:
                after[point] = 0
    return after


def _played(board, y, x, dead=lambda after: ()):
    """The board after a move, with the points in `dead(after)` emptied."""
    after = board.copy()
    after[y, x] = 1
    for point in list(dead(after)):
        after[point] = 0
    return after


@capture.mistake(
    "nothing taken", "no stone is taken: groups of the opponent without a liberty leave the board."
)
def _(board, y, x):
    return _played(board, y, x)


@capture.mistake(
    "single stones only",
    "only stones beside the new one are taken: the whole group goes, with all its stones.",
)
def _(board, y, x):
    def dead(after):
        return [p for p in _around(board, y, x) if after[p] == -1 and not _free(after, _group(after, *p))]

    return _played(board, y, x, dead)


@capture.mistake(
    "stone forgotten", "the new stone is not on the board: set `after[y, x] = 1` before you count liberties."
)
def _(board, y, x):
    after = capture.reference(board, y, x)
    after[y, x] = 0
    return after


@capture.mistake(
    "each stone alone", "each stone is judged by its own liberties here: connected stones share them."
)
def _(board, y, x):
    return _played(
        board, y, x, lambda after: [p for p in zip(*np.nonzero(after == -1)) if not _free(after, [p])]
    )


@capture.mistake(
    "all beside are taken", "every group beside the new stone is taken: some still have a liberty."
)
def _(board, y, x):
    def dead(after):
        return [p for beside in _around(board, y, x) if after[beside] == -1 for p in _group(after, *beside)]

    return _played(board, y, x, dead)


@capture.mistake(
    "own stones taken",
    "the new stone is taken, too: the opponent's groups go first, and then it has a liberty.",
)
def _(board, y, x):
    def dead(after):
        return [p for p in zip(*np.nonzero(after)) if not _free(after, _group(after, *p))]

    return _played(board, y, x, dead)


@capture.mistake(
    "captured stones turned", "the captured stones changed colour: in Go they leave the board, and become 0."
)
def _(board, y, x):
    after = capture.reference(board, y, x)
    return np.where((board == -1) & (after == 0), 1, after)


@capture.mistake(
    "one group only", "only the first group without a liberty is taken: one move can take several groups."
)
def _(board, y, x):
    def dead(after):
        starts = [p for p in _around(board, y, x) if after[p] == -1 and not _free(after, _group(after, *p))]
        return _group(after, *starts[0]) if starts else ()

    return _played(board, y, x, dead)


@capture.mistake(
    "groups over diagonals",
    "stones that touch only at a corner count as one group here: they are connected along rows and columns.",
)
def _(board, y, x):
    def dead(after):
        starts = [p for p in _around(board, y, x) if after[p] == -1]
        groups = [_group(after, *start, _touching) for start in starts]
        return [p for group in groups if not _free(after, group) for p in group]

    return _played(board, y, x, dead)


@capture.mistake(
    "taken with one liberty",
    "groups with one liberty left are taken: only a group without any leaves the board.",
)
def _(board, y, x):
    def dead(after):
        groups = [_group(after, *p) for p in _around(board, y, x) if after[p] == -1]
        return [p for group in groups if len(set(_free(after, group))) < 2 for p in group]

    return _played(board, y, x, dead)


@capture.mistake(
    "own stones first",
    "the own group is taken before the opponent's: the opponent's goes first, and then the new stone has a liberty.",
)
def _(board, y, x):
    after = _played(
        board, y, x, lambda after: [p for p in _group(after, y, x) if not _free(after, _group(after, y, x))]
    )
    dead = [p for p in _around(board, y, x) if after[p] == -1 and not _free(after, _group(after, *p))]
    for point in [q for p in dead for q in _group(after, *p)]:
        after[point] = 0
    return after


@capture.mistake(
    "seen by the opponent",
    "all signs have changed: here 1 and -1 keep their meaning, so do not turn the board.",
)
def _(board, y, x):
    return -capture.reference(board, y, x)


@capture.mistake("stone of the opponent", "the new stone is -1: the player of 1 moves.")
def _(board, y, x):
    after = capture.reference(board, y, x)
    after[y, x] = -1
    return after
