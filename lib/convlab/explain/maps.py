"""What the layers make of images, and which images excite a channel (lesson 10)."""

import numpy as np


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
