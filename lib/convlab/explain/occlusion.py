"""By how much a score falls when a part of the image is hidden: occlusion (lesson 10)."""

from collections.abc import Callable

import numpy as np


def occlusion_map(
    score: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    size: int,
    stride: int = 1,
    fill: float = 0.0,
) -> np.ndarray:
    """Return by how much the score falls when a square is hidden, (rows, columns) of the square's places.

    Zeiler & Fergus 2013 (arXiv:1311.2901, section 4.2). Built in lesson 10. ValueError for a square that does
    not fit.

    Args:
        score: a function from images (N, H, W, C) to numbers (N,).
        image: (H, W, C); it is not changed.
        size: pixels of the square along each side.
        stride: pixels from one place of the square to the next.
        fill: the value of the hidden pixels.

    >>> image = np.array([[1.0, 2], [3, 4]])[:, :, None]
    >>> occlusion_map(lambda images: images.sum(axis=(1, 2, 3)), image, size=1)
    array([[1., 2.],
           [3., 4.]])
    """
    height, width = image.shape[:2]
    if not 1 <= size <= min(height, width):
        raise ValueError(f"a square of {size} does not fit an image of {height}x{width}")
    rows, columns = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    hidden = np.repeat(image[None], len(rows) * len(columns), axis=0)
    for copy, (row, column) in zip(hidden, [(row, column) for row in rows for column in columns]):
        copy[row : row + size, column : column + size] = fill
    falls = score(image[None])[0] - score(hidden)
    return np.reshape(falls, (len(rows), len(columns)))
