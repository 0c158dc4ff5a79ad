"""Lesson 04: He's standard deviation, one step of Adam, and inverted dropout."""

import numpy as np

from convlab.exercises.engine import Mistake, exercise


@exercise(
    question="Which standard deviation does He's rule give the kernel of a dense layer before a ReLU?",
    cases=[(784, 256), (256, 10), (10, 1000), (50, 3)],
    hints=[
        "One output adds up `inputs` products. What must the variance of a weight be, so that the sum keeps its size?",
        "A sum of n products has n times the variance of one: that asks for 1/n. Then ReLU throws half of the power "
        "away: make up for it.",
        "The variance is 2 / inputs. You are asked for the standard deviation.",
    ],
    mistakes=[
        Mistake(
            "variance",
            lambda inputs, outputs: 2 / inputs,
            "this is the variance of the weights; the standard deviation is its square root.",
        ),
        Mistake(
            "fan out",
            lambda inputs, outputs: np.sqrt(2 / outputs),
            "this counts the outputs. What is added up for one output are the products with its inputs.",
        ),
        Mistake(
            "without the 2",
            lambda inputs, outputs: np.sqrt(1 / inputs),
            "this keeps the signal's size through the sum, but not through the ReLU, which silences half of it.",
        ),
        Mistake(
            "Xavier",
            lambda inputs, outputs: np.sqrt(2 / (inputs + outputs)),
            "this is Xavier's rule, a compromise between inputs and outputs for activations of slope 1 around 0. "
            "He's looks at the inputs alone and makes up for the half that ReLU silences.",
        ),
        Mistake(
            "limit of a uniform distribution",
            lambda inputs, outputs: np.sqrt(6 / inputs),
            "this is the limit of the *uniform* distribution with He's variance; its standard deviation is smaller "
            "by a factor √3.",
        ),
        Mistake(
            "root of the 2 alone",
            lambda inputs, outputs: np.sqrt(2) / inputs,
            "the root goes over the whole fraction: over the inputs too.",
        ),
        Mistake(
            "root of the inputs alone",
            lambda inputs, outputs: 2 / np.sqrt(inputs),
            "the root goes over the whole fraction: over the 2 as well.",
        ),
    ],
)
def he_stddev(inputs, outputs):
    return np.sqrt(2 / inputs)


ADAM_CASES = [
    (np.array([1.0, -2.0, 0.5]), np.array([0.2, -3.0, 1.0]), np.zeros(3), np.zeros(3), 1, 0.1),
    (np.array([0.3, 4.0]), np.array([-1.5, 0.5]), np.array([0.4, -0.1]), np.array([0.02, 0.5]), 2, 0.01),
    (
        np.array([[2.0, -1.0]]),
        np.array([[0.5, 2.0]]),
        np.array([[-0.3, 0.8]]),
        np.array([[0.6, 1.5]]),
        7,
        0.3,
    ),
    # a large gradient, and one that has always been 0: 0 / 0 unless something is added to the root
    (np.array([1.0, -2.0]), np.array([100.0, 0.0]), np.zeros(2), np.zeros(2), 1, 0.1),
]


def _averages(gradient, mean, mean_square):
    return 0.9 * mean + 0.1 * gradient, 0.999 * mean_square + 0.001 * gradient**2


def _adam(weight, gradient, mean, mean_square, step, learning_rate, first=0.9, second=0.999, sign=1):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - first**step), mean_square / (1 - second**step)
    return weight - sign * learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


def _adam_without_correction(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate, first=0.0, second=0.0)


def _adam_half_corrected(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate, second=0.0)


def _adam_one_step_ahead(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step + 1, learning_rate)


def _adam_corrected_once_for_all(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, 1, learning_rate)


def _adam_corrected_in_proportion(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - 0.9 * step), mean_square / (1 - 0.999 * step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


def _adam_keeps_corrected(weight, gradient, mean, mean_square, step, learning_rate):
    weight, mean, mean_square = _adam(weight, gradient, mean, mean_square, step, learning_rate)
    return weight, mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)


