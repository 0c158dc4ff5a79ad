"""What an interrupted training goes on from: one file, written whole or not at all. NumPy alone."""

import json
import zipfile

import numpy as np

from convlab.files import write_whole


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
