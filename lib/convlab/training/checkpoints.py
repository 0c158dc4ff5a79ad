"""What an interrupted training goes on from: one file, written whole or not at all. NumPy alone."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from convlab.files import write_whole


def save(path: str | Path, arrays: list[list[np.ndarray]], log: dict, settings: dict) -> None:
    """Write a checkpoint. Lesson 11.

    Args:
        path: of the file.
        arrays: list of lists of arrays: the values of each part of the run.
        log: what happened so far, as JSON can hold it.
        settings: of the run, as JSON can hold them.
    """
    flat: dict[str, Any] = {
        f"{part}_{place}": array for part, group in enumerate(arrays) for place, array in enumerate(group)
    }
    text = json.dumps({"log": log, "settings": settings, "sizes": [len(group) for group in arrays]})
    write_whole(path, lambda file: np.savez(file, text=np.array(text), **flat))


def load(path: str | Path) -> tuple[list[list[np.ndarray]], dict, dict]:
    """Return arrays, log and settings, as `save` got them.

    ValueError, with what to do, if the file is damaged or is no checkpoint. Lesson 11.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            text = json.loads(str(file["text"]))
            arrays = [[file[f"{part}_{i}"] for i in range(size)] for part, size in enumerate(text["sizes"])]
        return arrays, text["log"], text["settings"]
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no whole checkpoint ({error}): delete it to train from the start"
        ) from error
