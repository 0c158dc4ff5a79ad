"""What the instructor guide says of the lessons, made from them: plans by their minutes, named mistakes."""

import re
import textwrap
from pathlib import Path

from coursekit.course import Course
from coursekit.lessons import CourseError, Lesson

WEEKS = 14  # of a semester
WIDTH = 100  # columns of a line of prose
SHOWN = 0.2  # of its minutes a lesson takes that is shown in slides, without its exercises
# sessions of a plan: lessons to do and lessons only to show; 10, 14 and 16 are for those who go on at home
DAY = {"before noon": ("00 01 05", "02 03 04"), "after noon": ("09 15", "06 07 08 11 12 13")}
EVENINGS = {"first": ("00 01 03", "02 04"), "second": ("05 06", "07 08"), "third": ("09 15", "11 12 13")}
Sessions = list[tuple[str, list[tuple[Lesson, bool]]]]  # of each session its name, its lessons, which to do


def with_tables(text: str, lessons: list[Lesson], root: Path) -> str:
    """Return the guide with each table between its two marks."""
    for name, made in tables(lessons, root).items():
        marked = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
        if not marked.search(text):
            raise CourseError(f"the instructor guide has no place for {name}: <!-- {name} --> and its end")
        before, after = marked.split(text, maxsplit=1)
        text = f"{before}\n{made}\n{after}"
    return text


def tables(lessons: list[Lesson], root: Path) -> dict[str, str]:
    """Return the guide's tables by name: plans for a day, three evenings and a semester, and the mistakes."""
    return {
        "day": _plan("half", sessions(DAY, lessons)),
        "evenings": _plan("evening", sessions(EVENINGS, lessons)),
        "semester": _plan("week", semester(lessons)),
        "mistakes": mistakes_list(lessons, root),
    }


def minutes(lesson: Lesson, done: bool) -> int:
    """Return what a lesson takes in class: all its minutes, or a fifth, in fives, if it is only shown."""
    whole = int(lesson.header.get("minutes", 0))
    return whole if done else max(5, 5 * round(whole * SHOWN / 5))


def sessions(plan: dict[str, tuple[str, str]], lessons: list[Lesson]) -> Sessions:
    """Return the lessons of each session of a plan; those that are not written yet are left out."""
    return [
        (name, [(one, one.number in do.split()) for one in lessons if one.number in f"{do} {show}".split()])
        for name, (do, show) in plan.items()
    ]


def semester(lessons: list[Lesson], weeks: int = WEEKS) -> Sessions:
    """Return all lessons, in order, over at most `weeks` weeks, whose longest is as short as it can be."""
    whole = [minutes(lesson, True) for lesson in lessons]
    for longest in range(max(whole, default=0), sum(whole) + 1):
        groups: list[list[Lesson]] = []
        for lesson in lessons:
            taken = sum(minutes(one, True) for one in groups[-1]) if groups else longest
            if taken + minutes(lesson, True) > longest:
                groups.append([])
            groups[-1].append(lesson)
        if len(groups) <= weeks:
            return [(str(n), [(one, True) for one in group]) for n, group in enumerate(groups, start=1)]
    return []


def _plan(head: str, plan: Sessions) -> str:
    """Return a table of sessions: which lessons, how many minutes."""
    rows = [
        f"| {name} | {', '.join(_named(*one) for one in members)} | {sum(minutes(*one) for one in members)} |"
        for name, members in plan
    ]
    return "\n".join([f"| {head} | lessons | minutes |", "|---|---|--:|", *rows, ""])


def _named(lesson: Lesson, done: bool) -> str:
    title = f"{lesson.number} {lesson.header.get('title', lesson.slug)}"
    return title if done else f"*{title}*"


def mistakes_list(lessons: list[Lesson], root: Path) -> str:
    """Return for each lesson its exercises, with the mistakes that they know by name."""
    return "\n".join(filter(None, (_of_lesson(lesson, root) for lesson in lessons)))


def _of_lesson(lesson: Lesson, root: Path) -> str:
    items = []
    for exercise in Course(root).exercises(lesson.number):
        names = "; ".join(mistake.name for mistake in exercise.mistakes)
        items.append(_item(f"`{exercise.name}`: {' '.join(exercise.question.split())} *{names}*"))
    title = lesson.header.get("title", lesson.slug)
    return f"**{lesson.number} {title}**\n\n{''.join(items)}" if items else ""


def _item(text: str) -> str:
    """Return an item of a list in short lines, none of which begins as another list would: with `+` or 1."""
    held = re.sub(r"`[^`]*`| (?=([-+*]|\d+[.)]) )", lambda found: found[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        held,
        WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\0", " ") + "\n"
