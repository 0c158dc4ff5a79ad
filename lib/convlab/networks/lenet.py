"""LeNet-5, the ancestor: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition"."""

import keras
from keras import layers


def lenet5(classes: int = 10, input_shape: tuple[int, int, int] = (32, 32, 1)) -> keras.Model:
    """Return LeNet-5 as it is usually rebuilt, logits out: 61,706 parameters. Lesson 12.

    Images: (N, 32, 32, 1), floats. Section II.B and figure 2. Unlike the paper's, every map of C3 sees all
    six of S2 (table I keeps 60 of these 96 pairs: 1,516 parameters for our 2,416), S2 and S4 average without
    weights of their own, tanh is not stretched, and a linear layer replaces the radial basis functions.

    >>> lenet5().count_params()
    61706
    """
    x = images = keras.Input(input_shape)
    for layer in (
        layers.Conv2D(6, 5, activation="tanh", name="C1"),
        layers.AveragePooling2D(2, name="S2"),
        layers.Conv2D(16, 5, activation="tanh", name="C3"),
        layers.AveragePooling2D(2, name="S4"),
        layers.Conv2D(120, 5, activation="tanh", name="C5"),
        layers.Flatten(name="flatten"),
        layers.Dense(84, activation="tanh", name="F6"),
        layers.Dense(classes, dtype="float32", name="output"),
    ):
        x = layer(x)
    return keras.Model(images, x, name="lenet5")
