"""Lesson 07: the rows of im2col, the way back through max pooling, and how much faster the whole becomes."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(7)
ROWS_CASES = [
    (_rng.permutation(20).reshape(5, 4, 1), 2, 1),
    (_rng.permutation(84).reshape(7, 6, 2), 3, 2),
    (_rng.permutation(105).reshape(5, 7, 3), 2, 3),
    (_rng.permutation(40).reshape(4, 5, 2), 3, 1),
]


@exercise(
    insight="Each pixel is copied once for each window that it lies in: speed is bought with memory.",
    question="What are the rows of im2col for an image (H, W, C), with windows of size x size and a stride?",
    tolerance=0,
    cases=ROWS_CASES,
    hints=[
        "One row for each place of the window, in reading order. How many places are there down and across "
        "(lesson 06)? And how many values does a row have?",
        "Two loops over the places are enough: cut out the window, `image[top : top + size, left : left + "
        "size]`, and lay it out with `.ravel()`. Where do `top` and `left` begin, and by how much do they "
        "grow?",
        "`top` runs over `range(0, H - size + 1, stride)`, `left` over `range(0, W - size + 1, stride)`; "
        "collect the rows in a list and return `np.array(rows)`.",
    ],
)
def rows_of(image, size, stride):
    height, width, _ = image.shape
    rows = []
    for top in range(0, height - size + 1, stride):
        for left in range(0, width - size + 1, stride):
            rows.append(image[top : top + size, left : left + size].ravel())
    return np.array(rows)


@rows_of.mistake(
    "stride forgotten", "right at stride 1, but the stride is not used: only every stride-th place has a row."
)
def _(image, size, stride):
    return _laid_out(_windows(image, size, 1))


@rows_of.mistake(
    "stride down only", "the stride is used downwards, but not across: both `top` and `left` move by it."
)
def _(image, size, stride):
    return _laid_out(_windows(image, size, stride, 1))


@rows_of.mistake(
    "stride across only", "the stride is used across, but not downwards: both `top` and `left` move by it."
)
def _(image, size, stride):
    return _laid_out(_windows(image, size, 1, stride))


@rows_of.mistake(
    "columns instead of rows",
    "right numbers, lying on their side: a place is a *row* here, so that `rows @ matrix` has one row "
    "of outputs for each place.",
)
def _(image, size, stride):
    return rows_of.reference(image, size, stride).T


@rows_of.mistake(
    "channels first",
    "within a row all pixels of channel 0 come first. `kernels.reshape(-1, F)` counts row, column, "
    "channel, the channel fastest; so must the rows. (`sliding_window_view` puts the window's axes "
    "last: move the channel behind them.)",
)
def _rows_channels_first(image, size, stride):
    return _laid_out(_windows(image, size, stride).transpose(0, 1, 4, 2, 3))


@rows_of.mistake(
    "stride forgotten, channels first",
    "two things: the stride is not used, and within a row all pixels of channel 0 come first. "
    "`sliding_window_view` puts the window's axes last: move the channel behind them, and take every "
    "stride-th place.",
)
def _(image, size, stride):
    return _rows_channels_first(image, size, 1)


@rows_of.mistake(
    "windows not laid out",
    "the right windows in the right order, but each still has its own rows, columns and channels: "
    "`.ravel()` lays it out as one row.",
)
def _(image, size, stride):
    return np.concatenate(list(_windows(image, size, stride)))


@rows_of.mistake(
    "windows laid out column by column",
    "each window is laid out column by column. Lay it out in reading order, as the kernel is.",
)
def _(image, size, stride):
    return _laid_out(_windows(image, size, stride).transpose(0, 1, 3, 2, 4))


@rows_of.mistake(
    "places column by column",
    "the rows are right, but their order is not: the places go in reading order, first across, then "
    "down. The outer loop is the one over `top`.",
)
def _(image, size, stride):
    return _laid_out(_windows(image, size, stride).transpose(1, 0, 2, 3, 4))


@rows_of.mistake(
    "last places left out",
    "the last places downwards and across are missing: `range(0, H - size + 1, stride)` needs its + 1.",
)
def _(image, size, stride):
    return _laid_out(_windows(image[:-1, :-1], size, stride))


@rows_of.mistake(
    "first row only",
    "this is the first row alone: is the `return` inside a loop? Collect the rows, and return them after "
    "both loops.",
)
def _(image, size, stride):
    return rows_of.reference(image, size, stride)[0]


@rows_of.mistake(
    "places taken for pixels",
    "the number of rows is right, but window number i begins at pixel i here. It begins at i · stride.",
)
def _(image, size, stride):
    down, across = ((side - size) // stride + 1 for side in image.shape[:2])
    return _laid_out(_windows(image, size, 1)[:down, :across])


@rows_of.mistake(
    "places in rows and columns",
    "the windows are laid out, but their places still have two axes, down and across. Collect all rows in "
    "*one* list.",
)
def _(image, size, stride):
    windows = _windows(image, size, stride)
    return windows.reshape(*windows.shape[:2], -1)


@rows_of.mistake(
    "places instead of a matrix",
    "these are the windows, with all their axes. A matrix product wants two: (places, size · size · C).",
)
def _windows(image, size, stride, stride_across=None):
    """Return the windows of an image (H, W, C), (places down, places across, size, size, C)."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    return windows[::stride, :: stride_across or stride].transpose(0, 1, 3, 4, 2)


