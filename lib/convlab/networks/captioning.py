"""A network that says what an image shows: convolutional encoder, LSTM decoder. Lesson 20.

O. Vinyals, A. Toshev, S. Bengio and D. Erhan, "Show and Tell: A Neural Image Caption Generator",
arXiv:1411.4555.
"""

import keras
from keras import layers, ops

__all__ = ["Moments", "captioner", "finder"]


@keras.saving.register_keras_serializable("convlab")
class Moments(layers.Layer):
    """How much of each feature an image has, and where: maps (N, H, W, C) to (N, 3C). Lesson 20.

    For each map its sum, and the sums of the map times its columns and times its rows, which run from -1
    to 1. Plain average pooling is the first part alone: it knows how many apples there are, and not where.

    >>> maps = ops.zeros((1, 3, 3, 1)) + ops.reshape(ops.arange(9.0), (1, 3, 3, 1))
    >>> [round(float(value), 2) for value in Moments()(maps)[0]]
    [36.0, 6.0, 18.0]
    """

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """Return the moments."""
        height, width = maps.shape[1:3]
        x = ops.reshape(ops.linspace(-1.0, 1.0, width), (1, 1, width, 1))
        y = ops.reshape(ops.linspace(-1.0, 1.0, height), (1, height, 1, 1))
        return ops.concatenate([ops.sum(maps * place, axis=(1, 2)) for place in (1.0, x, y)], axis=1)


def finder(features: tuple[int, int, int], things: int, maps: int = 64) -> keras.Model:
    """Return a network that says where things are: features in, logits (N, H, W, things + 1) out.

    At each place there is the middle of one of the things, or of none, which is the last class. Two
    convolutions, of 1x1 and of 3x3, on the maps of a trained network. Lesson 20.

    Args:
        features: (H, W, C) of the maps.
        things: kinds of things.
        maps: of the first convolution.

    >>> finder((11, 11, 256), things=12).output.shape
    (None, 11, 11, 13)
    """
    seen = keras.Input(features, name="features")
    x = layers.Conv2D(maps, 1, activation="relu", kernel_initializer="he_normal", name="maps")(seen)
    logits = layers.Conv2D(things + 1, 3, padding="same", dtype="float32", name="logits")(x)
    return keras.Model(seen, logits, name="finder")


def captioner(
    features: tuple[int, int, int],
    words: int,
    units: int = 128,
    embedded: int = 32,
) -> keras.Model:
    """Return a network from maps of things and the words so far to the logits of the next word, each time.

    Inputs: maps (N, H, W, C), as from a trained `finder`, and the numbers of words (N, T), the first one the
    sign for the beginning. Output: logits (N, T, words) of the word that comes *after* each one. The
    LSTM reads a vector of the image beside each word, as in Mao et al. 2014 (arXiv:1410.1090); in "Show and
    Tell" it reads the image once, before the first word. The layers that decoding needs are called "image",
    "embedding", "lstm" and "logits". Lesson 20.

    Args:
        features: (H, W, C) of the maps.
        words: size of the vocabulary.
        units: of the LSTM.
        embedded: values of a word's vector.

    >>> captioner((11, 11, 12), words=43).output.shape
    (None, None, 43)
    """
    seen = keras.Input(features, name="things")
    said = keras.Input((None,), dtype="int32", name="words")
    x = layers.BatchNormalization(momentum=0.9, name="moments_normalized")(Moments(name="moments")(seen))
    image = layers.Dense(units, activation="relu", name="image")(x)
    vectors = layers.Embedding(words, embedded, name="embedding")(said)
    beside = ops.expand_dims(image, 1) + 0 * vectors[:, :, :1]  # the same beside each of T words
    sequence = layers.Concatenate(name="sequence")([vectors, beside])
    states = layers.LSTM(units, return_sequences=True, name="lstm")(sequence)
    logits = layers.Dense(words, dtype="float32", name="logits")(states)
    return keras.Model([seen, said], logits, name="captioner")
