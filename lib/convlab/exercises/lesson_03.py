"""Lesson 03: the backward pass of a dense layer and of ReLU, and a bug found by a gradient check."""

import numpy as np

from convlab import layers
from convlab.exercises.exercise import Exercise, Mistake, exercise

_rng = np.random.default_rng(3)
DENSE_CASES = [
    (  # small whole numbers, which can be followed by hand
        np.array([[1.0, 2.0, 0.0], [3.0, -1.0, 1.0]]),
        np.array([[2.0], [-1.0], [4.0]]),
        np.array([[1.0], [-2.0]]),
    ),
    (_rng.normal(size=(4, 3)).round(2), _rng.normal(size=(3, 2)).round(2), _rng.normal(size=(4, 2)).round(2)),
    (_rng.normal(size=(2, 5)).round(2), _rng.normal(size=(5, 5)).round(2), _rng.normal(size=(2, 5)).round(2)),
    (_rng.normal(size=(3, 3)).round(2), _rng.normal(size=(3, 3)).round(2), _rng.normal(size=(3, 3)).round(2)),
]


@exercise(
    insight="The shapes leave one product each: this is why counting shapes is the fastest check of a formula.",
    question="Which gradients does a dense layer's backward pass return, for its input, its kernel and its bias?",
    cases=DENSE_CASES,
    hints=[
        "Write the three shapes down first: dx is like x, dkernel like the kernel, dbias has one value per output.",
        "Only one product of x and dy has the kernel's shape, and only one of dy and the kernel has that of x.",
        "`dy @ kernel.T`, `x.T @ dy`, and the sum of dy over the examples, which are axis 0.",
    ],
)
def dense_backward(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy, dy.sum(axis=0)


@dense_backward.mistake(
    "bias averaged",
    "the bias is added to every example, so its gradient is the sum over all examples, not the mean. "
    "(The 1/N of a mean loss is already in dy.)",
)
def _(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy, dy.mean(axis=0)


@dense_backward.mistake(
    "everything averaged", "do not divide by N again: if the loss is a mean, its 1/N is already in dy."
)
def _(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy / len(x), dy.mean(axis=0)


@dense_backward.mistake(
    "kernel averaged",
    "the gradient of the kernel is divided by N. If the loss is a mean, its 1/N is already in dy: sum only.",
)
def _(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy / len(x), dy.sum(axis=0)


@dense_backward.mistake("other order", "the values are right, the order is not: dx, dkernel, dbias.")
def _(x, kernel, dy):
    return x.T @ dy, dy @ kernel.T, dy.sum(axis=0)


@dense_backward.mistake(
    "kernel, bias, input",
    "all three are right, but in the order dkernel, dbias, dx. Return dx, dkernel, dbias.",
)
def _(x, kernel, dy):
    return x.T @ dy, dy.sum(axis=0), dy @ kernel.T


@dense_backward.mistake(
    "input gradient transposed",
    "dx has the shape (inputs, N); it must have that of x, (N, inputs), an example in each row.",
)
def _(x, kernel, dy):
    return kernel @ dy.T, x.T @ dy, dy.sum(axis=0)


@dense_backward.mistake(
    "kernel gradient transposed",
    "the gradient of the kernel has the shape (outputs, inputs); it must have the kernel's own, "
    "(inputs, outputs), or no step can be taken with it.",
)
def _(x, kernel, dy):
    return dy @ kernel.T, dy.T @ x, dy.sum(axis=0)


@dense_backward.mistake(
    "bias summed over the outputs",
    "this sums dy over the outputs (axis 1) and gives one number per example; "
    "the bias has one per output: sum over the examples, axis 0.",
)
def _(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy, dy.sum(axis=1)


@dense_backward.mistake(
    "bias gradient of two axes",
    "the gradient of the bias has shape (1, outputs); the bias has (outputs,): leave `keepdims` out.",
)
def _(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy, dy.sum(axis=0, keepdims=True)


@dense_backward.mistake(
    "bias one number",
    "the bias has one value per output; this sums over the outputs as well: sum over axis 0 only.",
)
def _(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy, dy.sum()


@dense_backward.mistake(
    "bias gradient not summed",
    "this is the gradient of the bias for each example by itself. There is one bias for all: add them up.",
)
def _(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy, dy


RELU_CASES = [
    (np.array([[-2.0, 3.0, 0.5], [1.0, -0.1, 2.0]]), np.array([[0.5, -1.0, 2.0], [-3.0, 4.0, 0.25]])),
    (np.array([-1.0, 0.0, 0.2, 7.0]), np.array([1.0, 2.0, -3.0, 4.0])),
    (np.arange(-6.0, 6.0).reshape(2, 3, 2), np.linspace(-1.0, 2.0, 12).reshape(2, 3, 2)),
]


@exercise(
    insight="The sign of the *input* decides, so a layer must remember its input in `forward`.",
    question="Which gradient does the backward pass of a ReLU return for its input?",
    cases=RELU_CASES,
    hints=[
        "The slope of ReLU is 1 where it was active and 0 where it was not.",
        "Active means that the *input* was positive. The sign of dy plays no part.",
        "`dy * (x > 0)`",
    ],
)
def relu_backward(x, dy):
    return dy * (x > 0)


@relu_backward.mistake(
    "ReLU of the gradient",
    "this applies ReLU to dy. A gradient may be negative; what decides is whether the input was positive.",
)
def _(x, dy):
    return np.maximum(dy, 0)


@relu_backward.mistake(
    "forward again",
    "this is the forward pass: dy is not used. Backward returns dy, let through where x was positive.",
)
def _(x, dy):
    return np.maximum(x, 0)


@relu_backward.mistake(
    "the slope alone", "this is the slope of ReLU itself; the chain rule multiplies it by dy."
)
def _(x, dy):
    return (x > 0).astype(float)


@relu_backward.mistake(
    "multiplied by the input",
    "this multiplies dy by x itself; it is to be multiplied by the slope of ReLU at x, which is 0 or 1.",
)
def _(x, dy):
    return dy * x


@relu_backward.mistake(
    "sign for slope", "where x is negative the sign is -1, but the slope of ReLU is 0 there."
)
def _(x, dy):
    return dy * np.sign(x)


@relu_backward.mistake(
    "only positive gradients", "where x was positive all of dy goes through, negative values too."
)
def _(x, dy):
    return dy * ((x > 0) & (dy > 0))


@relu_backward.mistake(
    "left out instead of zero",
    "this returns only the values that go through. dx has the shape of x, with zeros in the other places.",
)
def _(x, dy):
    return dy[x > 0]


@relu_backward.mistake(
    "multiplied by the value",
    "this multiplies dy by the output of ReLU; it is to be multiplied by its slope, which is 0 or 1.",
)
def _(x, dy):
    return dy * np.maximum(x, 0)


@relu_backward.mistake(
    "passed on everywhere",
    "this returns all of dy. Where x was negative the output did not depend on x at all: there dx is 0.",
)
def _(x, dy):
    return dy * 1.0


@relu_backward.mistake(
    "active at zero",
    "almost: at x = 0 exactly ReLU has no slope. By convention (TensorFlow's too) it counts as 0 there.",
)
def _(x, dy):
    return dy * (x >= 0)


@relu_backward.mistake(
    "dy overwritten",
    "the values are right, but the array dy that you were given is changed: "
    "a layer that shares it would get a wrong gradient. Make a new array.",
)
def _(x, dy):
    dy[x <= 0] = 0
    return dy


class _WrongSigmoid(layers.Sigmoid):
    """A sigmoid whose backward pass has a wrong sign, on purpose."""

    def backward(self, dy):
        return dy * self.y * (1 + self.y)


def broken_network():
    """Return a network of five layers with one wrong backward pass, and a batch (x, labels) to check it on."""
    rng = np.random.default_rng(33)
    network = layers.Sequential(
        [
            layers.Dense(4, 6, rng=rng, dtype=np.float64),
            layers.ReLU(),
            layers.Dense(6, 5, rng=rng, dtype=np.float64),
            _WrongSigmoid(),
            layers.Dense(5, 3, rng=rng, dtype=np.float64),
        ]
    )
    return network, rng.normal(size=(8, 4)), rng.integers(0, 3, 8)


broken_layer = Exercise(
    lesson="lesson_03",
    name="broken_layer",
    insight="Gradients travel from the back to the front: the fault lies just behind the last parameter that disagrees.",
    question="Which layer of the broken network has the wrong backward pass?",
    reference=3,
    hints=(
        "The check can only see layers that have parameters: 0, 2 and 4. Which of them agree?",
        "Gradients travel from the back to the front. Layer 4 gets the right gradient and handles it correctly; "
        "the gradient that reaches layer 2 is already wrong.",
        "Between layer 4, which is right, and layer 2, which is wrong, there is one layer without parameters.",
    ),
    mistakes=(
        Mistake(
            "the last that agrees",
            4,
            "the gradients of layer 4 agree with finite differences, and its backward pass is that of a Dense layer, which you "
            "have checked. Look at the layer that comes next on the way back.",
        ),
        Mistake(
            "the last that disagrees",
            2,
            "layer 2 is the first on the way back whose gradients disagree. But a right layer, too, computes wrong "
            "gradients from a wrong dy. Which layer gives it its dy?",
        ),
        Mistake(
            "the first of all",
            0,
            "layer 0 is at the end of the way back: every fault behind it arrives there. "
            "Find the layer where the fault begins.",
        ),
        Mistake("its name", "Sigmoid", "the right layer; answer with its number."),
        Mistake(
            "the wrong gap",
            1,
            "a fault in layer 1 would leave layer 2 right, because the gradient reaches layer 2 first. Layer 2 is wrong.",
        ),
    ),
)
