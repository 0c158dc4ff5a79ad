"""Lessons as documents: found in notebooks/, named, and described by their own metadata."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = "application/vnd.convlab.summary+json"
LESSON_NAME = re.compile(r"(\d\d)_\w+\.ipynb")


class CourseError(Exception):
    """A problem that a person can correct: the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Lesson:
    """One notebook of the course."""

    path: Path

    @property
    def slug(self) -> str:
        """The file's name without its ending, as in `01_linear_regression`."""
        return self.path.stem

    @property
    def number(self) -> str:
        """The two digits that the file's name starts with."""
        return self.slug[:2]

    @cached_property
    def notebook(self) -> dict:
        """The notebook as it stands in the file; `CourseError` if it is not one."""
        try:
            notebook = json.loads(self.path.read_text(encoding="utf-8"))
            if not isinstance(notebook["cells"], list) or not isinstance(notebook["metadata"], dict):
                raise ValueError("it has no list of cells")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CourseError(f"{self.path.name} is not a notebook: {error}. Restore it with git.") from error
        return notebook

    @property
    def header(self) -> dict:
        """What the lesson says about itself: title, question, minutes, needs."""
        return self.notebook["metadata"].get("convlab", {})

    @property
    def cells(self) -> list[dict]:
        """All cells, in order."""
        return self.notebook["cells"]

    @property
    def code_cells(self) -> list[dict]:
        """The cells that a kernel runs, in order."""
        return [cell for cell in self.cells if cell["cell_type"] == "code"]


def text(lines: str | list[str]) -> str:
    """Return a notebook's text, which may be stored as one string or as a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)


def source(cell: dict) -> str:
    """Return what a cell says."""
    return text(cell["source"])


def tags(cell: dict) -> list[str]:
    """Return a cell's tags."""
    return cell["metadata"].get("tags", [])


def summary(notebook: dict) -> dict:
    """Return the last summary that a lesson's cells left: data, figures and their text; empty if none."""
    found = [
        output["data"][SUMMARY]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if SUMMARY in output.get("data", {})
    ]
    return dict(found[-1]) if found else {}


def code_digest(cells: list[dict]) -> str:
    """Return the SHA-256 over the sources of the code cells among `cells`."""
    sources = [source(cell) for cell in cells if cell["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def find(root: Path = ROOT) -> list[Lesson]:
    """Return all lessons of the course in `root`, in order."""
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    return [Lesson(path) for path in paths if LESSON_NAME.fullmatch(path.name)]


def select(lessons: list[Lesson], wanted: list[str]) -> list[Lesson]:
    """Return the lessons that `wanted` names by number, slug or file, all for an empty list."""
    names = [name for words in wanted for name in words.replace(",", " ").split()]
    chosen = {name: next((one for one in lessons if _is_called(one, name)), None) for name in names}
    unknown = [name for name, lesson in chosen.items() if lesson is None]
    if unknown:
        known = ", ".join(lesson.slug for lesson in lessons) or "none"
        raise CourseError(f"no lesson is called {', '.join(unknown)}; there are: {known}")
    return [lesson for lesson in lessons if lesson in chosen.values()] if names else lessons


def _is_called(lesson: Lesson, name: str) -> bool:
    """Return whether `name` means this lesson: `1`, `01`, `linear_regression` or the whole slug."""
    stem = Path(name).name.removesuffix(".ipynb")
    return stem in (lesson.slug, lesson.slug[3:]) or (stem.isdecimal() and int(stem) == int(lesson.number))
