"""Generation: two networks that train each other, and what their images are worth (lesson 23).

The networks are `networks.dcgan_generator` and `networks.dcgan_discriminator`. Images are uint8 outside and
from -1 to 1 inside, as tanh gives them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from convlab.datasets import Dataset
from convlab.runs import Run
from convlab.training import batch_rows, train
from convlab.training.augmentation import standardize

__all__ = [
    "Game",
    "Judge",
    "copied",
    "discriminator_loss",
    "fit",
    "frechet_distance",
    "gaussian_distance",
    "generator_loss",
    "images",
    "modes",
    "nearest",
    "noise",
    "saturating_loss",
    "spread",
]

BLOCK = 100  # images whose distances to all training images are held at once


def discriminator_loss(real: Any, generated: Any, smoothing: float = 0.0) -> tf.Tensor:
    """Return the discriminator's loss, a number: the cross-entropies of real and of generated images, added.

    Goodfellow et al. 2014 (arXiv:1406.2661, equation 1), with the sign of a loss. One-sided label smoothing
    is from Salimans et al. 2016 (arXiv:1606.03498, section 3.4). Lesson 23.

    Args:
        real: logits of real images, (N, 1).
        generated: logits of generated images, (N, 1).
        smoothing: by how much less than 1 the target of real images is.

    >>> float(discriminator_loss(np.zeros((4, 1)), np.zeros((4, 1))))  # it knows nothing: 2 log 2
    1.3862943611198906
    """
    real, generated = tf.convert_to_tensor(real), tf.convert_to_tensor(generated)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    found = tf.reduce_mean(entropy(tf.fill(tf.shape(real), tf.cast(1 - smoothing, real.dtype)), real))
    return found + tf.reduce_mean(entropy(tf.zeros_like(generated), generated))


def generator_loss(generated: Any) -> tf.Tensor:
    """Return the generator's loss, a number: the mean of -log σ(logit) over generated images.

    generated: the discriminator's logits, (N, 1). The loss that does not saturate: Goodfellow et al. 2014
    (arXiv:1406.2661, section 3). Its gradient is largest where the discriminator is sure. Lesson 23.

    >>> round(float(generator_loss(np.array([[0.0], [-9.0]]))), 3)
    4.847
    """
    return tf.reduce_mean(tf.nn.softplus(-tf.convert_to_tensor(generated)))


def saturating_loss(generated: Any) -> tf.Tensor:
    """Return the saturating twin of `generator_loss`, a number: the mean of log(1 - σ(logit)).

    generated: the discriminator's logits, (N, 1). What the game itself asks for (Goodfellow et al. 2014,
    equation 1). Its gradient is nearly 0 where the discriminator is sure. Lesson 23.

    >>> round(float(saturating_loss(np.array([[0.0], [-9.0]]))), 3)
    -0.347
    """
    return -tf.reduce_mean(tf.nn.softplus(tf.convert_to_tensor(generated)))


class Game:
    """A generator and a discriminator, and the step that trains both, by Adam.

    Both learn from the same forward pass: each batch has as many generated images as real ones. With classes,
    the discriminator also learns to name the real images, and the generator also learns to be named as it was
    asked (Odena et al. 2016, arXiv:1610.09585, section 3). The learning rates stay constant for half of the
    steps, and then fall to 0.

    Args:
        generator: noise (N, latent), and one-hot labels if it is conditional, to images from -1 to 1.
        discriminator: images to logits, "real" and then one for each class of the generator.
        data: its training images are the real ones.
        steps: how many steps there will be, for the learning rate.
        batch_size: real images in a step.
        seed: of order, noise and labels.
        learning_rate: of the generator; the discriminator's is twice as high.
        smoothing: of `discriminator_loss`.
        loss: of the generator, `generator_loss` or `saturating_loss`.
        momentum: Adam's β₁, for both.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        data: Dataset,
        steps: int,
        batch_size: int = 32,
        seed: int = 0,
        learning_rate: float = 1.5e-3,
        smoothing: float = 0.1,
        loss: Callable[[Any], tf.Tensor] = generator_loss,
        momentum: float = 0.5,
    ):
        self.classes = generator.inputs[1].shape[1] if len(generator.inputs) > 1 else 0
        if discriminator.output.shape[1] != 1 + self.classes:
            raise ValueError(
                f"a generator of {self.classes} classes does not fit a discriminator with "
                f"{discriminator.output.shape[1]} logits: give both the same number of classes"
            )
        if batch_size > len(data.x_train):
            raise ValueError(
                f"a batch of {batch_size} does not fit {len(data.x_train)} images: make it smaller"
            )
        self.generator, self.discriminator, self.data, self.steps = generator, discriminator, data, steps
        self.batch_size, self.seed = batch_size, seed
        self.learning_rate, self.smoothing, self.loss = learning_rate, smoothing, loss
        self.momentum = momentum
        self.optimizers = [keras.optimizers.Adam(rate * learning_rate, beta_1=momentum) for rate in (1, 2)]
        for optimizer, model in zip(self.optimizers, (generator, discriminator)):
            optimizer.build(model.trainable_variables)
        self._play = tf.function(self._both)
        self._move = tf.function(self._generator_alone)

    def step(self, number: int) -> dict:
        """Train both on the batch of step `number`; return losses, and how often the second is right.

        "real" and "generated" are the shares of either kind that the discriminator takes for what they are.
        With classes, "loss" and "generator_loss" are sums: "naming" and "generator_naming" are their parts
        from the names of the classes, and the rest is from "real".
        """
        rows = batch_rows(len(self.data.x_train), self.batch_size, self.seed, number)
        pixels = self.data.x_train[rows].astype("float32") / 127.5 - 1
        labels = one_hot(self.data.y_train[rows], self.classes) if self.classes else None
        share = min(1, 2 * (1 - number / self.steps))
        for factor, optimizer in zip((1, 2), self.optimizers):
            optimizer.learning_rate.assign(share * factor * self.learning_rate)
        figures = self._play(pixels, labels, self._asked(number))
        names = ("loss", "generator_loss", "real", "generated", "naming", "generator_naming")
        return dict(zip(names, figures))  # without classes the last two have no figure

    def generator_step(self, number: int) -> dict:
        """Train the generator alone, against the discriminator as it is; return {"generator_loss": …}.

        The learning rate is the one at the start.
        """
        self.optimizers[0].learning_rate.assign(self.learning_rate)
        return {"generator_loss": self._move(self._asked(number))}

    def _asked(self, number):
        """Return the generator's inputs of step `number`: noise, and random labels if it takes any."""
        rng = np.random.default_rng([self.seed, number, 2])
        drawn = [rng.normal(size=(self.batch_size, self.generator.inputs[0].shape[1])).astype("float32")]
        if self.classes:
            drawn.append(one_hot(rng.integers(0, self.classes, self.batch_size), self.classes))
        return drawn

    def _both(self, pixels, labels, asked):
        with tf.GradientTape() as generators, tf.GradientTape() as discriminators:
            real = self.discriminator(pixels, training=True)
            generated = self.discriminator(self.generator(asked, training=True), training=True)
            loss = discriminator_loss(real[:, :1], generated[:, :1], self.smoothing)
            second = self.loss(generated[:, :1])
            naming = []
            if self.classes:
                naming = [_naming_loss(labels, real), _naming_loss(asked[1], generated)]
                loss, second = loss + naming[0], second + naming[1]
        self._descend(0, self.generator, generators, second)
        self._descend(1, self.discriminator, discriminators, loss)
        right = [tf.reduce_mean(tf.cast(one, tf.float32)) for one in (real[:, 0] > 0, generated[:, 0] < 0)]
        return loss, second, *right, *naming

    def _generator_alone(self, asked):
        with tf.GradientTape() as generators:
            generated = self.discriminator(self.generator(asked, training=True), training=True)
            loss = self.loss(generated[:, :1])
            if self.classes:
                loss += _naming_loss(asked[1], generated)
        self._descend(0, self.generator, generators, loss)
        return loss

    def _descend(self, place, model, tape, loss):
        gradients = tape.gradient(loss, model.trainable_variables)
        self.optimizers[place].apply_gradients(zip(gradients, model.trainable_variables))


