"""How results are said: marks, notes and points in few words, in order, and safe to print."""

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursekit.grading.grade import Graded, Mark

SHORT = {"not attempted": "–"}
LONGEST_NAME, LONGEST_MISTAKE = 32, 32
BYTE_ORDER_MARK = "\ufeff"


def by_lesson(graded: list["Graded"]) -> list[tuple[str, list["Graded"]]]:
    """Return (lesson, its submissions), those of no lesson last."""

    def slug(one: "Graded") -> str:
        return one.submission.lesson.slug if one.submission.lesson else "~"

    groups = itertools.groupby(sorted(graded, key=slug), key=slug)
    return [("no lesson" if name == "~" else name, list(members)) for name, members in groups]


def notes(one: "Graded", private: bool = True) -> str:
    """Return all notes on a submission, those on an exercise with its name."""
    said = [*one.notes]
    for mark in one.marks:
        said += [f"{mark.exercise}: {note}" for note in (*mark.notes, *(mark.private if private else ()))]
        said += [f"{mark.exercise}: corrected to {number(mark.points)}"] if mark.correction else []
    return "; ".join(said)


def number(value: float) -> str:
    """Return points as one writes them: 2, 1.5, 0.67."""
    return f"{round(value, 2):g}"


def short(mark: "Mark") -> str:
    """Return a mark in few words."""
    if mark.status == "wrong" and mark.mistake:
        return clean(f"wrong: {mark.mistake}", LONGEST_MISTAKE)
    return SHORT.get(mark.status, mark.status)


def clean(text: str, longest: int) -> str:
    """Return text in one line that no terminal obeys."""
    text = "".join(one if one.isprintable() else "�" for one in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def shares(graded: list["Graded"], assistants: int) -> list[list["Graded"]]:
    """Return the submissions of each assistant: whole students, as many for each as can be."""
    students = list(dict.fromkeys(one.submission.student for one in graded))
    share = {name: i * assistants // len(students) for i, name in enumerate(students)}
    return [[one for one in graded if share[one.submission.student] == i] for i in range(assistants)]


def decoded(data: bytes) -> str:
    """Return the text of a CSV that a spreadsheet has written: UTF-8, UTF-16, or the Korean or Japanese page.

    >>> decoded("이름".encode("cp949")), decoded("\\ufeff이름".encode())
    ('이름', '이름')
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    for encoding in ("utf-8-sig", "cp949", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeError:
            continue
    return data.decode("latin-1")
