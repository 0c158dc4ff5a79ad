"""TensorBoard as lesson 08 opens it, in a browser: its page draws the curve that was written.

It needs Chromium with its driver, and is skipped where that is missing.
"""

import pytest
import tensorflow as tf
from selenium.webdriver.common.by import By

from convlab.notebook import tensorboard

from .lab_page import started, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
TAG = "validation/accuracy"


@pytest.fixture(scope="module")
def browser(chromium):
    """A browser with no page open."""
    with started(chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with one curve of eight points in its event file."""
    place = tmp_path_factory.mktemp("events")
    with tf.summary.create_file_writer(str(place)).as_default() as writer:
        for step in range(8):
            tf.summary.scalar(TAG, step / 8, step)
        writer.close()
    return place


def test_page_draws_the_curve_under_its_tag_and_tells_its_last_value(browser, folder):
    browser.get(f"{tensorboard.live(folder).src}#timeseries")

    def drawn():
        card = browser.find_element(By.CSS_SELECTOR, "scalar-card")
        said = card.text.replace("\n", "")  # the page breaks a long tag at its slash
        chart = card.find_element(By.CSS_SELECTOR, "line-chart")
        return TAG in said and "0.875" in said and chart.is_displayed()

    assert until(browser, drawn)
