"""The live page in Chromium, from a file: it trains, refuses what cannot be, and requests nothing.

Training is waited for by images seen, not by seconds.
"""

import sys
import time
from pathlib import Path

import pytest

from coursekit.publishing import live

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import web_cases as cases

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
DESKTOP, PHONE = (1100, 1400), (390, 844)
PATIENCE = 300  # seconds for what takes three on an idle machine
SEEN = "return convlab.live.seen"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The live page's file, without the book around it."""
    return live.alone(tmp_path_factory.mktemp("live"))


@pytest.fixture
def opened(reader, page):
    """The page, freshly opened, with nothing that went wrong."""
    assert reader.open(page, *DESKTOP) == []
    return reader


def until(reader, script, *arguments):
    """Return what a script returns once that is true; fail after `PATIENCE`."""
    end = time.time() + PATIENCE
    while not (found := reader.run(script, *arguments)):
        assert time.time() < end, (script, text(reader, "cl-status"))
        time.sleep(0.2)
    return found


def text(reader, name):
    """Return what an element says."""
    return reader.run("return document.getElementById(arguments[0]).textContent", name)


def press(reader, name):
    """Press a button."""
    reader.run("document.getElementById(arguments[0]).click()", name)


def write(reader, name, value):
    """Write into a field, as a reader does."""
    script = """const field = document.getElementById(arguments[0]);
        field.value = arguments[1];
        field.dispatchEvent(new Event("input", {bubbles: true}));"""
    reader.run(script, name, str(value))


@pytest.mark.parametrize("seed", [0])
def test_start_trains_in_a_worker_until_most_digits_are_right(opened, seed):
    write(opened, "cl-seed", seed)
    press(opened, "cl-start")
    until(opened, "return convlab.live.seen >= 6000")
    best = until(
        opened,
        "return convlab.live.tests.some(one => one.seen >= 5000) && convlab.live.tests.at(-1).accuracy",
    )
    press(opened, "cl-start")
    until(opened, "return !convlab.live.running")
    assert best > 0.85
    assert text(opened, "cl-note") == ""  # a worker, and WebAssembly
    assert "2,000 test digits are wrong" in text(opened, "cl-wrong-told")
    assert opened.run("return document.querySelectorAll('#cl-inside-layers canvas').length") == 9
    seen = opened.run(SEEN)
    time.sleep(1)
    assert opened.run(SEEN) == seen
    assert opened._logs() == []  # no request left, nothing went wrong


def test_layers_and_training_steps_are_pythons_in_the_browser_too(opened):
    script = (cases.WEB / "tests" / "answer.js").read_text(encoding="utf-8")
    script = f"{script}; return answerCases(arguments[0])"
    asked = cases.layer_cases(seed=1, count=4)
    for case, answer in zip(asked, opened.run(script, asked), strict=True):
        assert answer["wasm"] == case["wasm"]
        cases.assert_same(case, answer, cases.layer_expected(case))
    asked = cases.network_cases(seed=1)
    for case, answer in zip(
        asked, opened.run(f"{script}; return answerCases(arguments[0])", asked), strict=True
    ):
        cases.assert_same_network(case, answer, cases.network_expected(case))


REFUSED = [  # field of which layer, value, what the page says
    ("kernel of layer 1, Conv2D", "29", "kernel of 29 does not fit an input of 28 with padding valid"),
    ("stride of layer 1, Conv2D", "0", "stride must be a whole number of at least 1, not 0"),
    ("filters of layer 1, Conv2D", "", "filters must be a whole number of at least 1"),
    ("filters of layer 1, Conv2D", "100000", "MB of memory; a page may use 200 MB"),
    ("units of layer 8, Dense", "9", "the last layer gives 9, but there are 10 classes"),
]


@pytest.mark.parametrize("field, value, said", REFUSED)
def test_impossible_network_is_refused_with_the_reason_and_cannot_start(opened, field, value, said):
    name = f"[aria-label='{field}']"
    script = """const field = document.querySelector(arguments[0]);
        field.value = arguments[1];
        field.dispatchEvent(new Event("input", {bubbles: true}));"""
    before = opened.run("return document.querySelector(arguments[0]).value", name)
    opened.run(script, name, value)
    assert said in text(opened, "cl-network-error")
    assert opened.run("return document.getElementById('cl-start').disabled")
    opened.run(script, name, before)
    assert text(opened, "cl-network-error") == ""
    assert not opened.run("return document.getElementById('cl-start').disabled")


@pytest.mark.parametrize("value", ["", "-0.1", "0", "1000000000"])
def test_learning_rate_that_cannot_be_is_refused(opened, value):
    write(opened, "cl-learningRate", value)
    assert "the learning rate is a number above 0 and at most 100" in text(opened, "cl-settings-error")
    assert opened.run("return document.getElementById('cl-start').disabled")


def test_nothing_drawn_is_told(opened):
    press(opened, "cl-keep")
    assert text(opened, "cl-draw-note") == "Draw something first."


def test_page_fits_a_phone(reader, page):
    assert reader.open(page, *PHONE) == []
    assert reader.run("return document.documentElement.scrollWidth") <= PHONE[0]


def test_fault_a_page_without_its_digits_says_so(reader, tmp_path):
    path = live.alone(tmp_path)
    (tmp_path / "_static" / "web" / "mnist.js").unlink()
    reader.open(path, *DESKTOP)
    press(reader, "cl-start")
    assert until(reader, "return document.getElementById('cl-status').textContent.includes('missing')")
