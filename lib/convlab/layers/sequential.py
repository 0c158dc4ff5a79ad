"""Layers one after another (lesson 03)."""

from collections.abc import Iterable
from typing import Any

import numpy as np


class Sequential:
    """Layers one after another, trained as one (lesson 03).

    `params` and `grads` hold those of all layers as "<place>.<name>", places counted from 0. They are the
    layers' own arrays: an optimizer that changes them in place trains the layers.

    >>> from convlab.layers import Dense, Flatten
    >>> sorted(Sequential([Flatten(), Dense(784, 10, rng=0)]).params)
    ['1.bias', '1.kernel']
    """

    def __init__(self, layers: Iterable[Any]):
        self.layers = list(layers)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the output of the last layer."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient with respect to x; every layer's `grads` is filled."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def params(self) -> dict[str, np.ndarray]:
        """All layers' parameters."""
        return self._numbered("params")

    @property
    def grads(self) -> dict[str, np.ndarray]:
        """All layers' gradients, under the names of their parameters."""
        return self._numbered("grads")

    def _numbered(self, attribute: str) -> dict[str, np.ndarray]:
        dicts = [getattr(layer, attribute) for layer in self.layers]
        return {f"{place}.{name}": array for place, own in enumerate(dicts) for name, array in own.items()}
