"""What the live page shows beside its training: the pad, the inside view, files, keyboard."""

import re

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from convlab import networks
from coursekit.publishing import live

from .live_page import PHONE, LivePage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The live page's folder, without the book around it."""
    return live.alone(tmp_path_factory.mktemp("live")).parent


@pytest.fixture
def page(reader, folder):
    """The page, freshly opened, with nothing that went wrong."""
    page = LivePage(reader, folder / "live.html")
    assert page.open() == []
    page.run("localStorage.clear()")
    return page


def stroke(page, *points):
    """Draw a line through points of the pad, in shares of its side, with the mouse."""
    pad = page.run("return document.getElementById('cl-pad')")
    page.run("arguments[0].scrollIntoView({block: 'center'})", pad)
    moves = ActionChains(page.reader.browser, duration=20)
    places = [(round(224 * (x - 0.5)), round(224 * (y - 0.5))) for x, y in points]
    moves.move_to_element_with_offset(pad, *places[0]).click_and_hold()
    for place in places[1:]:
        moves.move_to_element_with_offset(pad, *place)
    moves.release().perform()


ONE = [(0.5, 0.1), (0.5, 0.35), (0.5, 0.6), (0.5, 0.9)]
SEVEN = [(0.25, 0.2), (0.5, 0.2), (0.78, 0.2), (0.65, 0.5), (0.45, 0.9)]


def test_digit_drawn_with_the_mouse_is_centred_and_recognised_by_a_trained_network(page):
    page.press("cl-mnist-994")
    page.until("return document.getElementById('cl-file-note').textContent.includes('Loaded')")
    assert page.until("return convlab.live.training.tests.at(-1)?.accuracy") > 0.99
    for digit, points in ((1, ONE), (7, SEVEN)):
        page.press("cl-clear")
        stroke(page, *points)
        said = "return document.querySelector('#cl-shares .cl-best th')?.textContent"
        assert page.until(f"{said} === '{digit}'")
        drawn = np.reshape(page.run("return [...convlab.live.drawing.own]"), (28, 28)).astype(float)
        rows, columns = (np.average(np.arange(28), weights=drawn.sum(axis=axis)) for axis in (1, 0))
        assert abs(rows - 14) < 0.7 and abs(columns - 14) < 0.7  # MNIST's own: 13.5 to 14.5
        assert 18 <= np.ptp(np.nonzero(drawn.max(axis=1) > 0)[0]) + 1 <= 22
    assert page.faults() == []


def test_digit_of_ones_own_is_saved_tested_and_deleted(page):
    page.press("cl-save-digit")
    assert page.text("cl-draw-note") == "Draw something first."
    stroke(page, *ONE)
    page.write("#cl-digit-label", 1)
    page.press("cl-save-digit")
    assert "1 digits of your own are saved" in page.text("cl-draw-note")
    page.open()  # it is still there
    assert page.run("return document.querySelectorAll('#cl-mine canvas').length") == 1
    page.press("cl-step")
    page.until("return /%/.test(document.getElementById('cl-accuracy_mine').textContent)")
    page.press("cl-delete-digits")
    assert page.run("return document.querySelectorAll('#cl-mine canvas').length") == 0
    assert page.run("return localStorage.getItem('convlab-digits')") == "[]"


def test_damaged_digits_of_ones_own_are_left_out(page):
    good = "[" + ",".join(["7"] * 784) + "]"
    each = [(good, 3), ("[1]", 3), (good, 12)]
    stored = "[" + ",".join(f'{{"pixels": {pixels}, "label": {label}}}' for pixels, label in each) + "]"
    for text, count in ((stored, 1), ("{", 0), ("null", 0)):
        page.run("localStorage.setItem('convlab-digits', arguments[0])", text)
        assert page.open() == []
        assert page.run("return convlab.live.drawing.mine.length") == count
    page.run("localStorage.clear()")


def test_drawn_digit_is_looked_at_layer_by_layer(page):
    page.press("cl-step")
    stroke(page, *SEVEN)
    page.press("cl-look-drawn")
    own = np.array(page.until("return [...convlab.live.drawing.own]"))
    wanted = (own - 33.318421) / 78.56749  # MNIST's mean and standard deviation
    looked = """const {report} = convlab.live.inside, wanted = arguments[0];
        return report && wanted.every((value, i) => Math.abs(value - report.image[i]) < 1e-4)"""
    assert page.until(looked, wanted.tolist())
    canvas = page.run("return document.querySelectorAll('#cl-inside-layers canvas')[1]")
    canvas.send_keys(Keys.ARROW_DOWN)
    assert "25 products" in page.run("return document.querySelectorAll('.cl-detail')[1].textContent")


