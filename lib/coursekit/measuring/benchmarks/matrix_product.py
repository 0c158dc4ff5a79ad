"""How fast this machine multiplies: NumPy's float32 product of two 2048 x 2048 matrices."""

import numpy as np

TITLE = "float32 matrix product (NumPy)"
UNIT = "products/s"
SIDE = 2048
ITEMS = 4
FLOPS = 2 * SIDE**3


def prepare():
    """Return a round: ITEMS products."""
    left, right = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    product = np.empty_like(left)

    def run():
        for _ in range(ITEMS):
            np.matmul(left, right, out=product)

    return run
