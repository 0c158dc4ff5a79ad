"""What an interrupted training goes on from: one file, written whole or not at all. NumPy alone."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from convlab.files import write_whole


def save(path: str | Path, arrays: list[list[np.ndarray]], log: dict, settings: dict) -> None:
    """Write a checkpoint. Lesson 11.

    Args:
        path: of the file.
        arrays: list of lists of arrays: what `read` returned.
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


def read(parts: Iterable[Any]) -> list[list[np.ndarray]]:
    """Return the values of each part, a list of lists of arrays.

    A part is a Keras model or optimizer, a variable, or an object with `read` and `write` of its own.

    >>> class Counter:
    ...     value = 3
    ...     def read(self): return [self.value]
    >>> read([Counter()])
    [[array(3)]]
    """
    return [
        [np.asarray(value) for value in (part.read() if hasattr(part, "read") else _variables(part))]
        for part in parts
    ]


def write(parts: Iterable[Any], arrays: list[list[np.ndarray]]) -> None:
    """Put back what `read` returned; ValueError if a part has another number of variables."""
    for part, group in zip(parts, arrays, strict=True):
        if hasattr(part, "write"):
            part.write(group)
            continue
        variables = _variables(part)
        if len(variables) != len(group):
            name = getattr(part, "name", type(part).__name__)
            raise ValueError(f"the checkpoint has {len(group)} arrays for {name}, which has {len(variables)}")
        for variable, array in zip(variables, group):
            variable.assign(array)


def require_built(parts: Iterable[Any]) -> None:
    """Raise ValueError if a model or an optimizer has no variables yet, so that they could not be saved."""
    for part in parts:
        if not getattr(part, "built", True):
            raise ValueError(
                f"{part.name} has no variables yet: call its build (an optimizer's with "
                "model.trainable_variables) before training with a checkpoint"
            )


def _variables(part):
    return part.variables if hasattr(part, "variables") else [part]
