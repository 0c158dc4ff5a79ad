"""The arithmetic of shapes against TensorFlow's shape inference, Keras's counts and published tables."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from convlab import networks
from convlab.shapes import Row, count, output_size, padding_sides, receptive_field, same_padding, table, total

SIZES = range(1, 65)
STRIDES = (1, 2, 3, 4)


def in_tensorflow(cases, operation):
    """Pair each case with the size that TensorFlow's shape inference gives it, None if it refuses."""
    with tf.Graph().as_default():
        images = {size: tf.compat.v1.placeholder(tf.float32, (1, size, 1, 1)) for size in SIZES}
        kernels = {size: tf.compat.v1.placeholder(tf.float32, (size, 1, 1, 1)) for size in range(1, 12)}
        for case in cases:
            try:
                yield case, operation(images[case[0]], kernels[case[1]], *case[1:]).shape[1]
            except ValueError:
                yield case, None


def convolved(images, kernels, _, stride, padding, dilation):
    explicit = [] if isinstance(padding, str) else [0, 0, padding, padding, 0, 0, 0, 0]
    return tf.raw_ops.Conv2D(
        input=images,
        filter=kernels,
        strides=[1, stride, 1, 1],
        padding="EXPLICIT" if explicit else padding.upper(),
        explicit_paddings=explicit,
        dilations=[1, dilation, 1, 1],
    )


def pooled(images, _, size, stride, padding):
    window = {"ksize": [1, size, 1, 1], "strides": [1, stride, 1, 1], "padding": padding.upper()}
    return tf.raw_ops.MaxPool(input=images, **window)


def ours(*case):
    """Our size, None if we refuse; then the message must name the sizes of kernel and input."""
    try:
        return output_size(*case)
    except ValueError as error:
        assert f"kernel of {case[1]}" in str(error) and f"input of {case[0]}" in str(error)
        return None


def agree(pairs):
    """Every case alike; return how many there were and how many of them TensorFlow refused."""
    pairs = list(pairs)
    assert [(case, theirs, ours(*case)) for case, theirs in pairs if theirs != ours(*case)] == []
    return len(pairs), sum(theirs is None for _, theirs in pairs)


@pytest.mark.parametrize("padding", ["valid", "same", 1, 2, 3])
def test_output_size_equals_tensorflows_for_convolution(padding):
    kernels, dilations = (1, 2, 3, 5, 11), (1, 2, 3)
    cases = itertools.product(SIZES, kernels, STRIDES, [padding], dilations)
    number, refused = agree(in_tensorflow(cases, convolved))
    assert number == 3840 and (refused > 0) == (padding != "same")


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_output_size_equals_tensorflows_for_pooling(padding):
    cases = itertools.product(SIZES, (1, 2, 3, 4, 5), STRIDES, [padding])
    number, refused = agree(in_tensorflow(cases, pooled))
    assert number == 1280 and (refused > 0) == (padding == "valid")


def test_same_padding_is_what_tensorflow_adds():
    """Explicit padding with our pixels gives the values, not only the size, that "same" gives."""
    rng = np.random.default_rng(0)
    for size, kernel_size, stride in itertools.product((1, 2, 5, 8, 13), (1, 2, 3, 4, 7), (1, 2, 3)):
        images, kernels = rng.normal(size=(1, size, 1, 1)), rng.normal(size=(kernel_size, 1, 1, 1))
        explicit = [[0, 0], same_padding(size, kernel_size, stride), [0, 0], [0, 0]]
        strides = [1, stride, 1, 1]
        np.testing.assert_allclose(
            tf.nn.conv2d(images, kernels, strides, explicit), tf.nn.conv2d(images, kernels, strides, "SAME")
        )


