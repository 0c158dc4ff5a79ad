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

from convlab.layers.windows import padded_with, sides_and_places

BLOCK = 2**20  # values copied at once; fewer cost more calls, more fall out of the cache


class Plan(NamedTuple):
    """How a convolution becomes matrix products; pairs are (down, across)."""

    sides: tuple  # padding: ((top, bottom), (left, right))
    places: tuple  # where a kernel stands: the size of the maps
    window: tuple  # pixels that one row covers
    stride: tuple  # pixels from one row's window to the next one's
    band: int  # places side by side that one row covers


def plan_for(images, kernels, stride, padding):
    """Return the plan for images and kernels of these shapes, after `shapes` has checked the sizes."""
    sides, places = sides_and_places(images[1:3], kernels[:2], stride, padding)
    height, width, channels, _ = kernels
    run = width * channels  # values that are copied in one go
    longest = min(4 if run <= 16 else 2 if run <= 48 else 1, 1 + width // stride)
    band = max(places_per_row for places_per_row in range(1, longest + 1) if places[1] % places_per_row == 0)
    return Plan(sides, places, (height, width + (band - 1) * stride), (stride, band * stride), band)


def kernel_matrix(kernels, plan):
    """Return the kernels as columns; with a band, each once per place, moved along by the stride."""
    _, width, channels, outputs = kernels.shape
    matrix = np.zeros((*plan.window, channels, plan.band, outputs), kernels.dtype)
    for place in range(plan.band):
        matrix[:, place * plan.stride[0] :][:, :width, :, place] = kernels
    return matrix.reshape(-1, plan.band * outputs)


def kernel_gradient(dmatrix, shape, plan):
    """Return the kernels' gradient from that of their `kernel_matrix`: the sum over the band's places."""
    dmatrix = dmatrix.reshape(*plan.window, shape[2], plan.band, shape[3])
    places = range(plan.band)
    return sum(dmatrix[:, place * plan.stride[0] :][:, : shape[1], :, place] for place in places)


def im2col_rows(images, plan):
    """Yield (images, places down), as slices, and their rows; the next block overwrites the rows."""
    down, across = plan.places[0], plan.places[1] // plan.band
    values = plan.window[0] * plan.window[1] * images.shape[-1]  # in one row
    together = max(1, BLOCK // (down * across * values))
    lines = min(down, max(1, BLOCK // (across * values)))
    buffer = np.empty((min(len(images), together) * lines * across, values), images.dtype)
    for first in range(0, len(images), together):
        windows = _windows(padded_with(images[first : first + together], plan.sides), plan)
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


def add_rows(dpadded, drows, lines, plan):
    """Add each row's gradient to the pixels it was copied from, in pieces that do not overlap."""
    dwindows = _windows(dpadded, plan)[:, lines]
    drows = drows.reshape(dwindows.shape)
    piece = plan.stride[1] * dpadded.shape[-1]
    for down in range(plan.window[0]):
        for across in range(0, dwindows.shape[-1], piece):
            dwindows[..., down, across : across + piece] += drows[..., down, across : across + piece]