def _laid_out(windows):
    return windows.reshape(windows.shape[0] * windows.shape[1], -1)


# Ties, negative values, gradients of both signs, and rows and columns that no window touches.
POOL_CASES = [
    (
        np.array([[1.0, 7, 2, 2], [3, 5, 4, 9]]),
        np.array([[10.0, -20]]),
        2,
    ),
    (
        np.array([[4.0, 4, -5, -3, 6], [4, 1, -8, -3, 6], [0, 2, 5, 3, 6], [2, 1, 5, 8, 6], [9, 9, 9, 9, 9]]),
        np.array([[0.5, 3], [-1, 2]]),
        2,
    ),
    (
        np.array([[2.0, 1, 0], [5, 3, 5], [4, 5, 1], [1, 1, 6], [7, 2, 2], [3, 8, 8], [9, 9, 9]]),
        np.array([[1.5], [-4]]),
        3,
    ),
]


@exercise(
    insight="Only the pixel that was the largest changed the output, so only it gets the gradient.",
    question="What is the gradient (H, W) of the image after max pooling over windows of size x size, where `dy` holds "
    "the gradient of each window's output?",
    cases=POOL_CASES,
    hints=[
        "Change a little a pixel that is not the largest of its window: what does the output do? And if you change the "
        "largest?",
        "Begin with zeros of the image's shape. For each window: find its largest pixel, the first of them "
        "in reading order, and write the window's number of `dy` there.",
        "For each (row, column) of `dy`: `window = image[row * size : (row + 1) * size, column * size : "
        "(column + 1) * size]` and `i, j = np.unravel_index(window.argmax(), window.shape)`; then add "
        "`dy[row, column]` at [row * size + i, column * size + j].",
    ],
)
def pool_backward(image, dy, size):
    gradient = np.zeros(image.shape)
    for row, column in np.ndindex(dy.shape):
        window = image[row * size : (row + 1) * size, column * size : (column + 1) * size]
        i, j = np.unravel_index(window.argmax(), window.shape)  # the first of several
        gradient[row * size + i, column * size + j] += dy[row, column]
    return gradient


@pool_backward.mistake(
    "every tie takes all",
    "where several pixels of a window are the largest, each of them gets the whole gradient. Only the first "
    "one gets it.",
)
def _(image, dy, size):
    return _pool(image, dy, size, lambda w: w == w.max())


@pool_backward.mistake(
    "largest begun at 0",
    "right until all pixels of a window are negative: your search for the largest begins at 0, and none is "
    "larger. Begin with the window's first pixel, or with -infinity.",
)
def _(image, dy, size):
    return _pool(image, dy, size, lambda w: _first(np.maximum(w, 0)))


@pool_backward.mistake(
    "ties share",
    "where several pixels are the largest, you share the gradient among them. That would be fair, too, "
    "but TensorFlow and this course give all of it to the first.",
)
def _(image, dy, size):
    return _pool(image, dy, size, lambda w: (w == w.max()) / np.sum(w == w.max()))


@pool_backward.mistake(
    "the last tie takes it",
    "where several pixels are the largest, the last one gets the gradient. It belongs to the first "
    "in reading order.",
)
def _(image, dy, size):
    return _pool(image, dy, size, _last)


