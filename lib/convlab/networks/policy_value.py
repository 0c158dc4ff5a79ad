"""A network for board games: a policy over the actions, and the value of the position. Lesson 25."""

import keras
from keras import layers

__all__ = ["policy_value"]


def policy_value(
    board_shape: tuple[int, int], actions: int, width: int = 32, blocks: int = 1, hidden: int = 64
) -> keras.Model:
    """Return a network with two heads: logits of the actions (N, actions), and a value (N, 1) from -1 to 1.

    It takes planes (N, H, W, 2): the stones of the player to move, and those of the opponent. A convolution
    of 3x3, residual blocks of two such convolutions, then a dense layer that both heads share. Silver et al.
    2017, "Mastering the game of Go without human knowledge", Methods, in small: without batch normalisation,
    and with a shared dense layer in place of the heads' own convolutions. Lesson 25.

    Args:
        board_shape: (H, W).
        actions: number of logits.
        width: maps of each convolution.
        blocks: residual blocks.
        hidden: units of the dense layer.

    >>> [output.shape for output in policy_value((3, 3), 9).outputs]
    [(None, 9), (None, 1)]
    """
    planes = keras.Input((*board_shape, 2), name="planes")
    x = layers.Conv2D(width, 3, padding="same", activation="relu", name="first")(planes)
    for number in range(1, blocks + 1):
        inner = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"block{number}a")(x)
        inner = layers.Conv2D(width, 3, padding="same", name=f"block{number}b")(inner)
        x = layers.ReLU(name=f"relu{number}")(layers.Add(name=f"sum{number}")([x, inner]))
    x = layers.Dense(hidden, activation="relu", name="shared")(layers.Flatten(name="flat")(x))
    logits = layers.Dense(actions, name="policy")(x)
    value = layers.Dense(1, activation="tanh", name="value")(x)
    return keras.Model(planes, [logits, value], name="policy_value")
