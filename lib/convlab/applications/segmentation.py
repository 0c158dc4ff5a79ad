"""Segmentation: a class for each pixel. Training, scores, and a classifier turned into a map (lesson 19).

The networks are in `convlab.networks`: `fcn`, `segnet`, `unet` and `squeeze_unet`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.lib.stride_tricks import sliding_window_view

from convlab.datasets.masks import Masked, Masks
from convlab.runs import Run
from convlab.training import batch_rows, train
from convlab.training.schedules import learning_rates

__all__ = [
    "Segmenter",
    "answers",
    "balanced_weights",
    "class_accuracy",
    "confusion",
    "convolutional",
    "fit",
    "iou",
    "mean_iou",
    "near_boundary",
    "pixel_accuracy",
    "reduced",
]


def confusion(truth: np.ndarray, answer: np.ndarray, classes: int) -> np.ndarray:
    """Return how many pixels of each class (row) were given each class (column): (classes, classes) int64.

    Pixels whose true class is `classes` or more are void and left out. ValueError for arrays of different
    shapes and for an answer that is no class. Lesson 19.

    >>> confusion(np.array([0, 0, 1, 11]), np.array([0, 1, 1, 0]), classes=2)
    array([[1, 1],
           [0, 1]])
    """
    truth, answer = np.asarray(truth), np.asarray(answer)
    if truth.shape != answer.shape:
        raise ValueError(f"true classes {truth.shape} and answers {answer.shape}: give the same shape")
    counts = truth < classes
    chosen = answer[counts].astype("int64")
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < classes:
        raise ValueError(f"answers from {chosen.min()} to {chosen.max()} are not all in 0 to {classes - 1}")
    pairs = truth[counts].astype("int64") * classes + chosen
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def iou(confusion: np.ndarray) -> np.ndarray:
    """Return intersection over union of each class, (classes,): nan for one that neither side has.

    Of the pixels that are of a class or were said to be, the share that is both. Lesson 19.

    >>> iou(np.array([[3, 1], [0, 4]])).tolist()
    [0.75, 0.8]
    """
    both = np.diag(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return np.divide(both, either, out=np.full(len(both), np.nan), where=either > 0)


def mean_iou(confusion: np.ndarray) -> float:
    """Return the mean of the classes' intersections over unions; classes that do not occur are left out.

    confusion: (classes, classes), truth by answer, void left out before. ValueError where nothing is counted.
    Everingham et al. 2010, section 4.2. Lesson 19.

    >>> mean_iou(np.array([[3, 1], [0, 4]]))
    0.775
    """
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1] or not confusion.sum():
        raise ValueError(f"a confusion of shape {confusion.shape} with {confusion.sum()} pixels has no score")
    return float(np.nanmean(iou(confusion)))


def pixel_accuracy(confusion: np.ndarray) -> float:
    """Return the share of all pixels whose class is right. Lesson 19.

    >>> pixel_accuracy(np.array([[3, 1], [0, 4]]))
    0.875
    """
    return float(np.trace(confusion) / np.sum(confusion))


def class_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return for each class the share of its pixels that is right, (classes,); nan for one without pixels.

    >>> class_accuracy(np.array([[3, 1], [0, 4]])).tolist()
    [0.75, 1.0]
    """
    confusion = np.asarray(confusion)
    total = confusion.sum(axis=1)
    return np.divide(np.diag(confusion), total, out=np.full(len(total), np.nan), where=total > 0)


def near_boundary(masks: np.ndarray, distance: int) -> np.ndarray:
    """Return which pixels have a pixel of another class within `distance` rows and columns: (N, H, W) bool.

    The band in which Krähenbühl & Koltun 2011 (arXiv:1210.5644, section 5.2) count errors. Lesson 19.

    >>> near_boundary(np.array([[[0, 0, 0, 1, 1]]]), distance=1)[0, 0].astype(int)
    array([0, 0, 1, 1, 0])
    """
    masks = np.asarray(masks)
    if distance < 1:
        raise ValueError(f"a distance of {distance} has no pixels: give 1 or more")
    padded = np.pad(masks, ((0, 0), (distance, distance), (distance, distance)), mode="edge")
    windows = sliding_window_view(padded, (2 * distance + 1, 2 * distance + 1), axis=(1, 2))
    return windows.max(axis=(-2, -1)) != windows.min(axis=(-2, -1))


def balanced_weights(masks: np.ndarray, classes: int) -> np.ndarray:
    """Return a weight for each class, median frequency / its frequency: (classes,) float32.

    A class's frequency is its share of the pixels of the images that have it. SegNet (arXiv:1511.00561,
    section 4.1) weights its loss so; a rare class then counts as much as a frequent one. A class without
    pixels gets 0. Lesson 19.

    >>> balanced_weights(np.array([[[0, 0, 0, 0, 1, 1, 2, 2]]]), 3).tolist()
    [0.5, 1.0, 1.0]
    """
    counts = np.stack([(masks == label).sum(axis=(1, 2)) for label in range(classes)])  # (classes, N)
    pixels = ((counts > 0) * (masks < classes).sum(axis=(1, 2))).sum(axis=1)
    share = counts.sum(axis=1) / np.maximum(pixels, 1)
    median = np.median(share[share > 0])
    return np.where(share > 0, median / np.maximum(share, 1e-12), 0).astype("float32")


