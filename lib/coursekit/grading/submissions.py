"""Find submissions in a folder, read them without trusting them, and find the cells to run.

A submission is FOLDER/STUDENT/NN_slug.ipynb, at any depth below STUDENT, or FOLDER/STUDENT_NN_slug.ipynb.
Nothing here runs or even parses what a student has written; the worker does, behind its limits.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from coursekit.lessons import Lesson, source, tags

LARGEST = 20_000_000  # bytes of a notebook; the lessons have at most one million
# never through a link, never waiting for the other end of a pipe; some systems do not have them all
OPEN = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
CHECK = re.compile(r"^exercises\.(\w+)\.check\((.*)\)", re.MULTILINE)
LINKED = "it is a link to another place, which is not followed"


class Unreadable(Exception):
    """A file that is no notebook: why, in words for whoever handed it in."""


@dataclass(frozen=True)
class Stub:
    """An exercise as the lesson asks it: its name, the cell's source, and the answer that the cell checks."""

    exercise: str
    source: str
    answer: str

    @property
    def id(self) -> str:
        """The id of its cell."""
        return f"exercise-{self.exercise.replace('_', '-')}"


@dataclass(frozen=True)
class Task:
    """An answer to try: the cell that holds it, and how many cells of the order come before."""

    stub: Stub
    source: str
    before: int


@dataclass
class Submission:
    """What one student has handed in for one lesson, and what is odd about it. `lesson` None: unknown."""

    student: str
    lesson: Lesson | None
    path: Path | None
    problem: str = ""
    notes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its file; empty where there is none."""
        return self.path.name if self.path else ""

    @cached_property
    def stubs(self) -> list[Stub]:
        """The exercises of its lesson."""
        return list(stubs(self.lesson)) if self.lesson else []

    def note(self, text: str, exercise: str = "") -> None:
        """Remember what an instructor should know, about one exercise or about all of it."""
        self.notes.setdefault(exercise, []).append(text)


def stubs(lesson: Lesson) -> Iterator[Stub]:
    """Yield the exercises that a lesson asks."""
    for cell in lesson.code_cells:
        check = CHECK.search(source(cell)) if "exercise" in tags(cell) else None
        if check:
            yield Stub(check[1], source(cell), check[2])


def find(folder: Path, lessons: list[Lesson]) -> list[Submission]:
    """Return all submissions in `folder`, by student; a student without a notebook has one as well."""
    found = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            found.append(_linked(Path(entry), lessons))
        elif entry.is_dir():
            found += _of_student(Path(entry), lessons)
        elif entry.name.endswith(".ipynb"):
            found.append(_flat(Path(entry), lessons))
    return found


def _linked(path: Path, lessons: list[Lesson]) -> Submission:
    """Return the submission that a link pretends to be."""
    return replace(_flat(path, lessons), problem=LINKED)


def _flat(path: Path, lessons: list[Lesson]) -> Submission:
    """Return the submission STUDENT_NN_slug.ipynb."""
    lesson = _named(path, lessons) or (None if path.is_symlink() else _recognised(path, lessons))
    student = path.stem.partition(lesson.slug)[0] if lesson and lesson.slug in path.stem else path.stem
    return Submission(student.rstrip("_- ") or path.stem, lesson, path)


def _of_student(folder: Path, lessons: list[Lesson]) -> list[Submission]:
    """Return the submissions in one student's folder: for each lesson the file that bears its name."""
    paths = sorted(
        Path(place, name)
        for place, folders, names in os.walk(folder)
        for name in names
        if name.endswith(".ipynb") and ".ipynb_checkpoints" not in Path(place).parts
    )
    chosen: dict[str, Submission] = {}
    for path in sorted(paths, key=_rank):
        lesson = _named(path, lessons) or _recognised(path, lessons)
        one = Submission(folder.name, lesson, path)
        first = chosen.setdefault(lesson.slug if lesson else path.name, one)
        if first is not one:
            first.note(f"{path.name} is for the same lesson; {first.name} was graded")
        elif lesson and path.name != lesson.path.name:
            one.note(f"its name is {path.name}")
    empty = Submission(folder.name, None, None, "there is no notebook in this folder")
    return sorted(chosen.values(), key=lambda one: str(one.path)) or [empty]