def test_lectures_sizes():
    """Claims C3 and C5: the cases on the slides, and the three readings of AlexNet's 224."""
    assert [output_size(4, 3), output_size(5, 3, 2), output_size(5, 3), output_size(6, 3, 2)] == [2, 2, 3, 2]
    assert [output_size(5, 4, padding=2), output_size(7, 3, padding=1)] == [6, 7]
    assert output_size(227, 11, 4) == 55
    assert [output_size(224, 11, 4, padding) for padding in ("valid", 2, "same")] == [54, 55, 56]
    assert [output_size(size, 2, 2, "same") for size in (28, 14, 7)] == [14, 7, 4]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((3, 5), "kernel of 5 does not fit an input of 3 with padding 0"),
        (
            (3, 3, 1, "valid", 2),
            r"kernel of 3 with dilation 2 \(it reaches over 5\) does not fit an input of 3",
        ),
        ((0, 1), "input .* not 0"),
        ((8, 0), "kernel .* not 0"),
        ((8, 3, 0), "stride .* not 0"),
        ((8, 3, -2, "same"), "stride .* not -2"),
        ((8, 3, 1, -1), "padding .* not -1"),
        ((8, 3, 1, 0, 0), "dilation .* not 0"),
        ((8, 3, 1, "full"), '"valid" or "same", not \'full\''),
        ((8.0, 3), r"input .* not 8\.0"),
        ((8, 3.5), r"kernel .* not 3\.5"),
        ((8, 3, True), "stride .* not True"),
        ((8, 3, 1, None), "padding .* not None"),
        ((8, 3, 1, (1, 2)), r"padding .* not \(1, 2\)"),
        (("8", 3), "input .* not '8'"),
    ],
)
def test_errors_name_the_numbers(arguments, said):
    with pytest.raises(ValueError, match=said):
        output_size(*arguments)


def test_paddings_may_be_spelled_as_tensorflow_does():
    assert [output_size(28, 3, 2, padding) for padding in ("SAME", "same", "VALID", "valid")] == [
        14,
        14,
        13,
        13,
    ]
    assert padding_sides(28, 3, 2, "SAME") == same_padding(28, 3, 2) == (0, 1)


def test_numpys_integers_come_back_as_pythons():
    size = output_size(np.int64(28), np.uint8(3), np.int32(2), np.int16(1))
    assert size == 14 and type(size) is int


def test_keras_alone_refuses_a_stride_with_a_dilation():
    """As the docstring says: the operation follows the formula, the layer does not offer it."""
    assert output_size(20, 3, stride=2, dilation=2) == 8
    with pytest.raises(ValueError, match="not supported"):
        layers.Conv2D(1, 3, strides=2, dilation_rate=2)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), max_size=4))
@settings(max_examples=50)
def test_receptive_field_is_as_wide_as_the_gradient_of_one_output(stack):
    """One output of a stack of summing kernels depends on just the pixels that the formula counts."""
    field = receptive_field(stack)
    pixels = tf.ones((1, field + 7, 1), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        maps = pixels
        for kernel_size, stride in stack:
            maps = tf.nn.conv1d(maps, tf.ones((kernel_size, 1, 1), tf.float64), stride, "VALID")
        first = maps[0, 0, 0]
    seen = np.flatnonzero(tape.gradient(first, pixels)[0, :, 0])
    # a stride over the kernel's size leaves gaps, but the outermost pixels still mark the field
    assert seen[0] == 0 and seen[-1] == field - 1


def test_receptive_field_refuses_what_is_no_size():
    for stack in ([(0, 1)], [(3, 0)], [(3, 1.5)]):
        with pytest.raises(ValueError, match="at least 1"):
            receptive_field(stack)


def mnist_net():
    """The lecture's network of claim C6."""
    net = [keras.Input((28, 28, 1))]
    for filters in (32, 64, 128):
        net += [
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPool2D(2, padding="same"),
        ]
    return keras.Sequential([*net, layers.Flatten(), layers.Dense(625, activation="relu"), layers.Dense(10)])


def branches():
    """Grouped, depthwise, separable and transposed convolution, normalisation, sums and concatenation."""
    inputs = keras.Input((17, 15, 4))
    left = layers.Conv2D(8, 3, strides=2, groups=2, name="grouped")(inputs)
    left = layers.BatchNormalization()(left)
    right = layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, use_bias=False, name="depthwise")(inputs)
    both = layers.Add()([layers.ReLU()(left), right])
    both = layers.Concatenate()(
        [both, layers.SeparableConv2D(5, (3, 1), padding="same", name="separable")(both)]
    )
    both = layers.Conv2DTranspose(6, 3, strides=2, name="transposed")(both)
    both = keras.ops.relu(layers.Conv2D(2, 3, dilation_rate=2, padding="same", name="dilated")(both)) * 0.5
    both = layers.Dense(3, name="per_pixel")(both)
    return keras.Model(inputs, [layers.GlobalAveragePooling2D()(both), layers.AveragePooling2D(2)(both)])


