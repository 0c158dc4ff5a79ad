"""Max and average pooling forward and backward, as functions and as layers (lessons 06 and 07)."""

from typing import NamedTuple

import numpy as np

from convlab.layers.windows import checked_gradient, cropped, padded_with, sides_and_places, zeros_around


def max_pool2d(images, size, stride=None, padding="valid"):
    """Return the largest value of each size x size window, (N, H', W', C) (lessons 06, 07).

    `stride` is the window's size unless given; `padding` is "valid" or "same", TensorFlow's. A padded pixel
    is never the largest. ValueError for images that are not NHWC and for a window that does not fit.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    images, pool = np.asarray(images), _pool(np.shape(images), size, stride, padding)
    return _pooled(padded_with(images, pool.sides, _lowest(images.dtype)), pool, np.maximum)


def avg_pool2d(images, size, stride=None, padding="valid"):
    """Return the mean of each window of size x size pixels, (N, H', W', C) (lessons 06, 07).

    Arguments as in `max_pool2d`; padded pixels do not count, neither in the sum nor in the number.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    images, pool = _floats(images), _pool(np.shape(images), size, stride, padding)
    return _pooled(padded_with(images, pool.sides), pool, np.add) / _counts(images, pool)


class MaxPool2D:
    """Keep the largest value of each window, as `max_pool2d` (lessons 06, 07).

    >>> MaxPool2D(2).forward(np.zeros((1, 28, 28, 6))).shape
    (1, 14, 14, 6)
    """

    def __init__(self, size, stride=None, padding="valid"):
        self.size, self.stride, self.padding = size, stride, padding
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return the largest values of x."""
        self.x, self.y = x, max_pool2d(x, self.size, self.stride, self.padding)
        return self.y

    def backward(self, dy):
        """Return dy at the pixel that each value came from, the first in its window if several, else 0."""
        pool = _pool(self.x.shape, self.size, self.stride, self.padding)
        dy = checked_gradient(dy, self.y.shape, self.y.dtype)
        padded = padded_with(self.x, pool.sides, _lowest(self.x.dtype))
        dpadded, waiting = np.zeros_like(padded), np.ones(self.y.shape, bool)
        for window, dwindow in zip(_neighbours(padded, pool), _neighbours(dpadded, pool)):
            found = window == self.y
            found &= waiting
            waiting ^= found
            dwindow += dy * found
        return cropped(dpadded, pool.sides)


class AvgPool2D:
    """Keep the mean of each window, as `avg_pool2d` (lessons 06, 07).

    >>> AvgPool2D(2).forward(np.zeros((1, 28, 28, 6))).shape
    (1, 14, 14, 6)
    """

    def __init__(self, size, stride=None, padding="valid"):
        self.size, self.stride, self.padding = size, stride, padding
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return the means of x."""
        self.x = x
        return avg_pool2d(x, self.size, self.stride, self.padding)

    def backward(self, dy):
        """Return dy shared out equally among the pixels of each window."""
        pool, x = _pool(self.x.shape, self.size, self.stride, self.padding), _floats(self.x)
        dy = checked_gradient(dy, (len(x), *pool.places, x.shape[-1]), x.dtype)
        share, dpadded = dy / _counts(x, pool), zeros_around(x, pool.sides)
        for dwindow in _neighbours(dpadded, pool):
            dwindow += share
        return cropped(dpadded, pool.sides)


class _Pool(NamedTuple):
    """Where the windows of a pooling stand."""

    sides: tuple  # padding: ((top, bottom), (left, right))
    places: tuple
    size: int
    stride: int


def _pool(shape, size, stride, padding):
    if len(shape) != 4:
        raise ValueError(f"images are (N, H, W, C), not {shape}: add the axes that are missing")
    if padding not in ("valid", "same"):
        raise ValueError(f'pooling knows the paddings "valid" and "same", not {padding!r}')
    stride = size if stride is None else stride
    sides, places = sides_and_places(shape[1:3], (size, size), stride, padding)
    return _Pool(sides, places, size, stride)


def _pooled(padded, pool, combine):
    """Return the windows' pixels combined: down first, then across, 2·size pictures instead of size²."""
    for axis, places in enumerate(pool.places, start=1):
        pictures = [_every(padded, axis, first, places, pool.stride) for first in range(pool.size)]
        padded = pictures[0].copy()
        for picture in pictures[1:]:
            combine(padded, picture, out=padded)
    return padded


def _neighbours(padded, pool):
    """Yield views of the first pixel of all windows, then of the second, line by line."""
    for down in range(pool.size):
        line = _every(padded, 1, down, pool.places[0], pool.stride)
        for across in range(pool.size):
            yield _every(line, 2, across, pool.places[1], pool.stride)


def _every(array, axis, first, places, stride):
    """Return a view of `places` entries along an axis, `stride` apart."""
    chosen = slice(first, first + (places - 1) * stride + 1, stride)
    return array[(slice(None),) * axis + (chosen,)]


def _counts(images, pool):
    """Return how many pixels each window has, padding left out, (1, H', W', 1)."""
    ones = np.ones((1, *images.shape[1:3], 1), images.dtype)
    return _pooled(padded_with(ones, pool.sides), pool, np.add)


def _lowest(dtype):
    """Return the value that never is the largest."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _floats(array):
    """Return an array of float32 or float64, itself if it is one."""
    array = np.asarray(array)
    return array.astype(np.result_type(array, np.float32), copy=False)
