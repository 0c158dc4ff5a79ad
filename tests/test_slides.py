"""A deck is made of a lesson's own cells: what starts a slide, what waits, the notes for the speaker."""

import base64
import hashlib
import io
import re

import pytest
from bs4 import BeautifulSoup
from PIL import Image
from planting import markdown, plant, ran, stream

from coursekit.course import Course
from coursekit.lessons import ROOT, CourseError, Lesson, find, source, tags
from coursekit.publishing import guide, slides, vendor

HEADER = {"title": "Sizes", "question": "How large is it?", "minutes": 30}
OUTPUT = stream("3\n")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="  # 1x1
QUESTION = (
    "A window of 3 on 5 pixels.\n\n**Predict:** how many\nplaces?\n\n> *Your prediction:* … (write here)"
)


@pytest.fixture
def lesson(tmp_path):
    """A lesson with one of each."""
    plant(tmp_path, "01_before", markdown("title", "# Before"))
    cells = [
        markdown("title", "# How large?\n\nAfter [the first](01_before.ipynb), see [code](../lib/x.py#L3)."),
        ran("imports", "import math"),
        markdown("asked", "What may be turned:"),
        ran("parameters", "size = 5", "parameters"),
        markdown("slide", "## Slide\n\nA window moves.\n\n### Slowly\n\nStep by step."),
        markdown("predict", QUESTION, "prediction"),
        ran("your-count", 'predict.number("02-count", ..., sure=...)', "predict"),
        ran("count", "print(size - 3 + 1)\npredict.compare('02-count', size - 3 + 1)", outputs=[OUTPUT]),
        markdown("explained", "Three, because."),
        ran("more", "print(3)", outputs=[OUTPUT]),
        markdown("task", "**1.** Do it yourself."),
        ran("exercise-size", "answer = ...\nexercises.size.check(answer)", "exercise", outputs=[OUTPUT]),
        markdown("terms", "| English | 한국어 | 日本語 |\n|---|---|---|\n| size | 크기 | 大きさ |", "terms"),
        markdown("next", "Next: [later](09_later.ipynb)."),
    ]
    return Lesson(plant(tmp_path, "02_sizes", *cells, **HEADER))


def said(slide):
    """Return the first words of each cell of a slide."""
    return [source(one).split("\n")[0] for one in slide.cells]


def test_cells_are_shared_out_by_what_they_are(lesson):
    assert [(slide.start, said(slide)) for slide in slides.divided(lesson)] == [
        ("slide", ["# How large?"]),
        ("slide", ["## Before we start", "import math", "What may be turned:", "size = 5"]),
        ("slide", ["## Slide"]),
        ("subslide", ["### Slowly", "A window of 3 on 5 pixels.", "print(size - 3 + 1)", "Three, because."]),
        ("subslide", ["print(3)"]),
        ("subslide", ["**1.** Do it yourself.", "answer = ..."]),
        ("slide", ["## Words", "| English | 한국어 | 日本語 |", "Next: later."]),
    ]


def test_only_what_answers_or_explains_waits_for_a_click(lesson):
    waits = [
        source(one)
        for slide in slides.divided(lesson)
        for one in slide.cells
        if one["metadata"]["deck"]["waits"]
    ]
    assert waits == ["print(size - 3 + 1)", "Three, because."]


def test_room_for_answers_and_untried_exercises_are_left_out(lesson):
    page = slides.deck(lesson)
    assert "Your prediction" not in page
    assert "predict." not in page  # nor what stores and compares it
    assert page.count('class="result fragment"') == 2  # not the exercise's


def test_links_lead_to_decks_that_exist(lesson):
    page = slides.deck(lesson)
    assert '<a href="01_before.html">the first</a>, see code.' in page
    assert "Next: later." in page


