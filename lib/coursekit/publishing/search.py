"""What the book's search knows besides Sphinx's index: lesson numbers, words in three languages, the texts.

A page that was opened from a file may not read other pages, so the texts for excerpts lie in one script that
only the search page loads.
"""

import html
import json
import re

from coursekit.lessons import Lesson, source

# what markdown and HTML say beside the words: tags, links' targets, names of blocks, signs of emphasis
MARKUP = re.compile(
    r"<!--.*?-->|<[^>]+>|\]\([^)]*\)|^(`{3,}|:{3,}|\|[-:| ]+\|)[^\n]*$|[*`#|>[\]$\\]", re.M | re.S
)


def script(lessons: list[Lesson], entries: list[dict], pages: dict[str, str]) -> str:
    """Return the script that the search page loads.

    Args:
        lessons: of the book.
        entries: of the glossary.
        pages: {name: Markdown} of the pages beside the lessons.
    """
    numbers = {lesson.slug: lesson.number for lesson in lessons}
    texts = {lesson.slug: "\n".join(_words_of(lesson)) for lesson in lessons} | pages
    data = {
        "numbers": numbers,
        "words": synonyms(entries),
        "texts": {name: plain(text) for name, text in texts.items()},
    }
    return f"window.courseSearch = {json.dumps(data, ensure_ascii=False)};\n"


def _words_of(lesson: Lesson) -> list[str]:
    return [source(cell) for cell in lesson.cells if cell["cell_type"] == "markdown"]


def synonyms(entries: list[dict]) -> dict[str, list[str]]:
    """Return for each word of the glossary, in any language, the others that mean the same.

    >>> synonyms([{"en": "Stride", "ko": "스트라이드", "ja": "ストライド", "also": "보폭"}])["보폭"]
    ['stride', '스트라이드', 'ストライド']
    """
    found: dict[str, list[str]] = {}
    for entry in entries:
        also = str(entry.get("also", "")).split(",")
        names = [str(one).strip().casefold() for one in (entry["en"], entry["ko"], entry["ja"], *also)]
        names = [*dict.fromkeys(filter(None, names))]
        for name in names:
            found.setdefault(name, []).extend(one for one in names if one != name)
    return found


def plain(markdown: str) -> str:
    """Return the words of Markdown, on one line.

    >>> plain("## The *stride*\\n\\nSee [there](x.md#y) `s = 2`<br>")
    'The stride See there s = 2'
    """
    return " ".join(html.unescape(MARKUP.sub(" ", markdown)).split())
