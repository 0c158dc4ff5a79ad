"""What a trained classifier answers: its logits, from one or several views, and its test accuracy."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from convlab.training import augmentation
from convlab.training.precision import computing_in

if TYPE_CHECKING:
    from convlab.datasets import Dataset

VIEWS = ("plain", "flip", "flip and shift")
BATCH_SIZE = 500  # images that a network answers at once


def accuracy(model: keras.Model, data: "Dataset", view: str = "plain") -> float:
    """Return the share of the test images of `data` that `model` gets right; `view` as in `logits`.

    The test images are for looking at once, after training; choose by `fit(..., validation=...)`. Lesson 15.
    """
    scale = augmentation.statistics(data.x_train)
    with computing_in(model, "float32"):
        chosen = logits(model, data.x_test, scale, view).argmax(axis=1)
    return float(np.mean(chosen == data.y_test))


def logits(
    model: keras.Model, images: np.ndarray, scale: tuple[np.ndarray, np.ndarray], view: str = "plain"
) -> np.ndarray:
    """Return the logits of uint8 images, (N, classes) float32, averaged over what `view` looks at.

    Jordan 2024 (arXiv:2404.00498, section 3.5). Lessons 09 to 16.

    Args:
        model: Keras, logits out.
        images: (N, H, W, C) uint8.
        scale: `augmentation.statistics` of the training images.
        view: "plain"; "flip", the mirror image too; or "flip and shift", both also one pixel up left and down
            right, at half the weight.

    Raises:
        ValueError: the view is none of those.
    """
    return answers(forward(model), images, scale, view)


def forward(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from standardized images to logits, NumPy to NumPy, traced once for each shape."""
    answer = tf.function(lambda pixels: model(pixels, training=False))
    return lambda pixels: answer(tf.constant(pixels)).numpy().astype("float32")


def answers(
    forward: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    scale: tuple[np.ndarray, np.ndarray],
    view: str = "plain",
) -> np.ndarray:
    """Return what `logits` returns, by a function that `forward` has made: for who asks more than once."""
    if view not in VIEWS:
        raise ValueError(f"view {view!r} is not one of {', '.join(VIEWS)}")
    found = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = images[start : start + BATCH_SIZE]
        # filled up, because a shape of its own would cost a trace
        pixels = augmentation.standardize(np.resize(batch, (BATCH_SIZE, *batch.shape[1:])), scale)
        views = weighted_views(np.asarray(pixels), view)
        mean = np.sum([weight * forward(seen) for weight, seen in views], axis=0)
        found.append(mean[: len(batch)])
    return np.concatenate(found)


def weighted_views(pixels: np.ndarray, view: str) -> list[tuple[float, np.ndarray]]:
    """Return (weight, view) pairs, whose weights add up to 1: the batch, and mirrored or shifted copies.

    >>> [weight for weight, _ in weighted_views(np.zeros((1, 2, 2, 1)), "flip and shift")]
    [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    """
    mirrored = pixels[:, :, ::-1]
    if view == "plain":
        return [(1.0, pixels)]
    if view == "flip":
        return [(0.5, pixels), (0.5, mirrored)]
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    shifted = padded[:, :-2, :-2], padded[:, 2:, 2:]
    near = [seen for further in shifted for seen in (further, further[:, :, ::-1])]
    return [(0.25, pixels), (0.25, mirrored), *((0.125, seen) for seen in near)]