def nested():
    """A model in a model in a model, one of them used twice, and a layer used twice, on two sizes."""
    twice = keras.Sequential([keras.Input((8, 8, 2)), layers.Conv2D(2, 3, padding="same", name="conv")])
    twice.name = "twice"
    middle = keras.Sequential([keras.Input((8, 8, 2)), twice, layers.PReLU(name="prelu")], name="middle")
    inputs, shared = keras.Input((8, 8, 2)), layers.Conv2D(2, 3, name="shared")
    maps = shared(shared(twice(middle(inputs))))
    return keras.Model(inputs, layers.Dense(3, name="dense")(layers.Flatten()(maps)))


@pytest.mark.parametrize("build", [mnist_net, branches, nested])
def test_count_has_keras_parameters(build):
    model = build()
    assert sum(row.parameters for row in count(model)) == model.count_params()


@pytest.mark.parametrize("build", [mnist_net, branches])
def test_count_has_keras_layers_and_shapes_in_their_order(build):
    model = build()
    rows = [row for row in count(model) if row.name in {layer.name for layer in model.layers}]
    assert [row.name for row in rows] == [layer.name for layer in model.layers]
    for row, layer in zip(rows, model.layers):
        assert row.output_shape == tuple(layer.output.shape) and row.kind == type(layer).__name__
        assert row.parameters == layer.count_params()
        assert row.activations == np.prod(row.output_shape[1:])


def test_count_of_the_lectures_network():
    """Claims C6 and C7, multiplied out by hand."""
    rows = count(mnist_net())
    assert [row.parameters for row in rows if row.parameters] == [320, 18_496, 73_856, 1_280_625, 6_260]
    assert [row.activations for row in rows[:6]] == [25_088, 6_272, 12_544, 3_136, 6_272, 2_048]
    macs = [28 * 28 * 32 * 9, 14 * 14 * 64 * 9 * 32, 7 * 7 * 128 * 9 * 64, 2048 * 625, 625 * 10]
    assert [row.macs for row in rows if row.macs] == macs
    assert total(rows) == (1_379_557, sum([25_088, 6_272, 12_544, 3_136, 6_272, 2_048, 625, 10]), 8_737_386)


def test_macs_by_hand_for_every_kind_of_convolution():
    macs = {row.name: row.macs for row in count(branches()) if row.macs}
    assert macs == {
        "grouped": 8 * 7 * 8 * 9 * 2,
        "depthwise": 8 * 7 * 8 * 9,
        "separable": 8 * 7 * (3 * 8 + 8 * 5),
        "transposed": 8 * 7 * 13 * 9 * 6,
        "dilated": 17 * 15 * 2 * 9 * 6,
        "per_pixel": 17 * 15 * 2 * 3,
    }


