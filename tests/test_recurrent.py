"""The recurrent layers against Keras's and against a central difference, over random shapes and masks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numerical import both_dtypes, central_difference, close

from convlab.layers import LSTM, RNN, Dense, Embedding, Sequential, initializers
from convlab.optimizers import Adam

KERAS = {RNN: keras.layers.SimpleRNN, LSTM: keras.layers.LSTM}
both_layers = pytest.mark.parametrize("kind", KERAS)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
seeds = st.integers(0, 2**32 - 1)
masks = st.sampled_from(["none", "end", "anywhere"])


def case(kind, shape, masked, seed, dtype):
    """A layer off its initial values, an input, a mask, an initial state and a gradient."""
    n, steps, inputs, units = shape
    rng = np.random.default_rng(seed)
    layer = kind(inputs, units, rng=rng, dtype=dtype)
    for param in layer.params.values():
        param += rng.normal(0, 0.3, param.shape).astype(dtype)
    x = rng.normal(size=(n, steps, inputs)).astype(dtype)
    mask = {
        "none": None,
        "end": np.arange(steps) < rng.integers(0, steps + 1, (n, 1)),
        "anywhere": rng.random((n, steps)) < 0.6,
    }[masked]
    return layer, x, mask, rng.normal(size=(n, steps, units)).astype(dtype)


@both_layers
@both_dtypes
@settings(max_examples=10)
@given(shape=shapes, masked=masks, seed=seeds)
def test_forward_and_backward_equal_keras(kind, dtype, shape, masked, seed):
    layer, x, mask, dy = case(kind, shape, masked, seed, dtype)
    theirs = KERAS[kind](shape[3], return_sequences=True, dtype=np.dtype(dtype).name)
    theirs.build(x.shape)
    theirs.set_weights(list(layer.params.values()))
    inputs = tf.Variable(x)
    with tf.GradientTape() as tape:
        expected = theirs(inputs, mask=mask)
    weights = [variable.value for variable in theirs.trainable_variables]
    expected_dx, expected_grads = tape.gradient(expected, (inputs, weights), output_gradients=dy)
    close(layer.forward(x, mask=mask), expected.numpy(), dtype, "y")
    close(layer.backward(dy), tf.convert_to_tensor(expected_dx).numpy(), dtype, "dx")
    assert list(layer.grads) == list(layer.params)
    for (name, grad), theirs in zip(layer.grads.items(), expected_grads, strict=True):
        close(grad, theirs.numpy(), dtype, name)


@both_layers
@both_dtypes
@settings(max_examples=10)
@given(shape=shapes, masked=masks, seed=seeds)
def test_backward_equals_a_central_difference(kind, dtype, shape, masked, seed):
    layer, x, mask, dy = case(kind, shape, masked, seed, np.float64)
    twin, *_ = case(kind, shape, masked, seed, dtype)
    for name, param in layer.params.items():
        twin.params[name][:] = param
    twin.forward(x.astype(dtype), mask=mask)
    dx = twin.backward(dy.astype(dtype))
    close(dx, central_difference(lambda: (layer.forward(x, mask=mask) * dy).sum(), x), dtype, "dx")
    for name, param in layer.params.items():
        slope = central_difference(lambda: (layer.forward(x, mask=mask) * dy).sum(), param)
        close(twin.grads[name], slope, dtype, name)


@both_layers
@settings(max_examples=10)
@given(shape=shapes, masked=masks, seed=seeds, cut=st.integers(0, 6))
def test_a_sequence_in_two_pieces_ends_where_the_whole_does(kind, shape, masked, seed, cut):
    layer, x, mask, _ = case(kind, shape, masked, seed, np.float64)
    whole = layer.forward(x, mask=mask)
    ended = layer.state
    pieces, state = [], None
    for piece in (slice(None, cut), slice(cut, None)):
        if x[:, piece].size:
            part = None if mask is None else mask[:, piece]
            pieces.append(layer.forward(x[:, piece], mask=part, initial_state=state))
            state = layer.state
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, rtol=1e-12)
    np.testing.assert_allclose(state, ended, rtol=1e-12)


@both_layers
def test_what_the_mask_hides_changes_nothing(kind):
    layer, x, _, dy = case(kind, (3, 5, 2, 4), "none", 0, np.float64)
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [1, 0, 0, 0, 0]], bool)
    other = np.where(mask[:, :, None], x, 100)
    y = layer.forward(x, mask=mask)
    np.testing.assert_array_equal(y, layer.forward(other, mask=mask))
    assert (layer.backward(dy)[~mask] == 0).all()
    for sequence, seen in zip(x, mask):  # as if the hidden steps were not there
        layer.forward(sequence[seen][None])
        state = layer.state
        layer.forward(sequence[None], mask=seen[None])
        np.testing.assert_allclose(layer.state, state, rtol=1e-12)


@both_layers
@both_dtypes
def test_dtype_stays_and_no_argument_is_changed(kind, dtype):
    layer, x, mask, dy = case(kind, (3, 5, 2, 4), "anywhere", 0, dtype)
    before = [array.copy() for array in (x, mask, dy)]
    for array in (x, mask, dy):
        array.flags.writeable = False
    y = layer.forward(x, mask=mask)
    y_before = y.copy()
    dx = layer.backward(dy)
    results = [y, dx, *layer.grads.values(), *layer.params.values()]
    assert [array.dtype for array in results] == [dtype] * len(results)
    np.testing.assert_array_equal(y, y_before)
    for array, copy in zip((x, mask, dy), before):
        np.testing.assert_array_equal(array, copy)


@both_layers
def test_output_and_state_are_the_callers_to_change(kind):
    layer, x, _, dy = case(kind, (2, 3, 2, 4), "none", 0, np.float64)
    layer.forward(x)
    expected = layer.backward(dy)
    layer.forward(x)[:] = 7
    for part in [layer.state] if kind is RNN else layer.state:
        part[:] = 7
    np.testing.assert_array_equal(layer.backward(dy), expected)


def test_an_lstm_starts_by_remembering():
    """Keras's unit_forget_bias: the gate of what is remembered, and no other, starts open."""
    ours, theirs = LSTM(2, 3, rng=0), keras.layers.LSTM(3)
    theirs.build((None, None, 2))
    np.testing.assert_array_equal(ours.params["bias"], theirs.get_weights()[2])


