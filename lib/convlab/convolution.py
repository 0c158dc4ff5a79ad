"""Convolution and pooling in NumPy, nearly as fast as its matrix product allows, forward and backward.

A convolution here is im2col: the pixels under each place of the kernel are copied into one row, and a matrix
product of these rows with the kernels, one per column, gives all feature maps (Chellapilla, Puri and Simard
2006; lesson 07). Two things make it fast. Rows are made for a few images at a time: they are multiplied while
they are still in the processor's cache, and memory stays small. And where the input has few channels, one row
covers several places side by side, so that copies get longer and products wider, at the price of some
multiplications by 0.

Images are NHWC, kernels (KH, KW, C, F), as in TensorFlow. float32 stays float32, float64 stays float64, whole
numbers become floating point, and no argument is changed.
"""

from typing import NamedTuple

import numpy as np

from convlab.initializers import he
from convlab.shapes import output_size, same_padding

__all__ = ["AvgPool2D", "Conv2D", "MaxPool2D", "avg_pool2d", "conv2d", "conv2d_gradients", "max_pool2d"]

BLOCK = 2**20  # values copied at once; fewer cost more calls, more fall out of the cache


def conv2d(images, kernels, bias=None, stride=1, padding="valid"):
    """Return the feature maps (N, H', W', F) of images (N, H, W, C) under kernels (KH, KW, C, F) (lesson 07).

    Cross-correlation, as in TensorFlow: the kernels are not flipped. H' and W' are those of
    `shapes.output_size`; `padding` is "valid", "same" or a number of pixels per side; `bias` has shape (F,).
    ValueError for shapes that do not go together and for kernels that do not fit.

    >>> conv2d(np.ones((1, 4, 4, 1)), np.ones((3, 3, 1, 1)), padding="same")[0, :, :, 0]
    array([[4., 6., 6., 4.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [4., 6., 6., 4.]])
    """
    images, kernels = _arrays(images, kernels, bias)
    plan, outputs = _plan(images.shape, kernels.shape, stride, padding), kernels.shape[-1]
    matrix = _matrix(kernels, plan)
    maps = np.empty((len(images), *plan.places, outputs), images.dtype)
    for where, rows in _rows(images, plan):
        block = maps[where]
        np.matmul(rows, matrix, out=block.reshape(len(rows), -1))
        if bias is not None:
            block += bias
    return maps


def conv2d_gradients(images, kernels, dmaps, stride=1, padding="valid"):
    """Return what `conv2d` passes back to images and kernels, `dmaps` being the maps' gradient (lesson 07).

    The kernels' gradient is the product of the forward pass's rows with `dmaps`, a pixel's the sum over all
    rows that it stands in. The rows are made anew: keeping them would take KH·KW times the images' memory.
    ValueError as in `conv2d`, and for `dmaps` of another shape than the maps.

    >>> images, kernels, dmaps = np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)), np.ones((1, 2, 2, 1))
    >>> dimages, dkernels = conv2d_gradients(images, kernels, dmaps)
    >>> dimages[0, :, :, 0].tolist(), dkernels[:, :, 0, 0].tolist()
    ([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], [[4.0, 4.0], [4.0, 4.0]])
    """
    images, kernels = _arrays(images, kernels)
    plan = _plan(images.shape, kernels.shape, stride, padding)
    dmaps = _gradient(dmaps, (len(images), *plan.places, kernels.shape[-1]), images.dtype)
    matrix = _matrix(kernels, plan)
    dmatrix, dpadded = np.zeros_like(matrix), _zeros_around(images, plan.sides)
    for where, rows in _rows(images, plan):
        dblock = dmaps[where].reshape(len(rows), -1)
        dmatrix += rows.T @ dblock
        drows = np.matmul(dblock, matrix.T, out=rows)  # the rows have done their work
        _add_rows(dpadded[where[0]], drows, where[1], plan)
    return _cropped(dpadded, plan.sides), _kernels(dmatrix, kernels.shape, plan)


def max_pool2d(images, size, stride=None, padding="valid"):
    """Return the largest value of each size x size window, (N, H', W', C) (lessons 06, 07).

    `stride` is the window's size unless given; `padding` is "valid" or "same", TensorFlow's. A padded pixel
    is never the largest. ValueError for images that are not NHWC and for a window that does not fit.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    images, pool = np.asarray(images), _pool(np.shape(images), size, stride, padding)
    return _pooled(_padded(images, pool.sides, _lowest(images.dtype)), pool, np.maximum)


def avg_pool2d(images, size, stride=None, padding="valid"):
    """Return the mean of each window of size x size pixels, (N, H', W', C) (lessons 06, 07).

    Arguments as in `max_pool2d`; padded pixels do not count, neither in the sum nor in the number.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    images, pool = _floats(images), _pool(np.shape(images), size, stride, padding)
    return _pooled(_padded(images, pool.sides), pool, np.add) / _counts(images, pool)


