"""Lesson 06's explorer where learners meet it: in JupyterLab, in a browser, with a slider moved on the page.

It needs Chromium with its driver (on Debian: apt-get install chromium chromium-driver); without it the
test is skipped and says so.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
LESSON = "06_output_sizes.ipynb"
PATIENCE = 180  # seconds, for a busy machine
FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run
    --disable-background-networking --disable-component-update --disable-sync --window-size=1280,1600"""
OPENED = """
    const panel = window.jupyterapp?.shell?.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    const open = panel?.content?.model?.cells?.length && panel.context.isReady;
    return Boolean(open && kernel?.status === "idle");
"""
RUN = """
    const [id, done] = arguments;
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = notebook.widgets.findIndex(cell => cell.model.id === id);
    notebook.scrollToItem(notebook.activeCellIndex, "start").then(() =>
        window.jupyterapp.commands.execute("notebook:run-cell")).then(() => done("run"), done);
"""
SHOW = """
    const [id, done] = arguments;
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.scrollToItem(notebook.widgets.findIndex(cell => cell.model.id === id), "start").then(done, done);
"""
CELL = """
    const notebook = window.jupyterapp.shell.currentWidget.content;
    return notebook.widgets.find(cell => cell.model.id === arguments[0]).node;
"""


@pytest.fixture(scope="module")
def browser(chromium):
    """A headless Chromium."""
    program, driver = chromium
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS.split():
        options.add_argument(flag)
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.set_script_timeout(PATIENCE)
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of the lesson in a JupyterLab of its own, on a copy, without a person's settings."""
    home = tmp_path_factory.mktemp("lab")
    (home / "lessons").mkdir()
    shutil.copy(ROOT / "notebooks" / LESSON, home / "lessons")
    quiet = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "CONVLAB_PROGRESS": "progress.json",
    }
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= {name: str(home / place) for name, place in places.items()}
    options = [
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        f"--ServerApp.root_dir={home}/lessons",
    ]
    with open(home / "log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log
        )
    try:
        yield _address(home, server)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def _address(home, server):
    """Return where the server listens, once it does."""
    for _ in range(PATIENCE * 2):
        for file in (home / "runtime").glob("jpserver-*.json"):
            try:
                info = json.loads(file.read_text())
                return f"{info['url']}lab/tree/{LESSON}?reset&token={info['token']}"
            except ValueError:
                pass  # half written
        assert server.poll() is None, (home / "log").read_text()[-2000:]
        time.sleep(0.5)
    raise AssertionError((home / "log").read_text()[-2000:])


@pytest.fixture(scope="module")
def lesson(browser, lab):
    """The lesson, open in the browser, its kernel ready, nothing run yet."""
    browser.get(lab)
    until(browser, lambda: browser.execute_script(OPENED))
    return browser


def until(browser, condition):
    """Return what `condition` returns once that is true."""
    wait = WebDriverWait(browser, PATIENCE, ignored_exceptions=[Exception])
    return wait.until(lambda _: condition(), "the page never came to show it")


def output(browser, cell_id):
    """Return the element of a cell's output, scrolled into view."""
    browser.execute_async_script(SHOW, cell_id)
    cell = browser.execute_script(CELL, cell_id)
    return cell.find_element(By.CSS_SELECTOR, ".jp-Cell-outputArea")


def test_stored_picture_is_shown_before_anything_has_run(lesson):
    picture = until(lesson, lambda: output(lesson, "explorer").find_element(By.CSS_SELECTOR, "img"))
    assert picture.get_property("naturalWidth") > 300
    assert "Error displaying widget" not in output(lesson, "explorer").text


def test_moved_slider_changes_the_number_on_the_page(lesson):
    for cell_id in ("imports", "explorer"):
        assert lesson.execute_async_script(RUN, cell_id) == "run"
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
