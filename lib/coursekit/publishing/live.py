"""What the book has of web/: the live page, explorers in the lessons, and digits packed for a browser."""

import base64
import gzip
import html
import json
from pathlib import Path

import numpy as np

from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError

WEB, MNIST = ROOT / "web", ROOT / "data" / "mnist.npz"
STILLS = WEB / "stills"
STYLES = ("live.css", "explorers.css")
TRAINED = ("mnist-deep", "mnist-994", "mnist-deep-shift")  # of data/weights, for pages that ask for them
ANSWER = ("occlusion", "shift")  # explorers in which a trained network answers
EVERY_TRAIN, EVERY_TEST = 6, 5  # 10,000 of 60,000 and 2,000 of 10,000: a page should stay small
HELD_OUT = slice(3, None, 12)  # 5,000 of the 50,000 training digits that the page does not train on


def files() -> dict[str, str]:
    """Return what goes to _static/web, by name; `CourseError` if a file is missing."""
    try:
        names = {f"{name}.js" for part in _scripts().values() for name in part}
        found = {name: (WEB / name).read_text(encoding="utf-8") for name in sorted(names.union(STYLES))}
    except OSError as error:
        raise CourseError(f"the book needs {error.filename}: restore it with git") from error
    return found | {"mnist.js": digits(MNIST)} | {f"{name}.js": trained(name) for name in TRAINED}


def markup() -> str:
    """Return the HTML that a page of the book needs to become the live page."""
    scripts = _scripts()
    loading = _loading("live.css", [*scripts["engine"], *scripts["live"]])
    return f'<div id="convlab-live"></div>\n{loading}'


def _scripts() -> dict[str, list[str]]:
    """Return the scripts of web/ in the order in which each part loads them: engine, live, explorers."""
    return json.loads((WEB / "scripts.json").read_text(encoding="utf-8"))


def _loading(style: str, scripts: list[str]) -> str:
    """Return the HTML that loads a style and scripts of _static/web, in this order."""
    tags = [f'<script defer src="_static/web/{name}.js"></script>' for name in scripts]
    return "\n".join([f'<link rel="stylesheet" href="_static/web/{style}">', *tags])


def offer(slug: str) -> str:
    """Return a link to the live page for the lessons that it belongs to, else nothing."""
    if slug.partition("_")[0] not in OFFERED:
        return ""
    return ' · <a href="live.html">Live: train a network in your browser</a>'


def with_explorers(slug: str, cells: list[dict]) -> list[dict]:
    """Return a lesson's cells with its explorers, each behind the cell it belongs to; see web/explorers.js.

    Without scripts the stored picture is all that is seen; with them the explorer takes its place.
    """
    names = {place: name for lesson, place, name in EXPLORERS if lesson == slug}
    if not any(cell.get("id") in names for cell in cells):
        return cells
    found = []
    for cell in cells:
        found.append(cell)
        if cell.get("id") in names:
            found.append(_raw(f"live-{cell['id']}", _explorer(names[cell["id"]])))
    part = "trained" if any(name in ANSWER for name in names.values()) else "explorers"
    return [*found, _raw("live-scripts", _loading("explorers.css", _scripts()[part]))]


def _explorer(name: str) -> str:
    """Return the element that becomes an explorer."""
    text = html.escape(json.dumps(options(name), separators=(",", ":")), quote=True)
    return f'<div data-explorer="{name}" data-options="{text}"></div>'


def options(name: str) -> dict:
    """Return what an explorer shows, as tests/stills.py has written it; `CourseError` if it is missing."""
    try:
        return json.loads((STILLS / f"{name}.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"the book needs {error.filename}: restore it with git") from error


def _raw(name: str, source: str) -> dict:
    """Return a markdown cell of HTML."""
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


OFFERED = ("05", "08", "11", "16")  # lessons with a link to the live page
EXPLORERS = (  # lesson, the cell whose output it takes the place of, explorer
    ("01_linear_regression", "surface-explorer", "surface"),
    ("01_linear_regression", "rate-explorer", "rate"),
    ("05_convolution", "explorer", "slide"),
    ("06_output_sizes", "padding-explorer", "padding"),
    ("06_output_sizes", "field-explorer", "field"),
    ("06_output_sizes", "explorer", "sizes"),
    ("07_fast_convolution", "block-explorer", "blocks"),
    ("09_mnist_with_keras", "shift-explorer", "shift"),
    ("10_inside_a_network", "unit-explorer", "unit"),
    ("10_inside_a_network", "occlusion-explorer", "occlusion"),
)


def alone(folder: Path) -> Path:
    """Write the live page without the book around it into `folder`; return the page's file."""
    for name, text in files().items():
        write_text(folder / "_static" / "web" / name, text)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Live</title>'
    body = f"<main><h1>Live: train a network in this page</h1>\n{markup()}\n</main>"
    page = f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{body}</body>\n</html>\n'
    write_text(folder / "live.html", page)
    return folder / "live.html"


def trained(name: str) -> str:
    """Return a script that holds a trained network of data/weights, in base64."""
    return f'(convlab.trained ??= {{}})["{name}"] = "{packed(name)}";\n'


def packed(name: str) -> str:
    """Return the file of a trained network of data/weights in base64; `CourseError` if it is missing."""
    try:
        return base64.b64encode((ROOT / "data" / "weights" / f"{name}.npz").read_bytes()).decode()
    except OSError as error:
        raise CourseError(f"the live page needs {error.filename}: restore it with git") from error


def digits(path: Path) -> str:
    """Return a script that holds the page's digits of `path`, MNIST; `CourseError` if the file is missing.

    A page that was opened from a file may not read the files beside it, but it may run a script.
    """
    return f'convlab.digits = "{packed_digits(path)}";\n'


def packed_digits(path: Path, held_out: bool = False) -> str:
    """Return every sixth training and every fifth test digit of MNIST, in sixteen greys, as a text.

    With `held_out` 5,000 other training digits take the place of the test digits: the page's settings are
    chosen with them. The layout is that of `unpackDigits` in web/digits.js: four numbers of 32 bits, labels,
    two pixels a byte, in gzip without a date, in base64.
    """
    test, every = ("train", HELD_OUT) if held_out else ("test", slice(None, None, EVERY_TEST))
    try:
        with np.load(path, allow_pickle=False) as file:
            images = np.concatenate([file["x_train"][::EVERY_TRAIN], file[f"x_{test}"][every]])
            labels = np.concatenate([file["y_train"][::EVERY_TRAIN], file[f"y_{test}"][every]])
            counts = len(file["y_train"][::EVERY_TRAIN]), len(file[f"y_{test}"][every])
    except OSError as error:
        raise CourseError(
            f"the live page needs {path.name}, and it is missing: restore it with git"
        ) from error
    greys = np.round(images.reshape(len(images), -1) / 17).astype(np.uint8)
    header = np.array([*counts, *images.shape[1:3]], "<u4").tobytes()
    packed = header + labels.astype(np.uint8).tobytes() + (greys[:, ::2] << 4 | greys[:, 1::2]).tobytes()
    return base64.b64encode(gzip.compress(packed, 9, mtime=0)).decode()