def reduced(data: Masks, factor: int) -> Masks:
    """Return the data set with sides divided by a whole number: means of pixels, every such class.

    Rows and columns that are left over are cut off. ValueError for a factor below 1. Lesson 19.
    """
    if factor < 1:
        raise ValueError(f"a factor of {factor} does not reduce: give a whole number from 1 on")
    return replace(data, **{name: _reduced(getattr(data, name), factor) for name in ("train", "val", "test")})


def _reduced(split, factor):
    count, height, width, channels = split.images.shape
    rows, columns = height // factor, width // factor
    images = split.images[:, : rows * factor, : columns * factor]
    blocks = images.reshape(count, rows, factor, columns, factor, channels)
    means = (blocks.sum(axis=(2, 4), dtype="uint16") + factor**2 // 2) // factor**2
    masks = split.masks[:, : rows * factor : factor, : columns * factor : factor]
    return Masked(means.astype("uint8"), np.ascontiguousarray(masks))


class Segmenter:
    """A network and the step that trains it on images with masks, by Adam.

    Each image is mirrored or not, and a part of it is cut out and enlarged to full size, by chance.

    Args:
        model: images (N, H, W, 3), pixels from 0 to 255, in; logits (N, H, W, classes) out.
        split: images and masks to learn from; a class of `classes` or more is void and does not count.
        steps: how many steps there will be, for the learning rate.
        batch_size: images in a step.
        seed: of order, mirror and parts.
        learning_rate: the peak of a triangle over the steps.
        smallest: the least share of the sides that a part has; 1 takes the whole image always.
        weights: a factor on the loss of each class, or None.
        held_out: images and masks for `validate`, or None.
    """

    def __init__(
        self,
        model: keras.Model,
        split: Masked,
        steps: int,
        batch_size: int = 8,
        seed: int = 0,
        learning_rate: float = 2e-3,
        smallest: float = 0.6,
        weights: np.ndarray | None = None,
        held_out: Masked | None = None,
    ):
        if batch_size > len(split):
            raise ValueError(f"a batch of {batch_size} does not fit {len(split)} images: take a smaller one")
        self.model, self.split, self.held_out = model, split, held_out
        self.batch_size, self.seed, self.smallest = batch_size, seed, smallest
        self.classes = model.output.shape[-1]
        weights = np.ones(self.classes) if weights is None else np.asarray(weights)
        self.weights = tf.constant([*weights, 0.0], tf.float32)  # the last one for void
        self.rates = learning_rates("triangle", learning_rate, steps)
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build(model.trainable_variables)
        self.descend = tf.function(self._descend)

    def step(self, number: int) -> dict:
        """Train on the batch of step `number`; return {"loss": …}, the mean over its pixels."""
        rng = np.random.default_rng([self.seed, number])
        rows = batch_rows(len(self.split), self.batch_size, self.seed, number)
        boxes = self._parts(rng)
        self.optimizer.learning_rate.assign(self.rates[number])
        loss = self.descend(self.split.images[rows], self.split.masks[rows], boxes)
        return {"loss": float(loss)}

    def validate(self, done: int) -> dict:
        """Return mean IoU and pixel accuracy on what is held out."""
        if self.held_out is None:
            return {}
        found = confusion(self.held_out.masks, answers(self.model, self.held_out.images), self.classes)
        return {"validation": mean_iou(found), "validation_pixels": pixel_accuracy(found)}

    def _parts(self, rng):
        """Return a part of each image of a batch, (B, 4): top, left, bottom, right from 0 to 1.

        A mirrored part has its right side before its left.
        """
        size = rng.uniform(self.smallest, 1, self.batch_size)
        top, left = rng.uniform(0, 1, (2, self.batch_size)) * (1 - size)
        boxes = np.stack([top, left, top + size, left + size], axis=1)
        mirrored = rng.integers(0, 2, self.batch_size) == 1
        boxes[mirrored] = boxes[mirrored][:, [0, 3, 2, 1]]
        return boxes.astype("float32")

    def _descend(self, images, masks, boxes):
        size, rows = images.shape[1:3], tf.range(self.batch_size)
        pixels = tf.image.crop_and_resize(tf.cast(images, tf.float32), boxes, rows, size, "bilinear")
        wanted = tf.image.crop_and_resize(tf.cast(masks[..., None], tf.float32), boxes, rows, size, "nearest")
        labels = tf.minimum(tf.cast(wanted[..., 0], tf.int32), self.classes)
        weights = tf.gather(self.weights, labels)
        with tf.GradientTape() as tape:
            logits = self.model(pixels, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.minimum(labels, self.classes - 1), logits
            )
            loss = tf.reduce_sum(losses * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
        return loss


def fit(
    model: keras.Model,
    data: Masks,
    epochs: int,
    checkpoint: str | Path | None = None,
    balance: float = 0.0,
    **choices: Any,
) -> Run:
    """Train a network, in place, on the training images; return the Run. Lesson 19.

    Args:
        model: as for `Segmenter`.
        data: its training split is learned, its validation split is judged after the last epoch.
        epochs: how many times each image is seen.
        checkpoint: path of a file that an interrupted run goes on from.
        balance: the power of `balanced_weights` that weights the classes: 0 for none, 1 for SegNet's.
        **choices: of `Segmenter`: batch_size, seed, learning_rate, smallest.
    """
    batch_size = choices.get("batch_size", 8)
    each = len(data.train) // batch_size
    weights = balanced_weights(data.train.masks, len(data.class_names)) ** balance
    segmenter = Segmenter(model, data.train, each * epochs, weights=weights, held_out=data.val, **choices)

    def judged(done):
        return segmenter.validate(done) if done == each * epochs else {}

    return train(
        model,
        segmenter.step,
        each * epochs,
        steps_per_epoch=each,
        state=[segmenter.optimizer],
        validate=judged,
        checkpoint=checkpoint,
        settings={
            "epochs": epochs,
            "seed": 0,
            "balance": balance,
            **choices,
            "size": list(data.train.images.shape[1:3]),
        },
        data=data,
        batch_size=batch_size,
    )


def answers(
    models: keras.Model | Sequence[keras.Model],
    images: np.ndarray,
    batch: int = 16,
    mirrored: bool = False,
) -> np.ndarray:
    """Return the class of the highest probability of each pixel, (N, H, W) uint8. Lesson 19.

    Args:
        models: images (N, H, W, 3), pixels from 0 to 255, in; logits (N, H, W, classes) out. Of several
            models the probabilities are added. One that expects images of another size gets them resized,
            and its probabilities are resized back.
        images: (N, H, W, 3) uint8.
        batch: images at once.
        mirrored: whether each image is also shown mirrored, and the probabilities are added. It costs twice
            the time.
    """
    models = [models] if isinstance(models, keras.Model) else list(models)
    size = images.shape[1:3]

    def probabilities(model, pixels):
        own = tuple(wanted or here for wanted, here in zip(model.input_shape[1:3], size))
        if own == size:
            return tf.nn.softmax(model(pixels, training=False))
        return tf.image.resize(tf.nn.softmax(model(tf.image.resize(pixels, own), training=False)), size)

    @tf.function
    def forward(pixels):
        found = tf.add_n([probabilities(model, pixels) for model in models])
        if mirrored:
            turned = tf.add_n([probabilities(model, pixels[:, :, ::-1]) for model in models])
            found += turned[:, :, ::-1]
        return tf.argmax(found, axis=-1)

    parts = [
        forward(tf.cast(images[start : start + batch], tf.float32)) for start in range(0, len(images), batch)
    ]
    return np.concatenate(parts).astype("uint8")


def convolutional(model: keras.Model, input_shape: Sequence[int | None] = (None, None)) -> keras.Model:
    """Return a classifier's layers as convolutions, with the same weights: logits (N, H', W', classes).

    A dense layer behind maps becomes a convolution whose kernel is as large as they are, and a dense layer
    behind another one a convolution of 1x1. On images of the classifier's own size the outputs are equal; a
    larger image gives a map of logits. Long et al. 2014, section 3.1. ValueError for a layer that is not part
    of a plain chain. Lesson 19.

    Args:
        model: a chain of layers, with one Flatten between its maps and its dense layers.
        input_shape: rows and columns of the images that it will see; None for any.
    """
    channels = model.input.shape[-1]
    x = images = keras.Input((*input_shape, channels), name="images")
    flattened, weights = None, []  # the shape of the maps before the first dense layer
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer | layers.Dropout):
            continue
        if isinstance(layer, layers.Flatten):
            flattened = layer.input.shape[1:]
        elif isinstance(layer, layers.Dense):
            size = flattened[:2] if flattened else (1, 1)
            kernel, bias = layer.get_weights()
            one = layers.Conv2D(layer.units, size, activation=layer.activation, name=layer.name)
            x, inputs = one(x), x.shape[-1]
            weights.append((one, [kernel.reshape(*size, inputs, layer.units), bias]))
            flattened = None
        elif len(layer._inbound_nodes) != 1 or isinstance(layer.input, list):
            raise ValueError(f"{layer.name} is not part of a plain chain: this model cannot be converted")
        else:
            one = type(layer).from_config(layer.get_config())
            x = one(x)
            weights.append((one, layer.get_weights()))
    for one, values in weights:
        one.set_weights(values)
    return keras.Model(images, x, name=f"{model.name}_convolutional")