def _adam_without_root(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / (fair_square + 1e-7), mean, mean_square


def _adam_of_the_last_gradient(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_square = mean_square / (1 - 0.999**step)
    return weight - learning_rate * gradient / (np.sqrt(fair_square) + 1e-7), mean, mean_square


def _adam_squares_forgotten(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = 0.9 * mean + 0.1 * gradient, 0.999 * mean_square + 0.001 * gradient
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


def _adam_nothing_added(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / np.sqrt(fair_square), mean, mean_square


def _adam_uphill(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate, sign=-1)


def _adam_weight_alone(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate)[0]


def _adam_shares_swapped(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = 0.1 * mean + 0.9 * gradient, 0.001 * mean_square + 0.999 * gradient**2
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


@exercise(
    question="Where does one step of Adam lead, and what does it remember for the next?",
    cases=ADAM_CASES,
    hints=[
        "First bring the two running averages up to date, then correct them, then take the step.",
        "Both averages start at 0 and are too small at first: divide by 1 - 0.9**step and 1 - 0.999**step. "
        "What is remembered stays uncorrected.",
        "`weight - learning_rate * (mean / (1 - 0.9**step)) / (np.sqrt(mean_square / (1 - 0.999**step)) + 1e-7)`",
    ],
    mistakes=[
        Mistake(
            "no correction",
            _adam_without_correction,
            "the two averages are used as they are. They started at 0 and are still too small, the second far more "
            "than the first: divide each by 1 - β**step.",
        ),
        Mistake(
            "half a correction",
            _adam_half_corrected,
            "the mean is corrected, the mean of the squares is not; it needs it more, by 1 - 0.999**step.",
        ),
        Mistake(
            "one step ahead",
            _adam_one_step_ahead,
            "the correction is one step ahead: `step` counts from 1, so the first step divides by 1 - 0.9**1.",
        ),
        Mistake(
            "corrected as in the first step",
            _adam_corrected_once_for_all,
            "you divide by 1 - 0.9 and 1 - 0.999 in every step. That is right for the first; later the averages have "
            "filled up and need less: raise β to the power `step`.",
        ),
        Mistake(
            "β times the step",
            _adam_corrected_in_proportion,
            "you divide by 1 - β * step, which falls below 0 at the second step. The start, 0, still weighs β after "
            "one step and β² after two: divide by 1 - β**step.",
        ),
        Mistake(
            "corrected averages remembered",
            _adam_keeps_corrected,
            "the step is right, but the *corrected* averages are handed on; the next step would correct them again. "
            "Return the uncorrected ones.",
        ),
        Mistake(
            "no root",
            _adam_without_root,
            "you divide by the mean of the squares; its root is what has the size of a gradient.",
        ),
        Mistake(
            "this gradient instead of the mean",
            _adam_of_the_last_gradient,
            "you step along this gradient alone. Adam steps along the mean of the gradients so far, corrected.",
        ),
        Mistake(
            "squares forgotten",
            _adam_squares_forgotten,
            "the second average takes in the gradient itself; it is the mean of its *square*, which is never "
            "negative and so has a root.",
        ),
        Mistake(
            "nothing added to the root",
            _adam_nothing_added,
            "right until a gradient has been 0 from the start: then it is 0 / 0, and the weight becomes NaN. Add "
            "1e-7 to the root.",
        ),
        Mistake(
            "uphill", _adam_uphill, "right size, wrong way: the gradient points uphill. Take the step away."
        ),
        Mistake(
            "weight alone",
            _adam_weight_alone,
            "the new weight is right; return the two averages with it: weight, mean, mean_square.",
        ),
        Mistake(
            "shares swapped",
            _adam_shares_swapped,
            "the averages forget nearly everything at each step: keep 0.9 of the old mean and take in 0.1 of the "
            "gradient, likewise 0.999 and 0.001.",
        ),
    ],
)
def adam_step(weight, gradient, mean, mean_square, step, learning_rate):
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.999 * mean_square + 0.001 * gradient**2
    fair_mean = mean / (1 - 0.9**step)
    fair_square = mean_square / (1 - 0.999**step)
    weight = weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7)
    return weight, mean, mean_square


_rng = np.random.default_rng(4)
DROPOUT_CASES = [
    (np.array([1.0, -2.0, 3.0, 4.0]), 0.5, np.array([0.2, 0.9, 0.7, 0.4])),
    (_rng.normal(size=(3, 4)).round(2), 0.2, np.linspace(0.05, 0.95, 12).reshape(3, 4)[::-1]),
    (_rng.normal(size=(2, 5)).round(2), 0.75, _rng.random((2, 5)).round(3)),
    (np.array([[5.0, -1.0, 2.0]]), 0.0, np.array([[0.3, 0.0, 0.1]])),
]


def _dropout_in_place(x, rate, uniform):
    x[uniform < rate] = 0
    x /= 1 - rate
    return x


@exercise(
    question="What does inverted dropout make of x, if `uniform` holds one random number in [0, 1) per value?",
    cases=DROPOUT_CASES,
    hints=[
        "A value is lost with probability `rate`: when is a random number between 0 and 1 below 0.2?",
        "What is left must add up to the same as before, on average: if only half of the values are left, how large "
        "must each become?",
        "`x * (uniform >= rate) / (1 - rate)`",
    ],
    mistakes=[
        Mistake(
            "not scaled",
            lambda x, rate, uniform: x * (uniform >= rate),
            "the right values are lost, but the others must grow to make up for it. This is dropout without "
            "'inverted': the next layer would see larger sums after training than during it.",
        ),
        Mistake(
            "divided by the rate",
            lambda x, rate, uniform: x * (uniform >= rate) / rate,
            "you divide by the share that is lost; divide by the share that is kept.",
        ),
        Mistake(
            "shrunk",
            lambda x, rate, uniform: x * (uniform >= rate) * (1 - rate),
            "this makes the survivors smaller. They have to stand in for the lost: divide by 1 - rate.",
        ),
        Mistake(
            "grown by the rate",
            lambda x, rate, uniform: x * (uniform >= rate) * (1 + rate),
            "the survivors grow, but not enough: if half are lost, the other half must double, not grow by half. "
            "Divide by the share that is kept.",
        ),
        Mistake(
            "lost and kept swapped",
            lambda x, rate, uniform: x * (uniform < rate) / (1 - rate),
            "`rate` is the share that is *lost*. You keep it, and lose the rest.",
        ),
        Mistake(
            "rate taken as the share kept",
            lambda x, rate, uniform: x * (uniform < rate) / rate,
            "this would be right if `rate` were the share that is kept. In old TensorFlow it was (`keep_prob`); "
            "here, as in Keras, it is the share lost.",
        ),
        Mistake(
            "lost at the rate itself",
            lambda x, rate, uniform: x * (uniform > rate) / (1 - rate),
            "a value is lost where its number is *below* the rate; you lose it where the two are equal, too. At a "
            "rate of 0, a number of exactly 0 would lose one.",
        ),
        Mistake(
            "the mask alone",
            lambda x, rate, uniform: (uniform >= rate) / (1 - rate),
            "this is the mask, rightly scaled; multiply x by it.",
        ),
        Mistake(
            "scaled by what happened",
            lambda x, rate, uniform: x * (uniform >= rate) / np.mean(uniform >= rate),
            "you divide by the share that happened to be kept this time; divide by the share that is expected.",
        ),
        Mistake(
            "x overwritten",
            _dropout_in_place,
            "the values are right, but the array x that you were given is changed. Make a new one.",
        ),
    ],
)
def inverted_dropout(x, rate, uniform):
    return x * (uniform >= rate) / (1 - rate)
