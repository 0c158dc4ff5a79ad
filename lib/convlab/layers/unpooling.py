"""Max pooling that says where each value came from, and the way back (lesson 19)."""

import numpy as np


def max_pool2d_with_indices(images: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest value of each window, and which of its pixels it was: both (N, H', W', C).

    Windows of size x size lie side by side; rows and columns that fill none are left out. The pixels of a
    window are numbered line by line from 0; of equal ones the first counts. ValueError for images that are
    not (N, H, W, C) or have no window. Badrinarayanan et al. 2015, section 3. Lesson 19.

    >>> values, indices = max_pool2d_with_indices(np.array([[[[1], [5]], [[2], [3]]]]), 2)
    >>> values.ravel().tolist(), indices.ravel().tolist()
    ([5], [1])
    """
    images = np.asarray(images)
    if images.ndim != 4 or size < 1 or min(images.shape[1:3]) < size:
        raise ValueError(
            f"windows of {size} do not fit images {images.shape}: give (N, H, W, C), large enough"
        )
    number, height, width, channels = images.shape
    rows, columns = height // size, width // size
    windows = images[:, : rows * size, : columns * size].reshape(number, rows, size, columns, size, channels)
    windows = windows.transpose(0, 1, 3, 5, 2, 4).reshape(number, rows, columns, channels, size * size)
    return windows.max(axis=-1), windows.argmax(axis=-1)


def max_unpool2d(values: np.ndarray, indices: np.ndarray, size: int) -> np.ndarray:
    """Return maps (N, size · H, size · W, C): each value at the pixel of its window that its index names.

    All other pixels are 0. Both arguments are (N, H, W, C), as `max_pool2d_with_indices` returns them.
    ValueError for other shapes and for an index outside the window. Lesson 19.

    >>> max_unpool2d(np.array([[[[5.0]]]]), np.array([[[[1]]]]), 2)[0, :, :, 0]
    array([[0., 5.],
           [0., 0.]])
    """
    values, indices = np.asarray(values), np.asarray(indices)
    if values.ndim != 4 or values.shape != indices.shape:
        raise ValueError(f"values {values.shape} and indices {indices.shape}: give both as (N, H, W, C)")
    if indices.size and not 0 <= indices.min() <= indices.max() < size * size:
        raise ValueError(
            f"indices from {indices.min()} to {indices.max()} are not all in a window of {size}x{size}: "
            "number its pixels from 0, line by line"
        )
    number, height, width, channels = values.shape
    maps = np.zeros((number, height, size, width, size, channels), values.dtype)
    n, y, x, c = np.indices(values.shape)
    maps[n, y, indices // size, x, indices % size, c] = values
    return maps.reshape(number, height * size, width * size, channels)
