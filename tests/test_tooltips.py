"""Words of the glossary are explained where a page of the book first uses them, and nowhere else."""

import json
import re

import pytest
import yaml

from coursekit.lessons import ROOT, find, source
from coursekit.publishing import book, tooltips

STRIDE = {"en": "stride", "ko": "스트라이드", "ja": "ストライド", "meaning": "how far a <filter> moves"}
BATCH = {"en": "batch", "ko": "배치", "ja": "バッチ", "meaning": "the examples of one step"}
NORM = {"en": "batch normalisation", "ko": "배치 정규화", "ja": "バッチ正規化", "meaning": "…"}
CAM = {"en": "class activation map (Grad-CAM)", "ko": "클래스 활성화 맵", "ja": "…", "meaning": "…"}
VIEW = {"en": "view (of an array)", "ko": "뷰", "ja": "ビュー", "meaning": "…"}
ENTRIES = [STRIDE, BATCH, NORM, CAM, VIEW]
BUTTON = re.compile(r'<button type="button" class="term" popovertarget="term-([\w-]+)">([^<]*)</button>')


def marked(*texts):
    """Return texts as one page has them, a word that opens its note in brackets."""
    tips = tooltips.Tooltips(ENTRIES)
    return [BUTTON.sub(r"[\2]", tips.marked(text)) for text in texts]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("A stride, a stride.", "A [stride], a stride."),
        ("Strides and **batches**.", "[Strides] and **[batches]**."),
        ("Batch normalisation of a batch", "[Batch normalisation] of a [batch]"),
        ("Grad-CAM, a class activation map", "[Grad-CAM], a class activation map"),
        ("a point of view, of an array", "a point of view, of an array"),
        ("mini-batch, batchwise, x.stride, stride-free", "mini-batch, batchwise, x.stride, stride-free"),
        ("## The stride\n\nIts stride", "## The stride\n\nIts [stride]"),
        ("`stride`, $stride$, [the stride](a.ipynb), <b>batch</b>", None),
        ("```python\nstride = 2\n```\n\n$$stride$$\n\n| stride |\n", None),
        (':::{admonition} stride\n:class: batch\n\n<a href="#x">stride</a>\n:::', None),
    ],
)
def test_first_use_in_prose_opens_a_note(text, expected):
    if expected is None:  # code, formulas, links, tables and directives stay as they are
        expected = text.replace("<b>batch</b>", "<b>[batch]</b>")
    assert marked(text) == [expected]


def test_second_use_on_a_page_is_left_alone():
    assert marked("A stride", "and a stride", "of a batch") == ["A [stride]", "and a stride", "of a [batch]"]


def test_note_says_the_word_in_three_languages_and_what_it_means():
    tips = tooltips.Tooltips(ENTRIES)
    assert tips.notes() == ""
    tips.marked("The stride")
    note = tips.notes()
    assert '<div class="term-note" id="term-stride" popover>' in note
    assert "<strong>stride</strong>: how far a &lt;filter&gt; moves" in note
    assert '<span lang="ko">스트라이드</span> · <span lang="ja">ストライド</span>' in note
    assert 'href="glossary.html#stride"' in note and "\n" not in note


@pytest.fixture(scope="module")
def pages():
    """The course's lessons as the book has them: (lesson, cells)."""
    found = book.sources(ROOT)
    return [(lesson, json.loads(found[lesson.path.name])["cells"]) for lesson in find(ROOT)]


def test_every_button_has_its_note_and_opens_it_once(pages):
    for lesson, cells in pages:
        text = "\n".join(map(source, cells))
        names = [name for name, _ in BUTTON.findall(text)]
        assert names and len(names) == len(set(names)), lesson.slug
        assert names == re.findall(r'class="term-note" id="term-([\w-]+)"', text), lesson.slug


def test_lesson_explains_its_own_words_and_no_later_ones(pages):
    entries = yaml.safe_load((ROOT / "docs" / "glossary.yaml").read_text(encoding="utf-8"))
    lessons = [lesson for lesson, _ in pages]
    own = {tooltips.anchor(one["en"]): book.taught(one["en"], lessons) for one in entries}
    explained = {lesson.number: set() for lesson in lessons}
    for lesson, cells in pages:
        explained[lesson.number] = {name for name, _ in BUTTON.findall("\n".join(map(source, cells)))}
        assert all(own[name].number <= lesson.number for name in explained[lesson.number])
    taught = [(name, lesson.number) for name, lesson in own.items() if lesson]
    there = [number for name, number in taught if name in explained[number]]
    assert len(there) > 0.7 * len(taught)  # the others are written otherwise, or only in code and tables
    assert "kernel" in explained["05"] and "kernel" not in explained["00"]
    assert "token" in explained["21"] and "token" not in explained["26"]  # there it is a login's token
