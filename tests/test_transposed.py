"""Transposed convolution and unpooling against TensorFlow, values and gradients, over random shapes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.layers import (
    Conv2DTranspose,
    conv2d,
    conv2d_transpose,
    max_pool2d,
    max_pool2d_with_indices,
    max_unpool2d,
)
from convlab.shapes import output_size, transposed_size

RTOL = {np.float64: 1e-11, np.float32: 2e-5}


@st.composite
def enlargements(draw):
    """(maps, kernels, bias, stride, padding): odd sizes, kernels not square, some smaller than the stride."""
    stride, padding = draw(st.integers(1, 4)), draw(st.sampled_from(["valid", "same", 0, 1, 2]))
    dtype = draw(st.sampled_from(list(RTOL)))
    cut = 2 * padding if isinstance(padding, int) else 0
    window = [draw(st.integers(1, 6)) for _ in "HW"]
    size = []
    for one in window:
        least = 1 if padding == "same" else max(1, -(-(cut + 1 - one) // stride) + 1)
        size.append(least + draw(st.integers(0, 6)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    number, inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    shapes = (number, *size, inputs), (*window, outputs, inputs), (outputs,)
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), stride, padding


def tf_padding(padding):
    return padding.upper() if isinstance(padding, str) else [[0, 0], [padding] * 2, [padding] * 2, [0, 0]]


def by_tensorflow(maps, kernels, bias, stride, padding):
    """TensorFlow's transposed convolution; only here the size of its output is written out by hand."""
    sizes = []
    for size, window in zip(maps.shape[1:3], kernels.shape):
        cut = 2 * padding if isinstance(padding, int) else 0
        sizes.append(size * stride if padding == "same" else (size - 1) * stride + window - cut)
    shape = (len(maps), *sizes, kernels.shape[2])
    return tf.nn.conv2d_transpose(maps, kernels, shape, stride, tf_padding(padding)) + bias


@given(enlargements())
@settings(max_examples=150, deadline=None)
def test_values_and_gradients_are_tensorflows(case):
    maps, kernels, bias, stride, padding = case
    originals = [maps.copy(), kernels.copy()]
    layer = Conv2DTranspose(maps.shape[3], kernels.shape[2], 1, stride, padding, dtype=maps.dtype)
    layer.params = {"kernel": kernels, "bias": bias}
    ours = layer.forward(maps)
    variables = [tf.constant(array, tf.float64) for array in (maps, kernels, bias)]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        theirs = by_tensorflow(*variables, stride, padding)
        dy = np.random.default_rng(1).normal(size=theirs.shape)
        total = tf.reduce_sum(theirs * dy)
    wanted = tape.gradient(total, variables)
    found = layer.backward(dy.astype(maps.dtype)), layer.grads["kernel"], layer.grads["bias"]
    rtol = RTOL[maps.dtype.type]
    assert ours.dtype == maps.dtype
    for mine, their in zip([ours, *found], [theirs, *wanted]):
        their = np.asarray(their)
        np.testing.assert_allclose(mine, their, rtol=rtol, atol=rtol * max(1, np.abs(their).max()) * 20)
    for array, original in zip((maps, kernels), originals):
        np.testing.assert_array_equal(array, original)


@given(enlargements())
@settings(max_examples=40, deadline=None)
def test_it_is_the_transpose_of_the_convolution(case):
    maps, kernels, _, stride, padding = (
        part.astype(float) if hasattr(part, "astype") else part for part in case
    )
    larger = conv2d_transpose(maps, kernels, stride=stride, padding=padding)
    other = np.random.default_rng(2).normal(size=larger.shape)
    smaller = conv2d(other, kernels, stride=stride, padding=padding)
    assert smaller.shape == maps.shape
    np.testing.assert_allclose(np.sum(larger * other), np.sum(maps * smaller), rtol=1e-8, atol=1e-8)


