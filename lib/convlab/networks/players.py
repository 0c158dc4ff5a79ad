"""Networks that play from pixels: a value for each action (lesson 24)."""

import keras
from keras import layers

from convlab.networks.blocks import convolution, dense, logits

Shape = tuple[int, int, int]


def lecture_dqn(actions: int = 2, input_shape: Shape = (80, 80, 4)) -> keras.Model:
    """Return the lecture's network for a game: pixels (N, 80, 80, 4) from 0 to 255 in, a value per action.

    Three times a 3x3 convolution and a pooling, 80 → 40 → 20 → 10, with 32, 64 and 64 maps; then 512 units.
    Lesson 24.

    >>> lecture_dqn().count_params()
    3334946
    """
    x = images = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    for block, maps in enumerate((32, 64, 64), start=1):
        x = convolution(x, maps, 3, f"conv{block}")
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
    x = dense(layers.Flatten(name="flatten")(x), 512, "fc1")
    return keras.Model(images, logits(x, actions, "values"), name="lecture_dqn")


def atari_dqn(actions: int = 2, input_shape: Shape = (80, 80, 4)) -> keras.Model:
    """Return the first deep Q-network: pixels from 0 to 255 in, a value per action out.

    8x8 with stride 4 to 16 maps, 4x4 with stride 2 to 32, 256 units: Mnih et al. 2013 (arXiv:1312.5602,
    section 4.1), there on 84x84x4. Without padding, as there. Lesson 24.

    >>> atari_dqn(4, (84, 84, 4)).count_params()
    677172
    """
    x = images = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    for name, maps, size, stride in (("conv1", 16, 8, 4), ("conv2", 32, 4, 2)):
        x = layers.Conv2D(maps, size, stride, activation="relu", kernel_initializer="he_normal", name=name)(x)
    x = dense(layers.Flatten(name="flatten")(x), 256, "fc1")
    return keras.Model(images, logits(x, actions, "values"), name="atari_dqn")


def small_dqn(actions: int = 3, input_shape: Shape = (10, 10, 2)) -> keras.Model:
    """Return a network for a picture of about 10x10: pixels from 0 to 255 in, a value per action out.

    3x3 to 16 maps, 3x3 with stride 2 to 32 maps, 128 units. Lesson 24.

    >>> small_dqn().count_params()
    107859
    """
    x = images = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    x = convolution(x, 16, 3, "conv1")
    x = convolution(x, 32, 3, "conv2", strides=2)
    x = dense(layers.Flatten(name="flatten")(x), 128, "fc1")
    return keras.Model(images, logits(x, actions, "values"), name="small_dqn")
