"""The explorers where learners meet them: in JupyterLab, in a browser, with a slider moved on the page.

They need Chromium with its driver (on Debian: apt-get install chromium chromium-driver); without it the
tests are skipped and say so.
"""

import nbformat
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .lab_page import ROOT, axe, opened, output, run, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory, chromium):
    """Lesson 06's explorer with its stored picture, alone: a long notebook detaches cells out of view."""
    home = tmp_path_factory.mktemp("lab")
    notebook = nbformat.read(ROOT / "notebooks" / "06_output_sizes.ipynb", 4)
    (cell,) = [cell for cell in notebook.cells if cell.id == "explorer"]
    cell.source = "from convlab.notebook import widgets\nwidgets.output_size_explorer()"
    notebook.cells = [cell]
    nbformat.write(notebook, home / "lesson.ipynb")
    with opened(home, home / "lesson.ipynb", chromium) as browser:
        yield browser


def said(browser, cell_id):
    """Return the sentence of a cell's explorer."""
    return output(browser, cell_id).find_element(By.CSS_SELECTOR, ".cx-sentence").text


def slider(browser, number, cell_id="explorer"):
    """Return a slider of a cell's explorer."""
    return output(browser, cell_id).find_elements(By.CSS_SELECTOR, ".cx input")[number]


def test_stored_picture_is_shown_before_anything_has_run(lesson):
    picture = until(lesson, lambda: output(lesson, "explorer").find_element(By.CSS_SELECTOR, "img"))
    assert picture.get_property("naturalWidth") > 300
    assert "Error displaying widget" not in output(lesson, "explorer").text


def test_moved_slider_changes_the_number_on_the_page(lesson):
    run(lesson, "explorer")
    until(lesson, lambda: "floor((6 - 3 + 2·0) / 2) + 1 = 2" in said(lesson, "explorer"))
    assert len(output(lesson, "explorer").find_elements(By.CSS_SELECTOR, ".cx input")) == 4
    slider(lesson, 0).send_keys(Keys.ARROW_RIGHT)  # input i: 6 to 7
    sentence = "floor((7 - 3 + 2·0) / 2) + 1 = 3, so 3×3 places; never read: 0 of 49"
    until(lesson, lambda: sentence in said(lesson, "explorer"))
    slider(lesson, 3).send_keys(Keys.ARROW_RIGHT)  # padding p: 0 to 1
    until(lesson, lambda: "floor((7 - 3 + 2·1) / 2) + 1 = 4" in said(lesson, "explorer"))


def test_filter_that_does_not_fit_is_reported_not_broken(lesson):
    slider(lesson, 3).send_keys(Keys.HOME)
    slider(lesson, 0).send_keys(Keys.HOME)
    slider(lesson, 1).send_keys(Keys.END)
    until(
        lesson,
        lambda: "kernel of 11 does not fit an input of 1 with padding 0" in said(lesson, "explorer"),
    )


def test_axe_finds_nothing_serious_in_the_explorer(lesson):
    assert axe(lesson, output(lesson, "explorer")) == []


def test_fault_a_slider_without_a_name_is_found(lesson):
    lesson.execute_script(
        "arguments[0].replaceWith(arguments[0].querySelector('input'))",
        slider(lesson, 0).find_element(By.XPATH, ".."),
    )
    assert any("label" in fault for fault in axe(lesson, output(lesson, "explorer")))