@settings(max_examples=10)
@given(shape=st.tuples(st.integers(1, 6), st.integers(1, 6)), seed=seeds)
def test_orthogonal_rows_or_columns_are_orthonormal(shape, seed):
    matrix = initializers.orthogonal(shape, np.random.default_rng(seed))
    assert matrix.shape == shape
    short = matrix @ matrix.T if shape[0] <= shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(short, np.eye(min(shape)), atol=1e-12)


def test_orthogonal_draws_every_rotation_alike():
    """Without a correction of signs, QR returns matrices whose diagonal leans to one side."""
    rng = np.random.default_rng(0)
    diagonal = [np.diag(initializers.orthogonal((2, 2), rng)) for _ in range(2000)]
    assert abs(np.mean(diagonal)) < 0.05


@both_dtypes
@settings(max_examples=10)
@given(shape=shapes, seed=seeds)
def test_embedding_equals_keras_and_a_one_hot_product(dtype, shape, seed):
    n, steps, words, outputs = shape
    rng = np.random.default_rng(seed)
    layer, x = Embedding(words, outputs, rng=rng, dtype=dtype), rng.integers(0, words, (n, steps))
    dy = rng.normal(size=(n, steps, outputs)).astype(dtype)
    table = tf.Variable(layer.params["kernel"])
    with tf.GradientTape() as tape:
        expected = tf.gather(table, x)
    grad = tape.gradient(expected, table, output_gradients=dy)
    np.testing.assert_array_equal(layer.forward(x), expected.numpy())
    np.testing.assert_allclose(layer.forward(x), np.eye(words)[x] @ layer.params["kernel"], rtol=1e-6)
    assert layer.backward(dy) is None
    close(layer.grads["kernel"], tf.convert_to_tensor(grad).numpy(), dtype)
    assert layer.grads["kernel"].dtype == layer.params["kernel"].dtype == dtype


def test_a_stack_that_begins_with_words_is_trained_as_one():
    stack = Sequential([Embedding(7, 3, rng=0), LSTM(3, 4, rng=1)])
    y = stack.forward(np.array([[1, 6, 0]]))
    assert stack.backward(np.ones_like(y)) is None
    assert set(stack.grads) == set(stack.params)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RNN(3, 2, rng=0).forward(np.zeros((5, 3))), r"3 inputs takes \(N, T, 3\), not \(5, 3\)"),
        (lambda: LSTM(3, 2, rng=0).forward(np.zeros((5, 4, 2))), r"not \(5, 4, 2\)"),
        (
            lambda: LSTM(3, 2, rng=0).forward(np.zeros((5, 4, 3)), mask=np.ones((4, 5), bool)),
            r"mask of \(5, 4, 3\) is \(5, 4\) bool, not \(4, 5\) bool",
        ),
        (
            lambda: RNN(3, 2, rng=0).forward(np.zeros((5, 4, 3)), mask=np.ones((5, 4))),
            r"not \(5, 4\) float64",
        ),
        (
            lambda: LSTM(3, 2, rng=0).forward(
                np.zeros((5, 4, 3)), initial_state=(np.zeros((5, 2)), np.zeros((5, 3)))
            ),
            r"here \(5, 2\), not \(5, 3\)",
        ),
        (lambda: Embedding(5, 2, rng=0).forward(np.zeros((1, 2))), "integers.*not float64"),
        (lambda: Embedding(5, 2, rng=0).forward(np.array([[5]])), "from 5 to 5, but .* words 0 to 4"),
        (lambda: Embedding(5, 2, rng=0).forward(np.array([[-1, 0]])), "from -1 to 0, but .* words 0 to 4"),
    ],
)
def test_misshapen_inputs_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@both_layers
def test_a_misshapen_gradient_is_named(kind):
    layer, x, _, dy = case(kind, (3, 5, 2, 4), "none", 0, np.float64)
    layer.forward(x)
    with pytest.raises(ValueError, match=r"backward takes .*\(3, 5, 4\), not \(1, 5, 4\)"):
        layer.backward(dy[:1])


@both_layers
def test_a_task_that_needs_memory_is_learned(kind):
    """Say at the last of five steps what the first was: no layer without a state can."""
    rng = np.random.default_rng(0)
    layer, out = kind(2, 8, rng=rng, dtype=np.float64), Dense(8, 1, rng=rng, dtype=np.float64)
    x = rng.normal(size=(64, 5, 2))
    params = layer.params | {f"out {name}": param for name, param in out.params.items()}
    rule, losses = Adam(0.02), []
    for _ in range(150):
        error = out.forward(layer.forward(x)[:, -1])[:, 0] - x[:, 0, 0]
        losses.append((error**2).mean())
        dy = np.zeros((64, 5, 8))
        dy[:, -1] = out.backward(2 * error[:, None] / 64)
        layer.backward(dy)
        rule.step(params, layer.grads | {f"out {name}": grad for name, grad in out.grads.items()})
    assert losses[-1] < 0.1 * losses[0]
