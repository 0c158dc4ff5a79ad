"""Images in which each pixel has a class: CamVid, in the copy that SegNet's authors made. Lesson 19."""

import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from convlab.datasets import readers
from convlab.datasets.images import digest
from convlab.datasets.published import PUBLISHED, Published

__all__ = [
    "SPLITS",
    "VOID",
    "Masked",
    "Masks",
    "build",
    "describe",
    "gather",
    "is_genuine",
    "read",
    "store",
]

SPLITS = ("train", "val", "test")
KEYS = tuple(f"{kind}_{split}" for split in SPLITS for kind in "xy")
VOID = 11
"""The mask's value where a pixel of CamVid has no class: it counts neither in training nor in a score."""


@dataclass(frozen=True, eq=False)
class Masked:
    """One split: `images` (N, H, W, 3) uint8, and `masks` (N, H, W) uint8, the class of each pixel."""

    images: np.ndarray = field(repr=False)
    masks: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Masks:
    """Images with a class for each pixel, in three splits, and where they came from.

    `void` is the mask's value where a pixel has no class. `source` and `genuine` are as in `Dataset`.
    """

    name: str
    title: str
    train: Masked
    val: Masked
    test: Masked
    class_names: tuple[str, ...]
    source: str
    genuine: bool = False
    void: int = VOID


def build(name: str, content: dict[str, np.ndarray], source: str, genuine: bool) -> Masks:
    """Return the data set of six arrays."""
    train, val, test = (Masked(content[f"x_{split}"], content[f"y_{split}"]) for split in SPLITS)
    published = PUBLISHED[name]
    return Masks(name, published.title, train, val, test, published.class_names, source, genuine)


def describe(masks: Masks) -> str:
    """Return how many images of what size these are."""
    height, width = masks.train.images.shape[1:3]
    sizes = f"{len(masks.train)} training, {len(masks.val)} validation and {len(masks.test)} test images"
    return f"{sizes}, {width}x{height}, {len(masks.class_names)} classes of pixels"


def is_genuine(content: dict[str, np.ndarray], published: Published) -> bool:
    """Return whether six arrays are the published images and masks, in any order within a split."""
    return (
        tuple(digest(content[f"x_{split}"], content[f"y_{split}"]) for split in SPLITS) == published.digests
    )


def store(content: dict[str, np.ndarray], file: BinaryIO) -> None:
    """Write six arrays as an .npz file."""
    arrays: dict[str, Any] = content
    np.savez(file, **arrays)


def read(path: Path, published: Published) -> dict[str, np.ndarray]:
    """Return the six arrays of an .npz file; ValueError names file and fault."""
    with readers.naming(path.name):
        arrays = readers.npz(path, KEYS)
    return _checked(dict(zip(KEYS, arrays)), path.name, published)


def gather(paths: list[Path], published: Published) -> dict[str, np.ndarray]:
    """Return the six arrays from an .npz file or from SegNet's folders, in an archive or not.

    Its pictures have 480x360 pixels. Here each pixel is the mean of 2x2 of them, and a mask keeps every
    second pixel. FileNotFoundError if neither is there, ValueError if something is damaged or of another
    kind.
    """
    found = dict(readers.members(paths, lambda name: _is_wanted(name, published)))
    npz = [content for name, content in found.items() if readers.base(name) == published.file]
    if npz:
        with readers.naming(published.file):
            arrays = readers.npz(io.BytesIO(npz[0]), KEYS)
        return _checked(dict(zip(KEYS, arrays)), published.file, published)
    pictures = {tuple(PurePosixPath(name).parts[-2:]): content for name, content in found.items()}
    content = {}
    for split in SPLITS:
        names = sorted(file for folder, file in pictures if folder == split)
        masked = [name for name in names if (f"{split}annot", name) in pictures]
        if not masked:
            raise FileNotFoundError(
                f"neither {published.file} nor folders CamVid/{split} and {split}annot are there"
            )
        height, width, _ = published.image_shape
        content[f"x_{split}"] = np.stack([_image(pictures[split, n], n, width, height) for n in masked])
        content[f"y_{split}"] = np.stack(
            [_mask(pictures[f"{split}annot", n], n, width, height) for n in masked]
        )
    return _checked(content, "the original", published)


def _is_wanted(name, published):
    """Whether a file is the .npz or a picture of SegNet's folders."""
    path = PurePosixPath(name)
    folders = {*SPLITS, *(f"{split}annot" for split in SPLITS)}
    return path.name == published.file or (path.suffix == ".png" and path.parent.name in folders)


def _image(content, name, width, height):
    """Return (height, width, 3) pixels, each the mean of 2x2 where the picture is twice as large."""
    from PIL import Image

    with readers.naming(name), Image.open(io.BytesIO(content)) as picture:
        _check_size(picture.size, width, height)
        return np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BOX))


def _mask(content, name, width, height):
    """Return (height, width) classes, every second pixel where the picture is twice as large."""
    from PIL import Image

    with readers.naming(name), Image.open(io.BytesIO(content)) as picture:
        _check_size(picture.size, width, height)
        step = picture.size[0] // width
        return np.asarray(picture)[::step, ::step]


def _check_size(size, width, height):
    if size not in {(width, height), (2 * width, 2 * height)}:
        raise ValueError(f"it has {size[0]}x{size[1]} pixels, not {2 * width}x{2 * height}")


def _checked(content, file, published):
    """Return the six arrays if they are of the right kind; ValueError if not."""
    shape, classes = published.image_shape, len(published.class_names)
    for split in SPLITS:
        images, masks = content[f"x_{split}"], content[f"y_{split}"]
        for key, array, needed in (
            (f"x_{split}", images, shape),
            (f"y_{split}", masks, shape[:2]),
        ):
            if (
                array.dtype != np.uint8
                or array.shape[1:] != needed
                or len(array) != len(images)
                or not len(images)
            ):
                raise ValueError(
                    f"{file} is no copy of {published.title} ({key} is {array.dtype} of shape {array.shape}, "
                    f"not uint8 of shape ({len(images)}, {', '.join(map(str, needed))}))"
                )
        if masks.max() > max(VOID, classes - 1):
            raise ValueError(f"{file} is no copy of {published.title} (y_{split} has a class {masks.max()})")
    return content
