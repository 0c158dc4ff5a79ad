"""Run lessons in place and store their outputs: clean, small, and the same each time where the lesson is."""

import argparse
import base64
import functools
import io
import json
import re
from pathlib import Path

import nbformat
import numpy as np
from PIL import Image

from convlab.files import write_text
from coursekit.checking.rules import WIDGET_VIEW, compared_cells
from coursekit.lessons import ROOT, CourseError, Lesson, code_digest, find, select, source, text
from coursekit.publishing import map as course_map
from coursekit.running.board import Notices
from coursekit.running.execution import LessonFailed, execute, plain
from coursekit.running.jobs import UNKNOWN_SECONDS
from coursekit.running.kernels import Kernels

KEPT_IN_CELLS = ("tags", "mystnb", "slideshow")
PROGRESS_BAR = re.compile(r"^.*\d+%\|.*(\n|$)|^.*\d+it \[\d\d:\d\d, .*(\n|$)", re.MULTILINE)
CELL_LIMIT = 120  # processor seconds
INVISIBLE = 6  # levels of 255 by which any pixel of a picture may change


def main(argv: list[str]) -> int:
    """Render the lessons that the command line names; return 0, or 1 for a failed lesson."""
    parser = argparse.ArgumentParser(prog="python -m coursekit render", description=__doc__)
    parser.add_argument("lessons", nargs="*", help="numbers or names, all by default")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    options = parser.parse_args(argv)
    root = options.root.resolve()
    chosen = select(find(root), options.lessons)
    with Kernels() as kernels:
        good = [_rendered(lesson, kernels) for lesson in chosen]
    raise_counts(root)
    return int(not all([*good, _mapped(root)]))


def _mapped(root: Path) -> bool:
    """Bring the map up to date, and tell whether that went well."""
    try:
        for path in course_map.update(root):
            print(f"wrote the map into {path.name}")
    except CourseError as error:
        print(error)
        return False
    return True


def _rendered(lesson: Lesson, kernels: Kernels) -> bool:
    """Render one lesson, print how it went, and tell whether it went well."""
    expected = lesson.header.get("seconds", UNKNOWN_SECONDS) if lesson.path.exists() else UNKNOWN_SECONDS
    print(f"{lesson.slug}: about {expected:g} s …", flush=True)
    try:
        size = render(lesson, kernels)
    except (LessonFailed, CourseError) as error:
        print(f"{lesson.slug} {error}\n    its notebook is as it was")
        return False
    print(f"{lesson.slug}: {size / 1e3:,.0f} kB")
    return True


def render(lesson: Lesson, kernels: Kernels) -> int:
    """Execute a lesson, put the outputs into its notebook, and return the size of the file in bytes.

    The file is replaced as a whole, or, if the lesson fails, not touched.
    """
    output = kernels.scratch / lesson.path.name
    with Notices() as notices:
        begins = functools.partial(notices.begin, lesson.slug)
        executed = execute(lesson, output, kernels, limit=CELL_LIMIT, on_cell=begins)
    content = nbformat.writes(nbformat.from_dict(normalised(lesson.notebook, executed))) + "\n"
    if Lesson(lesson.path).notebook != lesson.notebook:
        raise CourseError("was saved by someone else while it ran: render it again")
    write_text(lesson.path, content)
    return len(content.encode())


def normalised(notebook: dict, executed: dict) -> dict:
    """Return `notebook` with the outputs of `executed`, less all that belongs to one run or one machine."""
    cells = [_cell(*pair) for pair in zip(notebook["cells"], executed["cells"], strict=True)]
    header = notebook["metadata"].get("convlab", {})
    metadata = {
        "convlab": header | {"rendered": code_digest(notebook["cells"])},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _cell(cell: dict, result: dict) -> dict:
    """Return one cell, with its outputs if it is code."""
    clean = {
        "cell_type": cell["cell_type"],
        "id": result["id"],
        "metadata": {name: cell["metadata"][name] for name in KEPT_IN_CELLS if name in cell["metadata"]},
        "source": source(cell),
    }
    if cell["cell_type"] != "code":
        return clean
    outputs = [one for output in result["outputs"] if (one := _output(output))]
    return clean | {"execution_count": result["execution_count"], "outputs": outputs}


def _output(output: dict) -> dict | None:
    """Return one output without what changes from run to run; None if nothing is left."""
    match output["output_type"]:
        case "stream":
            return _stream(output)
        case "error":
            return dict(output) | {"traceback": [f"{output['ename']}: {plain(output['evalue'])}"]}
    return _display(output)


def _stream(output: dict) -> dict | None:
    """Return what was printed, without colours and progress bars."""
    said = plain(text(output["text"]))
    said = PROGRESS_BAR.sub("", said) if output["name"] == "stderr" else said
    return dict(output) | {"text": said} if said.strip() else None


def _display(output: dict) -> dict | None:
    """Return a display without widgets, which need a live kernel, and with small pictures."""
    data = {mime: _value(mime, value) for mime, value in output["data"].items() if mime != WIDGET_VIEW}
    if WIDGET_VIEW in output["data"] and set(data) <= {"text/plain"}:
        return None
    return dict(output) | {"data": data}


def _value(mime: str, value):
    """Return one form of a display, normalised."""
    if mime == "image/png":
        return base64.b64encode(smaller(base64.b64decode(text(value)))).decode() + "\n"
    return plain(text(value)) if mime.startswith("text/") else value


def smaller(png: bytes) -> bytes:
    """Return the smallest encoding of a PNG without metadata: in 256 colours where no eye sees it."""
    stored = Image.open(io.BytesIO(png))
    opaque = "A" not in stored.getbands() or stored.getchannel("A").getextrema() == (255, 255)
    picture = stored.convert("RGB" if opaque else "RGBA")
    candidates = [picture]
    if opaque:
        few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        candidates += [few] if _difference(picture, few.convert("RGB")) <= INVISIBLE else []
    return min([png, *map(_encoded, candidates)], key=len)


def _encoded(picture: Image.Image) -> bytes:
    """Return a picture as PNG."""
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _difference(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of any pixel, in levels of 255."""
    return int(np.abs(np.asarray(one, int) - np.asarray(other, int)).max())


def raise_counts(root: Path) -> None:
    """Raise each lesson's number in tests/compared_cells.json to what it has reached; lower none."""
    path = root / "tests" / "compared_cells.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    now = {lesson.slug: len(compared_cells(lesson)) for lesson in find(root)}
    new = {slug: max(old.get(slug, 0), now.get(slug, 0)) for slug in sorted({*old, *now})}
    if new != old:
        write_text(path, json.dumps(new, indent=1) + "\n")
