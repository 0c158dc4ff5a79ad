"""Every NumPy layer against TensorFlow and against a central difference, over shapes drawn by hypothesis."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import both_dtypes, central_difference, close

from convlab import layers
from convlab.layers import (
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    ReLU,
    Sequential,
    Sigmoid,
    initializers,
    log_softmax,
    sigmoid,
    softmax,
    softmax_cross_entropy,
)


def mlp(features, dtype):
    """Every layer at work in one stack, with one of them nested."""
    inner = Sequential([Dense(5, 4, rng=1, dtype=dtype), BatchNorm(4, dtype=dtype), ReLU()])
    return Sequential(
        [Flatten(), Dense(features, 5, rng=0, dtype=dtype), Sigmoid(), inner, Dropout(0.3, rng=2)]
    )


def mlp_oracle(x, p, layer):
    """The same stack in TensorFlow, from the same parameters."""
    x = tf.sigmoid(tf.reshape(x, (x.shape[0], -1)) @ p["1.kernel"] + p["1.bias"])
    x = x @ p["3.0.kernel"] + p["3.0.bias"]
    inner = {"gamma": p["3.1.gamma"], "beta": p["3.1.beta"]}
    return dropped(tf.nn.relu(batch_normalised(x, inner, layer.layers[3].layers[1])), p, layer.layers[4])


def batch_normalised(x, p, layer):
    """TensorFlow's batch normalisation, with the batch's moments while training, else the layer's."""
    mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
    if not layer.training:
        mean, variance = layer.moving_mean, layer.moving_variance
    return tf.nn.batch_normalization(x, mean, variance, p["beta"], p["gamma"], layer.epsilon)


def dropped(x, p, layer):
    """TensorFlow's product with the mask that the layer drew."""
    return x if layer.mask is None else x * layer.mask


# name: layer(features, dtype), the same in TensorFlow (x, params, layer), whether images may go in
CASES = {
    "Dense": (
        lambda features, dtype: Dense(features, 3, rng=0, dtype=dtype),
        lambda x, p, layer: x @ p["kernel"] + p["bias"],
        False,
    ),
    "ReLU": (lambda features, dtype: ReLU(), lambda x, p, layer: tf.nn.relu(x), True),
    "Sigmoid": (lambda features, dtype: Sigmoid(), lambda x, p, layer: tf.sigmoid(x), True),
    "Flatten": (lambda features, dtype: Flatten(), lambda x, p, layer: tf.reshape(x, (x.shape[0], -1)), True),
    "Dropout": (lambda features, dtype: Dropout(0.4, rng=0), dropped, True),
    "BatchNorm": (lambda features, dtype: BatchNorm(features, dtype=dtype), batch_normalised, True),
    "Sequential": (mlp, mlp_oracle, False),
}
# tests/test_convolution.py and tests/test_transposed.py have these
IN_CONVOLUTION = {"Conv2D", "Conv2DTranspose", "MaxPool2D", "AvgPool2D"}
IN_SENTENCES = {"Conv1D", "MaxOverTime"}  # tests/test_sentences.py has these
IN_RECURRENT = {"RNN", "LSTM", "Embedding"}  # tests/test_recurrent.py has these
every_layer = pytest.mark.parametrize("name", CASES)


def case(name, shape, seed, dtype, training):
    """A layer with every parameter and average off its initial value, its oracle, an input and a gradient."""
    make, oracle, images = CASES[name]
    rng = np.random.default_rng(seed)
    shape = shape if images else (shape[0], shape[-1])
    x = rng.normal(0.3, 1.0, shape).astype(dtype)
    layer = make(shape[-1], dtype)
    for param in layer.params.values():
        param += rng.normal(0, 0.3, param.shape).astype(dtype)
    for _ in range(3):
        y = layer.forward(rng.normal(1.0, 2.0, shape).astype(dtype), training=True)
    return layer, oracle, x, rng.normal(size=y.shape).astype(dtype)


def tensorflow_pass(oracle, layer, x, dy):
    """The oracle's output and its gradients with respect to x and to every parameter."""
    x, params = tf.Variable(x), {name: tf.Variable(p) for name, p in layer.params.items()}
    with tf.GradientTape() as tape:
        y = oracle(x, params, layer)
    dx, grads = tape.gradient(y, (x, params), output_gradients=tf.constant(dy))
    return y.numpy(), tf.convert_to_tensor(dx).numpy(), {name: grad.numpy() for name, grad in grads.items()}


