"""Find submissions in a folder, read them without trusting them, and find the cells to run.

A submission is FOLDER/STUDENT/NN_slug.ipynb, at any depth below STUDENT, or FOLDER/STUDENT_NN_slug.ipynb;
`collect` finds the files, in archives too. Nothing here runs or even parses what a student has written; the
worker does, behind its limits.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from coursekit.grading import lms
from coursekit.grading.collect import LARGEST, Entry, File, Unreadable, collect, composed
from coursekit.lessons import Lesson, source, tags

CHECK = re.compile(r"^exercises\.(\w+)\.check\((.*)\)", re.MULTILINE)
MODULE = re.compile(r"\blesson_(\d\d)\b")
# what systems and programs add to the name of a file that is there already
COPIED = re.compile(r"^(Copy of |사본 )|( ?\(\d+\)|[-_ ]+Copy\d*|__\d{14}|의 사본|のコピー)+$", re.IGNORECASE)
NOBODY = lms.Who("")
__all__ = [
    "LARGEST",
    "File",
    "Stub",
    "Submission",
    "Task",
    "Unreadable",
    "cells",
    "exam_mark",
    "find",
    "stubs",
    "tasks",
]


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
    """What one student has handed in for one lesson, and what is odd about it.

    Args:
        student: the name of the student.
        lesson: None where nobody knows which it is.
        file: None where nothing was handed in.
        problem: why it cannot be graded; empty where it can.
        who: what the learning management system says of it.
        late: handed in after the time.
        variant: the number that the cases of its exam are drawn with; None for the course's own cases.
    """

    student: str
    lesson: Lesson | None
    file: File | None
    problem: str = ""
    notes: dict[str, list[str]] = field(default_factory=dict)
    who: lms.Who = NOBODY
    late: bool = False
    variant: int | None = None

    @property
    def name(self) -> str:
        """The name of its file; empty where there is none."""
        return self.file.name if self.file else ""

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


def find(
    folder: Path,
    lessons: list[Lesson],
    system: str = "",
    due: datetime | None = None,
    apart: tuple[Path, ...] = (),
) -> tuple[list[Submission], list[str]]:
    """Return all submissions in a folder, by student, and the names of the files that were passed over.

    A student without a notebook has a submission as well, which says why.

    Args:
        folder: with an entry for each student, or one zip archive of such a folder.
        lessons: of the course.
        system: the learning management system that named the entries: moodle, canvas, classroom or none.
        due: the time after which a file is late; None where only the system's own mark says so.
        apart: files in the folder that are not submissions.
    """
    collected = collect(folder, system, apart)
    students: dict[str, list[Entry]] = {}
    for entry in collected.entries:
        entry.who = _whose(entry, system, lessons)
        students.setdefault(entry.who.id or entry.who.name, []).append(entry)
    found = [one for entries in students.values() for one in _of_student(entries, lessons, due)]
    _say_who_shares_a_name(found)
    return found, collected.passed


def _whose(entry: Entry, system: str, lessons: list[Lesson]) -> lms.Who:
    """Return whose entry this is; a file outside of a folder has the name before or after the lesson's."""
    if not entry.flat or entry.who.id or entry.who.name != entry.name:
        return entry.who
    stem = (
        entry.name.partition(".")[0]
        if entry.problem
        else re.sub(r"\.(ipynb|zip)\b.*$", "", entry.name, flags=re.I)
    )
    lesson = _named(entry.name, lessons)
    place = _squeezed(stem).find(lesson.slug) if lesson else -1
    if lesson and place >= 0:
        before, after = stem[:place], stem[place + len(lesson.slug) :]
        parts = (COPIED.sub("", COPIED.sub("", part)).strip("_- ") for part in (before, after))
        name = next((part for part in parts if part), "")
    else:
        name = COPIED.sub("", stem).strip("_- ")
    return lms.Who(name or entry.name, entry=entry.name, title=entry.name)


