"""Lesson 01: the gradient of the squared error, a step down it, and the sign of a rate that is too large."""

import numpy as np

from convlab.exercises.exercise import Exercise, Mistake, exercise

# Asymmetric on purpose: five examples of two features whose scales and means differ.
FEATURES = np.array([[1.0, 10.0], [2.0, -4.0], [-3.0, 7.0], [0.5, 1.0], [4.0, 2.0]])
TARGETS = np.array([3.0, -1.0, 2.0, 0.0, 8.0])
GRADIENT_CASES = [
    (np.array([0.0, 0.0]), 0.0, FEATURES, TARGETS),
    (np.array([2.0, -0.5]), 1.0, FEATURES, TARGETS),
    (np.array([1.5]), -2.0, FEATURES[:3, :1], TARGETS[:3]),
    (np.array([1.0, 0.0, -1.0]), 0.5, np.arange(12.0).reshape(4, 3) ** 1.5, np.array([1.0, 0.0, 2.0, 5.0])),
]


@exercise(
    insight="Error times input: the same product trains every layer of this course.",
    question="What is the gradient of the mean squared error of `features @ weights + bias`?",
    cases=GRADIENT_CASES,
    hints=[
        "You have this for one feature already: twice the mean of error times input. "
        "Now each feature has its own input.",
        "The error is the same for all weights: `features @ weights + bias - targets`, of shape (N,). "
        "The slope along weight j uses column j of the features.",
        "`features.T @ error / len(targets)` is the mean of error times input for every feature at once; "
        "the bias sees an input that is always 1.",
    ],
)
def gradient(weights, bias, features, targets):
    error = features @ weights + bias - targets  # (N,)
    return 2 * features.T @ error / len(targets), 2 * np.mean(error)


