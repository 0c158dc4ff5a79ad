"""Every deck opens from its file without a network; every slide fits its window; formulas are drawn."""

import base64
import io
import shutil
from pathlib import Path

import pytest
from PIL import Image
from planting import cell, markdown, plant, ran, stream
from selenium.webdriver.support.ui import WebDriverWait

from coursekit.lessons import ROOT, Lesson, find, source
from coursekit.publishing import slides

from .live_page import LivePage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

DECKS = [lesson.slug for lesson in find(ROOT)]
WIDTH, HEIGHT = 1280, 720
# what of each slide, all its parts shown, lies outside the window; what scrolls in a box may, the box may not
OVERFLOWS = """
    const [width, height] = arguments;
    const found = [];
    for (const slide of Reveal.getSlides()) {
        const {h, v} = Reveal.getIndices(slide);
        Reveal.slide(h, v, 99);
        for (const element of slide.querySelectorAll("*")) {
            if (element.closest("aside, mjx-assistive-mml")) continue;
            const box = element.parentElement.closest("pre, table, .html, .scrolls, mjx-container");
            if (box && slide.contains(box)) continue;
            const {left, top, right, bottom} = element.getBoundingClientRect();
            if (right > left && (left < -1 || top < -1 || right > width + 1 || bottom > height + 1)) {
                const said = element.textContent.trim().slice(0, 40);
                found.push(`slide ${h}/${v}: ${element.tagName} to ${right}, ${bottom}: ${said}`);
                break;
            }
        }
    }
    Reveal.slide(0, 0);
    return found;
"""
# what a person in the last row, or one who came late, could not read or follow
UNREADABLE = """
    const found = [];
    for (const slide of document.querySelectorAll("section.leaf")) {
        const where = slide.querySelector(".running").textContent;
        const parts = [...slide.children].filter(one => !one.matches("aside, .running, .recalled"));
        for (const pre of slide.querySelectorAll(".code pre"))
            if (parseFloat(getComputedStyle(pre).fontSize) < 20) found.push(`small code: ${where}`);
        const last = parts.at(-1);
        const ends = last?.matches(".words") && /:$/.test(last.textContent.trim());
        if (ends) found.push(`ends in a colon: ${where}`);
        const before = slide.previousElementSibling;
        const asks = before?.querySelector(".prediction:last-child, .asked:last-child");
        if (asks && parts[0].matches(".code")) found.push(`parted from its question: ${where}`);
        const pictures = [...slide.querySelectorAll(".result > img:last-child")];
        if (pictures.length !== 1 || pictures[0].style.maxHeight) continue;
        const [picture] = pictures, wide = picture.offsetWidth;
        const low = Math.max(...parts.map(one => one.offsetTop + one.offsetHeight));
        const may = Math.min(picture.parentElement.clientWidth, 2 * picture.getAttribute("width"));
        const room = 684 - low - picture.offsetHeight * (1.25 - 1);
        if (wide * 1.25 < may && room > 10) found.push(`small picture: ${where}`);
    }
    return found;
"""
BOXES = """
    return [...document.querySelectorAll(".slides .scrolls")].map(box => box.textContent.trim().slice(0, 50));
"""
SHOWN = """
    const visible = element => element.matches(":not(.fragment), .visible");
    const parts = [...Reveal.getCurrentSlide().querySelectorAll(".words, .code, .result")];
    return parts.filter(visible).map(one => one.className.split(" ")[0]);
"""

SAID = """
    const visible = element => element.matches(":not(.fragment), .visible");
    const parts = [...Reveal.getCurrentSlide().querySelectorAll(".words, .code, .result")];
    return parts.filter(visible).map(one => one.textContent).join(" ");
"""
ANSWER = "There are four places: two rows of two."

SPEAK = """
    const open = window.open;
    window.open = (...all) => window.speaker = open.apply(window, all);
    Reveal.getPlugin("notes").open();
"""
PRINTED = "return [...document.querySelectorAll('.pdf-page')].map(page => page.offsetHeight);"
SPOKEN = "return window.speaker.document.querySelector('.speaker-controls-notes .value')?.innerText;"


def overflows(reader):
    """Return what lies outside the window, slide for slide."""
    return reader.run(OVERFLOWS, WIDTH, HEIGHT)