@dataclass
class _Candidate:
    """One notebook of a student: its lesson, how much of it is answered, why it cannot be read."""

    file: File
    entry: Entry
    lesson: Lesson | None
    answered: int = 0
    problem: str = ""
    note: str = ""

    @property
    def rank(self) -> tuple:
        """By what files for one lesson are ordered: most answers, then the newest, then the shallowest."""
        readable = not self.problem
        return readable, self.answered, self.entry.who.attempt, self.file.modified, -self.file.depth

    def __str__(self) -> str:
        when = f", {datetime.fromtimestamp(self.file.modified):%Y-%m-%d %H:%M}" if self.file.modified else ""
        if self.problem or self.lesson is None:
            return f"{self.file.name} ({self.problem or 'no lesson'}{when})"
        return f"{self.file.name} ({self.answered} of {len(list(stubs(self.lesson)))} answered{when})"


def _of_student(entries: list[Entry], lessons: list[Lesson], due: datetime | None) -> list[Submission]:
    """Return one student's submissions: for each lesson the file with most answers, then the newest."""
    candidates = [_candidate(file, entry, lessons) for entry in entries for file in entry.files]
    if not candidates:
        why = next((one.problem for one in entries if one.problem), "there is no notebook in this folder")
        who = entries[0].who
        return [Submission(who.name, _named(entries[0].name, lessons), None, why, who=who, late=who.late)]
    groups: dict[str, list[_Candidate]] = {}
    for one in candidates:
        groups.setdefault(one.lesson.slug if one.lesson else one.file.name, []).append(one)
    found = []
    for _, group in sorted(groups.items()):
        best = max(group, key=lambda one: one.rank)
        late = best.entry.who.late or bool(due and best.file.modified > due.timestamp())
        made = Submission(
            best.entry.who.name, best.lesson, best.file, best.problem, who=best.entry.who, late=late
        )
        if len(group) > 1:
            others = "; ".join(str(other) for other in group if other is not best)
            made.note(f"{len(group)} files for this lesson: graded {best}, not {others}")
        elif best.lesson and not best.entry.flat and best.file.name != best.lesson.path.name:
            made.note(f"its name is {best.file.name}")
        if best.note:
            made.note(best.note)
        found.append(made)
    return found


def _candidate(file: File, entry: Entry, lessons: list[Lesson]) -> _Candidate:
    """Return what a notebook is, by its name and its cells; they count where the name says something else."""
    named = _named(file.name, lessons) or _named(entry.name, lessons)
    try:
        found = cells(file)
    except Unreadable as error:
        return _Candidate(file, entry, named, problem=str(error))
    inside = _recognised(found, lessons)
    lesson = inside or named
    note = ""
    if named and inside and named is not inside:
        note = f"its name says {named.slug}, its cells are of {inside.slug}"
    if lesson is None:
        return _Candidate(file, entry, None)
    answered = sum(bool(_tried(stub, found)) for stub in stubs(lesson))
    return _Candidate(file, entry, lesson, answered, note=note)


def _say_who_shares_a_name(found: list[Submission]) -> None:
    """Note on submissions of one name and several numbers that they are of several students."""
    numbers: dict[str, set[str]] = {}
    for one in found:
        numbers.setdefault(one.student, set()).add(one.who.id)
    for one in found:
        if len(numbers[one.student]) > 1:
            one.note(
                f"{len(numbers[one.student])} students are called {one.student}; this is number {one.who.id}"
            )


def _squeezed(name: str) -> str:
    """Return a name in small letters, with `_` for each space and `-`."""
    return re.sub(r"[\s-]", "_", unicodedata.normalize("NFKC", name)).casefold()


def _named(name: str, lessons: list[Lesson]) -> Lesson | None:
    """Return the lesson whose name is in the file's name."""
    return next((lesson for lesson in lessons if lesson.slug.casefold() in _squeezed(composed(name))), None)