@gradient.mistake(
    "sum instead of mean",
    "this is the gradient of the sum of the squared errors; the loss is their mean. "
    "With the sum, the right learning rate would change with the number of examples.",
)
def _(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return 2 * features.T @ error, 2 * np.sum(error)


@gradient.mistake(
    "factor 2 forgotten",
    "the slope of a square has a factor 2: d(error²) = 2 · error · d(error). "
    "Yours is half of what it should be.",
)
def _(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return features.T @ error / len(targets), np.mean(error)


@gradient.mistake(
    "sign turned round",
    "the sign is turned round: the error is prediction minus target. "
    "With this gradient each step down would climb.",
)
def _(weights, bias, features, targets):
    error = targets - (features @ weights + bias)
    return 2 * features.T @ error / len(targets), 2 * np.mean(error)


@gradient.mistake(
    "input forgotten",
    "each weight gets the slope of the bias: by the chain rule, the slope along a weight "
    "carries the input that the weight multiplies.",
)
def _(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return np.full(len(weights), 2 * np.mean(error)), 2 * np.mean(error)


@gradient.mistake(
    "bias left out of the prediction", "the bias is missing from the prediction inside the error."
)
def _(weights, bias, features, targets):
    error = features @ weights - targets
    return 2 * features.T @ error / len(targets), 2 * np.mean(error)


@gradient.mistake(
    "averaged over the features too",
    "this averages over examples *and* features. There is one slope per weight: "
    "average over the examples only (axis 0).",
)
def _(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return 2 * np.mean(features * error[:, None]), 2 * np.mean(error)


@gradient.mistake(
    "mean of error times feature matrix",
    "`error * features` multiplies shapes (N,) and (N, F), which do not fit: NumPy compares shapes from the "
    "right, N with F. `error[:, None]` has the shape (N, 1), which fits; or use `features.T @ error`.",
)
def _(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return np.mean(2 * error * features, axis=0), np.mean(2 * error)


@gradient.mistake(
    "divided by examples and features",
    "the sum is divided by `features.size`, examples times features. The mean is over the examples: "
    "divide by `len(targets)`.",
)
def _(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return 2 * features.T @ error / features.size, 2 * np.mean(error)


@gradient.mistake(
    "swapped",
    "the values are right, the order is not: first the gradient for the weights, then that for the bias.",
)
def _(weights, bias, features, targets):
    return gradient.reference(weights, bias, features, targets)[::-1]


@gradient.mistake("weights only", "right for the weights, but the bias has a slope too: return the pair.")
def _(weights, bias, features, targets):
    return gradient.reference(weights, bias, features, targets)[0]


@gradient.mistake(
    "in one array",
    "the values are right, but in one array, with the bias as the last weight. "
    "Here the bias stands by itself: return the two apart.",
)
def _(weights, bias, features, targets):
    return np.append(*gradient.reference(weights, bias, features, targets))


X, Y = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0]), np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 9.0])
STEP_CASES = [
    (3.0, -1.0, X, Y, 0.05),
    (0.0, 0.0, X, Y, 0.1),
    (0.5, 2.0, X[:4] * 3, Y[1:5], 0.01),
    (2.0, 1.0, X, Y, 0.1),
]


@exercise(
    insight="Both slopes came from the old line: gradient descent moves all parameters at once.",
    question="What are w and b after one step of gradient descent?",
    cases=STEP_CASES,
    hints=[
        "Three things in this order: the error of every point, the slopes of the loss along w and b, the step.",
        "Both slopes of the loss belong to the *old* line: compute the two before you change either.",
        "`new = old - learning_rate * slope_of_the_loss`, for w and for b, and return both.",
    ],
)
def step(w, b, x, y, learning_rate):
    error = w * x + b - y
    w_slope, b_slope = 2 * np.mean(error * x), 2 * np.mean(error)
    return w - learning_rate * w_slope, b - learning_rate * b_slope


@step.mistake(
    "climbs",
    "this goes up: the gradient points to where the loss grows. Either you add the step instead of "
    "subtracting it, or your error is target minus prediction; it is prediction minus target.",
)
def _(w, b, x, y, learning_rate):
    error = w * x + b - y
    return w + learning_rate * 2 * np.mean(error * x), b + learning_rate * 2 * np.mean(error)


@step.mistake(
    "one parameter after the other",
    "the slope along b is computed with the new w. "
    "Gradient descent computes all slopes at the old place, then moves all parameters together.",
)
def _(w, b, x, y, learning_rate):
    w = w - learning_rate * 2 * np.mean((w * x + b - y) * x)
    return w, b - learning_rate * 2 * np.mean(w * x + b - y)


@step.mistake(
    "b first",
    "the slope along w is computed with the new b. Compute both slopes of the loss from the "
    "old line, then move.",
)
def _(w, b, x, y, learning_rate):
    b = b - learning_rate * 2 * np.mean(w * x + b - y)
    return w - learning_rate * 2 * np.mean((w * x + b - y) * x), b


@step.mistake(
    "learning rate left out",
    "the learning rate is not used: the step is the whole gradient, which is far too long here.",
)
def _(w, b, x, y, learning_rate):
    error = w * x + b - y
    return w - 2 * np.mean(error * x), b - 2 * np.mean(error)


@step.mistake(
    "factor 2 forgotten",
    "the step is half as long as it should be: the slope of error² is 2 · error times that of the error.",
)
def _(w, b, x, y, learning_rate):
    error = w * x + b - y
    return w - learning_rate * np.mean(error * x), b - learning_rate * np.mean(error)


@step.mistake(
    "sum instead of mean",
    "this adds up the slopes of all points; the loss is their mean, so its slope is a mean too.",
)
def _(w, b, x, y, learning_rate):
    return step.reference(w, b, x, y, learning_rate * len(x))


@step.mistake(
    "input forgotten",
    "w and b move by the same amount. But w is multiplied by x, "
    "so for w the error is multiplied by x before the mean.",
)
def _(w, b, x, y, learning_rate):
    move = learning_rate * 2 * np.mean(w * x + b - y)
    return w - move, b - move


@step.mistake(
    "one step for each point",
    "this gives one line for each point: take the mean over the points before the step.",
)
def _(w, b, x, y, learning_rate):
    error = w * x + b - y
    return w - learning_rate * 2 * error * x, b - learning_rate * 2 * error


@step.mistake(
    "always the seven points",
    "right on the seven points only: the lesson's `gradient` always looks at those. Use the x and y given.",
)
def _(w, b, x, y, learning_rate):
    return step.reference(w, b, X, Y, learning_rate)


@step.mistake("swapped", "these are the right two numbers in the wrong order: return (w, b).")
def _(w, b, x, y, learning_rate):
    return step.reference(w, b, x, y, learning_rate)[::-1]


@step.mistake(
    "the step instead of the place",
    "this is the step alone, how far to move. Return the new values: old value plus this step.",
)
def _(w, b, x, y, learning_rate):
    error = w * x + b - y
    return -learning_rate * 2 * np.mean(error * x), -learning_rate * 2 * np.mean(error)


@step.mistake(
    "how far, instead of where",
    "this is learning rate times gradient, how far to move. Return where w and b are *after* the step: the old "
    "value minus this.",
)
def _(w, b, x, y, learning_rate):
    error = w * x + b - y
    return learning_rate * 2 * np.mean(error * x), learning_rate * 2 * np.mean(error)


@step.mistake(
    "the gradient instead of the place",
    "this is the gradient. The step is the learning rate times the gradient; return the old values minus the step.",
)
def _(w, b, x, y, learning_rate):
    error = w * x + b - y
    return 2 * np.mean(error * x), 2 * np.mean(error)


def loss_curve(learning_rate, steps=40):
    """Return the losses of `steps` steps of gradient descent on the seven points, from the line y = 0."""
    w, b, losses = 0.0, 0.0, []
    for _ in range(steps):
        losses.append(np.mean((w * X + b - Y) ** 2))
        w, b = step.reference(w, b, X, Y, learning_rate)
    return np.array(losses)


CURVES = {name: loss_curve(rate) for name, rate in zip("ABCD", [0.002, 0.18, 0.05, 0.195])}

diverging = Exercise(
    lesson="lesson_01",
    name="diverging",
    insight="A loss that grows at every step means one thing first: lower the learning rate.",
    question="Which of the four curves belongs to a learning rate that is too large to ever converge?",
    reference="D",
    hints=(
        "Not the one that is highest at the end: ask where each is going, not where it is.",
        "The loss axis is logarithmic. A curve that falls, however slowly or unsteadily, arrives one day.",
        "Compare the first and the last point of each curve. Only one ends above where it began.",
    ),
    mistakes=(
        Mistake(
            "slow taken for diverging",
            "A",
            "A is slow, but it falls at every step. Its learning rate is too small; "
            "take more steps, or a larger rate.",
        ),
        Mistake(
            "overshooting taken for diverging",
            "B",
            "B leaps over the valley at each step, but lands a little lower on the other side "
            "each time: it converges.",
        ),
        Mistake(
            "the good one",
            "C",
            "C is the best of the four: fast at first, then along the floor of the valley.",
        ),
    ),
)


def _towards_a_point(p):
    """p -> 2 * (p - [1, -2])"""
    return 2 * (p - np.array([1.0, -2.0]))


def _steep_and_flat(p):
    """p -> [10, 1] * p"""
    return np.array([10.0, 1.0]) * p


def _cubic(p):
    """p -> p**3"""
    return p**3


def _round(p):
    """p -> 2 * p"""
    return 2 * p


DESCEND_CASES = [
    (_towards_a_point, np.array([0.0, 0.0]), 0.1, 3),
    (_steep_and_flat, np.array([3.0, -1.0]), 0.15, 5),
    (_cubic, np.array([1.0, 2.0, -0.5]), 0.05, 10),
    (_round, np.array([4.0]), 0.25, 0),
]


@exercise(
    insight="You have written the loop that trains every network of this course; only `gradient` changes.",
    question="Where does gradient descent stand after so many steps?",
    cases=DESCEND_CASES,
    hints=[
        "One step is `place - learning_rate * gradient(place)`. A loop repeats it.",
        "Begin with `place = start`. Each step computes the gradient at the *current* place, not at the start.",
        "`for _ in range(steps): place = place - learning_rate * gradient(place)`; then return `place`.",
    ],
)
def descend(gradient, start, learning_rate, steps):
    place = start
    for _ in range(steps):
        place = place - learning_rate * gradient(place)
    return place


@descend.mistake(
    "gradient of the start only",
    "every step uses the gradient at `start`. Compute it anew at the place where you stand.",
)
def _(gradient, start, learning_rate, steps):
    return start - steps * learning_rate * gradient(start)


@descend.mistake("one step only", "this takes one step and stops: repeat the step `steps` times, in a loop.")
def _(gradient, start, learning_rate, steps):
    return start - learning_rate * gradient(start)


@descend.mistake(
    "one step too few",
    "this takes one step too few: `range(steps)` already runs `steps` times, from 0 to `steps - 1`.",
)
def _(gradient, start, learning_rate, steps):
    return descend.reference(gradient, start, learning_rate, steps - 1)


@descend.mistake("one step too many", "this takes one step too many: with `steps` 0, the answer is `start`.")
def _(gradient, start, learning_rate, steps):
    return descend.reference(gradient, start, learning_rate, steps + 1)


@descend.mistake(
    "return inside the loop",
    "this stops after the first step: `return` stands inside the loop. Move it behind the loop.",
)
def _(gradient, start, learning_rate, steps):
    for _ in range(steps):
        return start - learning_rate * gradient(start)
    return None


@descend.mistake("climbs", "this goes up: subtract the gradient, for it points to where the loss grows.")
def _(gradient, start, learning_rate, steps):
    return descend.reference(gradient, start, -learning_rate, steps)


@descend.mistake(
    "changes its argument",
    "the values are right, but `place -= …` changes the array `start` itself: both names mean one array. "
    "Write `place = place - …`, which makes a new one.",
)
def _(gradient, start, learning_rate, steps):
    for _ in range(steps):
        start -= learning_rate * gradient(start)
    return start


@descend.mistake(
    "all the places",
    "these are all the places on the way. Return the last one only.",
)
def _(gradient, start, learning_rate, steps):
    places = [start]
    for _ in range(steps):
        places.append(places[-1] - learning_rate * gradient(places[-1]))
    return np.array(places)


def _with_ones(columns):
    """Return columns of features with a last column of ones."""
    return np.column_stack([*columns, np.ones(len(columns[0]))])


LIMIT_CASES = [
    (_with_ones([X]),),
    (_with_ones([X[:4] * 3]),),
    (_with_ones([FEATURES[:, 0], FEATURES[:, 1]]),),
]


@exercise(
    insight="The steepest direction sets the limit and the flattest one needs the steps: that is why inputs are scaled.",
    question="How large may the learning rate be for the mean squared error on these inputs?",
    cases=LIMIT_CASES,
    hints=[
        "The limit is 2 divided by a curvature. Which of the curvatures?",
        "The steepest direction sets the limit: the largest curvature.",
        "The curvatures are `np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))`, the smallest first.",
    ],
)
def limit(inputs):
    return 2 / np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))[-1]


@limit.mistake(
    "smallest curvature",
    "this is the limit of the flattest direction. The steepest direction, with the largest curvature, "
    "allows less.",
)
def _(inputs):
    return 2 / np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))[0]


@limit.mistake("the curvature itself", "this is the largest curvature. The limit is 2 divided by it.")
def _(inputs):
    return np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))[-1]


@limit.mistake(
    "a limit for each direction",
    "this is a limit for each direction. One learning rate serves all of them: return the smallest limit.",
)
def _(inputs):
    return 2 / np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))


@limit.mistake(
    "one over the curvature",
    "this is half of the limit: 1 / curvature reaches the lowest point in one step; up to 2 / curvature "
    "each step still comes nearer.",
)
def _(inputs):
    return 1 / np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))[-1]


@limit.mistake(
    "sum instead of mean",
    "this is the limit for the *sum* of the squared errors: divide the matrix by the number of examples.",
)
def _(inputs):
    return 2 / np.linalg.eigvalsh(2 * inputs.T @ inputs)[-1]


@limit.mistake(
    "factor 2 forgotten",
    "the slope of a square has a factor 2, so the curvature has it, too: 2 · inputsᵀ inputs / N.",
)
def _(inputs):
    return 2 / np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[-1]
