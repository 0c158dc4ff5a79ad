"""The stand-in for CIFAR-10: the same bytes everywhere, balanced, and distinguished by form alone."""

import os
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest

from convlab.datasets import drawn

# of the images of draw(200, seed=0): another NumPy or processor that draws others changes what lessons show
SEEN = "8b8d8bdf5b4976640a1a3ba10b1956c8f881474f37837e1fc17b3face37f34f2"


@pytest.fixture(scope="module")
def figures():
    return drawn.draw(3000, seed=0)


def test_shapes_types_and_names():
    x_train, y_train, x_test, y_test = drawn.make(train=30, test=20)
    assert x_train.shape == (30, 32, 32, 3) and x_test.shape == (20, 32, 32, 3)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    assert len(drawn.CLASS_NAMES) == len(set(drawn.CLASS_NAMES)) == 10


@pytest.mark.parametrize("n", [1, 10, 99, 100, 101, 250])
def test_classes_are_balanced_whatever_the_number(n):
    images, labels = drawn.draw(n, seed=3)
    counts = np.bincount(labels, minlength=10)
    assert len(images) == n and counts.sum() == n and np.ptp(counts) <= 1


def test_refuses_to_draw_nothing():
    with pytest.raises(ValueError, match="cannot draw 0 images"):
        drawn.draw(0, seed=0)


def test_bytes_are_those_of_every_other_machine():
    assert sha256(drawn.draw(200, seed=0)[0].tobytes()).hexdigest() == SEEN


def test_bytes_do_not_depend_on_the_processor():
    """Switch off every vector instruction that NumPy can do without, and draw again."""
    umath = np._core._multiarray_umath
    extra = " ".join(feature for feature in umath.__cpu_dispatch__ if umath.__cpu_features__.get(feature))
    draw = "import sys, convlab.datasets.drawn as d; sys.stdout.buffer.write(d.draw(50, seed=1)[0].tobytes())"
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": extra}
    plain = subprocess.check_output([sys.executable, "-c", draw], env=environment)
    assert plain == drawn.draw(50, seed=1)[0].tobytes()


def test_seeds_and_splits_differ():
    x_train, _, x_test, _ = drawn.make(train=50, test=50)
    other = drawn.make(train=50, test=50, seed=1)
    assert not np.array_equal(x_train, x_test)
    assert not np.array_equal(x_train, other[0]) and not np.array_equal(x_test, other[0])
    assert len({image.tobytes() for image in x_train}) == 50


def accuracy_of_nearest_mean(features, labels):
    """Return the accuracy on the second half of a classifier that knows each class's mean over the first."""
    half = len(labels) // 2
    means = np.array([features[:half][labels[:half] == label].mean(axis=0) for label in range(10)])
    nearness = features[half:] @ means.T - (means**2).sum(axis=1) / 2
    return (nearness.argmax(axis=1) == labels[half:]).mean()


def test_mean_colour_does_not_tell_the_class(figures):
    images, labels = figures
    assert accuracy_of_nearest_mean(images.mean(axis=(1, 2)), labels) < 0.15  # 0.10 is chance


def test_single_pixels_hardly_tell_the_class(figures):
    images, labels = figures
    assert accuracy_of_nearest_mean(images.reshape(len(images), -1).astype(float), labels) < 0.2


def test_forms_are_what_their_names_say():
    """Compare the covered area with that of the figure in a geometry book, on a fine grid of [-1.2, 1.2]."""
    axis = np.linspace(-1.2, 1.2, 1201, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    area = {name: (form(u, v) > 0).mean() * 2.4**2 for name, form in drawn.FORMS.items()}
    assert area["disk"] == pytest.approx(np.pi, rel=0.01)
    assert area["ring"] == pytest.approx(np.pi * (1 - 0.6**2), rel=0.01)
    assert area["square"] == pytest.approx(1.7**2, rel=0.01)
    assert area["cross"] == pytest.approx(2 * 2 * 0.6 - 0.6**2, rel=0.01)
    assert area["triangle"] == pytest.approx(
        3 * np.sqrt(3) * 0.55**2, rel=0.01
    )  # 0.55: radius of the inner circle
    assert area["star"] == pytest.approx(4 * 1.1**4 / 6, rel=0.02)
    assert area["stripes"] == pytest.approx(np.pi / 2, rel=0.05)
    assert area["checks"] == pytest.approx(np.pi / 2, rel=0.05)
