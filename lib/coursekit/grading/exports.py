"""What learning management systems take back: a filled worksheet for each lesson, and one zip of feedback.

Moodle imports a grading worksheet by its columns Identifier, Grade and Last modified (grade), and matches
feedback files by NAME_NUMBER_assignsubmission_file before their names. Canvas imports its own gradebook, with
the row Points Possible, and matches feedback files by the two numbers in the name of the file handed in.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from convlab.files import write_text, write_whole
from coursekit.grading import pages
from coursekit.grading.lms import Who
from coursekit.grading.wording import decoded
from coursekit.lessons import CourseError, Lesson

MOODLE_COLUMNS = (
    *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"),
    *("Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"),
)
CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "    Points Possible"


def write(graded: list, output: Path, system: str, worksheet: Path | None, column: str = "") -> list[Path]:
    """Write what the system takes back into `output`, grades and feedback.zip; return the paths.

    A submission of which an exercise could not be graded, and was not corrected, gets no grade: it is left to
    a person.

    Args:
        graded: the `Graded` of all submissions.
        output: the folder of the results.
        system: one of SYSTEMS; Classroom takes no file of grades.
        worksheet: what the system exported, which is filled in; None makes one of the submissions alone.
        column: the title of Canvas's column, where it does not name the lesson.
    """
    lessons = {one.submission.lesson.slug: one.submission.lesson for one in graded if one.submission.lesson}
    paths = []
    for slug, lesson in sorted(lessons.items()):
        mine = [one for one in graded if one.submission.lesson is lesson]
        grades = {one.submission.who.id: share(one) for one in mine if one.submission.who.id}
        if system in FILLED:
            rows = _read(worksheet) if worksheet else EMPTY[system](mine, lesson)
            filled = FILLED[system](
                rows, grades, lesson, column, {one.submission.who.id: said(one) for one in mine}
            )
            paths.append(output / f"{system}-{slug}.csv")
            write_text(paths[-1], filled.text())
    paths.append(output / "feedback.zip")
    write_whole(paths[-1], lambda file: _feedback(file, graded, system))
    return paths


def share(one) -> float | None:
    """Return which share of its points a submission has earned; None where a person must look at it."""
    open_ = [
        mark for mark in one.marks if mark.status in ("not graded", "missing module") and not mark.correction
    ]
    return None if open_ or not one.possible else one.points / one.possible


def said(one) -> str:
    """Return a submission's marks in one line."""
    marks = ", ".join(f"{mark.exercise} {mark.status}" for mark in one.marks)
    return f"{marks}. The page in the feedback files says more." if marks else ""


@dataclass
class Sheet:
    """A CSV as it was read: its rows, its delimiter, and whether a byte order mark stood before it."""

    rows: list[list[str]]
    delimiter: str = ","
    marked: bool = False

    def text(self) -> str:
        """Return it as CSV."""
        stream = io.StringIO()
        csv.writer(stream, delimiter=self.delimiter, lineterminator="\n").writerows(self.rows)
        return "\ufeff" * self.marked + stream.getvalue()


def _read(path: Path) -> Sheet:
    """Return the worksheet that a system has exported; `CourseError` where there is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CourseError(f"the worksheet {path} cannot be read: {error.strerror}") from error
    text = decoded(data)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    if len(rows) < 2:
        raise CourseError(f"the worksheet {path} has no line for a student")
    return Sheet(rows, delimiter, data.startswith(b"\xef\xbb\xbf"))


def _empty_moodle(graded: list, lesson: Lesson) -> Sheet:
    """Return a worksheet with a line for each student who has handed in."""
    lines = {one.submission.who.id: one.submission.student for one in graded if one.submission.who.id}
    rows = [
        [f"Participant {number}", name, "", "", "", "100.00", "Yes", "-", "-", ""]
        for number, name in lines.items()
    ]
    return Sheet([[*MOODLE_COLUMNS], *rows])


def _fill_moodle(sheet: Sheet, grades: dict, lesson: Lesson, column: str, comments: dict) -> Sheet:
    """Return Moodle's worksheet with the grades in it; its other columns stay as they are."""
    titles = [title.strip().casefold() for title in sheet.rows[0]]
    grade = _column(
        titles, {"grade", "성적", "점수", "評点", "成績", column.casefold()} - {""}, sheet.rows[0]
    )
    most, comment, open_ = (
        next((i for i, title in enumerate(titles) if title in known), None)
        for known in (
            {"maximum grade", "최대 성적", "최고 성적", "最大評点"},
            {"feedback comments", "피드백 댓글", "피드백 코멘트", "フィードバックコメント"},
            {"grade can be changed", "성적 변경 가능", "評点の変更可能"},
        )
    )
    for row in sheet.rows[1:]:
        number = re.search(r"(\d+)\s*$", row[0]) if row else None
        if (
            not number
            or grades.get(number[1]) is None
            or (open_ is not None and row[open_].strip() in ("No", "아니오"))
        ):
            continue
        highest = _amount(row[most]) if most is not None else None
        row[grade] = f"{grades[number[1]] * (100 if highest is None else highest):.2f}"
        if comment is not None and not row[comment].strip():
            row[comment] = comments.get(number[1], "")
    return sheet


