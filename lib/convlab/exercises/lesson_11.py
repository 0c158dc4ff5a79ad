"""Lesson 11: a random crop that is right, the epoch to stop at, and whether a difference is real."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(11)
CROP_CASES = [
    (_rng.integers(1, 99, (3, 4, 1)), 1, 2, 0),
    (_rng.integers(1, 99, (5, 4, 3)), 2, 0, 3),
    (_rng.integers(1, 99, (4, 6, 2)), 2, 4, 1),
    (_rng.integers(1, 99, (6, 5, 3)), 3, 3, 5),
    (_rng.integers(1, 99, (3, 2, 1)), 0, 0, 0),  # nothing to pad: [0:-0] would be empty
]


@exercise(
    insight="The label stays the same and the pixels move: the network learns that place does not matter.",
    question="What are the H x W pixels of a crop that begins at (top, left), after `pad` rows and columns"
    " of zeros are added on every side of the image?",
    tolerance=0,
    cases=CROP_CASES,
    hints=[
        "Two steps. First make the larger image, H + 2 · pad rows and W + 2 · pad columns; then cut a window of "
        "the old size out of it.",
        "`np.pad` takes a pair (before, after) for each axis; the channels get none. A window of `height` rows "
        "from `top` is `[top : top + height]`.",
        "`padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)))`, then return `padded[top : top + "
        "image.shape[0], left : left + image.shape[1]]`.",
    ],
)
def random_crop(image, pad, top, left):
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)))
    height, width = image.shape[:2]
    return padded[top : top + height, left : left + width]


@random_crop.mistake(
    "not padded",
    "the window begins in the image itself, so it loses rows and columns at the end. Put the zeros "
    "around it first.",
)
def _(image, pad, top, left):
    return image[top : top + image.shape[0], left : left + image.shape[1]]


@random_crop.mistake(
    "channels padded",
    "right rows and columns, but there are more channels than before: `np.pad(image, pad)` pads *every* "
    "axis. Give it a pair for each axis, (0, 0) for the channels.",
)
def _(image, pad, top, left):
    return _cut(np.pad(image, pad), image, top, left)


@random_crop.mistake(
    "everything padded",
    "this is the whole padded image. It must have its old size again: cut out H x W of it.",
)
def _(image, pad, top, left):
    return _padded(image, pad)


@random_crop.mistake(
    "rows and columns exchanged",
    "`top` counts rows and `left` counts columns; here it is the other way round.",
)
def _(image, pad, top, left):
    return _cut(_padded(image, pad), image, left, top)


@random_crop.mistake(
    "moved the other way",
    "the window moves up when `top` grows. `top` = 0 begins in the zeros above the image, `top` = 2 · "
    "pad ends in those below it.",
)
def _(image, pad, top, left):
    return _cut(_padded(image, pad), image, 2 * pad - top, 2 * pad - left)


@random_crop.mistake(
    "counted from the image",
    "the window begins `pad` too far down and right: `top` and `left` count from the corner of the "
    "*padded* image, not of the image.",
)
def _(image, pad, top, left):
    return _cut(_padded(image, pad), image, pad + top, pad + left)


@random_crop.mistake(
    "edge repeated", "right window, but outside the image there are copies of the edge instead of zeros."
)
def _(image, pad, top, left):
    return _cut(_padded(image, pad, mode="edge"), image, top, left)


@random_crop.mistake(
    "mirrored at the border",
    "right window, but outside the image there is the mirrored image instead of zeros. (The fast network "
    "of lesson 16 does that. Here, zeros.)",
)
def _(image, pad, top, left):
    return _cut(_padded(image, pad, mode="reflect"), image, top, left)


@random_crop.mistake(
    "rolled",
    "what leaves on one side comes in on the other: that is `np.roll`. A crop loses it, and zeros come in.",
)
def _(image, pad, top, left):
    return np.roll(image, (pad - top, pad - left), axis=(0, 1))


@random_crop.mistake(
    "always the middle", "the image has not moved at all: `top` and `left` say where the window begins."
)
def _(image, pad, top, left):
    return image


@random_crop.mistake(
    "size taken for the end",
    "right beginning, but the window ends at row H and column W of the padded image. A slice is `[begin : end]`: "
    "a window of H rows that begins at `top` ends at `top + H`.",
)
def _(image, pad, top, left):
    return _padded(image, pad)[top : image.shape[0], left : image.shape[1]]


@random_crop.mistake(
    "cut at the beginning only",
    "right beginning, but the window goes on to the end of the padded image. Give the slices an end, too: `top + H` "
    "and `left + W`.",
)
def _(image, pad, top, left):
    return _padded(image, pad)[top:, left:]


@random_crop.mistake(
    "height and width exchanged",
    "right beginning, but the window has the height for its width. `image.shape[0]` counts rows and goes with "
    "`top`; `image.shape[1]` counts columns and goes with `left`.",
)
def _(image, pad, top, left):
    height, width = image.shape[:2]
    return _padded(image, pad)[top : top + width, left : left + height]


@random_crop.mistake(
    "one row and one column short",
    "one row and one column too few: the end of a slice does not belong to it, so `[top : top + H]` has H rows.",
)
def _(image, pad, top, left):
    height, width = image.shape[:2]
    return _padded(image, pad)[top : top + height - 1, left : left + width - 1]


def _padded(image, pad, **how):
    return np.pad(image, ((pad, pad), (pad, pad), (0, 0)), **how)


def _cut(padded, image, top, left):
    return padded[top : top + image.shape[0], left : left + image.shape[1]]


CURVE_CASES = [
    ([0.42, 0.55, 0.68, 0.81], [0.41, 0.52, 0.57, 0.54]),
    ([0.30, 0.45, 0.58, 0.70, 0.90], [0.33, 0.47, 0.55, 0.61, 0.61]),
    ([0.50, 0.62, 0.71], [0.48, 0.58, 0.64]),
    ([0.60, 0.75, 0.85, 0.97, 0.96], [0.55, 0.50, 0.52, 0.49, 0.51]),
    ([0.40, 0.52, 0.63, 0.72, 0.83], [0.38, 0.50, 0.47, 0.56, 0.54]),
    # training images made harder: a long dip, then the best epoch, with training below validation
    ([0.38, 0.44, 0.49, 0.52, 0.55, 0.57, 0.58], [0.47, 0.43, 0.45, 0.46, 0.46, 0.60, 0.59]),
]


@exercise(
    insight="The best epoch was chosen on the validation images, so its score there is a little too good.",
    question="Which epoch's weights should be kept, and how large is the gap in that epoch?",
    cases=CURVE_CASES,
    hints=[
        "Which of the two curves may choose? One of them goes up even while the network only memorizes its images.",
        "`np.argmax(validation)` is the place of the largest value, the first of several. Places count from 0, "
        "epochs from 1.",
        "`place = int(np.argmax(validation))`; return `place + 1, training[place] - validation[place]`.",
    ],
)
def stop_at(training, validation):
    place = int(np.argmax(validation))
    return place + 1, training[place] - validation[place]


@stop_at.mistake(
    "best training accuracy",
    "this is the epoch with the best *training* accuracy. It also grows while the network only memorizes "
    "its images. The held-out images decide.",
)
def _(training, validation):
    return _stop(training, validation, _best(training))


@stop_at.mistake("other order", "the values are right, the order is not: first the epoch, then the gap.")
def _(training, validation):
    return stop_at.reference(training, validation)[::-1]


@stop_at.mistake("counted from 0", "the right place, but counted from 0: the first entry belongs to epoch 1.")
def _(training, validation):
    return (
        _best(validation) - 1,
        _stop(training, validation, _best(validation))[1],
    )


@stop_at.mistake(
    "the last epoch",
    "this is the last epoch, whatever happened before. On several of the curves validation was better "
    "earlier.",
)
def _(training, validation):
    return _stop(training, validation, len(training))


@stop_at.mistake(
    "the latest of the best",
    "where several epochs are equally good you take the last of them. The earliest has been trained "
    "less, and its gap is smaller.",
)
def _(training, validation):
    return _stop(training, validation, _last_best(validation))


@stop_at.mistake(
    "stopped at the first fall",
    "you stop as soon as validation accuracy falls. On one of the curves it falls once, and two epochs "
    "later it is higher than before. Take the best of all epochs.",
)
def _(training, validation):
    return _stop(training, validation, _before_first_fall(validation))


@stop_at.mistake(
    "patience",
    "you stop after some epochs without a new best value. The whole curve is given: on one of them the best "
    "epoch comes after several worse ones.",
)
def _(training, validation):
    return _stop(training, validation, _after_patience(validation))


@stop_at.mistake(
    "sign of the gap lost",
    "right epoch, but the gap has lost its sign: while training images are made harder, training accuracy "
    "may lie *below* validation, and training minus validation is negative.",
)
def _(training, validation):
    return (
        _best(validation),
        abs(_stop(training, validation, _best(validation))[1]),
    )


@stop_at.mistake(
    "gap cut off at 0",
    "right epoch, but a negative gap is set to 0. Keep it: training accuracy can lie below validation.",
)
def _(training, validation):
    return (
        _best(validation),
        max(0, _stop(training, validation, _best(validation))[1]),
    )


@stop_at.mistake(
    "smallest gap",
    "this is the epoch with the smallest gap. A network that has learned nothing yet has no gap at all: "
    "what counts is the validation accuracy itself.",
)
def _(training, validation):
    return _stop(training, validation, _smallest_gap(training, validation))


@stop_at.mistake(
    "gap turned round", "right epoch; the gap has the wrong sign. It is training minus validation."
)
def _(training, validation):
    return (
        _best(validation),
        -_stop(training, validation, _best(validation))[1],
    )


@stop_at.mistake(
    "gap of the last epoch",
    "right epoch, but the gap is that of the last epoch. Take both accuracies in the epoch that you keep.",
)
def _(training, validation):
    return (_best(validation), training[-1] - validation[-1])


@stop_at.mistake(
    "best minus best",
    "right epoch, but the gap compares the best training accuracy of *any* epoch. Take both accuracies "
    "in the epoch that you keep.",
)
def _(training, validation):
    return (_best(validation), max(training) - max(validation))


@stop_at.mistake("only the epoch", "the right epoch. Return the gap, too: `return epoch, gap`.")
def _(training, validation):
    return _best(validation)


def _stop(training, validation, epoch):
    return epoch, training[epoch - 1] - validation[epoch - 1]


def _best(values):
    return int(np.argmax(values)) + 1


def _last_best(values):
    return len(values) - int(np.argmax(values[::-1]))


def _before_first_fall(validation):
    falls = np.flatnonzero(np.diff(validation) < 0)
    return int(falls[0]) + 1 if len(falls) else len(validation)


def _after_patience(validation, patience=2):
    best = 0
    for place, accuracy in enumerate(validation):
        if accuracy > validation[best]:
            best = place
        elif place - best >= patience:
            break
    return best + 1


def _smallest_gap(training, validation):
    return int(np.argmin(np.abs(np.subtract(training, validation)))) + 1


ERROR_CASES = [
    ([91.2, 91.6, 91.1], [91.9, 91.7, 92.3]),
    ([70.0, 72.5, 71.0, 70.5], [70.2, 71.3]),
    ([80.0, 81.0], [84.0, 83.0, 85.5, 84.5, 84.0]),
    ([93.4, 93.9, 93.1, 93.6, 93.5], [93.0, 92.2, 92.9]),
]


@exercise(
    insight="With few seeds a standard error is itself uncertain: two are not enough, so the lesson asks for three.",
    question="By how many standard errors is the mean of the second recipe above that of the first?",
    cases=ERROR_CASES,
    hints=[
        "Divide the difference of the two means by the uncertainty of that difference. Both means are "
        "uncertain, and their uncertainties add up as squares.",
        "The standard error is √(s₁²/n₁ + s₂²/n₂). s² is the variance estimated from a sample: `np.var(values, "
        "ddof=1)` divides by n - 1.",
        "`error = np.sqrt(np.var(first, ddof=1) / len(first) + np.var(second, ddof=1) / len(second))`; return "
        "`(np.mean(second) - np.mean(first)) / error`.",
    ],
)
def standard_errors(first, second):
    variances = [np.var(scores, ddof=1) / len(scores) for scores in (first, second)]
    return (np.mean(second) - np.mean(first)) / np.sqrt(sum(variances))


@standard_errors.mistake(
    "the difference itself", "this is the difference in per cent. Divide it by its standard error."
)
def _(first, second):
    return np.mean(second) - np.mean(first)


@standard_errors.mistake(
    "divided by n",
    "nearly: `np.var` divides by n by default. For a few runs the result is too small on average. "
    "`ddof=1` divides by n - 1.",
)
def _(first, second):
    return _ratio(first, second, np.sqrt(_spread(first, 0) + _spread(second, 0)))


@standard_errors.mistake(
    "deviation of a run, not of a mean",
    "this is how uncertain the difference of two single *runs* is. A mean of n runs is more certain: each "
    "variance is divided by its n.",
)
def _(first, second):
    return _ratio(first, second, np.sqrt(np.var(first, ddof=1) + np.var(second, ddof=1)))


@standard_errors.mistake(
    "deviations added up",
    "the two uncertainties are added up as they are. Independent ones add up as squares: √(a² + b²).",
)
def _(first, second):
    return _ratio(first, second, np.sqrt(_spread(first)) + np.sqrt(_spread(second)))


@standard_errors.mistake(
    "square root forgotten",
    "you divide by a sum of variances. The standard error is the square root of that sum.",
)
def _(first, second):
    return _ratio(first, second, _spread(first) + _spread(second))


@standard_errors.mistake(
    "turned round", "right size, wrong sign: positive where the *second* recipe is better."
)
def _(first, second):
    return -_ratio(first, second, np.sqrt(_spread(first) + _spread(second)))


@standard_errors.mistake(
    "sign lost", "the sign is lost: where the second recipe is worse, the answer is negative."
)
def _(first, second):
    return abs(_ratio(first, second, np.sqrt(_spread(first) + _spread(second))))


@standard_errors.mistake(
    "only the second's error", "only the second mean is taken as uncertain. The first is, too."
)
def _(first, second):
    return _ratio(first, second, np.sqrt(_spread(second)))


@standard_errors.mistake(
    "only the first's error", "only the first mean is taken as uncertain. The second is, too."
)
def _(first, second):
    return _ratio(first, second, np.sqrt(_spread(first)))


@standard_errors.mistake(
    "deviation for variance",
    "under the root you have the deviations s. Use the variances s², which `np.var` gives.",
)
def _(first, second):
    return _ratio(
        first,
        second,
        np.sqrt(np.std(first, ddof=1) / len(first) + np.std(second, ddof=1) / len(second)),
    )


@standard_errors.mistake(
    "the standard error itself",
    "this is the standard error. Divide the difference of the means by it.",
)
def _(first, second):
    return np.sqrt(_spread(first) + _spread(second))


@standard_errors.mistake(
    "variances pooled",
    "this assumes that both recipes have the same variance, and pools the two. Here each has its own: "
    "√(s₁²/n₁ + s₂²/n₂).",
)
def _(first, second):
    return _ratio(first, second, _pooled_error(first, second))


@standard_errors.mistake(
    "all runs in one list",
    "you divide by the standard deviation of all runs in one list. The difference between the recipes makes that "
    "deviation larger. Take the variance of each list alone, and divide each by its n.",
)
def _(first, second):
    return _ratio(first, second, np.std([*first, *second]))


@standard_errors.mistake(
    "all runs in one list, with n - 1",
    "`ddof=1` is right, but the deviation is that of all runs in one list: the difference between the recipes is in "
    "it. Take the variance of each list alone, and divide each by its n.",
)
def _(first, second):
    return _ratio(first, second, np.std([*first, *second], ddof=1))


@standard_errors.mistake(
    "standard error of one list",
    "this is the standard error of the mean of all runs in one list. Two means are compared: each list has a "
    "variance and an n of its own.",
)
def _(first, second):
    return _ratio(first, second, np.std([*first, *second]) / np.sqrt(len(first) + len(second)))


@standard_errors.mistake(
    "standard error of one list, with n - 1",
    "`ddof=1` is right, but this is the standard error of the mean of all runs in one list. Each list has a "
    "variance and an n of its own.",
)
def _(first, second):
    return _ratio(first, second, np.std([*first, *second], ddof=1) / np.sqrt(len(first) + len(second)))


@standard_errors.mistake(
    "deviation of a run, divided by n",
    "two things are missing. Divide each variance by its n, because a mean is more certain than a run; and use "
    "`ddof=1`.",
)
def _(first, second):
    return _ratio(first, second, np.sqrt(np.var(first) + np.var(second)))


@standard_errors.mistake(
    "mean of the variances",
    "this counts in standard deviations of a *run* (Cohen's d), and more runs do not change it. A mean of n runs "
    "is more certain: divide each variance by its n.",
)
def _(first, second):
    return _ratio(first, second, np.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / 2))


def _ratio(first, second, error):
    return (np.mean(second) - np.mean(first)) / error


def _spread(values, ddof=1):
    return np.var(values, ddof=ddof) / len(values)


def _pooled_error(first, second):
    squares = sum(np.var(scores) * len(scores) for scores in (first, second))
    return np.sqrt(squares / (len(first) + len(second) - 2) * (1 / len(first) + 1 / len(second)))


@stop_at.mistake(
    "return inside the loop",
    "this is the first epoch, always: does `return` stand inside the loop? Move it behind the loop.",
)
def _(training, validation):
    return 1, training[0] - validation[0]
