"""Small networks for 28x28 grey images: digits and clothing (lessons 09 and 10)."""

import keras
from keras import layers

from convlab.networks.blocks import convolution, dense, logits, normalized, normalized_convolution

IMAGE = (28, 28, 1)


def mnist_dense(units=(128,), classes=10, input_shape=IMAGE):
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


def mnist_conv(widths=(32, 64, 128), units=625, dropout=0.0, classes=10, input_shape=IMAGE):
    """Return a network with one convolution before each pooling and one hidden dense layer, logits out.

    Images: (N, 28, 28, 1), normalised floats. With the default widths the network of lesson 08's lecture:
    28 → 14 → 7 → 4, because pooling is "same". dropout: the share of the hidden layer that is set to zero in
    training. Built in lesson 09.

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


def mnist_deep(widths=(16, 32, 64), units=50, dropout=0.5, rotation=0, classes=10, input_shape=IMAGE):
    """Return the deep network: twice a 3x3 convolution, then pooling, three times; two dense layers.

    Images: (N, 28, 28, 1), normalised floats; logits out. dropout: the share set to zero before and after the
    hidden layer. rotation: degrees by which an image is turned at most in training, either way. Built in
    lesson 09, after the network "DeepConvNet" of Saito, Deep Learning from Scratch, 2016, chapter 8.

    >>> mnist_deep().count_params()
    123552
    """
    x = images = keras.Input(input_shape)
    if rotation:
        x = layers.RandomRotation(rotation / 360, fill_mode="nearest", name="rotate")(x)
    for block, maps in enumerate(widths, start=1):
        for place in (1, 2):
            x = convolution(x, maps, 3, f"conv{block}_{place}")
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
    x = layers.Dropout(dropout, name="flatten_dropout")(layers.Flatten(name="flatten")(x))
    x = layers.Dropout(dropout, name="fc1_dropout")(dense(x, units, "fc1"))
    return keras.Model(images, logits(x, classes), name="mnist_deep")


def mnist_fast(widths=(32, 32, 64), repeats=2, classes=10, input_shape=IMAGE):
    """Return a network that learns digits within seconds: pooled early, normalised, no hidden dense layer.

    Images: (N, H, W, 1), normalised floats; logits out. It ends in the largest value of each map, so that its
    weights serve images of any size. repeats: convolutions after the second pooling. Lesson 10.

    >>> mnist_fast(input_shape=(84, 84, 1)).count_params() == mnist_fast().count_params()
    True
    """
    x = images = keras.Input(input_shape)
    for block, maps in enumerate(widths[:2], start=1):
        x = layers.Conv2D(
            maps, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"conv{block}"
        )(x)
        x = normalized(layers.MaxPooling2D(2, name=f"pool{block}")(x), f"conv{block}")
    for place in range(repeats):
        x = normalized_convolution(x, widths[2], 3, f"conv{3 + place}")
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    return keras.Model(images, logits(x, classes), name="mnist_fast")
