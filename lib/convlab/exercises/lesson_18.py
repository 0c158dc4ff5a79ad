"""Lesson 18: the overlap of two boxes, non-maximum suppression, what anchors learn, average precision."""

import numpy as np

from convlab.exercises.exercise import exercise


def _intersection(a, b, clip=True):
    """Return the common area of two boxes; without `clip`, sides below 0 stay."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.prod(np.maximum(sides, 0) if clip else sides))


def _area(box):
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _box(*corners):
    return np.array(corners, float)


@exercise(
    question="What is the intersection over union of two boxes, each x_min, y_min, x_max, y_max?",
    cases=[
        (_box(0, 0, 4, 3), _box(2, 1, 7, 4)),
        (_box(0, 0, 2, 3), _box(5, 6, 9, 8)),  # apart along both axes
        (_box(1, 1, 9, 6), _box(2, 2, 5, 4)),  # one in the other
        (_box(3, 2, 5, 4), _box(0, 1, 8, 6)),
        (_box(0, 0, 3, 4), _box(3, 0, 5, 4)),  # side by side
    ],
    hints=[
        "The common part is a box, too. It begins at the larger of the two beginnings. Where does it end?",
        "Its sides are `minimum(a[2:], b[2:]) - maximum(a[:2], b[:2])`. What if one of them is below 0?",
        "The union is both areas together, less the common part, which would count twice.",
    ],
    insight="It compares shared area with all area, so a large box cannot win by covering everything.",
)
def overlap(a, b):
    width, height = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return float(width * height / (sum(areas) - width * height))


@overlap.mistake(
    "common part counted twice",
    "the common part counts twice in the union: subtract it once from the sum of the areas.",
)
def _(a, b):
    return _intersection(a, b) / (_area(a) + _area(b))


@overlap.mistake(
    "sides below 0",
    "boxes that are apart have an overlap here: a side below 0 must become 0 before you multiply.",
)
def _(a, b):
    shared = _intersection(a, b, clip=False)
    return shared / (_area(a) + _area(b) - shared)


@overlap.mistake(
    "pixels counted inclusively",
    "one is added to each side. The corners are edges here, not pixels: a box from 0 to 3 is 3 wide.",
)
def _(a, b):
    return overlap.reference(np.add(a, [0, 0, 1, 1]), np.add(b, [0, 0, 1, 1]))


@overlap.mistake("only the intersection", "this is the common area alone: divide it by that of the union.")
def _(a, b):
    return _intersection(a, b)


@overlap.mistake(
    "over the smaller box",
    "the common area is divided by the smaller box: a small box in a large one would be perfect.",
)
def _(a, b):
    return _intersection(a, b) / min(_area(a), _area(b))


@overlap.mistake("over the first box", "the common area is divided by the first box: divide by the union.")
def _(a, b):
    return _intersection(a, b) / _area(a)


@overlap.mistake("over the second box", "the common area is divided by the second box: divide by the union.")
def _(a, b):
    return _intersection(a, b) / _area(b)


@overlap.mistake(
    "union over intersection", "the ratio stands on its head: the common area is divided by the union."
)
def _(a, b):
    shared = _intersection(a, b)
    return (_area(a) + _area(b) - shared) / shared if shared else np.inf


@overlap.mistake(
    "box that surrounds both",
    "the common area is divided by the box around both: the union has no corners that neither box covers.",
)
def _(a, b):
    return _intersection(a, b) / _area(np.append(np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])))


# the second is suppressed by the first and would suppress the third; the fourth stands alone
_CHAIN = np.array([[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10], [30, 30, 35, 40]], float)
_HALF = np.array(
    [[0, 0, 4, 2], [0, 0, 4, 4], [20, 0, 24, 3], [1, 0, 5, 4]], float
)  # the first two overlap by 0.5
_CROWD = np.array([[2, 2, 8, 8], [2, 2, 9, 8], [2, 3, 8, 9], [12, 2, 18, 8], [12, 2, 18, 7]], float)


@exercise(
    question="Which rows does non-maximum suppression keep, the best one first?",
    tolerance=0,
    cases=[
        (_CHAIN, np.array([0.9, 0.8, 0.7, 0.95]), 0.4),
        (_HALF, np.array([0.3, 0.6, 0.5, 0.2]), 0.5),
        (_CROWD, np.array([0.5, 0.9, 0.2, 0.6, 0.7]), 0.45),
    ],
    hints=[
        "Take the best box that is left. Which of the others go?",
        "Those go whose overlap with it is *more* than the threshold. Then take the best of what is left.",
        "`while len(left):` `best, left = left[0], left[1:]`, note `best`, keep the rows of `left` whose "
        "overlap with `best` is at most the threshold. `left` begins as `np.argsort(-scores)`.",
    ],
    insight="A box that was removed removes no other: only boxes that are kept may do that.",
)
def suppress(boxes, scores, threshold):
    def iou(a, b):
        width, height = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
        return width * height / (sum(areas) - width * height)

    kept, left = [], list(np.argsort(-scores))
    while left:
        best, *left = left
        kept.append(best)
        left = [row for row in left if iou(boxes[best], boxes[row]) <= threshold]
    return kept


def _suppressed(boxes, left, stays, again=True):
    """Return the rows kept, in the order `left`; without `again`, suppressed boxes suppress others as well."""
    if not again:
        return [row for i, row in enumerate(left) if all(stays(_iou(boxes[row], boxes[o])) for o in left[:i])]
    kept = []
    while left:
        best, *left = left
        kept.append(best)
        left = [row for row in left if stays(_iou(boxes[best], boxes[row]))]
    return kept


def _iou(a, b):
    return overlap.reference(a, b)


@suppress.mistake(
    "worst first", "the worst box is taken first, and suppresses better ones: sort from high to low."
)
def _(boxes, scores, threshold):
    return _suppressed(boxes, list(np.argsort(scores)), lambda value: value <= threshold)


@suppress.mistake(
    "suppressed boxes suppress",
    "a box that has been suppressed suppresses another one: compare with boxes that are kept only.",
)
def _(boxes, scores, threshold):
    return _suppressed(boxes, list(np.argsort(-scores)), lambda value: value <= threshold, again=False)


@suppress.mistake(
    "scores ignored", "the boxes are taken in their order in the list: take them by their scores."
)
def _(boxes, scores, threshold):
    return _suppressed(boxes, list(range(len(boxes))), lambda value: value <= threshold)


@suppress.mistake("rows sorted", "the right rows, in the order of the list: give the best one first.")
def _(boxes, scores, threshold):
    return sorted(suppress.reference(boxes, scores, threshold))


@suppress.mistake("comparison turned round", "boxes that overlap stay, and those that do not are removed.")
def _(boxes, scores, threshold):
    return _suppressed(boxes, list(np.argsort(-scores)), lambda value: value > threshold)


@suppress.mistake("all kept", "nothing is suppressed: these are all boxes, sorted.")
def _(boxes, scores, threshold):
    return list(np.argsort(-scores))


@suppress.mistake(
    "only the best", "only the best box of all is kept: go on with those that do not overlap it."
)
def _(boxes, scores, threshold):
    return [int(np.argmax(scores))]


@suppress.mistake(
    "equal goes",
    "a box whose overlap *equals* the threshold is suppressed: only more than that is too much.",
)
def _(boxes, scores, threshold):
    return _suppressed(boxes, list(np.argsort(-scores)), lambda value: value < threshold)


@suppress.mistake("the suppressed ones", "these are the rows that go: give those that stay.")
def _(boxes, scores, threshold):
    kept = suppress.reference(boxes, scores, threshold)
    return [row for row in np.argsort(-scores) if row not in kept]


_TWO = np.array([[0.8, 0.0], [0.4, 0.1], [0.1, 0.25], [0.0, 0.2], [0.5, 0.05]])
_EDGES = np.array(
    [[0.3, 0.1, 0.0], [0.2, 0.5, 0.0], [0.29, 0.35, 0.0], [0.05, 0.1, 0.0]]
)  # nothing near box 3
_EQUAL = np.array([[0.1, 0.7], [0.45, 0.45], [0.45, 0.0], [0.2, 0.31], [0.6, 0.1]])


@exercise(
    question="What does each anchor learn: 1 for a thing, 0 for background, -1 for nothing?",
    tolerance=0,
    cases=[(_TWO, 0.3, 0.5), (_EDGES, 0.3, 0.5), (_EQUAL, 0.3, 0.7)],
    hints=[
        "First the best overlap of each anchor, along axis 1. Then two limits.",
        "From `high` on it is a thing, below `low` background, between them -1. Some box may have no anchor yet.",
        "For each box, the anchors whose overlap equals the largest of its column become 1, unless that is 0.",
    ],
    insight="The last rule gives every box an anchor, and the -1 leaves doubtful anchors out of the loss.",
)
def anchor_goals(overlaps, low, high):
    most = overlaps.max(axis=1)
    goals = np.where(most >= high, 1, np.where(most < low, 0, -1))
    columns = overlaps.max(axis=0)
    goals[((overlaps == columns) & (columns > 0)).any(axis=1)] = 1
    return goals


def _goals(overlaps, low, high, *, reduce=np.max, best=True, between=-1, positive=True):
    """Return the goals by a rule whose parts can be got wrong one by one."""
    most = reduce(overlaps, axis=1)
    goals = np.where(most >= high, 1, np.where(most < low, 0, between))
    if best:
        columns = overlaps.max(axis=0)
        goals[((overlaps == columns) & ((columns > 0) | (not positive))).any(axis=1)] = 1
    return goals


@anchor_goals.mistake(
    "best anchor forgotten",
    "a box that no anchor overlaps by `high` has none: its best anchors become 1 in any case.",
)
def _(*case):
    return _goals(*case, best=False)


@anchor_goals.mistake(
    "between is background", "between the two limits stands 0: such an anchor does not count, give -1."
)
def _(*case):
    return _goals(*case, between=0)


@anchor_goals.mistake(
    "between is a thing", "between the two limits stands 1: such an anchor does not count, give -1."
)
def _(*case):
    return _goals(*case, between=1)


@anchor_goals.mistake(
    "best at 0",
    "a box that overlaps no anchor at all makes things of those with an overlap of 0: leave them out.",
)
def _(*case):
    return _goals(*case, positive=False)


@anchor_goals.mistake(
    "mean over the boxes", "the mean over the boxes is taken: an anchor needs *one* box that fits."
)
def _(*case):
    return _goals(*case, reduce=np.mean)


@anchor_goals.mistake("first box only", "only the first box counts: take the largest overlap along axis 1.")
def _(overlaps, low, high):
    return _goals(overlaps[:, :1], low, high)


@anchor_goals.mistake(
    "-1 and 0 exchanged", "background and what does not count are exchanged: 0 is background."
)
def _(*case):
    goals = _goals(*case)
    return np.where(goals == 1, 1, -1 - goals)


@anchor_goals.mistake(
    "one goal for each box", "there is one number for each box: give one for each anchor, along axis 1."
)
def _(overlaps, low, high):
    return _goals(overlaps.T, low, high)


def _ranked(text):
    return np.array([letter == "x" for letter in text])


@exercise(
    question="What is the average precision of a ranked list, best score first, if there are `count` true boxes?",
    cases=[(_ranked("xx.x..x"), 5), (_ranked(".x.xx"), 8), (_ranked("x..xx.xxx."), 7)],
    hints=[
        "After each detection: how many are right so far? Divided by those so far, that is the precision; divided "
        "by `count`, the recall.",
        "Replace each precision by the highest from there on. Then read it at the recalls 0, 0.01 … 1.",
        "`places = np.searchsorted(recall, np.linspace(0, 1, 101))`; where the place is behind the end, the "
        "precision is 0. The answer is the mean of the 101 numbers.",
    ],
    insight="Only the order of the scores counts: average precision is the same whether they are 0.9 or 0.1.",
)
def ranked_precision(hits, count):
    found = np.cumsum(hits)
    recall, precision = found / count, found / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(np.append(precision, 0)[places].mean())


def _ranked_precision(hits, count, *, envelope=True, points=101, rest=0.0):
    """Return the average precision by a rule whose parts can be got wrong one by one."""
    found = np.cumsum(hits)
    recall, precision = found / count, found / np.arange(1, len(hits) + 1)
    if envelope:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, points))
    return float(np.nanmean(np.append(precision, rest)[places]))


@ranked_precision.mistake(
    "precision falls and rises",
    "the precision is read as it is: at each recall, take the highest that is reached there or later.",
)
def _(*case):
    return _ranked_precision(*case, envelope=False)


@ranked_precision.mistake(
    "unreached recalls left out",
    "recalls that the list never reaches are left out: their precision is 0, and counts.",
)
def _(*case):
    return _ranked_precision(*case, rest=np.nan)


@ranked_precision.mistake(
    "recall of what was found",
    "the recall is divided by what was found, so the list always reaches 1: divide by `count`.",
)
def _(hits, count):
    return _ranked_precision(hits, hits.sum())


@ranked_precision.mistake(
    "eleven recalls", "eleven recalls are read, as PASCAL VOC did until 2009: take 101."
)
def _(*case):
    return _ranked_precision(*case, points=11)


@ranked_precision.mistake(
    "precision of the whole list",
    "this is the share of right ones in the whole list: the order does not count.",
)
def _(hits, count):
    return float(hits.mean())


@ranked_precision.mistake(
    "recall of the whole list", "this is the recall of the whole list: precision is missing."
)
def _(hits, count):
    return float(hits.sum() / count)


@ranked_precision.mistake("worst first", "the list is read from its end: the best score comes first.")
def _(hits, count):
    return _ranked_precision(hits[::-1], count)


@ranked_precision.mistake(
    "mean over the right ones",
    "the precisions at the right detections are averaged over those: right ones that are missing must count.",
)
def _(hits, count):
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


@ranked_precision.mistake(
    "mean over all detections", "the precisions after each detection are averaged: average over recalls."
)
def _(hits, count):
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1)).mean())
