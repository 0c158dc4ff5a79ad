"""Images with boxes: BCCD, photographs of blood in which each cell has a box and a kind. Lesson 18."""

import io
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from convlab.datasets import readers
from convlab.datasets.published import PUBLISHED, Published

__all__ = ["SPLITS", "Boxed", "Boxes", "build", "describe", "digest", "gather", "is_genuine", "read", "store"]

SPLITS = ("train", "val", "test")
KINDS = {"RBC": 0, "WBC": 1, "Platelets": 2}  # the names in the annotations, and the labels here
CORNERS = ("xmin", "ymin", "xmax", "ymax")
LARGEST_ANNOTATION = 100_000  # bytes: the largest of BCCD has 11,000


@dataclass(frozen=True, eq=False)
class Boxed:
    """One split: images and, for each, its boxes and their labels.

    `images` is (N, H, W, 3) uint8. For each image `boxes` has a float array (n, 4): x_min, y_min, x_max,
    y_max in pixels, and `labels` an int64 array (n,) of numbers into `class_names`.
    """

    images: np.ndarray = field(repr=False)
    boxes: tuple[np.ndarray, ...] = field(repr=False)
    labels: tuple[np.ndarray, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Images with boxes, in three splits; `source` and `genuine` are as in `Dataset`."""

    name: str
    title: str
    train: Boxed
    val: Boxed
    test: Boxed
    class_names: tuple[str, ...]
    source: str
    genuine: bool = False


def build(name: str, content: dict[str, bytes], source: str, genuine: bool) -> Boxes:
    """Return the data set of the files of BCCD."""
    splits = []
    for split in SPLITS:
        names = _names(content, split)
        annotated = [_annotation(content[f"Annotations/{name}.xml"], name) for name in names]
        images = np.stack([_image(content[f"JPEGImages/{name}.jpg"], name) for name in names])
        boxes, labels = zip(*annotated)
        splits.append(Boxed(images, tuple(boxes), tuple(labels)))
    train, val, test = splits
    published = PUBLISHED[name]
    return Boxes(name, published.title, train, val, test, published.class_names, source, genuine)


def describe(boxes: Boxes) -> str:
    """Return how many images and boxes of what size these are."""
    height, width = boxes.train.images.shape[1:3]
    splits = (boxes.train, boxes.val, boxes.test)
    count = sum(len(labels) for split in splits for labels in split.labels)
    sizes = f"{len(boxes.train)} training, {len(boxes.val)} validation and {len(boxes.test)} test images"
    return f"{sizes}, {width}x{height}, {count:,} boxes of {len(boxes.class_names)} kinds"


def digest(content: dict[str, bytes]) -> str:
    """Return one SHA-256 of the photographs and annotations: that of their sorted SHA-256 digests."""
    files = [file for name, file in content.items() if not name.startswith("ImageSets/")]
    return sha256(b"".join(sorted(sha256(file).digest() for file in files))).hexdigest()


def digest_of_splits(content: dict[str, bytes]) -> str:
    """Return one SHA-256 of which photograph is in which split."""
    lines = sorted(f"{split} {name}" for split in SPLITS for name in _names(content, split))
    return sha256("\n".join(lines).encode()).hexdigest()


def is_genuine(content: dict[str, bytes], published: Published) -> bool:
    """Return whether files are the published photographs, annotations and splits."""
    return (digest(content), digest_of_splits(content)) == published.digests


def store(content: dict[str, bytes], file: BinaryIO) -> None:
    """Write the files of BCCD as a .zip archive."""
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for name in sorted(content):
            archive.writestr(f"BCCD/{name}", content[name])


def read(path: Path, published: Published) -> dict[str, bytes]:
    """Return the files of BCCD in a .zip archive, by name; ValueError names file and fault."""
    try:
        return gather([path], published)
    except FileNotFoundError as fault:
        raise ValueError(f"{path.name} cannot be read ({fault})") from None


def gather(paths: list[Path], published: Published) -> dict[str, bytes]:
    """Return the files of BCCD by name, from its folders, in an archive or not.

    FileNotFoundError if they are not there, ValueError if something is damaged or of another kind.
    """
    content = {_key(name): file for name, file in readers.members(paths, _is_wanted)}
    for split in SPLITS:
        if _list(split) not in content:
            raise FileNotFoundError(
                f"neither {published.file} nor the folder BCCD is there ({_list(split)} is missing)"
            )
    for split in SPLITS:
        for name in _names(content, split):
            for file in (f"Annotations/{name}.xml", f"JPEGImages/{name}.jpg"):
                if file not in content:
                    raise ValueError(f"the copy of {published.title} found has no {file}")
            _annotation(content[f"Annotations/{name}.xml"], name)
    return content


def _key(name):
    """Return a file's path within the folder BCCD."""
    parts = PurePosixPath(name).parts
    return "/".join(parts[-3:] if parts[-2] == "Main" else parts[-2:])


def _list(split):
    """Return the path of the file that lists the photographs of a split."""
    return f"ImageSets/Main/{split}.txt"


def _is_wanted(name):
    """Whether a file is a photograph, an annotation or the list of a split."""
    path = PurePosixPath(name)
    if path.parent.name == "Main":
        return name.endswith(tuple(map(_list, SPLITS)))
    return (path.parent.name, path.suffix) in {("JPEGImages", ".jpg"), ("Annotations", ".xml")}


def _names(content, split):
    """Return the names of the photographs of a split, in the order of its list."""
    return content[_list(split)].decode("ascii", "replace").split()


def _image(content, name):
    from PIL import Image

    with readers.naming(f"{name}.jpg"), Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def _annotation(content, name):
    """Return boxes float (n, 4) and labels (n,) of an annotation in the form of Pascal VOC.

    There, pixels are counted from 1 and the last one belongs to the box: one less for its first corner
    gives the box's edges.
    """
    # refuses entities, with which a small file can grow without end
    from defusedxml import ElementTree  # type: ignore[import-untyped]

    with readers.naming(f"{name}.xml"):
        if len(content) > LARGEST_ANNOTATION:
            raise ValueError(f"it has more than {LARGEST_ANNOTATION:,} bytes")
        objects = ElementTree.fromstring(content).findall("object")
        labels = [KINDS[item.findtext("name", "")] for item in objects]
        corners = [[float(item.findtext(f"bndbox/{key}", "")) for key in CORNERS] for item in objects]
    boxes = np.array(corners, float).reshape(-1, 4) - (1, 1, 0, 0)
    return boxes, np.array(labels, np.int64)
