"""Convolution along one axis, time, and the largest value over time, forward and backward (lesson 21)."""

import numpy as np
from numpy.typing import DTypeLike

from convlab.layers.checks import expect_gradient
from convlab.layers.convolution import conv2d, conv2d_gradients
from convlab.layers.initializers import Initializer, he
from convlab.shapes import padding_sides


def conv1d(
    sequences: np.ndarray,
    kernels: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int = 1,
    padding: int | str = "valid",
) -> np.ndarray:
    """Return the feature maps (N, T', F) of sequences (N, T, C) under kernels (K, C, F) (lesson 21).

    A kernel covers K steps of time and all channels, and moves along time only. T' is that of
    `shapes.output_size`. It is `conv2d` on images of height 1. ValueError for shapes that do not go together.

    Args:
        sequences: (N, T, C); for a sentence, T words with C numbers each.
        kernels: (K, C, F).
        bias: (F,), or None.
        stride: steps from one place of a kernel to the next.
        padding: "valid", "same" (TensorFlow's) or a number of steps per side.

    >>> conv1d(np.array([[[1.0], [2.0], [4.0]]]), np.array([[[1.0]], [[10.0]]]))[0, :, 0]
    array([21., 42.])
    """
    sequences, kernels = _arrays(sequences, kernels)
    padded = _padded(sequences, kernels, stride, padding)
    return conv2d(padded[:, None], kernels[None], bias, stride)[:, 0]


def conv1d_gradients(
    sequences: np.ndarray,
    kernels: np.ndarray,
    dmaps: np.ndarray,
    stride: int = 1,
    padding: int | str = "valid",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of `conv1d` with respect to sequences and kernels (lesson 21).

    Args:
        sequences: (N, T, C), as in `conv1d`.
        kernels: (K, C, F).
        dmaps: (N, T', F), the gradient of the loss with respect to the maps.
        stride: steps from one place of a kernel to the next.
        padding: "valid", "same" or a number of steps per side.

    >>> sequences, kernels, dmaps = np.ones((1, 3, 1)), np.ones((2, 1, 1)), np.ones((1, 2, 1))
    >>> dsequences, dkernels = conv1d_gradients(sequences, kernels, dmaps)
    >>> dsequences[0, :, 0].tolist(), dkernels[:, 0, 0].tolist()
    ([1.0, 2.0, 1.0], [2.0, 2.0])
    """
    sequences, kernels = _arrays(sequences, kernels)
    padded, time = _padded(sequences, kernels, stride, padding), sequences.shape[1]
    dpadded, dkernels = conv2d_gradients(padded[:, None], kernels[None], dmaps[:, None], stride)
    before, _ = padding_sides(time, len(kernels), stride, padding)
    return np.ascontiguousarray(dpadded[:, 0, before : before + time]), dkernels[0]


def max_over_time(maps: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Return the largest value of each feature map, (N, F): where it stood no longer matters (lesson 21).

    A sequence without any step that counts gives 0. ValueError for other shapes.
    Collobert et al. 2011, section 3.2.3; Kim 2014, section 2.

    Args:
        maps: (N, T, F).
        mask: (N, T) bool, which steps count; None for all.

    >>> maps = np.array([[[-3.0, 1.0], [-2.0, 5.0], [0.0, 9.0]]])
    >>> max_over_time(maps).tolist(), max_over_time(maps, np.array([[True, True, False]])).tolist()
    ([[0.0, 9.0]], [[-2.0, 5.0]])
    """
    maps, mask = np.asarray(maps), _mask(maps, mask)
    largest = np.where(mask[..., None], maps, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(mask.any(axis=1, keepdims=True), largest, 0).astype(maps.dtype)


class Conv1D:
    """Every output sees a window of steps, through the same kernel everywhere (lesson 21).

    (N, T, inputs) to (N, T', outputs), as `conv1d`. The bias starts at 0.

    Args:
        inputs: channels of the sequences.
        outputs: feature maps.
        kernel_size: steps that a kernel covers.
        stride: steps from one place of a kernel to the next.
        padding: "valid", "same" or a number of steps per side.
        initializer: a function (shape, generator) that draws the kernels; see `layers.initializers`.
        rng: a seed or a NumPy generator.
        dtype: float32 or float64, of kernels and bias.

    >>> Conv1D(50, 100, 3, rng=0).forward(np.ones((2, 20, 50), np.float32)).shape
    (2, 18, 100)
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
        kernel = initializer((kernel_size, inputs, outputs), np.random.default_rng(rng))
        self.params = {"kernel": kernel.astype(dtype), "bias": np.zeros(outputs, dtype)}
        self.grads: dict[str, np.ndarray] = {}
        self.stride, self.padding = stride, padding

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the feature maps of x."""
        self.x = x
        return conv1d(x, self.params["kernel"], self.params["bias"], self.stride, self.padding)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for x; leave those of kernel and bias in `grads`."""
        dx, dkernel = conv1d_gradients(self.x, self.params["kernel"], dy, self.stride, self.padding)
        self.grads["kernel"], self.grads["bias"] = dkernel, dy.sum(axis=(0, 1))
        return dx


class MaxOverTime:
    """Return the largest value of each feature map, as `max_over_time` (lesson 21).

    >>> MaxOverTime().forward(np.zeros((2, 18, 100))).shape
    (2, 100)
    """

    def __init__(self) -> None:
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False, mask: np.ndarray | None = None) -> np.ndarray:
        """Return the largest values of x (N, T, F) over the steps that `mask` (N, T) counts."""
        self.x, self.mask = np.asarray(x), _mask(x, mask)
        return max_over_time(self.x, self.mask)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return dy at the step that each value came from, the first if several, else 0."""
        expect_gradient(dy, (len(self.x), self.x.shape[2]))
        steps = np.where(self.mask[..., None], self.x, -np.inf).argmax(axis=1)[:, None]  # (N, 1, F)
        dx = np.zeros_like(self.x)
        np.put_along_axis(dx, steps, dy[:, None], axis=1)
        return dx * self.mask[..., None]


def _arrays(sequences, kernels):
    sequences, kernels = np.asarray(sequences), np.asarray(kernels)
    if sequences.ndim != 3 or kernels.ndim != 3:
        raise ValueError(
            f"sequences are (N, T, C) and kernels (K, C, F), not {sequences.shape} and {kernels.shape}: "
            "add the axes that are missing, as in sequence[None]"
        )
    return sequences, kernels


def _padded(sequences, kernels, stride, padding):
    sides = padding_sides(sequences.shape[1], len(kernels), stride, padding)
    return np.pad(sequences, ((0, 0), sides, (0, 0)))


def _mask(maps, mask):
    """Return the mask (N, T) bool of maps (N, T, F); ValueError for other shapes."""
    if np.ndim(maps) != 3:
        raise ValueError(f"maps are (N, T, F), not {np.shape(maps)}: add the axes that are missing")
    mask = np.ones(maps.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    if mask.shape != maps.shape[:2]:
        raise ValueError(f"a mask {mask.shape} does not fit maps {maps.shape}: give {maps.shape[:2]}")
    return mask
