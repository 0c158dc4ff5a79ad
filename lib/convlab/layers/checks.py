"""What every layer asks of the gradient that it is given."""


def expect_gradient(dy, shape):
    """Raise ValueError unless `dy` has the shape that forward returned."""
    if dy.shape != shape:
        raise ValueError(f"backward takes a gradient of the output's shape {shape}, not {dy.shape}")
