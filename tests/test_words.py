"""No private word of the list in CONTRIBUTING.md is in code, pages or lessons."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from coursekit.lessons import ROOT, find, source

# the column "not" of the list, without the words that have a usual meaning (eye, floor, keep, room, said)
PRIVATE = re.compile(
    r"(?i)(?<![a-z])(blam(e[ds]?|ing)|nudg(e[ds]?|ing)|stencils?|ways?[ _]out|mend(s|ed|ing)?|deaf|told"
    r"|lack(s|ed|ing)?|walls|warden|what luck gets)(?![a-z])"
)
PAGES = ("README.md", "CONTRIBUTING.md", "Makefile", ".github", "data/README.md", "docs")
CODE = ("lib", "tests", "web")
TEXT = {".md", ".yaml", ".yml", ".py", ".css", ".js", ".html", ""}


def files() -> Iterator[Path]:
    """Yield the text files of the project, without this one and without the lessons."""
    for place in map(ROOT.joinpath, PAGES + CODE):
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and path.suffix in TEXT and path != Path(__file__).resolve():
                yield path


def private_words(text: str) -> list[str]:
    """Return the lines with a private word; those of the word list itself may have one."""
    lines = [line for line in text.splitlines() if not line.startswith("| ")]
    return [line.strip() for line in lines if PRIVATE.search(line)]


def test_fault_a_private_word_is_found():
    listed = "| gradient | blame | what it means |\n"
    text = "The nudged loss.\nfound_way_out(3)\nDoes `told_of` blame it?\ngolden, swallows, the wall"
    assert private_words(listed + text) == [
        "The nudged loss.",
        "found_way_out(3)",
        "Does `told_of` blame it?",
    ]


def test_no_page_and_no_code_has_a_private_word():
    found = {}
    for path in files():
        if lines := private_words(path.read_text(encoding="utf-8")):
            found[path.relative_to(ROOT).as_posix()] = lines
    assert found == {}


@pytest.mark.parametrize("lesson", find(ROOT), ids=lambda lesson: lesson.slug)
def test_no_lesson_has_a_private_word(lesson):
    alt = [cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "") for cell in lesson.cells]
    assert private_words("\n".join([*map(source, lesson.cells), *alt])) == []