def test_count_tells_each_use_of_a_shared_layer_and_its_parameters_once():
    rows = count(nested())
    conv = [(row.name, row.output_shape, row.parameters, row.macs) for row in rows if row.kind == "Conv2D"]
    assert conv == [
        ("middle/twice/conv", (None, 8, 8, 2), 38, 8 * 8 * 2 * 18),
        ("twice/conv", (None, 8, 8, 2), 0, 8 * 8 * 2 * 18),
        ("shared", (None, 6, 6, 2), 38, 6 * 6 * 2 * 18),
        ("shared", (None, 4, 4, 2), 0, 4 * 4 * 2 * 18),
    ]
    assert [row.kind for row in rows].count("InputLayer") == 1  # the outermost model's, as in `summary`


def test_count_leaves_out_calls_in_other_models():
    inputs = keras.Input((8, 8, 2))
    conv = layers.Conv2D(2, 3, padding="same", name="conv")
    model = keras.Model(inputs, conv(inputs))
    keras.Model(inputs, conv(conv(inputs)))
    assert [row.kind for row in count(model)] == ["InputLayer", "Conv2D"]


def test_count_refuses_a_nested_model_of_another_size():
    trunk = keras.Sequential([keras.Input((None, None, 2)), layers.Conv2D(2, 3)], name="trunk")
    model = keras.Sequential([keras.Input((8, 8, 2)), trunk])
    with pytest.raises(ValueError, match=r"'trunk' is called on \[\(None, 8, 8, 2\)\].*None, None, None, 2"):
        count(model)


@pytest.mark.parametrize(
    ("network", "parameters", "million_macs"),
    [
        # Howard et al. 2017, Table 8; Sandler et al. 2018, Table 4
        (keras.applications.MobileNet, 4_253_864, 569),
        (keras.applications.MobileNetV2, 3_538_984, 301),
    ],
)
def test_count_equals_published_tables(network, parameters, million_macs):
    counted, _, macs = total(count(network(weights=None)))
    assert counted == parameters and round(macs / 1e6) == million_macs


def test_count_leaves_the_model_as_it_was():
    model = branches()
    before = [len(layer._inbound_nodes) for layer in model.layers]
    count(model)
    assert [len(layer._inbound_nodes) for layer in model.layers] == before


def test_count_refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match=r"keras\.Input"):
        count(keras.Sequential([layers.Dense(3)]))
    with pytest.raises(ValueError, match=r"'conv' gives .*None.* fixed"):
        count(keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(3, 3, name="conv")]))
    with pytest.raises(ValueError, match="LSTM"):
        count(keras.Sequential([keras.Input((5, 2)), layers.LSTM(3, name="memory")]))


def test_table_shows_rows_and_sums():
    lines = table(count(mnist_net())).split("\n")
    assert lines[1].split()[1:] == ["28×28×32", "320", "25,088", "225,792"]
    assert lines[-1].split() == ["total", "1,379,557", "55,995", "8,737,386"]
    assert len({len(line) for line in lines}) == 1


def test_the_activations_of_a_table_add_up_to_their_total():
    rows = [line.split()[-2].replace(",", "") for line in table(count(mnist_net())).split("\n")[1:]]
    assert sum(int(shown) for shown in rows[:-1] if shown != "–") == int(rows[-1])
    assert "–" in rows


def test_dropout_and_flatten_hold_no_memory_of_their_own():
    row = Row("conv", "Conv2D", (None, 2, 2, 3), 30, 12, 108)
    passed_on = [Row(kind, kind, (None, 12), 0, 12, 0) for kind in ("Flatten", "Reshape", "Dropout")]
    assert total([row, *passed_on]) == (30, 12, 108)


SMALL = ["lenet5", "cifar_alexnet", "cifar_vgg", "cifar_googlenet", "cifar_resnet", "cifar_fast"]


@pytest.mark.parametrize("builder", SMALL)
def test_count_agrees_with_keras_on_the_built_networks(builder):
    model = getattr(networks, builder)()
    rows = count(model)
    assert sum(row.parameters for row in rows) == model.count_params()
    assert [row.output_shape for row in rows] == [tuple(layer.output.shape) for layer in model.layers]
