"""VGG: Simonyan & Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition"."""

from collections.abc import Callable

import keras
from keras import layers

from convlab.networks.blocks import (
    convolution,
    dense,
    dense_head,
    normalized_convolution,
    normalized_dense,
)

Shape = tuple[int, int, int]

# Table 1, columns A, B, D and E: 3x3 convolutions per block, by the number of layers with weights.
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg16(classes: int = 1000, input_shape: Shape = (224, 224, 3)) -> keras.Model:
    """Return VGG-16, configuration D, logits out: 138,357,544 parameters.

    Images: (N, 224, 224, 3), floats. Table 1; the layers are called conv1_1 to conv5_3, pool1 to pool5, fc6
    to fc8. Built in lesson 13.

    >>> vgg16().count_params()
    138357544
    """
    return _vgg(16, classes, input_shape)


def vgg19(classes: int = 1000, input_shape: Shape = (224, 224, 3)) -> keras.Model:
    """Return VGG-19, configuration E, logits out: 143,667,240 parameters.

    Images: (N, 224, 224, 3), floats. Table 1; the layers are called conv1_1 to conv5_4, pool1 to pool5, fc6
    to fc8. Built in lesson 13.

    >>> vgg19(classes=10, input_shape=(32, 32, 3)).get_layer("conv5_4").output.shape
    (None, 2, 2, 512)
    """
    return _vgg(19, classes, input_shape)


def cifar_vgg(depth: int = 16, width: int = 32, batch_norm: bool = True, classes: int = 10) -> keras.Model:
    """Return VGG of 11, 13, 16 or 19 layers for 32 x 32 pixels, logits out.

    Images: (N, 32, 32, 3), floats. Table 1; five poolings leave one pixel. Lesson 13. ValueError for another
    depth.

    Args:
        depth: layers with weights, a column of table 1.
        width: maps of the first block (the paper: 64). The last has eight times as many, and so have fc6 and
            fc7 (the paper: 4,096).
        batch_norm: whether every layer is normalised. The paper had no batch normalisation, and started its
            deepest networks from a shallow one: without it one sees why.
        classes: number of logits.

    >>> cifar_vgg(19).get_layer("conv5_4").output.shape
    (None, 2, 2, 256)
    """
    if depth not in CONVOLUTIONS:
        raise ValueError(
            f"VGG has no column of depth {depth} in its table 1: choose one of {list(CONVOLUTIONS)}"
        )
    convolve, layer = (normalized_convolution, normalized_dense) if batch_norm else (convolution, dense)
    images = keras.Input((32, 32, 3))
    x = _convolutions(images, depth, width, convolve)
    return keras.Model(images, dense_head(x, 8 * width, classes, layer=layer), name=f"cifar_vgg{depth}")


def _vgg(depth: int, classes: int, input_shape: Shape) -> keras.Model:
    images = keras.Input(input_shape)
    x = _convolutions(images, depth, 64, convolution)
    return keras.Model(images, dense_head(x, 4096, classes), name=f"vgg{depth}")


def _convolutions(
    x: keras.KerasTensor, depth: int, width: int, convolve: Callable[..., keras.KerasTensor]
) -> keras.KerasTensor:
    for block, repeats in enumerate(CONVOLUTIONS[depth], start=1):
        maps = width * min(2 ** (block - 1), 8)
        for number in range(1, repeats + 1):
            x = convolve(x, maps, 3, f"conv{block}_{number}")
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
    return x
