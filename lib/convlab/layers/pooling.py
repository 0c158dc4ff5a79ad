"""Max and average pooling forward and backward, as functions and as layers (lessons 06 and 07)."""

from collections.abc import Iterator

import numpy as np

from convlab.layers.windows import checked_gradient, cropped, padded_with, sides_and_places, zeros_around


def max_pool2d(
    images: np.ndarray, size: int, stride: int | None = None, padding: str = "valid"
) -> np.ndarray:
    """Return the largest value of each size x size window, (N, H', W', C) (lessons 06, 07).

    A padded pixel is never the largest. A window with a NaN gives NaN; TensorFlow on a CPU passes over it.
    ValueError for images that are not NHWC and for a window that does not fit.

    Args:
        images: (N, H, W, C), of any type.
        size: pixels of the square window along each side.
        stride: pixels from one window to the next; `size` where it is not given.
        padding: "valid" or "same", TensorFlow's.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    images, windows = np.asarray(images), Windows(np.shape(images), size, stride, padding)
    return windows.combined(padded_with(images, windows.sides, _lowest(images.dtype)), np.maximum)


def avg_pool2d(
    images: np.ndarray, size: int, stride: int | None = None, padding: str = "valid"
) -> np.ndarray:
    """Return the mean of each window of size x size pixels, (N, H', W', C) (lessons 06, 07).

    Arguments as in `max_pool2d`; padded pixels do not count, neither in the sum nor in the number.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    images, windows = _floats(images), Windows(np.shape(images), size, stride, padding)
    return windows.combined(padded_with(images, windows.sides), np.add) / windows.pixels(images)


class MaxPool2D:
    """Return the largest value of each window, as `max_pool2d` (lessons 06, 07).

    >>> MaxPool2D(2).forward(np.zeros((1, 28, 28, 6))).shape
    (1, 14, 14, 6)
    """

    def __init__(self, size: int, stride: int | None = None, padding: str = "valid"):
        self.size, self.stride, self.padding = size, stride, padding
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the largest values of x."""
        self.x, self.y = x, max_pool2d(x, self.size, self.stride, self.padding)
        return self.y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy at the pixel that each value came from, the first in its window if several, else 0.

        A value that is NaN came from no pixel, and passes no gradient back.
        """
        windows = Windows(self.x.shape, self.size, self.stride, self.padding)
        dy = checked_gradient(dy, self.y.shape, self.y.dtype)
        padded = padded_with(self.x, windows.sides, _lowest(self.x.dtype))
        dpadded, waiting = np.zeros_like(padded), np.ones(self.y.shape, bool)
        for pixel, dpixel in zip(windows.pixel_by_pixel(padded), windows.pixel_by_pixel(dpadded)):
            found = pixel == self.y
            found &= waiting
            waiting ^= found
            dpixel += dy * found
        return cropped(dpadded, windows.sides)


class AvgPool2D:
    """Return the mean of each window, as `avg_pool2d` (lessons 06, 07).

    >>> AvgPool2D(2).forward(np.zeros((1, 28, 28, 6))).shape
    (1, 14, 14, 6)
    """

    def __init__(self, size: int, stride: int | None = None, padding: str = "valid"):
        self.size, self.stride, self.padding = size, stride, padding
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the means of x."""
        self.x = x
        return avg_pool2d(x, self.size, self.stride, self.padding)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy shared out equally among the pixels of each window."""
        windows, x = Windows(self.x.shape, self.size, self.stride, self.padding), _floats(self.x)
        dy = checked_gradient(dy, (len(x), *windows.places, x.shape[-1]), x.dtype)
        share, dpadded = dy / windows.pixels(x), zeros_around(x, windows.sides)
        for dpixel in windows.pixel_by_pixel(dpadded):
            dpixel += share
        return cropped(dpadded, windows.sides)


class Windows:
    """Where the windows of a pooling stand on images.

    `sides` are the pixels of padding, ((top, bottom), (left, right)); `places` the number of windows, (down,
    across). Arguments and ValueError as in `max_pool2d`; `shape` is that of the images, (N, H, W, C).

    >>> Windows((1, 5, 4, 3), size=2, stride=None, padding="same").places
    (3, 2)
    """

    def __init__(self, shape: tuple[int, ...], size: int, stride: int | None, padding: str):
        if len(shape) != 4:
            raise ValueError(f"images are (N, H, W, C), not {shape}: add the axes that are missing")
        if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
            raise ValueError(f'the padding of a pooling is "valid" or "same", not {padding!r}')
        self.size, self.stride = size, size if stride is None else stride
        self.sides, self.places = sides_and_places(shape[1:3], (size, size), self.stride, padding)

    def combined(self, padded: np.ndarray, combine: np.ufunc) -> np.ndarray:
        """Return the pixels of each window combined, (N, H', W', C).

        Down first, then across: that takes 2·size passes over the images instead of size².
        """
        for axis, places in enumerate(self.places, start=1):
            pixels = [self._every(padded, axis, first, places) for first in range(self.size)]
            padded = pixels[0].copy()
            for pixel in pixels[1:]:
                combine(padded, pixel, out=padded)
        return padded

    def pixel_by_pixel(self, padded: np.ndarray) -> Iterator[np.ndarray]:
        """Yield views (N, H', W', C) of the first pixel of all windows, then of the second, line by line."""
        down, across = self.places
        for row in range(self.size):
            line = self._every(padded, 1, row, down)
            for column in range(self.size):
                yield self._every(line, 2, column, across)

    def pixels(self, images: np.ndarray) -> np.ndarray:
        """Return how many pixels each window has, padding left out, (1, H', W', 1)."""
        ones = np.ones((1, *images.shape[1:3], 1), images.dtype)
        return self.combined(padded_with(ones, self.sides), np.add)

    def _every(self, array: np.ndarray, axis: int, first: int, places: int) -> np.ndarray:
        """Return a view of `places` entries along an axis, from `first` on, a stride apart."""
        chosen = slice(first, first + (places - 1) * self.stride + 1, self.stride)
        return array[(slice(None),) * axis + (chosen,)]


def _lowest(dtype: np.dtype) -> float:
    """Return the value that never is the largest."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _floats(array: np.ndarray) -> np.ndarray:
    """Return an array of float32 or float64, itself if it is one."""
    array = np.asarray(array)
    return array.astype(np.result_type(array, np.float32), copy=False)
