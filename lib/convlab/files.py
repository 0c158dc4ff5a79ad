"""Write a file whole or not at all. The standard library alone."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_text", "write_whole"]


def write_whole(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Call `write(file)` on a new binary file and rename it to `path`: a reader never finds half a file.

    Missing folders are made. A file that is replaced keeps its permissions. Where `write` raises, the old
    file stays as it was.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "figures"
    >>> write_whole(place, lambda file: file.write(b"42")); place.read_bytes()
    b'42'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part{os.getpid()}-{threading.get_ident()}")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            part.chmod(path.stat().st_mode & 0o777)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` whole to `path`, as UTF-8, its line ends as they are.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "words"
    >>> write_text(place, "손실"); place.read_text(encoding="utf-8")
    '손실'
    """
    write_whole(path, lambda file: file.write(text.encode("utf-8")))
