"""Explorers in a page of the book: sliders move by keyboard, stored pictures are replaced, axe is content."""

import json

import pytest
from selenium.webdriver.common.keys import Keys

from convlab.files import write_text
from coursekit.lessons import ROOT, Lesson
from coursekit.publishing import live

from .live_page import PHONE, LivePage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
LESSONS = sorted({lesson for lesson, *_ in live.EXPLORERS})


@pytest.fixture(scope="module")
def page_of(reader, tmp_path_factory):
    """A function that opens a lesson's explorers, each behind an output with a picture."""
    folder = tmp_path_factory.mktemp("explorers")
    for name, text in live.files().items():
        write_text(folder / "_static" / "web" / name, text)

    def opened(slug, size=(1100, 1400)):
        cells = [{"id": place} for lesson, place, *_ in live.EXPLORERS if lesson == slug]
        shown = live.with_explorers(slug, cells)
        parts = [one.get("source", f'<div class="cell_output" id="{one["id"]}">still</div>') for one in shown]
        head = '<meta charset="utf-8"><title>Explorers</title>'
        body = "\n".join(["<main>", "<h1>Explorers</h1>", *parts, "</main>"])
        write_text(
            folder / f"{slug}.html", f'<!doctype html><html lang="en"><head>{head}</head>{body}</html>'
        )
        page = LivePage(reader, folder / f"{slug}.html")
        assert page.open(size) == []
        page.run("return convlab.mounted")  # a promise: trained networks are read first
        return page

    return opened


@pytest.mark.parametrize("lesson, place, name", live.EXPLORERS)
def test_place_of_each_explorer_is_a_cell_of_its_lesson(lesson, place, name):
    cells = Lesson(ROOT / "notebooks" / f"{lesson}.ipynb").cells
    assert place in [cell.get("id") for cell in cells]
    called = {"sizes": "output_size_explorer(", "slide": "filter_explorer("}.get(name, f'explorer("{name}")')
    assert called in next("".join(cell["source"]) for cell in cells if cell["id"] == place)
    with_them = live.with_explorers(lesson, cells)
    behind = next(i for i, cell in enumerate(with_them) if cell.get("id") == place) + 1
    assert f'data-explorer="{name}"' in with_them[behind]["source"]


def test_lesson_without_explorers_stays_as_it_is():
    cells = [{"id": "a"}]
    assert live.with_explorers("02_logistic_regression", cells) is cells


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_slider_of_a_lesson_moves_by_keyboard_and_changes_its_sentence_or_picture(page_of, lesson):
    page = page_of(lesson)
    boxes = page.run("return [...document.querySelectorAll('.cx')]")
    assert len(boxes) == sum(one[0] == lesson for one in live.EXPLORERS)
    shown = """const box = arguments[0];
        return box.querySelector('.cx-sentence').textContent + box.querySelector('svg').outerHTML"""
    for box in boxes:
        for slider in page.run("return [...arguments[0].querySelectorAll('input')]", box):
            if page.run("return arguments[0].step", slider) == "0.01":
                continue  # the learning rate of the surface counts when the button is pressed
            before = page.run(shown, box)
            end = page.run("return arguments[0].value === arguments[0].max", slider)
            slider.send_keys(Keys.ARROW_LEFT if end else Keys.ARROW_RIGHT)
            assert page.run(shown, box) != before
    assert page.faults() == []
    assert page.axe() == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_explorers_fit_a_phone(page_of, lesson):
    page = page_of(lesson, PHONE)
    assert page.run("return document.documentElement.scrollWidth") <= PHONE[0]
    assert page.axe() == []


def test_still_picture_of_an_explorer_gives_way_to_the_live_one(page_of):
    page = page_of("06_output_sizes")
    hidden = "return [...document.querySelectorAll('.cell_output')].map(one => one.style.display)"
    assert page.run(hidden) == ["none", "none", "none"]


def test_filter_that_does_not_fit_is_reported(page_of):
    page = page_of("06_output_sizes")
    box = page.run("return [...document.querySelectorAll('.cx')].at(-1)")
    sliders = page.run("return [...arguments[0].querySelectorAll('input')]", box)
    sliders[1].send_keys(Keys.END)
    assert "kernel of 11 does not fit an input of 6" in page.run("return arguments[0].textContent", box)
    assert page.run("return arguments[0].querySelectorAll('.cx-outside').length", box) == 1