def _rank(path: Path) -> tuple[bool, int, str]:
    """Return by what files for one lesson are ordered: the lesson's own name first, then the shallower."""
    return not re.fullmatch(r"\d\d_\w+\.ipynb", path.name), len(path.parts), path.name


def _named(path: Path, lessons: list[Lesson]) -> Lesson | None:
    """Return the lesson whose name is in the file's name."""
    return next((lesson for lesson in lessons if lesson.slug in path.stem), None)


def _recognised(path: Path, lessons: list[Lesson]) -> Lesson | None:
    """Return the lesson with most of whose exercises a renamed notebook shares the cells' ids."""
    try:
        ids = {cell.get("id") for cell in cells(path)}
    except Unreadable:
        return None
    shared = {lesson.slug: sum(stub.id in ids for stub in stubs(lesson)) for lesson in lessons}
    best = max(lessons, key=lambda lesson: shared[lesson.slug])
    return best if shared[best.slug] else None


def cells(path: Path) -> list[dict]:
    """Return the code cells of a notebook; `Unreadable` if it is none. Unknown formats are read leniently."""
    try:
        notebook = json.loads(_content(path))
    except RecursionError as error:
        raise Unreadable("its JSON is nested too deep") from error
    except ValueError as error:
        raise Unreadable(f"it is not a notebook: {error}") from error
    if isinstance(notebook, dict) and "worksheets" in notebook:
        raise Unreadable("it is in a format of before 2015; open and save it in JupyterLab")
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Unreadable("it is not a notebook: it has no list of cells")
    return [cell for cell in notebook["cells"] if _is_code(cell)]


def _content(path: Path) -> str:
    """Return the text of a regular file of at most LARGEST bytes that is not a link."""
    try:
        handle = os.open(path, OPEN)
        with open(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode) or path.is_symlink():
                raise Unreadable("it is not a regular file")
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise Unreadable(LINKED if path.is_symlink() else f"it cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise Unreadable(f"it has more than {LARGEST // 10**6} MB")
    if not content.strip():
        raise Unreadable("the file is empty")
    return content.decode("utf-8-sig")


def _is_code(cell) -> bool:
    """Return whether this is a code cell whose source is text."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return False
    lines = cell.get("source")
    return isinstance(lines, str) or (
        isinstance(lines, list) and all(isinstance(line, str) for line in lines)
    )


def tasks(submission: Submission, found: list[dict]) -> Iterator[Task]:
    """Yield the answer to try for each exercise that has one; note what is odd about the others."""
    for stub in submission.stubs:
        places = list(_places(stub, found))
        tried = [i for i in places if _plain(source(found[i])) != _plain(stub.source)]
        if not places:
            submission.note("its cell is missing", stub.exercise)
        if not tried:
            continue
        if len(tried) > 1:
            submission.note(f"{len(tried)} cells answer it; the last one counts", stub.exercise)
        if found[tried[-1]].get("id") != stub.id:
            submission.note("its cell has lost its id and was found by what it says", stub.exercise)
        before = tried[-1] + 1  # with the lesson's own imports
        yield Task(stub, source(found[tried[-1]]), before)


def _places(stub: Stub, found: list[dict]) -> Iterator[int]:
    """Yield where an exercise is answered: the cells with its id or its check, else those that define it."""
    known = [i for i, cell in enumerate(found) if cell.get("id") == stub.id]
    known += [i for i, cell in enumerate(found) if stub.exercise in dict(CHECK.findall(source(cell)))]
    defines = re.compile(rf"^(def {re.escape(stub.answer)}\(|{re.escape(stub.answer)}\s*=)", re.MULTILINE)
    yield from sorted({*known}) or [i for i, cell in enumerate(found) if defines.search(source(cell))]


def _plain(text: str) -> str:
    """Return a cell's text without what cannot be seen."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
