"""What each step sees: the order of the images, and what is done to each, drawn from the seed (lesson 11).

The draws are NumPy's, from seed and epoch alone: a resumed run and every Keras backend see the very same
batches. The pixels are moved with `keras.ops`, a whole batch in one gather, on whatever device trains.
"""

from typing import Any

import numpy as np
from keras import ops

FLIPS = (None, "random", "alternating")


def draw(
    count: int, batch_size: int, epoch: int, seed: int, crop: int = 0, flip: str | None = None
) -> dict[str, np.ndarray]:
    """Return the draws of one epoch, a dict of arrays of shape (steps, batch_size, ...); the rest is dropped.

    order: which image; shift: rows and columns, each -crop..crop; mirror: 0 or 1. Each has its own stream of
    random numbers: leaving one out changes no other. Lesson 11.

    Args:
        count: number of images.
        batch_size: images in a step.
        epoch: which one, from 0.
        seed: of the run.
        crop: by how many pixels an image is shifted at most, each way.
        flip: None, "random", or "alternating": each image is mirrored in every other epoch, from a random
            start (Jordan 2024, arXiv:2404.00498, section 3.6).

    Raises:
        ValueError: `flip` is none of those, or a batch has more than `count` images.

    >>> draw(5, 2, epoch=0, seed=0)["order"].shape
    (2, 2)
    """
    if flip not in FLIPS:
        raise ValueError(f"flip {flip!r} is not one of {FLIPS}")
    if batch_size > count:
        raise ValueError(f"a batch of {batch_size} does not fit {count} images: take a smaller batch_size")
    streams = [np.random.default_rng([seed, epoch, purpose]) for purpose in range(3)]
    order = streams[0].permutation(count)[: count - count % batch_size]
    shift = streams[1].integers(-crop, crop, (len(order), 2), endpoint=True)
    mirror = streams[2].integers(0, 2, len(order)) * (flip is not None)
    if flip == "alternating":
        mirror = (np.random.default_rng([seed]).integers(0, 2, count)[order] + epoch) % 2
    drawn = {"order": order, "shift": shift, "mirror": mirror}
    return {
        name: values.reshape(-1, batch_size, *values.shape[1:]).astype("int32")
        for name, values in drawn.items()
    }


def statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel, two float32 arrays of shape (C,).

    images: (N, H, W, C) uint8. Counted, not summed: exact, and without a float copy of the images. Lesson 11.

    >>> mean, deviation = statistics(np.array([[[[0], [10]]]], "uint8")); float(mean[0]), float(deviation[0])
    (5.0, 5.0)
    """
    counts = np.array(
        [np.bincount(images[..., c].reshape(-1), minlength=256) for c in range(images.shape[-1])]
    )
    shares, levels = counts / counts.sum(axis=1, keepdims=True), np.arange(256)
    mean = shares @ levels
    deviation = np.sqrt(shares @ levels**2 - mean**2)
    return mean.astype("float32"), np.maximum(deviation, 1e-3).astype("float32")


def standardize(images: Any, scale: tuple) -> Any:
    """Return (images - mean) / deviation as float32: what `training` feeds every network.

    images: (N, H, W, C); scale: what `statistics` returns for the training images. Lessons 10 to 16.

    >>> images = np.array([[[[0], [10]]]], "uint8")
    >>> np.asarray(standardize(images, statistics(images))).reshape(-1)
    array([-1.,  1.], dtype=float32)
    """
    mean, deviation = scale
    return (ops.cast(images, "float32") - mean) / deviation


def gather(images: Any, scale: tuple, order: Any, shift: Any, mirror: Any, border: str = "zero") -> Any:
    """Return one batch, standardized, each image shifted and mirrored as drawn: (B, H, W, C) float32.

    Every output pixel knows which input pixel it reads, so that choosing, cropping and flipping are one
    gather. Lesson 11.

    Args:
        images: (N, H, W, C) uint8.
        scale: what `statistics` returns for the training images.
        order: (B,) which images.
        shift: (B, 2) rows and columns by which each is moved.
        mirror: (B,) 1 where an image is mirrored, else 0.
        border: what stands beyond the border: "zero", the mean colour, or "reflect", the image mirrored.

    >>> images = np.arange(4, dtype="uint8").reshape(1, 2, 2, 1)
    >>> batch = gather(images, (0, 1), np.array([0]), shift=np.array([[-1, 0]]), mirror=np.array([1]))
    >>> np.asarray(batch).reshape(2, 2)
    array([[0., 0.],
           [1., 0.]], dtype=float32)
    """
    count, height, width, channels = images.shape
    rows = ops.arange(height) + shift[:, :1]
    columns = ops.where(mirror[:, None] > 0, width - 1 - ops.arange(width), ops.arange(width)) + shift[:, 1:]
    visible = (
        _inside(rows, height, border)[:, :, None, None] * _inside(columns, width, border)[:, None, :, None]
    )
    rows, columns = _reachable(rows, height), _reachable(columns, width)
    index = (order[:, None] * height + rows)[:, :, None] * width + columns[:, None, :]
    pixels = ops.take(ops.reshape(images, (count * height * width, channels)), index, axis=0)
    return standardize(pixels, scale) * visible


def _inside(places, size, border):
    """Return 1 where a place lies in the image (with "reflect": everywhere), else 0; float32."""
    within = (places >= 0) & (places < size)
    return ops.cast(ops.logical_or(within, border == "reflect"), "float32")


def _reachable(places, size):
    """Fold places beyond the border back into the image, as in a mirror."""
    return (size - 1) - ops.abs((size - 1) - ops.abs(places))
