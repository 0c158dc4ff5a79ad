"""Lesson 04: He's standard deviation, one step of Adam, and inverted dropout."""

import numpy as np

from convlab.exercises.exercise import exercise


@exercise(
    insight="The 2 makes up for ReLU, which sets half of the values to 0 and so halves their mean square.",
    question="What standard deviation does He's rule give to the kernel of a dense layer before a ReLU?",
    cases=[(784, 256), (256, 10), (10, 1000), (50, 3)],
    hints=[
        "One output adds up `inputs` products. What must the variance of a weight be, so that the sum keeps its size?",
        "A sum of n products has n times the variance of one: that asks for 1/n. Then ReLU sets half of the values to 0, "
        "which halves the mean square: a factor of 2 makes up for it.",
        "The variance is 2 / inputs. You are asked for the standard deviation.",
    ],
)
def he_stddev(inputs, outputs):
    return np.sqrt(2 / inputs)


@he_stddev.mistake(
    "variance", "this is the variance of the weights; the standard deviation is its square root."
)
def _(inputs, outputs):
    return 2 / inputs


@he_stddev.mistake(
    "fan out", "this counts the outputs. What is added up for one output are the products with its inputs."
)
def _(inputs, outputs):
    return np.sqrt(2 / outputs)


@he_stddev.mistake(
    "without the 2",
    "this keeps the size of the values through the sum, but not through the ReLU, which sets half of them to 0.",
)
def _(inputs, outputs):
    return np.sqrt(1 / inputs)


@he_stddev.mistake(
    "Xavier",
    "this is Xavier's rule, a compromise between inputs and outputs for activations of slope 1 around 0. "
    "He's rule uses the inputs alone, and makes up for the half that ReLU sets to 0.",
)
def _(inputs, outputs):
    return np.sqrt(2 / (inputs + outputs))


@he_stddev.mistake(
    "limit of a uniform distribution",
    "this is the limit of the *uniform* distribution with He's variance; its standard deviation is smaller "
    "by a factor √3.",
)
def _(inputs, outputs):
    return np.sqrt(6 / inputs)


@he_stddev.mistake("root of the 2 alone", "the root goes over the whole fraction: over the inputs too.")
def _(inputs, outputs):
    return np.sqrt(2) / inputs


@he_stddev.mistake("root of the inputs alone", "the root goes over the whole fraction: over the 2 as well.")
def _(inputs, outputs):
    return 2 / np.sqrt(inputs)


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


@exercise(
    insight="The first step of Adam has nearly the length of the learning rate, whatever the size of the gradient.",
    question="What are the weight and the two averages after one step of Adam?",
    cases=ADAM_CASES,
    hints=[
        "First bring the two running averages up to date, then correct them, then take the step.",
        "Both averages start at 0 and are too small at first: divide by 1 - 0.9**step and 1 - 0.999**step. "
        "What is remembered stays uncorrected.",
        "`weight - learning_rate * (mean / (1 - 0.9**step)) / (np.sqrt(mean_square / (1 - 0.999**step)) + 1e-7)`",
    ],
)
def adam_step(weight, gradient, mean, mean_square, step, learning_rate):
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.999 * mean_square + 0.001 * gradient**2
    fair_mean = mean / (1 - 0.9**step)
    fair_square = mean_square / (1 - 0.999**step)
    weight = weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7)
    return weight, mean, mean_square


