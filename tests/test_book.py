"""The book shows each lesson as it is stored, its links within the book, its words from the glossary."""

import doctest
import json
import re

import pytest
import yaml
from planting import markdown, plant, ran, stream

from coursekit.lessons import ROOT, CourseError, Lesson, find, source, tags
from coursekit.publishing import book

ENTRIES = [
    {"en": "stride", "ko": "스트라이드", "ja": "ストライド", "meaning": "how far a filter moves"},
    {"en": "batch", "ko": "배치", "ja": "バッチ", "meaning": "the examples of <one> step"},
    {"en": "ablation", "ko": "절제", "ja": "アブレーション", "meaning": "taking one part away"},
]
TERMS = "| English | 한국어 | 日本語 |\n|---|---|---|\n| stride | 스트라이드 | ストライド |"


@pytest.fixture
def course(tmp_path):
    """A course of two lessons, with docs."""
    about = {"part": "I: begin", "question": "Why?", "minutes": 5, "prerequisites": [], "data": []}
    plant(
        tmp_path,
        "01_first",
        markdown("title", "# First?"),
        markdown("terms", TERMS, "terms"),
        title="First",
        **about,
    )
    cells = [
        markdown(
            "title",
            "# Second?\n\nAfter [01](01_first.ipynb), not [03](03_third.ipynb) or [this](../lib/a.py).",
        ),
        markdown("jump", "To [the task](#task), or [out](https://example.org/a_b)."),
        markdown("predict", "## Look\n\n**Predict:** what?\n\n> *Your prediction:* …", "prediction"),
        ran("your-look", 'predict.number("02-look", ..., sure=...)', "predict"),
        ran("code", "print(3)\npredict.compare('02-look', 1 + 2)", outputs=[stream("3\n")]),
        markdown("task", "**1.** Do: $a_1 + a_2$, 90\\n% of it."),
    ]
    plant(tmp_path, "02_second", *cells, title="Second", **about)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text(encoding="utf-8"), encoding="utf-8")
    (docs / "index.md").write_text("# The course\n\n<!-- map -->\n<!-- /map -->\n", encoding="utf-8")
    (docs / "glossary.yaml").write_text(yaml.safe_dump(ENTRIES, allow_unicode=True), encoding="utf-8")
    for name in book.HELP:
        (docs / f"{name}.md").write_text(
            f"# {name}\n\nSee [01](../notebooks/01_first.ipynb).\n", encoding="utf-8"
        )
    (docs / "instructor_guide.md").write_text(
        "# Guide\n\nSee [02](../notebooks/02_second.ipynb) and [data](../data/README.md).\n", encoding="utf-8"
    )
    return tmp_path


def said(course):
    """Return what lesson 02's cells say in the book."""
    return ["".join(one["source"]) for one in json.loads(book.sources(course)["02_second.ipynb"])["cells"]]


def test_links_stay_within_the_book(course):
    title, _, jump, *_ = said(course)
    assert title.endswith("After [01](01_first.ipynb), not 03 or this.")
    assert jump.endswith('To <a href="#task">the task</a>, or [out](https://example.org/a_b).')
    assert "See [02](02_second.ipynb) and data." in book.sources(course)["instructor_guide.md"]


def test_pages_for_learners_are_in_the_book_and_lead_to_its_lessons(course):
    pages = book.sources(course)
    for name in book.HELP:
        assert "See [01](01_first.ipynb)." in pages[f"{name}.md"]
        assert f"\n{name}\n" in pages["index.md"]


def test_every_example_of_the_page_on_python_gives_what_it_says():
    page = ROOT / "docs" / "python_and_numpy.md"
    found = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert found.failed == 0 and found.attempted > 40


def test_fault_an_example_that_says_something_else_is_found(tmp_path, capsys):
    page = tmp_path / "page.md"
    text = (ROOT / "docs" / "python_and_numpy.md").read_text(encoding="utf-8")
    page.write_text(text.replace("array([5, 7, 9])", "array([6, 15])", 1), encoding="utf-8")
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 1


def test_the_page_for_those_in_a_hurry_has_every_lesson_and_its_minutes():
    rows = (ROOT / "docs" / "in_a_hurry.md").read_text(encoding="utf-8")
    for lesson in find(ROOT):
        assert f"| {lesson.number} {lesson.header['title']} | {lesson.header['minutes']} |" in rows
        for heading in re.findall(rf"^\| {lesson.number} .*\| (.*) \|$", rows, re.MULTILINE):
            for name in re.findall(r"\*([^*]+)\*", heading):
                assert any(f"## {name}\n" in source(cell) + "\n" for cell in lesson.cells), (
                    lesson.slug,
                    name,
                )


