"""Words of the glossary, explained where a lesson of the book first uses them.

A word becomes a button that opens its note: HTML's popover, which needs no script and works by mouse, finger
and keyboard. The notes stand at the end of the page, so that a paragraph stays what its author wrote.
"""

import html
import re

from coursekit.lessons import Lesson

# what is no prose: code, formulas, headings, links, tables, directives, HTML
APART = re.compile(
    r"^(?:```|~~~).*?^(?:```|~~~)[^\S\n]*$|^(?:#{1,6} |\||:{3,}|:[\w-]+:).*?$|\$\$.*?\$\$|`[^`]*`|\$[^$\n]+\$"
    r"|!?\[[^\]]*\]\([^)]*\)|<!--.*?-->|<a\b.*?</a>|<[^>\n]+>|https?://\S+",
    re.MULTILINE | re.DOTALL,
)
# lessons in which a word means something else: a class of students, the score of a game, a login's token
OTHER_MEANING = {"class": ("00", "03"), "score": ("24", "25", "26"), "token": ("26",), "label": ("26",)}
IN_BRACKETS = re.compile(r"^(.*?) \((.*)\)$")


class Tooltips:
    """The words that one page explains: `marked` text by text, then `notes`.

    >>> tips = Tooltips([{"en": "stride", "ko": "…", "ja": "…", "meaning": "how far a filter moves"}])
    >>> tips.marked("A `stride`, a stride.").endswith('popovertarget="term-stride">stride</button>.')
    True
    >>> tips.notes().count("<div")
    1
    """

    def __init__(self, entries: list[dict]):
        self.words = {word: entry for entry in entries for word in spellings(entry["en"])}
        self.explained: dict[str, dict] = {}  # the entries of the page so far, by their name
        longest = sorted(self.words, key=len, reverse=True)
        listed = "|".join(map(re.escape, longest)) or r"(?!)"
        self.pattern = re.compile(rf"(?<![\w.-])({listed})(?:e?s)?(?![\w-])", re.IGNORECASE)

    def marked(self, markdown: str) -> str:
        """Return markdown in which the first use of each word, on this page, opens its note."""
        parts, end = [], 0
        for apart in APART.finditer(markdown):
            parts += [self.pattern.sub(self._button, markdown[end : apart.start()]), apart[0]]
            end = apart.end()
        return "".join([*parts, self.pattern.sub(self._button, markdown[end:])])

    def _button(self, match: re.Match) -> str:
        """Return the button for a word's first use, and every other use as it is."""
        entry = self.words.get(match[1]) or self.words[match[1].casefold()]
        if entry["en"] in self.explained:
            return match[0]
        self.explained[entry["en"]] = entry
        return f'<button type="button" class="term" popovertarget="{name(entry)}">{match[0]}</button>'

    def notes(self) -> str:
        """Return the notes of the words that were marked, as HTML in one line."""
        return "".join(map(_note, self.explained.values()))


def spellings(word: str) -> list[str]:
    """Return the ways to write a word of the glossary, in small letters.

    A name in brackets is another spelling. Other words in brackets tell meanings apart: none is explained.

    >>> spellings("class activation map (Grad-CAM)"), spellings("stride"), spellings("view (of an array)")
    (['class activation map', 'grad-cam'], ['stride'], [])
    """
    if not (found := IN_BRACKETS.match(word)):
        return [word.casefold()]
    return [] if found[2] == found[2].casefold() else [part.casefold() for part in found.groups()]


def anchor(word: str) -> str:
    """Return the place of a word on the page of the glossary.

    >>> anchor("k-nearest neighbours")
    'k-nearest-neighbours'
    """
    return re.sub(r"[^a-z0-9]+", "-", word.casefold()).strip("-")


def name(entry: dict) -> str:
    """Return the id of a word's note."""
    return f"term-{anchor(entry['en'])}"


def _note(entry: dict) -> str:
    """Return a word's note: meaning, names in Korean and Japanese, a link to the glossary."""
    en, ko, ja, meaning = (html.escape(str(entry.get(part, ""))) for part in ("en", "ko", "ja", "meaning"))
    return (
        f'<div class="term-note" id="{name(entry)}" popover><strong>{en}</strong>: {meaning}'
        f'<br><span lang="ko">{ko}</span> · <span lang="ja">{ja}</span>'
        f' · <a href="glossary.html#{anchor(entry["en"])}">glossary</a></div>'
    )


def known_in(lesson: Lesson, entries: list[dict], belongs: dict[str, Lesson | None]) -> list[dict]:
    """Return the words that a lesson may use: its own and those of earlier lessons.

    A later lesson's word may mean something else before it: the kernel of lesson 00 runs Python.

    Args:
        lesson: one of the course.
        entries: the glossary.
        belongs: the lesson that each word belongs to, by the word.
    """
    return [
        entry
        for entry in entries
        if (own := belongs[entry["en"]])
        and own.number <= lesson.number
        and lesson.number not in OTHER_MEANING.get(entry["en"], ())
    ]
