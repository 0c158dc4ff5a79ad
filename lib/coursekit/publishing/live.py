"""What the book's live page needs beside its text: the scripts of web/, and digits packed for a browser."""

import base64
import gzip
from pathlib import Path

import numpy as np

from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError

WEB, MNIST = ROOT / "web", ROOT / "data" / "mnist.npz"
# language before the strings, and each part after those that it uses
SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        *(
            "convlab",
            "language",
            "strings/en",
            "strings/ko",
            "strings/ja",
            "shapes",
            "random",
            "wasm",
            "kernels",
            "layers",
            "optimizers",
        ),
        *(
            "network",
            "digits",
            "colours",
            "npz",
            "trainer",
            "elements",
            "drawing",
            "pad",
            "editor",
            "training",
        ),
        *("inside", "drawn", "wrong", "files", "live"),
    )
)
STYLES = ("live.css",)
TRAINED = ("mnist-deep", "mnist-994")  # of data/weights, which the page loads when its reader asks for them
EVERY_TRAIN, EVERY_TEST = 6, 5  # 10,000 of 60,000 and 2,000 of 10,000: a page should stay small


def files() -> dict[str, str]:
    """Return what goes to _static/web, by name; `CourseError` if a file is missing."""
    try:
        found = {name: (WEB / name).read_text(encoding="utf-8") for name in (*SCRIPTS, *STYLES)}
    except OSError as error:
        raise CourseError(
            f"the live page needs {error.filename}, and it is missing: restore it with git"
        ) from error
    return found | {"mnist.js": digits(MNIST)} | {f"{name}.js": trained(name) for name in TRAINED}


def markup() -> str:
    """Return the HTML that a page of the book needs to become the live page."""
    links = [f'<link rel="stylesheet" href="_static/web/{name}">' for name in STYLES]
    scripts = [f'<script defer src="_static/web/{name}"></script>' for name in SCRIPTS]
    return "\n".join(['<div id="convlab-live"></div>', *links, *scripts])


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
    try:
        packed = base64.b64encode((ROOT / "data" / "weights" / f"{name}.npz").read_bytes()).decode()
    except OSError as error:
        raise CourseError(f"the live page needs {error.filename}: restore it with git") from error
    return f'(convlab.trained ??= {{}})["{name}"] = "{packed}";\n'


def digits(path: Path) -> str:
    """Return a script that holds every sixth training and every fifth test digit of MNIST, in sixteen greys.

    The layout is that of `unpackDigits` in web/digits.js: four numbers of 32 bits, labels, two pixels a byte,
    in gzip without a date, in base64. A page that was opened from a file may not read the files beside it,
    but it may run a script.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            images = np.concatenate([file["x_train"][::EVERY_TRAIN], file["x_test"][::EVERY_TEST]])
            counts = len(file["y_train"][::EVERY_TRAIN]), len(file["y_test"][::EVERY_TEST])
            labels = np.concatenate([file["y_train"][::EVERY_TRAIN], file["y_test"][::EVERY_TEST]])
    except OSError as error:
        raise CourseError(
            f"the live page needs {path.name}, and it is missing: restore it with git"
        ) from error
    greys = np.round(images.reshape(len(images), -1) / 17).astype(np.uint8)
    header = np.array([*counts, *images.shape[1:3]], "<u4").tobytes()
    packed = header + labels.astype(np.uint8).tobytes() + (greys[:, ::2] << 4 | greys[:, 1::2]).tobytes()
    text = base64.b64encode(gzip.compress(packed, 9, mtime=0)).decode()
    return f'convlab.digits = "{text}";\n'