@adam_step.mistake(
    "no correction",
    "the two averages are used as they are. They started at 0 and are still too small, the second far more "
    "than the first: divide each by 1 - β**step.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate, first=0.0, second=0.0)


@adam_step.mistake(
    "half a correction",
    "the mean is corrected, the mean of the squares is not; it needs it more, by 1 - 0.999**step.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate, second=0.0)


@adam_step.mistake(
    "one step ahead",
    "the correction is one step ahead: `step` counts from 1, so the first step divides by 1 - 0.9**1.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step + 1, learning_rate)


@adam_step.mistake(
    "corrected as in the first step",
    "you divide by 1 - 0.9 and 1 - 0.999 in every step. That is right for the first; later the averages have "
    "filled up and need less: raise β to the power `step`.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, 1, learning_rate)


@adam_step.mistake(
    "β times the step",
    "you divide by 1 - β * step, which falls below 0 at the second step. The start, 0, still weighs β after "
    "one step and β² after two: divide by 1 - β**step.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - 0.9 * step), mean_square / (1 - 0.999 * step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


@adam_step.mistake(
    "corrected averages remembered",
    "the step is right, but you return the *corrected* averages; the next step would correct them again. "
    "Return the uncorrected ones.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    weight, mean, mean_square = _adam(weight, gradient, mean, mean_square, step, learning_rate)
    return weight, mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)


@adam_step.mistake(
    "no root", "you divide by the mean of the squares; its root is what has the size of a gradient."
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / (fair_square + 1e-7), mean, mean_square


@adam_step.mistake(
    "this gradient instead of the mean",
    "you step along this gradient alone. Adam steps along the mean of the gradients so far, corrected.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_square = mean_square / (1 - 0.999**step)
    return weight - learning_rate * gradient / (np.sqrt(fair_square) + 1e-7), mean, mean_square


@adam_step.mistake(
    "squares forgotten",
    "the second average takes in the gradient itself; it is the mean of its *square*, which is never "
    "negative and so has a root.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = 0.9 * mean + 0.1 * gradient, 0.999 * mean_square + 0.001 * gradient
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


@adam_step.mistake(
    "nothing added to the root",
    "right until a gradient has been 0 from the start: then it is 0 / 0, and the weight becomes NaN. Add "
    "1e-7 to the root.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / np.sqrt(fair_square), mean, mean_square


@adam_step.mistake("uphill", "right size, wrong direction: the gradient points uphill. Subtract the step.")
def _(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate, sign=-1)


@adam_step.mistake(
    "weight alone", "the new weight is right; return the two averages with it: weight, mean, mean_square."
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    return _adam(weight, gradient, mean, mean_square, step, learning_rate)[0]


@adam_step.mistake(
    "shares swapped",
    "at each step the averages lose nearly all that they held: keep 0.9 of the old mean and take in 0.1 of the "
    "gradient, likewise 0.999 and 0.001.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = 0.1 * mean + 0.9 * gradient, 0.001 * mean_square + 0.999 * gradient**2
    fair_mean, fair_square = mean / (1 - 0.9**step), mean_square / (1 - 0.999**step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


@adam_step.mistake(
    "0.9 and 0.999 exchanged",
    "the two factors are exchanged: 0.9 belongs to the mean, 0.999 to the mean of the squares.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = 0.999 * mean + 0.001 * gradient, 0.9 * mean_square + 0.1 * gradient**2
    fair_mean, fair_square = mean / (1 - 0.999**step), mean_square / (1 - 0.9**step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


@adam_step.mistake(
    "shares swapped, in the correction too",
    "the averages hold 0.1 of the old mean and 0.9 of the gradient: it is the other way round, 0.9 of the old "
    "mean and 0.1 of the gradient, likewise 0.999 and 0.001.",
)
def _(weight, gradient, mean, mean_square, step, learning_rate):
    mean, mean_square = 0.1 * mean + 0.9 * gradient, 0.001 * mean_square + 0.999 * gradient**2
    fair_mean, fair_square = mean / (1 - 0.1**step), mean_square / (1 - 0.001**step)
    return weight - learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


def _averages(gradient, mean, mean_square):
    return 0.9 * mean + 0.1 * gradient, 0.999 * mean_square + 0.001 * gradient**2


def _adam(weight, gradient, mean, mean_square, step, learning_rate, first=0.9, second=0.999, sign=1):
    mean, mean_square = _averages(gradient, mean, mean_square)
    fair_mean, fair_square = mean / (1 - first**step), mean_square / (1 - second**step)
    return weight - sign * learning_rate * fair_mean / (np.sqrt(fair_square) + 1e-7), mean, mean_square


_rng = np.random.default_rng(4)
DROPOUT_CASES = [
    (np.array([1.0, -2.0, 3.0, 4.0]), 0.5, np.array([0.2, 0.9, 0.7, 0.4])),
    (_rng.normal(size=(3, 4)).round(2), 0.2, np.linspace(0.05, 0.95, 12).reshape(3, 4)[::-1]),
    (_rng.normal(size=(2, 5)).round(2), 0.75, _rng.random((2, 5)).round(3)),
    (np.array([[5.0, -1.0, 2.0]]), 0.0, np.array([[0.3, 0.0, 0.1]])),
]


@exercise(
    insight="Dividing in training keeps the expected value, so nothing need change when the network is used.",
    question="What does inverted dropout return for x, if `uniform` holds one random number in [0, 1) per "
    "value?",
    cases=DROPOUT_CASES,
    hints=[
        "A value is dropped with probability `rate`: when is a random number between 0 and 1 below 0.2?",
        "What is left must add up to the same as before, on average: if only half of the values are left, how large "
        "must each become?",
        "`x * (uniform >= rate) / (1 - rate)`",
    ],
)
def inverted_dropout(x, rate, uniform):
    return x * (uniform >= rate) / (1 - rate)


@inverted_dropout.mistake(
    "not scaled",
    "the right values are dropped, but the others must grow to make up for it. This is dropout without "
    "'inverted': the next layer would see larger sums after training than during it.",
)
def _(x, rate, uniform):
    return x * (uniform >= rate)


@inverted_dropout.mistake(
    "divided by the rate", "you divide by the share that is dropped; divide by the share that is kept."
)
def _(x, rate, uniform):
    return x * (uniform >= rate) / rate


@inverted_dropout.mistake(
    "shrunk",
    "this makes the values that are left smaller. They must make up for the dropped ones: divide by 1 - rate.",
)
def _(x, rate, uniform):
    return x * (uniform >= rate) * (1 - rate)


@inverted_dropout.mistake(
    "grown by the rate",
    "the values that are left grow, but not enough: if half are dropped, the other half must double, not grow by half. "
    "Divide by the share that is kept.",
)
def _(x, rate, uniform):
    return x * (uniform >= rate) * (1 + rate)


@inverted_dropout.mistake(
    "dropped and kept swapped", "`rate` is the share that is *dropped*. You keep it, and drop the rest."
)
def _(x, rate, uniform):
    return x * (uniform < rate) / (1 - rate)


@inverted_dropout.mistake(
    "rate taken as the share kept",
    "this would be right if `rate` were the share that is kept. In old TensorFlow it was (`keep_prob`); "
    "here, as in Keras, it is the share that is dropped.",
)
def _(x, rate, uniform):
    return x * (uniform < rate) / rate


@inverted_dropout.mistake(
    "dropped at the rate itself",
    "a value is dropped where its number is *below* the rate; you drop it where the two are equal, too. At a "
    "rate of 0, a number of exactly 0 would drop one.",
)
def _(x, rate, uniform):
    return x * (uniform > rate) / (1 - rate)


@inverted_dropout.mistake("the mask alone", "this is the mask, rightly scaled; multiply x by it.")
def _(x, rate, uniform):
    return (uniform >= rate) / (1 - rate)


@inverted_dropout.mistake(
    "scaled by what happened",
    "you divide by the share that happened to be kept this time; divide by the share that is expected.",
)
def _(x, rate, uniform):
    return x * (uniform >= rate) / np.mean(uniform >= rate)


@inverted_dropout.mistake(
    "x overwritten", "the values are right, but the array x that you were given is changed. Make a new one."
)
def _(x, rate, uniform):
    x[uniform < rate] = 0
    x /= 1 - rate
    return x
