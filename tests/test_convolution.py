"""Convolution and pooling against TensorFlow, values and gradients, over shapes drawn by hypothesis.

TensorFlow's gradients of convolutions are taken in float64, exact enough to hold float32 to as well.
"""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.layers import (
    AvgPool2D,
    Conv2D,
    MaxPool2D,
    avg_pool2d,
    conv2d,
    conv2d_gradients,
    im2col,
    max_pool2d,
)
from convlab.shapes import output_size

RTOL = {np.float64: 1e-11, np.float32: 2e-5}
dtypes = st.sampled_from(list(RTOL))
paddings = st.sampled_from(["valid", "same", 0, 1, 2, 3])


@st.composite
def convolutions(draw):
    """(images, kernels, bias, stride, padding): odd sizes, kernels that are not square, every padding."""
    stride, padding, dtype = draw(st.integers(1, 4)), draw(paddings), draw(dtypes)
    window = [draw(st.integers(1, 5)) for _ in "HW"]
    margin = 2 * padding if isinstance(padding, int) else 0
    least = [1 if padding == "same" else max(1, size - margin) for size in window]
    image = [size + draw(st.integers(0, 12)) for size in least]
    number, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    channels = draw(st.sampled_from([1, 2, 3, 7, 20]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shapes = [(number, *image, channels), (*window, channels, outputs), (outputs,)]
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), stride, padding


@st.composite
def poolings(draw):
    """(images, size, stride, padding): few different values, so that there are ties in most windows."""
    size, stride, dtype = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(dtypes)
    padding = draw(st.sampled_from(["valid", "same"]))
    image = [draw(st.integers(1 if padding == "same" else size, 13)) for _ in "HW"]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    images = rng.integers(-2, 3, (draw(st.integers(1, 3)), *image, draw(st.integers(1, 4))))
    return images.astype(dtype), size, stride, padding


def tf_padding(padding):
    """TensorFlow's word for the paddings of `conv2d`."""
    return padding.upper() if isinstance(padding, str) else [[0, 0], [padding] * 2, [padding] * 2, [0, 0]]


def tf_conv2d(images, kernels, stride, padding):
    return tf.nn.conv2d(images, kernels, stride, tf_padding(padding))


def equal(ours, theirs, terms=1, dtype=None):
    """Same shape, same type, and values that agree to the precision of sums of so many terms."""
    theirs = theirs.numpy()
    assert ours.dtype == (dtype or theirs.dtype) and ours.shape == theirs.shape
    tolerance = RTOL[ours.dtype.type]
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * terms**0.5)


@given(convolutions())
@settings(max_examples=150)
def test_conv2d_equals_tensorflows(case):
    images, kernels, bias, stride, padding = case
    terms = kernels[..., 0].size
    expected = tf_conv2d(images, kernels, stride, padding)
    equal(conv2d(images, kernels, stride=stride, padding=padding), expected, terms)
    equal(conv2d(images, kernels, bias, stride, padding), expected + bias, terms)