@pytest.mark.parametrize(
    "given, expected",
    [
        ("slide", ("slide", 7, False)),
        ("subslide", ("subslide", 7, False)),
        ("fragment", ("subslide", 7, True)),
        ("skip", ("subslide", 6, None)),
    ],
)
def test_metadata_of_a_cell_override_the_rules(lesson, given, expected):
    explained = next(one for one in lesson.cells if one["id"] == "explained")
    explained["metadata"]["slideshow"] = {"slide_type": given}
    found = slides.divided(lesson)
    place = [(slide, one) for slide in found for one in slide.cells if source(one) == "Three, because."]
    start, number, waits = expected
    assert len(found) == number
    assert [one["metadata"]["deck"]["waits"] for _, one in place] == ([waits] if waits is not None else [])
    assert all(slide.start == start for slide, _ in place)


def test_cell_of_type_notes_is_spoken(lesson):
    explained = next(one for one in lesson.cells if one["id"] == "explained")
    explained["metadata"]["slideshow"] = {"slide_type": "notes"}
    assert "<p>Three, because.</p></aside>" in slides.deck(lesson)


def test_speaker_notes_give_the_time_and_what_to_ask(lesson):
    page = slides.deck(lesson)
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', page)
    assert len(notes) == 7
    assert "Ask: How large is it?" in notes[0]
    assert "Ask: how many places?" in notes[3]
    assert "Ask: what will this show?" in notes[4]
    assert "30 of 30 minutes" in notes[-1]
    seconds = [int(one) for one in re.findall(r'data-timing="(\d+)"', page)]
    assert sum(seconds) == pytest.approx(30 * 60, abs=len(seconds))
    assert all(one > 0 for one in seconds)


def test_picture_is_shown_with_its_words(tmp_path):
    picture = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": f"{PIXEL}\n", "text/plain": "<Figure>"},
    }
    shown = ran("shown", "plot()", outputs=[picture])
    shown["metadata"]["mystnb"] = {"image": {"alt": 'A "5" <here>'}}
    page = slides.deck(Lesson(plant(tmp_path, "01_a", markdown("title", "# A"), shown, **HEADER)))
    found = BeautifulSoup(page, "html.parser").img
    assert (found["src"], found["alt"]) == (f"data:image/png;base64,{PIXEL}", 'A "5" <here>')


@pytest.mark.parametrize(
    "code, expected",
    [
        ("a = 1", ["a = 1"]),
        ("a = 1\nb = 2\n\nc = 3", ["a = 1\nb = 2", "c = 3"]),
        ("a = [\n1,\n2,\n]\nb = 3", ["a = [\n1,\n2,\n]", "b = 3"]),
        ("a = 1\nb = 2\n# why\nc = 3", ["a = 1\nb = 2", "# why\nc = 3"]),
        ("# head\nimport x\n\n\n@cached\ndef f(): ...", ["# head\nimport x", "@cached\ndef f(): ..."]),
        ("not python at all", ["not python at all"]),
        (f"a = '{'x' * 100}'\nb = 2", [f"a = '{'x' * 100}'", "b = 2"]),
        ("class A:\n    a = 1\n\n    # why\n    b = 2", ["class A:\n    a = 1", "    # why\n    b = 2"]),
        ("", [""]),
    ],
)
def test_long_code_is_cut_between_statements(code, expected):
    assert slides.boxes(code, longest=2) == expected


@pytest.mark.parametrize("mark, role", [(":", "text"), ("?", "text"), (".", None)])
def test_no_code_is_parted_from_the_words_that_lead_to_it(tmp_path, mark, role):
    cells = [
        markdown("title", "# A"),
        markdown("b", "## B"),
        ran("one", "a = 1"),
        markdown("leads", f"Said before.\n\nThe next one{mark}"),
        ran("two", "b = 2"),
    ]
    *_, before, last = slides.divided(Lesson(plant(tmp_path, "01_a", *cells, **HEADER)))
    assert said(before)[-1] == "Said before."
    assert said(last) == ([f"The next one{mark}", "b = 2"] if role else ["b = 2"])
    assert source(before.cells[-1]).endswith(f"one{mark}") == (role is None)


def test_no_slide_of_the_course_ends_in_a_colon_before_code():
    for lesson in find(ROOT):
        for slide in slides.divided(lesson):
            last = slide.cells[-1]
            assert last["cell_type"] == "code" or not source(last).rstrip().endswith(":"), (lesson, last)


