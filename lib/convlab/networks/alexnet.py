"""AlexNet: Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks"."""

import keras
from keras import layers, ops

from convlab.networks.blocks import (
    convolution,
    dense,
    dense_head,
    normalized_convolution,
    normalized_dense,
)

# Section 3.5: maps, kernel, stride of conv1 to conv5.
CONVOLUTIONS = [(96, 11, 4), (256, 5, 1), (384, 3, 1), (384, 3, 1), (256, 3, 1)]
# A third of those maps; no stride and a smaller first kernel, because 32 pixels are a seventh of 227.
CIFAR_CONVOLUTIONS = [(32, 5), (96, 5), (128, 3), (128, 3), (96, 3)]


@keras.saving.register_keras_serializable("convlab")
class LocalResponseNormalization(layers.Layer):
    """Divide each value by (2 + 10⁻⁴ · the sum of squares over the five maps around it) to the power 0.75.

    Input and output (N, H, W, C); no parameters. Section 3.3, with its constants; the first and last maps
    have fewer neighbours. Some libraries divide 10⁻⁴ by five first: the paper does not. Built in lesson 12.

    >>> round(float(LocalResponseNormalization()(keras.ops.ones((1, 1, 1, 1)))[0, 0, 0, 0]), 4)
    0.5946
    """

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Return the normalised maps."""
        maps = ops.arange(images.shape[-1])
        neighbours = ops.cast(ops.abs(maps[:, None] - maps) <= 2, images.dtype)
        # x^-¾ as 1/√x · √(1/√x): a seventh of the time that a general power takes
        root = ops.rsqrt(2 + 1e-4 * (ops.square(images) @ neighbours))
        return images * root * ops.sqrt(root)


def alexnet(
    classes: int = 1000, groups: int = 2, input_shape: tuple[int, int, int] = (227, 227, 3)
) -> keras.Model:
    """Return AlexNet, logits out: 60,965,224 parameters with two groups, 62,378,344 with one.

    Images: (N, 227, 227, 3), floats. The paper prints 224, from which its own 55 x 55 does not follow. Groups
    stand for its two GPUs: conv2, conv4 and conv5 see half of the maps each; the response normalisation here
    crosses the border between them. Sections 3.3 to 3.5 and 4.2, figure 2. Built in lesson 12.

    >>> alexnet().count_params()
    60965224
    """
    x = images = keras.Input(input_shape)
    for number, (maps, size, stride) in enumerate(CONVOLUTIONS, start=1):
        x = layers.Conv2D(
            maps,
            size,
            stride,
            padding="valid" if number == 1 else "same",
            groups=groups if number in (2, 4, 5) else 1,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"conv{number}",
        )(x)
        if number in (1, 2):
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        if number in (1, 2, 5):
            x = layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)
    return keras.Model(images, dense_head(x, 4096, classes), name="alexnet")


def cifar_alexnet(
    activation: str = "relu", normalization: str | None = "batch", dropout: float = 0.5, classes: int = 10
) -> keras.Model:
    """Return AlexNet cut to 32 x 32 pixels, logits out: five convolutions, three poolings, two dense layers.

    Images: (N, 32, 32, 3), floats. A third of the paper's maps, an eighth of its dense units, one group,
    stride 1, and by default batch normalisation (in the dense layers, too), so that one recipe, with a high
    learning rate, trains every network of part IV. Lesson 12 compares the choices.

    Args:
        activation: any that Keras knows.
        normalization: "batch", "local" (the paper's, after conv1 and conv2) or None.
        dropout: share of the dense layers' values that is set to 0 in training.
        classes: number of logits.

    >>> cifar_alexnet().get_layer("pool5").output.shape
    (None, 4, 4, 96)
    """
    convolve, layer = (
        (normalized_convolution, normalized_dense) if normalization == "batch" else (convolution, dense)
    )
    x = images = keras.Input((32, 32, 3))
    for number, (maps, size) in enumerate(CIFAR_CONVOLUTIONS, start=1):
        x = convolve(x, maps, size, f"conv{number}", activation=activation)
        if normalization == "local" and number in (1, 2):
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        if number in (1, 2, 5):
            x = layers.MaxPooling2D(3, 2, "same", name=f"pool{number}")(x)
    return keras.Model(images, dense_head(x, 512, classes, dropout, activation, layer), name="cifar_alexnet")