def test_fault_a_kernel_that_is_turned_round_is_found():
    case = np.arange(6.0).reshape(1, 2, 3, 1), np.arange(6.0).reshape(2, 3, 1, 1)
    theirs = np.asarray(by_tensorflow(*case, np.zeros(1), 2, "valid"))
    np.testing.assert_allclose(conv2d_transpose(*case, stride=2), theirs)
    assert not np.allclose(conv2d_transpose(case[0], case[1][::-1, ::-1], stride=2), theirs)


def test_keras_has_the_same_sizes_and_values():
    maps = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")
    for window, stride, padding in ((4, 2, "same"), (3, 2, "valid"), (2, 2, "valid"), (5, 3, "same")):
        layer = keras.layers.Conv2DTranspose(4, window, stride, padding)
        theirs = np.asarray(layer(maps))
        ours = conv2d_transpose(maps, *map(np.asarray, layer.get_weights()), stride, padding)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5), st.integers(0, 3))
def test_the_size_is_that_of_a_convolution_turned_round(size, kernel, stride, padding):
    if (size - 1) * stride + kernel - 2 * padding < 1:
        with pytest.raises(ValueError, match="cut off less"):
            transposed_size(size, kernel, stride, padding)
        return
    larger = transposed_size(size, kernel, stride, padding)
    assert output_size(larger, kernel, stride, padding) == size
    fits = larger > 1 and larger - 1 + 2 * padding >= kernel
    assert not fits or output_size(larger - 1, kernel, stride, padding) < size  # it is the smallest
    assert output_size(transposed_size(size, kernel, stride, "same"), kernel, stride, "same") == size


def test_errors_name_the_shapes():
    with pytest.raises(ValueError, match=r"\(1, 2, 2, 3\) and kernels \(2, 2, 3, 4\) do not go together"):
        conv2d_transpose(np.ones((1, 2, 2, 3)), np.ones((2, 2, 3, 4)))
    with pytest.raises(ValueError, match=r"take a bias \(3,\), not \(4,\)"):
        conv2d_transpose(np.ones((1, 2, 2, 4)), np.ones((2, 2, 3, 4)), np.ones(4))


@given(st.integers(1, 3), st.integers(2, 9), st.integers(2, 9), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_indices_are_tensorflows_and_unpooling_puts_values_back(number, height, width, channels, seed):
    images = np.random.default_rng(seed).integers(-3, 4, (number, height, width, channels)).astype("float32")
    values, indices = max_pool2d_with_indices(images, 2)
    theirs, flat = tf.nn.max_pool_with_argmax(images[:1], 2, 2, "VALID")
    np.testing.assert_array_equal(values[:1], theirs)
    np.testing.assert_array_equal(values, max_pool2d(images, 2))
    _, y, x, c = np.indices(values.shape)
    rows, columns = 2 * y + indices // 2, 2 * x + indices % 2
    np.testing.assert_array_equal(((rows * width + columns) * channels + c)[:1], flat)
    back, filled = max_unpool2d(values, indices, 2), np.where(values == 0, -9, values)
    np.testing.assert_array_equal(max_pool2d(np.where(back == 0, -9, back), 2), filled)
    assert (np.count_nonzero(back) == np.count_nonzero(values)) and back.sum() == values.sum()
    part = images[:, : back.shape[1], : back.shape[2]]
    np.testing.assert_array_equal(back[back != 0], part[back != 0])


def test_unpooling_refuses_what_is_no_index():
    with pytest.raises(ValueError, match="not all in a window of 2x2"):
        max_unpool2d(np.ones((1, 1, 1, 1)), np.full((1, 1, 1, 1), 4), 2)
    with pytest.raises(ValueError, match="give both as"):
        max_unpool2d(np.ones((1, 1, 2, 1)), np.zeros((1, 1, 1, 1), int), 2)
    with pytest.raises(ValueError, match="windows of 3 do not fit"):
        max_pool2d_with_indices(np.ones((1, 2, 5, 1)), 3)
