"""Images and their labels: MNIST, Fashion-MNIST and CIFAR-10, in any form in which they are published."""

import io
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from convlab.datasets import readers
from convlab.datasets.published import PUBLISHED, Published

__all__ = ["KEYS", "Dataset", "build", "describe", "digest", "gather", "is_genuine", "read", "store"]

KEYS = ("x_train", "y_train", "x_test", "y_test")
IDX = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte")
BATCHES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
PICKLES = tuple(name.removesuffix(".bin") for name in BATCHES)
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"}  # folders of pictures


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (N, H, W, C) uint8 and labels (N,) int64 of two splits, and where they came from.

    `name` says what the images are, whatever was asked for: the stand-in for CIFAR-10 is called "standin".
    `source` is "bundled", "downloaded", "local copy" or "stand-in". `genuine` is True if these are the very
    images published under the name that was asked for, in any order: only then may a lesson hold a score
    against a bound. ValueError for arrays of another kind, and for labels without a name.
    """

    name: str
    x_train: np.ndarray = field(repr=False)
    y_train: np.ndarray = field(repr=False)
    x_test: np.ndarray = field(repr=False)
    y_test: np.ndarray = field(repr=False)
    class_names: tuple[str, ...]
    source: str
    genuine: bool = False

    def __post_init__(self):
        for split in ("train", "test"):
            images, labels = getattr(self, f"x_{split}"), getattr(self, f"y_{split}")
            _check_images(images, f"x_{split}")
            _check_labels(labels, f"y_{split}", len(images), len(self.class_names))

    @property
    def title(self) -> str:
        """Return the name for people, as a picture's title needs it."""
        return PUBLISHED[self.name].title if self.name in PUBLISHED else "Drawn figures"


def _check_images(images, key):
    """ValueError unless images are uint8 and have four axes."""
    if images.dtype != np.uint8:
        raise ValueError(f"{key} is {images.dtype}, not uint8: pixels are whole numbers from 0 to 255")
    if images.ndim != 4:
        raise ValueError(f"{key} has shape {images.shape}, not (N, height, width, channels)")


def _check_labels(labels, key, n, classes):
    """ValueError unless labels are `n` whole numbers from 0, one for each class name at most."""
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{key} is {labels.dtype}, not integers")
    if labels.shape == (n, 1):
        raise ValueError(f"{key} has shape {labels.shape}, a column: {key}[:, 0] has the shape ({n},) needed")
    if labels.shape != (n,):
        raise ValueError(f"{key} has shape {labels.shape}, not ({n},) for {n} images")
    if n and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{key} runs from {labels.min()} to {labels.max()}, not from 0 to {classes - 1}")


def build(name: str, content: tuple[np.ndarray, ...], source: str, genuine: bool) -> Dataset:
    """Return the data set of four arrays."""
    x_train, y_train, x_test, y_test = content
    return Dataset(name, x_train, y_train, x_test, y_test, PUBLISHED[name].class_names, source, genuine)


def describe(dataset: Dataset) -> str:
    """Return how many images of what size these are."""
    shape = "x".join(map(str, dataset.x_train.shape[1:]))
    return f"{len(dataset.x_train):,} training and {len(dataset.x_test):,} test images, {shape}"


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """Return one SHA-256 of images (N, ...) uint8 and labels (N, ...) below 256, the same in any order.

    It is that of the sorted SHA-256 digests of each image's bytes followed by its label as bytes.

    >>> images = np.arange(6, dtype=np.uint8).reshape(3, 2)
    >>> digest(images, np.array([0, 1, 2])) == digest(images[::-1], np.array([2, 1, 0]))
    True
    """
    records = zip(images, labels.astype(np.uint8))
    each = sorted(sha256(image.tobytes() + label.tobytes()).digest() for image, label in records)
    return sha256(b"".join(each)).hexdigest()


def is_genuine(content: tuple[np.ndarray, ...], published: Published) -> bool:
    """Return whether four arrays are the published images and labels, in any order within a split."""
    x_train, y_train, x_test, y_test = content
    return (digest(x_train, y_train), digest(x_test, y_test)) == published.digests


