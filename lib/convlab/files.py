"""Write a file whole or not at all. The standard library alone."""

import os
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path, write):
    """Call `write(file)` on a new binary file and rename it to `path`: never half a file.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "figures"
    >>> write_whole(place, lambda file: file.write(b"42")); place.read_bytes()
    b'42'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
