"""What the tests of the service share. Without the extra `[serving]` they are skipped aloud."""

import io

import numpy as np
import pytest
from PIL import Image

from convlab import DATA_FOLDER
from convlab.serving import MISSING, missing

if ABSENT := missing():
    pytest.skip(MISSING.format(", ".join(ABSENT)), allow_module_level=True)


def file_of(image, kind="PNG", **options) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def mnist(count=20):
    """Return the first test images of MNIST, (N, 28, 28) uint8, and their labels."""
    with np.load(DATA_FOLDER / "mnist.npz", allow_pickle=False) as data:
        return data["x_test"][:count].reshape(-1, 28, 28), data["y_test"][:count].astype(int)


def seven() -> bytes:
    """Return MNIST's first test image, a 7, as PNG."""
    return file_of(Image.fromarray(mnist(1)[0][0]))
