"""Install on Colab what the lessons need and Colab does not have: its own packages stay as they are."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from convlab.printing import say

__all__ = ["install_missing", "missing", "other_versions"]

COURSE = Path(__file__).resolve().parents[3]
# what runs and checks the course; no lesson imports it
NOT_FOR_LESSONS = {"jupyterlab", "papermill", "jupyter-client", "nbclient", "nbformat", "websocket-client"}
TENSORFLOW = {"tensorflow", "tensorflow-cpu"}  # one of them is as good as the other


def install_missing() -> None:
    """Install the packages that are missing, and say which; say, too, which others are of another version."""
    absent, others = missing(), other_versions()
    if absent:
        say(f"Installing {', '.join(sorted(Requirement(one).name for one in absent))} ...")
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *absent], check=True)
    for text in others:
        say(f"{text}; most lessons work all the same")
    say("The course is ready.")


def missing() -> list[str]:
    """Return the requirements of the lessons that no installed package fulfils in any version."""
    return [str(one) for one in _needed() if _installed(one.name) is None]


def other_versions() -> list[str]:
    """Return a sentence for each package whose version is not one that the course was tested with."""
    return [
        f"{one.name} is {version} here, and the course is tested with {one.specifier}"
        for one in _needed()
        if (version := _installed(one.name)) and not one.specifier.contains(version, prereleases=True)
    ]


def _needed() -> list[Requirement]:
    """Return what lessons import, from pyproject.toml, for this system; lesson 26's extra included."""
    project = tomllib.loads((COURSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["serving"]]
    wanted = (Requirement(line) for line in lines)
    return [
        one
        for one in wanted
        if one.name not in NOT_FOR_LESSONS and (one.marker is None or one.marker.evaluate())
    ]


def _installed(name: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    for one in sorted(TENSORFLOW) if name in TENSORFLOW else [name]:
        try:
            return metadata.version(one)
        except metadata.PackageNotFoundError:
            continue
    return None