@pool_backward.mistake(
    "shared by all",
    "this is the backward pass of *average* pooling: every pixel gets a part. In max pooling, a pixel that is "
    "not the largest does not change the output at all.",
)
def _(image, dy, size):
    return _pool(image, dy, size, lambda w: 1 / w.size)


@pool_backward.mistake(
    "everyone takes all",
    "every pixel of a window gets the whole gradient. Only the largest pixel decided the output; the others "
    "get 0.",
)
def _(image, dy, size):
    return _pool(image, dy, size, lambda w: 1)


@pool_backward.mistake(
    "times the pixel",
    "the gradient is multiplied by the pixel. The output *is* that pixel: change it by 1, and the output "
    "changes by 1. So the factor is 1.",
)
def _(image, dy, size):
    return _pool(image, dy, size, lambda w: w.max() * _first(w))


@pool_backward.mistake(
    "the pixel for the gradient",
    "the largest pixels have got their own values. Those go *forward*. What comes back to a window is its "
    "number of `dy`. (Where several pixels are the largest, only the first gets it.)",
)
def _(image, dy, size):
    return _pool(image, np.ones_like(dy), size, lambda w: w * (w == w.max()))


@pool_backward.mistake(
    "windows one pixel apart",
    "your windows begin one pixel apart and overlap. These do not: the next one begins `size` pixels "
    "further on, at `row * size` and `column * size`.",
)
def _(image, dy, size):
    """Return the gradient for windows that begin one pixel apart."""
    gradient = np.zeros(image.shape)
    for row, column in np.ndindex(dy.shape):
        place = np.s_[row : row + size, column : column + size]
        gradient[place] += dy[row, column] * _first(image[place])
    return gradient


@pool_backward.mistake(
    "places within the window",
    "the gradient is written at the pixel's place *within its window*. The window itself begins at `row * "
    "size` and `column * size`: add that.",
)
def _(image, dy, size):
    gradient = np.zeros(image.shape)
    for row, column in np.ndindex(dy.shape):
        window = image[row * size : (row + 1) * size, column * size : (column + 1) * size]
        gradient[np.unravel_index(window.argmax(), window.shape)] += dy[row, column]
    return gradient