shapes = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6))
seeds = st.integers(0, 2**32 - 1)


@every_layer
@both_dtypes
@settings(max_examples=20)
@given(shape=shapes, seed=seeds, training=st.booleans())
def test_forward_and_backward_equal_tensorflow(name, dtype, shape, seed, training):
    layer, oracle, x, dy = case(name, shape, seed, dtype, training)
    y = layer.forward(x, training=training)
    dx = layer.backward(dy)
    expected_y, expected_dx, expected_grads = tensorflow_pass(oracle, layer, x, dy)
    close(y, expected_y, dtype, "y")
    close(dx, expected_dx, dtype, "dx")
    assert list(layer.grads) == list(layer.params) or set(layer.grads) == set(layer.params) == set(
        expected_grads
    )
    for key, grad in layer.grads.items():
        close(grad, expected_grads[key], dtype, key)


@every_layer
@both_dtypes
@settings(max_examples=10)
@given(shape=shapes, seed=seeds, training=st.booleans())
def test_backward_equals_a_central_difference(name, dtype, shape, seed, training):
    layer, _, x, dy = case(name, shape, seed, np.float64, training)
    x[abs(x) < 1e-3] = 0.5  # no step across the kink of ReLU
    twin, *_ = case(name, shape, seed, dtype, training)

    def passes(layer, x):
        """Forward with the same random draws each time."""
        for inner in [layer, *getattr(layer, "layers", [])]:
            if isinstance(inner, Dropout):
                inner.rng = np.random.default_rng(seed)
        return layer.forward(x, training=training)

    passes(twin, x.astype(dtype))
    dx = twin.backward(dy.astype(dtype))
    close(dx, central_difference(lambda: (passes(layer, x) * dy).sum(), x), dtype, "dx")
    for key, param in layer.params.items():
        slope = central_difference(lambda: (passes(layer, x) * dy).sum(), param)
        close(twin.grads[key], slope, dtype, key)


@every_layer
@both_dtypes
@pytest.mark.parametrize("training", [False, True])
def test_dtype_stays_and_no_argument_is_changed(name, dtype, training):
    layer, _, x, dy = case(name, (4, 2, 3, 6), 0, dtype, training)
    arguments = [x, dy]
    before = [array.copy() for array in arguments]
    for array in arguments:
        array.flags.writeable = False
    y = layer.forward(x, training=training)
    y_before = y.copy()
    dx = layer.backward(dy)
    results = [y, dx, *layer.grads.values(), *layer.params.values()]
    assert [array.dtype for array in results] == [dtype] * len(results)
    assert dx.shape == x.shape
    np.testing.assert_array_equal(y, y_before)
    for array, copy in zip(arguments, before):
        np.testing.assert_array_equal(array, copy)


@every_layer
def test_strides_do_not_matter(name):
    layer, _, x, dy = case(name, (4, 2, 3, 6), 0, np.float64, False)
    y, dx = layer.forward(x), layer.backward(dy)
    spread_x, spread_dy = np.repeat(x, 2, axis=-1)[..., ::2], np.asfortranarray(dy)
    np.testing.assert_allclose(layer.forward(spread_x), y, rtol=1e-12)
    np.testing.assert_allclose(layer.backward(spread_dy), dx, rtol=1e-12)


@every_layer
def test_a_misshapen_gradient_is_named(name):
    layer, _, x, dy = case(name, (4, 2, 3, 6), 0, np.float64, False)
    layer.forward(x)
    with pytest.raises(ValueError, match=r"backward takes .*not \(1, "):
        layer.backward(dy[:1])


def test_sequential_tells_every_layer_whether_it_is_training():
    x = np.ones((4, 50))
    network = Sequential([Dropout(0.5, rng=0), Sequential([Dropout(0.5, rng=1)])])
    np.testing.assert_array_equal(network.forward(x, training=False), x)
    assert set(np.unique(network.forward(x, training=True))) == {0.0, 4.0}