def _naming_loss(labels, logits):
    """Return the cross-entropy of the logits of classes, which follow the one of "real"."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, logits[:, 1:]))


def fit(
    generator: keras.Model,
    discriminator: keras.Model,
    data: Dataset,
    steps: int,
    checkpoint: str | Path | None = None,
    steps_per_epoch: int | None = None,
    validate: Callable[[int], dict] | None = None,
    **choices: Any,
) -> Run:
    """Train both networks, in place; return the Run, whose history has both losses. Lesson 23.

    Args:
        generator: as for `Game`.
        discriminator: as for `Game`.
        data: its training images are learned.
        steps: how many batches both see.
        checkpoint: path of a file that an interrupted run goes on from.
        steps_per_epoch: as for `training.train`.
        validate: as for `training.train`.
        **choices: of `Game`: batch_size, seed, learning_rate, smoothing, loss, momentum.
    """
    game = Game(generator, discriminator, data, steps, **choices)
    return train(
        [generator, discriminator],
        game.step,
        steps,
        steps_per_epoch=steps_per_epoch,
        state=game.optimizers,
        validate=validate,
        checkpoint=checkpoint,
        settings={
            "seed": game.seed,
            "batch_size": game.batch_size,
            "learning_rate": game.learning_rate,
            "smoothing": game.smoothing,
            "generator_loss": game.loss.__name__,
            "momentum": game.momentum,
        },
        data=data,
        batch_size=game.batch_size,
        title="generator + discriminator",
    )


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return labels (N,) as rows with a single 1, (N, classes) float32.

    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return np.eye(classes, dtype="float32")[labels]


def noise(count: int, latent: int, seed: int = 0) -> np.ndarray:
    """Return noise for `count` images, (count, latent) float32: normal, mean 0, deviation 1.

    >>> noise(2, 3).shape
    (2, 3)
    """
    return np.random.default_rng([seed, 23]).normal(size=(count, latent)).astype("float32")


def images(generator: keras.Model, latent: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Return what a generator makes of noise, (N, H, W, 1) uint8. Lesson 23.

    ValueError if labels are missing, or given to a generator that takes none.

    Args:
        generator: as for `Game`.
        latent: noise, (N, latent).
        labels: numbers (N,), or mixtures (N, classes) whose rows sum to 1; None for a generator without.
    """
    if (labels is None) != (len(generator.inputs) == 1):
        raise ValueError(
            f"the generator has {len(generator.inputs)} inputs: "
            + ("give labels, too" if labels is None else "it takes no labels")
        )
    asked = [latent]
    if labels is not None:
        labels = np.asarray(labels)
        classes = generator.inputs[1].shape[1]
        asked.append(labels.astype("float32") if labels.ndim == 2 else one_hot(labels, classes))
    parts = [
        np.asarray(generator([each[start : start + 500] for each in asked], training=False))
        for start in range(0, len(latent), 500)
    ]
    return np.clip(np.round((np.concatenate(parts) + 1) * 127.5), 0, 255).astype("uint8")