@given(convolutions())
@settings(max_examples=150)
def test_gradients_of_conv2d_equal_tensorflows(case):
    images, kernels, _, stride, padding = case
    tensors = tf.constant(images, tf.float64), tf.constant(kernels, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        maps = tf_conv2d(*tensors, stride, padding)
    dmaps = np.random.default_rng(0).normal(size=maps.shape).astype(images.dtype)
    expected = tape.gradient(maps, tensors, dmaps.astype(float))
    dimages, dkernels = conv2d_gradients(images, kernels, dmaps, stride, padding)
    equal(dimages, expected[0], kernels[:, :, 0].size, images.dtype)
    equal(dkernels, expected[1], dmaps[..., 0].size, images.dtype)


@pytest.mark.parametrize("block", [1, 100, 5_000])
def test_blocks_of_any_size_give_the_same(block, monkeypatch):
    rng = np.random.default_rng(0)
    images, kernels = rng.normal(size=(5, 9, 8, 3)), rng.normal(size=(3, 3, 3, 4))
    whole = conv2d(images, kernels, padding="same")
    gradients = conv2d_gradients(images, kernels, whole, padding="same")
    monkeypatch.setattr(im2col, "VALUES_PER_BLOCK", block)
    np.testing.assert_allclose(conv2d(images, kernels, padding="same"), whole, rtol=1e-12)
    for ours, expected in zip(conv2d_gradients(images, kernels, whole, padding="same"), gradients):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


@given(poolings())
@settings(max_examples=150)
def test_pools_equal_tensorflows(case):
    images, size, stride, padding = case
    tensor = tf.constant(images)
    equal(max_pool2d(images, size, stride, padding), tf.nn.max_pool2d(tensor, size, stride, padding.upper()))
    equal(avg_pool2d(images, size, stride, padding), tf.nn.avg_pool2d(tensor, size, stride, padding.upper()))


@given(poolings())
@settings(max_examples=150)
def test_gradients_of_pools_equal_tensorflows_ties_included(case):
    images, size, stride, padding = case
    for layer, function in ((MaxPool2D, tf.nn.max_pool2d), (AvgPool2D, tf.nn.avg_pool2d)):
        tensor = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            maps = function(tensor, size, stride, padding.upper())
        dmaps = np.random.default_rng(0).normal(size=maps.shape).astype(images.dtype)
        ours = layer(size, stride, padding)
        equal(ours.forward(images), maps)
        equal(ours.backward(dmaps), tape.gradient(maps, tensor, dmaps), terms=size**2)


@pytest.mark.parametrize("spelling", ["SAME", "Same", "VALID"])
def test_paddings_may_be_spelled_as_tensorflow_does(spelling):
    images, kernels = np.random.default_rng(0).normal(size=(1, 7, 6, 2)), np.ones((3, 2, 2, 4))
    lower = spelling.lower()
    maps = conv2d(images, kernels, padding=lower)
    np.testing.assert_array_equal(conv2d(images, kernels, padding=spelling), maps)
    for ours, expected in zip(
        conv2d_gradients(images, kernels, maps, padding=spelling),
        conv2d_gradients(images, kernels, maps, padding=lower),
    ):
        np.testing.assert_array_equal(ours, expected)
    for function, layer in ((max_pool2d, MaxPool2D), (avg_pool2d, AvgPool2D)):
        pooled = function(images, 3, 2, lower)
        np.testing.assert_array_equal(function(images, 3, 2, spelling), pooled)
        ours, expected = layer(3, 2, spelling), layer(3, 2, lower)
        np.testing.assert_array_equal(ours.forward(images), expected.forward(images))
        np.testing.assert_array_equal(ours.backward(pooled), expected.backward(pooled))


def test_pools_step_by_their_size_unless_a_stride_is_given():
    images = np.random.default_rng(0).normal(size=(1, 7, 7, 2)).astype(np.float32)
    equal(max_pool2d(images, 3), tf.nn.max_pool2d(images, 3, 3, "VALID"))
    equal(avg_pool2d(images, 2), tf.nn.avg_pool2d(images, 2, 2, "VALID"))


def test_pools_of_the_lectures_example():
    """Claim C4: the 4x4 example of maximum pooling, and what averaging makes of it."""
    image = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])[None, :, :, None]
    assert max_pool2d(image, 2)[0, :, :, 0].tolist() == [[6, 8], [3, 4]]
    assert avg_pool2d(image, 2)[0, :, :, 0].tolist() == [[3.25, 5.25], [2, 2]]


