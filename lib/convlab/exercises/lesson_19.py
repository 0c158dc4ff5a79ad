"""Lesson 19: the size of a transposed convolution, unpooling with indices, and IoU from a confusion matrix."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(19)


@exercise(
    question="How many pixels does a transposed convolution give along one axis?",
    insight="A convolution with the same kernel, stride and padding brings this size back to i.",
    tolerance=0,
    cases=[(7, 4, 2, 1), (5, 3, 2, 0), (4, 7, 3, 2), (6, 2, 4, 0)],
    hints=[
        "Each of the `i` inputs lays a kernel of `f` pixels onto the output. How far apart are the first and the "
        "last kernel?",
        "The first kernel begins at 0, the last one at (i - 1) · s, and it is f pixels long. The padding is cut "
        "off *both* sides.",
        "`(i - 1) * s + f - 2 * p`",
    ],
)
def transposed(i, f, s, p):
    return (i - 1) * s + f - 2 * p


@transposed.mistake(
    "forward formula", "this is the size that an ordinary convolution gives: turn the formula round."
)
def _(i, f, s, p):
    return (i + 2 * p - f) // s + 1


@transposed.mistake("padding added", "the padding is added: here it is cut off the output.")
def _(i, f, s, p):
    return (i - 1) * s + f + 2 * p


@transposed.mistake("padding once", "the padding is cut off one side only: it is `p` pixels on each.")
def _(i, f, s, p):
    return (i - 1) * s + f - p


@transposed.mistake("padding forgotten", "the padding is not cut off: take `p` pixels off each side.")
def _(i, f, s, p):
    return (i - 1) * s + f


@transposed.mistake("one step too many", "there is one step too many: between i places lie i - 1 steps.")
def _(i, f, s, p):
    return i * s + f - 2 * p


@transposed.mistake(
    "input times stride", 'this is the size for padding "same" alone: the kernel and `p` do not count in it.'
)
def _(i, f, s, p):
    return i * s


@transposed.mistake("kernel forgotten", "the last kernel is `f` pixels long, not 0: add them.")
def _(i, f, s, p):
    return (i - 1) * s - 2 * p


@transposed.mistake("kernel as one pixel", "the last kernel is `f` pixels long, not 1: add all of them.")
def _(i, f, s, p):
    return (i - 1) * s + 1 - 2 * p


@transposed.mistake(
    "stride and kernel swapped", "stride and kernel have changed places: the kernels lie `s` pixels apart."
)
def _(i, f, s, p):
    return (i - 1) * f + s - 2 * p


def _pooled(height, width, size):
    return (
        _rng.permutation(height * width).reshape(height, width) + 1.5,
        _rng.permutation(np.arange(height * width) % size**2).reshape(height, width),
        size,
    )


@exercise(
    question="Which map (size · H, size · W) does unpooling give, for values and indices, both (H, W)?",
    insight="An index of a 2x2 window takes 2 bits, and it keeps the place of an edge that pooling would lose.",
    cases=[_pooled(2, 3, 2), _pooled(3, 2, 3), _pooled(3, 4, 2)],
    hints=[
        "Begin with zeros. Each value goes to one pixel of its window of size x size.",
        "The window of the value at (y, x) begins at (size · y, size · x). Index k is its row k // size and its "
        "column k % size.",
        "`out = np.zeros((size * H, size * W))`, and in two loops `out[size * y + k // size, size * x + k % size] "
        "= values[y, x]`.",
    ],
)
def unpool(values, indices, size):
    out = np.zeros((size * values.shape[0], size * values.shape[1]))
    for y, x in np.ndindex(values.shape):
        row, column = divmod(indices[y, x], size)
        out[size * y + row, size * x + column] = values[y, x]
    return out


@unpool.mistake(
    "every pixel", "each value fills its whole window: put it to the one pixel that its index names."
)
def _(values, indices, size):
    return values.repeat(size, axis=0).repeat(size, axis=1)


@unpool.mistake("always the first pixel", "all values are at the top left of their windows: use the indices.")
def _(values, indices, size):
    return unpool.reference(values, 0 * indices, size)


@unpool.mistake(
    "rows and columns swapped",
    "index 1 went below the first pixel: the pixels of a window are numbered line by line.",
)
def _(values, indices, size):
    return unpool.reference(values, indices % size * size + indices // size, size)


@unpool.mistake(
    "indices turned round", "the indices count from the last pixel here: 0 is the top left of the window."
)
def _(values, indices, size):
    return unpool.reference(values, size**2 - 1 - indices, size)


@unpool.mistake(
    "indices for values", "the indices themselves are in the map: they say where, the values say what."
)
def _(values, indices, size):
    return unpool.reference(indices, indices, size)


@unpool.mistake("shared out", "the value is divided by the pixels of its window: average pooling's way back.")
def _(values, indices, size):
    return (values / size**2).repeat(size, axis=0).repeat(size, axis=1)


@unpool.mistake("not enlarged", "the map is as small as the values: each window has size x size pixels.")
def _(values, indices, size):
    return values


def _matrix(classes, right):
    wrong = _rng.integers(1, 30, (classes, classes))
    return wrong + np.diag(_rng.integers(right, 2 * right, classes))


@exercise(
    question="What is the intersection over union of each class, from a confusion matrix (truth by answer)?",
    insight="A missed pixel and a wrongly added one both lower it, so it is never above recall or precision.",
    cases=[(_matrix(3, 50),), (_matrix(2, 90),), (_matrix(5, 40),)],
    hints=[
        "Intersection: the pixels that are of the class *and* were given it. Where are they in the matrix?",
        "Union: the pixels of the class (its row), and those that were given it (its column). The intersection "
        "is in both, and counts once.",
        "`both = np.diag(matrix)`, then `both / (matrix.sum(axis=0) + matrix.sum(axis=1) - both)`.",
    ],
)
def class_iou(matrix):
    both = np.diag(matrix)
    return both / (matrix.sum(axis=0) + matrix.sum(axis=1) - both)


@class_iou.mistake(
    "intersection twice",
    "the intersection is in the row and in the column, and counts twice in the union: subtract it once.",
)
def _(matrix):
    return np.diag(matrix) / (matrix.sum(axis=0) + matrix.sum(axis=1))


@class_iou.mistake(
    "recall",
    "this is the share of each class's pixels that is right: wrongly added pixels do not count in it.",
)
def _(matrix):
    return np.diag(matrix) / matrix.sum(axis=1)


@class_iou.mistake(
    "precision", "this is the share of each answer's pixels that is right: missed pixels do not count in it."
)
def _(matrix):
    return np.diag(matrix) / matrix.sum(axis=0)


@class_iou.mistake(
    "Dice", "this is the Dice coefficient, which counts the intersection twice above and below."
)
def _(matrix):
    return 2 * np.diag(matrix) / (matrix.sum(axis=0) + matrix.sum(axis=1))


@class_iou.mistake("share of all pixels", "each class is divided by all pixels: divide by its own union.")
def _(matrix):
    return np.diag(matrix) / matrix.sum()


@class_iou.mistake("mean", "this is the mean over the classes: return one number for each of them.")
def _(matrix):
    return np.mean(class_iou.reference(matrix))


@class_iou.mistake("pixel accuracy", "this is the pixel accuracy of all classes together.")
def _(matrix):
    return np.trace(matrix) / matrix.sum()


@class_iou.mistake("per cent", "these are per cent: an intersection over union is between 0 and 1.")
def _(matrix):
    return 100 * class_iou.reference(matrix)


@class_iou.mistake("intersections only", "these are the intersections alone: divide them by the unions.")
def _(matrix):
    return np.diag(matrix)
