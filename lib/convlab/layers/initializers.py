"""Initial values of a layer's weights, as lesson 04 compares them.

Each function takes the shape of a kernel, (inputs, outputs) or (KH, KW, C, F), and a NumPy generator, and
returns an array of that shape; a layer is given the function itself: `Dense(784, 256, initializer=he)`, or
`initializer=partial(normal, stddev=0.01)`.
"""

from collections.abc import Callable
from math import prod, sqrt

import numpy as np

__all__ = ["Initializer", "constant", "fans", "he", "normal", "orthogonal", "truncated_normal", "xavier"]

Initializer = Callable[[tuple[int, ...], np.random.Generator], np.ndarray]


def constant(
    shape: tuple[int, ...], rng: np.random.Generator | None = None, value: float = 0.0
) -> np.ndarray:
    """Return one value everywhere; all units of a layer then learn the same (lesson 04).

    >>> constant((2, 3), value=0.5).tolist()
    [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    """
    return np.full(shape, value)


def normal(shape: tuple[int, ...], rng: np.random.Generator, stddev: float = 0.01) -> np.ndarray:
    """Return normal values around 0 whose deviation does not depend on the layer's width (lesson 04).

    >>> normal((784, 256), np.random.default_rng(0), stddev=0.01).std().round(3)
    np.float64(0.01)
    """
    return rng.normal(0.0, stddev, shape)


def truncated_normal(shape: tuple[int, ...], rng: np.random.Generator, stddev: float = 0.1) -> np.ndarray:
    """Return normal values; any that lies more than two `stddev` from 0 is drawn again (lesson 04).

    As `tf.random.truncated_normal`. The standard deviation of the result is smaller, 0.88 `stddev`.

    >>> bool(abs(truncated_normal((784, 256), np.random.default_rng(0), stddev=0.1)).max() <= 0.2)
    True
    """
    values = rng.normal(0.0, stddev, shape)
    while (outside := abs(values) > 2 * stddev).any():
        values[outside] = rng.normal(0.0, stddev, outside.sum())
    return values


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many inputs feed one output of a kernel, and how many outputs one input feeds.

    >>> fans((784, 256)), fans((3, 3, 32, 64))
    ((784, 256), (288, 576))
    """
    *window, inputs, outputs = shape
    return prod(window) * inputs, prod(window) * outputs


def xavier(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return uniform values of variance 2 / (fan_in + fan_out), which suit tanh (lesson 04).

    Glorot and Bengio 2010, equation 16; Keras calls it `glorot_uniform`.

    >>> xavier((300, 100), np.random.default_rng(0)).std().round(2) == np.sqrt(2 / 400).round(2)
    np.True_
    """
    fan_in, fan_out = fans(shape)
    limit = sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape)


def he(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return normal values of variance 2 / fan_in; the 2 offsets the half that ReLU sets to 0 (lesson 04).

    He et al. 2015, "Delving Deep into Rectifiers", equation 10. Keras's `he_normal` has the same variance,
    but is truncated.

    >>> he((200, 100), np.random.default_rng(0)).std().round(2) == np.sqrt(2 / 200).round(2)
    np.True_
    """
    fan_in, _ = fans(shape)
    return rng.normal(0.0, sqrt(2 / fan_in), shape)


def orthogonal(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return a matrix whose rows or columns, the fewer of them, are orthonormal (lesson 20).

    A state multiplied by a square one keeps its length. Saxe et al. 2014, "Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks"; Keras's start of recurrent kernels.

    >>> matrix = orthogonal((3, 5), np.random.default_rng(0))
    >>> np.allclose(matrix @ matrix.T, np.eye(3))
    True
    """
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q *= np.sign(np.diag(r))  # so that every rotation is equally likely
    return q if q.shape == shape else q.T