class Judge:
    """A classifier that never saw a generated image: its features, its labels, its confidence.

    Args:
        classifier: a Keras model from standardized images to logits.
        scale: `training.augmentation.statistics` of the images that it learned from.
        features: name of the layer whose values are the features.
    """

    def __init__(self, classifier: keras.Model, scale: tuple, features: str = "fc1"):
        both = keras.Model(classifier.inputs, [classifier.get_layer(features).output, classifier.output])
        self.scale, self.forward = scale, tf.function(lambda pixels: both(pixels, training=False))

    def look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features (N, D) and probabilities (N, classes) of uint8 images."""
        parts = [
            self.forward(tf.constant(standardize(images[start : start + 500], self.scale)))
            for start in range(0, len(images), 500)
        ]
        features, logits = (np.concatenate([np.asarray(part[place]) for part in parts]) for place in (0, 1))
        return features, np.asarray(tf.nn.softmax(logits))


def gaussian_distance(
    mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray
) -> float:
    """Return the squared Fréchet distance between two normal distributions.

    |m - m'|² + trace(C + C' - 2 (C C')^½): Dowson and Landau 1982, as in Heusel et al. 2017
    (arXiv:1706.08500, equation 6). Lesson 23.

    Args:
        mean: (D,).
        covariance: (D, D), symmetric and without negative eigenvalues.
        other_mean: (D,) of the other distribution.
        other_covariance: (D, D) of the other distribution.

    >>> gaussian_distance(np.zeros(2), np.eye(2), np.array([3.0, 4.0]), 4 * np.eye(2))
    27.0
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    # C C' has the eigenvalues of this symmetric matrix, whose root is safe to take
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other_covariance @ root), 0)).sum()
    means = np.sum((np.asarray(mean) - other_mean) ** 2)
    return float(means + np.trace(covariance) + np.trace(other_covariance) - 2 * cross)


