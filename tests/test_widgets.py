"""Explorers say what TensorFlow does and what brute force finds, and stand still where nobody moves them."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

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


@pytest.mark.parametrize("sizes", [(6, 3, 2, 0), (7, 1, 3, 2), (5, 4, 1, 2), (3, 6, 1, 1)])
def test_explorer_draws_and_tells_of_the_same_sizes(explorer, sizes):
    sentence, figure = explorer.show(**dict(zip(explorer.sliders, sizes)))
    assert sentence == widgets._count(*sizes)
    crosses = sum(len(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "x")
    _, read = read_by_walking(*sizes)
    assert crosses == sizes[0] ** 2 - read.sum() ** 2


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


def test_moved_sliders_change_sentence_and_picture(explorer):
    box = explorer.box()
    *sliders, page = box.children
    assert [slider.value for slider in sliders] == [6, 3, 2, 0]
    assert "= 2, so 2×2 places; never read: 11 of 36 pixels" in page.value
    before = page.value
    sliders[0].value = 7
    assert "floor((7 - 3 + 2·0) / 2) + 1 = 3" in page.value
    assert page.value.rpartition("base64,")[2] != before.rpartition("base64,")[2]
    sliders[1].value = 11
    assert "does not fit" in page.value


def test_each_display_has_sliders_of_its_own(explorer):
    one, other = explorer.box(), explorer.box()
    one.children[0].value = 9
    assert other.children[0].value == 6


def test_bundle_holds_a_still_picture_beside_the_live_form(explorer):
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer)
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert len(bundle["image/png"]) < 40_000
    assert set(bundle) == {"text/plain", "image/png", widgets.WIDGET_VIEW}


def test_picture_in_the_page_says_in_words_what_it_shows(explorer):
    page = explorer.box().children[-1].value
    assert page.count(repr(explorer)) == 2  # once to be read, once as the alternative text
    assert 'role="status"' in page


def test_explorers_leave_pyplot_alone(explorer):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()  # a test before this one in the same process may have left some
    explorer.box()
    widgets.filter_explorer(np.eye(5), np.ones((2, 2)))._repr_mimebundle_()
    assert plt.get_fignums() == before  # or a notebook would show the picture twice


IMAGE = np.arange(30.0).reshape(5, 6) ** 1.5
KERNEL = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])


@pytest.mark.parametrize("kernel", [KERNEL, -KERNEL])
def test_filter_explorer_says_what_tensorflow_computes(kernel):
    expected = tf.nn.conv2d(IMAGE[None, :, :, None], kernel[:, :, None, None], 1, "VALID")[0, :, :, 0].numpy()
    explorer = widgets.filter_explorer(IMAGE, kernel)
    (_, start_row, _, last_row), (_, start_column, _, last_column) = explorer.sliders.values()
    assert (last_row + 1, last_column + 1) == expected.shape
    assert np.abs(expected).argmax() == start_row * expected.shape[1] + start_column
    for row, column in [(0, 0), (2, 3), (last_row, last_column)]:
        sentence, _ = explorer.show(row, column)
        assert sentence == f"row {row}, column {column}: 6 products add up to {expected[row, column]:.6g}"


def test_filter_explorer_refuses_a_kernel_that_does_not_fit():
    with pytest.raises(ValueError, match="kernel of 6 does not fit an input of 5"):
        widgets.filter_explorer(np.ones((5, 9)), np.ones((6, 2)))


def test_filter_explorer_starts_where_its_arguments_say():
    explorer = widgets.filter_explorer(IMAGE, KERNEL, row=1, column=2)
    assert repr(explorer).startswith("row 1, column 2:")


def test_any_function_can_be_explored_and_its_words_are_escaped():
    explorer = widgets.Explorer(lambda n: (f'<b>"{n}"</b>', Figure()), n=("n", 1, 0, 3))
    page = explorer.box().children[-1].value
    assert "<b>" not in page
    assert "&lt;b&gt;&quot;1&quot;" in page


def test_widgets_open_without_tensorflow_and_without_ipywidgets():
    code = "import sys, convlab.notebook.widgets; "
    code += "print('tensorflow' in sys.modules, 'ipywidgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.split() == ["False", "False"], done.stderr
