"""Lesson 06's explorer where learners meet it: in JupyterLab, in a browser, with a slider moved on the page.

It needs Chromium with its driver (on Debian: apt-get install chromium chromium-driver); without it the
test is skipped and says so.
"""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .lab_page import ROOT, opened, output, run, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory, chromium):
    """The lesson, open in the browser, its kernel ready, nothing run yet."""
    notebook = ROOT / "notebooks" / "06_output_sizes.ipynb"
    with opened(tmp_path_factory.mktemp("lab"), notebook, chromium) as browser:
        yield browser


def test_stored_picture_is_shown_before_anything_has_run(lesson):
    picture = until(lesson, lambda: output(lesson, "explorer").find_element(By.CSS_SELECTOR, "img"))
    assert picture.get_property("naturalWidth") > 300
    assert "Error displaying widget" not in output(lesson, "explorer").text


def test_moved_slider_changes_the_number_on_the_page(lesson):
    for cell_id in ("imports", "explorer"):
        run(lesson, cell_id)
    explorer = until(lesson, lambda: output(lesson, "explorer"))
    until(lesson, lambda: "floor((6 - 3 + 2·0) / 2) + 1 = 2" in explorer.text)
    before = explorer.find_element(By.CSS_SELECTOR, "img").get_attribute("src")
    handles = explorer.find_elements(By.CSS_SELECTOR, ".noUi-handle")
    assert len(handles) == 4
    handles[0].send_keys(Keys.ARROW_RIGHT)  # input i: 6 to 7
    until(
        lesson,
        lambda: "floor((7 - 3 + 2·0) / 2) + 1 = 3, so 3×3 places; never read: 0 of 49" in explorer.text,
    )
    handles[3].send_keys(Keys.ARROW_RIGHT)  # padding p: 0 to 1
    until(lesson, lambda: "floor((7 - 3 + 2·1) / 2) + 1 = 4" in explorer.text)
    picture = explorer.find_element(By.CSS_SELECTOR, "img")
    assert picture.get_attribute("src") != before
    assert picture.get_attribute("alt") in explorer.text
    assert picture.get_property("naturalWidth") > 300


def test_filter_that_does_not_fit_is_reported_not_broken(lesson):
    hold(lesson, 3, Keys.HOME, "+ 2·0)")
    hold(lesson, 0, Keys.HOME, "an input of 1 with padding 0")
    hold(lesson, 1, Keys.END, "kernel of 11 does not fit an input of 1 with padding 0")


def hold(browser, number, key, sentence):
    """Press a key on a slider, again and again as a held key does, until the explorer says the sentence."""

    def said():
        explorer = output(browser, "explorer")
        explorer.find_elements(By.CSS_SELECTOR, ".noUi-handle")[number].send_keys(key)
        return sentence in explorer.text

    until(browser, said)
