"""Which part of an image supports a label: Grad-CAM (lesson 10)."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import keras


def grad_cam(model: "keras.Model", layer: str, images: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Return Grad-CAM heat maps (N, H', W'), all at least 0, for each image's label.

    Each map of the layer is weighted by the mean gradient of the label's logit with respect to it. The heat
    is their sum, and 0 where that is negative: Selvaraju et al. 2016 (arXiv:1610.02391, equations 1 and 2).
    Built in lesson 10.

    Args:
        model: Keras on TensorFlow, logits out.
        layer: name of a layer whose output is (N, H', W', C').
        images: (N, H, W, C), as the model is fed.
        labels: (N,), the class that each map is about.

    >>> from keras import Input, Sequential, layers
    >>> model = Sequential([Input((4, 4, 1)), layers.Conv2D(2, 3, name="conv"), layers.GlobalMaxPooling2D()])
    >>> grad_cam(model, "conv", np.ones((3, 4, 4, 1)), [0, 1, 1]).shape
    (3, 2, 2)
    """
    import keras
    import tensorflow as tf

    inner = keras.Model(model.inputs[0], [model.get_layer(layer).output, model.outputs[0]])
    with tf.GradientTape() as tape:
        maps, logits = inner(np.asarray(images, "float32"), training=False)
        chosen = tf.gather(logits, np.asarray(labels), axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(chosen, maps), axis=(1, 2), keepdims=True)  # (N, 1, 1, C')
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
