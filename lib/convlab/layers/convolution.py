"""Convolution forward and backward, as a function and as a layer (lessons 05 and 07)."""

import numpy as np
from numpy.typing import DTypeLike

from convlab.layers.im2col import Im2Col, all_finite
from convlab.layers.initializers import Initializer, he
from convlab.layers.windows import checked_gradient, cropped, zeros_around


def conv2d(
    images: np.ndarray,
    kernels: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int = 1,
    padding: int | str = "valid",
) -> np.ndarray:
    """Return the feature maps (N, H', W', F) of images (N, H, W, C) under kernels (KH, KW, C, F) (lesson 07).

    Cross-correlation, as in TensorFlow: the kernels are not flipped. H' and W' are those of
    `shapes.output_size`. ValueError for shapes that do not go together and for kernels that do not fit.

    Args:
        images: (N, H, W, C); whole numbers become floating point.
        kernels: (KH, KW, C, F).
        bias: (F,), or None.
        stride: pixels from one place of a kernel to the next, down and across.
        padding: "valid", "same" (TensorFlow's) or a number of pixels per side.

    >>> conv2d(np.ones((1, 4, 4, 1)), np.ones((3, 3, 1, 1)), padding="same")[0, :, :, 0]
    array([[4., 6., 6., 4.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [4., 6., 6., 4.]])
    """
    images, kernels = _arrays(images, kernels, bias)
    layout = Im2Col(images.shape, kernels.shape, stride, padding)
    if layout.places_per_row > 1 and not all_finite(images):
        layout = Im2Col(images.shape, kernels.shape, stride, padding, wide=False)
    matrix = layout.kernel_matrix(kernels)
    maps = np.empty((len(images), *layout.places, layout.outputs), images.dtype)
    for where, rows in layout.rows(images):
        block = maps[where]
        np.matmul(rows, matrix, out=block.reshape(len(rows), -1))
        if bias is not None:
            block += bias
    return maps


def conv2d_gradients(
    images: np.ndarray, kernels: np.ndarray, dmaps: np.ndarray, stride: int = 1, padding: int | str = "valid"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of `conv2d` with respect to images and kernels (lesson 07).

    The kernels' gradient is the product of the forward pass's rows with `dmaps`, a pixel's the sum over all
    rows that it stands in. The rows are made anew: keeping them would take KH·KW times the images' memory.
    ValueError as in `conv2d`, and for `dmaps` of another shape than the maps.

    Args:
        images: (N, H, W, C), as in `conv2d`.
        kernels: (KH, KW, C, F).
        dmaps: (N, H', W', F), the gradient of the loss with respect to the maps.
        stride: pixels from one place of a kernel to the next, down and across.
        padding: "valid", "same" or a number of pixels per side.

    >>> images, kernels, dmaps = np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)), np.ones((1, 2, 2, 1))
    >>> dimages, dkernels = conv2d_gradients(images, kernels, dmaps)
    >>> dimages[0, :, :, 0].tolist(), dkernels[:, :, 0, 0].tolist()
    ([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], [[4.0, 4.0], [4.0, 4.0]])
    """
    images, kernels = _arrays(images, kernels)
    layout = Im2Col(images.shape, kernels.shape, stride, padding)
    dmaps = checked_gradient(dmaps, (len(images), *layout.places, layout.outputs), images.dtype)
    dimages, dkernels = _products_of_gradients(layout, images, kernels, dmaps)
    if layout.places_per_row > 1 and not all_finite(dkernels):  # then images or dmaps are not finite
        layout = Im2Col(images.shape, kernels.shape, stride, padding, wide=False)
        dimages, dkernels = _products_of_gradients(layout, images, kernels, dmaps)
    return dimages, dkernels


def _products_of_gradients(
    layout: Im2Col, images: np.ndarray, kernels: np.ndarray, dmaps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    matrix = layout.kernel_matrix(kernels)
    dmatrix, dpadded = np.zeros_like(matrix), zeros_around(images, layout.sides)
    for where, rows in layout.rows(images):
        some_images, lines = where
        dblock = dmaps[where].reshape(len(rows), -1)
        dmatrix += rows.T @ dblock
        drows = np.matmul(dblock, matrix.T, out=rows)  # the rows are not needed any more
        layout.add_rows(dpadded[some_images], drows, lines)
    return cropped(dpadded, layout.sides), layout.kernel_gradient(dmatrix)


class Conv2D:
    """Every output sees a window of the input, through the same kernel everywhere (lessons 05, 07).

    (N, H, W, inputs) to (N, H', W', outputs), as `conv2d`. The bias starts at 0. From forward to backward the
    layer keeps its input and nothing larger.

    Args:
        inputs: channels of the images.
        outputs: feature maps.
        kernel_size: pixels of the square kernels along each side.
        stride: pixels from one place of a kernel to the next.
        padding: "valid", "same" or a number of pixels per side.
        initializer: a function (shape, generator) that draws the kernels; see `layers.initializers`.
        rng: a seed or a NumPy generator.
        dtype: float32 or float64, of kernels and bias.

    >>> Conv2D(3, 6, 5, rng=0).forward(np.ones((1, 32, 32, 3), np.float32)).shape
    (1, 28, 28, 6)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | str = "valid",
        initializer: Initializer = he,
        rng: int | np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ):
        kernel = initializer((kernel_size, kernel_size, inputs, outputs), np.random.default_rng(rng))
        self.params = {"kernel": kernel.astype(dtype), "bias": np.zeros(outputs, dtype)}
        self.grads: dict[str, np.ndarray] = {}
        self.stride, self.padding = stride, padding

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the feature maps of x."""
        self.x = x
        return conv2d(x, self.params["kernel"], self.params["bias"], self.stride, self.padding)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for x; leave those of kernel and bias in `grads`."""
        dx, dkernel = conv2d_gradients(self.x, self.params["kernel"], dy, self.stride, self.padding)
        self.grads["kernel"], self.grads["bias"] = dkernel, dy.sum(axis=(0, 1, 2))
        return dx


def _arrays(
    images: np.ndarray, kernels: np.ndarray, bias: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
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
