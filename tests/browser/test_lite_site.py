"""The site of `make lite` in Chromium, without a network: a lesson opens, Python starts, the course comes.

NumPy for Pyodide cannot be had without its makers' server, so nothing runs here that imports NumPy;
tests/test_lite_wasm.py runs the lessons whole. `make test-lite` installs what this needs.
"""

import functools
import http.server
import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException

from coursekit.lessons import ROOT
from coursekit.publishing import lite

from .reading import FLAGS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]
BUILD = ROOT / "build" / "lite"
PYODIDE = Path(os.environ.get("CONVLAB_PYODIDE", BUILD / "pyodide"))
RUN = """const [code] = arguments, { sessions } = jupyterapp.serviceManager;
    window.answer = null;
    (async () => {
        const asked = { name: "trial", path: "trial.ipynb", type: "notebook", kernel: { name: "python" } };
        window.session ??= await sessions.startNew(asked);
        const said = [], future = session.kernel.requestExecute({ code });
        future.onIOPub = ({ header: { msg_type: kind }, content }) => {
            if (kind === "stream") said.push(content.text);
            if (kind === "display_data") said.push(content.data["text/plain"]);
            if (kind === "error") said.push(`${content.ename}: ${content.evalue}`);
        };
        const { content } = await future.done;
        window.answer = [content.status, said.join("")];
    })().catch((error) => { window.answer = ["failed", String(error)]; });"""
OPENED = """return window.jupyterapp
    && document.querySelector(".jp-NotebookPanel .jp-MarkdownCell h1")?.textContent"""

if not (BUILD / "env").exists() or not (PYODIDE / "pyodide-lock.json").exists():
    pytest.skip(
        "JupyterLite is not installed: make test-lite installs it and runs this", allow_module_level=True
    )


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site with the Pyodide that is here, served on this machine; yields its address."""
    folder = tmp_path_factory.mktemp("lite") / "site"
    lite.make(ROOT, folder, PYODIDE)
    path = folder / "jupyter-lite.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["jupyter-config-data"]["exposeAppInBrowser"] = True  # for `jupyterapp` in RUN
    path.write_text(json.dumps(settings), encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser(chromium, site):
    """JupyterLab with lesson 00, in a Chromium that reaches this machine's server and nothing else."""
    options = webdriver.ChromeOptions()
    options.binary_location = chromium[0]
    for flag in FLAGS.replace("<-loopback>", "127.0.0.1").split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(chromium[1]))
    try:
        browser.set_script_timeout(60)  # below the driver's own limit
        browser.get(f"{site}/lab/index.html?path=00_start_here.ipynb")
        yield browser
    finally:
        browser.quit()


def until(browser, script):
    """Return what a script returns once that is true; the limit of the test is that of this wait."""
    found = None
    while not found:
        time.sleep(0.5)
        with suppress(TimeoutException):  # a busy machine may hold the page up for long
            found = browser.execute_script(script)
    return found


def run(browser, code):
    """Return what a cell printed in the browser's Python; AssertionError if it failed."""
    browser.execute_script(RUN, code)
    status, said = until(browser, "return window.answer")
    assert status == "ok", said
    return said


def test_lesson_opens_and_its_kernel_gets_the_course(browser):
    assert "Start here" in until(browser, OPENED)
    run(browser, lite.FIRST_CELL.format(packages=json.dumps(["filelock", "packaging", "threadpoolctl"])))
    program = "from convlab import datasets, machine, report, shapes\n"
    program += "from convlab.exercises import record\nfrom convlab.notebook import selfcheck\n"
    program += "record.update(lambda statuses: statuses.setdefault('lesson_00', {}).update(values='right'))\n"
    program += (
        "report.summary(cores=machine.cores(), browser=machine.in_browser(), record=str(record.read()))\n"
    )
    program += "print(shapes.output_size(6, 3, 2, 0), machine.processor_seconds() > 0, *selfcheck.rows())"
    said = run(browser, program)
    assert "browser True · record {'lesson_00': {'values': 'right'}}" in said
    assert "2 True note  Python" in said and "in a browser" in said


def test_fault_a_module_that_is_not_there_is_found(browser):
    with pytest.raises(AssertionError, match="No module named 'tensorflow'"):
        run(browser, "import tensorflow")


def test_nothing_is_asked_of_another_machine(browser, site):
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert any("course.zip" in url or "jupyter-lite.json" in url for url in asked)
    assert [url for url in asked if not url.startswith((site, "data:", "blob:"))] == []
