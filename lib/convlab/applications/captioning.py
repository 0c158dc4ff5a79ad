"""Captions: a network that says what it sees, the search for its sentence, and scores of it (lesson 20).

The networks are `convlab.networks.captioner` and `attentive_captioner`; scenes and sentences come from
`convlab.datasets.captions`. The character models that lead to them are here, too.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import ceil, exp, log, nan
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from convlab.datasets import captions
from convlab.layers import LSTM, Dense, Embedding, Sequential, log_softmax, softmax, softmax_cross_entropy
from convlab.networks import pretrained
from convlab.optimizers import Adam
from convlab.runs import Run
from convlab.training import batch_rows, train

__all__ = [
    "BEGIN",
    "END",
    "PADDING",
    "AttentiveDecoder",
    "CharacterModel",
    "Decoder",
    "NGrams",
    "OnThings",
    "Scores",
    "Vocabulary",
    "attention_on_things",
    "attentions",
    "beam_search",
    "bleu",
    "features",
    "find",
    "fit",
    "fit_finder",
    "greedy",
    "plain_characters",
    "scores",
]

PADDING, BEGIN, END = 0, 1, 2
"""Numbers that are no words: they fill up a short sentence, begin it and end it."""


class Vocabulary:
    """The words of a language and their numbers, from 3 on. Lesson 20.

    >>> vocabulary = Vocabulary(["a", "bus", "lion"])
    >>> vocabulary.encode(["a lion", "bus"]).tolist()
    [[1, 3, 5, 2], [1, 4, 2, 0]]
    >>> vocabulary.decode([3, 5, 2, 0]), len(vocabulary)
    ('a lion', 6)
    """

    def __init__(self, words: Sequence[str]):
        self.words = ("", "<begin>", "<end>", *words)
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Return (N, T) int32: each sentence with its beginning and its end, filled up to the longest one.

        ValueError for a word that is not in the vocabulary.
        """
        rows = [[BEGIN, *(self._number(word) for word in said.split()), END] for said in sentences]
        numbers = np.full((len(rows), max(map(len, rows))), PADDING, np.int32)
        for row, into in zip(rows, numbers):
            into[: len(row)] = row
        return numbers

    def decode(self, numbers: Sequence[int]) -> str:
        """Return the words of some numbers up to the first end; signs that are no words are left out."""
        numbers = [int(number) for number in numbers]
        until = numbers.index(END) if END in numbers else len(numbers)
        return " ".join(self.words[number] for number in numbers[:until] if number > END)

    def _number(self, word):
        if self._numbers.get(word, 0) <= END:
            raise ValueError(f"{word!r} is none of the {len(self) - 3} words of this vocabulary")
        return self._numbers[word]


# --- the network


def features(images: np.ndarray, layer: str = "fire5", batch: int = 50) -> np.ndarray:
    """Return SqueezeNet's maps of images (N, H, W, 3) uint8 at their own size, (N, H', W', C) float32.

    They are divided by one number, so that their size suits the start of a network. Lesson 20.
    """
    squeezenet = pretrained.squeezenet()
    trunk = keras.Model(squeezenet.input, squeezenet.get_layer(layer).output)
    forward = tf.function(lambda pixels: trunk(pixels, training=False))
    starts = range(0, len(images), batch)
    parts = [forward(pretrained.centred(images[start : start + batch])).numpy() for start in starts]
    return np.concatenate(parts) / 100


