"""Write the course's words, questions and named mistakes as a deck of cards for Anki: `make cards`.

A card has the same identity each time: who imports a newer deck gets its corrections, and keeps the progress.
"""

import argparse
import html
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from convlab.exercises import bank, catalogue
from convlab.exercises.display import as_html
from convlab.files import write_whole
from coursekit.lessons import ROOT, CourseError

NAME = "Convolutional networks"
MODEL, FIRST_DECK = 1_607_392_316, 2_059_400_110  # Anki knows a kind of card and a deck by such a number
STYLE = """.card { font: 20px/1.4 system-ui, sans-serif; text-align: left; max-width: 34em; margin: auto; }
code { background: #8883; padding: 0 .2em; }
.lesson { font-size: .8em; opacity: .75; }"""
DECKS = ("Words", "Questions", "Mistakes")


class Card(NamedTuple):
    """A card; `identity` never changes, `front` and `back` are HTML."""

    deck: str
    identity: str
    front: str
    back: str
    tag: str


def main(argv: list[str]) -> int:
    """Write the deck; return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit cards", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "cards" / "convlab.apkg")
    options = parser.parse_args(argv)
    every = list(cards(ROOT))
    write(every, options.out)
    counts = [f"{sum(card.deck == deck for card in every)} {deck.lower()}" for deck in DECKS]
    print(f"{options.out}: {', '.join(counts)}. Open it with Anki; a newer deck updates the cards.")
    return 0


def cards(root: Path) -> Iterator[Card]:
    """Yield the cards of the course in `root`: its words, its questions, the mistakes that exercises name."""
    for entry in yaml.safe_load((root / "docs" / "glossary.yaml").read_text(encoding="utf-8")):
        yield _word(entry)
    for question in bank.load():
        yield _question(question)
    for lesson, exercises in catalogue.exercises().items():
        for exercise in exercises:
            yield from _mistakes(exercise, lesson[-2:])


def _word(entry: dict) -> Card:
    """Return the card of one word, in three languages."""
    en, ko, ja, meaning = (html.escape(str(entry[name])) for name in ("en", "ko", "ja", "meaning"))
    back = f'{meaning}<br><br><span lang="ko">{ko}</span> · <span lang="ja">{ja}</span>'
    return Card("Words", f"word {entry['en']}", f"<b>{en}</b>", back, "word")


def _question(question: bank.Question) -> Card:
    """Return the card of one question of the bank."""
    choices = "".join(f"<li>{as_html(choice)}</li>" for choice in question.choices)
    mistakes = "".join(f"<li>{as_html(one)}: {as_html(name)}</li>" for one, name in question.wrong.items())
    return Card(
        "Questions",
        f"question {question.id}",
        f"{_lesson(question.lesson)}{as_html(question.question)}<ol type='a'>{choices}</ol>",
        f"<b>{as_html(question.answer)}</b><br>{as_html(question.why)}<br><br>Mistakes:<ul>{mistakes}</ul>",
        f"lesson{question.lesson}",
    )


def _mistakes(exercise, lesson: str) -> Iterator[Card]:
    """Yield a card for each mistake of an exercise; those that have the same message share one."""
    seen = set()
    for mistake in exercise.mistakes:
        if mistake.says in seen or mistake.name.endswith(", no refusal"):  # the same mistake once more
            continue
        seen.add(mistake.says)
        front = (
            f"{_lesson(lesson)}{as_html(exercise.question)}<br><br>Mistake: <b>{as_html(mistake.name)}</b>"
        )
        yield Card(
            "Mistakes",
            f"mistake {exercise.lesson} {exercise.name} {mistake.name}",
            f"{front}. What happens, and what is right?",
            as_html(mistake.says),
            f"lesson{lesson}",
        )


def _lesson(number: str) -> str:
    return f'<p class="lesson">Lesson {number}</p>'


def write(every: list[Card], path: Path) -> None:
    """Write cards as a package of Anki; `CourseError` where the library for it is missing."""
    try:
        import genanki
    except ImportError:
        raise CourseError("`make cards` needs the package genanki: run make setup") from None
    model = genanki.Model(
        MODEL,
        NAME,
        fields=[{"name": "Front"}, {"name": "Back"}],
        templates=[{"name": "Card", "qfmt": "{{Front}}", "afmt": "{{FrontSide}}<hr id=answer>{{Back}}"}],
        css=STYLE,
    )
    decks = {name: genanki.Deck(FIRST_DECK + place, f"{NAME}::{name}") for place, name in enumerate(DECKS)}
    for card in every:
        note = genanki.Note(
            model, [card.front, card.back], guid=genanki.guid_for("convlab", card.identity), tags=[card.tag]
        )
        decks[card.deck].add_note(note)
    write_whole(path, genanki.Package(list(decks.values())).write_to_file)
