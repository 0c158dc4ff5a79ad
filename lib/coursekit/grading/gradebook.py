"""The results of grading: a table for the terminal, two CSVs, an index, and a page for each submission.

grades.csv has a line for each exercise of each submission, students.csv one for each student. Both begin
with a byte order mark, without which Excel takes Korean and Japanese names apart. corrections*.csv in the
same folder belong to whoever corrects: they are read, and made once where assistants share the pages.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from convlab.files import write_text
from coursekit.grading import pages, points
from coursekit.grading.wording import (
    BYTE_ORDER_MARK,
    LONGEST_NAME,
    by_lesson,
    clean,
    notes,
    number,
    shares,
    short,
)
from coursekit.lessons import CourseError

if TYPE_CHECKING:
    from coursekit.grading.grade import Graded

COLUMNS = (
    *("student", "lesson", "exercise", "status", "mistake", "note", "number", "points", "possible"),
    *("passed", "cases", "corrected", "private"),
)
LONGEST_NOTE = 60


def prepare(output: Path) -> None:
    """Make the folder for the results; `CourseError`, before hours of work, where it cannot be written."""
    places = [output / name for name in ("grades.csv", "students.csv", "index.html")]
    try:
        for place in (output, output / "pages"):
            place.mkdir(parents=True, exist_ok=True)
            trial = place / ".trial"
            trial.write_bytes(b"x")
            trial.unlink()
    except OSError as error:
        raise CourseError(f"the results cannot be written to {output}: {error.strerror}") from error
    if folders := [place.name for place in places if place.is_dir()]:
        raise CourseError(
            f"in {output} a folder is called {', '.join(folders)}: rename it, or choose another --output"
        )


def table(graded: list["Graded"]) -> str:
    """Return all results as text: for each lesson a line per student."""
    return "\n".join(_lesson_table(*part) for part in by_lesson(graded))


def _lesson_table(name: str, members: list["Graded"]) -> str:
    """Return the table of one lesson."""
    names = [mark.exercise for mark in members[0].marks]
    rows = []
    for one in members:
        cells = [clean(one.submission.student, LONGEST_NAME), *(short(mark) for mark in one.marks)]
        rows.append((*cells, number(one.points) if one.marks else "", clean(notes(one), LONGEST_NOTE)))
    head = ("student", *names, "points", "note")
    return f"{name}\n{tabulate(rows, head, tablefmt='simple', disable_numparse=True)}\n"


def remarks(graded: list["Graded"]) -> list[str]:
    """Return in full what the table had to cut: a line for each submission with longer notes."""
    cut = [one for one in graded if len(notes(one)) > LONGEST_NOTE]
    return [f"{clean(one.submission.student, LONGEST_NAME)}: {clean(notes(one), 2_000)}" for one in cut]


def passed_over(names: Sequence[str]) -> list[str]:
    """Return a line with the files that are no submissions."""
    if not names:
        return []
    shown = [clean(name, 100) for name in names[:20]] + [f"and {len(names) - 20} more"] * (len(names) > 20)
    files = "1 file was" if len(names) == 1 else f"{len(names)} files were"
    return [f"{files} not graded: {', '.join(shown)}."]


def write(graded: list["Graded"], output: Path, scheme: points.Scheme, assistants: int = 0) -> None:
    """Write CSVs, index and pages into `output`; pages of an earlier grading go, all else stays.

    Args:
        graded: all submissions.
        output: the folder of the results.
        scheme: which has the weights of the lessons.
        assistants: how many share the pages; each gets a list and a file for corrections.
    """
    write_text(output / "grades.csv", BYTE_ORDER_MARK + _grades(graded))
    write_text(output / "students.csv", BYTE_ORDER_MARK + _students(graded, scheme))
    pages.write(graded, output, assistants)
    for i, part in enumerate(shares(graded, assistants), start=1):
        path = output / f"corrections-{i}.csv"
        if not path.exists():  # it is the assistant's from then on
            write_text(path, BYTE_ORDER_MARK + _form(part))


def _rows(lines: Iterable[Iterable[str]]) -> str:
    """Return lines as CSV in which no cell is a formula."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(
        [as_text(clean(cell, 1_000)) for cell in line] for line in lines
    )
    return stream.getvalue()


def as_text(cell: str) -> str:
    """Return a cell that a spreadsheet takes for text, not for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@") else cell


def identified(one: "Graded") -> str:
    """Return the student's number: the roster's, else the learning management system's."""
    return (one.person.ids[0] if one.person and one.person.ids else "") or one.submission.who.id


def _grades(graded: list["Graded"]) -> str:
    """Return a line for each exercise; one for a submission that has none. Its notes stand in the first."""
    lines: list[Sequence[str]] = [COLUMNS]
    for one in graded:
        lesson = one.submission.lesson.slug if one.submission.lesson else ""
        first = "; ".join(one.notes)
        if not one.marks:
            lines.append(
                (one.submission.student, lesson, "", "not graded", "", first, identified(one), *[""] * 6)
            )
        for mark in one.marks:
            said = "; ".join(filter(None, (first, *mark.notes)))
            worth = number(mark.points), number(mark.possible), str(mark.passed), str(mark.cases)
            about = one.submission.student, lesson, mark.exercise, mark.status, mark.mistake, said
            lines.append((*about, identified(one), *worth, mark.correction, "; ".join(mark.private)))
            first = ""
    return _rows(lines)


def _students(graded: list["Graded"], scheme: points.Scheme) -> str:
    """Return a line for each student: points of each exercise and lesson, the weighted total in percent."""
    lessons = [(name, members[0]) for name, members in by_lesson(graded) if members[0].marks]
    head = ["number", "student"]
    for name, one in lessons:
        head += [
            *(f"{name[:2]} {mark.exercise}" for mark in one.marks),
            f"{name[:2]} points",
            f"{name[:2]} of",
        ]
    lines: list[Sequence[str]] = [(*head, "percent", "note")]
    students: dict[tuple, list[Graded]] = {}
    for one in graded:
        students.setdefault((one.person or (one.submission.who.id, one.submission.student),), []).append(one)
    whole = sum(scheme.weight(name[:2]) for name, _ in lessons)
    for members in students.values():
        line = [identified(members[0]), members[0].submission.student]
        total = 0.0
        for name, example in lessons:
            mine = next(
                (one for one in members if one.submission.lesson and one.submission.lesson.slug == name), None
            )
            if mine is None:
                line += [""] * (len(example.marks) + 2)
                continue
            line += [number(mark.points) for mark in mine.marks]
            line += [number(mine.points), number(mine.possible)]
            total += scheme.weight(name[:2]) * (mine.points / mine.possible if mine.possible else 0)
        percent = number(100 * total / whole) if whole else ""
        lines.append((*line, percent, "; ".join(filter(None, map(notes, members)))))
    return _rows(lines)


def _form(part: list["Graded"]) -> str:
    """Return a file for corrections: a line for each mark that is not right, its points left empty."""
    lines: list[Sequence[str]] = [points.COLUMNS]
    for one in part:
        lesson = one.submission.lesson.slug if one.submission.lesson else ""
        name = identified(one) or one.submission.student
        lines += [(name, lesson, mark.exercise, "", "") for mark in one.marks if mark.status != "right"]
    return _rows(lines)
