"""A notebook in a JupyterLab of its own, in a browser: what the tests of widgets share."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from .live_page import AXE, AXE_RUN

ROOT = Path(__file__).resolve().parents[2]
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


@contextlib.contextmanager
def opened(home, notebook, chromium):
    """Give a browser in which a copy of a notebook is open, its kernel ready, nothing run yet.

    Args:
        home: a folder for the copy, for JupyterLab's settings and for its log.
        notebook: the path of the notebook.
        chromium: the paths of Chromium and of its driver.
    """
    with served(home, notebook) as address, started(chromium) as browser:
        browser.get(address)
        until(browser, lambda: browser.execute_script(OPENED))
        yield browser


@contextlib.contextmanager
def started(chromium):
    """Give a browser; `chromium` is the paths of Chromium and of its driver."""
    program, driver = chromium
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS.split():
        options.add_argument(flag)
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        browser.set_script_timeout(PATIENCE)
        yield browser
    finally:
        browser.quit()


@contextlib.contextmanager
def served(home, notebook):
    """Give the address of a copy of a notebook in a JupyterLab without a person's settings."""
    (home / "lessons").mkdir()
    shutil.copy(notebook, home / "lessons")
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
        yield _address(home, server, notebook.name)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def _address(home, server, name):
    """Return where the server listens, once it does."""
    for _ in range(PATIENCE * 2):
        for file in (home / "runtime").glob("jpserver-*.json"):
            try:
                info = json.loads(file.read_text())
                return f"{info['url']}lab/tree/{name}?reset&token={info['token']}"
            except ValueError:
                pass  # half written
        assert server.poll() is None, (home / "log").read_text()[-2000:]
        time.sleep(0.5)
    raise AssertionError((home / "log").read_text()[-2000:])


def until(browser, condition):
    """Return what `condition` returns once that is true."""
    wait = WebDriverWait(browser, PATIENCE, ignored_exceptions=[Exception])
    return wait.until(lambda _: condition(), "the page never came to show it")


def output(browser, cell_id):
    """Return the element of a cell's output, scrolled into view."""
    browser.execute_async_script(SHOW, cell_id)
    cell = browser.execute_script(CELL, cell_id)
    return cell.find_element(By.CSS_SELECTOR, ".jp-Cell-outputArea")


def run(browser, cell_id):
    """Run a cell, and wait until it has run."""
    assert browser.execute_async_script(RUN, cell_id) == "run"


def axe(browser, element):
    """Return what axe-core finds serious or critical in an element of the page."""
    if not browser.execute_script("return 'axe' in window"):
        browser.execute_script(AXE.read_text(encoding="utf-8"))
    return browser.execute_async_script(AXE_RUN, element)
