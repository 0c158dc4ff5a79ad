"""Networks that give a class to each pixel: FCN, SegNet, U-Net, and a U-Net on top of SqueezeNet. Lesson 19.

J. Long, E. Shelhamer and T. Darrell, "Fully Convolutional Networks for Semantic Segmentation",
arXiv:1411.4038; V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet", arXiv:1511.00561; O. Ronneberger,
P. Fischer and T. Brox, "U-Net", arXiv:1505.04597. All are small here, and share one encoder, so that they
differ only in how they come back to full size. They take pixels from 0 to 255, red first, of one fixed size.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from convlab.networks.blocks import normalized_convolution
from convlab.networks.pretrained import MEAN_BGR, squeezenet

Shape = tuple[int, int, int]
WIDTHS = (16, 32, 64, 96)
"""Maps of each stage; between two stages the maps shrink to half their height and width."""


def fcn(classes: int, input_shape: Shape, widths: Sequence[int] = WIDTHS, skips: int = 2) -> keras.Model:
    """Return a fully convolutional network: scores at a coarse grid, enlarged by transposed convolutions.

    The last stage gives scores, one map for each class. `skips` earlier stages add theirs, each twice as
    fine; the sum of all is enlarged to the size of the image in one step. With none, all detail finer than
    the last grid is lost: FCN-32s, 16s and 8s of the paper have 0, 1 and 2. Kernels that enlarge start as
    bilinear interpolation. Long et al. 2014, section 4.2. Lesson 19.

    Args:
        classes: number of logits of each pixel.
        input_shape: (H, W, 3).
        widths: maps of each stage.
        skips: how many earlier stages add their scores, fewer than there are stages.

    >>> fcn(11, (90, 120, 3)).output.shape
    (None, 90, 120, 11)
    """
    if not 0 <= skips < len(widths):
        raise ValueError(f"{skips} skips do not fit {len(widths)} stages: give 0 to {len(widths) - 1}")
    images, stages = _encoder(input_shape, widths)
    scores = layers.Conv2D(classes, 1, name=f"score{len(widths)}")(stages[-1])
    for number in range(len(widths) - 1, len(widths) - 1 - skips, -1):
        scores = enlarge(scores, classes, 2, f"enlarge{number}")
        skipped = layers.Conv2D(classes, 1, kernel_initializer="zeros", name=f"score{number}")
        scores = layers.Add(name=f"sum{number}")([scores, skipped(stages[number - 1])])
    factor = 2 ** (len(widths) - 1 - skips)
    scores = enlarge(scores, classes, factor, "enlarge") if factor > 1 else scores
    return keras.Model(images, _cropped(scores, input_shape), name="fcn")


def segnet(classes: int, input_shape: Shape, widths: Sequence[int] = WIDTHS) -> keras.Model:
    """Return a network whose decoder puts each value back to the pixel that the pooling took it from.

    Pooling stores for each value which of its four pixels was the largest: two bits, where U-Net stores the
    maps themselves. Badrinarayanan et al. 2015, section 3. Lesson 19.

    Args:
        classes: number of logits of each pixel.
        input_shape: (H, W, 3).
        widths: maps of each stage.

    >>> segnet(11, (90, 120, 3)).output.shape
    (None, 90, 120, 11)
    """
    x = images = keras.Input(input_shape, name="images")
    x = _padded(_scaled(x), input_shape, widths)
    found = []
    for number, maps in enumerate(widths[:-1], start=1):
        x = _stage(x, maps, f"stage{number}")
        x, indices = MaxPoolWithIndices(name=f"pool{number}")(x)
        found.append(indices)
    x = _stage(x, widths[-1], f"stage{len(widths)}")
    for number in range(len(widths) - 1, 0, -1):
        x = normalized_convolution(x, widths[number - 1], 3, f"up{number}a")
        x = Unpool(name=f"unpool{number}")([x, found[number - 1]])
        x = normalized_convolution(x, widths[number - 1], 3, f"up{number}b")
    scores = layers.Conv2D(classes, 1, name="scores")(x)
    return keras.Model(images, _cropped(scores, input_shape), name="segnet")


def unet(classes: int, input_shape: Shape, widths: Sequence[int] = WIDTHS) -> keras.Model:
    """Return a network whose decoder sees the maps of each stage again, beside its own enlarged ones.

    Ronneberger et al. 2015, section 2, with padding "same" and batch normalisation. Lesson 19.

    Args:
        classes: number of logits of each pixel.
        input_shape: (H, W, 3).
        widths: maps of each stage.

    >>> unet(11, (90, 120, 3)).output.shape
    (None, 90, 120, 11)
    """
    images, stages = _encoder(input_shape, widths)
    x = stages[-1]
    for number in range(len(widths) - 1, 0, -1):
        x = layers.Conv2DTranspose(widths[number - 1], 2, 2, name=f"up{number}")(x)
        x = layers.Concatenate(name=f"join{number}")([stages[number - 1], x])
        x = normalized_convolution(x, widths[number - 1], 3, f"up{number}a")
    scores = layers.Conv2D(classes, 1, name="scores")(x)
    return keras.Model(images, _cropped(scores, input_shape), name="unet")


def squeeze_unet(classes: int, input_shape: Shape, trained: bool = True) -> keras.Model:
    """Return a U-Net whose encoder is SqueezeNet with ImageNet's weights, as lesson 17's.

    The decoder joins the maps of fire9, fire5, fire3 and conv1, each enlarged bilinearly to the size of the
    next. FCN and SegNet also begin with the weights of a classifier. Lesson 19.

    Args:
        classes: number of logits of each pixel.
        input_shape: (H, W, 3), of 31 pixels or more.
        trained: whether the encoder has ImageNet's weights, or random ones.

    >>> squeeze_unet(11, (90, 120, 3), trained=False).output.shape
    (None, 90, 120, 11)
    """
    trunk = squeezenet(trained=trained)
    names = ("conv1", "fire3", "fire5", "fire9")
    encoder = keras.Model(trunk.inputs[0], [trunk.get_layer(name).output for name in names], name="encoder")
    images = keras.Input(input_shape, name="images")
    pixels = layers.Normalization(mean=MEAN_BGR[::-1], variance=(1.0, 1.0, 1.0), name="less_mean")(images)
    *stages, x = encoder(BlueFirst(name="blue_first")(pixels))
    x = normalized_convolution(x, 96, 1, "squeezed")
    for stage, maps, name in zip(stages[::-1], (96, 64, 32), ("fire5", "fire3", "conv1")):
        x = ResizeLike(name=f"enlarge_{name}")([x, stage])
        x = layers.Concatenate(name=f"join_{name}")([stage, x])
        x = normalized_convolution(x, maps, 3, f"up_{name}")
    x = layers.Conv2D(classes, 1, name="coarse_scores")(x)
    return keras.Model(images, ResizeLike(name="scores")([x, images]), name="squeeze_unet")


def enlarge(x: keras.KerasTensor, maps: int, factor: int, name: str) -> keras.KerasTensor:
    """Enlarge maps by a transposed convolution that starts as bilinear interpolation of each map.

    x: (N, H, W, maps), symbolic; returns (N, factor · H, factor · W, maps). Lesson 19.
    """
    layer = layers.Conv2DTranspose(
        maps, 2 * factor, factor, "same", use_bias=False, kernel_initializer=_bilinear, name=name
    )
    return layer(x)


def bilinear_kernel(factor: int) -> np.ndarray:
    """Return the kernel (2 · factor, 2 · factor) float32 with which a transposed convolution interpolates.

    Its stride is `factor`, a whole even number or 1. Lesson 19.

    >>> bilinear_kernel(2)[0] * 16
    array([1., 3., 3., 1.], dtype=float32)
    """
    distance = np.abs(np.arange(2 * factor) - (factor - 0.5))
    along = (1 - distance / factor).astype("float32")
    return np.outer(along, along)


def _bilinear(shape, dtype=None):
    """Return the initial kernel (size, size, maps, maps) that enlarges each map by itself."""
    kernel = np.zeros(shape, "float32")
    for one in range(shape[2]):
        kernel[:, :, one, one] = bilinear_kernel(shape[0] // 2)
    return ops.convert_to_tensor(kernel, dtype)


def _encoder(input_shape, widths):
    """Return the input, and the maps of each stage, the finest first."""
    x = images = keras.Input(input_shape, name="images")
    x, stages = _padded(_scaled(x), input_shape, widths), []
    for number, maps in enumerate(widths, start=1):
        x = layers.MaxPooling2D(2, name=f"pool{number - 1}")(x) if number > 1 else x
        x = _stage(x, maps, f"stage{number}")
        stages.append(x)
    return images, stages


def _stage(x, maps, name):
    x = normalized_convolution(x, maps, 3, f"{name}a")
    return normalized_convolution(x, maps, 3, f"{name}b")


def _scaled(images):
    return layers.Rescaling(1 / 64, offset=-1.75, name="scaled")(images)


def _padded(x, input_shape, widths):
    """Pad below and at the right, so that every pooling finds an even number of pixels."""
    down, across = (-size % 2 ** (len(widths) - 1) for size in input_shape[:2])
    return layers.ZeroPadding2D(((0, down), (0, across)), name="padded")(x) if down or across else x


def _cropped(scores, input_shape):
    down, across = (scores.shape[axis] - input_shape[axis - 1] for axis in (1, 2))
    if not down and not across:
        return scores
    return layers.Cropping2D(((0, down), (0, across)), name="cropped")(scores)


@keras.saving.register_keras_serializable("convlab")
class MaxPoolWithIndices(layers.Layer):
    """Return the largest of each 2x2 pixels, and which of the four it was: 0 to 3, line by line.

    (N, H, W, C) with even H and W; of equal pixels the first counts. Lesson 19.

    >>> maps = ops.convert_to_tensor([[[[1.0], [5.0]], [[2.0], [3.0]]]])
    >>> largest, indices = MaxPoolWithIndices()(maps)
    >>> float(largest[0, 0, 0, 0]), int(indices[0, 0, 0, 0])
    (5.0, 1)
    """

    def call(self, inputs: Any) -> tuple[Any, Any]:
        """Return the largest values and their indices, both (N, H/2, W/2, C)."""
        four = [inputs[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
        above = ops.maximum(four[0], four[1])
        below = ops.maximum(four[2], four[3])
        in_row = ops.where(
            below > above,
            2 + ops.cast(four[3] > four[2], "int32"),
            ops.cast(four[1] > four[0], "int32"),
        )
        return ops.maximum(above, below), in_row


@keras.saving.register_keras_serializable("convlab")
class Unpool(layers.Layer):
    """Put each value to the one of 2x2 pixels that its index names, and 0 to the other three. Lesson 19."""

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return (N, 2H, 2W, C) of values and indices, both (N, H, W, C)."""
        values, indices = inputs
        zero = ops.zeros_like(values)
        four = [ops.where(indices == number, values, zero) for number in range(4)]
        rows = [ops.stack(four[2 * row : 2 * row + 2], axis=3) for row in (0, 1)]  # (N, H, W, 2, C)
        _, height, width, channels = values.shape
        return ops.reshape(ops.stack(rows, axis=2), (-1, 2 * height, 2 * width, channels))


@keras.saving.register_keras_serializable("convlab")
class ResizeLike(layers.Layer):
    """Resize maps bilinearly to the height and width of others. Lesson 19."""

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return the first of two, as large as the second."""
        maps, like = inputs
        return ops.image.resize(maps, like.shape[1:3], "bilinear")


@keras.saving.register_keras_serializable("convlab")
class BlueFirst(layers.Layer):
    """Turn the order of the channels round. Lesson 19."""

    def call(self, inputs: Any) -> Any:
        """Return (N, H, W, C) with the last channel first."""
        return inputs[..., ::-1]
