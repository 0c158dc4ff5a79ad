"""Images changed so that a network errs: the fast gradient sign method (lesson 10)."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import keras


def fgsm(
    model: "keras.Model",
    images: ArrayLike,
    labels: ArrayLike,
    epsilon: float,
    limits: tuple[ArrayLike, ArrayLike] = (-np.inf, np.inf),
) -> np.ndarray:
    """Return the images, each value moved by `epsilon` so that the loss rises, within `limits`.

    The fast gradient sign method: Goodfellow et al. 2014 (arXiv:1412.6572, section 4). Built in lesson 10.

    Args:
        model: Keras on TensorFlow, logits out.
        images: (N, H, W, C), in the units that the model is fed.
        labels: (N,), the classes whose loss is to rise.
        epsilon: how far each value moves, in the same units.
        limits: the least and the largest value of an image, numbers or arrays that broadcast to it.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    >>> fgsm(model, np.array([[[[0.5]]]]), [0], epsilon=0.25).item()
    0.25
    """
    import tensorflow as tf

    images = tf.constant(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = model(images, training=False)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(np.asarray(labels, "int32"), logits)
    moved = images + epsilon * tf.sign(tape.gradient(loss, images))
    return np.clip(moved.numpy(), *limits)
