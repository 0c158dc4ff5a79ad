"""Dropout (lesson 04)."""

import numpy as np

from convlab.layers.checks import expect_gradient


class Dropout:
    """While training, set a random share of the values to 0 and scale up the rest (lesson 04).

    Each value becomes 0 with probability `rate`; the others are divided by 1 - rate. The expected value stays
    the same, so that nothing needs to change after training ("inverted dropout": Srivastava et al. 2014,
    section 10). `rng` is a seed or a NumPy generator. ValueError for a rate outside 0 ≤ rate < 1.

    >>> Dropout(0.5, rng=0).forward(np.ones(6), training=True)
    array([2., 2., 2., 0., 0., 0.])
    """

    def __init__(self, rate: float, rng: int | np.random.Generator | None = None):
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate is a share of the values, 0 <= rate < 1, not {rate}")
        self.rate, self.rng = float(rate), np.random.default_rng(rng)
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return x·mask while training, else x."""
        self.shape, self.mask = x.shape, None
        if not training:
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        self.mask = kept.astype(x.dtype)
        self.mask /= 1 - self.rate
        return x * self.mask

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy·mask, or dy after a forward pass without training."""
        expect_gradient(dy, self.shape)
        return dy if self.mask is None else dy * self.mask
