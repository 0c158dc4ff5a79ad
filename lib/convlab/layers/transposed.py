"""Transposed convolution: the way back of a convolution, as a function and as a layer (lesson 19)."""

import numpy as np
from numpy.typing import DTypeLike

from convlab.layers.convolution import conv2d, conv2d_gradients
from convlab.layers.initializers import Initializer, he
from convlab.layers.windows import cropped
from convlab.shapes import padding_sides, transposed_size


def conv2d_transpose(
    maps: np.ndarray,
    kernels: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int = 1,
    padding: int | str = "valid",
) -> np.ndarray:
    """Return larger maps (N, H', W', F): each value lays the kernel, times itself, onto the output.

    Places lie `stride` pixels apart, and where kernels overlap, their values are added. It is the gradient of
    `conv2d` for its images, with the same kernels, and equals TensorFlow's. H' and W' are those of
    `shapes.transposed_size`. ValueError for shapes that do not go together. Dumoulin and Visin 2016,
    chapter 4. Lesson 19.

    Args:
        maps: (N, H, W, C); whole numbers become floating point.
        kernels: (KH, KW, F, C), as in Keras: the outputs come before the inputs.
        bias: (F,), or None.
        stride: pixels of the output from one place to the next, down and across.
        padding: pixels per side that are cut off the output, "valid" for none, or "same" for H' = stride · H.

    >>> conv2d_transpose(np.array([[[[1.0], [2.0]]]]), np.ones((1, 3, 1, 1)), stride=2)[0, :, :, 0]
    array([[1., 1., 3., 2., 2.]])
    """
    maps, kernels = np.asarray(maps), np.asarray(kernels)
    if maps.ndim != 4 or kernels.ndim != 4 or maps.shape[3] != kernels.shape[3]:
        raise ValueError(
            f"maps {maps.shape} and kernels {kernels.shape} do not go together: give (N, H, W, C) and "
            "(KH, KW, F, C)"
        )
    if bias is not None and np.shape(bias) != kernels.shape[2:3]:
        raise ValueError(
            f"{kernels.shape[2]} outputs take a bias ({kernels.shape[2]},), not {np.shape(bias)}"
        )
    dtype = np.result_type(maps, kernels, np.float32)
    sizes = [
        transposed_size(size, window, stride, padding) for size, window in zip(maps.shape[1:3], kernels.shape)
    ]
    rows, columns = (
        padding_sides(size, window, stride, padding) for size, window in zip(sizes, kernels.shape)
    )
    number, height, width, _ = maps.shape
    full = [max(size + sum(side), 0) for size, side in zip(sizes, (rows, columns))]
    out = np.zeros((number, *full, kernels.shape[2]), dtype)
    for row in range(kernels.shape[0]):
        for column in range(kernels.shape[1]):
            below, right = row + (height - 1) * stride + 1, column + (width - 1) * stride + 1
            out[:, row:below:stride, column:right:stride] += maps @ kernels[row, column].T
    out = cropped(out, (rows, columns))
    return out if bias is None else out + np.asarray(bias, dtype)


class Conv2DTranspose:
    """Enlarge maps: every input lays a kernel onto the output (lesson 19).

    (N, H, W, inputs) to (N, H', W', outputs), as `conv2d_transpose`. The bias starts at 0.

    Args:
        inputs: channels of the maps.
        outputs: feature maps.
        kernel_size: pixels of the square kernels along each side.
        stride: pixels of the output from one place to the next.
        padding: "valid", "same" or a number of pixels per side that are cut off.
        initializer: a function (shape, generator) that draws the kernels; see `layers.initializers`.
        rng: a seed or a NumPy generator.
        dtype: float32 or float64, of kernels and bias.

    >>> Conv2DTranspose(6, 3, 4, stride=2, padding="same", rng=0).forward(np.ones((1, 5, 7, 6))).shape
    (1, 10, 14, 3)
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
        self.params = {
            "kernel": np.ascontiguousarray(kernel.swapaxes(2, 3), dtype),
            "bias": np.zeros(outputs, dtype),
        }
        self.grads: dict[str, np.ndarray] = {}
        self.stride, self.padding = stride, padding

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the enlarged maps of x."""
        self.x = x
        return conv2d_transpose(x, self.params["kernel"], self.params["bias"], self.stride, self.padding)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for x, a convolution of dy; leave those of kernel and bias in `grads`."""
        kernel = self.params["kernel"]
        _, self.grads["kernel"] = conv2d_gradients(dy, kernel, self.x, self.stride, self.padding)
        self.grads["bias"] = dy.sum(axis=(0, 1, 2))
        return conv2d(dy, kernel, stride=self.stride, padding=self.padding)
