"""A learner's own copies of the lessons, in `my_lessons/`: without outputs, made once, never written over.

The lessons in `notebooks/` stay as they were published. `my_lessons/.versions.json` says which version of its
lesson each copy was made from, so that an update of the course can be named, and taken where that is wanted.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from convlab.files import write_text
from coursekit.lessons import ROOT, Lesson, source

FOLDER = ROOT / "my_lessons"
VERSIONS = ".versions.json"


def update(lessons: Iterable[Lesson], folder: Path = FOLDER) -> list[Lesson]:
    """Copy the lessons that have no copy in `folder`; return those that have changed since theirs was made.

    A copy that exists is left as it is.
    """
    versions = _read_versions(folder)
    changed = []
    for lesson in lessons:
        now = version(lesson)
        if not (folder / lesson.path.name).exists():
            _copy(lesson, folder)
            versions[lesson.slug] = now
        elif versions.setdefault(lesson.slug, now) != now:
            changed.append(lesson)
    _write_versions(folder, versions)
    return changed


def take_new(lesson: Lesson, folder: Path = FOLDER) -> Path:
    """Copy a lesson as it is today, and return where the learner's old copy is kept."""
    copy = folder / lesson.path.name
    kept = next(name for name in _names_beside(copy) if not name.exists())
    if copy.exists():
        copy.rename(kept)
    _copy(lesson, folder)
    _write_versions(folder, _read_versions(folder) | {lesson.slug: version(lesson)})
    return kept


def version(lesson: Lesson) -> str:
    """Return the SHA-256 over what a lesson's cells say; outputs do not count."""
    cells = [(cell["cell_type"], source(cell)) for cell in lesson.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _copy(lesson: Lesson, folder: Path) -> None:
    """Write a lesson without outputs to `folder`."""
    cells = [
        cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in lesson.cells
    ]
    text = json.dumps(lesson.notebook | {"cells": cells}, indent=1, ensure_ascii=False)
    write_text(folder / lesson.path.name, text + "\n")


def _names_beside(copy: Path) -> Iterable[Path]:
    """Yield names for an old copy: `05_convolution-old-1.ipynb`, then 2, and so on."""
    number = 0
    while True:
        number += 1
        yield copy.with_name(f"{copy.stem}-old-{number}.ipynb")


def _read_versions(folder: Path) -> dict[str, str]:
    """Return the version of each copy, by slug; what cannot be read is not known."""
    try:
        found = json.loads((folder / VERSIONS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_versions(folder: Path, versions: dict[str, str]) -> None:
    write_text(folder / VERSIONS, json.dumps(versions, indent=1) + "\n")
