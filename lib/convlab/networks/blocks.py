"""What several networks are made of: a convolution or a dense layer with what follows it."""

from keras import layers

from convlab.networks.normalization import FusedBatchNormalization


def convolution(x, maps, size, name, strides=1, activation="relu"):
    """Convolve with a bias, then apply `activation`, as networks did before batch normalisation.

    x: (N, H, W, C), symbolic; returns (N, ⌈H/strides⌉, ⌈W/strides⌉, maps), padding "same". Weights start as
    in He et al. 2015 (arXiv:1502.01852). Lessons 12 and 13.

    >>> convolution(layers.Input((8, 8, 3)), 16, 5, "conv1", strides=2).shape
    (None, 4, 4, 16)
    """
    return layers.Conv2D(
        maps, size, strides, "same", activation=activation, kernel_initializer="he_normal", name=name
    )(x)


def normalized_convolution(x, maps, size, name, strides=1, activation="relu"):
    """Convolve without a bias, normalise over the batch, then apply `activation` (None leaves it out).

    x: (N, H, W, C), symbolic; returns (N, ⌈H/strides⌉, ⌈W/strides⌉, maps), padding "same". The order, and the
    bias that the normalisation makes idle, are those of Ioffe & Szegedy 2015 (arXiv:1502.03167, section 3.2).
    The three layers are called `name`, `name_norm` and `name_relu`. Lesson 15.

    >>> normalized_convolution(layers.Input((8, 8, 3)), 16, 3, "conv1").shape
    (None, 8, 8, 16)
    """
    x = layers.Conv2D(maps, size, strides, "same", use_bias=False, kernel_initializer="he_normal", name=name)(
        x
    )
    return normalized(x, name, activation)


def dense(x, units, name, activation="relu"):
    """Multiply by a matrix, add a bias, then apply `activation`.

    x: (N, C), symbolic; returns (N, units). Weights start with He's variance. Lesson 12.

    >>> dense(layers.Input((9216,)), 64, "fc6").shape
    (None, 64)
    """
    # uniform, because drawing a hundred million truncated normals takes seconds; the variance is the same
    return layers.Dense(units, activation, kernel_initializer="he_uniform", name=name)(x)


def normalized_dense(x, units, name, activation="relu"):
    """Multiply by a matrix, normalise over the batch, then apply `activation`.

    x: (N, C), symbolic; returns (N, units). The three layers are called `name`, `name_norm` and `name_relu`.
    Lesson 13.

    >>> normalized_dense(layers.Input((1536,)), 64, "fc6").shape
    (None, 64)
    """
    x = layers.Dense(units, use_bias=False, kernel_initializer="he_uniform", name=name)(x)
    return normalized(x, name, activation)


def dense_head(x, units, classes, dropout=0.5, activation="relu", layer=dense):
    """Flatten, two dense layers with dropout, and logits: fc6, fc7 and fc8 of AlexNet and VGG.

    x: (N, H, W, C), symbolic; returns (N, classes) in float32; `layer`: `dense` or `normalized_dense`.
    Krizhevsky et al. 2012, sections 3.5 and 4.2. Built in lesson 12.

    >>> dense_head(layers.Input((6, 6, 256)), 64, 1000).shape
    (None, 1000)
    """
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc6", "fc7"):
        x = layer(x, units, name, activation)
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return logits(x, classes, "fc8")


def logits(x, classes, name="logits"):
    """End a network in one number per class, without softmax, in float32 even under mixed precision.

    x: (N, C), symbolic; returns (N, classes). The softmax belongs to the loss, which is told
    `from_logits=True`.

    >>> logits(layers.Input((64,)), 10).shape
    (None, 10)
    """
    return layers.Dense(classes, dtype="float32", name=name)(x)


def normalized(x, name, activation="relu"):
    """Normalise over the batch, then apply `activation` (None leaves it out): `name_norm` and `name_relu`."""
    # Keras averages its statistics over some hundred batches by default: more than a short run has.
    x = FusedBatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x