def _empty_canvas(graded: list, lesson: Lesson) -> Sheet:
    """Return a gradebook with a line for each student who has handed in; Canvas asks about new columns."""
    lines = {one.submission.who.id: one.submission.student for one in graded if one.submission.who.id}
    possible = f"{max(one.possible for one in graded):.2f}"
    rows = [[name, number, "", "", "", ""] for number, name in lines.items()]
    return Sheet([[*CANVAS_COLUMNS, lesson.slug], [POINTS_POSSIBLE, "", "", "", "", possible], *rows])


def _fill_canvas(sheet: Sheet, grades: dict, lesson: Lesson, column: str, comments: dict) -> Sheet:
    """Return Canvas's gradebook with the grades in the lesson's column; all else stays as it is."""
    head = sheet.rows[0]
    if "ID" not in head:
        raise CourseError(f"this is no gradebook of Canvas: it has no column ID, but {', '.join(head)}")
    place = _canvas_column(head, lesson, column)
    points = next((row for row in sheet.rows if row and row[0].strip().startswith("Points Possible")), None)
    highest = _amount(points[place]) if points else None
    for row in sheet.rows[1:]:
        share = grades.get(row[head.index("ID")].strip()) if len(row) > place else None
        if share is not None:
            row[place] = f"{share * (100 if highest is None else highest):.2f}"
    return sheet


def _canvas_column(head: list[str], lesson: Lesson, column: str) -> int:
    """Return the place of a lesson's column: by the title that was asked for, or that names the lesson."""
    titles = [re.sub(r" \(\d+\)$", "", title) for title in head]
    if column:
        wanted = [i for i, title in enumerate(titles) if column in (title, head[i])]
    else:
        names = (lesson.slug.casefold(), str(lesson.header.get("title", lesson.slug)).casefold())
        wanted = [i for i, title in enumerate(titles) if any(name in _plain(title) for name in (*names,))]
        wanted = wanted or [i for i, title in enumerate(titles) if re.match(rf"\D*{lesson.number}\b", title)]
    if len(wanted) != 1:
        raise CourseError(
            f"which column of the gradebook is lesson {lesson.slug}? Say it with COLUMN (--column); "
            f"there are: {', '.join(titles)}"
        )
    return wanted[0]


def _plain(title: str) -> str:
    return re.sub(r"[\s-]", "_", title.casefold()) + " " + title.casefold()


def _column(titles: list[str], known: set[str], shown: list[str]) -> int:
    """Return the place of a column; `CourseError` where there is none of its names."""
    for i, title in enumerate(titles):
        if title in known:
            return i
    raise CourseError(
        f"the worksheet has no column Grade; say with COLUMN (--column) which: {', '.join(shown)}"
    )


def _amount(text: str) -> float | None:
    """Return a number as a worksheet writes it; None where it writes none."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def feedback_name(entry: Who, page: str, system: str) -> str:
    """Return the name under which a system finds whose feedback a file is.

    >>> from coursekit.grading.lms import who
    >>> feedback_name(who("Kim_44_assignsubmission_file_", "moodle"), "05.html", "moodle")
    'Kim_44_assignsubmission_file_/05.html'
    """
    if system == "moodle":
        start = entry.entry[: len(entry.entry) - len(entry.title)].rstrip("_")
        return f"{start}_/{page}"
    stem = re.sub(r"\.\w+$", "", entry.entry)
    return f"{stem}.html" if system == "canvas" else f"{entry.name} - {page}"


def _feedback(file: BinaryIO, graded: list, system: str) -> None:
    """Write the pages of all students into one archive, by the names that the system matches."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in graded:
            entry = one.submission.who
            if (entry.id or system == "classroom") and entry.entry:
                number = one.submission.lesson.slug if one.submission.lesson else "feedback"
                archive.writestr(feedback_name(entry, f"feedback-{number}.html", system), pages.page(one))


EMPTY: dict[str, Callable[[list, Lesson], Sheet]] = {"moodle": _empty_moodle, "canvas": _empty_canvas}
FILLED: dict[str, Callable[..., Sheet]] = {"moodle": _fill_moodle, "canvas": _fill_canvas}
