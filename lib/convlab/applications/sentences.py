"""Reading sentences: folds, training, answers, and what lights a filter up (lesson 21).

The network is `convlab.networks.text_cnn`; the baselines are in `convlab.applications.bag_of_words`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from convlab.runs import Run
from convlab.training import batch_rows, train

__all__ = ["Fold", "Phrase", "Reader", "answers", "fit", "fold", "folds", "phrases", "trimmed"]


class Fold(NamedTuple):
    """The numbers of the sentences to learn from, to choose by, and to test on once."""

    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray


def folds(count: int, number: int = 10, seed: int = 0) -> np.ndarray:
    """Return the fold of each of `count` sentences, (count,), drawn at random from 0 to number - 1.

    Folds are of about equal size, as in the code that Kim published with the paper of 2014. ValueError for
    fewer than 2 folds. Lesson 21.

    >>> folds(6, number=3).tolist()
    [2, 1, 1, 0, 0, 0]
    """
    if number < 2:
        raise ValueError(f"{number} folds leave nothing to learn from: take 2 or more")
    return np.random.default_rng(seed).integers(number, size=count)


def fold(numbers: np.ndarray, which: int, seed: int = 0) -> Fold:
    """Return the sentences of one fold for the test; of the others, a tenth to choose by, the rest to train.

    numbers: (N,), as from `folds`. ValueError for a fold without sentences. Lesson 21.

    >>> fold(np.array([0, 1, 0] + 20 * [1]), 0).test
    array([0, 2])
    """
    test, rest = np.flatnonzero(numbers == which), np.flatnonzero(numbers != which)
    if not len(test):
        raise ValueError(f"no sentence is in fold {which}: choose one of {np.unique(numbers).tolist()}")
    mixed = np.random.default_rng([seed, which]).permutation(rest)
    tenth = round(0.1 * len(rest))
    return Fold(np.sort(mixed[tenth:]), np.sort(mixed[:tenth]), test)


def trimmed(words: np.ndarray) -> np.ndarray:
    """Return numbers of words (N, T) without the steps at the end that are padding in all of them.

    >>> trimmed(np.array([[5, 0, 0, 0], [3, 4, 0, 0]]))
    array([[5, 0],
           [3, 4]])
    """
    longest = int((words != 0).sum(axis=1).max(initial=1))
    return words[:, : max(1, longest)]


class Reader:
    """A network and the step that trains it on sentences, by Adam; it remembers the best epoch.

    A network with one output learns numbers by squared error, one with more learns classes by cross-entropy.

    Args:
        model: numbers of words (N, T) in; logits (N, classes), or one number, out.
        words: (N, T) int32 to learn from, 0 for padding at the end.
        targets: (N,), classes or numbers.
        held_out: (words, targets) that choose the epoch, or None: then the last one is taken.
        batch_size: sentences in a step.
        seed: of their order.
        learning_rate: Adam's.
    """

    def __init__(
        self,
        model: keras.Model,
        words: np.ndarray,
        targets: np.ndarray,
        held_out: tuple[np.ndarray, np.ndarray] | None = None,
        batch_size: int = 50,
        seed: int = 0,
        learning_rate: float = 1e-3,
    ):
        if batch_size > len(words):
            raise ValueError(
                f"a batch of {batch_size} does not fit {len(words)} sentences: take a smaller one"
            )
        self.model, self.words, self.targets, self.held_out = model, words, targets, held_out
        self.batch_size, self.seed = batch_size, seed
        self.regression = model.output.shape[-1] == 1
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build(model.trainable_variables)
        self.best, self.best_weights = -np.inf, model.get_weights()
        kind = tf.float32 if self.regression else tf.int32
        signature = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], kind)]
        self.descend = tf.function(self._descend, input_signature=signature)

    def step(self, number: int) -> dict:
        """Train on the batch of step `number`; return {"loss": …}, the mean over its sentences."""
        rows = batch_rows(len(self.words), self.batch_size, self.seed, number)
        targets = self.targets[rows].astype("float32" if self.regression else "int32")
        return {"loss": float(self.descend(trimmed(self.words[rows]), targets))}

    def validate(self, done: int) -> dict:
        """Return the score on the sentences held out; remember the weights if it is the best so far.

        The score is the accuracy, or for a regression minus the mean squared error.
        """
        if self.held_out is None:
            return {}
        words, targets = self.held_out
        found = answers(self.model, words)
        score = -np.mean((found - targets) ** 2) if self.regression else np.mean(found == targets)
        if score > self.best:
            self.best, self.best_weights = float(score), self.model.get_weights()
        return {"validation": float(score)}

    def read(self) -> list[np.ndarray]:
        """Return what an interrupted run needs: the best score and its weights."""
        return [np.array(self.best), *self.best_weights]

    def write(self, arrays: Sequence[np.ndarray]) -> None:
        """Take back what `read` returned."""
        self.best, self.best_weights = float(arrays[0]), list(arrays[1:])

    def _descend(self, words, targets):
        with tf.GradientTape() as tape:
            out = self.model(words, training=True)
            if self.regression:
                losses = (out[:, 0] - targets) ** 2
            else:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, out)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
        return loss


def fit(
    model: keras.Model,
    words: np.ndarray,
    targets: np.ndarray,
    epochs: int,
    held_out: tuple[np.ndarray, np.ndarray] | None = None,
    checkpoint: str | Path | None = None,
    data: Any = None,
    **choices: Any,
) -> Run:
    """Train a network, in place, and leave it with the weights of its best epoch; return the Run. Lesson 21.

    Args:
        model: as for `Reader`.
        words: as for `Reader`.
        targets: as for `Reader`.
        epochs: how many times each sentence is seen.
        held_out: as for `Reader`.
        checkpoint: path of a file that an interrupted run goes on from.
        data: the data set, whose name and source go into the Run.
        **choices: of `Reader`: batch_size, seed, learning_rate.
    """
    reader = Reader(model, words, targets, held_out, **choices)
    each = len(words) // reader.batch_size
    run = train(
        model,
        reader.step,
        each * epochs,
        steps_per_epoch=each,
        state=[reader.optimizer, reader],
        validate=reader.validate,
        checkpoint=checkpoint,
        settings={"epochs": epochs, "seed": 0, **choices},
        data=data,
    )
    if held_out is not None:
        model.set_weights(reader.best_weights)
    return run


def answers(model: keras.Model, words: np.ndarray, batch: int = 250) -> np.ndarray:
    """Return the class of each sentence, (N,) int64; of a network with one output the number, float64.

    words: (N, T), 0 for padding at the end. Lesson 21.
    """
    parts = [
        np.asarray(model(trimmed(words[start : start + batch]), training=False))
        for start in range(0, len(words), batch)
    ]
    out = np.concatenate(parts)
    return out[:, 0].astype("float64") if out.shape[1] == 1 else out.argmax(axis=1)


class Phrase(NamedTuple):
    """An n-gram that lights a filter up: how much, in which sentence, and its words."""

    value: float
    row: int
    words: tuple[str, ...]


def phrases(
    model: keras.Model, texts: Sequence[Sequence[str]], words: np.ndarray, size: int, which: int, top: int = 5
) -> list[Phrase]:
    """Return the n-grams on which a filter of a `text_cnn` is largest, one a sentence, the largest first.

    Words that occur in two sentences of the list, in the same order, count once. Lesson 21.

    Args:
        model: a `text_cnn`.
        texts: the tokens of each sentence.
        words: (N, T), their numbers.
        size: the kernel size, which names the convolution.
        which: the filter, from 0.
        top: how many n-grams.
    """
    layer = model.get_layer(f"convolution{size}")
    maps_of = keras.Model(model.inputs[0], layer.output)
    found: dict[tuple[str, ...], Phrase] = {}
    for start in range(0, len(words), 250):
        maps = np.asarray(maps_of(trimmed(words[start : start + 250])))[..., which]
        for row, along in enumerate(maps, start=start):
            windows = along[: len(texts[row]) + size - 1]
            place = int(windows.argmax())  # the window that ends at this token
            ngram = tuple(texts[row][max(0, place - size + 1) : place + 1])
            phrase = Phrase(float(windows[place]), row, ngram)
            if ngram not in found or found[ngram].value < phrase.value:
                found[ngram] = phrase
    return sorted(found.values(), key=lambda phrase: (-phrase.value, phrase.row))[:top]