def frechet_distance(features: np.ndarray, other: np.ndarray) -> float:
    """Return the squared Fréchet distance between normal distributions fitted to two sets of features.

    features, other: (N, D) and (M, D). It depends on N and M: compare only equal numbers. With
    Inception's features it is the FID of Heusel et al. 2017 (arXiv:1706.08500), and with those of another
    network it compares with nothing else. ValueError for fewer than two rows or another D. Lesson 23.

    >>> frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]]))
    9.0
    """
    features, other = np.asarray(features, "float64"), np.asarray(other, "float64")
    if min(len(features), len(other)) < 2 or features.shape[1:] != other.shape[1:]:
        raise ValueError(f"features {features.shape} and {other.shape}: give two or more rows, equally long")
    moments = [(part.mean(axis=0), np.atleast_2d(np.cov(part.T))) for part in (features, other)]
    return gaussian_distance(*moments[0], *moments[1])


def modes(labels: np.ndarray, classes: int, least: float = 0.1) -> int:
    """Return how many classes have at least `least` of an even share of the labels.

    labels: what a classifier says of generated images, (N,). A collapsed generator leaves classes out. It
    may also collapse within a class, which this does not see. Lesson 23.

    >>> modes(np.array([0] * 98 + [1, 2]), classes=10), modes(np.arange(100) % 10, classes=10)
    (3, 10)
    """
    counts = np.bincount(labels, minlength=classes)
    return int(np.sum(counts >= least * len(labels) / classes))


def spread(images: np.ndarray, labels: np.ndarray) -> float:
    """Return how much images of one class differ: the standard deviation of a pixel, from 0 for none.

    It is the mean over the pixels, which count from 0 to 1, and over the classes. A generator that makes one
    image for each class has a spread of 0, although `modes` counts all classes. Lesson 23.

    Args:
        images: (N, H, W, C) uint8.
        labels: the class of each image, (N,): what was asked for.

    >>> images = np.array([0, 255, 51, 51], "uint8").reshape(4, 1, 1, 1)
    >>> spread(images, np.array([0, 0, 1, 1]))
    0.25
    """
    classes = [images[labels == label] / 255 for label in np.unique(labels)]
    return float(np.mean([some.std(axis=0).mean() for some in classes]))


def nearest(images: np.ndarray, training: np.ndarray, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the `count` training images nearest to each image, and how far they are, nearest first.

    The distance is the square root of the summed squared differences of pixels. Lesson 23.

    Args:
        images: (N, H, W, C) uint8.
        training: (M, H, W, C) uint8.
        count: of neighbours, at most M.

    Returns:
        Rows of `training`, (N, count) int64, and distances, (N, count) float64; pixels count from 0 to 1.
    """
    if not 1 <= count <= len(training):
        raise ValueError(f"{count} neighbours of {len(training)} training images: give 1 to {len(training)}")
    known = training.reshape(len(training), -1).astype("float32") / 255
    squares = np.sum(known**2, axis=1)
    rows, distances = [], []
    for start in range(0, len(images), BLOCK):
        part = images[start : start + BLOCK].reshape(-1, known.shape[1]).astype("float32") / 255
        far = squares - 2 * part @ known.T  # squared distances, less what is the same in a row
        near = np.argpartition(far, count - 1, axis=1)[:, :count]
        exact = np.sqrt(((known[near] - part[:, None]) ** 2).sum(axis=2, dtype="float64"))
        order = np.argsort(exact, axis=1, kind="stable")
        rows.append(np.take_along_axis(near, order, axis=1))
        distances.append(np.take_along_axis(exact, order, axis=1))
    return np.concatenate(rows), np.concatenate(distances)


def copied(distances: np.ndarray, ratio: float = 1 / 3) -> np.ndarray:
    """Return which images count as copies of a training image, (N,) bool.

    An image is a copy if its nearest training image is nearer than `ratio` times the mean distance of its
    nearest ones. A fixed limit would call each thin "1" a copy, because all of these are near each other. The
    relative distance and 50 neighbours are those of Carlini et al. 2023 (arXiv:2301.13188, section 5). Their
    ratio, 0.5, also takes some new, real digits for copies; so it is smaller here. Lesson 23.

    Args:
        distances: of the nearest training images, nearest first, (N, neighbours), from `nearest`.
        ratio: how much nearer a copy is.

    >>> copied(np.array([[1.0, 4.0, 5.0], [4.0, 4.5, 5.0]]))
    array([ True, False])
    """
    distances = np.asarray(distances)
    return distances[:, 0] < ratio * distances.mean(axis=1)