def test_steps_of_gradient_descent_go_down_the_surface(page_of):
    page = page_of("01_linear_regression")
    losses = []
    for _ in range(4):
        said = page.run("return document.querySelector('.cx-sentence').textContent")
        losses.append(float(said.split("loss ")[1].split(";")[0]))
        page.run("document.querySelector('.cx button').click()")
    assert losses == sorted(losses, reverse=True) and losses[0] == 25 and losses[-1] < 1


def test_press_on_the_surface_chooses_the_line_that_stands_there(page_of):
    page = page_of("01_linear_regression")
    page.run("""const box = document.querySelector('.cx-box');
        const size = box.firstChild.getBoundingClientRect();
        const [x, y] = [size.left + 270 * 3 / 6, size.top + 270 * 4 / 8];  // slope 2, intercept 1
        box.dispatchEvent(new PointerEvent('pointerdown', {clientX: x, clientY: y, bubbles: true}));""")
    assert "y = 2.0x + 1.0: loss 0.00" in page.run(
        "return document.querySelector('.cx-sentence').textContent"
    )


def test_press_on_the_map_chooses_a_unit_and_its_window_follows(page_of):
    page = page_of("10_inside_a_network")
    page.run("""const map = document.querySelector('.cx-box').firstChild;
        const {left, top} = map.getBoundingClientRect();
        const at = {clientX: left + 5, clientY: top + 100, bubbles: true};  // 14 units on 196 pixels
        map.dispatchEvent(new PointerEvent('pointerdown', at));""")
    said = page.run("return document.querySelector('.cx-sentence').textContent")
    assert said == (
        "conv2_2, row 7, column 0: the unit sees 14×14 pixels, 112 of the image and 84 of the padding"
    )
    page.run("return document.querySelector('.cx input')").send_keys(Keys.HOME)  # conv1_1
    assert page.run("return document.querySelectorAll('.cx input')[1].max") == "27"


def test_button_tries_all_places_of_the_square(page_of):
    page = page_of("10_inside_a_network")
    box = page.run("return [...document.querySelectorAll('.cx')].at(-1)")
    pictures = "return arguments[0].querySelectorAll('svg').length"
    assert page.run(pictures, box) == 2
    page.run("arguments[0].querySelector('button').click()", box)
    assert page.run(pictures, box) == 3
    assert page.run("return arguments[0].querySelectorAll('[fill=\"#ff8c1a\"]').length", box) > 5
    page.run("return arguments[0].querySelector('input')", box).send_keys(Keys.ARROW_RIGHT)
    assert page.run(pictures, box) == 2  # another digit


def test_explorer_without_its_network_keeps_its_still_picture_and_says_why(reader, tmp_path):
    for name in live._scripts()["trained"]:
        text = (live.WEB / f"{name}.js").read_text(encoding="utf-8")
        write_text(tmp_path / "_static" / "web" / f"{name}.js", text)
    shown = live.with_explorers("09_mnist_with_keras", [{"id": "shift-explorer"}])
    still = '<div class="cell_output">still</div>'
    parts = "".join(one.get("source", still) for one in shown)
    write_text(tmp_path / "page.html", f"<main>{parts}</main>")
    page = LivePage(reader, tmp_path / "page.html")
    page.open()
    page.run("return convlab.mounted")
    assert "mnist-deep.js is missing beside this page" in page.run("return document.body.textContent")
    assert page.run("return document.querySelector('.cell_output').style.display") == ""
    assert page.run("return document.querySelectorAll('input').length") == 0


def test_options_of_lesson_05_are_its_digit_and_its_kernel():
    options = live.options("slide")
    assert len(options["image"]) == 28 and len(json.dumps(options)) < 6000
    kernels = next(
        cell for cell in Lesson(ROOT / "notebooks/05_convolution.ipynb").cells if cell["id"] == "kernels"
    )
    assert '"C": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])' in "".join(kernels["source"])
    assert options["kernel"] == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
