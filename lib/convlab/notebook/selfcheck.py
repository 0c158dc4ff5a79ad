"""Does this machine have what the course needs? Rows of what was found, and what to do about a fault."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

from convlab import DATA_FOLDER
from convlab.machine import cores
from convlab.printing import printable

NONE = "not installed"
LONGEST_TRIAL = 180  # seconds; TensorFlow's first import from a slow disk takes a minute
TRAIN_ONE_STEP = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.train_on_batch(keras.ops.ones((8, 4)), keras.ops.zeros((8, 2)))
"""


class Row(NamedTuple):
    """One finding: what was looked at, what was found, whether it suffices, and what to do if not."""

    what: str
    found: str
    good: bool
    remedy: str = ""

    def __str__(self):
        advice = "" if self.good else f"\n      {self.remedy}"
        return printable(f"{'ok  ' if self.good else 'LOOK'}  {self.what:12} {self.found}{advice}")


def rows() -> list[Row]:
    """Return the findings that cost no time: Python, packages, cores, disk."""
    return [_python(), _packages(), _cores(), _disk()]


def tensorflow() -> Row:
    """Return whether TensorFlow can train one step, tried in a process of its own (some seconds)."""
    remedy = "lessons 01 to 06 work without; `make run` installs it again after `rm -r .venv`"
    try:
        trial = subprocess.run(
            [sys.executable, "-c", TRAIN_ONE_STEP],
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_TRIAL,
        )
    except subprocess.TimeoutExpired:
        return Row("TensorFlow", f"did not train one step within {LONGEST_TRIAL} seconds", False, remedy)
    last = (trial.stderr.strip().splitlines() or [""])[-1]
    found = "trained one step" if trial.returncode == 0 else f"exit {trial.returncode}: {last[:80]}"
    return Row("TensorFlow", found, trial.returncode == 0, remedy)


def _python() -> Row:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Row("Python", sys.version.split()[0], good, "the course is tested with Python 3.11, 3.12 and 3.13")


def _packages() -> Row:
    try:
        from packaging.requirements import Requirement  # here, so that its lack is one finding among others

        wanted = [Requirement(line) for line in importlib.metadata.requires("convlab")]
    except ImportError:
        return Row("packages", NONE, False, "`make run` installs them (README.md tells how to without make)")
    wanted = [need for need in wanted if not need.marker or need.marker.evaluate({"extra": ""})]
    bad = [str(need) for need in wanted if not _satisfied(need)]
    found = f"{len(wanted) - len(bad)} of {len(wanted)} packages at the versions wanted"
    return Row(
        "packages", found, not bad, f"missing or too old or new: {', '.join(bad)}; `make run` installs them"
    )


def _satisfied(need) -> bool:
    try:
        return need.specifier.contains(importlib.metadata.version(need.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def _cores() -> Row:
    count = cores()
    return Row(
        "cores", str(count), count >= 2, "one core works; lessons with training take about twice as long"
    )


def _disk() -> Row:
    free = shutil.disk_usage(DATA_FOLDER).free / 1e9
    return Row("disk", f"{free:.0f} GB free", free > 1, "the data sets need 0.4 GB once unpacked")