def store(content: tuple[np.ndarray, ...], file: BinaryIO) -> None:
    """Write four arrays as an .npz file."""
    x_train, y_train, x_test, y_test = content
    np.savez(file, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def read(path: Path, published: Published) -> tuple[np.ndarray, ...]:
    """Return the four arrays of an .npz file as `Dataset` promises them; ValueError names file and fault."""
    with readers.naming(path.name):
        arrays = readers.npz(path, KEYS)
    return _checked(arrays, path.name, published)


def gather(paths: list[Path], published: Published) -> tuple[np.ndarray, ...]:
    """Return the four arrays from files in any form: .npz, IDX, CIFAR's batches, or pictures in folders.

    They may lie in folders or archives. FileNotFoundError if none is there, ValueError if one is damaged or
    of another kind.
    """
    found = dict(readers.members(paths, lambda name: _is_wanted(name, published)))
    ours = {readers.base(name): content for name, content in found.items()}
    pictures = {name: content for name, content in found.items() if name.endswith(".png")}
    if published.file in ours:
        with readers.naming(published.file):
            arrays = readers.npz(io.BytesIO(ours[published.file]), KEYS)
        return _checked(arrays, published.file, published)
    parts = {match.groups(): name for name in ours if (match := IDX.fullmatch(name))}
    if len(parts) == 4:
        arrays = [_idx(parts[key], ours) for key in _idx_keys()]
    elif all(name in ours for name in BATCHES):
        with readers.naming("a batch of CIFAR-10"):
            arrays = _of_batches([ours[name] for name in BATCHES])
    elif pictures:
        arrays = _of_pictures(pictures, published)
    elif any(name in ours for name in PICKLES):
        raise ValueError(
            "these files are pickles, which can run programs and are not opened: take the binary version, "
            f"{published.sources[0][0].file}"
        )
    else:
        file = published.sources[0][-1].file
        raise FileNotFoundError(f"neither {published.file} nor {file} is there, nor another form of it")
    return _checked(arrays, "the original", published)


def _is_wanted(name, published):
    """Whether a file may hold a part of this data set."""
    last = readers.base(name)
    if published.image_shape[2] == 1 and IDX.fullmatch(last):
        return True
    if published.file == "cifar10.npz" and last in (*BATCHES, *PICKLES):
        return True
    return last == published.file or (last.endswith(".png") and _split(name) is not None)


def _idx_keys():
    """Return split and part of the four IDX files, in the order of KEYS."""
    return [(split, part) for split in ("train", "t10k") for part in ("images", "labels")]


def _idx(name, files):
    with readers.naming(name):
        return readers.idx(files[name])


def _of_batches(batches):
    """Return the arrays of CIFAR-10's batches: each record is a label's byte, then 3 planes of 32 x 32."""
    records = np.frombuffer(b"".join(batches[:-1]), np.uint8), np.frombuffer(batches[-1], np.uint8)
    arrays = []
    for split in records:
        split = split.reshape(-1, 1 + 3 * 32 * 32)
        planes = split[:, 1:].reshape(-1, 3, 32, 32)
        arrays += [np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), split[:, 0]]
    return arrays


def _of_pictures(pictures, published):
    """Return the arrays of pictures that lie in folders `train` and `test` and name their class."""
    arrays = []
    for split in ("train", "test"):
        names = sorted(name for name in pictures if _split(name) == split)
        images = [_picture(name, pictures[name], published.image_shape) for name in names]
        shape = (-1, *published.image_shape)
        arrays.append(np.array(images, np.uint8).reshape(shape))
        arrays.append(np.array([_class(name, published) for name in names], np.int64))
    return arrays


def _split(name):
    """Return the split that a picture's folders name, or None."""
    folders = (part.lower() for part in PurePosixPath(name).parts[:-1])
    return next((SPLITS[folder] for folder in folders if folder in SPLITS), None)


def _class(name, published):
    """Return the label of a picture `train/bird/1.png` or `train/1_bird.png`."""
    path = PurePosixPath(name)
    for word in (path.parent.name, path.stem.rpartition("_")[2]):
        if word in published.class_names:
            return published.class_names.index(word)
    raise ValueError(f"{name} names none of the classes {', '.join(published.class_names)}")


def _picture(name, content, shape):
    """Return the pixels of a picture of the right size."""
    from PIL import Image

    with readers.naming(readers.base(name)), Image.open(io.BytesIO(content)) as picture:
        if picture.size != (shape[1], shape[0]):
            raise ValueError(f"it has {picture.size[0]}x{picture.size[1]} pixels, not {shape[1]}x{shape[0]}")
        return np.asarray(picture.convert("L" if shape[2] == 1 else "RGB"))


def _checked(arrays, file, published):
    """Return the four arrays in the form that `Dataset` promises; ValueError if they are not of its kind."""
    x_train, y_train, x_test, y_test = arrays
    shape, classes = published.image_shape, len(published.class_names)
    try:
        return (
            _images(x_train, "x_train", shape),
            _labels(y_train, "y_train", len(x_train), classes),
            _images(x_test, "x_test", shape),
            _labels(y_test, "y_test", len(x_test), classes),
        )
    except ValueError as fault:
        raise ValueError(f"{file} is no copy of {published.title} ({fault})") from None


def _images(images, key, shape):
    """Return images as (N, H, W, C); a channel axis of length 1 may be missing."""
    shapes = {shape, shape[:2]} if shape[2] == 1 else {shape}
    if images.dtype != np.uint8:
        raise ValueError(f"{key} is {images.dtype}, not uint8")
    if images.shape[1:] not in shapes or len(images) == 0:
        raise ValueError(f"{key} has shape {images.shape}, not (N, {', '.join(map(str, shape))})")
    return images.reshape(-1, *shape)


def _labels(labels, key, n, classes):
    """Return labels as (n,) int64; they may come as (n, 1) and as any integers."""
    labels = labels[:, 0] if labels.shape == (n, 1) else labels
    _check_labels(labels, key, n, classes)
    return labels.astype(np.int64)
