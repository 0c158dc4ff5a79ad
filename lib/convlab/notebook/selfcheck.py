"""Does this machine have what the course needs? What was found, and what to do about it."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from convlab import DATA_FOLDER
from convlab.machine import cores, in_browser
from convlab.printing import printable

if TYPE_CHECKING:
    from packaging.requirements import Requirement

LONGEST_TRIAL = 180  # seconds; TensorFlow's first import from a slow disk takes a minute
TRAIN_ONE_STEP = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.train_on_batch(keras.ops.ones((8, 4)), keras.ops.zeros((8, 2)))
"""


class Level(StrEnum):
    """How serious a finding is; its value is what a line begins with."""

    GOOD = "ok"
    NOTE = "note"  # the lessons run without it
    PROBLEM = "LOOK"


class Row(NamedTuple):
    """One finding: what was looked at, what was found, how serious it is, and what to do about it."""

    what: str
    found: str
    level: Level = Level.GOOD
    remedy: str = ""

    @property
    def good(self) -> bool:
        """Return whether there is nothing to do."""
        return self.level == Level.GOOD

    def line(self, width: int = 12) -> str:
        """Return the finding as a person reads it, with `width` characters for what was looked at.

        >>> print(Row("cores", "1", Level.NOTE, "one core works").line(width=6))
        note  cores  1
              one core works
        """
        remedy = "" if self.good else f"\n      {self.remedy}"
        return printable(f"{self.level:4}  {self.what:{width}} {self.found}{remedy}")

    def __str__(self) -> str:
        return self.line()


def rows() -> list[Row]:
    """Return the findings that cost no time: Python, packages, cores, disk; in a browser Python alone."""
    if in_browser():
        remedy = "lessons 00 to 06 run here; nobody has tested them with this Python"
        return [Row("Python", f"{sys.version.split()[0]} in a browser", Level.NOTE, remedy)]
    return [_python(), _packages(), _cores(), _disk()]


def tensorflow(variables: Mapping[str, str] | None = None) -> Row:
    """Return whether TensorFlow can train one step, tried in a process of its own (some seconds).

    `variables` are those of the process; by default the ones of this process.
    """
    if in_browser():
        return Row("TensorFlow", "none in a browser", Level.NOTE, "lessons 00 to 06 work without")
    remedy = "lessons 01 to 06 work without; `make run` installs it again after `rm -r .venv`"
    try:
        trial = subprocess.run(
            [sys.executable, "-c", TRAIN_ONE_STEP],
            env={**(os.environ if variables is None else variables), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_TRIAL,
        )
    except subprocess.TimeoutExpired:
        found = f"did not train one step within {LONGEST_TRIAL} seconds"
        return Row("TensorFlow", found, Level.PROBLEM, remedy)
    if trial.returncode == 0:
        return Row("TensorFlow", "trained one step")
    last = (trial.stderr.strip().splitlines() or [""])[-1]
    return Row("TensorFlow", f"exit {trial.returncode}: {last[:80]}", Level.PROBLEM, remedy)


def packages_installed() -> bool:
    """Return whether the course's packages are installed at all."""
    try:
        import packaging  # noqa: F401

        return bool(importlib.metadata.requires("convlab"))
    except ImportError:  # or PackageNotFoundError, which is one
        return False


def _python() -> Row:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    remedy = "the course is tested with Python 3.11, 3.12 and 3.13"
    return Row("Python", sys.version.split()[0], Level.GOOD if good else Level.PROBLEM, remedy)


def _packages() -> Row:
    if not packages_installed():
        remedy = "`make run` installs them; README.md says how to install them without make"
        return Row("packages", "not installed", Level.PROBLEM, remedy)
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in importlib.metadata.requires("convlab") or []]
    wanted = [need for need in wanted if not need.marker or need.marker.evaluate({"extra": ""})]
    bad = [str(need) for need in wanted if not _satisfied(need)]
    found = f"{len(wanted) - len(bad)} of {len(wanted)} packages at the versions wanted"
    remedy = f"missing or too old or new: {', '.join(bad)}; `make run` installs them"
    return Row("packages", found, Level.PROBLEM if bad else Level.GOOD, remedy)


def _satisfied(need: "Requirement") -> bool:
    try:
        return need.specifier.contains(importlib.metadata.version(need.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def _cores() -> Row:
    count = cores()
    remedy = "one core works; lessons with training take about twice as long"
    return Row("cores", str(count), Level.GOOD if count >= 2 else Level.NOTE, remedy)


def _disk() -> Row:
    free = shutil.disk_usage(DATA_FOLDER).free / 1e9
    remedy = "the data sets need 0.4 GB once unpacked"
    return Row("disk", f"{free:.0f} GB free", Level.GOOD if free > 1 else Level.PROBLEM, remedy)