def test_a_short_deck_takes_a_fifth_of_the_minutes():
    for lesson in find(ROOT):
        short = slides.shortened(slides.divided(lesson), lesson)
        assert 3 <= len(short) < len(slides.divided(lesson)) / 2
        assert sum(slide.shown for slide in short) <= 60 * guide.minutes(lesson, False) + 1e-6
        assert source(short[0].cells[0]).startswith("# ")
        assert short[-1].heading.startswith("In this lesson")
        assert not any(cell["role"] == "exercise" for slide in short for cell in slide.cells)
        assert sum("Learners often answer" in one for one in short[-1].spoken) == len(
            Course(ROOT).exercises(lesson.number)
        )


def test_a_short_deck_has_the_cells_that_are_tagged(lesson):
    for cell in lesson.cells:
        if cell["id"] in ("title", "predict", "count", "explained"):
            cell["metadata"]["tags"] = [*tags(cell), "short"]
    short = slides.shortened(slides.divided(lesson), lesson)
    assert [(slide.start, said(slide)) for slide in short] == [
        ("slide", ["# How large?"]),
        ("slide", [QUESTION.split("\n")[0], "print(size - 3 + 1)", "Three, because."]),
    ]
    assert "6 minutes by the end" not in slides.deck(lesson)
    assert "5 of 5 minutes by the end" in slides.deck(lesson, short=True)


def test_of_a_tagged_cell_of_several_sections_the_short_deck_has_those_beside_tagged_cells(tmp_path):
    cells = [
        markdown("title", "# A\n\n## Not this", "short"),
        ran("a", "0 + 0"),
        markdown("asks", "Nor this.\n\n## B\n\n**Predict:** what?", "prediction", "short"),
        ran("answer", "1 + 1", "short", outputs=[OUTPUT]),
        markdown("explained", "Because.\n\n## C\n\nNot this, either.\n\n## D", "short"),
        ran("d", "2 + 2", "short"),
        ran("e", "3 + 3"),
        markdown("leads", "That was 6.\n\n## F", "short"),
        ran("f", "4 + 4", "short"),
        markdown("f-explained", "It is 8.\n\n## G", "short"),
        ran("g", "5 + 5"),
    ]
    lesson = Lesson(plant(tmp_path, "01_a", *cells, **HEADER))
    short = slides.shortened(slides.divided(lesson), lesson)
    assert [said(slide) for slide in short] == [
        ["# A"],
        ["## B", "1 + 1", "Because."],
        ["## D", "2 + 2"],
        ["## F", "4 + 4", "It is 8."],
    ]


@pytest.mark.parametrize("tagged, leads", [(["short"], ["What is next?"]), ([], [])])
def test_the_words_that_lead_to_tagged_code_are_in_the_short_deck(tmp_path, tagged, leads):
    cells = [
        markdown("title", "# A", "short"),
        markdown("b", "## B"),
        ran("one", "a = 1"),
        markdown("leads", "Said before.\n\nWhat is next?"),
        ran("two", "b = 2", *tagged),
    ]
    lesson = Lesson(plant(tmp_path, "01_a", *cells, **HEADER))
    short = slides.shortened(slides.divided(lesson), lesson)
    assert [said(slide) for slide in short[1:]] == ([[*leads, "b = 2"]] if tagged else [])


def test_a_lesson_without_tags_has_no_short_deck(lesson):
    with pytest.raises(CourseError, match="02_sizes has no short deck: give the cells to show the tag short"):
        slides.deck(lesson, short=True)


def test_figures_of_another_run_are_as_large_as_those_stored(tmp_path):
    stream = io.BytesIO()
    Image.new("L", (1200, 400)).save(stream, "PNG")
    data = {"image/png": base64.b64encode(stream.getvalue()).decode()}
    shown = ran("shown", "plot()")
    drawn = shown | {"outputs": [{"output_type": "display_data", "metadata": {}, "data": data}]}
    lesson = Lesson(plant(tmp_path, "01_a", markdown("title", "# A"), shown, **HEADER))
    run = Lesson(plant(tmp_path / "run", "01_a", markdown("title", "# A"), drawn, **HEADER))
    slides.take_outputs(lesson, run)
    assert 'width="600"' in slides.deck(lesson, dpi=180)
    assert 'width="1200"' in slides.deck(lesson)
    other = Lesson(plant(tmp_path / "other", "01_a", markdown("title", "# A"), ran("shown", "plot(1)")))
    with pytest.raises(CourseError, match="was not run from 01_a"):
        slides.take_outputs(lesson, other)