def test_every_layer_has_a_case():
    classes = {name for name in layers.__all__ if inspect.isclass(getattr(layers, name))}
    assert classes == set(CASES) | IN_CONVOLUTION | IN_RECURRENT | IN_SENTENCES


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Dense(784, 10, rng=0), (5, 28, 28, 1), r"784 inputs.*\(5, 28, 28, 1\).*Flatten"),
        (Dense(784, 10, rng=0), (5, 10), r"784 inputs.*\(5, 10\)"),
        (BatchNorm(8), (5, 4), r"8 features.*\(5, 4\)"),
        (BatchNorm(8), (8,), r"8 features.*\(8,\)"),
    ],
)
def test_a_misshapen_input_is_named(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.forward(np.zeros(shape, np.float32))


@both_dtypes
def test_batch_norm_keeps_the_same_averages_as_keras(dtype):
    ours = BatchNorm(3, momentum=0.9, dtype=dtype)
    theirs = keras.layers.BatchNormalization(momentum=0.9, dtype=np.dtype(dtype).name)
    rng = np.random.default_rng(0)
    for _ in range(5):
        x = rng.normal([0, 5, -2], [1, 3, 0.1], (6, 4, 4, 3)).astype(dtype)
        close(ours.forward(x, training=True), theirs(x, training=True).numpy(), dtype)
    close(ours.moving_mean, theirs.moving_mean.numpy(), dtype)
    close(ours.moving_variance, theirs.moving_variance.numpy(), dtype)
    close(ours.forward(x), theirs(x, training=False).numpy(), dtype)


def test_batch_norm_has_the_defaults_of_keras():
    ours, theirs = BatchNorm(1), keras.layers.BatchNormalization()
    assert (ours.momentum, ours.epsilon) == (theirs.momentum, theirs.epsilon)


@settings(max_examples=20)
@given(rate=st.floats(0, 0.95), seed=seeds)
def test_dropout_drops_its_share_and_keeps_what_is_expected(rate, seed):
    y = Dropout(np.float64(rate), rng=seed).forward(np.ones((100, 200), np.float32), training=True)
    spread = np.sqrt(rate / (1 - rate) / y.size)
    assert abs(y.mean(dtype=np.float64) - 1) <= 6 * spread + 1e-6
    np.testing.assert_allclose(np.unique(y[y > 0]), [1 / (1 - rate)], rtol=1e-6)
    assert y.dtype == np.float32


def test_dropout_draws_anew_each_time_and_the_same_from_the_same_seed():
    first, second = Dropout(0.5, rng=3), Dropout(0.5, rng=3)
    x = np.ones((10, 10))
    draws = [first.forward(x, training=True), first.forward(x, training=True)]
    assert (draws[0] != draws[1]).any()
    np.testing.assert_array_equal(draws, [second.forward(x, training=True) for _ in range(2)])


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5])
def test_dropout_refuses_what_is_no_share(rate):
    with pytest.raises(ValueError, match=f"not {rate}"):
        Dropout(rate)


def test_sequential_numbers_the_layers_and_shows_their_own_arrays():
    model = mlp(6, np.float32)
    names = ["1.kernel", "1.bias", "3.0.kernel", "3.0.bias", "3.1.gamma", "3.1.beta"]
    assert list(model.params) == names
    assert model.grads == {}
    assert model.params["3.0.kernel"] is model.layers[3].layers[0].params["kernel"]
    x = np.ones((2, 6), np.float32)
    before = model.forward(x)
    for param in model.params.values():
        param += 1
    assert (model.forward(x) != before).any()
    model.backward(np.ones((2, 4), np.float32))
    assert set(model.grads) == set(names)


def test_dense_takes_a_seed_or_a_shared_generator():
    kernel = Dense(4, 3, rng=5).params["kernel"]
    np.testing.assert_array_equal(kernel, Dense(4, 3, rng=5).params["kernel"])
    shared = np.random.default_rng(5)
    np.testing.assert_array_equal(kernel, Dense(4, 3, rng=shared).params["kernel"])
    assert (kernel != Dense(4, 3, rng=shared).params["kernel"]).any()


