"""One convolution in five ways, forward alone or forward and backward: float32, stride 1, padding "same".

Below the course's own code and TensorFlow stand the rungs that lesson 07 climbs. Four loops take so long
that they work on one image of the batch, and their time is scaled up.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

UNIT = "ms/batch"
SHAPES = {  # N, H = W, C, F, KH = KW
    "conv28": (32, 28, 32, 64, 3),
    "conv32": (64, 32, 3, 32, 5),
    "conv14": (32, 14, 128, 128, 3),
}
PASSES = {"forward": "forward", "training": "forward and backward"}


class Way(NamedTuple):
    """One way to convolve; `convolution(images, kernels, dmaps)` returns a function that does it once.

    A round of so many batches is long beside the tenth of a second for which the threads of the row before go
    on spinning; None: one image.
    """

    title: str
    batches: int | None
    convolution: Callable


def tables():
    """Return table -> (title, rows), for `coursekit.measuring.bench`."""
    return {
        f"{shape}_{passes}": (title(shape, passes), [f"convolution:{way}:{shape}:{passes}" for way in WAYS])
        for shape in SHAPES
        for passes in PASSES
    }


def title(shape, passes):
    """Return a table's title.

    >>> title("conv32", "forward")
    'Convolution, N64 32x32 C3 to F32, 5x5, forward (float32)'
    """
    number, side, channels, outputs, kernel = SHAPES[shape]
    size = f"N{number} {side}x{side} C{channels} to F{outputs}, {kernel}x{kernel}"
    return f"Convolution, {size}, {PASSES[passes]} (float32)"


def describe(way, shape, passes):
    """Return what the benchmark needs to know of a row."""
    return {
        "title": WAYS[way].title,
        "unit": UNIT,
        "items": WAYS[way].batches or 1 / SHAPES[shape][0],
        "flops": flops(shape, passes),
    }


def flops(shape, passes):
    """Return the operations per batch: each weight times each pixel that it meets, added up.

    >>> flops("conv28", "training") == 3 * flops("conv28", "forward")
    True
    """
    number, side, channels, outputs, kernel = SHAPES[shape]
    return 2 * number * side**2 * kernel**2 * channels * outputs * (1 if passes == "forward" else 3)


def prepare(way, shape, passes):
    """Return a round: as many batches as `describe` says; it returns a list, the maps first."""
    number, side, channels, outputs, kernel = SHAPES[shape]
    rng, batches = np.random.default_rng(0), WAYS[way].batches
    shapes = (
        (number, side, side, channels),
        (number, side, side, outputs),
        (kernel, kernel, channels, outputs),
    )
    images, dmaps, kernels = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    if batches is None:
        images, dmaps = images[:1], dmaps[:1]
    once = WAYS[way].convolution(images, kernels, dmaps if passes == "training" else None)

    def run():
        for _ in range(batches or 1):
            results = once()
        return results

    return run


def package(images, kernels, dmaps):
    """Return a function that convolves with the course's own code."""
    from convlab.layers import conv2d, conv2d_gradients

    def once():
        maps = conv2d(images, kernels, padding="same")
        return [maps] if dmaps is None else [maps, *conv2d_gradients(images, kernels, dmaps, padding="same")]

    return once


def tensorflow(images, kernels, dmaps):
    """Return a function that convolves with TensorFlow, its arguments being tensors already."""
    import tensorflow as tf

    @tf.function
    def graph(images, kernels, dmaps):
        with tf.GradientTape() as tape:
            tape.watch([images, kernels])
            maps = tf.nn.conv2d(images, kernels, 1, "SAME")
        return [maps] if dmaps is None else [maps, *tape.gradient(maps, [images, kernels], dmaps)]

    tensors = [tf.constant(images), tf.constant(kernels), None if dmaps is None else tf.constant(dmaps)]
    return lambda: graph(*tensors)


def im2col(images, kernels, dmaps):
    """Return a function that makes one matrix of the whole batch."""
    size, matrix = len(kernels), kernels.reshape(-1, kernels.shape[-1])

    def once():
        padded = around(images, size)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
        columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, len(matrix))
        maps = (columns @ matrix).reshape(*images.shape[:3], -1)
        if dmaps is None:
            return [maps]
        rows = dmaps.reshape(-1, dmaps.shape[-1])
        dpadded, dcolumns = (
            np.zeros_like(padded),
            (rows @ matrix.T).reshape(*images.shape[:3], size, size, -1),
        )
        for i, j in np.ndindex(size, size):
            dpadded[:, i : i + maps.shape[1], j : j + maps.shape[2]] += dcolumns[:, :, :, i, j]
        return [maps, inside(dpadded, size), (columns.T @ rows).reshape(kernels.shape)]

    return once


def positions(images, kernels, dmaps):
    """Return a function that makes one small matrix product per place of the kernel."""
    size, matrix = len(kernels), kernels.reshape(-1, kernels.shape[-1])

    def once():
        padded = around(images, size)
        maps = np.empty((*images.shape[:3], kernels.shape[-1]), images.dtype)
        dpadded, dmatrix = np.zeros_like(padded), np.zeros_like(matrix)
        for i, j in np.ndindex(maps.shape[1:3]):
            window = padded[:, i : i + size, j : j + size]
            rows = window.reshape(len(images), -1)
            maps[:, i, j] = rows @ matrix
            if dmaps is not None:
                dmatrix += rows.T @ dmaps[:, i, j]
                dpadded[:, i : i + size, j : j + size] += (dmaps[:, i, j] @ matrix.T).reshape(window.shape)
        return [maps] if dmaps is None else [maps, inside(dpadded, size), dmatrix.reshape(kernels.shape)]

    return once


def four_loops(images, kernels, dmaps):
    """Return a function that loops over images, lines, columns and kernels."""
    size = len(kernels)

    def once():
        padded = around(images, size)
        maps = np.empty((*images.shape[:3], kernels.shape[-1]), images.dtype)
        dpadded, dkernels = np.zeros_like(padded), np.zeros_like(kernels)
        for n, i, j, f in np.ndindex(maps.shape):
            here = n, slice(i, i + size), slice(j, j + size)
            maps[n, i, j, f] = (padded[here] * kernels[..., f]).sum()
            if dmaps is not None:
                dkernels[..., f] += dmaps[n, i, j, f] * padded[here]
                dpadded[here] += dmaps[n, i, j, f] * kernels[..., f]
        return [maps] if dmaps is None else [maps, inside(dpadded, size), dkernels]

    return once


def around(images, size):
    """Return images with the zeros that "same" puts around them, for an odd size of kernel."""
    return np.pad(images, ((0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)))


def inside(padded, size):
    """Return what stands inside the padding."""
    return padded[:, size // 2 : -(size // 2), size // 2 : -(size // 2)]


WAYS = {
    "package": Way("convlab.layers.conv2d", 100, package),
    "tensorflow": Way("TensorFlow, tf.function", 100, tensorflow),
    "im2col": Way("im2col, whole batch", 40, im2col),
    "positions": Way("loop over positions", 20, positions),
    "four_loops": Way("four loops (1 image, scaled)", None, four_loops),
}
