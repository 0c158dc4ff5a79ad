"""Small networks for 28x28 grey images: digits and clothing (lessons 09 and 10)."""

from collections.abc import Sequence

import keras
from keras import layers

from convlab.networks.blocks import convolution, dense, logits, normalized, normalized_convolution

Shape = tuple[int, int, int]
IMAGE = (28, 28, 1)


def mnist_dense(units: Sequence[int] = (128,), classes: int = 10, input_shape: Shape = IMAGE) -> keras.Model:
    """Return a network without convolution: hidden layers of so many units, logits out.

    Images: (N, 28, 28, 1), normalised floats. Lesson 09.

    >>> mnist_dense().count_params()
    101770
    """
    images = keras.Input(input_shape)
    x = layers.Flatten(name="flatten")(images)
    for place, count in enumerate(units, start=1):
        x = dense(x, count, f"fc{place}")
    return keras.Model(images, logits(x, classes), name="mnist_dense")


def mnist_conv(
    widths: Sequence[int] = (32, 64, 128),
    units: int = 625,
    dropout: float = 0.0,
    classes: int = 10,
    input_shape: Shape = IMAGE,
) -> keras.Model:
    """Return a network with one convolution before each pooling and one hidden dense layer, logits out.

    Images: (N, 28, 28, 1), normalised floats. With the default widths the network of lesson 08's lecture:
    28 → 14 → 7 → 4, because pooling is "same". Built in lesson 09.

    Args:
        widths: maps of each convolution.
        units: units of the hidden layer.
        dropout: share of the hidden layer that is set to 0 in training.
        classes: number of logits.
        input_shape: (H, W, C) of one image.

    >>> mnist_conv().count_params()
    1379557
    """
    x = images = keras.Input(input_shape)
    for block, maps in enumerate(widths, start=1):
        x = convolution(x, maps, 3, f"conv{block}")
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
    x = dense(layers.Flatten(name="flatten")(x), units, "fc1")
    x = layers.Dropout(dropout, name="fc1_dropout")(x)
    return keras.Model(images, logits(x, classes), name="mnist_conv")


def mnist_deep(
    dropout: float = 0.5, rotation: float = 0, classes: int = 10, input_shape: Shape = IMAGE
) -> keras.Model:
    """Return the deep network: twice a 3x3 convolution, then pooling, three times; two dense layers.

    Images: (N, 28, 28, 1), normalised floats; logits out. Built in lesson 09, after the network "DeepConvNet"
    of Saito, Deep Learning from Scratch, 2016, chapter 8.

    Args:
        dropout: share of the values that is set to 0 in training, before and after the hidden layer.
        rotation: degrees by which an image is turned at most in training, either way.
        classes: number of logits.
        input_shape: (H, W, C) of one image.

    >>> mnist_deep().count_params()
    123552
    """
    x = images = keras.Input(input_shape)
    if rotation:
        x = layers.RandomRotation(rotation / 360, fill_mode="nearest", name="rotate")(x)
    for block, maps in enumerate((16, 32, 64), start=1):
        for place in (1, 2):
            x = convolution(x, maps, 3, f"conv{block}_{place}")
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
    x = layers.Dropout(dropout, name="flatten_dropout")(layers.Flatten(name="flatten")(x))
    x = layers.Dropout(dropout, name="fc1_dropout")(dense(x, 50, "fc1"))
    return keras.Model(images, logits(x, classes), name="mnist_deep")


def mnist_fast(classes: int = 10, input_shape: Shape = IMAGE) -> keras.Model:
    """Return a network that learns digits within seconds: pooled early, normalised, no hidden dense layer.

    Images: (N, H, W, 1), normalised floats; logits out. It ends in the largest value of each map, so that its
    weights serve images of any size. Lesson 10.

    >>> mnist_fast(input_shape=(84, 84, 1)).count_params() == mnist_fast().count_params()
    True
    """
    x = images = keras.Input(input_shape)
    for name in ("1", "2"):
        x = layers.Conv2D(
            32, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"conv{name}"
        )(x)
        x = normalized(layers.MaxPooling2D(2, name=f"pool{name}")(x), f"conv{name}")
    for name in ("conv3", "conv4"):
        x = normalized_convolution(x, 64, 3, name)
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    return keras.Model(images, logits(x, classes), name="mnist_fast")