@given(convolutions())
@settings(max_examples=40)
def test_conv2d_layer_equals_tensorflow_and_keeps_the_protocol(case):
    images, kernels, bias, stride, padding = case
    layer = Conv2D(kernels.shape[2], kernels.shape[3], 3, stride, padding, dtype=images.dtype)
    layer.params["kernel"], layer.params["bias"] = kernels, bias
    tensors = [tf.constant(array, tf.float64) for array in (images, kernels, bias)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        maps = tf_conv2d(*tensors[:2], stride, padding) + tensors[2]
    expected = tape.gradient(maps, tensors, tf.ones_like(maps))
    equal(layer.forward(images, training=True), maps, kernels[..., 0].size, images.dtype)
    terms = maps.shape[0] * maps.shape[1] * maps.shape[2]
    equal(layer.backward(np.ones(maps.shape, images.dtype)), expected[0], kernels[:, :, 0].size, images.dtype)
    equal(layer.grads["kernel"], expected[1], terms, images.dtype)
    equal(layer.grads["bias"], expected[2], terms, images.dtype)
    assert layer.grads.keys() == layer.params.keys()


def test_conv2d_layer_draws_its_kernel_from_the_seed():
    first, again, other = (Conv2D(16, 64, 3, rng=seed).params["kernel"] for seed in (0, 0, 1))
    assert first.dtype == np.float32 and first.shape == (3, 3, 16, 64)
    assert {array.dtype for array in Conv2D(2, 3, 1, dtype=np.float32).params.values()} == {first.dtype}
    assert (first == again).all() and (first != other).any()
    assert first.std() == pytest.approx((2 / (9 * 16)) ** 0.5, rel=0.05)


@pytest.mark.parametrize("padding", ["valid", "same", 1])
def test_arguments_are_left_as_they_were(padding):
    """Read-only arrays would make any write an error; slices that do not lie in one piece must do as well."""
    rng = np.random.default_rng(0)
    images, kernels, bias = (
        rng.normal(size=(2, 12, 12, 3))[:, ::2, ::-1],
        rng.normal(size=(3, 3, 3, 4)),
        np.ones(4),
    )
    arrays = images, kernels, bias
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    maps = conv2d(images, kernels, bias, padding=padding)
    maps.flags.writeable = False
    conv2d_gradients(images, kernels, maps, padding=padding)
    np.testing.assert_allclose(maps, conv2d(*copies, padding=padding))
    for layer in (MaxPool2D(2, 1), AvgPool2D(2, 1, "same"), Conv2D(3, 4, 3, padding=padding, dtype=float)):
        pooled = layer.forward(images)
        pooled.flags.writeable = False
        layer.backward(pooled)
    for array, copy in zip(arrays, copies):
        np.testing.assert_array_equal(array, copy)


def test_whole_numbers_are_taken_as_floating_point():
    images, kernels = (
        np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 16,
        np.ones((2, 2, 1, 1), np.float32),
    )
    assert conv2d(images, kernels).dtype == np.float32
    assert conv2d(images, kernels)[0, -1, -1, 0] == 160 + 176 + 224 + 240
    assert conv2d(images, np.ones((2, 2, 1, 1), int))[0, -1, -1, 0] == 160 + 176 + 224 + 240
    assert avg_pool2d(images, 2)[0, -1, -1, 0] == 200
    assert max_pool2d(images, 2, padding="same").dtype == np.uint8


@pytest.mark.parametrize(("ours", "theirs"), [(np.float32, np.float64), (np.float64, np.float32)])
def test_of_two_dtypes_the_wider_one_is_taken(ours, theirs):
    rng = np.random.default_rng(0)
    images, kernels = rng.normal(size=(1, 5, 6, 2)).astype(ours), rng.normal(size=(3, 3, 2, 4)).astype(theirs)
    maps = conv2d(images, kernels)
    equal(maps, tf_conv2d(images.astype(float), kernels.astype(float), 1, "valid"), 18)
    gradients = conv2d_gradients(images, kernels, maps.astype(np.float32))
    assert [gradient.dtype for gradient in (maps, *gradients)] == [np.float64] * 3


@pytest.mark.parametrize("layer", [MaxPool2D(2), AvgPool2D(2), Conv2D(2, 3, 2, rng=0)])
def test_gradient_for_the_input_has_the_type_of_the_input(layer):
    maps = layer.forward(np.ones((1, 4, 4, 2), np.float32))
    assert layer.backward(np.ones(maps.shape, np.float64)).dtype == np.float32


@pytest.mark.parametrize(
    ("images", "kernels", "stride", "places"),
    [
        ((1, 12, 12, 1), (3, 3, 1, 8), 1, 2),  # 10 places across are not a multiple of 4, but of 2
        ((1, 14, 14, 1), (3, 3, 1, 8), 1, 4),
        ((1, 14, 15, 1), (3, 3, 1, 8), 1, 1),  # 13 are a multiple of neither
        ((1, 16, 16, 16), (3, 3, 16, 8), 1, 2),  # runs of 48 values
        ((1, 16, 16, 17), (3, 3, 17, 8), 1, 1),  # of 51
        ((1, 16, 16, 1), (3, 4, 1, 8), 4, 2),  # the windows of two places touch
        ((1, 16, 16, 1), (3, 3, 1, 8), 4, 1),  # there are pixels between them
    ],
)
def test_rows_are_wide_where_runs_are_short(images, kernels, stride, places):
    assert im2col.Im2Col(images, kernels, stride, "valid").places_per_row == places
    assert im2col.Im2Col(images, kernels, stride, "valid", wide=False).places_per_row == 1


def test_axes_added_by_indexing_are_as_good_as_any():
    """NumPy gives the new axes of `grey[None, :, :, None]` a stride of 0 bytes."""
    grey, kernel = np.random.default_rng(1).normal(size=(9, 7)), np.random.default_rng(2).normal(size=(3, 2))
    as_views, as_copies = [
        (grey[None, :, :, None], kernel[:, :, None, None]),
        (grey.reshape(1, 9, 7, 1).copy(), kernel.reshape(3, 2, 1, 1).copy()),
    ]
    equal(conv2d(*as_views), tf_conv2d(*as_copies, 1, "valid"), 6)
    dmaps = np.random.default_rng(3).normal(size=(1, 7, 6, 1))
    for ours, theirs in zip(conv2d_gradients(*as_views, dmaps), conv2d_gradients(*as_copies, dmaps)):
        np.testing.assert_array_equal(ours, theirs)


def test_no_images_make_no_maps():
    assert conv2d(np.ones((0, 5, 5, 2)), np.ones((3, 3, 2, 4))).shape == (0, 3, 3, 4)


@pytest.mark.parametrize("channels", [1, 3, 7, 20])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_window(channels, value):
    """Rows of several places multiply by 0, which makes NaN of it."""
    images, kernels = np.ones((2, 12, 12, channels)), np.ones((3, 5, channels, 2))
    images[1, 4, 7, 0] = value
    maps = conv2d(images, kernels)
    assert np.argwhere(~np.isfinite(maps[..., 1])).tolist() == [
        [1, row, column] for row in (2, 3, 4) for column in range(3, 8)
    ]
    dmaps = np.ones(maps.shape)
    dmaps[1, 2, 3, 1] = value
    dimages, _ = conv2d_gradients(np.ones_like(images), kernels, dmaps)
    assert np.argwhere(~np.isfinite(dimages[..., -1])).tolist() == [
        [1, row, column] for row in (2, 3, 4) for column in range(3, 8)
    ]


def test_a_window_with_nan_has_no_largest_value_and_passes_no_gradient_back():
    """TensorFlow on a CPU says 3 here, and hides the NaN; a place that a NaN reaches is seen here."""
    layer = MaxPool2D(2)
    images = np.array([[np.nan, 1, 4, 5], [2, 3, 6, 7]])[None, :, :, None]
    assert tf.nn.max_pool2d(images, 2, 2, "VALID").numpy().ravel().tolist() == [3, 7]
    np.testing.assert_array_equal(layer.forward(images).ravel(), [np.nan, 7])
    dimages = layer.backward(np.ones((1, 1, 2, 1)))
    assert dimages[0, :, :, 0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]


def test_a_sum_that_overflows_is_no_reason_to_warn(recwarn):
    images = np.full((1, 8, 8, 1), 3e38, np.float32)
    assert np.isfinite(conv2d(images, np.full((3, 3, 1, 1), 0.01, np.float32))).all() and not recwarn.list


def test_memory_beyond_the_result_stays_small():
    """The rows of 64 images at once would take 9 times the images' memory."""
    import tracemalloc

    images, kernels = np.ones((64, 28, 28, 32), np.float32), np.ones((3, 3, 32, 32), np.float32)
    tracemalloc.start()
    maps = conv2d(images, kernels, padding="same")
    peak = tracemalloc.get_traced_memory()[1] - maps.nbytes
    tracemalloc.stop()
    assert peak < 0.5 * (images.nbytes + maps.nbytes)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: conv2d(np.ones((28, 28)), np.ones((3, 3, 1, 1))), r"\(28, 28\)"),
        (lambda: conv2d(np.ones((1, 8, 8, 3)), np.ones((3, 3))), r"\(3, 3\)"),
        (lambda: conv2d(np.ones((1, 8, 8, 3)), np.ones((3, 3, 1, 6))), "1 channels, but .* have 3"),
        (lambda: conv2d(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 6)), np.ones(3)), r"\(6,\), not \(3,\)"),
        (
            lambda: conv2d(np.ones((1, 2, 8, 1)), np.ones((3, 3, 1, 1))),
            "kernel of 3 does not fit an input of 2",
        ),
        (lambda: conv2d(np.ones((1, 8, 8, 1)), np.ones((3, 3, 1, 1)), stride=0), "stride .* not 0"),
        (lambda: conv2d(np.ones((1, 8, 8, 1)), np.ones((3, 3, 1, 1)), padding=-1), "padding .* not -1"),
        (lambda: conv2d(np.ones((1, 8, 8, 1)), np.ones((3, 3, 1, 1)), padding="full"), "not 'full'"),
        (
            lambda: conv2d_gradients(np.ones((1, 8, 8, 1)), np.ones((3, 3, 1, 1)), np.ones((1, 8, 8, 1))),
            r"\(1, 6, 6, 1\) .* not \(1, 8, 8, 1\)",
        ),
        (lambda: max_pool2d(np.ones((28, 28)), 2), r"\(28, 28\)"),
        (lambda: max_pool2d(np.ones((1, 1, 8, 1)), 2), "kernel of 2 does not fit an input of 1"),
        (lambda: avg_pool2d(np.ones((1, 8, 8, 1)), 2, padding=1), "not 1"),
        (lambda: avg_pool2d(np.ones((1, 8, 8, 1)), 2, padding="full"), "not 'full'"),
    ],
)
def test_errors_name_the_values(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_maps_have_the_size_that_shapes_says():
    maps = conv2d(np.ones((1, 13, 9, 1)), np.ones((4, 2, 1, 1)), stride=3, padding=2)
    assert maps.shape[1:3] == (output_size(13, 4, 3, 2), output_size(9, 2, 3, 2))
