"""Read the forms in which data sets are published: arrays, IDX files and members of archives.

Nothing is ever unpickled and nothing is extracted: members are read by name. What cannot be read raises a
ValueError that names the file.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

import numpy as np

__all__ = ["base", "bounded", "idx", "members", "naming", "npz", "of_tar", "words"]

LARGEST = 2**30  # bytes of one member: no data set has a larger one
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")


def npz(file: str | Path | io.BufferedIOBase, keys: Iterable[str]) -> list[np.ndarray]:
    """Return the arrays of an .npz file under these keys; ValueError if it is none or one is missing."""
    with open(file, "rb") if isinstance(file, str | Path) else file as stream:
        if not zipfile.is_zipfile(stream):  # np.load would take it for a pickle, and advise to trust it
            raise ValueError("it is no .npz file, or one cut short")
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as arrays:
            return [arrays[key] for key in keys]


def idx(content: bytes) -> np.ndarray:
    """Return the array of an IDX file: bytes 0, 0, 8 (for uint8), the number of axes, sizes, data.

    >>> idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9]))
    array([[7, 9]], dtype=uint8)
    """
    sizes = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def members(paths: Iterable[Path], wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each wanted file, in the order of the paths.

    Folders, zip and tar archives are looked into, and a file `name.gz` counts as `name`. A name is the path
    within the folder or archive, with slashes.
    """
    for path in sorted(paths):
        if path.is_dir():
            inside = [child for child in path.iterdir() if not child.name.startswith(".")]
            yield from _of_folder(path.name, inside, wanted)
        else:
            with naming(path.name):
                yield from _of_file(path, wanted)


def _of_folder(name, inside, wanted):
    """Yield what is wanted of the files in a folder."""
    for below, content in members(inside, lambda below: wanted(f"{name}/{below}")):
        yield f"{name}/{below}", content


def _of_file(path, wanted):
    """Yield what is wanted of a file: itself, or members of the archive that it is."""
    if path.suffix == ".npz":  # a zip archive, too, and not meant as one
        if wanted(path.name):
            yield path.name, path.read_bytes()
    elif zipfile.is_zipfile(path):
        yield from _of_zip(path, wanted)
    elif path.suffix != ".bin" and tarfile.is_tarfile(path):
        yield from _of_tar(path, wanted)
    elif path.name.endswith(ARCHIVES):
        raise ValueError("it is no archive, or one cut short")
    elif wanted(path.name.removesuffix(".gz")):
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            yield path.name.removesuffix(".gz"), bounded(file)


def _of_zip(path, wanted):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir() and wanted(info.filename):
                with archive.open(info) as file:
                    yield info.filename, bounded(file)


def _of_tar(path, wanted):
    with open(path, "rb") as file:
        yield from of_tar(file, wanted)


def of_tar(file: BinaryIO, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each wanted member of a tar archive, compressed or not."""
    with tarfile.open(fileobj=file, mode="r|*") as archive:  # a stream: nothing is looked for or extracted
        for member in archive:
            if wanted(member.name) and (content := archive.extractfile(member)):
                yield member.name, bounded(content)


class Readable(Protocol):
    """Something with a `read` that gives bytes."""

    def read(self, size: int = ..., /) -> bytes: ...


def bounded(file: Readable) -> bytes:
    """Return a file's content; ValueError if it is larger than any of a data set."""
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"a member is larger than {LARGEST:,} bytes")
    return content


def base(name: str) -> str:
    """Return the last part of a name.

    >>> base("BCCD/JPEGImages/1.jpg")
    '1.jpg'
    """
    return PurePosixPath(name).name


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Turn whatever reading a damaged file raises into a ValueError that names the file."""
    try:
        yield
    except Exception as fault:  # zip, zlib, gzip, tar, XML and NumPy have a dozen kinds of error between them
        kind = "" if isinstance(fault, ValueError) else f"{type(fault).__name__}: "
        raise ValueError(f"{file} cannot be read ({kind}{words(fault)})") from fault


def words(fault: BaseException) -> str:
    """Return an error's message without the paths of this machine."""
    return getattr(fault, "strerror", None) or str(fault).strip("'") or "cut short"
