"""Activation functions: ReLU and the sigmoid (lessons 02 to 04)."""

import numpy as np

from convlab.layers.checks import expect_gradient


class ReLU:
    """Return max(x, 0) for every value (lesson 03; Nair and Hinton 2010).

    >>> ReLU().forward(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """

    def __init__(self) -> None:
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return max(x, 0)."""
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy where x was positive, else 0 (at x = 0 as well, as in TensorFlow)."""
        expect_gradient(dy, self.y.shape)
        return dy * (self.y > 0)


class Sigmoid:
    """Map every value into (0, 1); where the curve is flat, its gradient is nearly 0 (lessons 02 to 04).

    >>> Sigmoid().forward(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """

    def __init__(self) -> None:
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return σ(x)."""
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy·y·(1 - y)."""
        expect_gradient(dy, self.y.shape)
        return dy * self.y * (1 - self.y)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + e⁻ˣ), computed so that no exponential overflows (lesson 02).

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
