"""Explorers say what TensorFlow does and what brute force finds, and carry scripts and pictures of web/."""

import itertools
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from convlab.notebook import widgets

INPUTS, KERNELS, STRIDES, PADDINGS = range(1, 17), range(1, 12), range(1, 9), range(6)
SWEEP = [
    sizes
    for sizes in itertools.product(INPUTS, KERNELS, STRIDES, PADDINGS)
    if sum(sizes) % 13 == 0  # every thirteenth of the 8,448 positions of the four sliders
]
FITTING = [sizes for sizes in SWEEP if sizes[1] <= sizes[0] + 2 * sizes[3]]


@pytest.fixture(scope="module")
def explorer():
    return widgets.output_size_explorer()


def read_by_gradient(input_size, kernel_size, stride, padding):
    """Return the number of places along an axis and which pixels get a gradient, by TensorFlow's pooling."""
    x = tf.ones((1, 1, input_size, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        padded = tf.pad(x, [[0, 0], [0, 0], [padding, padding], [0, 0]])
        y = tf.nn.conv2d(padded, tf.ones((1, kernel_size, 1, 1)), (1, stride), "VALID")
    return y.shape[2], tape.gradient(y, x)[0, 0, :, 0].numpy() > 0


def read_by_walking(input_size, kernel_size, stride, padding):
    """Return the places along an axis and the pixels read, walking step by step until the border stops us."""
    places, read, start = 0, set(), -padding
    while start + kernel_size <= input_size + padding:
        places, read, start = places + 1, read | set(range(start, start + kernel_size)), start + stride
    return places, np.isin(np.arange(input_size), list(read))


def test_sweep_says_what_tensorflow_and_walking_find():
    assert len(FITTING) > 500
    for input_size, kernel_size, stride, padding in FITTING:
        places, read = read_by_gradient(input_size, kernel_size, stride, padding)
        walked, read_walking = read_by_walking(input_size, kernel_size, stride, padding)
        np.testing.assert_array_equal(read, read_walking)
        unread = widgets.never_read(input_size, kernel_size, stride, padding)
        np.testing.assert_array_equal(unread, ~read)
        sentence = widgets._count(input_size, kernel_size, stride, padding)
        assert f"= {places}, so {walked}×{walked} places;" in sentence
        assert f"never read: {input_size**2 - read.sum() ** 2} of {input_size**2} pixels" in sentence


def test_sweep_of_kernels_that_do_not_fit_says_so():
    refused = [sizes for sizes in SWEEP if sizes not in FITTING]
    assert len(refused) > 50
    for input_size, kernel_size, stride, padding in refused:
        assert read_by_walking(input_size, kernel_size, stride, padding)[0] == 0
        with pytest.raises(ValueError, match="does not fit"):
            widgets.never_read(input_size, kernel_size, stride, padding)
        expected = f"kernel of {kernel_size} does not fit an input of {input_size} with padding {padding}"
        assert widgets._count(input_size, kernel_size, stride, padding).startswith(expected)


@given(st.integers(1, 16), st.integers(1, 5), st.integers(1, 5), st.integers(0, 4), st.integers(1, 3))
def test_pixels_read_through_a_dilated_kernel(input_size, kernel_size, stride, padding, dilation):
    reach = dilation * (kernel_size - 1) + 1
    if reach > input_size + 2 * padding:
        with pytest.raises(ValueError, match="does not fit"):
            widgets.never_read(input_size, kernel_size, stride, padding, dilation)
        return
    read = {
        start + tap
        for start in range(-padding, input_size + padding - reach + 1, stride)
        for tap in range(0, reach, dilation)
    }
    expected = [pixel not in read for pixel in range(input_size)]
    assert widgets.never_read(input_size, kernel_size, stride, padding, dilation).tolist() == expected


NAMES = ("surface", "rate", "padding", "field", "blocks", "shift", "unit", "occlusion")


def test_bundle_holds_a_still_picture_beside_the_live_form(explorer):
    bundle = explorer._repr_mimebundle_()
    assert (
        bundle["text/plain"]
        == repr(explorer)
        == "floor((6 - 3 + 2·0) / 2) + 1 = 2, so 2×2 places; never read: 11 of 36 pixels"
    )
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert len(bundle["image/png"]) < 40_000
    assert set(bundle) == {"text/plain", "image/png", widgets.WIDGET_VIEW}


@pytest.mark.parametrize("name", NAMES)
def test_every_explorer_of_web_has_a_picture_with_its_sentence(name):
    bundle = widgets.explorer(name)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml", widgets.WIDGET_VIEW}
    assert "<svg" in bundle["image/svg+xml"] and bundle["text/plain"]
    said = "".join(re.findall("<text[^>]*font-weight[^>]*>([^<]*)</text>", bundle["image/svg+xml"]))
    assert said.replace(" ", "") == bundle["text/plain"].replace(" ", "")


def test_unknown_explorer_is_refused_with_the_names_of_the_others():
    with pytest.raises(
        ValueError, match=f"no explorer is called 'slopes': choose one of {', '.join(sorted(NAMES))}"
    ):
        widgets.explorer("slopes")


def test_without_the_folder_web_a_lesson_goes_on(tmp_path, monkeypatch):
    """As after `pip install .`, which takes the package and not what stands beside it."""
    monkeypatch.setattr(widgets, "WEB", tmp_path / "web")
    alone = widgets.explorer("rate")
    assert "pip install --editable ." in str(alone) and str(tmp_path) in str(alone)
    assert set(alone._repr_mimebundle_()) == {"text/plain"}
    assert set(widgets.output_size_explorer()._repr_mimebundle_()) == {"text/plain", "image/png"}


def test_script_has_the_networks_that_its_explorer_asks_and_no_others():
    for name, wanted in (
        ("shift", ["mnist-deep", "mnist-deep-shift"]),
        ("occlusion", ["mnist-deep"]),
        ("rate", []),
    ):
        script = widgets.explorer(name).script()
        packed = re.search(r"convlab\.trained, \.\.\.(\{.*?\}) \};", script)[1]
        assert list(json.loads(packed)) == wanted


def test_explorers_leave_pyplot_alone():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()  # a test before this one in the same process may have left some
    widgets.output_size_explorer()._repr_mimebundle_()
    widgets.filter_explorer(np.eye(5), np.ones((2, 2)))._repr_mimebundle_()
    assert plt.get_fignums() == before  # or a notebook would show the picture twice


IMAGE = np.arange(30.0).reshape(5, 6) ** 1.5
KERNEL = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])


