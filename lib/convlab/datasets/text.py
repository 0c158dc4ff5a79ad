"""Sentences with ratings: the movie reviews, rated by twenty people each. Lessons 20 and 21."""

import gzip
import io
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np

from convlab.datasets import readers
from convlab.datasets.published import PUBLISHED, Published

__all__ = ["Sentences", "build", "describe", "digest", "gather", "is_genuine", "read", "store"]

FILE, INNER = "movieReviewSnippets_GroundTruth.txt", "hutto_ICWSM_2014.tar.gz"


@dataclass(frozen=True, eq=False)
class Sentences:
    """Sentences and what people think of them.

    Attributes:
        sentences: a tuple of N texts, as their critics wrote them.
        ratings: (N,) float64, the mean of at least 20 people's ratings, from -4, very negative, to 4.
            It is 0 for 37 sentences.
        labels: (N,) int64, numbers into `class_names`: 1 where the rating is above 0.
        class_names: "negative" and "positive".
        name, title, source, genuine: as in `Dataset`.
    """

    name: str
    title: str
    sentences: tuple[str, ...] = field(repr=False)
    ratings: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    class_names: tuple[str, ...]
    source: str
    genuine: bool = False

    def __len__(self) -> int:
        return len(self.sentences)


def build(name: str, content: bytes, source: str, genuine: bool) -> Sentences:
    """Return the data set of a table of identifiers, ratings and sentences."""
    rows = _rows(content)
    ratings = np.array([float(rating) for _, rating, _ in rows])
    sentences = tuple(sentence for _, _, sentence in rows)
    labels = (ratings > 0).astype(np.int64)
    published = PUBLISHED[name]
    return Sentences(
        name, published.title, sentences, ratings, labels, published.class_names, source, genuine
    )


def describe(sentences: Sentences) -> str:
    """Return how many sentences these are."""
    return f"{len(sentences):,} sentences, {sentences.labels.mean():.1%} of them positive"


def digest(content: bytes) -> str:
    """Return the SHA-256 of the table."""
    return sha256(content).hexdigest()


def is_genuine(content: bytes, published: Published) -> bool:
    """Return whether a table is the published one."""
    return (digest(content),) == published.digests


def store(content: bytes, file: BinaryIO) -> None:
    """Write the table, compressed; the same bytes each time."""
    file.write(gzip.compress(content, 9, mtime=0))


def read(path: Path, published: Published) -> bytes:
    """Return the table of a compressed file; ValueError names file and fault."""
    with readers.naming(path.name), gzip.open(path) as file:
        return _checked(readers.bounded(file))


def gather(paths: list[Path], published: Published) -> bytes:
    """Return the table from the package that has it, from its own archive, or from the file itself.

    FileNotFoundError if none is there, ValueError if it is damaged or another one.
    """
    ours = (FILE, INNER, published.file.removesuffix(".gz"))
    for name, content in readers.members(paths, lambda name: readers.base(name) in ours):
        if readers.base(name) != INNER:
            return _checked(content)
        for _, table in readers.of_tar(io.BytesIO(content), lambda inner: readers.base(inner) == FILE):
            return _checked(table)
    raise FileNotFoundError(f"neither {published.file} nor {FILE} is there")


def _rows(content):
    """Return (identifier, rating, sentence) of each line."""
    return [line.split("\t") for line in content.decode("utf-8").splitlines()]


def _checked(content):
    """Return the table; ValueError if a line of it has another form."""
    for number, row in enumerate(_rows(content), start=1):
        if len(row) != 3 or not -4 <= float(row[1]) <= 4:
            raise ValueError(f"line {number} is no identifier, rating from -4 to 4 and sentence")
    if not content.strip():
        raise ValueError("it holds no sentence")
    return content
