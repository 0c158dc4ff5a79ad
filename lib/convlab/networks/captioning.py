"""Networks that say what an image shows: convolutional encoder, LSTM decoder, with attention or without.

O. Vinyals, A. Toshev, S. Bengio and D. Erhan, "Show and Tell: A Neural Image Caption Generator",
arXiv:1411.4555. K. Xu et al., "Show, Attend and Tell: Neural Image Caption Generation with Visual Attention",
arXiv:1502.03044. Lesson 20.
"""

from typing import Any

import keras
from keras import layers, ops

__all__ = [
    "Attention",
    "Moments",
    "Names",
    "WordDropout",
    "attentive_captioner",
    "captioner",
    "finder",
]


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


def finder(
    features: tuple[int, int, int],
    things: int,
    maps: int = 64,
    deep: bool = False,
) -> keras.Model:
    """Return a network that says where things are: features in, logits (N, H, W, things + 1) out.

    At each place there is the middle of one of the things, or of none, which is the last class. Two
    convolutions, of 1x1 and of 3x3, on the maps of a trained network. Lesson 20.

    Args:
        features: (H, W, C) of the maps.
        things: kinds of things.
        maps: of the first convolution.
        deep: whether one more convolution of 3x3 comes between the two, with dropout on both sides of it:
            for the recorded runs, which have more scenes to learn from.

    >>> finder((11, 11, 256), things=12).output.shape
    (None, 11, 11, 13)
    """
    seen = keras.Input(features, name="features")
    x = layers.Conv2D(maps, 1, activation="relu", kernel_initializer="he_normal", name="maps")(seen)
    if deep:
        x = layers.SpatialDropout2D(0.1, name="maps_dropout")(x)
        between = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
        x = layers.Conv2D(maps, 3, name="between", **between)(x)
        x = layers.Dropout(0.2, name="between_dropout")(x)
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