@pool_backward.mistake(
    "windows over the last pixels",
    "your loops run to the end of the image. If H or W is no multiple of the size, the last pixels belong to no "
    "window, and `dy` has no number for them: loop over the rows and columns of `dy`.",
)
def _(image, dy, size):
    gradient = np.zeros(image.shape)
    for row, column in np.ndindex(*(-(-side // size) for side in image.shape)):
        window = image[row * size : (row + 1) * size, column * size : (column + 1) * size]
        i, j = np.unravel_index(window.argmax(), window.shape)
        gradient[row * size + i, column * size + j] += dy[row, column]
    return gradient


@pool_backward.mistake(
    "gradient forgotten", "the right pixels, but all get 1: write the window's number of `dy` there."
)
def _(image, dy, size):
    return _pool(image, np.ones_like(dy), size, _first)


@pool_backward.mistake("the smallest takes it", "the gradient goes to the *smallest* pixel of each window.")
def _(image, dy, size):
    return _pool(image, dy, size, _smallest)


@pool_backward.mistake(
    "always the corner",
    "the gradient always goes to the window's first pixel. It belongs to the first *largest* one.",
)
def _(image, dy, size):
    return _pool(image, dy, size, _first_corner)


@pool_backward.mistake(
    "rest cut off",
    "the rows and columns that no window touches are missing. They belong to the image; their gradient is 0.",
)
def _(image, dy, size):
    return _pool_cut(image, dy, size, _first)


@pool_backward.mistake(
    "rest cut off, every tie takes all",
    "two things: where several pixels of a window are the largest, only the first gets the gradient; "
    "and the rows and columns that no window touches belong to the image, with a gradient of 0.",
)
def _(image, dy, size):
    return _pool_cut(image, dy, size, lambda w: w == w.max())


@pool_backward.mistake(
    "rest cut off, everyone takes all",
    "the gradient is spread over whole windows, as if every pixel had decided the output. Only the largest "
    "pixel did. (And the rows and columns that no window touches are missing: their gradient is 0.)",
)
def _(image, dy, size):
    return _pool_cut(image, dy, size, lambda w: 1)


def _pool(image, dy, size, share):
    """Return the gradient of an image, `share(window)` saying which part of `dy` each pixel gets."""
    gradient = np.zeros(image.shape)
    for row, column in np.ndindex(dy.shape):
        place = np.s_[row * size : (row + 1) * size, column * size : (column + 1) * size]
        gradient[place] = dy[row, column] * share(image[place])
    return gradient


def _pool_cut(image, dy, size, share):
    return _pool(image, dy, size, share)[: len(dy) * size, : dy.shape[1] * size]


def _first(window):
    share = np.zeros(window.size)
    share[window.argmax()] = 1
    return share.reshape(window.shape)


def _last(window):
    return _first(window[::-1, ::-1])[::-1, ::-1]


def _smallest(window):
    return _first(-window)


def _first_corner(window):
    return _first(np.arange(window.size)[::-1].reshape(window.shape))


@exercise(
    insight="However fast the part becomes, the rest of the time remains: this is Amdahl's law.",
    question="A part takes `share` of the time and becomes `factor` times as fast. How many times as fast is "
    "the whole?",
    cases=[(0.89, 10), (0.95, 10), (0.7, 3), (0.25, 2), (0.6, 1)],
    hints=[
        "Say that all of it took 100 seconds. How long do the two parts take afterwards?",
        "The part that was made faster takes `share / factor` of the old time, the rest what it always took, "
        "`1 - share`.",
        "`1 / (1 - share + share / factor)`: the old time, which is 1, divided by the new one.",
    ],
)
def speed_up(share, factor):
    return 1 / (1 - share + share / factor)


@speed_up.mistake(
    "the factor", "this is the speed-up of the part. The rest of the time stays as it was, and counts."
)
def _(share, factor):
    return factor


@speed_up.mistake(
    "the factor's share",
    "a share of a factor is no speed-up: a factor of 1 must give 1. Add up *times*, not speeds.",
)
def _(share, factor):
    return share * factor


@speed_up.mistake(
    "a mean of speeds",
    "this is a mean of the speeds, weighted by the old times. Add up the new *times* instead: the "
    "slow rest weighs more and more, the faster the other part gets.",
)
def _(share, factor):
    return 1 - share + share * factor


@speed_up.mistake(
    "the new time",
    "this is the new time, where the old one was 1. The speed-up is the old time divided by the new.",
)
def _(share, factor):
    return 1 - share + share / factor


@speed_up.mistake(
    "the part's new time",
    "this is the new time of the part alone, where the old time of the whole was 1. Add the time of the "
    "rest; the speed-up is the old time divided by the new.",
)
def _(share, factor):
    return share / factor


@speed_up.mistake(
    "new for old",
    "you take the part's *new* time away from the whole. Take its old time away, `share`, and add the "
    "new one, `share / factor`.",
)
def _(share, factor):
    return 1 / (1 - share / factor)


@speed_up.mistake(
    "the part takes no time",
    "this is the limit: the part takes no time at all. It still takes `share / factor`.",
)
def _(share, factor):
    return 1 / (1 - share)


@speed_up.mistake(
    "the rest vanishes", "only the part's new time is counted. The rest, `1 - share`, is still there."
)
def _(share, factor):
    return factor / share


@speed_up.mistake(
    "the rest, divided",
    "the larger the share, the more is gained, that much is right; but no whole can become more than "
    "`factor` times as fast. Add up the two new times.",
)
def _(share, factor):
    return factor / (1 - share)


@speed_up.mistake(
    "a share in percent",
    "the rest is counted as `100 - share`. A share is a number from 0 to 1, so all of the old time is 1, and the "
    "rest is `1 - share`.",
)
def _(share, factor):
    return 100 / (100 - share + share / factor)


@speed_up.mistake(
    "times the factor",
    "the part's time is *multiplied* by the factor, which makes it slower. Twice as fast is half the time: divide.",
)
def _(share, factor):
    return 1 / (1 - share + share * factor)


@speed_up.mistake(
    "the wrong part", "you have made the *rest* faster: `share` is the part that gets `factor` times as fast."
)
def _(share, factor):
    return 1 / (share + (1 - share) / factor)
