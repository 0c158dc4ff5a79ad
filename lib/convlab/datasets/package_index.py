"""Find a file of a published package in the package index that pip or uv uses here, to read it as a file.

Nothing is installed and nothing imported. The standard library alone, and requests.
"""

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    import requests

__all__ = ["address", "host", "index", "is_package"]

DEFAULT = "https://pypi.org/simple/"
SETTINGS = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
ACCEPTED = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"


def is_package(url: str) -> bool:
    """Return whether an address names a package's file.

    >>> is_package("pypi:vaderSentiment/vaderSentiment-3.3.2.tar.gz"), is_package("https://example.org/1.zip")
    (True, False)
    """
    return url.startswith("pypi:")


def index() -> str:
    """Return the address of the package index that this machine's pip or uv is set to."""
    for name in SETTINGS:
        if os.environ.get(name):
            return os.environ[name].rstrip("/") + "/"
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    return said.rstrip("/") + "/" if said.startswith(("https://", "http://")) else DEFAULT


def host(url: str) -> str:
    """Return the server of an address, without the name and password that it may have."""
    return urlsplit(url).netloc.rpartition("@")[2]


def address(url: str, session: "requests.Session") -> str:
    """Return where the index has the file `pypi:PROJECT/FILE`; FileNotFoundError if it has none of this name.

    Args:
        url: the project and the file.
        session: of `requests`, which asks the index.
    """
    project, _, file = url.removeprefix("pypi:").partition("/")
    page = urljoin(index(), re.sub(r"[-_.]+", "-", project).lower() + "/")
    answer = session.get(page, headers={"Accept": ACCEPTED}, timeout=5)
    answer.raise_for_status()
    if "json" in answer.headers.get("Content-Type", ""):
        found = [entry["url"] for entry in answer.json()["files"] if entry["filename"] == file]
    else:
        links = re.findall(r'<a\s[^>]*?href="([^"#]+)[^>]*>\s*([^<\s]+)', answer.text)
        found = [link for link, name in links if name == file]
    if not found:
        raise FileNotFoundError(f"{host(page)} has no file {file}")
    return urljoin(answer.url, found[0])