class Conv2D:
    """Every output sees a window of the input, through the same kernel everywhere (lessons 05, 07).

    (N, H, W, inputs) to (N, H', W', outputs), as `conv2d`. `initializer(shape, generator)` draws the kernels
    (see `convlab.initializers`); `rng` is a seed or a NumPy generator. The bias starts at 0. From forward to
    backward the layer keeps its input and nothing larger.

    >>> Conv2D(3, 6, 5, rng=0).forward(np.ones((1, 32, 32, 3), np.float32)).shape
    (1, 28, 28, 6)
    """

    def __init__(
        self,
        inputs,
        outputs,
        kernel_size,
        stride=1,
        padding="valid",
        initializer=he,
        rng=None,
        dtype=np.float32,
    ):
        kernel = initializer((kernel_size, kernel_size, inputs, outputs), np.random.default_rng(rng))
        self.params = {"kernel": kernel.astype(dtype), "bias": np.zeros(outputs, dtype)}
        self.grads = {}
        self.stride, self.padding = stride, padding

    def forward(self, x, training=False):
        """Return the feature maps of x."""
        self.x = x
        return conv2d(x, self.params["kernel"], self.params["bias"], self.stride, self.padding)

    def backward(self, dy):
        """Return the gradient for x; leave those of kernel and bias in `grads`."""
        dx, dkernel = conv2d_gradients(self.x, self.params["kernel"], dy, self.stride, self.padding)
        self.grads["kernel"], self.grads["bias"] = dkernel, dy.sum(axis=(0, 1, 2))
        return dx


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
        dy = _gradient(dy, self.y.shape, self.y.dtype)
        padded = _padded(self.x, pool.sides, _lowest(self.x.dtype))
        dpadded, waiting = np.zeros_like(padded), np.ones(self.y.shape, bool)
        for window, dwindow in zip(_neighbours(padded, pool), _neighbours(dpadded, pool)):
            found = window == self.y
            found &= waiting
            waiting ^= found
            dwindow += dy * found
        return _cropped(dpadded, pool.sides)


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
        dy = _gradient(dy, (len(x), *pool.places, x.shape[-1]), x.dtype)
        share, dpadded = dy / _counts(x, pool), _zeros_around(x, pool.sides)
        for dwindow in _neighbours(dpadded, pool):
            dwindow += share
        return _cropped(dpadded, pool.sides)


class _Plan(NamedTuple):
    """How a convolution becomes matrix products; pairs are (down, across)."""

    sides: tuple  # padding: ((top, bottom), (left, right))
    places: tuple  # where a kernel stands: the size of the maps
    window: tuple  # pixels that one row covers
    stride: tuple  # pixels from one row's window to the next one's
    band: int  # places side by side that one row covers


