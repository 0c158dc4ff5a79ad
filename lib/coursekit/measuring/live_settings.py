"""Choose the live page's first settings on held-out training digits, then ask the test digits once.

`web/settings.json` states both; the page starts with the settings in `web/chosen.js`. It needs Node and
seven minutes of one processor.
"""

import argparse
import itertools
import json
import shutil
import subprocess

import numpy as np

from convlab.files import write_text
from coursekit.lessons import CourseError
from coursekit.publishing import live

GRID = {
    "learningRate": (0.002, 0.004),
    "batchSize": (32,),
    "shift": (False, True),
    "fall": (False, True),
    "average": (False, True),
}
TRY = 20_000  # images of a first training
FINALISTS = 3  # so many settings go on, to all seeds
SEEDS = (0, 1, 2)
COUNTS = (2_500, 5_000, 10_000, 20_000, 30_000, 40_000, 60_000, 80_000, 100_000)
STATED, CHOSEN = live.WEB / "settings.json", live.WEB / "chosen.js"
SCRIPT = """/**
 * The settings that the page begins with. `python -m coursekit live-settings` writes them; see settings.json.
 */
convlab.part(function chosen(convlab) {{
  "use strict";
  convlab.CHOSEN = {};
}});
"""


def main(argv: list[str]) -> int:
    """Write `web/settings.json` and `web/chosen.js`; return 0."""
    argparse.ArgumentParser(prog="python -m coursekit live-settings", description=__doc__).parse_args(argv)
    grid = [{"rule": "Adam"} | dict(zip(GRID, values)) for values in itertools.product(*GRID.values())]
    first = train(grid, (0,), (TRY,), held_out=True)
    best = sorted(first, key=accuracy, reverse=True)[:FINALISTS]
    second = train([one["settings"] for one in best], SEEDS, COUNTS, held_out=True)
    chosen = max(second, key=accuracy)
    (test,) = train([chosen["settings"]], SEEDS, COUNTS, held_out=False)
    rule = (
        f"Every setting was tried for {TRY:,} images with seed 0. The best {FINALISTS} were trained for "
        f"{COUNTS[-1]:,} images with seeds 0, 1 and 2. The highest mean accuracy was chosen. All this was "
        "measured on 5,000 training digits that were held out. The test digits were used once, afterwards."
    )
    tried = [one["settings"] | {"accuracy": accuracy(one)} for one in first]
    stated = {
        "rule": rule,
        "chosen": chosen["settings"],
        "test": test["curves"],
        "held_out": second,
        "tried": tried,
    }
    write_text(STATED, json.dumps(stated, indent=1) + "\n")
    write_text(CHOSEN, SCRIPT.format(json.dumps(chosen["settings"], indent=2).replace("\n", "\n  ")))
    print(json.dumps(chosen["settings"]), f"held out {accuracy(chosen):.4f}, test {accuracy(test):.4f}")
    return 0


def train(tries: list[dict], seeds: tuple[int, ...], counts: tuple[int, ...], held_out: bool) -> list[dict]:
    """Return {settings, curves}, a curve for each seed, from the engine in Node; `CourseError` without Node.

    Args:
        tries: settings of the page, as in web/training.js.
        seeds: one training each.
        counts: after how many images the accuracy is measured.
        held_out: on training digits that are held out, not on the page's test digits.
    """
    node = shutil.which("node")
    if node is None:
        raise CourseError("the live page's engine is measured in Node, and it is not installed")
    asked = {
        "packed": live.packed_digits(live.MNIST, held_out),
        "images": counts,
        "tries": [{"settings": one, "seeds": seeds} for one in tries],
    }
    command = [node, str(live.WEB / "tests" / "settings.js")]
    done = subprocess.run(command, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def accuracy(tried: dict) -> float:
    """Return the mean accuracy of its curves' ends."""
    return float(np.mean([curve["accuracy"][-1] for curve in tried["curves"]]))