@pytest.mark.parametrize("slug", DECKS)
def test_deck_opens_without_a_network_and_every_slide_fits(book, course, reader, slug):
    assert reader.open(book / "slides" / f"{slug}.html", WIDTH, HEIGHT) == []
    assert overflows(reader) == []
    assert reader.run(UNREADABLE) == []
    assert reader.run(BOXES) == [], "slides that scroll: cut the cell, or let its output be shorter"
    formulas = reader.formulas()
    assert formulas["faults"] == []
    lesson = Lesson(course / "notebooks" / f"{slug}.ipynb")
    assert formulas["drawn"] >= sum(source(one).count("\n$$") // 2 for one in lesson.cells)
    assert reader.run("return [...document.images].filter(one => !one.naturalWidth).length") == 0


def test_every_slide_of_a_short_deck_fits(course, reader, tmp_path):
    chosen = [Lesson(course / "notebooks" / f"{slug}.ipynb") for slug in DECKS[2::5]]
    slides.make(chosen, tmp_path, short=True)
    for lesson in chosen:
        assert reader.open(tmp_path / f"{lesson.slug}.html", WIDTH, HEIGHT) == []
        assert (overflows(reader), reader.run(UNREADABLE)) == ([], []), lesson.slug


def test_axe_finds_nothing_serious_on_slides(book, reader):
    page = LivePage(reader, book / "slides" / "06_output_sizes.html")
    assert page.open((WIDTH, HEIGHT)) == []
    for place in (0, 2, 4):
        page.run("Reveal.slide(arguments[0], 0, 99)", place)
        assert page.axe() == [], place


def test_list_of_decks_names_each_and_fits_a_phone(book, reader):
    assert reader.open(book / "slides" / "index.html", 390, 844) == []
    assert reader.run("return document.documentElement.scrollWidth") <= 390
    links = reader.run("return [...document.querySelectorAll('li a')].map(one => one.getAttribute('href'))")
    assert links == [f"{slug}.html" for slug in DECKS]


def test_deck_on_a_phone_does_not_scroll_sideways(book, reader):
    assert reader.open(book / "slides" / f"{DECKS[1]}.html", 390, 844) == []
    assert reader.run("return document.documentElement.scrollWidth") <= 390


def test_answer_comes_after_the_prediction(book, reader):
    reader.open(book / "slides" / "06_output_sizes.html", WIDTH, HEIGHT)
    reader.run(
        "const s = document.querySelector('.prediction').closest('section');"
        "const {h, v} = Reveal.getIndices(s); Reveal.slide(h, v, -1);"
    )
    seen, said = [], []
    for _ in range(4):
        seen.append(reader.run(SHOWN))
        said.append(ANSWER in reader.run(SAID))
        reader.run("Reveal.next()")
    assert seen[:3] == [["words"], ["words", "code"], ["words", "code", "result"]]
    assert said == [False, False, False, True]


def test_speaker_window_opens_from_a_file_and_shows_notes(book, reader):
    reader.open(book / "slides" / "06_output_sizes.html", WIDTH, HEIGHT)
    reader.run(SPEAK)  # the window never tells that it has loaded, so it is asked from here
    try:
        said = WebDriverWait(reader.browser, 60).until(lambda _: reader.run(SPOKEN))
        assert "of 75 minutes" in said
        assert "How large is the output" in said
    finally:
        reader.run("window.speaker.close()")


def test_deck_prints_one_page_for_each_slide(book, reader):
    deck = book / "slides" / "06_output_sizes.html"
    reader.open(deck, WIDTH, HEIGHT)
    slides_shown = reader.run("return Reveal.getTotalSlides()")
    assert reader.open(deck, WIDTH, HEIGHT, query="?print-pdf") == []
    WebDriverWait(reader.browser, 60).until(lambda _: reader.run(PRINTED))
    assert [round(height) for height in reader.run(PRINTED)] == [HEIGHT - 1] * slides_shown


@pytest.fixture
def crowded(tmp_path):
    """A deck of a lesson in which everything is too large for one slide."""
    long = "\n".join(f"row_{i} = {i}  # the statement with number {i}" for i in range(60))
    one = "values = [\n" + "".join(f"    {i},\n" for i in range(70)) + "]"
    wide = "total = " + " + ".join(f"number_{i}" for i in range(30))
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {i} | {i * i} |" for i in range(40))
    steps = "\n".join(f"{i}. step {i}" for i in range(1, 41))
    prose = "\n\n".join(["A sentence that is long enough. " * 9] * 9)
    formula = " + ".join(f"x_{{{i}}}^2" for i in range(60))
    cells = [
        markdown("title", "# Crowded"),
        markdown("prose", f"## Prose\n\n{prose}"),
        markdown("table", f"## Table\n\n{table}"),
        markdown("steps", f"## Steps\n\n{steps}"),
        markdown("code-head", "## Code"),
        cell("long", long),
        cell("one", one),
        cell("wide", wide),
        ran("printed", "print(long)", outputs=[stream("\n".join(map(str, range(90))))]),
        markdown("formula", f"## Formula\n\n$${formula}$$"),
    ]
    path = plant(tmp_path, "01_crowded", *cells, title="Crowded", minutes=20)
    slides.make([Lesson(path)], tmp_path / "slides")
    return tmp_path / "slides" / "01_crowded.html"


def test_what_is_too_large_goes_on_or_scrolls_in_its_box(reader, crowded):
    assert reader.open(crowded, WIDTH, HEIGHT) == []
    assert overflows(reader) == []
    assert len(reader.run(BOXES)) == 1  # the one statement of 72 lines
    texts = "return [...document.querySelectorAll(arguments[0])].map(one => one.innerText.trim())"
    assert reader.run(texts, ".slides ol > li") == [f"step {i}" for i in range(1, 41)]
    assert reader.run("return [...document.querySelectorAll('.slides ol')].map(one => one.start)")[1] > 1
    rows = "return [...document.querySelectorAll('.slides tbody td:first-child')].map(one => one.textContent)"
    assert reader.run(rows) == [str(i) for i in range(40)]
    heads = (
        "return [...document.querySelectorAll('.slides table')].map(one => one.querySelectorAll('th').length)"
    )
    assert {*reader.run(heads)} == {2}
    printed = reader.run(
        "return [...document.querySelectorAll('.result pre')].map(one => one.textContent).join('\\n')"
    )
    assert printed.split() == [str(i) for i in range(90)]


@pytest.fixture
def shown(tmp_path, reader):
    """The deck of a lesson with a question, long code below it, a figure, and a sentence that leads on."""
    data = io.BytesIO()
    Image.new("L", (400, 200)).save(data, "PNG")
    picture = {"image/png": base64.b64encode(data.getvalue()).decode()}
    drawn = ran("draws", "draw()", outputs=[{"output_type": "display_data", "metadata": {}, "data": picture}])
    code = "\n".join(f"name_{i} = {i}" for i in range(15))
    prose = "\n\n".join(["A sentence that is long enough. " * 6] * 3)
    cells = [
        markdown("title", "# Shown"),
        markdown("asks", f"{prose}\n\n**Predict:** how many?", "prediction"),
        cell("code", code),
        markdown("says", "Many."),
        drawn,
        markdown("more", f"### More\n\n{prose}\n\nNot yet. It goes `on` like this:"),
        ran("goes", code, outputs=drawn["outputs"]),
    ]
    slides.make([Lesson(plant(tmp_path, "01_shown", *cells, title="Shown", minutes=20))], tmp_path / "slides")
    assert reader.open(tmp_path / "slides" / "01_shown.html", WIDTH, HEIGHT) == []


def test_a_deck_can_be_read_from_the_last_row(reader, shown):
    assert reader.run(UNREADABLE) == []
    assert overflows(reader) == []
    asked = (
        "return [...document.querySelectorAll('.asked + .code')].map(one => one.previousSibling.innerText)"
    )
    assert reader.run(asked) == ["Predict: how many?"]
    assert reader.run("return document.querySelector('.result img').offsetWidth") == 800  # drawn at 400
    assert reader.run("return document.querySelectorAll('.recalled').length") == 0  # not before its code
    leads = "return document.querySelector('.leading:not(.asked)').innerText"
    assert reader.run(leads) == "It goes on like this:"
    assert "Not yet." in reader.run(
        "return document.querySelector('.leading:not(.asked)').parentElement.previousElementSibling.innerText"
    )


@pytest.mark.parametrize(
    ("fault", "plant_it"),
    [
        ("small code", "document.querySelector('.code pre').style.fontSize = '19px'"),
        ("ends in a colon", "document.querySelector('section.leaf > .words:last-child').append(':')"),
        ("parted from its question", "document.querySelector('.asked').remove()"),
        ("small picture", "document.querySelector('.result img').style.width = '400px'"),
    ],
)
def test_fault_what_the_last_row_cannot_read_is_found(reader, shown, fault, plant_it):
    reader.run(plant_it)
    assert [found for found in reader.run(UNREADABLE) if found.startswith(fault)]


def test_fault_an_overflowing_slide_is_found(reader, crowded):
    reader.open(crowded, WIDTH, HEIGHT)
    reader.run(
        "Reveal.getSlides()[1].insertAdjacentHTML('beforeend', '<div style=\"height: 900px\">tall</div>')"
    )
    assert [fault for fault in overflows(reader) if "tall" in fault]


@pytest.mark.parametrize("name", ["notes.js", "sans-regular.woff", "mathjax.js", "slides.css"])
def test_fault_a_missing_asset_is_found(reader, crowded, name):
    (crowded.parent / "assets" / name).unlink()
    if name == "notes.js":
        text = crowded.read_text(encoding="utf-8").replace(
            "</head>", "<script>var RevealNotes = {}</script></head>"
        )
        crowded.write_text(text, encoding="utf-8")
    assert any("failed" in fault or "console" in fault for fault in reader.open(crowded, WIDTH, HEIGHT))
    if name == "mathjax.js":
        assert any("not drawn" in fault for fault in reader.formulas()["faults"])


def test_fault_a_request_that_leaves_the_machine_is_found(reader, crowded):
    text = crowded.read_text(encoding="utf-8")
    crowded.write_text(
        text.replace("</body>", '<img src="http://pictures.invalid/a.png" alt="a"></body>'), encoding="utf-8"
    )
    assert "request: http://pictures.invalid/a.png" in reader.open(crowded, WIDTH, HEIGHT)


def test_deck_may_be_moved_with_its_assets(book, reader, tmp_path):
    shutil.copytree(book / "slides" / "assets", tmp_path / "other folder" / "assets")
    deck = shutil.copy(book / "slides" / f"{DECKS[0]}.html", tmp_path / "other folder")
    assert reader.open(Path(deck), WIDTH, HEIGHT) == []
