"""The deck of cards can be opened, has every word and question once, and keeps its identities."""

import json
import sqlite3
import zipfile

import pytest
import yaml

from convlab.exercises import bank
from coursekit.__main__ import main as coursekit
from coursekit.lessons import ROOT, CourseError
from coursekit.teaching import cards

EVERY = list(cards.cards(ROOT))
GLOSSARY = yaml.safe_load((ROOT / "docs" / "glossary.yaml").read_text(encoding="utf-8"))


def opened(path, folder):
    """Return {guid: (front, back, tags)} of a package, and {id: name} of its decks."""
    with zipfile.ZipFile(path) as package:
        package.extract("collection.anki2", folder)
    connection = sqlite3.connect(folder / "collection.anki2")
    notes = connection.execute("select guid, flds, tags from notes").fetchall()
    decks = json.loads(connection.execute("select decks from col").fetchone()[0])
    assert connection.execute("select count(*) from cards").fetchone()[0] == len(notes)
    connection.close()
    return {guid: (*fields.split("\x1f"), tags) for guid, fields, tags in notes}, {
        number: deck["name"] for number, deck in decks.items()
    }


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    pytest.importorskip("genanki")
    folder = tmp_path_factory.mktemp("cards")
    assert coursekit(["cards", "--out", str(folder / "deck.apkg")]) == 0
    return opened(folder / "deck.apkg", folder)


def test_every_word_question_and_mistake_has_a_card(deck):
    notes, decks = deck
    assert len(notes) == len(EVERY) == len({card.identity for card in EVERY})
    count = {name: sum(card.deck == name for card in EVERY) for name in cards.DECKS}
    assert count["Words"] == len(GLOSSARY) and count["Questions"] == len(bank.load())
    assert count["Mistakes"] > 500
    assert {f"Convolutional networks::{name}" for name in cards.DECKS} <= {*decks.values()}
    backs = {front: back for front, back, _ in notes.values()}
    stride = next(entry for entry in GLOSSARY if entry["en"] == "stride")
    assert all(stride[name] in backs["<b>stride</b>"] for name in ("ko", "ja", "meaning"))


def test_a_second_deck_has_the_same_identities_and_the_corrections(deck, tmp_path):
    corrected = [card._replace(back="corrected") for card in reversed(EVERY)]
    cards.write(corrected, tmp_path / "again.apkg")
    notes, decks = opened(tmp_path / "again.apkg", tmp_path)
    assert notes.keys() == deck[0].keys() and decks == deck[1]
    assert {back for _, back, _ in notes.values()} == {"corrected"}


def test_code_is_code_and_markup_is_text():
    planted = cards._word({"en": "a<b", "ko": "&", "ja": "ja", "meaning": "<script>"})
    assert planted.front == "<b>a&lt;b</b>" and "&lt;script&gt;" in planted.back
    assert not [card for card in EVERY if "`" in card.front + card.back]


def test_fault_a_missing_library_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "genanki", None)
    with pytest.raises(CourseError, match="needs the package genanki: run make setup"):
        cards.write(EVERY[:1], tmp_path / "deck.apkg")
    assert not list(tmp_path.iterdir())