def test_pad_is_drawn_on_by_finger_and_the_page_does_not_follow_it(page):
    assert page.open(PHONE) == []
    place = page.run("""const pad = document.getElementById("cl-pad");
        pad.scrollIntoView({ block: "center" });
        const { left, top, width, height } = pad.getBoundingClientRect();
        return { left, top, width, height, scrolled: scrollY };""")
    touches = [("touchStart", ONE[0]), *(("touchMove", point) for point in ONE[1:]), ("touchEnd", None)]
    for kind, point in touches:
        at = []
        if point is not None:
            right, down = (
                place[start] + place[side] * share
                for start, side, share in zip(("left", "top"), ("width", "height"), point)
            )
            at = [{"x": right, "y": down}]
        page.reader.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    drawn = np.reshape(
        page.until("return convlab.live.drawing.own && [...convlab.live.drawing.own]"), (28, 28)
    )
    assert 18 <= np.ptp(np.nonzero(drawn.max(axis=1))[0]) + 1 <= 22
    # the finger went 179 pixels; a line of text that comes or goes above the pad moves the page by less
    assert abs(page.run("return scrollY") - place["scrolled"]) < 50


def test_pad_is_drawn_on_by_keyboard(page):
    pad = page.run("return document.getElementById('cl-pad')")
    pad.send_keys(Keys.SPACE, *[Keys.ARROW_DOWN] * 10, Keys.SPACE)
    drawn = np.reshape(page.run("return [...convlab.live.drawing.own]"), (28, 28))
    assert 18 <= np.ptp(np.nonzero(drawn.max(axis=1))[0]) + 1 <= 22
    assert np.ptp(np.nonzero(drawn.max(axis=0))[0]) + 1 <= 8


def test_output_of_a_convolution_is_taken_apart_into_its_products(page):
    page.press("cl-step")
    page.until("return document.querySelectorAll('#cl-inside-layers canvas').length === 9")
    page.until("return convlab.live.training.tests.length === 1 && !convlab.live.isLooking")
    for layer, window in ((1, 5), (4, 5)):  # the image is 0
        canvas = page.run("return document.querySelectorAll('#cl-inside-layers canvas')[arguments[0]]", layer)
        canvas.send_keys(Keys.ARROW_DOWN, *[Keys.ARROW_DOWN] * 3, *[Keys.ARROW_RIGHT] * 4, Keys.PAGE_DOWN)
        explanation = page.run(
            "return document.querySelectorAll('.cl-detail')[arguments[0]].textContent", layer
        )
        assert "Map 2, row 3, column 4: 25 products" in explanation
        grids = page.run(
            """return [...document.querySelectorAll('.cl-detail')[arguments[0]].querySelectorAll('.cl-grid')]
                .map(table => [...table.rows].map(row => [...row.cells].map(cell => +cell.textContent)))""",
            layer,
        )
        seen, kernel, products = map(np.array, grids)
        assert seen.shape == kernel.shape == products.shape == (window, window)
        np.testing.assert_allclose(seen * kernel, products, atol=0.1)
        # the whole sum, from the numbers that the page holds
        asked = """const {report, about} = convlab.live.inside, place = arguments[0] - 1;
            const row = about.rows[place], [, , channels, filters] = row.parameters.kernel;
            const input = place ? report.outputs[place - 1] : report.image, width = row.input[1];
            let sum = report.weights[place].bias[1];
            for (let y = 0; y < 5; y++) for (let x = 0; x < 5; x++) for (let c = 0; c < channels; c++)
                sum += input[((3 + y) * width + 4 + x) * channels + c]
                    * report.weights[place].kernel[((y * 5 + x) * channels + c) * filters + 1];
            return [sum, report.outputs[place][(3 * row.output[1] + 4) * filters + 1]];"""
        computed, shown = page.run(asked, layer)
        assert abs(computed - shown) < 1e-3
        result = float(re.search(r"that is (-?[\d.]*\d)", explanation)[1])
        assert result == pytest.approx(shown, abs=0.006)
        marks = page.run("return [...document.querySelectorAll('.cl-mark')].map(one => !one.hidden)")
        assert marks[layer] and marks[layer - 1] and sum(marks) == 2


