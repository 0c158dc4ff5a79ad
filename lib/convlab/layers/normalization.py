"""Batch normalisation (lesson 04)."""

import numpy as np
from numpy.typing import DTypeLike

from convlab.layers.checks import expect_gradient


class BatchNorm:
    """Give every feature mean `beta` and deviation `gamma`, both learned, over the batch (lesson 04).

    Features stand along the last axis: (N, features) or (N, H, W, features). While training, mean and
    variance are the batch's own, and the moving averages go 1 - momentum of the way towards them; otherwise
    these averages are used. Ioffe and Szegedy 2015, Algorithm 1; defaults are Keras's. ValueError for another
    number of features.

    Args:
        features: size of the last axis.
        momentum: share of the moving averages that stays in each training step.
        epsilon: what is added to the variance before the root.
        dtype: float32 or float64, of gamma, beta and the moving averages.

    >>> BatchNorm(1).forward(np.array([[1.0], [3.0]]), training=True).round(2).tolist()
    [[-1.0], [1.0]]
    """

    def __init__(
        self, features: int, momentum: float = 0.99, epsilon: float = 1e-3, dtype: DTypeLike = np.float32
    ):
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.params = {"gamma": np.ones(features, dtype), "beta": np.zeros(features, dtype)}
        self.grads: dict[str, np.ndarray] = {}
        self.moving_mean, self.moving_variance = np.zeros(features, dtype), np.ones(features, dtype)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return gamma·(x - mean) / √(variance + epsilon) + beta."""
        features = len(self.params["gamma"])
        if x.ndim < 2 or x.shape[-1] != features:
            raise ValueError(f"BatchNorm of {features} features takes (N, ..., {features}), not {x.shape}")
        self.shape, self.training = x.shape, training
        rows = x.reshape(-1, features)
        mean = rows.mean(axis=0) if training else self.moving_mean
        centred = rows - mean
        variance = _mean_product(centred, centred) if training else self.moving_variance
        if training:
            self.moving_mean += (1 - self.momentum) * (mean - self.moving_mean)
            self.moving_variance += (1 - self.momentum) * (variance - self.moving_variance)
        self.scale = 1 / np.sqrt(variance + self.epsilon)
        self.normal = centred * self.scale
        return (self.params["gamma"] * self.normal + self.params["beta"]).reshape(x.shape)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dx, also through the batch's mean and variance; leave those of gamma and beta in `grads`."""
        expect_gradient(dy, self.shape)
        dy = dy.reshape(self.normal.shape)
        gamma_mean, beta_mean = _mean_product(dy, self.normal), dy.mean(axis=0)
        self.grads["gamma"], self.grads["beta"] = len(dy) * gamma_mean, len(dy) * beta_mean
        if self.training:
            dy = dy - beta_mean - self.normal * gamma_mean
        return (dy * (self.params["gamma"] * self.scale)).reshape(self.shape)


def _mean_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the mean of a·b over the rows, without an array for a·b."""
    return np.einsum("nc,nc->c", a, b) / len(a)
