"""What marks are worth, by one file in TOML, and an assistant's corrections, by files in CSV.

    partial = true          # a share of the points by the cases that agree; otherwise all or nothing
    late = 0.8              # what a late submission keeps of its points

    [weights]               # of the lessons, in the total; 1 where nothing stands here
    "05" = 2

    [points."05"]           # of the exercises; 1 where nothing stands here
    conv_layer = 3

It is TOML because Python reads that itself (tomllib), and reads it as it is written: in YAML `no` is a truth
value, `1e3` a text and `05` may be a number.
"""

import csv
import io
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.grading.collect import composed
from coursekit.grading.submissions import stubs
from coursekit.grading.wording import decoded
from coursekit.lessons import CourseError, Lesson

COLUMNS = ("student", "lesson", "exercise", "points", "reason")


@dataclass(frozen=True)
class Scheme:
    """What marks are worth; `read` makes one from a file. Without a file each exercise is worth 1 point."""

    partial: bool = False
    late: float = 1.0
    weights: dict[str, float] = field(default_factory=dict)
    points: dict[str, dict[str, float]] = field(default_factory=dict)

    def possible(self, lesson: str, exercise: str) -> float:
        """Return the points for a right answer to an exercise of the lesson with this number."""
        return self.points.get(lesson, {}).get(exercise, 1.0)

    def weight(self, lesson: str) -> float:
        """Return the weight of the lesson with this number in the total."""
        return self.weights.get(lesson, 1.0)

    def earned(self, possible: float, right: bool, passed: int, cases: int) -> float:
        """Return the points for an answer that agrees on `passed` of `cases` cases.

        >>> Scheme(partial=True).earned(3, False, 4, 6), Scheme().earned(3, False, 4, 6)
        (2.0, 0.0)
        """
        if right:
            return possible
        return possible * passed / cases if self.partial and cases else 0.0


def read(path: Path | None, lessons: list[Lesson]) -> Scheme:
    """Return the scheme in a file; `CourseError` for unknown names, and for what is no number."""
    if path is None:
        return Scheme()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read as points: {error}") from error
    known = {lesson.number: {stub.exercise for stub in stubs(lesson)} for lesson in lessons}
    _only(path, data, {"partial", "late", "weights", "points"}, "the file")
    weights, points = data.get("weights", {}), data.get("points", {})
    _only(path, weights, {*known}, "[weights]")
    _only(path, points, {*known}, "[points]")
    for number, exercises in points.items():
        _only(path, exercises, known[number], f'[points."{number}"]')
    for name, value in _numbers({"late": data.get("late", 1.0), "weights": weights, "points": points}):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise CourseError(f"{path}: {name} is {value!r}; it must be a number from 0 up")
    if not isinstance(data.get("partial", False), bool):
        raise CourseError(f"{path}: partial is {data['partial']!r}; it must be true or false")
    return Scheme(data.get("partial", False), float(data.get("late", 1.0)), weights, points)


def _only(path: Path, given: object, known: set[str], where: str) -> None:
    """Raise `CourseError` where a table has a name that nothing is called."""
    if not isinstance(given, dict):
        raise CourseError(f"{path}: {where} must be a table")
    if unknown := sorted(given.keys() - known):
        raise CourseError(f"{path}: {where} has {', '.join(unknown)}; there are: {', '.join(sorted(known))}")


def _numbers(data: dict, above: str = "") -> Iterable[tuple[str, object]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


@dataclass(frozen=True)
class Correction:
    """A mark that a person has set: points, and why."""

    points: float
    reason: str


class Corrections:
    """What the files corrections*.csv in the folder of the results say; they are never written over."""

    def __init__(self, folder: Path) -> None:
        self.found: dict[tuple[str, str, str], Correction] = {}
        self.used: set[tuple[str, str, str]] = set()
        self.problems: list[str] = []
        for path in sorted(folder.glob("corrections*.csv")):
            self._read(path)

    def _read(self, path: Path) -> None:
        """Take the lines of one file; one that cannot be used is a problem, and not the end."""
        rows = csv.DictReader(io.StringIO(decoded(path.read_bytes())))
        if missing := {*COLUMNS[:4]} - {*(rows.fieldnames or [])}:
            self.problems.append(f"{path.name} has no column {', '.join(sorted(missing))}")
            return
        for number, row in enumerate(rows, start=2):
            text = (row["points"] or "").strip().replace(",", ".")
            if not text:
                continue
            key = _key(row["student"], row["lesson"], row["exercise"])
            try:
                points = float(text)
                if not math.isfinite(points):
                    raise ValueError
            except ValueError:
                self.problems.append(f"{path.name}, line {number}: {text!r} is no number of points")
                continue
            if key in self.found:
                self.problems.append(
                    f"{path.name}, line {number}: {' / '.join(key)} is corrected twice; this one counts"
                )
            self.found[key] = Correction(points, (row.get("reason") or "").strip())

    def of(self, names: Iterable[str], lesson: str, exercise: str) -> Correction | None:
        """Return the correction of an exercise for a student who is called one of `names`."""
        for name in names:
            key = _key(name, lesson, exercise)
            if key in self.found:
                self.used.add(key)
                return self.found[key]
        return None

    def unused(self) -> list[str]:
        """Return a sentence on each line that fits no mark."""
        return [
            f"corrections: nothing is called {' / '.join(key)}" for key in self.found if key not in self.used
        ]


def _key(student: str | None, lesson: str | None, exercise: str | None) -> tuple[str, str, str]:
    """Return by what a correction is found; a spreadsheet may have made 5 of 05, and put ' before a name."""
    number = (lesson or "").strip().partition("_")[0]
    number = f"{int(number):02}" if number.isdecimal() else number
    return composed((student or "").strip().removeprefix("'")), number, (exercise or "").strip()
