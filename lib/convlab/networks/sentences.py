"""A network that reads a sentence: convolutions over words, and the largest value over time. Lesson 21.

Y. Kim, "Convolutional Neural Networks for Sentence Classification", arXiv:1408.5882.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops


def text_cnn(
    vocabulary_size: int,
    dimensions: int = 300,
    kernel_sizes: Sequence[int] = (3, 4, 5),
    filters: int = 100,
    outputs: int = 2,
    dropout: float = 0.5,
    vectors: np.ndarray | None = None,
    trainable: bool = True,
) -> keras.Model:
    """Return Kim's network: numbers of words (N, T) in, logits (N, outputs) out, for any T.

    Each sentence stands between kernel_size - 1 zero vectors on both sides, as in the code that Kim published
    with the paper. Windows without any word do not count, so that further padding changes no output; in his
    code they do count. The columns of the last weights have a norm of at most 3. Kim 2014, sections 2 and 3.

    Args:
        vocabulary_size: numbers of words are below it; 0 is padding.
        dimensions: numbers of each word vector.
        kernel_sizes: words that a kernel covers, one convolution for each size.
        filters: feature maps of each convolution.
        outputs: logits, one for each class; 1 for a regression.
        dropout: share of the features that is set to 0 in training.
        vectors: (vocabulary_size, dimensions) to begin with; by default uniform from -0.25 to 0.25.
        trainable: whether training changes the word vectors: "rand" and "non-static", or "static".

    >>> text_cnn(1000).count_params() == 1000 * 300 + (3 + 4 + 5) * 300 * 100 + 3 * 100 + 300 * 2 + 2
    True
    """
    if vectors is not None and vectors.shape != (vocabulary_size, dimensions):
        raise ValueError(
            f"vectors {vectors.shape} do not fit {vocabulary_size} words with {dimensions} numbers each"
        )
    start = keras.initializers.RandomUniform(-0.25, 0.25) if vectors is None else _these(vectors)
    words = keras.Input((None,), dtype="int32", name="words")
    embedding = layers.Embedding(
        vocabulary_size, dimensions, embeddings_initializer=start, trainable=trainable, name="vectors"
    )
    x, found = ZeroPadding(name="zero_padding")([embedding(words), words]), []
    for size in kernel_sizes:
        maps = layers.ZeroPadding1D(size - 1, name=f"edges{size}")(x)
        maps = layers.Conv1D(filters, size, activation="relu", name=f"convolution{size}")(maps)
        found.append(MaxOverTime(name=f"max{size}")([maps, words]))
    features = layers.Concatenate(name="features")(found) if len(found) > 1 else found[0]
    features = layers.Dropout(dropout, name="dropout")(features)
    last = layers.Dense(outputs, kernel_constraint=keras.constraints.MaxNorm(3, axis=0), name="logits")
    return keras.Model(words, last(features), name="text_cnn")


def _these(vectors):
    """Return an initializer that gives these values."""
    return lambda shape, dtype=None: ops.convert_to_tensor(vectors, dtype)


@keras.saving.register_keras_serializable("convlab")
class ZeroPadding(layers.Layer):
    """Set the vectors of padding to zero, whatever has been trained. Lesson 21."""

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return the vectors (N, T, C), 0 where words (N, T) are 0."""
        vectors, words = inputs
        return vectors * ops.cast(words != 0, vectors.dtype)[..., None]


@keras.saving.register_keras_serializable("convlab")
class MaxOverTime(layers.Layer):
    """Return the largest value of each map over the windows that have a word. Lesson 21.

    Maps are 0 or more, as after ReLU: a window that does not count gives 0. A sentence of n words between
    k - 1 zero vectors on both sides has n + k - 1 windows that count.
    """

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return (N, F) from maps (N, T + k - 1, F) and words (N, T), padding last."""
        maps, words = inputs
        edges = ops.shape(maps)[1] - ops.shape(words)[1]  # k - 1
        counts = ops.sum(ops.cast(words != 0, "int32"), axis=1)
        windows = ops.where(counts > 0, counts + edges, 0)
        real = ops.arange(ops.shape(maps)[1])[None] < windows[:, None]
        return ops.max(maps * ops.cast(real, maps.dtype)[..., None], axis=1)
