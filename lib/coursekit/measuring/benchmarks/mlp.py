"""What the rows about lesson 03's network share: 784-256-10, ReLU, Adam, batches of 128, float32."""

from itertools import pairwise

import numpy as np

LAYERS = (784, 256, 10)
BATCH = 128
UNIT = "images/s"
ITEMS = 100 * BATCH


def training_flops(sizes):
    """Return what one image needs: per layer one product forward and two backward, no gradient for the image.

    >>> training_flops((784, 256, 10))
    818176
    """
    weights = [inputs * outputs for inputs, outputs in pairwise(sizes)]
    return 2 * (3 * sum(weights) - weights[0])


FLOPS = training_flops(LAYERS)


def data():
    """Return ITEMS random images as rows, and their labels: speed does not depend on what they show."""
    rng = np.random.default_rng(0)
    return rng.random((ITEMS, LAYERS[0]), dtype=np.float32), rng.integers(0, LAYERS[-1], ITEMS)
