"""The live page in a browser, as its tests use it: press, write, wait for images seen and not for seconds."""

import sys
import time
from pathlib import Path

from .reading import Reader

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # web_cases lies there

DESKTOP, PHONE = (1100, 1400), (390, 844)
PATIENCE = 150  # seconds for what takes three on an idle machine
INPUT = """const field = arguments[0];
    field.value = arguments[1];
    for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, {bubbles: true}));"""
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
AXE_RUN = """const [place, done] = arguments;
    const part = typeof place === 'string' ? document.querySelector(place) : place;
    axe.run(part).then(found => done(found.violations
        .filter(one => ["serious", "critical"].includes(one.impact))
        .map(one => `${one.id}: ${one.nodes[0].html.slice(0, 120)} ${one.nodes[0].failureSummary}`)),
        done);"""


class LivePage:
    """The page at `path`, which `open` opens anew."""

    def __init__(self, reader: Reader, path: Path):
        self.reader, self.path, self.run = reader, path, reader.run

    def open(self, size=DESKTOP) -> list[str]:
        """Open the page; return what went wrong."""
        return self.reader.open(self.path, *size)

    def faults(self) -> list[str]:
        """Return what has gone wrong since the last call: requests, errors, warnings."""
        return self.reader._logs()

    def until(self, script: str, *arguments):
        """Return what a script returns once that is true; fail after `PATIENCE`."""
        end = time.time() + PATIENCE
        while not (found := self.run(script, *arguments)):
            assert time.time() < end, (script, self.text("cl-status"))
            time.sleep(0.1)
        return found

    def text(self, name: str) -> str:
        """Return what the element with this id says."""
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def press(self, name: str) -> None:
        """Press the button with this id."""
        self.run("document.getElementById(arguments[0]).click()", name)

    def is_disabled(self, name: str) -> bool:
        """Return whether the button with this id cannot be pressed."""
        return self.run("return document.getElementById(arguments[0]).disabled", name)

    def write(self, selector: str, value) -> None:
        """Write into a field or choose from a list, as a reader does."""
        self.run(INPUT, self.run("return document.querySelector(arguments[0])", selector), str(value))

    def train(self, images: int) -> None:
        """Train until that many images have been seen, and pause."""
        self.press("cl-start")
        self.until("return convlab.live.seen >= arguments[0]", images)
        self.pause()

    def pause(self) -> None:
        """Pause, and wait until the worker, which ends the step that it is in, has said so."""
        self.press("cl-start")
        self.until("return document.getElementById('cl-status').textContent.startsWith('Paused after')")

    def axe(self, place: str = "body") -> list[str]:
        """Return what axe-core finds serious or critical in a part of the page."""
        if not self.run("return 'axe' in window"):
            self.run(AXE.read_text(encoding="utf-8"))
        return self.reader.browser.execute_async_script(AXE_RUN, place)
