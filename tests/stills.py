"""Write what the explorers show, and the pictures that stand for them elsewhere: `python tests/stills.py`.

A notebook and the book read them in web/stills/. The recorded times of `blocks` are those of block_sizes.py.
"""

import base64
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import numpy as np
import web_cases as cases

from convlab.files import write_text
from coursekit.publishing import live

DRAWN_IN_PYTHON = ("slide", "sizes")  # convlab.notebook.widgets draws their still pictures


def files() -> dict[str, str]:
    """Return what web/stills/ should hold, by file name."""
    shown = {name: options() for name, options in OPTIONS.items()}
    found = {f"{name}.json": json.dumps(known, separators=(",", ":")) + "\n" for name, known in shown.items()}
    asked = [
        {
            "name": name,
            "options": options,
            "trained": {one: live.packed(one) for one in options.get("names", [])},
        }
        for name, options in shown.items()
        if name not in DRAWN_IN_PYTHON
    ]
    pictures = cases.ask_node(asked, "tests/stills.js")
    return found | {f"{one['name']}.svg": picture for one, picture in zip(asked, pictures, strict=True)}


def digit_and_kernel() -> dict:
    """Return what lesson 05's explorer shows: the first test digit, and its kernel C."""
    with np.load(live.MNIST, allow_pickle=False) as file:
        image = np.round(file["x_test"][0] / 255, 2)
    return {"image": image.tolist(), "kernel": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]}


def deep_network() -> dict:
    """Return the layers of `networks.mnist_deep` up to its last pooling, and the first digit of lesson 10."""
    convolutions = [[f"conv{block}_{place}", 3, 1] for block in (1, 2, 3) for place in (1, 2)]
    layers = [
        *convolutions[:2],
        ["pool1", 2, 2],
        *convolutions[2:4],
        ["pool2", 2, 2],
        *convolutions[4:],
        ["pool3", 2, 2],
    ]
    return {"side": 28, "layers": layers, "start": 4, "pixels": digits([0])[0]["pixels"]}


def hiding() -> dict:
    """Return the digits and the network of lesson 10's experiment with a square."""
    return {"names": ["mnist-deep"], "digits": digits([42, 4, 7, 18, 0])}


def shifting() -> dict:
    """Return the networks of lesson 09 that were trained without and with shifts, and five test digits."""
    return {"names": ["mnist-deep", "mnist-deep-shift"], "digits": digits([0, 3, 2, 7, 18])}


def digits(numbers: list[int]) -> list[dict]:
    """Return test digits of MNIST with their labels, the pixels in base64."""
    with np.load(live.MNIST, allow_pickle=False) as file:
        images, labels = file["x_test"][numbers], file["y_test"][numbers]
    return [
        {"label": int(label), "pixels": base64.b64encode(image.tobytes()).decode()}
        for image, label in zip(images, labels)
    ]


OPTIONS = {
    "surface": dict,
    "rate": dict,
    "slide": digit_and_kernel,
    "padding": dict,
    "field": dict,
    "sizes": dict,
    "blocks": lambda: live.options("blocks"),
    "shift": shifting,
    "unit": deep_network,
    "occlusion": hiding,
}

if __name__ == "__main__":
    for name, text in files().items():
        write_text(live.STILLS / name, text)
