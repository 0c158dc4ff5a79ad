"""Every update rule against the one that Keras ships, over 20 steps on the same gradients."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.optimizers import SGD, AdaGrad, Adam, Momentum

TOLERANCE = {np.float64: 1e-6, np.float32: 1e-3}
STEPS = 20
# Keras keeps rates as float32: ours get those that float32 holds exactly
rates = st.floats(2**-13, 0.5, width=32)
decays = st.floats(0.0, 1 - 2**-7, width=32)
epsilons = st.sampled_from([1e-8, 1e-7, 1e-3, 0.1])

# rule: the rule of Keras that it equals, what to draw for ours, and the same under Keras's names
RULES = {
    "SGD": (SGD, keras.optimizers.SGD, {"learning_rate": rates}),
    "Momentum": (Momentum, keras.optimizers.SGD, {"learning_rate": rates, "momentum": decays}),
    "AdaGrad": (
        AdaGrad,
        keras.optimizers.Adagrad,
        {"learning_rate": rates, "initial": st.floats(0.0, 1.0), "epsilon": epsilons},
    ),
    "Adam": (
        Adam,
        keras.optimizers.Adam,
        {"learning_rate": rates, "beta_1": decays, "beta_2": decays, "epsilon": epsilons},
    ),
}
KERAS_NAMES = {"initial": "initial_accumulator_value"}
every_rule = pytest.mark.parametrize("name", RULES)


def drawn(seed, dtype, steps=STEPS):
    """Parameters of three shapes and the gradients of some steps, their sizes from 1e-4 to 100."""
    rng = np.random.default_rng(seed)
    shapes = {"0.kernel": (3, 4), "0.bias": (4,), "2.gamma": ()}
    params = {name: np.asarray(rng.normal(size=shape), dtype) for name, shape in shapes.items()}
    sizes = 10.0 ** rng.uniform(-4, 2, steps)
    grads = [
        {name: np.asarray(size * rng.normal(size=shape), dtype) for name, shape in shapes.items()}
        for size in sizes
    ]
    return params, grads


def keras_steps(rule, params, grads):
    """What Keras makes of the same parameters and gradients."""
    variables = [keras.Variable(param, dtype=param.dtype.name) for param in params.values()]
    for step in grads:
        rule.apply([keras.ops.convert_to_tensor(step[name]) for name in params], variables)
    return {name: variable.numpy() for name, variable in zip(params, variables)}


@every_rule
@pytest.mark.parametrize("dtype", TOLERANCE)
@settings(max_examples=6)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_twenty_steps_equal_those_of_keras(name, dtype, data, seed):
    ours, theirs, drawable = RULES[name]
    chosen = {key: data.draw(values, label=key) for key, values in drawable.items()}
    params, grads = drawn(seed, dtype)
    expected = keras_steps(theirs(**{KERAS_NAMES.get(k, k): v for k, v in chosen.items()}), params, grads)
    rule = ours(**chosen)
    for step in grads:
        rule.step(params, step)
    for key, param in params.items():
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(param, expected[key], rtol=tolerance, atol=tolerance, err_msg=key)


@every_rule
def test_the_defaults_equal_those_of_keras(name):
    ours, theirs, _ = RULES[name]
    params, grads = drawn(0, np.float64)
    expected = keras_steps(theirs(momentum=0.9) if ours is Momentum else theirs(), params, grads)
    rule = ours()
    for step in grads:
        rule.step(params, step)
    for key, param in params.items():
        np.testing.assert_allclose(param, expected[key], rtol=1e-6, err_msg=key)


def test_adam_equals_algorithm_1_of_the_paper_once_epsilon_is_moved():
    params, grads = drawn(1, np.float64)
    paper = {name: param.copy() for name, param in params.items()}
    m, v = (dict.fromkeys(params, 0.0) for _ in range(2))
    rule, epsilon = Adam(learning_rate=0.01), 1e-3
    for t, step in enumerate(grads, start=1):
        rule.epsilon = epsilon * np.sqrt(1 - 0.999**t)
        rule.step(params, step)
        for name, g in step.items():
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g**2
            m_hat, v_hat = m[name] / (1 - 0.9**t), v[name] / (1 - 0.999**t)
            paper[name] = paper[name] - 0.01 * m_hat / (np.sqrt(v_hat) + epsilon)
    for name, param in params.items():
        np.testing.assert_allclose(param, paper[name], rtol=1e-10)


@every_rule
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_steps_happen_in_place_keep_the_dtype_and_leave_the_gradients(name, dtype):
    rule = RULES[name][0](learning_rate=np.float64(0.1))
    params, grads = drawn(2, dtype, steps=3)
    arrays, copies = dict(params), {key: param.copy() for key, param in params.items()}
    for step in grads:
        for grad in step.values():
            grad.flags.writeable = False
        rule.step(params, step)
    for key, param in params.items():
        assert param is arrays[key]
        assert param.dtype == dtype
        assert (param != copies[key]).all()
    remembered = [
        state
        for attribute in vars(rule).values()
        if isinstance(attribute, dict)
        for state in attribute.values()
    ]
    assert [state.dtype for state in remembered] == [dtype] * len(remembered)


@every_rule
def test_a_learning_rate_may_change_between_steps(name):
    rule = RULES[name][0]()
    params, (grads,) = drawn(3, np.float64, steps=1)
    before = params["0.kernel"].copy()
    rule.learning_rate = 0.0
    rule.step(params, grads)
    np.testing.assert_array_equal(params["0.kernel"], before)


@every_rule
@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ({"0.bias": np.zeros(3)}, "no gradient for '0.kernel' among .*backward"),
        (
            {"0.kernel": np.zeros(3), "0.bias": np.zeros(3)},
            r"'0.kernel' has shape \(2, 3\), its gradient \(3,\)",
        ),
    ],
)
def test_a_gradient_missing_or_misshapen_is_named_and_nothing_moves(name, grads, message):
    params = {"0.bias": np.ones(3), "0.kernel": np.ones((2, 3))}
    with pytest.raises(ValueError, match=message):
        RULES[name][0]().step(params, grads)
    assert (params["0.bias"] == 1).all()
