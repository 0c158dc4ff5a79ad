"""Small courses with planted lessons, for the tests of what runs and renders them."""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def cell(name: str, source: str, *tags: str) -> dict:
    """Return a code cell that has not been run."""
    metadata = {"tags": [*tags]}
    empty = {"outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": name, "metadata": metadata, "source": source, **empty}


def ran(name: str, source: str, *tags: str, outputs: Iterable[dict] = ()) -> dict:
    """Return a code cell that has been run."""
    return cell(name, source, *tags) | {"execution_count": 1, "outputs": [*outputs]}


def stream(said: str, name: str = "stdout") -> dict:
    """Return what a cell has printed."""
    return {"output_type": "stream", "name": name, "text": said}


def markdown(name: str, said: str, *tags: str) -> dict:
    """Return a markdown cell."""
    return {"cell_type": "markdown", "id": name, "metadata": {"tags": [*tags]}, "source": said}


def plant(root: Path, slug: str, *cells: dict, **header) -> Path:
    """Write a lesson of these cells into the course in `root` and return its path."""
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3 (ipykernel)"}
    metadata = {"convlab": header, "kernelspec": kernel, "language_info": {"name": "python"}}
    path = root / "notebooks" / f"{slug}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


def changed(document: Any, path: str, value: object) -> Any:
    """Return a copy of nested lists and dictionaries with one value changed, at a path as "spec.ports.0".

    >>> changed({"ports": [80, 443]}, "ports.1", 8443)
    {'ports': [80, 8443]}
    """
    document = copy.deepcopy(document)
    *parts, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = document
    for part in parts:
        place = place[part]
    place[last] = value
    return document
