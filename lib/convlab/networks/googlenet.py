"""GoogLeNet: Szegedy et al. 2014, "Going Deeper with Convolutions" (arXiv:1409.4842)."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from convlab.networks.alexnet import LocalResponseNormalization
from convlab.networks.blocks import convolution, logits, normalized_convolution

# Table 1, columns #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def inception(
    x: keras.KerasTensor,
    widths: Sequence[int],
    name: str,
    convolve: Callable[..., keras.KerasTensor] = convolution,
) -> keras.KerasTensor:
    """Join four views of the same maps: 1x1; 3x3 and 5x5, each behind a 1x1 that narrows; pooling, then 1x1.

    Returns (N, H, W, sum of the four views). Figure 2b; the layers are called after the columns of table 1.
    Built in lesson 14.

    Args:
        x: (N, H, W, C), symbolic.
        widths: six numbers of maps, a row of table 1.
        name: the beginning of the layers' names.
        convolve: `convolution` or `normalized_convolution`.

    >>> inception(keras.Input((28, 28, 192)), INCEPTIONS["3a"], "inception_3a").shape
    (None, 28, 28, 256)
    """
    ones, narrow3, threes, narrow5, fives, pooled = widths
    pool = layers.MaxPooling2D(3, 1, "same", name=f"{name}_pool")(x)
    views = [
        convolve(x, ones, 1, f"{name}_1x1"),
        convolve(convolve(x, narrow3, 1, f"{name}_3x3_reduce"), threes, 3, f"{name}_3x3"),
        convolve(convolve(x, narrow5, 1, f"{name}_5x5_reduce"), fives, 5, f"{name}_5x5"),
        convolve(pool, pooled, 1, f"{name}_pool_proj"),
    ]
    return layers.Concatenate(name=name)(views)


def googlenet(
    classes: int = 1000, auxiliary: bool = False, input_shape: tuple[int, int, int] = (224, 224, 3)
) -> keras.Model:
    """Return GoogLeNet: 6,998,552 parameters, or 13,378,280 with both auxiliary heads, whose logits follow.

    Images: (N, 224, 224, 3), floats; out come logits (N, classes), or with `auxiliary` a list of three: the
    network's, that of inception_4a and that of inception_4d. Table 1, figure 3, section 5; no batch
    normalisation, which came a year later. Lesson 14.

    >>> googlenet().count_params()
    6998552
    """
    images = keras.Input(input_shape)
    x, outputs = _stem(images), []
    for block, widths in INCEPTIONS.items():
        x = inception(x, widths, f"inception_{block}")
        if block in ("3b", "4e"):
            x = layers.MaxPooling2D(3, 2, "same", name=f"pool{block[0]}")(x)
        if auxiliary and block in ("4a", "4d"):
            outputs.append(_auxiliary_head(x, classes, f"auxiliary_{block}"))
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    x = logits(x, classes)
    return keras.Model(images, [x, *outputs] if auxiliary else x, name="googlenet")


def cifar_googlenet(global_pooling: bool = True, classes: int = 10) -> keras.Model:
    """Return GoogLeNet for 32 x 32 pixels, logits out: nine inception blocks, a quarter of the paper's maps.

    Images: (N, 32, 32, 3), floats. A 3x3 convolution and one pooling replace the stem, which would leave 4 x
    4 pixels to the first block; batch normalisation replaces the response normalisation and the auxiliary
    heads, with the same purpose; global average pooling as in the paper, or flatten (`global_pooling=False`),
    to compare. Lesson 14.

    >>> cifar_googlenet().get_layer("inception_5b").output.shape
    (None, 4, 4, 256)
    """
    images = keras.Input((32, 32, 3))
    x = normalized_convolution(images, 192 // 4, 3, "conv1")
    x = layers.MaxPooling2D(3, 2, "same", name="pool1")(x)
    for block, widths in INCEPTIONS.items():
        x = inception(x, [maps // 4 for maps in widths], f"inception_{block}", normalized_convolution)
        if block in ("3b", "4e"):
            x = layers.MaxPooling2D(3, 2, "same", name=f"pool{block[0]}")(x)
    head = layers.GlobalAveragePooling2D if global_pooling else layers.Flatten
    x = layers.Dropout(0.4, name="dropout")(head(name="pool5" if global_pooling else "flatten")(x))
    return keras.Model(images, logits(x, classes), name="cifar_googlenet")


def _stem(images: keras.KerasTensor) -> keras.KerasTensor:
    x = convolution(images, 64, 7, "conv1", strides=2)
    x = layers.MaxPooling2D(3, 2, "same", name="pool1")(x)
    x = LocalResponseNormalization(name="norm1")(x)
    x = convolution(x, 64, 1, "conv2_reduce")
    x = convolution(x, 192, 3, "conv2")
    x = LocalResponseNormalization(name="norm2")(x)
    return layers.MaxPooling2D(3, 2, "same", name="pool2")(x)


def _auxiliary_head(x: keras.KerasTensor, classes: int, name: str) -> keras.KerasTensor:
    x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
    x = convolution(x, 128, 1, f"{name}_conv")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(1024, "relu", kernel_initializer="he_normal", name=f"{name}_fc")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return logits(x, classes, name)
