"""What a trained network looks at (lesson 10). Importing this room does not import TensorFlow.

Models are Keras on TensorFlow, logits out; images are what the model is fed: (N, H, W, C), standardized.
"""

import numpy as np

__all__ = ["activation_maps", "exciting", "fgsm", "grad_cam", "occlusion_map"]


def activation_maps(model, images, layers):
    """Return what the named layers make of the images, {name: (N, H', W', C')}, in one pass.

    Lesson 10. Zeiler & Fergus 2013 (arXiv:1311.2901, section 4).

    >>> import keras
    >>> model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.MaxPooling2D(2, name="pool")])
    >>> activation_maps(model, np.ones((3, 4, 4, 1)), ["pool"])["pool"].shape
    (3, 2, 2, 1)
    """
    import keras

    inner = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in layers})
    values = inner(np.asarray(images, "float32"), training=False)
    return {name: keras.ops.convert_to_numpy(values[name]) for name in layers}


def exciting(model, layer, channel, images, count=9):
    """Return which images excite a channel most and where: indices (count,) and places (count, 2).

    Best first; a place is row and column on the layer's map. Lesson 10. Zeiler & Fergus 2013
    (arXiv:1311.2901, figure 2).

    >>> import keras
    >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.ReLU(name="relu")])
    >>> which, places = exciting(model, "relu", 0, np.arange(12.0).reshape(3, 2, 2, 1), count=2)
    >>> which.tolist(), places.tolist()
    ([2, 1], [[1, 1], [1, 1]])
    """
    batches = np.array_split(np.asarray(images), -(-len(images) // 500))  # or the maps would fill the memory
    maps = np.concatenate([activation_maps(model, b, [layer])[layer][..., channel] for b in batches])
    flat = maps.reshape(len(maps), -1)
    best = np.argsort(-flat.max(axis=1), kind="stable")[:count]
    return best, np.stack(np.unravel_index(flat[best].argmax(axis=1), maps.shape[1:]), axis=1)


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
