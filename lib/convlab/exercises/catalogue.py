"""The one list of the course's exercises: every `Exercise` that the files `lesson_NN.py` make."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from convlab.exercises.exercise import Exercise

FOLDER = Path(__file__).parent


def exercises(folder: Path = FOLDER) -> dict[str, list[Exercise]]:
    """Return {lesson: its exercises, in order} for every `lesson_NN.py` in the folder.

    >>> [exercise.name for exercise in exercises()["lesson_00"]]
    ['values']
    """
    return {path.stem: of_file(path) for path in sorted(folder.glob("lesson_*.py"))}


def of_file(path: Path) -> list[Exercise]:
    """Return the exercises of one `lesson_NN.py`, in order; the file may be another course's."""
    if path.parent == FOLDER:
        module = importlib.import_module(f"convlab.exercises.{path.stem}")
    else:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None  # as the name ends in .py
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return of_module(module)


def of_module(module: ModuleType) -> list[Exercise]:
    """Return the exercises that a module makes, in order."""
    return [item for item in vars(module).values() if isinstance(item, Exercise)]