@pytest.mark.parametrize("kernel", [KERNEL, -KERNEL])
def test_filter_explorer_says_what_tensorflow_computes(kernel):
    expected = tf.nn.conv2d(IMAGE[None, :, :, None], kernel[:, :, None, None], 1, "VALID")[0, :, :, 0].numpy()
    start = widgets.filter_explorer(IMAGE, kernel).options["values"]
    assert np.abs(expected).argmax() == start["row"] * expected.shape[1] + start["column"]
    for row, column in np.ndindex(expected.shape):
        sentence = repr(widgets.filter_explorer(IMAGE, kernel, row, column))
        assert sentence == f"row {row}, column {column}: 6 products add up to {expected[row, column]:.6g}"


def test_filter_explorer_refuses_a_place_outside():
    with pytest.raises(ValueError, match="no place at row 4, column 0: there are 4 rows and 4 columns"):
        widgets.filter_explorer(IMAGE, KERNEL, row=4, column=0)


def test_filter_explorer_refuses_a_kernel_that_does_not_fit():
    with pytest.raises(ValueError, match="kernel of 6 does not fit an input of 5"):
        widgets.filter_explorer(np.ones((5, 9)), np.ones((6, 2)))


def test_filter_explorer_starts_where_its_arguments_say():
    explorer = widgets.filter_explorer(IMAGE, KERNEL, row=1, column=2)
    assert repr(explorer).startswith("row 1, column 2:")


def test_widgets_open_without_tensorflow_and_without_ipywidgets():
    code = "import sys, convlab.notebook.widgets; "
    code += "print('tensorflow' in sys.modules, 'ipywidgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.split() == ["False", "False"], done.stderr
