"""The map of lessons, made from their metadata: in README.md, in lesson 00, and as plans in the guide."""

import argparse
import itertools
import json
import os
import re
from pathlib import Path

from convlab.datasets.published import PUBLISHED
from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError, Lesson, find, source
from coursekit.publishing import guide

MARKED = re.compile(r"(?<=<!-- map -->\n).*?(?=<!-- /map -->)", re.DOTALL)
START = "00_start_here"


def main(argv: list[str]) -> int:
    """Write the map into README.md, lesson 00 and the guide, and return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit map", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    names = ", ".join(path.name for path in update(parser.parse_args(argv).root.resolve()))
    print(f"wrote the map into {names}" if names else "the map is current")
    return 0


def update(root: Path) -> list[Path]:
    """Write the map where it is not current, and return those files."""
    texts = stale(root)
    for path, text in texts.items():
        write_text(path, text)
    return [*texts]


def stale(root: Path) -> dict[Path, str]:
    """Return the files whose map differs from what the lessons say, and what they should say."""
    wanted = wanted_texts(root)
    return {path: text for path, text in wanted.items() if path.read_text(encoding="utf-8") != text}


def wanted_texts(root: Path) -> dict[Path, str]:
    """Return what README.md, lesson 00 and the instructor guide should say, their tables made anew."""
    lessons = find(root)
    readme, start = root / "README.md", root / "notebooks" / f"{START}.ipynb"
    wanted = {}
    if readme.exists():
        wanted[readme] = with_map(readme.name, readme.read_text(encoding="utf-8"), lessons, root)
    if start.exists():
        wanted[start] = _notebook_with_map(Lesson(start), lessons)
    manual = root / "docs" / "instructor_guide.md"
    if manual.exists():
        wanted[manual] = guide.with_tables(manual.read_text(encoding="utf-8"), lessons, root)
    return wanted


def _notebook_with_map(start: Lesson, lessons: list[Lesson]) -> str:
    """Return lesson 00 as JSON, byte for byte as it was if its map is current."""
    cell = next((cell for cell in start.cells if cell.get("id") == "map"), None)
    if cell is None:
        raise CourseError(f"{start.path.name} has no markdown cell with the id `map`")
    old = source(cell)
    new = with_map(f"the cell `map` of {start.path.name}", old, lessons, start.path.parent)
    if new == old:
        return start.path.read_text(encoding="utf-8")
    cells = [
        one if one is not cell else cell | {"source": new.splitlines(keepends=True)} for one in start.cells
    ]
    return json.dumps(start.notebook | {"cells": cells}, indent=1, ensure_ascii=False) + "\n"


def with_map(name: str, text: str, lessons: list[Lesson], place: Path) -> str:
    """Return `text` with the map between its two marks; links are relative to the folder `place`."""
    if not MARKED.search(text):
        raise CourseError(f"{name} has no place for the map: two lines, <!-- map --> and <!-- /map -->")
    return MARKED.sub(lambda _: table(lessons, place), text)


def table(lessons: list[Lesson], place: Path) -> str:
    """Return the map as markdown: for each part of the course its name and a table of its lessons."""
    parts = itertools.groupby(lessons, key=lambda lesson: lesson.header.get("part", ""))
    return "\n" + "\n".join(_part(name, list(members), place) for name, members in parts) + "\n"


def _part(name: str, lessons: list[Lesson], place: Path) -> str:
    """Return the heading and the table of one part."""
    head = "| lesson | question | minutes | needs | after |\n|---|---|--:|---|---|\n"
    return f"**Part {name}**\n\n{head}" + "".join(_row(lesson, place) for lesson in lessons)


def _row(lesson: Lesson, place: Path) -> str:
    """Return one lesson's row."""
    header = lesson.header
    link = Path(os.path.relpath(lesson.path, place)).as_posix()
    needs = [PUBLISHED[name].title if name in PUBLISHED else name for name in header.get("data", [])]
    needs += ["TensorFlow"] if header.get("tensorflow") else []
    after = ", ".join(slug[:2] for slug in header.get("prerequisites", []))
    cells = [
        f"[{lesson.number} {header.get('title', lesson.slug)}]({link})",
        header.get("question", ""),
        str(header.get("minutes", "")),
        ", ".join(needs) or "nothing",
        after or "nothing",
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"
