"""Lesson 08's network against the same one in Keras, in NumPy, and against the lecture's count."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from convlab import shapes
from convlab.layers import conv2d, max_pool2d
from convlab.networks import mnist_conv, tf_nn

LESSON = Path(__file__).parents[1] / "notebooks" / "08_mnist_with_tf_nn.ipynb"


@pytest.fixture(scope="module")
def parameters():
    """Parameters whose biases are not 0, so that a lost bias shows."""
    fresh = tf_nn.new_parameters(seed=3)
    for place, (name, value) in enumerate(fresh.items()):
        if name.endswith("/bias"):
            value.assign(tf.random.stateless_normal(value.shape, seed=(1, place), stddev=0.1))
    return fresh


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((5, 28, 28, 1), np.float32)


def test_parameters_are_as_many_as_the_layers_need():
    counted = shapes.conv_parameters(3, 1, 32) + shapes.conv_parameters(3, 32, 64)
    counted += shapes.conv_parameters(3, 64, 128)
    counted += shapes.dense_parameters(2048, 625) + shapes.dense_parameters(625, 10)
    assert sum(int(tf.size(value)) for value in tf_nn.new_parameters().values()) == counted == 1_379_557


def test_kernels_start_truncated_and_biases_at_zero_and_a_seed_repeats():
    first, again, other = (tf_nn.new_parameters(seed) for seed in (5, 5, 6))
    for name, value in first.items():
        assert np.array_equal(value, again[name])
        if name.endswith("/bias"):
            assert not np.any(value)
        else:
            spread = np.sqrt(2 / np.prod(value.shape[:-1]))
            assert abs(value.numpy()).max() <= 2 * spread
            assert value.numpy().std() == pytest.approx(0.88 * spread, rel=0.1)
            assert not np.array_equal(value, other[name])
    assert not np.array_equal(first["conv2/kernel"][:, :, :1], first["conv1/kernel"])


def test_keras_twin_says_the_same(parameters, images):
    twin = mnist_conv()
    for layer in twin.layers:
        if layer.weights:
            layer.set_weights([parameters[f"{layer.name}/{part}"].numpy() for part in ("kernel", "bias")])
    np.testing.assert_allclose(tf_nn.forward(parameters, images), twin(images), rtol=1e-5, atol=1e-5)


def test_numpy_says_the_same(parameters, images):
    values = {name: value.numpy() for name, value in parameters.items()}
    x = images
    for name in ("conv1", "conv2", "conv3"):
        x = np.maximum(conv2d(x, values[f"{name}/kernel"], values[f"{name}/bias"], padding="same"), 0)
        x = max_pool2d(x, 2, padding="same")
    x = np.maximum(x.reshape(5, -1) @ values["fc1/kernel"] + values["fc1/bias"], 0)
    expected = x @ values["logits/kernel"] + values["logits/bias"]
    np.testing.assert_allclose(tf_nn.forward(parameters, images), expected, rtol=1e-4, atol=1e-4)


def test_lesson_08_builds_the_same_network(images):
    cells = {one["id"]: "".join(one["source"]) for one in json.loads(LESSON.read_text())["cells"]}
    lesson = {"tf": tf, "np": np, "seed": 4, "digits": images}
    exec(cells["new-parameters"], lesson)
    exec(cells["forward"], lesson)
    ours = tf_nn.new_parameters(seed=4)
    assert ours.keys() == lesson["parameters"].keys()
    assert all(np.allclose(ours[name], value) for name, value in lesson["parameters"].items())
    np.testing.assert_allclose(lesson["forward"](ours, images), tf_nn.forward(ours, images), rtol=1e-6)


def test_dropout_is_random_when_asked_for_and_right_on_average(parameters, images):
    tf.random.set_seed(0)
    plain = tf_nn.forward(parameters, images).numpy()
    dropped = [tf_nn.forward(parameters, images, dropout=0.5).numpy() for _ in range(400)]
    assert not np.allclose(dropped[0], dropped[1])
    np.testing.assert_allclose(np.mean(dropped, axis=0), plain, atol=6 * np.std(dropped, axis=0).max() / 20)


def test_every_parameter_gets_a_gradient(parameters, images):
    labels = tf.constant([3, 1, 4, 1, 5])
    with tf.GradientTape() as tape:
        logits = tf_nn.forward(parameters, images, dropout=0.5)
        loss = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    gradients = tape.gradient(loss, parameters)
    assert gradients.keys() == parameters.keys()
    assert all(np.any(gradient) for gradient in gradients.values())