@keras.saving.register_keras_serializable("convlab")
class WordDropout(layers.Layer):
    """Numbers of words, of which each is replaced by 0 with some probability, in training alone. Lesson 20.

    Bowman et al. 2016, arXiv:1511.06349, section 3.1.

    Args:
        rate: the probability.
    """

    def __init__(self, rate: float = 0.3, **options: Any):
        super().__init__(**options)
        self.rate, self.seeds = rate, keras.random.SeedGenerator()

    def call(self, words: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Return (N, T) numbers."""
        if not training:
            return words
        stay = keras.random.uniform(ops.shape(words), seed=self.seeds) >= self.rate
        return ops.where(stay, words, 0)

    def get_config(self) -> dict:
        """Return what builds this layer again."""
        return super().get_config() | {"rate": self.rate}


@keras.saving.register_keras_serializable("convlab")
class Names(layers.Layer):
    """One table (things, words) for both ways between things and their names. Lesson 20.

    Forward: numbers of words (N, T) to (N, T, things): which things the words up to each place have named. A
    column of the table after a softmax says what a word names; all words so far are added up. This way has
    no gradient. With `reverse`, things (N, T, things) to logits (N, T, words). Two uses of one table are
    "weight tying": Press and Wolf 2017, arXiv:1608.05859.

    Args:
        things: kinds of things.
        words: size of the vocabulary.
    """

    def __init__(self, things: int, words: int, **options: Any):
        super().__init__(**options)
        self.things, self.words = things, words
        start = keras.initializers.RandomNormal(stddev=0.1)
        self.table = self.add_weight(shape=(things, words), initializer=start, name="table")

    def call(self, inputs: keras.KerasTensor, reverse: bool = False) -> keras.KerasTensor:
        """Return what has been named, or the logits of names."""
        if reverse:
            return ops.matmul(inputs, self.table)
        named = ops.stop_gradient(ops.transpose(ops.softmax(self.table, axis=0)))
        return ops.cumsum(ops.take(named, inputs, axis=0), axis=1)

    def get_config(self) -> dict:
        """Return what builds this layer again."""
        return super().get_config() | {"things": self.things, "words": self.words}


@keras.saving.register_keras_serializable("convlab")
class Attention(layers.Layer):
    """Where to look for each next word, and what is seen there. Lesson 20, after Xu et al. 2015.

    Inputs: maps of things (N, H, W, things) whose values are probabilities, the decoder's states
    (N, T, units), and which things have been named (N, T, things), as from `Names`. A dense layer, "query",
    turns each state into six numbers. At each place they are multiplied by six *keys* and added up: its
    column and its row, from -1 to 1; whether there is one, two or three of the thing there in the image;
    and whether it has been named. **The query cannot ask for a kind of thing.** So what it learns holds for
    all kinds, also in pairs that it has never seen. A softmax over the places gives the attention; a place
    counts as much as there is something.

    Outputs: what is seen, (N, T, things + 3 + layout), and the attention (N, T, H·W). What is seen: the
    thing there; one, two or three of it; and `layout` values, a dense layer of where this thing is and
    where all else is, both added up over rows and over columns.

    Args:
        layout: values that describe how things lie.
    """

    def __init__(self, layout: int = 64, **options: Any):
        super().__init__(**options)
        self.layout_size = layout
        self.query = layers.Dense(6, name="query")
        self.layout = layers.Dense(layout, activation="relu", name="layout")

    def build(self, shapes: list[tuple]) -> None:
        """Make the weights."""
        (_, height, width, _), states, _ = shapes
        self.query.build(states)
        self.layout.build((None, None, 2 * (height + width)))

    def call(self, inputs: list[keras.KerasTensor]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return what is seen, and the attention."""
        maps, states, named = inputs
        height, width, things = maps.shape[1:]
        places = ops.reshape(maps, (-1, height * width, things))
        something = ops.sum(places, axis=2, keepdims=True) + 1e-6
        kinds = places / something  # which thing, if there is one
        many = ops.sum(kinds * ops.sum(places, axis=1, keepdims=True), axis=2, keepdims=True)
        many = ops.relu(1 - ops.abs(many - ops.arange(1.0, 4.0)))  # near one, two, three: (N, H·W, 3)
        y, x = ops.meshgrid(ops.linspace(-1.0, 1.0, height), ops.linspace(-1.0, 1.0, width), indexing="ij")
        where = ops.stack([ops.reshape(y, (-1,)), ops.reshape(x, (-1,))], axis=1)
        keys = ops.concatenate([where[None] + 0 * something, many], axis=2)

        query = self.query(states)
        scores = ops.einsum("ntk,npk->ntp", query[..., :5], keys)
        scores += query[..., 5:] * ops.einsum("ntk,npk->ntp", named, kinds)
        attention = ops.softmax(scores + ops.log(something[:, :, 0])[:, None], axis=2)

        thing = ops.einsum("ntp,npk->ntk", attention, kinds)
        this = ops.einsum("ntk,npk->ntp", thing, places)
        rest = something[:, None, :, 0] - this
        both = ops.reshape(ops.stack([this, rest], axis=2), (-1, ops.shape(this)[1], 2, height, width))
        rows, columns = ops.sum(both, axis=4), ops.sum(both, axis=3)
        flat = (-1, ops.shape(this)[1])
        lines = [ops.reshape(rows, (*flat, 2 * height)), ops.reshape(columns, (*flat, 2 * width))]
        layout = self.layout(ops.concatenate(lines, axis=2))
        number = ops.einsum("ntp,npk->ntk", attention, many)
        return ops.concatenate([thing, number, layout], axis=2), attention

    def get_config(self) -> dict:
        """Return what builds this layer again."""
        return super().get_config() | {"layout": self.layout_size}


def attentive_captioner(
    features: tuple[int, int, int],
    words: int,
    units: int = 128,
    embedded: int = 32,
) -> keras.Model:
    """Return a captioner that looks at the image again for each word; inputs and output as `captioner`'s.

    The LSTM reads words alone, of which some are left out in training, and says where to look. What is seen
    there decides the next word, together with the LSTM's state after dropout. So the state can know the
    grammar, and is of little use as a memory of which things go together. Lesson 20.

    Args:
        features: (H, W, C) of the maps, C the kinds of things.
        words: size of the vocabulary.
        units: of the LSTM.
        embedded: values of a word's vector.

    >>> attentive_captioner((11, 11, 12), words=43).output.shape
    (None, None, 43)
    """
    seen = keras.Input(features, name="things")
    said = keras.Input((None,), dtype="int32", name="words")
    names = Names(features[2], words, name="names")
    vectors = layers.Embedding(words, embedded, name="embedding")(WordDropout(name="word_dropout")(said))
    states = layers.LSTM(units, return_sequences=True, name="lstm")(vectors)
    looked, _ = Attention(name="attention")([seen, states, names(said)])
    beside = layers.Concatenate(name="beside")(
        [looked[..., features[2] :], layers.Dropout(0.5, name="states_dropout")(states)]
    )
    grammar = layers.Dense(words, dtype="float32", name="logits")(beside)
    logits = layers.Add(name="sum")([names(looked[..., : features[2]], reverse=True), grammar])
    return keras.Model([seen, said], logits, name="attentive_captioner")