@both_dtypes
@settings(max_examples=30)
@given(n=st.integers(1, 6), classes=st.integers(1, 12), scale=st.sampled_from([0.1, 3, 300]), seed=seeds)
def test_softmax_cross_entropy_equals_tensorflow(dtype, n, classes, scale, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, scale, (n, classes)).astype(dtype), rng.integers(0, classes, n)
    logits.flags.writeable = labels.flags.writeable = False
    loss, dlogits = softmax_cross_entropy(logits, labels)
    x = tf.Variable(logits)
    with tf.GradientTape() as tape:
        expected = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x))
    close(loss, expected.numpy(), dtype)
    close(dlogits, tape.gradient(expected, x).numpy(), dtype)
    close(softmax(logits), tf.nn.softmax(logits).numpy(), dtype)
    close(log_softmax(logits), tf.nn.log_softmax(logits).numpy(), dtype)
    assert loss.dtype == dlogits.dtype == softmax(logits).dtype == dtype


@settings(max_examples=10)
@given(n=st.integers(1, 4), classes=st.integers(1, 5), seed=seeds)
def test_softmax_cross_entropy_equals_a_central_difference(n, classes, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(n, classes)), rng.integers(0, classes, n)
    _, dlogits = softmax_cross_entropy(logits, labels)
    slope = central_difference(lambda: softmax_cross_entropy(logits, labels)[0], logits)
    close(dlogits, slope, np.float64)
    _, low = softmax_cross_entropy(logits.astype(np.float32), labels)
    close(low, slope, np.float32)


@pytest.mark.parametrize("label_dtype", [np.uint8, np.int32, np.int64])
def test_any_integers_are_labels(label_dtype):
    loss, _ = softmax_cross_entropy(np.zeros((2, 10), np.float32), np.array([0, 9], label_dtype))
    assert loss == pytest.approx(np.log(10))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 10], "run from 0 to 10, but classes from 0 to 9"),
        ([-1, 3], "run from -1 to 3"),
        ([0.0, 1.0], "integer labels.*float64"),
        ([0, 1, 2], r"\(2, 10\) with int64 \(3,\)"),
        (np.eye(10, dtype=int)[:2], r"one-hot .* \.argmax\(axis=1\)"),
        (np.array([[3], [4]]), r"int64 \(2, 1\).* column .* \.ravel\(\) or \[:, 0\]"),
    ],
)
def test_wrong_labels_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        softmax_cross_entropy(np.zeros((2, 10)), np.array(labels))


@both_dtypes
def test_sigmoid_is_exact_far_from_zero_without_a_warning(dtype, recwarn):
    x = np.array([-1e30, -80, -20, -1e-9, 0, 1e-9, 20, 80, 1e30], dtype)
    exact = tf.exp(tf.math.log_sigmoid(tf.constant(x, tf.float64))).numpy()
    np.testing.assert_allclose(sigmoid(x), exact, rtol=1e-5 if dtype is np.float32 else 1e-12, atol=1e-37)
    assert sigmoid(x).dtype == dtype
    assert not recwarn.list


KERNEL_SHAPES = [(784, 256), (3, 3, 32, 64)]


@pytest.mark.parametrize("shape", KERNEL_SHAPES)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (initializers.xavier, keras.initializers.GlorotUniform(0)),
        (initializers.he, keras.initializers.HeNormal(0)),
        (initializers.normal, keras.initializers.RandomNormal(0.0, 0.01, 0)),
        (initializers.truncated_normal, keras.initializers.TruncatedNormal(0.0, 0.1, 0)),
        (initializers.constant, keras.initializers.Constant(0.0)),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_initializers_spread_as_those_of_keras(shape, ours, theirs):
    values, expected = ours(shape, np.random.default_rng(0)), theirs(shape).numpy()
    assert values.shape == shape
    assert values.std() == pytest.approx(expected.std(), rel=0.02)
    assert abs(values.mean()) <= 5 * values.std() / np.sqrt(values.size)


@pytest.mark.parametrize("ours", [initializers.xavier, initializers.truncated_normal])
def test_bounded_initializers_keep_their_bounds(ours):
    shape = (300, 100)
    theirs = {"xavier": np.sqrt(6 / 400), "truncated_normal": 0.2}[ours.__name__]
    values = ours(shape, np.random.default_rng(0))
    assert 0.99 * theirs < abs(values).max() <= theirs


@pytest.mark.parametrize("shape", KERNEL_SHAPES)
def test_fans_equal_those_of_keras(shape):
    from keras.src.initializers.random_initializers import compute_fans

    assert initializers.fans(shape) == compute_fans(shape)
