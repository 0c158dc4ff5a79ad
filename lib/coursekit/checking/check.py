"""Check all lessons against the rules of form, without running them."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from coursekit.checking.rules import RULES
from coursekit.course import Course
from coursekit.lessons import ROOT, CourseError, Lesson, select
from coursekit.publishing import map as course_map


class Finding(NamedTuple):
    """Something that breaks a rule: which rule, where, what, and what to do."""

    rule: str
    path: Path
    cell: str
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.path.name}, cell {self.cell}," if self.cell else f"{self.path.name}"
        return f"{place} {self.what}. {self.remedy[:1].upper()}{self.remedy[1:]}. ({self.rule})"


def main(argv: list[str]) -> int:
    """Print what breaks a rule and return 1, or one line and 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit check", description=__doc__)
    parser.add_argument(
        "lessons", nargs="*", help="numbers or names; all, and the course as a whole, by default"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    options = parser.parse_args(argv)
    course = Course(options.root.resolve())
    chosen = select(course.lessons, options.lessons)
    found = [one for lesson in chosen for one in findings(lesson, course)]
    found += [] if options.lessons else list(course_findings(course))
    print("\n".join(map(str, found)) or f"{len(chosen)} lessons keep the {len(RULES)} rules of form")
    return int(bool(found))


def findings(lesson: Lesson, course: Course) -> list[Finding]:
    """Return all that breaks a rule in one lesson; only that it cannot be read, if so."""
    return _broken(RULES[:1], lesson, course) or _broken(RULES[1:], lesson, course)


def _broken(rules: tuple, lesson: Lesson, course: Course) -> list[Finding]:
    """Return all that breaks one of these rules in one lesson."""
    return [
        Finding(rule.__name__, lesson.path, (cell or {}).get("id", ""), what, remedy)
        for rule in rules
        for cell, what, remedy in rule(lesson, course)
    ]


def course_findings(course: Course) -> Iterator[Finding]:
    """Yield what is wrong between the lessons and the files that name them."""
    yield from _names(course, "notebooks/profiles.yaml", course.profiles)
    yield from _names(course, "tests/compared_cells.json", course.compared)
    try:
        stale = course_map.stale(course.root)
    except CourseError as error:
        what = f"or another page cannot show its map: {error}"
        yield Finding("map", course.root / "README.md", "", what, "add them")
        return
    for path in stale:
        yield Finding("map", path, "", "has a map that is not current", "run `python -m coursekit map`")


def _names(course: Course, path: str, names: dict) -> Iterator[Finding]:
    """Yield what a file names and is not a lesson."""
    for slug in sorted({*names} - {lesson.slug for lesson in course.lessons}):
        what = f"names {slug}, which is not a lesson"
        yield Finding("names", course.root / path, "", what, "correct the name")
