"""What an interrupted training goes on from: one file, written whole or not at all. NumPy alone."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np


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


def save(path, state, log, settings):
    """Write a checkpoint.

    state: list of arrays; log: what happened so far, and settings: of the run, both as JSON can hold them.
    Lesson 11.
    """
    arrays = {f"state_{number}": array for number, array in enumerate(state)}
    text = json.dumps({"log": log, "settings": settings})
    write_whole(path, lambda file: np.savez(file, text=np.array(text), **arrays))


def load(path):
    """Return state, log and settings, as `save` got them.

    ValueError, with the way out, if the file is damaged or is no checkpoint. Lesson 11.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            text = json.loads(str(file["text"]))
            state = [file[f"state_{number}"] for number in range(len(file.files) - 1)]
        return state, text["log"], text["settings"]
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no whole checkpoint ({error}): delete it to train from the start"
        ) from error