def test_pointing_at_an_output_marks_it_and_its_window(page):
    page.press("cl-step")
    page.until("return document.querySelectorAll('#cl-inside-layers canvas').length === 9")
    page.until("return convlab.live.training.tests.length === 1 && !convlab.live.isLooking")
    canvas = page.run("return document.querySelectorAll('#cl-inside-layers canvas')[1]")
    page.run("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(page.reader.browser).move_to_element_with_offset(canvas, 30, 5).perform()
    assert "products add up" in page.run("return document.querySelectorAll('.cl-detail')[1].textContent")


def test_gradients_and_filters_are_shown_for_another_image(page):
    page.press("cl-step")
    page.until("return document.querySelectorAll('#cl-inside-layers canvas').length === 9")
    before = page.text("cl-inside-summary")
    for _ in range(3):
        page.press("cl-next")
    page.until("return document.getElementById('cl-inside-summary').textContent !== arguments[0]", before)
    page.write("#cl-view", "filters")
    assert page.run("return document.querySelectorAll('#cl-inside-layers canvas').length") == 2
    page.write("#cl-view", "gradients")
    assert page.run("return document.querySelectorAll('#cl-inside-layers canvas').length") == 9


def test_saved_network_is_loaded_by_keras_and_by_the_page(page, tmp_path):
    page.train(200)
    page.press("cl-save")
    page.until("return convlab.live.saved?.length > 0")
    content = bytes(page.run("return [...convlab.live.saved]"))
    (tmp_path / "network.npz").write_bytes(content)
    page.until("return !convlab.live.isLooking")
    image, shares = page.run(
        "return [[...convlab.live.inside.report.image], [...convlab.live.inside.report.shares]]"
    )
    logits = networks.from_page(tmp_path / "network.npz").predict(
        np.reshape(image, (1, 28, 28, 1)).astype(np.float32), verbose=0
    )
    np.testing.assert_allclose(np.exp(logits[0]) / np.exp(logits[0]).sum(), shares, atol=1e-5)
    accuracy = page.run("return convlab.live.training.tests.at(-1).accuracy")
    page.open()
    page.run("return document.getElementById('cl-load')").send_keys(str(tmp_path / "network.npz"))
    page.until("return document.getElementById('cl-file-note').textContent === 'Loaded: network.npz.'")
    assert page.until("return convlab.live.training.tests.at(-1)?.accuracy") >= accuracy - 0.2
    assert page.faults() == []


def test_damaged_network_is_refused_and_the_present_one_stays(page, tmp_path):
    (tmp_path / "network.npz").write_bytes(b"no archive")
    page.train(100)
    layers = page.run("return JSON.stringify(convlab.live.editor.layers)")
    page.run("return document.getElementById('cl-load')").send_keys(str(tmp_path / "network.npz"))
    page.until("return document.getElementById('cl-file-note').textContent.includes('not loaded')")
    assert "this is no .npz file" in page.text("cl-file-note")
    assert page.run("return JSON.stringify(convlab.live.editor.layers)") == layers
    assert page.run("return convlab.live.seen") >= 100


@pytest.mark.parametrize("size", [(1100, 1400), PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, size, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        page.open(size)
        page.press("cl-step")
        page.until("return document.querySelectorAll('#cl-wrong-box canvas').length > 0")
        assert page.axe() == []
    finally:
        page.reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_fault_a_field_without_a_name_is_found(page):
    page.run("document.querySelector('.cl').insertAdjacentHTML('beforeend', '<input type=\"text\">')")
    assert any("label" in fault for fault in page.axe())


def test_every_control_is_reached_by_tab(page):
    page.run("document.getElementById('cl-data').focus()")
    reached = set()
    for _ in range(90):
        ActionChains(page.reader.browser).send_keys(Keys.TAB).perform()
        reached.add(page.run("return document.activeElement.id"))
    for name in (
        "cl-preset",
        "cl-add",
        "cl-start",
        "cl-step",
        "cl-reset",
        "cl-pad",
        "cl-save-digit",
        "cl-index",
        "cl-load",
    ):
        assert name in reached


@pytest.mark.parametrize("language, start", [("ko", "시작"), ("ja", "開始")])
def test_page_speaks_korean_and_japanese_and_remembers_it(page, language, start):
    page.train(200)
    page.write("#cl-language", language)
    assert page.text("cl-start") == start
    assert page.run("return convlab.live.seen") >= 200  # what was learned stays
    page.write(".cl-layers tbody label:nth-child(2) input", 29)
    assert "29" in page.text("cl-network-error")
    assert page.text("cl-network-error") == page.run("return convlab.message(convlab.live.editor.fault)")
    assert page.run("return document.querySelector('.cl').lang") == language
    assert page.open(PHONE) == []
    assert page.text("cl-start") == start
    assert page.run("return document.documentElement.scrollWidth") <= PHONE[0]
    assert page.axe() == []
    page.run("localStorage.clear()")
