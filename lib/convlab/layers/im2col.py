"""Convolution as a matrix product: im2col, forward and backward (lesson 07).

**The idea.** A kernel that stands at one place of an image sees a window of pixels. im2col copies the window
of every place into one row of a matrix. The kernels become the columns of a second matrix, and one matrix
product gives all feature maps (Chellapilla, Puri and Simard 2006). One channel, a 2x2 kernel, 3x3 pixels:

    a b c        rows       kernel matrix      maps, one column per kernel
    d e f      a b d e           w             aw + bx + dy + ez
    g h i      b c e f           x             bw + cx + ey + fz
               d e g h           y             …
               e f h i           z             …

**Backward.** The gradient of a matrix product is two matrix products: that of the kernel matrix is
rowsᵀ·dmaps, that of the rows is dmaps·kernel matrixᵀ. A pixel was copied into several rows, and its gradient
is the sum of theirs ("col2im").

**Blocks.** The rows of a whole batch would take KH·KW times the images' memory. `Im2Col.rows` makes those of
a few images at a time, and they are multiplied while they are still in the processor's cache.

**Wide rows.** NHWC images keep the pixels of a line together, so that a window is copied in KH runs of KW·C
values. With few channels the runs are short and the product is narrow, and both are slow. A row then covers
several places side by side: longer runs, fewer rows. The kernel matrix has each kernel once per place, moved
to the right, with zeros elsewhere. Two places a row, one line of the window above:

    rows       kernel matrix      product
    a b c …        w 0            aw + bx + …   bw + cx + …
                   x w
                   0 x

The zeros cost products that change nothing. Only infinity and NaN times 0 are NaN: where such a value is met,
a row has to cover one place.
"""

import math
from collections.abc import Iterator

import numpy as np

from convlab.layers.windows import padded_with, sides_and_places

VALUES_PER_BLOCK = 2**20
"""How many values are copied into rows at once. Fewer cost more calls; more do not stay in the cache."""

PLACES_PER_ROW = ((16, 4), (48, 2))
"""(longest run, places that one row covers): up to 16 values four places, up to 48 two, beyond them one.

Measured against one place per row (processor time of one thread, float32, 32 images of 32x32 pixels, 8 to 64
kernels of 3x3 or 5x5): in the first range four places are 1.0 to 2.2 times as fast forward and 1.1 to 2.7
times backward, in the second two are 1.0 to 1.3 and 1.2 to 2.1 times. Four are slower than one at a run of 24
with 64 kernels (0.85 forward), two at a run of 192 (0.9).
"""