def test_long_text_is_cut_between_lines(tmp_path):
    long = stream("".join(f"{i}\n" for i in range(50)))
    lesson = Lesson(
        plant(tmp_path, "01_a", markdown("title", "# A"), ran("long", "x", outputs=[long]), **HEADER)
    )
    parts = [
        text for _, text in re.findall(r'(result fragment)"><pre>(.*?)</pre>', slides.deck(lesson), re.DOTALL)
    ]
    assert "".join(parts).split() == [str(i) for i in range(50)]
    assert len(parts) == 3


def test_fence_with_a_hash_is_no_heading(tmp_path):
    cells = [markdown("title", "# A"), markdown("b", "## B\n\n```\n# comment\n```\n\n## C")]
    assert len(slides.divided(Lesson(plant(tmp_path, "01_a", *cells, **HEADER)))) == 3


def test_no_code_of_a_lesson_is_lost_but_its_summary_and_its_questions_on_earlier_lessons():
    for lesson in find(ROOT):
        shown = [source(one) for slide in slides.divided(lesson) for one in slide.cells]
        for one in lesson.code_cells:
            if one["id"] in ("summary", "recall") or "predict" in tags(one):
                continue
            assert slides.without_compare(source(one)) in shown


def test_command_writes_decks_that_ask_for_nothing_outside_their_folder(lesson, tmp_path, capsys):
    assert slides.main(["02", "--root", str(tmp_path)]) == 0
    out = tmp_path / "build" / "slides"
    assert "index.html" in capsys.readouterr().out
    assert sorted(path.name for path in out.glob("*.html")) == ["02_sizes.html", "index.html"]
    page = (out / "02_sizes.html").read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', page)
    assert loaded
    assert all((out / one).exists() for one in loaded if not one.startswith("data:"))
    fonts = re.findall(r"url\(([^)]+)\)", (out / "assets" / "slides.css").read_text(encoding="utf-8"))
    assert all((out / "assets" / one).exists() for one in fonts)


def test_index_keeps_the_decks_made_before(lesson, tmp_path):
    for number in ("01", "02"):
        assert slides.main([number, "--root", str(tmp_path)]) == 0
    page = (tmp_path / "build" / "slides" / "index.html").read_text(encoding="utf-8")
    assert "01_before.html" in page and "02_sizes.html" in page


def test_an_unknown_lesson_is_an_error(lesson, tmp_path):
    with pytest.raises(CourseError, match="no lesson is called 77"):
        slides.main(["77", "--root", str(tmp_path)])


@pytest.mark.parametrize("name", vendor.FILES)
def test_what_others_wrote_is_what_we_know(name):
    assert hashlib.sha256(vendor.content(name)).hexdigest() == vendor.FILES[name][-1]


def test_altered_or_missing_file_of_a_package_is_refused(monkeypatch):
    package, folder, file, _ = vendor.FILES["reveal.js"]
    monkeypatch.setitem(vendor.FILES, "reveal.js", (package, folder, file, "0" * 64))
    with pytest.raises(CourseError, match="not the file that is expected"):
        vendor.content("reveal.js")
    monkeypatch.setitem(vendor.FILES, "reveal.js", ("no-such-package", folder, file, "0" * 64))
    with pytest.raises(CourseError, match="no-such-package: remove"):
        vendor.content("reveal.js")


def test_the_notes_of_an_exercise_name_the_mistakes_that_learners_make():
    first = next(one for one in find(ROOT) if one.number == "01")
    spoken = [note for slide in slides.divided(first) for note in slides.asked(slide, first)]
    often = [note for note in spoken if note.startswith("Learners often answer: ")]
    assert len(often) == len(Course(ROOT).exercises("01"))
    assert any("climbs; " in note for note in often)
