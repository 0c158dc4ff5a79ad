"""What the book's search knows beside Sphinx's index: numbers, words in three languages, texts to quote."""

import json

import yaml
from planting import markdown, plant

from coursekit.lessons import ROOT, Lesson, find
from coursekit.publishing import book, search

ENTRIES = yaml.safe_load((ROOT / "docs" / "glossary.yaml").read_text(encoding="utf-8"))


def known(script):
    """Return what the script tells the page."""
    return json.loads(script.removeprefix("window.courseSearch = ").rstrip(";\n"))


def test_a_word_leads_to_the_same_word_in_the_other_languages():
    words = search.synonyms(ENTRIES)
    for word in ("보폭", "스트라이드", "ストライド", "歩幅"):
        assert "stride" in words[word]
    assert {"스트라이드", "보폭"} < {*words["stride"]}
    for word, others in words.items():
        assert word == word.casefold()
        assert word not in others


def test_numbers_and_texts_of_lessons_and_pages_are_known(tmp_path):
    cells = [markdown("title", "# A *bold* step"), markdown("b", "See [there](x.md#y): $x^2$")]
    lesson = Lesson(plant(tmp_path, "03_a", *cells, title="A"))
    data = known(
        search.script([lesson], ENTRIES[:1], {"help": "```{note}\n## Help\n```\n<b>now</b> &amp; then"})
    )
    assert data["numbers"] == {"03_a": "03"}
    assert data["texts"] == {"03_a": "A bold step See there : x^2", "help": "Help now & then"}


def test_the_book_tells_its_search_of_every_page_and_the_students_of_no_guide():
    data = known(book.sources(ROOT)["_static/search_data.js"])
    assert {lesson.slug for lesson in find(ROOT)} == {*data["numbers"]}
    assert {"glossary", "instructor_guide", "in_a_hurry"} <= {*data["texts"]}
    assert min(map(len, data["texts"].values())) > 50
    for_students = known(book.sources(ROOT, guide=False)["_static/search_data.js"])
    assert "instructor_guide" not in for_students["texts"]
