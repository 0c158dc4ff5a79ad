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
    (0.0, 0.0, X, Y, 0.1),
    (3.0, -1.0, X, Y, 0.05),
    (0.5, 2.0, X[:4] * 3, Y[1:5], 0.01),
    (2.0, 1.0, X, Y, 0.1),
]


@exercise(
    question="Where do slope and intercept stand after one step of gradient descent?",
    cases=STEP_CASES,
    hints=[
        "Three things in this order: the error of every point, the two slopes of the loss, the step.",
        "Both slopes of the loss belong to the *old* line: compute the two before you change either.",
        "`new = old - learning_rate * slope_of_the_loss`, for slope and intercept, and return both.",
    ],
)
def step(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    slope_gradient, intercept_gradient = 2 * np.mean(error * x), 2 * np.mean(error)
    return slope - learning_rate * slope_gradient, intercept - learning_rate * intercept_gradient


@step.mistake(
    "climbs",
    "this goes up: the gradient points to where the loss grows. Either the step is added where it is to be "
    "subtracted, or your error is target minus prediction; it is prediction minus target.",
)
def _(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope + learning_rate * 2 * np.mean(error * x), intercept + learning_rate * 2 * np.mean(error)


@step.mistake(
    "one parameter after the other",
    "the intercept's slope is computed with the slope that has already moved. "
    "Gradient descent looks once, from the old place, then moves all parameters together.",
)
def _(slope, intercept, x, y, learning_rate):
    slope = slope - learning_rate * 2 * np.mean((slope * x + intercept - y) * x)
    return slope, intercept - learning_rate * 2 * np.mean(slope * x + intercept - y)


@step.mistake(
    "intercept first",
    "the slope is moved with the intercept that has already moved. Compute both slopes of the loss from the "
    "old line, then move.",
)
def _(slope, intercept, x, y, learning_rate):
    intercept = intercept - learning_rate * 2 * np.mean(slope * x + intercept - y)
    return slope - learning_rate * 2 * np.mean((slope * x + intercept - y) * x), intercept


@step.mistake(
    "learning rate left out",
    "the learning rate is not used: the step is the whole gradient, which is far too long here.",
)
def _(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope - 2 * np.mean(error * x), intercept - 2 * np.mean(error)


@step.mistake(
    "factor 2 forgotten",
    "the step is half as long as it should be: the slope of error² is 2 · error times that of the error.",
)
def _(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope - learning_rate * np.mean(error * x), intercept - learning_rate * np.mean(error)


@step.mistake(
    "sum instead of mean",
    "this adds up the slopes of all points; the loss is their mean, so its slope is a mean too.",
)
def _(slope, intercept, x, y, learning_rate):
    return step.reference(slope, intercept, x, y, learning_rate * len(x))


@step.mistake(
    "input forgotten",
    "slope and intercept move by the same amount: the slope of the line is multiplied by x, "
    "so its error is to be multiplied by x before the mean.",
)
def _(slope, intercept, x, y, learning_rate):
    move = learning_rate * 2 * np.mean(slope * x + intercept - y)
    return slope - move, intercept - move


@step.mistake(
    "one step for each point", "this is a line for each point: take the mean over the points before the step."
)
def _(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope - learning_rate * 2 * error * x, intercept - learning_rate * 2 * error


@step.mistake(
    "always the seven points",
    "right on the seven points only: the lesson's `gradient` always looks at those. Use the x and y given.",
)
def _(slope, intercept, x, y, learning_rate):
    return step.reference(slope, intercept, X, Y, learning_rate)


@step.mistake("swapped", "these are the right two numbers in the wrong order: return (slope, intercept).")
def _(slope, intercept, x, y, learning_rate):
    return step.reference(slope, intercept, x, y, learning_rate)[::-1]


@step.mistake(
    "the step instead of the place",
    "this is how far to move; the answer is where one stands after it: old value plus this step.",
)
def _(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return -learning_rate * 2 * np.mean(error * x), -learning_rate * 2 * np.mean(error)


def loss_curve(learning_rate, steps=40):
    """Return the losses of `steps` steps of gradient descent on the seven points, from the line y = 0."""
    slope, intercept, losses = 0.0, 0.0, []
    for _ in range(steps):
        losses.append(np.mean((slope * X + intercept - Y) ** 2))
        slope, intercept = step.reference(slope, intercept, X, Y, learning_rate)
    return np.array(losses)


CURVES = {name: loss_curve(rate) for name, rate in zip("ABCD", [0.002, 0.18, 0.05, 0.195])}

diverging = Exercise(
    lesson="lesson_01",
    name="diverging",
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
            "A is slow, not lost: it falls at every step. Its learning rate is too small; "
            "more steps, or a larger rate, cure it.",
        ),
        Mistake(
            "overshooting taken for diverging",
            "B",
            "B leaps over the valley at each step, but lands a little lower on the other side "
            "each time: it converges.",
        ),
        Mistake("the good one", "C", "C is the healthy one: fast at first, then along the valley floor."),
    ),
)