class Im2Col:
    """The matrices of one convolution.

    `sides` are the pixels of padding, ((top, bottom), (left, right)); `places` the size of the maps, (down,
    across); `places_per_row` how many places side by side one row covers. ValueError for a kernel that does
    not fit, as in `shapes.output_size`.

    Args:
        images_shape: (N, H, W, C).
        kernels_shape: (KH, KW, C, F).
        stride: pixels from one place of a kernel to the next, down and across.
        padding: "valid", "same" or a number of pixels per side.
        wide: whether a row may cover more than one place.

    >>> images, kernels = np.arange(9.0).reshape(1, 3, 3, 1), np.ones((2, 2, 1, 1))
    >>> layout = Im2Col(images.shape, kernels.shape, stride=1, padding="valid")
    >>> [(where, rows)] = layout.rows(images)
    >>> layout.places_per_row, rows.tolist()
    (2, [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]])
    >>> (rows @ layout.kernel_matrix(kernels)).tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """

    def __init__(
        self,
        images_shape: tuple[int, ...],
        kernels_shape: tuple[int, ...],
        stride: int,
        padding: int | str,
        wide: bool = True,
    ):
        self.height, self.width, self.channels, self.outputs = kernels_shape
        self.stride = stride
        self.sides, self.places = sides_and_places(images_shape[1:3], kernels_shape[:2], stride, padding)
        self.places_per_row = self._most_places() if wide else 1
        self.row_width = self.width + (self.places_per_row - 1) * stride  # pixels across that a row covers
        self.values = self.height * self.row_width * self.channels  # in one row

    def rows(self, images: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
        """Yield ((images, lines of places), rows (…, values)) block by block; the next overwrites the rows.

        The two slices choose the block's part of the maps, which lies in one piece: a block is either some
        images with all their lines or some lines of one image.
        """
        down, across = self.places[0], self.places[1] // self.places_per_row
        lines = min(down, max(1, VALUES_PER_BLOCK // (across * self.values)))
        together = max(1, VALUES_PER_BLOCK // (down * across * self.values))
        buffer = np.empty((min(len(images), together) * lines * across, self.values), images.dtype)
        for first in range(0, len(images), together):
            windows = self._windows(padded_with(images[first : first + together], self.sides))
            for top in range(0, down, lines):
                block = windows[:, top : top + lines]
                rows = buffer[: block.size // self.values]
                rows.reshape(block.shape)[...] = block
                yield (slice(first, first + together), slice(top, top + lines)), rows

    def kernel_matrix(self, kernels: np.ndarray) -> np.ndarray:
        """Return the kernels as columns (values, places_per_row · F), each kernel once per place of a row."""
        matrix = np.zeros(
            (self.height, self.row_width, self.channels, self.places_per_row, self.outputs), kernels.dtype
        )
        for place in range(self.places_per_row):
            matrix[:, self._columns(place), :, place] = kernels
        return matrix.reshape(self.values, -1)

    def kernel_gradient(self, dmatrix: np.ndarray) -> np.ndarray:
        """Return the kernels' gradient (KH, KW, C, F): the sum of those of their copies in the matrix."""
        dmatrix = dmatrix.reshape(
            self.height, self.row_width, self.channels, self.places_per_row, self.outputs
        )
        copies = [dmatrix[:, self._columns(place), :, place] for place in range(self.places_per_row)]
        return np.add.reduce(copies)

    def add_rows(self, dpadded: np.ndarray, drows: np.ndarray, lines: slice) -> None:
        """Add the gradients of the rows of some lines to the pixels they were copied from, in place (col2im).

        Neighbouring windows overlap, and NumPy adds only once where one statement names a pixel twice. Pieces
        as wide as the step from one row to the next do not overlap.
        """
        dwindows = self._windows(dpadded)[:, lines]
        drows = drows.reshape(dwindows.shape)
        piece = self.places_per_row * self.stride * self.channels
        for down in range(self.height):
            for first in range(0, dwindows.shape[-1], piece):
                dwindows[..., down, first : first + piece] += drows[..., down, first : first + piece]

    def _most_places(self) -> int:
        """Return how many places a row covers; they divide the places across, and their windows touch."""
        run = self.width * self.channels
        wanted = next((places for longest, places in PLACES_PER_ROW if run <= longest), 1)
        allowed = range(1, min(wanted, 1 + self.width // self.stride) + 1)
        return max(places for places in allowed if self.places[1] % places == 0)

    def _columns(self, place: int) -> slice:
        """Return which columns of a row's window the kernel covers at this place of the row."""
        return slice(place * self.stride, place * self.stride + self.width)

    def _windows(self, padded: np.ndarray) -> np.ndarray:
        """Return a view (N, lines, rows per line, KH, row_width · C) of padded images."""
        n, height, width, channels = padded.shape
        # bytes from one value, pixel, line and image to the next; those of the array itself will not do,
        # because NumPy gives an axis of length 1 any stride, as in grey[None, :, :, None]
        value = padded.itemsize
        pixel, line, image = channels * value, width * channels * value, height * width * channels * value
        down, across = self.places
        return np.lib.stride_tricks.as_strided(
            padded,
            (n, down, across // self.places_per_row, self.height, self.row_width * channels),
            (image, self.stride * line, self.places_per_row * self.stride * pixel, line, value),
        )


def all_finite(array: np.ndarray) -> bool:
    """Return whether all values are finite; False as well where the sum of their squares overflows."""
    return math.isfinite(np.vdot(array, array))  # a third of the time of np.isfinite(array).all()
