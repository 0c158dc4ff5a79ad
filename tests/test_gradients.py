"""convlab.explain against finite differences of single weights and against TensorFlow's own tape."""

import keras
import numpy as np
import pytest

from convlab import explain, networks
from convlab.training import updates


@pytest.fixture(scope="module")
def small():
    """A network with every kind of weight, one batch for it and its labels."""
    keras.utils.set_random_seed(0)
    images = keras.Input((6, 5, 2))
    x = networks.normalized_convolution(images, 4, 3, "first", activation="tanh")
    x = keras.layers.GlobalAveragePooling2D()(networks.convolution(x, 3, 3, "second", activation="tanh"))
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(7, 6, 5, 2)).astype("float32"), rng.integers(0, 5, 7)
    return keras.Model(images, networks.logits(x, 5)), *batch


def test_kernel_gradients_are_what_finite_differences_say(small):
    model, images, labels = small
    found = explain.kernel_gradients(model, images, labels)
    assert list(found) == ["first", "second", "logits"]
    kernel = model.get_layer("second").kernel
    before = kernel.numpy()

    def loss(place, change):
        kernel.assign(before + change * (np.arange(before.size).reshape(before.shape) == place))
        groups = (model.trainable_variables, model.non_trainable_variables)
        weights = ([v.value for v in group] for group in groups)
        logits, _ = model.stateless_call(*weights, images, training=True)
        kernel.assign(before)
        return float(updates.objective(logits, labels)[0])

    for place in (0, 50, before.size - 1):
        numerical = (loss(place, 1e-2) - loss(place, -1e-2)) / 2e-2
        assert found["second"].flat[place] == pytest.approx(numerical, abs=2e-4)


def test_kernel_gradients_leave_the_model_as_it_was(small):
    model, images, labels = small
    before = model.get_weights()
    explain.kernel_gradients(model, images, labels)
    for was, now in zip(before, model.get_weights()):
        np.testing.assert_array_equal(was, now)


def test_layers_of_a_nested_model_have_its_name_before_theirs():
    inputs = keras.Input((3,))
    inner = [keras.Input((3,)), keras.layers.Dense(2, name="one"), keras.layers.Dense(2, name="two")]
    outputs = keras.layers.Dense(4, name="last")(keras.Sequential(inner, name="inner")(inputs))
    model = keras.Model(inputs, outputs)
    images, labels = np.ones((2, 3)), np.array([0, 3])  # float64 and int64
    found = explain.kernel_gradients(model, images, labels)
    assert {name: gradient.shape for name, gradient in found.items()} == {
        "inner/one": (3, 2),
        "inner/two": (2, 2),
        "last": (2, 4),
    }


def test_agreement_knows_same_opposite_and_scaled(small):
    found = explain.kernel_gradients(*small)
    for factor, cosine in ((1, 1), (-3, -1), (0.1, 1)):
        scaled = {name: factor * gradient for name, gradient in found.items()}
        assert list(explain.agreement(found, scaled).values()) == pytest.approx([cosine] * 3, abs=1e-6)
