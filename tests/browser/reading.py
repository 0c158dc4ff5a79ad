"""Open pages as a reader without a network does, and tell what went wrong: requests, errors, formulas."""

import json
from pathlib import Path

from selenium import webdriver

FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --hide-scrollbars
    --disable-background-networking --disable-component-update --disable-sync
    --proxy-server=127.0.0.1:9 --proxy-bypass-list=<-loopback>"""  # nothing listens on port 9
SETTLED = """
    const done = arguments[0];
    const deck = () => !document.querySelector(".reveal") || window.Reveal?.isReady();
    const drawn = () => window.MathJax?.startup?.promise ?? Promise.resolve();
    const wait = () => deck() ? done("settled") : setTimeout(wait, 20);
    const begin = () => drawn().then(wait, wait);
    document.readyState === "complete" ? begin() : addEventListener("load", begin);
"""
FORMULAS = """
    const prose = document.querySelector("article, .slides") ?? document.body;
    const walk = document.createTreeWalker(prose, NodeFilter.SHOW_TEXT);
    const raw = [];
    const tex = /\\$\\$|\\\\\\(|\\\\\\[|\\\\(frac|sum|left)/;
    for (let node = walk.nextNode(); node; node = walk.nextNode())
        if (tex.test(node.data) && !node.parentElement.closest("pre, code, script, mjx-container, aside"))
            raw.push(node.data.trim().slice(0, 60));
    const all = [...document.querySelectorAll("mjx-container")];
    const empty = all.filter(one => !one.querySelector("svg path, svg rect"));
    const wrong = [...document.querySelectorAll("[data-mml-node=merror], mjx-merror")];
    return {
        drawn: all.length,
        faults: [
            ...raw.map(text => `not drawn: ${text}`),
            ...empty.map(() => "drawn as nothing"),
            ...wrong.map(one => `not TeX: ${one.textContent.slice(0, 60)}`),
        ],
    };
"""


class Reader:
    """A browser of its own, closed at the end of a `with` block."""

    def __init__(self, chromium: str, driver: str):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in FLAGS.split():
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
        self.browser.set_script_timeout(120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.quit()

    def open(self, page: Path, width: int, height: int, query: str = "") -> list[str]:
        """Open a file in a window of this size and return what went wrong until it had settled."""
        self._logs()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.browser.get(page.as_uri() + query)
        assert self.browser.execute_async_script(SETTLED) == "settled"
        return self._logs()

    def run(self, script: str, *arguments):
        """Return what JavaScript on the page returns."""
        return self.browser.execute_script(script, *arguments)

    def formulas(self) -> dict:
        """Return how many formulas are drawn, and which are not."""
        return self.run(FORMULAS)

    def _logs(self) -> list[str]:
        """Return the faults that the browser has written down since the last call."""
        said = [entry for entry in self.browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        faults = [f"console: {entry['message']}" for entry in said]
        return [*faults, *filter(None, map(_fault, events))]


def _fault(event: dict) -> str | None:
    """Return what is wrong with an event of the network: it left this machine, or it failed."""
    match event:
        case {"method": "Network.requestWillBeSent", "params": {"request": {"url": url}}}:
            return None if url.startswith(("file:", "data:", "blob:")) else f"request: {url}"
        case {"method": "Network.loadingFailed", "params": params} if not params.get("canceled"):
            return f"failed: {params.get('errorText')}"
    return None
