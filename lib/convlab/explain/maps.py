"""The activations of layers, and which images excite a channel (lesson 10)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import keras


def activation_maps(model: "keras.Model", images: ArrayLike, layers: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the outputs of the named layers for images, {name: (N, H', W', C')}, in one pass.

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


def exciting(
    model: "keras.Model", layer: str, channel: int, images: ArrayLike, count: int = 9
) -> tuple[np.ndarray, np.ndarray]:
    """Return which images excite a channel most and where: indices (count,) and places (count, 2).

    Best first; an image counts by the largest value of its map, and the place is that value's row and column.
    Lesson 10. Zeiler & Fergus 2013 (arXiv:1311.2901, figure 2).

    Args:
        model: Keras, logits out.
        layer: name of a layer whose output is (N, H', W', C').
        channel: which of its C' channels.
        images: (N, H, W, C), as the model is fed.
        count: how many images to return.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.ReLU(name="relu")])
    >>> which, places = exciting(model, "relu", 0, np.arange(12.0).reshape(3, 2, 2, 1), count=2)
    >>> which.tolist(), places.tolist()
    ([2, 1], [[1, 1], [1, 1]])
    """
    images = np.asarray(images)
    batches = np.array_split(images, -(-len(images) // 500))  # or the maps would fill the memory
    maps = np.concatenate([activation_maps(model, b, [layer])[layer][..., channel] for b in batches])
    flat = maps.reshape(len(maps), -1)
    best = np.argsort(-flat.max(axis=1), kind="stable")[:count]
    return best, np.stack(np.unravel_index(flat[best].argmax(axis=1), maps.shape[1:]), axis=1)
