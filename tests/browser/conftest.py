"""The book and its slides, made once, and a Chromium that reaches no network, for the tests of both."""

import shutil

import pytest

from coursekit.lessons import ROOT
from coursekit.publishing.book import make

from .reading import Reader


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A copy of what the book is made of, which nobody edits meanwhile."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("notebooks", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".*"))
    return folder


@pytest.fixture(scope="session")
def book(course):
    """The folder of the whole course's site, its slides in slides/."""
    folder = course / "build" / "site"
    assert make(course, folder) == 0
    return folder


@pytest.fixture(scope="session")
def chromium():
    """The paths of Chromium and of its driver; without them the tests are skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("no Chromium with a driver: apt-get install chromium chromium-driver")
    return program, driver


@pytest.fixture(scope="session")
def reader(chromium):
    """A headless Chromium for which every address but this machine's files is out of reach."""
    with Reader(*chromium) as reader:
        yield reader
