"""Images changed so that a network errs: the fast gradient sign method (lesson 10)."""

import numpy as np


def fgsm(model, images, labels, epsilon, limits=(-np.inf, np.inf)):
    """Return the images, each value moved by `epsilon` so that the loss rises, within `limits`.

    images (N, H, W, C) and epsilon are in the units that the model is fed. The fast gradient sign method:
    Goodfellow et al. 2014 (arXiv:1412.6572, section 4). Built in lesson 10.

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
