"""Lesson 01: the gradient of the squared error, a step down it, and the sign of a rate that is too large."""

import numpy as np

from convlab.exercises.engine import Exercise, Mistake, exercise

# Asymmetric on purpose: five examples of two features whose scales and means differ.
FEATURES = np.array([[1.0, 10.0], [2.0, -4.0], [-3.0, 7.0], [0.5, 1.0], [4.0, 2.0]])
TARGETS = np.array([3.0, -1.0, 2.0, 0.0, 8.0])
GRADIENT_CASES = [
    (np.array([0.0, 0.0]), 0.0, FEATURES, TARGETS),
    (np.array([2.0, -0.5]), 1.0, FEATURES, TARGETS),
    (np.array([1.5]), -2.0, FEATURES[:3, :1], TARGETS[:3]),
    (np.array([1.0, 0.0, -1.0]), 0.5, np.arange(12.0).reshape(4, 3) ** 1.5, np.array([1.0, 0.0, 2.0, 5.0])),
]


def _gradient_of_sum(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return 2 * features.T @ error, 2 * np.sum(error)


def _gradient_without_factor(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return features.T @ error / len(targets), np.mean(error)


def _gradient_uphill_down(weights, bias, features, targets):
    error = targets - (features @ weights + bias)
    return 2 * features.T @ error / len(targets), 2 * np.mean(error)


def _gradient_without_inputs(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return np.full(len(weights), 2 * np.mean(error)), 2 * np.mean(error)


def _gradient_without_bias(weights, bias, features, targets):
    error = features @ weights - targets
    return 2 * features.T @ error / len(targets), 2 * np.mean(error)


def _gradient_swapped(weights, bias, features, targets):
    return gradient.reference(weights, bias, features, targets)[::-1]


def _gradient_for_weights_only(weights, bias, features, targets):
    return gradient.reference(weights, bias, features, targets)[0]


def _gradient_in_one_array(weights, bias, features, targets):
    return np.append(*gradient.reference(weights, bias, features, targets))


def _gradient_one_number(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return 2 * np.mean(features * error[:, None]), 2 * np.mean(error)


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
    mistakes=[
        Mistake(
            "sum instead of mean",
            _gradient_of_sum,
            "this is the gradient of the sum of the squared errors; the loss is their mean. "
            "With the sum, the right learning rate would change with the number of examples.",
        ),
        Mistake(
            "factor 2 forgotten",
            _gradient_without_factor,
            "the slope of a square has a factor 2: d(error²) = 2 · error · d(error). "
            "Yours is half of what it should be.",
        ),
        Mistake(
            "sign turned round",
            _gradient_uphill_down,
            "the sign is turned round: the error is prediction minus target. "
            "With this gradient each step down would climb.",
        ),
        Mistake(
            "input forgotten",
            _gradient_without_inputs,
            "each weight gets the slope of the bias: by the chain rule, the slope along a weight "
            "carries the input that the weight multiplies.",
        ),
        Mistake(
            "bias left out of the prediction",
            _gradient_without_bias,
            "the prediction inside the error lacks the bias.",
        ),
        Mistake(
            "averaged over the features too",
            _gradient_one_number,
            "this averages over examples *and* features. There is one slope per weight: "
            "average over the examples only (axis 0).",
        ),
        Mistake(
            "swapped",
            _gradient_swapped,
            "the values are right, the order is not: first the gradient for the weights, then that for the bias.",
        ),
        Mistake(
            "weights only",
            _gradient_for_weights_only,
            "right for the weights, but the bias has a slope too: return the pair.",
        ),
        Mistake(
            "in one array",
            _gradient_in_one_array,
            "the values are right, but in one array, with the bias as the last weight. "
            "Here the bias stands by itself: return the two apart.",
        ),
    ],
)
def gradient(weights, bias, features, targets):
    error = features @ weights + bias - targets  # (N,)
    return 2 * features.T @ error / len(targets), 2 * np.mean(error)


X, Y = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0]), np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 9.0])
STEP_CASES = [
    (0.0, 0.0, X, Y, 0.1),
    (3.0, -1.0, X, Y, 0.05),
    (0.5, 2.0, X[:4] * 3, Y[1:5], 0.01),
    (2.0, 1.0, X, Y, 0.1),
]