def test_lesson_is_offered_as_it_is(course):
    assert "{download}`Notebook <downloads/02_second.ipynb>`" in said(course)[1]
    path = course / "notebooks" / "02_second.ipynb"
    assert book.sources(course)["downloads/02_second.ipynb"] == path.read_text(encoding="utf-8")


def test_prediction_stands_in_a_box_below_its_heading(course):
    box = next(one for one in said(course) if "Predict" in one)
    assert "## Look\n\n\n:::::{admonition}" in box
    assert box.index("## Look") < box.index("admonition") < box.index("**Predict:**")
    assert "Your prediction" not in box


def test_what_stores_and_compares_a_prediction_is_left_out(course):
    assert "print(3)" in said(course)
    assert not any("predict." in one for one in said(course))


def test_outputs_are_the_stored_ones(course):
    shown = [
        one
        for one in json.loads(book.sources(course)["02_second.ipynb"])["cells"]
        if one["cell_type"] == "code"
    ]
    stored = Lesson(course / "notebooks" / "02_second.ipynb").code_cells
    assert [one["outputs"] for one in shown] == [
        one["outputs"] for one in stored if "predict" not in tags(one)
    ]
    assert shown[-1]["outputs"] == [stream("3\n")]


def test_glossary_has_each_word_once_in_order_with_its_lesson(course):
    page = book.sources(course)["glossary.md"]
    assert page.index("ablation") < page.index("batch") < page.index("stride")
    assert (
        '<tr id="stride"> <td>stride</td> <td lang="ko">스트라이드</td> <td lang="ja">ストライド</td>' in page
    )
    assert '<td><a href="01_first.html">01</a></td>' in page
    assert "&lt;one&gt;" in page


def test_order_of_pages_names_every_page(course):
    page = book.sources(course)["index.md"]
    for line in ("01 First <01_first>", "02 Second <02_second>", "glossary", "instructor_guide"):
        assert f"\n{line}\n" in page
    assert "[02 Second](02_second.ipynb)" in page  # the map


def test_every_word_of_the_real_glossary_has_its_row():
    entries = yaml.safe_load((ROOT / "docs" / "glossary.yaml").read_text(encoding="utf-8"))
    page = book.glossary(entries, {one["en"]: None for one in entries})
    assert "Also: 보폭, 歩幅" in page  # the search finds the words of the page
    assert page.count("<tr id=") == len(entries) == len({entry["en"] for entry in entries})


def test_missing_source_is_reported(course):
    (course / "docs" / "glossary.yaml").unlink()
    with pytest.raises(CourseError, match=r"glossary\.yaml"):
        book.sources(course)


def test_page_that_has_not_changed_keeps_its_date_and_one_that_is_gone_goes(course, tmp_path):
    work = tmp_path / "work"
    book.stage(course, work)
    before = (work / "01_first.ipynb").stat().st_mtime_ns
    (course / "notebooks" / "02_second.ipynb").unlink()
    book.stage(course, work)
    assert (work / "01_first.ipynb").stat().st_mtime_ns == before
    assert not (work / "02_second.ipynb").exists()
    assert not (work / "downloads" / "02_second.ipynb").exists()


def test_book_is_made_and_asks_for_nothing_outside(course, capfd):
    assert book.main(["--root", str(course)]) == 0
    page = (course / "build" / "site" / "02_second.html").read_text(encoding="utf-8")
    assert 'src="http' not in page and 'rel="stylesheet" type="text/css" href="http' not in page
    assert "<pre><span></span>3\n</pre>" in page
    assert 'id="task"' in page
    assert "% of it" in page
    assert "mathjax.js" in page
    assert (course / "build" / "site" / "_static" / "mathjax.js").stat().st_size > 1e6


def test_broken_page_fails_the_book(course, capfd):
    path = course / "docs" / "instructor_guide.md"
    path.write_text("# Guide\n\n[nowhere](#nowhere)\n", encoding="utf-8")
    assert book.main(["--root", str(course)]) == 1
    assert "nowhere" in capfd.readouterr().err
