"""Dense layers, and what lays images out as rows for them (lesson 03)."""

import math

import numpy as np

from convlab.layers.checks import expect_gradient
from convlab.layers.initializers import he


class Dense:
    """Every output sees every input: y = x·kernel + bias, (N, inputs) to (N, outputs) (lesson 03).

    `initializer(shape, generator)` draws the kernel (see `convlab.layers.initializers`); `rng` is a seed or a
    NumPy generator. The bias starts at 0. ValueError for an `x` that is not (N, inputs).

    >>> Dense(784, 256, rng=0).forward(np.ones((32, 784), np.float32)).shape
    (32, 256)
    """

    def __init__(self, inputs, outputs, initializer=he, rng=None, dtype=np.float32):
        kernel = initializer((inputs, outputs), np.random.default_rng(rng))
        self.params = {"kernel": kernel.astype(dtype), "bias": np.zeros(outputs, dtype)}
        self.grads = {}

    def forward(self, x, training=False):
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

    def backward(self, dy):
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

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return x, one row per example."""
        self.shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy):
        """Return dy in the shape that x had."""
        n, *rest = self.shape
        expect_gradient(dy, (n, math.prod(rest)))
        return dy.reshape(self.shape)