def fit_finder(
    model: keras.Model,
    maps: np.ndarray,
    scenes: captions.Captioned,
    epochs: int,
    *,
    batch_size: int = 32,
    seed: int = 0,
    learning_rate: float = 3e-3,
    checkpoint: str | Path | None = None,
) -> Run:
    """Train `networks.finder`, in place, on the middles of the boxes; return the Run. Lesson 20.

    Cross-entropy at each place, Adam, a rate that falls to 0 as a cosine.

    Args:
        model: with one class for each of `captions.NOUNS`, and one for none.
        maps: (N, H, W, C) of the scenes, as from `features`.
        scenes: their boxes and labels are learned.
        epochs: how many times each scene is seen.
        batch_size: scenes in one step.
        seed: of their order; seed the model's weights yourself.
        learning_rate: of the first step.
        checkpoint: a file from which an interrupted training goes on, as for `convlab.training.train`.
    """
    targets = _middles(scenes, maps.shape[1:3])
    each_epoch = len(maps) // batch_size
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(learning_rate, each_epoch * epochs)
    )
    optimizer.build(model.trainable_variables)

    @tf.function
    def update(some_maps, classes):
        with tf.GradientTape() as tape:
            logits = model(some_maps, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
            loss = tf.reduce_mean(tf.reduce_sum(losses, axis=(1, 2)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    def step(number):
        rows = batch_rows(len(maps), batch_size, seed, number)
        return {"loss": float(update(maps[rows], targets[rows]))}

    settings = {"epochs": epochs, "seed": seed, "learning_rate": learning_rate}
    steps = each_epoch * epochs
    return train(
        model,
        step,
        steps,
        steps_per_epoch=each_epoch,
        state=[optimizer],
        checkpoint=checkpoint,
        settings=settings,
        batch_size=batch_size,
    )


def find(model: keras.Model, maps: np.ndarray) -> np.ndarray:
    """Return the probability of each thing at each place, (N, H, W, things), by a trained finder."""
    logits = np.asarray(model.predict(maps, batch_size=50, verbose=0))
    return softmax(logits)[..., :-1]


def _middles(scenes, places):
    """Return the class at each place, (N, H, W) int32: a thing where the middle of its box is, else none."""
    height, width = scenes.images.shape[1:3]
    classes = np.full((len(scenes), *places), len(captions.NOUNS), np.int32)
    for into, boxes, labels in zip(classes, scenes.boxes, scenes.labels):
        x, y = (boxes[:, :2] + boxes[:, 2:]).T / 2
        into[(y / height * places[0]).astype(int), (x / width * places[1]).astype(int)] = labels
    return classes


def fit(
    model: keras.Model,
    maps: np.ndarray,
    facts: Sequence[captions.Fact],
    epochs: int,
    *,
    language: str = "en",
    batch_size: int = 32,
    seed: int = 0,
    learning_rate: float = 4e-3,
) -> Run:
    """Train a captioner, in place, by teacher forcing; return the Run, whose "loss" is per word.

    At each place the network is given the right words so far, not its own, and learns which one comes next.
    Each time that an image is seen, one of the sentences that say its fact is drawn. Half of the times maps
    and fact are mirrored: what was left is right. Adam, whose rate falls to 0 as a cosine. Lesson 20.

    Args:
        model: `networks.captioner` or `networks.attentive_captioner`.
        maps: (N, H, W, C), as from `find`.
        facts: what each image shows.
        epochs: how many times each image is seen.
        language: of the sentences.
        batch_size: images in one step.
        seed: of order and sentences; seed the model's weights yourself.
        learning_rate: of the first step.
    """
    vocabulary = Vocabulary(captions.words(language))
    both = [captions.sentences(way, language) for fact in facts for way in (fact, _mirrored(fact))]
    ways = len(both[0])
    sentences = vocabulary.encode([sentence for each in both for sentence in each])
    sentences = sentences.reshape(len(facts), 2, ways, -1)
    each_epoch = len(facts) // batch_size
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, each_epoch * epochs)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)

    @tf.function
    def update(some_maps, words):
        with tf.GradientTape() as tape:
            logits = model([some_maps, words[:, :-1]], training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(words[:, 1:], logits)
            counts = tf.cast(words[:, 1:] != PADDING, losses.dtype)
            loss = tf.reduce_sum(losses * counts) / tf.reduce_sum(counts)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    def step(number):
        rows = batch_rows(len(facts), batch_size, seed, number)
        rng = np.random.default_rng([seed, number, 2])
        way, flipped = rng.integers(ways, size=batch_size), rng.integers(2)
        some_maps = maps[rows, :, ::-1] if flipped else maps[rows]
        return {"loss": float(update(some_maps, sentences[rows, flipped, way]))}

    settings = {"epochs": epochs, "seed": seed, "language": language, "learning_rate": learning_rate}
    return train(
        model,
        step,
        each_epoch * epochs,
        steps_per_epoch=each_epoch,
        state=[optimizer],
        settings=settings,
        batch_size=batch_size,
    )


def _mirrored(fact):
    """Return the fact of the mirrored image."""
    if fact.relation != "left":
        return fact
    return captions.Fact(fact.other_number, fact.other_noun, "left", fact.number, fact.noun)


# --- from the network to a sentence

State = tuple[np.ndarray, ...]
Memory = tuple[np.ndarray, np.ndarray]  # h and c of an LSTM
Step = Callable[[np.ndarray, State], tuple[np.ndarray, State]]


class Decoder:
    """A trained captioner word by word, in the NumPy layers of this course. Lesson 20.

    `begin(maps)` gives the state before the first word. `step(words, state)` reads one more word of
    each sentence and returns the logarithms of the next word's probabilities, (N, words), and the new state.

    Args:
        model: `networks.captioner`, trained.
    """

    def __init__(self, model: keras.Model):
        self.image = keras.Model(model.inputs[0], model.get_layer("image").output)
        self.embedding, self.lstm, self.logits = _numpy_layers(model)

    def begin(self, maps: np.ndarray) -> State:
        """Return the state before the first word: h and c, both (N, units) and 0, and the images' vectors."""
        vectors = np.asarray(self.image(maps, training=False))
        zeros = np.zeros((len(maps), len(self.lstm.params["recurrent_kernel"])), np.float32)
        return zeros, zeros, vectors

    def step(self, words: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Return log-probabilities (N, words) of what follows the words (N,), and the next state."""
        h, c, vectors = state
        x = np.concatenate([self.embedding.forward(words), vectors], axis=1)
        states = self.lstm.forward(x[:, None], initial_state=(h, c))
        return log_softmax(self.logits.forward(states[:, 0])), (*self.lstm.state, vectors)


class AttentiveDecoder:
    """A trained attentive captioner word by word, in NumPy; used as `Decoder` is. Lesson 20.

    The state is h and c of the LSTM, which things have been named (N, things), and the maps.

    Args:
        model: `networks.attentive_captioner`, trained.

    Attributes:
        attention: (N, H, W), where the last `step` looked; each image's adds up to 1.
    """

    attention: np.ndarray

    def __init__(self, model: keras.Model):
        self.embedding, self.lstm, self.logits = _numpy_layers(model)
        (self.names,) = model.get_layer("names").get_weights()  # (things, words)
        attention = model.get_layer("attention")
        self.query, self.layout = (
            (layer.kernel.numpy(), layer.bias.numpy()) for layer in (attention.query, attention.layout)
        )

    def begin(self, maps: np.ndarray) -> State:
        """Return the state before the first word."""
        zeros = np.zeros((len(maps), len(self.lstm.params["recurrent_kernel"])), np.float32)
        return zeros, zeros, np.zeros((len(maps), maps.shape[3]), np.float32), maps

    def step(self, words: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Return log-probabilities (N, words) of what follows the words (N,), and the next state."""
        h, c, named, maps = state
        h = self.lstm.forward(self.embedding.forward(words)[:, None], initial_state=(h, c))[:, 0]
        named = named + softmax(self.names.T)[words]
        thing, beside = self._look(h, named, maps)
        logits = thing @ self.names + self.logits.forward(np.concatenate([beside, h], axis=1))
        return log_softmax(logits), (*self.lstm.state, named, maps)

    def _look(self, h, named, maps):
        """Return the thing looked at (N, things), and how many of it and how all lies (N, 3 + layout)."""
        n, height, width, things = maps.shape
        places = maps.reshape(n, -1, things)
        something = places.sum(axis=2, keepdims=True) + 1e-6
        kinds = places / something
        many = (kinds * places.sum(axis=1, keepdims=True)).sum(axis=2, keepdims=True)
        many = np.maximum(0, 1 - np.abs(many - np.arange(1, 4)))
        y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
        where = np.broadcast_to(np.stack([y.ravel(), x.ravel()], axis=1), (n, height * width, 2))
        keys = np.concatenate([where, many, kinds @ named[:, :, None]], axis=2)
        kernel, bias = self.query
        scores = (keys @ (h @ kernel + bias)[:, :, None])[..., 0]
        attention = softmax(scores + np.log(something[..., 0]))
        self.attention = attention.reshape(n, height, width)

        thing = (attention[:, None] @ kinds)[:, 0]
        this = (places @ thing[:, :, None]).reshape(n, height, width)
        parts = this, something.reshape(this.shape) - this
        lines = [part.sum(axis=axis) for axis in (2, 1) for part in parts]
        kernel, bias = self.layout
        layout = np.maximum(0, np.concatenate(lines, axis=1) @ kernel + bias)
        return thing, np.concatenate([(attention[:, None] @ many)[:, 0], layout], axis=1)


def attentions(
    decoder: AttentiveDecoder, maps: np.ndarray, longest: int = 12
) -> tuple[list[int], np.ndarray]:
    """Return the numbers of the words that greedy search says of one image, and where it looked for each.

    The last number is that of the end. The attention is (words, H, W). Lesson 20.

    Args:
        decoder: of a trained captioner.
        maps: (1, H, W, things) of the image.
        longest: words and end of a sentence.
    """
    state, words = decoder.begin(maps), [BEGIN]
    looks: list[np.ndarray] = []
    while words[-1] != END and len(looks) < longest:
        log_probabilities, state = decoder.step(np.array(words[-1:]), state)
        words.append(int(log_probabilities[0].argmax()))
        looks.append(decoder.attention[0])
    return words[1:], np.stack(looks)


class OnThings(NamedTuple):
    """Where attention lies while a thing is named: shares from 0 to 1, means over all words that name one.

    Attributes:
        named: of the attention, the share within boxes of the thing that is named. other: within boxes of
            the other thing. area: the share of the image that boxes of the named thing fill, which attention
            that knows nothing would have. words: how many words were counted.
    """

    named: float
    other: float
    area: float
    words: int


def attention_on_things(
    decoder: AttentiveDecoder,
    maps: np.ndarray,
    scenes: captions.Captioned,
    language: str = "en",
) -> OnThings:
    """Return where attention lies while the right captions of scenes are read, a noun at a time. Lesson 20.

    The attention is that of the step whose output is the noun. The shortest sentence of each fact is read.

    Args:
        decoder: of a trained captioner.
        maps: (N, H, W, things) of the scenes.
        scenes: their boxes are compared.
        language: of the captioner.
    """
    vocabulary = Vocabulary(captions.words(language))
    words = vocabulary.encode([captions.sentences(fact, language)[0] for fact in scenes.facts])
    nouns = {vocabulary._number(word): thing for thing, word in captions.nouns(language)}
    state, rows = decoder.begin(maps), []
    inside = np.stack(
        [_inside(*there, scenes.images.shape[1:3], maps.shape) for there in zip(scenes.boxes, scenes.labels)]
    )
    for place in range(words.shape[1] - 1):
        _, state = decoder.step(words[:, place], state)
        for attention, into, number in zip(decoder.attention, inside, words[:, place + 1].tolist()):
            if number in nouns:
                named = into[..., nouns[number]]
                other = into.any(axis=2) & ~named
                rows.append((attention[named].sum(), attention[other].sum(), named.mean()))
    named, other, area = np.mean(rows, axis=0).tolist()
    return OnThings(named, other, area, len(rows))


def _inside(boxes, labels, size, shape):
    """Return for each place and each thing whether a box of the thing meets it, (H, W, things)."""
    _, height, width, things = shape
    there = np.zeros((height, width, things), bool)
    steps = np.array([width / size[1], height / size[0]] * 2)
    for box, label in zip(boxes, labels):
        left, top, right, bottom = box * steps
        there[int(top) : ceil(bottom), int(left) : ceil(right), label] = True
    return there


def _numpy_layers(model):
    """Return the embedding, the LSTM and the last dense layer of a captioner as NumPy layers."""
    arrays = [model.get_layer(name).get_weights() for name in ("embedding", "lstm", "logits")]
    layers = (
        Embedding(*arrays[0][0].shape),
        LSTM(len(arrays[1][0]), len(arrays[1][1])),
        Dense(*arrays[2][0].shape),
    )
    for layer, weights in zip(layers, arrays):
        layer.params.update(zip(layer.params, weights, strict=True))
    return layers


def greedy(step: Step, state: State, longest: int = 12) -> np.ndarray:
    """Return (N, longest) numbers of words: at each place the likeliest one, `PADDING` after the end.

    Args:
        step: as `Decoder.step`.
        state: arrays (N, units), as from `Decoder.begin`.
        longest: words and end of a sentence.
    """
    words = np.full(len(state[0]), BEGIN)
    said = np.full((len(words), longest), PADDING)
    going = np.ones(len(words), bool)
    for place in range(longest):
        log_probabilities, state = step(words, state)
        words = log_probabilities.argmax(axis=1)
        said[going, place] = words[going]
        going &= words != END
        if not going.any():
            break
    return said


class Hypothesis(NamedTuple):
    """A sentence of a search: its numbers without the beginning, and its log-probability."""

    words: tuple[int, ...]
    score: float


def beam_search(step: Step, state: State, width: int = 3, longest: int = 12) -> list[Hypothesis]:
    """Return up to `width` sentences of one image, the likeliest first; those that ended before the others.

    Of all ways to go on with one more word, the `width` likeliest are kept. A sentence that has ended waits.
    The search stops when the sentences that have ended are as many as asked for and no other can overtake
    them: a probability only falls with each further word. With a width of 1 this is `greedy`. ValueError
    for a width below 1. Lesson 20.

    Args:
        step: as `Decoder.step`; N is the number of sentences under way.
        state: arrays (1, units), as from `Decoder.begin`.
        width: sentences under way.
        longest: words and end of a sentence.
    """
    if width < 1:
        raise ValueError(f"a beam of width {width} has no sentence: take 1 or more")
    going, ended = [Hypothesis((), 0.0)], list[Hypothesis]()
    for _ in range(longest):
        words = np.array([way.words[-1] if way.words else BEGIN for way in going])
        log_probabilities, state = step(words, state)
        totals = log_probabilities + np.array([[way.score] for way in going])
        best = np.argsort(-totals, axis=None, kind="stable")[:width]
        parents, words = np.unravel_index(best, totals.shape)
        longer = [
            Hypothesis((*going[parent].words, int(word)), float(totals[parent, word]))
            for parent, word in zip(parents, words)
        ]
        ended = sorted(ended + [way for way in longer if way.words[-1] == END], key=lambda way: -way.score)
        stay = [place for place, way in enumerate(longer) if way.words[-1] != END]
        going = [longer[place] for place in stay]
        state = tuple(part[parents[stay]] for part in state)
        if not going or (len(ended) >= width and ended[width - 1].score >= going[0].score):
            break
    return (ended + going)[:width]


# --- scores


class Scores(NamedTuple):
    """How good captions are: shares from 0 to 1.

    Attributes:
        facts: of the five facts of each scene (two numbers, two things, a relation), the share said rightly;
            a sentence outside the grammar says none. scenes: captions with all five. grammatical: captions
            that are a sentence of the grammar. bleu: `bleu` against all right sentences. facts_in_grammar:
            the share of facts that is right in the grammatical captions alone; nan where there are none.
    """

    facts: float
    scenes: float
    grammatical: float
    bleu: float
    facts_in_grammar: float


def scores(said: Sequence[str], facts: Sequence[captions.Fact], language: str = "en") -> Scores:
    """Return the scores of captions for scenes that show `facts`. Lesson 20.

    >>> lion = captions.Fact(1, "lion", "left", 2, "bus")
    >>> scores(["two buses right of a lion", "a lion above two buses"], [lion, lion])[:3]
    (0.9, 0.5, 1.0)
    """
    if len(said) != len(facts) or not said:
        raise ValueError(f"{len(said)} captions for {len(facts)} scenes: give one for each")
    understood = [captions.fact_of(sentence, language) for sentence in said]
    right = np.array(
        [[a == b for a, b in zip(got or [None] * 5, fact)] for got, fact in zip(understood, facts)]
    )
    grammatical = np.array([got is not None for got in understood])
    return Scores(
        facts=float(right.mean()),
        scenes=float(right.all(axis=1).mean()),
        grammatical=float(grammatical.mean()),
        bleu=bleu(said, [captions.sentences(fact, language) for fact in facts]),
        facts_in_grammar=float(right[grammatical].mean()) if grammatical.any() else nan,
    )


def bleu(said: Sequence[str], references: Sequence[Sequence[str]], longest: int = 4) -> float:
    """Return BLEU of sentences whose words are parted by spaces, from 0 to 1, over all of them together.

    The geometric mean of the clipped precisions of n-grams, n from 1 to `longest`, times a penalty where the
    sentences are shorter than the references that are nearest in length. Papineni et al. 2002, section 2.
    It is sacrebleu's without smoothing and tokenizer, divided by 100. ValueError where a sentence has no
    reference. Lesson 20.

    >>> round(bleu(["a lion left of a bus"], [["a lion left of two buses", "a lion near a bus"]]), 3)
    0.604
    """
    if len(said) != len(references) or not all(references):
        raise ValueError(
            f"{len(said)} sentences, {len(references)} lists of references: one each, none empty"
        )
    matches, totals, length, wanted = [0] * longest, [0] * longest, 0, 0
    for sentence, right in zip(said, references):
        words, right_words = sentence.split(), [reference.split() for reference in right]
        length += len(words)
        wanted += min((abs(len(other) - len(words)), len(other)) for other in right_words)[1]
        for n in range(1, longest + 1):
            allowed: Counter = Counter()
            for other in right_words:
                allowed |= _ngrams(other, n)  # of each n-gram the largest count
            found = _ngrams(words, n)
            matches[n - 1] += (found & allowed).total()
            totals[n - 1] += found.total()
    if not all(matches):
        return 0.0
    precision = exp(sum(log(match / total) for match, total in zip(matches, totals)) / longest)
    return precision * min(1.0, exp(1 - wanted / length))


def _ngrams(words, n):
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


# --- characters


def plain_characters(sentences: Sequence[str]) -> list[str]:
    """Return, in small letters, those sentences that have only letters, spaces and . , ' ? !. Lesson 20.

    >>> plain_characters(["A film.", "Café", "It's 90 minutes"])
    ['a film.']
    """
    allowed = set(CharacterModel.CHARACTERS)
    small = [sentence.lower().strip() for sentence in sentences]
    return [sentence for sentence in small if set(sentence) <= allowed - {"\n"}]


class NGrams:
    """The baseline of language models: it counts which character follows which. Lesson 20.

    The probability of a character after the last `order - 1` ones is its share there, mixed with what a
    context shorter by one says: p = (count + weight·p_shorter) / (total + weight). The shortest context is
    none, and before it all characters are equally likely. MacKay and Peto 1995, "A hierarchical Dirichlet
    language model".

    Args:
        text: to count in.
        order: characters of the longest context, plus one.
        weight: how many counts the shorter context is worth.

    >>> round(NGrams("abababab", order=2).perplexity("abab"), 2)
    1.41
    """

    def __init__(self, text: str, order: int, weight: float = 5.0):
        if order < 1 or not text:
            raise ValueError(
                f"order {order} and {len(text)} characters: count in a text, with order 1 or more"
            )
        self.order, self.weight, self.characters = order, weight, len(set(text))
        self.counts = [
            Counter(text[i : i + n] for i in range(len(text) - n + 1)) for n in range(1, order + 1)
        ]
        self.totals: list[Counter[str]] = [Counter() for _ in range(order)]
        for counts, totals in zip(self.counts, self.totals):
            for gram, count in counts.items():
                totals[gram[:-1]] += count

    def probability(self, context: str, character: str) -> float:
        """Return the probability of a character after a context, of which the last characters count."""
        p = 1 / self.characters
        for n, (counts, totals) in enumerate(zip(self.counts, self.totals)):
            if n > len(context):
                break
            before = context[len(context) - n :]
            p = (counts[before + character] + self.weight * p) / (totals[before] + self.weight)
        return p

    def perplexity(self, text: str, order: int | None = None) -> float:
        """Return e to the mean of -log p over all characters but the first: between how many it wavers.

        order: less than the model's own makes contexts shorter; 1 makes them empty.
        """
        longest = (order or self.order) - 1
        logs = [log(self.probability(text[max(0, i - longest) : i], text[i])) for i in range(1, len(text))]
        return exp(-float(np.mean(logs)))


class CharacterModel:
    """A network that says which character comes next: vectors, one LSTM, logits, all in NumPy. Lesson 20.

    Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks".

    Args:
        units: of the LSTM.
        embedded: values of a character's vector.
        seed: of the weights.
    """

    CHARACTERS = "\n !',.?" + "abcdefghijklmnopqrstuvwxyz"

    def __init__(self, units: int = 128, embedded: int = 32, seed: int = 0):
        rng = np.random.default_rng(seed)
        n = len(self.CHARACTERS)
        self.embedding = Embedding(n, embedded, rng=rng)
        self.lstm, self.dense = LSTM(embedded, units, rng=rng), Dense(units, n, rng=rng)
        self.network = Sequential([self.embedding, self.lstm, self.dense])

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers of a text's characters; ValueError for one that the model does not have."""
        if other := set(text) - set(self.CHARACTERS):
            raise ValueError(f"{''.join(sorted(other))!r} are not among the characters {self.CHARACTERS!r}")
        return np.array([self.CHARACTERS.index(character) for character in text], np.int64)

    def logits(self, numbers: np.ndarray, state: Memory | None = None) -> np.ndarray:
        """Return (N·T, characters) logits of what follows each of (N, T) characters, by rows."""
        states = self.lstm.forward(self.embedding.forward(numbers), initial_state=state)
        return self.dense.forward(states.reshape(-1, states.shape[2]))

    def fit(
        self, text: str, updates: int, batch: int = 32, steps: int = 32, learning_rate: float = 5e-3
    ) -> Iterator[float]:
        """Train, in place; yield each update's loss, per character.

        The text is cut into `batch` long pieces, which are read side by side, `steps` characters at a time.
        The state goes on from one time to the next, the gradient does not: truncated backpropagation through
        time (Williams and Peng 1990). Gradients are cut to a norm of 1 (Pascanu et al. 2013). Adam, whose
        rate falls to 0 in a straight line.

        Args:
            text: to read; from its beginning again where it ends.
            updates: how many steps of the optimizer.
            batch: pieces side by side.
            steps: characters through which the gradient goes back.
            learning_rate: of the first update.
        """
        numbers = self.encode(text)
        pieces = numbers[: len(numbers) // batch * batch].reshape(batch, -1)
        if pieces.shape[1] <= steps:
            raise ValueError(f"{len(text)} characters are too few for {batch} pieces of over {steps}")
        rule, place = Adam(learning_rate), 0
        state: Memory | None = None
        for update in range(updates):
            if place + steps >= pieces.shape[1]:
                state, place = None, 0
            window = pieces[:, place : place + steps + 1]
            loss, dlogits = softmax_cross_entropy(self.logits(window[:, :-1], state), window[:, 1:].ravel())
            state, place = self.lstm.state, place + steps
            dstates = self.dense.backward(dlogits).reshape(batch, steps, -1)
            self.embedding.backward(self.lstm.backward(dstates))
            grads = self.network.grads
            norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
            rule.learning_rate = learning_rate * (1 - update / updates)
            rule.step(self.network.params, {name: grad / max(1, norm) for name, grad in grads.items()})
            yield float(loss)

    def perplexity(self, text: str, batch: int = 16) -> float:
        """Return e to the mean loss per character, of a text cut into `batch` pieces read side by side."""
        numbers = self.encode(text)
        pieces = numbers[: len(numbers) // batch * batch].reshape(batch, -1)
        loss, _ = softmax_cross_entropy(self.logits(pieces[:, :-1]), pieces[:, 1:].ravel())
        return exp(loss)

    def sample(self, length: int, seed: int, temperature: float = 1.0, begin: str = "\n") -> str:
        """Return `length` characters after `begin`, each drawn from the model's probabilities.

        temperature: the logits are divided by it; below 1, likely characters get likelier.
        """
        rng, numbers = np.random.default_rng(seed), self.encode(begin)
        said: list[str] = []
        state: Memory | None = None
        for _ in range(length):
            logits = self.logits(numbers[None], state)[-1]
            state = self.lstm.state
            numbers = rng.choice(len(logits), 1, p=softmax(logits.astype(float) / temperature))
            said.append(self.CHARACTERS[numbers[0]])
        return "".join(said)
