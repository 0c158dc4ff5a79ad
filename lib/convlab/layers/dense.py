"""Dense layers, and the layer that lays out images as rows for them (lesson 03)."""

import math

import numpy as np
from numpy.typing import DTypeLike

from convlab.layers.checks import expect_gradient
from convlab.layers.initializers import Initializer, he


class Dense:
    """Every output sees every input: y = x·kernel + bias, (N, inputs) to (N, outputs) (lesson 03).

    The bias starts at 0. ValueError for an `x` that is not (N, inputs).

    Args:
        inputs: values of one example.
        outputs: units of the layer.
        initializer: a function (shape, generator) that draws the kernel; see `layers.initializers`.
        rng: a seed or a NumPy generator.
        dtype: float32 or float64, of kernel and bias.

    >>> Dense(784, 256, rng=0).forward(np.ones((32, 784), np.float32)).shape
    (32, 256)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        initializer: Initializer = he,
        rng: int | np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ):
        kernel = initializer((inputs, outputs), np.random.default_rng(rng))
        self.params = {"kernel": kernel.astype(dtype), "bias": np.zeros(outputs, dtype)}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x·kernel + bias."""
        inputs, _ = self.params["kernel"].shape
        if x.ndim != 2 or x.shape[1] != inputs:
            raise ValueError(
                f"Dense of {inputs} inputs takes (N, {inputs}), not {x.shape}: put Flatten before it"
            )
        self.x = x
        y = x @ self.params["kernel"]
        y += self.params["bias"]
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy·kernelᵀ, (N, inputs); leave xᵀ·dy and the column sums of dy in `grads`."""
        _, outputs = self.params["kernel"].shape
        expect_gradient(dy, (len(self.x), outputs))
        self.grads["kernel"] = self.x.T @ dy
        self.grads["bias"] = dy.sum(axis=0)
        return dy @ self.params["kernel"].T


class Flatten:
    """Lay out each example as one row: (N, H, W, C) to (N, H·W·C) (lesson 03).

    >>> Flatten().forward(np.zeros((32, 28, 28, 1))).shape
    (32, 784)
    """

    def __init__(self) -> None:
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x, one row per example."""
        self.shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy in the shape that x had."""
        n, *rest = self.shape
        expect_gradient(dy, (n, math.prod(rest)))
        return dy.reshape(self.shape)
