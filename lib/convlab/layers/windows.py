"""Where windows stand on an image and what surrounds it: shared by convolution and pooling."""

from collections.abc import Sequence

import numpy as np

from convlab.shapes import output_size, padding_sides

Sides = tuple[tuple[int, int], tuple[int, int]]
"""Pixels of padding: ((top, bottom), (left, right))."""


def sides_and_places(
    sizes: Sequence[int], windows: Sequence[int], stride: int, padding: int | str
) -> tuple[Sides, tuple[int, int]]:
    """Return the padding and the number of places (down, across) of windows on an image.

    Args:
        sizes: pixels of the image, (down, across).
        windows: pixels of a window, (down, across).
        stride: pixels from one place to the next, down and across.
        padding: "valid", "same" or a number of pixels per side.
    """
    (height, width), (down, across) = sizes, windows
    sides = padding_sides(height, down, stride, padding), padding_sides(width, across, stride, padding)
    return sides, (output_size(height, down, stride, padding), output_size(width, across, stride, padding))


def padded_with(images: np.ndarray, sides: Sides, value: float = 0) -> np.ndarray:
    """Return images with `value` around them; the images themselves where nothing is to be added."""
    (top, bottom), (left, right) = sides
    if not any((top, bottom, left, right)):
        return images
    n, height, width, channels = images.shape
    padded = np.full((n, top + height + bottom, left + width + right, channels), value, images.dtype)
    padded[:, top : top + height, left : left + width] = images
    return padded


def zeros_around(images: np.ndarray, sides: Sides) -> np.ndarray:
    """Return zeros of the size of the padded images."""
    n, height, width, channels = images.shape
    (top, bottom), (left, right) = sides
    return np.zeros((n, top + height + bottom, left + width + right, channels), images.dtype)


def cropped(padded: np.ndarray, sides: Sides) -> np.ndarray:
    """Return padded images without their padding."""
    (top, bottom), (left, right) = sides
    _, height, width, _ = padded.shape
    return np.ascontiguousarray(padded[:, top : height - bottom, left : width - right])


def checked_gradient(dmaps: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return `dmaps` contiguous and of this type; ValueError unless it has the shape of the maps."""
    if np.shape(dmaps) != shape:
        raise ValueError(f"the gradient of an output {shape} has its shape, not {np.shape(dmaps)}")
    return np.ascontiguousarray(dmaps, dtype)
