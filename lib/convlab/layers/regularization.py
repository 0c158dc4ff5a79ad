"""Dropout (lesson 04)."""

import numpy as np

from convlab.layers.checks import expect_gradient


class Dropout:
    """While training, silence a random share of the values and scale up the rest (lesson 04).

    Each value is lost with probability `rate`, the others are divided by 1 - rate: what is expected stays, so
    nothing needs to change after training ("inverted dropout": Srivastava et al. 2014, section 10). `rng` is
    a seed or a NumPy generator. ValueError for a rate outside 0 ≤ rate < 1.

    >>> Dropout(0.5, rng=0).forward(np.ones(6), training=True)
    array([2., 2., 2., 0., 0., 0.])
    """

    def __init__(self, rate, rng=None):
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate is a share of the values, 0 <= rate < 1, not {rate}")
        self.rate, self.rng = float(rate), np.random.default_rng(rng)
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return x·mask while training, else x."""
        self.shape, self.mask = x.shape, None
        if not training:
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        self.mask = kept.astype(x.dtype)
        self.mask /= 1 - self.rate
        return x * self.mask

    def backward(self, dy):
        """Return dy·mask, or dy after a forward pass without training."""
        expect_gradient(dy, self.shape)
        return dy if self.mask is None else dy * self.mask
