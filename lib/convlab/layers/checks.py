"""What every layer checks of the gradient that it is given."""

import numpy as np


def expect_gradient(dy: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `dy` has the shape that forward returned."""
    if dy.shape != shape:
        raise ValueError(f"backward takes a gradient of the output's shape {shape}, not {dy.shape}")
