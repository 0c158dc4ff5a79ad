"""Which part of an image speaks for a label: Grad-CAM and occlusion (lesson 10)."""

import numpy as np


def grad_cam(model, layer, images, labels):
    """Return what speaks for each image's label, (N, H', W') from 0 up, on the maps of a convolution.

    Each map is weighted by the mean gradient of the label's logit; what speaks against it is cut off:
    Selvaraju et al. 2016 (arXiv:1610.02391, equations 1 and 2). Built in lesson 10.

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


def occlusion_map(score, image, size, stride=1, fill=0.0):
    """Return by how much the score falls when a square is hidden, (rows, columns) of the square's places.

    score: a function from images (N, H, W, C) to numbers (N,); image: (H, W, C); the square, `size` pixels
    wide, is set to `fill` and moves by `stride`. Zeiler & Fergus 2013 (arXiv:1311.2901, section 4.2). Built
    in lesson 10. ValueError for a square that does not fit.

    >>> image = np.array([[1.0, 2], [3, 4]])[:, :, None]
    >>> occlusion_map(lambda images: images.sum(axis=(1, 2, 3)), image, size=1)
    array([[1., 2.],
           [3., 4.]])
    """
    height, width = image.shape[:2]
    if not 1 <= size <= min(height, width):
        raise ValueError(f"a square of {size} does not fit an image of {height}x{width}")
    rows, columns = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    hidden = np.repeat(image[None], len(rows) * len(columns), axis=0)
    for copy, (row, column) in zip(hidden, [(row, column) for row in rows for column in columns]):
        copy[row : row + size, column : column + size] = fill
    falls = score(image[None])[0] - score(hidden)
    return np.reshape(falls, (len(rows), len(columns)))