def _plan(images, kernels, stride, padding):
    """Return the plan for images and kernels of these shapes, after `shapes` has checked the sizes."""
    sides, places = _sides_and_places(images[1:3], kernels[:2], stride, padding)
    height, width, channels, _ = kernels
    run = width * channels  # values that are copied in one go
    longest = min(4 if run <= 16 else 2 if run <= 48 else 1, 1 + width // stride)
    band = max(places_per_row for places_per_row in range(1, longest + 1) if places[1] % places_per_row == 0)
    return _Plan(sides, places, (height, width + (band - 1) * stride), (stride, band * stride), band)


def _sides_and_places(sizes, windows, stride, padding):
    places = tuple(output_size(size, window, stride, padding) for size, window in zip(sizes, windows))
    if padding == "same":
        return tuple(same_padding(size, window, stride) for size, window in zip(sizes, windows)), places
    return (((0, 0),) if padding == "valid" else ((int(padding),) * 2,)) * 2, places


def _matrix(kernels, plan):
    """Return the kernels as columns; with a band, each once per place, moved along by the stride."""
    _, width, channels, outputs = kernels.shape
    matrix = np.zeros((*plan.window, channels, plan.band, outputs), kernels.dtype)
    for place in range(plan.band):
        matrix[:, place * plan.stride[0] :][:, :width, :, place] = kernels
    return matrix.reshape(-1, plan.band * outputs)


def _kernels(dmatrix, shape, plan):
    """Return the kernels' gradient from that of their `_matrix`: the sum over the places of the band."""
    dmatrix = dmatrix.reshape(*plan.window, shape[2], plan.band, shape[3])
    places = range(plan.band)
    return sum(dmatrix[:, place * plan.stride[0] :][:, : shape[1], :, place] for place in places)


def _rows(images, plan):
    """Yield (images, places down), as slices, and their rows; the next block overwrites the rows."""
    down, across = plan.places[0], plan.places[1] // plan.band
    values = plan.window[0] * plan.window[1] * images.shape[-1]  # in one row
    together = max(1, BLOCK // (down * across * values))
    lines = min(down, max(1, BLOCK // (across * values)))
    buffer = np.empty((min(len(images), together) * lines * across, values), images.dtype)
    for first in range(0, len(images), together):
        windows = _windows(_padded(images[first : first + together], plan.sides), plan)
        for top in range(0, down, lines):
            block = windows[:, top : top + lines]
            rows = buffer[: block.size // values]
            rows.reshape(block.shape)[...] = block
            yield (slice(first, first + together), slice(top, top + lines)), rows


def _windows(padded, plan):
    """Return a view (N, places down, rows across, window down, window across · C) of padded images."""
    n, height, width, channels = padded.shape
    value = padded.itemsize  # an axis of length 1 may have any stride, as in grey[None, :, :, None]
    image, line, pixel = height * width * channels * value, width * channels * value, channels * value
    return np.lib.stride_tricks.as_strided(
        padded,
        (n, plan.places[0], plan.places[1] // plan.band, plan.window[0], plan.window[1] * channels),
        (image, plan.stride[0] * line, plan.stride[1] * pixel, line, value),
    )


def _add_rows(dpadded, drows, lines, plan):
    """Add each row's gradient to the pixels it was copied from, in pieces that do not overlap."""
    dwindows = _windows(dpadded, plan)[:, lines]
    drows = drows.reshape(dwindows.shape)
    piece = plan.stride[1] * dpadded.shape[-1]
    for down in range(plan.window[0]):
        for across in range(0, dwindows.shape[-1], piece):
            dwindows[..., down, across : across + piece] += drows[..., down, across : across + piece]


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
    sides, places = _sides_and_places(shape[1:3], (size, size), stride, padding)
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
    return _pooled(_padded(ones, pool.sides), pool, np.add)


def _padded(images, sides, value=0):
    """Return images with `value` around them; the images themselves where nothing is to be added."""
    (top, bottom), (left, right) = sides
    if not any((top, bottom, left, right)):
        return images
    n, height, width, channels = images.shape
    padded = np.full((n, top + height + bottom, left + width + right, channels), value, images.dtype)
    padded[:, top : top + height, left : left + width] = images
    return padded


def _zeros_around(images, sides):
    """Return zeros of the size of the padded images."""
    n, height, width, channels = images.shape
    (top, bottom), (left, right) = sides
    return np.zeros((n, top + height + bottom, left + width + right, channels), images.dtype)


def _cropped(padded, sides):
    """Return padded images without their padding."""
    (top, bottom), (left, right) = sides
    _, height, width, _ = padded.shape
    return np.ascontiguousarray(padded[:, top : height - bottom, left : width - right])


def _lowest(dtype):
    """Return the value that never is the largest."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _floats(array):
    """Return an array of float32 or float64, itself if it is one."""
    array = np.asarray(array)
    return array.astype(np.result_type(array, np.float32), copy=False)


def _arrays(images, kernels, bias=None):
    """Return images and kernels contiguous and of one floating type; ValueError unless the shapes agree."""
    images, kernels = np.asarray(images), np.asarray(kernels)
    if images.ndim != 4 or kernels.ndim != 4:
        raise ValueError(
            f"images are (N, H, W, C) and kernels (KH, KW, C, F), not {images.shape} and {kernels.shape}: "
            "add the axes that are missing, as in image[None, :, :, None]"
        )
    if images.shape[3] != kernels.shape[2]:
        raise ValueError(
            f"kernels {kernels.shape} are for {kernels.shape[2]} channels, but images {images.shape} have "
            f"{images.shape[3]}: kernels are (KH, KW, C, F)"
        )
    if bias is not None and np.shape(bias) != kernels.shape[3:]:
        raise ValueError(
            f"{kernels.shape[3]} kernels take a bias ({kernels.shape[3]},), not {np.shape(bias)}"
        )
    dtype = np.result_type(images, kernels, np.float32)
    return np.ascontiguousarray(images, dtype), np.ascontiguousarray(kernels, dtype)


def _gradient(dmaps, shape, dtype):
    if np.shape(dmaps) != shape:
        raise ValueError(f"the gradient of an output {shape} has its shape, not {np.shape(dmaps)}")
    return np.ascontiguousarray(dmaps, dtype)
