"""Where windows stand on an image and what surrounds it: shared by convolution and pooling."""

import numpy as np

from convlab.shapes import output_size, same_padding


def sides_and_places(sizes, windows, stride, padding):
    places = tuple(output_size(size, window, stride, padding) for size, window in zip(sizes, windows))
    if padding == "same":
        return tuple(same_padding(size, window, stride) for size, window in zip(sizes, windows)), places
    return (((0, 0),) if padding == "valid" else ((int(padding),) * 2,)) * 2, places


def padded_with(images, sides, value=0):
    """Return images with `value` around them; the images themselves where nothing is to be added."""
    (top, bottom), (left, right) = sides
    if not any((top, bottom, left, right)):
        return images
    n, height, width, channels = images.shape
    padded = np.full((n, top + height + bottom, left + width + right, channels), value, images.dtype)
    padded[:, top : top + height, left : left + width] = images
    return padded


def zeros_around(images, sides):
    """Return zeros of the size of the padded images."""
    n, height, width, channels = images.shape
    (top, bottom), (left, right) = sides
    return np.zeros((n, top + height + bottom, left + width + right, channels), images.dtype)


def cropped(padded, sides):
    """Return padded images without their padding."""
    (top, bottom), (left, right) = sides
    _, height, width, _ = padded.shape
    return np.ascontiguousarray(padded[:, top : height - bottom, left : width - right])


def checked_gradient(dmaps, shape, dtype):
    if np.shape(dmaps) != shape:
        raise ValueError(f"the gradient of an output {shape} has its shape, not {np.shape(dmaps)}")
    return np.ascontiguousarray(dmaps, dtype)
