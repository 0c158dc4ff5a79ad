"""Building blocks of several networks: a convolution or a dense layer with what follows it."""

from collections.abc import Callable

import keras
from keras import layers

from convlab.networks.normalization import FusedBatchNormalization


def convolution(
    x: keras.KerasTensor, maps: int, size: int, name: str, strides: int = 1, activation: str | None = "relu"
) -> keras.KerasTensor:
    """Convolve with a bias, then apply `activation`, as networks did before batch normalisation.

    The result is (N, ⌈H/strides⌉, ⌈W/strides⌉, maps), padding "same". Weights start as in He et al. 2015
    (arXiv:1502.01852). Lessons 12 and 13.

    Args:
        x: (N, H, W, C), symbolic.
        maps: number of kernels.
        size: pixels of a kernel along each side.
        name: the layer's name.
        strides: pixels from one place of a kernel to the next.
        activation: any that Keras knows, or None.

    >>> convolution(layers.Input((8, 8, 3)), 16, 5, "conv1", strides=2).shape
    (None, 4, 4, 16)
    """
    return layers.Conv2D(
        maps, size, strides, "same", activation=activation, kernel_initializer="he_normal", name=name
    )(x)


def normalized_convolution(
    x: keras.KerasTensor, maps: int, size: int, name: str, strides: int = 1, activation: str | None = "relu"
) -> keras.KerasTensor:
    """Convolve without a bias, normalise over the batch, then apply `activation` (None leaves it out).

    Arguments and shapes as in `convolution`. The order is that of Ioffe & Szegedy 2015 (arXiv:1502.03167,
    section 3.2), who also explain why the bias is not needed. The three layers are called `name`, `name_norm`
    and `name_relu`. Lesson 15.

    >>> normalized_convolution(layers.Input((8, 8, 3)), 16, 3, "conv1").shape
    (None, 8, 8, 16)
    """
    x = layers.Conv2D(maps, size, strides, "same", use_bias=False, kernel_initializer="he_normal", name=name)(
        x
    )
    return normalized(x, name, activation)


def dense(x: keras.KerasTensor, units: int, name: str, activation: str | None = "relu") -> keras.KerasTensor:
    """Multiply by a matrix, add a bias, then apply `activation`.

    The result is (N, units). Weights start with He's variance. Lesson 12.

    Args:
        x: (N, C), symbolic.
        units: number of outputs.
        name: the layer's name.
        activation: any that Keras knows, or None.

    >>> dense(layers.Input((9216,)), 64, "fc6").shape
    (None, 64)
    """
    # uniform, because drawing a hundred million truncated normals takes seconds; the variance is the same
    return layers.Dense(units, activation, kernel_initializer="he_uniform", name=name)(x)


def normalized_dense(
    x: keras.KerasTensor, units: int, name: str, activation: str | None = "relu"
) -> keras.KerasTensor:
    """Multiply by a matrix, normalise over the batch, then apply `activation`.

    Arguments and shapes as in `dense`. The layers are called `name`, `name_norm` and `name_relu`. Lesson 13.

    >>> normalized_dense(layers.Input((1536,)), 64, "fc6").shape
    (None, 64)
    """
    x = layers.Dense(units, use_bias=False, kernel_initializer="he_uniform", name=name)(x)
    return normalized(x, name, activation)


def dense_head(
    x: keras.KerasTensor,
    units: int,
    classes: int,
    dropout: float = 0.5,
    activation: str = "relu",
    layer: Callable[..., keras.KerasTensor] = dense,
) -> keras.KerasTensor:
    """Flatten, two dense layers with dropout, and logits: fc6, fc7 and fc8 of AlexNet and VGG.

    The result is (N, classes), in float32. Krizhevsky et al. 2012, sections 3.5 and 4.2. Built in lesson 12.

    Args:
        x: (N, H, W, C), symbolic.
        units: units of fc6 and of fc7.
        classes: number of logits.
        dropout: share of their values that is set to 0 in training.
        activation: any that Keras knows.
        layer: `dense` or `normalized_dense`.

    >>> dense_head(layers.Input((6, 6, 256)), 64, 1000).shape
    (None, 1000)
    """
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc6", "fc7"):
        x = layer(x, units, name, activation)
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return logits(x, classes, "fc8")


def logits(x: keras.KerasTensor, classes: int, name: str = "logits") -> keras.KerasTensor:
    """End a network in one number per class, without softmax, in float32 even under mixed precision.

    x: (N, C), symbolic; returns (N, classes). The softmax belongs to the loss, with `from_logits=True`.

    >>> logits(layers.Input((64,)), 10).shape
    (None, 10)
    """
    return layers.Dense(classes, dtype="float32", name=name)(x)


def normalized(x: keras.KerasTensor, name: str, activation: str | None = "relu") -> keras.KerasTensor:
    """Normalise over the batch, then apply `activation` (None leaves it out): `name_norm` and `name_relu`."""
    # Keras averages its statistics over some hundred batches by default: more than a short run has.
    x = FusedBatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x
