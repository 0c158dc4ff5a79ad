"""Write the pictures that stand for the book's explorers where no script runs: `python tests/stills.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import web_cases as cases

from convlab.files import write_text
from coursekit.publishing import live

OWN = ("surface", "slide", "padding", "field", "sizes")  # the cell before each of these stores a picture


def drawn():
    """Return the pictures as they should be, by name."""
    shown = {name: options() for _, _, name, options in live.EXPLORERS if name not in OWN}
    asked = [
        {
            "name": name,
            "options": options,
            "trained": {one: live.packed(one) for one in options.get("names", [])},
        }
        for name, options in shown.items()
    ]
    return dict(zip(shown, cases.ask_node(asked, "tests/stills.js"), strict=True))


if __name__ == "__main__":
    for name, page in drawn().items():
        write_text(live.STILLS / f"{name}.html", page)