def _recognised(found: list[dict], lessons: list[Lesson]) -> Lesson | None:
    """Return the lesson with most of whose exercises a notebook shares ids, checks and the import of them."""
    ids = {cell.get("id") for cell in found if isinstance(cell.get("id"), str)}
    text = "\n".join(map(source, found))
    checks, modules = {name for name, _ in CHECK.findall(text)}, {*MODULE.findall(text)}
    shared = {}
    for lesson in lessons:
        asked = list(stubs(lesson))
        points = sum(2 * (stub.id in ids) + (stub.exercise in checks) for stub in asked)
        shared[lesson.slug] = points and points + (lesson.number in modules)
    best = max(lessons, key=lambda lesson: shared[lesson.slug])
    return best if shared[best.slug] else None


def cells(file: File) -> list[dict]:
    """Return the code cells of a notebook; `Unreadable` if it is none. Unknown formats are read leniently."""
    return [cell for cell in _notebook(file)["cells"] if _is_code(cell)]


def exam_mark(file: File) -> object:
    """Return what a notebook's metadata say of an exam, which may be anything; None if nothing."""
    match _notebook(file):
        case {"metadata": {"convlab": {"exam": mark}}}:
            return mark
    return None


def _notebook(file: File) -> dict:
    """Return a notebook that has a list of cells."""
    content = file.content()
    if not content.strip():
        raise Unreadable("the file is empty")
    try:
        notebook = json.loads(_text(content))
    except RecursionError as error:
        raise Unreadable("its JSON is nested too deep") from error
    except ValueError as error:
        raise Unreadable(f"it is not a notebook: {error}") from error
    if isinstance(notebook, dict) and "worksheets" in notebook:
        notebook = notebook | {"cells": _of_worksheets(notebook["worksheets"])}
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Unreadable("it is not a notebook: it has no list of cells")
    return notebook


def _text(content: bytes) -> str:
    """Return a file's text: UTF-8, or UTF-16 as Windows PowerShell writes it, with or without a mark."""
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _of_worksheets(worksheets: object) -> list[dict]:
    """Return the cells of a notebook in the format of before 2015, code with `source` for `input`."""
    sheets = [one for one in worksheets if isinstance(one, dict)] if isinstance(worksheets, list) else []
    lists = [cells for sheet in sheets if isinstance(cells := sheet.get("cells"), list)]
    found = [cell for cells in lists for cell in cells if isinstance(cell, dict)]
    return [{**cell, "source": cell.get("input", cell.get("source"))} for cell in found]


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
        tried = _tried(stub, found)
        if not tried and not list(_places(stub, found)):
            submission.note("its cell is missing", stub.exercise)
        if not tried:
            continue
        if len(tried) > 1:
            submission.note(f"{len(tried)} cells answer it; the last one counts", stub.exercise)
        if found[tried[-1]].get("id") != stub.id:
            submission.note("its cell has lost its id and was found by what it says", stub.exercise)
        before = tried[-1] + 1  # with the lesson's own imports
        yield Task(stub, source(found[tried[-1]]), before)


def _tried(stub: Stub, found: list[dict]) -> list[int]:
    """Return where an exercise is answered by more than its stub."""
    untouched = "", _plain(stub.source)
    return [i for i in _places(stub, found) if _plain(source(found[i])) not in untouched]


def _places(stub: Stub, found: list[dict]) -> Iterator[int]:
    """Yield where an exercise is answered: the cells with its id or its check, else those that define it."""
    known = [i for i, cell in enumerate(found) if cell.get("id") == stub.id]
    known += [i for i, cell in enumerate(found) if stub.exercise in dict(CHECK.findall(source(cell)))]
    defines = re.compile(rf"^(def {re.escape(stub.answer)}\(|{re.escape(stub.answer)}\s*=)", re.MULTILINE)
    yield from sorted({*known}) or [i for i, cell in enumerate(found) if defines.search(source(cell))]


def _plain(text: str) -> str:
    """Return a cell's text without comments, empty lines, and what cannot be seen.

    A `#` in a text begins no comment, but this only compares a cell with its stub, where that is no matter.
    """
    lines = (line.partition("#")[0].rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)
