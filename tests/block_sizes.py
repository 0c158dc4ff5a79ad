"""Measure lesson 07's convolution with blocks of many sizes: `python tests/block_sizes.py 1` writes it down.

The lesson's explorer shows these times as ratios, because ratios within one run depend less on what else the
machine is doing. Each time is the fastest of `ROUNDS`, and a round tries every size once.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import numpy as np

from convlab import machine
from convlab.files import write_text
from convlab.layers import conv2d, im2col
from coursekit.publishing import live

ROUNDS = 150
SIDE, CHANNELS, FILTERS, IMAGES = 28, 32, 64, 32
LINES = (1, 2, 4, 7, 14, 28, 56, 112, 224, 448, 896)  # of places in a block; 28 are one image


def main(cache_mb: float) -> None:
    """Write web/stills/blocks.json; `cache_mb` is the size of the cache that one core has to itself."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(IMAGES, SIDE, SIDE, CHANNELS)).astype(np.float32)
    kernels = rng.normal(size=(3, 3, CHANNELS, FILTERS)).astype(np.float32)
    values, fastest = 9 * CHANNELS, dict.fromkeys(LINES, float("inf"))
    with machine.one_thread():
        for _ in range(ROUNDS):
            for lines in LINES:
                im2col.VALUES_PER_BLOCK = lines * SIDE * values
                start = machine.processor_seconds()
                conv2d(images, kernels, padding="same")
                fastest[lines] = min(fastest[lines], machine.processor_seconds() - start)
    least = min(fastest.values())
    found = {
        "machine": machine.processor(),
        "cache": cache_mb,
        "rounds": ROUNDS,
        "places": SIDE,
        "values": values,
        "lines": list(LINES),
        "times": [round(fastest[lines] / least, 2) for lines in LINES],
    }
    write_text(live.STILLS / "blocks.json", json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(float(sys.argv[1]))
