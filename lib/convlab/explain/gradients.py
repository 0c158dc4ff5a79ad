"""The gradients that reach each layer of a Keras network. Importing it does not import TensorFlow."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import keras

__all__ = ["agreement", "kernel_gradients"]


def kernel_gradients(model: "keras.Model", images: ArrayLike, labels: ArrayLike) -> dict[str, np.ndarray]:
    """Return {layer: gradient of the mean cross-entropy by its kernel}, front to back; the model stays as is.

    model: Keras on TensorFlow, logits out; images: (N, H, W, C), standardized; labels: (N,). Batches are
    normalised by their own statistics, as in training; each gradient has the shape of its kernel. Lesson
    15.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    >>> found = kernel_gradients(model, np.ones((5, 2, 2, 1)), [0, 1, 2, 0, 1])
    >>> [gradient.shape for gradient in found.values()]
    [(4, 3)]
    """
    import tensorflow as tf

    groups = (model.trainable_variables, model.non_trainable_variables)
    weights, others = ([variable.value for variable in group] for group in groups)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        # stateless, because a normalisation would note the batch's statistics
        logits, _ = model.stateless_call(weights, others, np.asarray(images, "float32"), training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(np.asarray(labels, "int32"), logits)
        loss = tf.reduce_mean(losses)
    gradients = zip(model.trainable_variables, tape.gradient(loss, weights))
    return {weight.path.rpartition("/")[0]: g.numpy() for weight, g in gradients if weight.name == "kernel"}


def agreement(gradients: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> dict[str, np.floating]:
    """Return {layer: cosine of the angle between its two gradients}: 1 for one direction, 0 for unrelated.

    gradients, others: what `kernel_gradients` returns for two batches. Balduzzi et al. 2017
    (arXiv:1702.08591) compare gradients to find out how much of them is noise. Lesson 15.

    >>> agreement({"a": np.array([3.0, 0])}, {"a": np.array([3.0, 4])})["a"].round(2)
    np.float64(0.6)
    """
    return {
        name: np.sum(one * others[name]) / np.linalg.norm(one) / np.linalg.norm(others[name])
        for name, one in gradients.items()
    }