def _step_up(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope + learning_rate * 2 * np.mean(error * x), intercept + learning_rate * 2 * np.mean(error)


def _step_one_after_the_other(slope, intercept, x, y, learning_rate):
    slope = slope - learning_rate * 2 * np.mean((slope * x + intercept - y) * x)
    return slope, intercept - learning_rate * 2 * np.mean(slope * x + intercept - y)


def _step_intercept_first(slope, intercept, x, y, learning_rate):
    intercept = intercept - learning_rate * 2 * np.mean(slope * x + intercept - y)
    return slope - learning_rate * 2 * np.mean((slope * x + intercept - y) * x), intercept


def _step_without_rate(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope - 2 * np.mean(error * x), intercept - 2 * np.mean(error)


def _step_without_factor(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope - learning_rate * np.mean(error * x), intercept - learning_rate * np.mean(error)


def _step_down_the_sum(slope, intercept, x, y, learning_rate):
    return step.reference(slope, intercept, x, y, learning_rate * len(x))


def _step_without_input(slope, intercept, x, y, learning_rate):
    move = learning_rate * 2 * np.mean(slope * x + intercept - y)
    return slope - move, intercept - move


def _step_for_each_point(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return slope - learning_rate * 2 * error * x, intercept - learning_rate * 2 * error


def _step_on_the_seven_points(slope, intercept, x, y, learning_rate):
    return step.reference(slope, intercept, X, Y, learning_rate)


def _step_swapped(slope, intercept, x, y, learning_rate):
    return step.reference(slope, intercept, x, y, learning_rate)[::-1]


def _step_only(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    return -learning_rate * 2 * np.mean(error * x), -learning_rate * 2 * np.mean(error)


@exercise(
    question="Where do slope and intercept stand after one step of gradient descent?",
    cases=STEP_CASES,
    hints=[
        "Three things in this order: the error of every point, the two slopes of the loss, the step.",
        "Both slopes of the loss belong to the *old* line: compute the two before you change either.",
        "`new = old - learning_rate * slope_of_the_loss`, for slope and intercept, and return both.",
    ],
    mistakes=[
        Mistake(
            "climbs",
            _step_up,
            "this goes up: the gradient points to where the loss grows. Either the step is added where it is to be "
            "subtracted, or your error is target minus prediction; it is prediction minus target.",
        ),
        Mistake(
            "one parameter after the other",
            _step_one_after_the_other,
            "the intercept's slope is computed with the slope that has already moved. "
            "Gradient descent looks once, from the old place, then moves all parameters together.",
        ),
        Mistake(
            "intercept first",
            _step_intercept_first,
            "the slope is moved with the intercept that has already moved. Compute both slopes of the loss from the "
            "old line, then move.",
        ),
        Mistake(
            "learning rate left out",
            _step_without_rate,
            "the learning rate is not used: the step is the whole gradient, which is far too long here.",
        ),
        Mistake(
            "factor 2 forgotten",
            _step_without_factor,
            "the step is half as long as it should be: the slope of error² is 2 · error times that of the error.",
        ),
        Mistake(
            "sum instead of mean",
            _step_down_the_sum,
            "this adds up the slopes of all points; the loss is their mean, so its slope is a mean too.",
        ),
        Mistake(
            "input forgotten",
            _step_without_input,
            "slope and intercept move by the same amount: the slope of the line is multiplied by x, "
            "so its error is to be multiplied by x before the mean.",
        ),
        Mistake(
            "one step for each point",
            _step_for_each_point,
            "this is a line for each point: take the mean over the points before the step.",
        ),
        Mistake(
            "always the seven points",
            _step_on_the_seven_points,
            "right on the seven points only: the lesson's `gradient` always looks at those. Use the x and y given.",
        ),
        Mistake(
            "swapped",
            _step_swapped,
            "these are the right two numbers in the wrong order: return (slope, intercept).",
        ),
        Mistake(
            "the step instead of the place",
            _step_only,
            "this is how far to move; the answer is where one stands after it: old value plus this step.",
        ),
    ],
)
def step(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    slope_gradient, intercept_gradient = 2 * np.mean(error * x), 2 * np.mean(error)
    return slope - learning_rate * slope_gradient, intercept - learning_rate * intercept_gradient


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
        Mistake("small letter", "d", 'the right curve; write its letter as the plot does: "D".'),
    ),
)
