"""Every page of the book opens from its file without a network, on a phone, with nothing cut off."""

import base64
import functools
import itertools
import re
import shutil
import time
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from selenium.webdriver.common.keys import Keys

from coursekit.lessons import ROOT, Lesson, find, source
from coursekit.publishing.slides import BLANK

from .live_page import LivePage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSONS = [lesson.slug for lesson in find(ROOT)]
PAGES = ["index", *LESSONS, "live", "glossary", "instructor_guide", "api", "search", "genindex"]
PHONE, DESKTOP = (390, 844), (1280, 900)
PRINTED_NOT = (".sidebar-drawer", ".mobile-header", ".skip-to-content", ".cx-sliders", ".term-note")
WORD = re.compile(r"\w{3,}")
MARKUP = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$|\]\([^)]*\)|<!--.*?-->|```\w+", re.DOTALL)
# what reaches beyond the page's edge, unless a box that scrolls or hides it holds it
CUT_OFF = """
    const edge = document.documentElement.clientWidth;
    const held = element => {
        for (let box = element.parentElement; box.tagName !== "ARTICLE"; box = box.parentElement)
            if (getComputedStyle(box).overflowX !== "visible") return true;
        return Boolean(element.closest("mjx-assistive-mml, .visually-hidden"));
    };
    const beyond = ({right, width}) => width && right > edge + 1;
    const wide = [...document.querySelectorAll("article *")].filter(
        element => beyond(element.getBoundingClientRect()) && !held(element));
    const whole = document.documentElement.scrollWidth;
    const found = wide.map(element => element.outerHTML.slice(0, 80));
    return whole > edge ? [`the page is ${whole} wide`, ...found] : found;
"""

HITS = """
    return [...document.querySelectorAll("#search-results li a")].map(one => one.getAttribute("href"));
"""


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_a_network_and_fits_a_phone(book, course, reader, name):
    assert reader.open(book / f"{name}.html", *PHONE) == []
    assert reader.run(CUT_OFF) == []
    assert (
        reader.run("return [...document.images].filter(one => !one.naturalWidth || !one.alt.trim()).length")
        == 0
    )
    formulas = reader.formulas()
    assert formulas["faults"] == []
    if name in LESSONS:
        cells = Lesson(course / "notebooks" / f"{name}.ipynb").cells
        assert formulas["drawn"] >= sum(source(one).count("\n$$") // 2 for one in cells)


@pytest.mark.parametrize("name", LESSONS)
def test_page_shows_the_stored_outputs_of_its_lesson(book, course, name):
    lesson = Lesson(course / "notebooks" / f"{name}.ipynb")
    page = (book / f"{name}.html").read_text(encoding="utf-8")
    kinds = {"image/png", "image/svg+xml"}
    pictures = [out for one in lesson.code_cells for out in one["outputs"] if kinds & {*out.get("data", {})}]
    assert page.count("<img alt=") - page.count('class="logo"') == len(pictures)
    assert any(
        path.read_bytes() == lesson.path.read_bytes() for path in book.glob(f"_downloads/*/{name}.ipynb")
    )


@pytest.mark.parametrize("name", LESSONS)
def test_no_sentence_of_a_lesson_is_lost(book, course, name):
    lesson = Lesson(course / "notebooks" / f"{name}.ipynb")
    page = BeautifulSoup(
        (book / f"{name}.html").read_text(encoding="utf-8"), "html.parser"
    ).article.get_text()
    shown = {*WORD.findall(page)}
    for cell in lesson.cells:
        if cell["cell_type"] == "markdown":
            said = BLANK.sub("", MARKUP.sub(" ", source(cell)))
            assert {*WORD.findall(said)} <= shown, cell["id"]


def test_every_link_within_the_book_leads_somewhere(book):
    broken = []
    for page in [*book.glob("*.html"), *book.glob("slides/*.html")]:
        ids, links = _links(page)
        for link in links:
            path, _, place = unquote(link).partition("#")
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            known = ids if target == page else _links(target)[0] if place and target.exists() else {}
            if not target.exists() or (place and place not in known):
                broken.append(f"{page.name}: {link}")
    assert broken == []


@functools.cache  # many links lead to places of the same few pages
def _links(page):
    """Return the ids on a page and its links that stay within the book."""
    parser = HTMLParser()
    ids, links = set(), []

    def begin(tag, attributes):
        values = dict(attributes)
        ids.add(values.get("id"))
        links.extend(values[name] for name in ("href", "src") if values.get(name))

    parser.handle_starttag = parser.handle_startendtag = begin
    parser.feed(page.read_text(encoding="utf-8"))
    return ids, [link for link in links if not link.startswith(("http:", "https:", "data:", "mailto:"))]


def test_search_finds_a_word_of_a_lesson_from_a_file(book, reader):
    for word, page in [
        ("stride", "06_output_sizes"),
        ("backpropagation", "03_backpropagation"),
        ("손실", "glossary"),
    ]:
        assert reader.open(book / "search.html", *PHONE, query=f"?q={word}") == []
        found = _until(reader, HITS)
        assert any(page in link for link in found), (word, found)


FOUND = """
    return [...document.querySelectorAll("#search-results li")].map(one => one.innerText);
"""


@pytest.mark.parametrize(
    ("query", "first", "excerpt"),
    [
        ("보폭", "glossary", "스트라이드"),
        ("ストライド", "glossary", "ストライド"),
        ("07", "07_", ""),
        ("lesson 7", "07_", ""),
        ("stride", "", "stride"),
    ],
)
def test_search_knows_lesson_numbers_and_words_in_three_languages(book, reader, query, first, excerpt):
    assert reader.open(book / "search.html", *PHONE, query=f"?q={query}") == []
    links, texts = _until(reader, HITS), reader.run(FOUND)
    if first.endswith("_"):
        assert links[0].startswith(first)
        assert texts[0].startswith("07 ")
    else:
        assert any("06_output_sizes" in link for link in links), links  # where the word is taught
        assert any(link.startswith(first) for link in links)
        assert any(excerpt in text.partition("\n")[2].casefold() for text in texts)
    assert reader.run("return document.documentElement.scrollWidth") <= PHONE[0]


def test_fault_a_search_without_its_data_still_finds_by_sphinx(book, reader, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(book, copy, ignore=shutil.ignore_patterns("slides", "_downloads"))
    (copy / "_static" / "search_data.js").unlink()
    faults = reader.open(copy / "search.html", *PHONE, query="?q=stride")
    assert any("search_data.js" in fault for fault in faults)
    assert any("06_output_sizes" in link for link in _until(reader, HITS))
    assert not any("…" in text for text in reader.run(FOUND))


def _until(reader, script):
    """Return what a script returns once that is not empty, and stays so; wait ten seconds at most."""
    for _ in range(100):
        if found := reader.run(script):
            time.sleep(0.5)
            return reader.run(script) or found
        time.sleep(0.1)
    return []


def test_page_turns_dark_where_the_reader_wants_it(book, reader):
    reader.open(book / f"{LESSONS[0]}.html", *PHONE)
    colour = "return getComputedStyle(document.body).backgroundColor"
    shades = []
    for wish in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": wish}]
        reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        shades.append(sum(int(part) for part in reader.run(colour)[4:-1].split(",")[:3]))
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert shades[0] > 700 and shades[1] < 150


NOTE = "return document.getElementById('term-stride').getBoundingClientRect().toJSON()"
IS_OPEN = "return document.getElementById('term-stride').matches(':popover-open')"


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_word_of_the_glossary_opens_its_note_by_keyboard_and_mouse(book, reader, size):
    assert reader.open(book / "06_output_sizes.html", *size) == []
    word = reader.run("return document.querySelector('[popovertarget=term-stride]')")
    assert not reader.run(IS_OPEN)
    word.send_keys(Keys.ENTER)
    assert reader.run(IS_OPEN)
    place = reader.run(NOTE)
    assert place["left"] >= 0 and place["right"] <= size[0]
    assert place["top"] >= 0 and place["bottom"] <= size[1]
    word.send_keys(Keys.ESCAPE)
    assert not reader.run(IS_OPEN)
    word.click()
    assert reader.run(IS_OPEN)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_a_lesson(book, reader, scheme):
    page = LivePage(reader, book / "06_output_sizes.html")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        assert page.open(PHONE) == []
        assert page.axe() == []
    finally:
        reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_fault_code_that_scrolls_out_of_reach_is_found(book, reader):
    page = LivePage(reader, book / "06_output_sizes.html")
    page.open(PHONE)
    page.run("for (const box of document.querySelectorAll('pre')) box.removeAttribute('tabindex')")
    assert any("scrollable-region-focusable" in fault for fault in page.axe())


def test_lesson_prints_without_what_belongs_to_the_screen(book, reader):
    reader.open(book / "06_output_sizes.html", *DESKTOP)
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for part in PRINTED_NOT:
            shown = f"return [...document.querySelectorAll('{part}')].map(one => one.offsetHeight)"
            assert not any(reader.run(shown)), part
        assert reader.run("return document.querySelector('article').offsetWidth") > 1200
    finally:
        reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    printed = reader.browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert base64.b64decode(printed)[:5] == b"%PDF-"


def test_lessons_follow_each_other(book):
    for before, after in itertools.pairwise(LESSONS):
        page = (book / f"{before}.html").read_text(encoding="utf-8")
        assert f'class="next-page" href="{after}.html"' in page


def test_fault_a_missing_asset_is_found(book, reader, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(book, copy, ignore=shutil.ignore_patterns("slides", "_downloads"))
    (copy / "_static" / "mathjax.js").unlink()
    faults = reader.open(copy / "06_output_sizes.html", *PHONE)
    assert any("failed" in fault or "console" in fault for fault in faults)
    assert any("not drawn" in fault for fault in reader.formulas()["faults"])


def test_fault_a_wide_element_is_found(book, reader):
    reader.open(book / "index.html", *PHONE)
    planted = '<div style="width: 900px">wide</div>'
    reader.run("document.querySelector('article').insertAdjacentHTML('beforeend', arguments[0])", planted)
    assert any("900px" in fault for fault in reader.run(CUT_OFF))
