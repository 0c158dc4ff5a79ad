"""Networks go from the live page to Keras and from data/weights/ to the page, with the same outputs."""

import base64

import numpy as np
import pytest
import web_cases as cases

from convlab import DATA_FOLDER, networks, runs

pytestmark = pytest.mark.skipif(cases.NODE is None, reason="node is not installed: apt-get install nodejs")

EVERY_LAYER = [
    {"kind": "Conv2D", "filters": 5, "kernelSize": 3, "stride": 1, "padding": "same", "bias": False},
    {"kind": "BatchNorm", "momentum": 0.9, "epsilon": 0.001},
    {"kind": "ReLU"},
    {"kind": "AvgPool2D", "size": 3, "stride": 2, "padding": "same"},
    {"kind": "Conv2D", "filters": 4, "kernelSize": 3, "stride": 2, "padding": "valid"},
    {"kind": "Sigmoid"},
    {"kind": "MaxPool2D", "size": 2, "stride": 1, "padding": "valid"},
    {"kind": "Flatten"},
    {"kind": "Dropout", "rate": 0.25},
    {"kind": "Dense", "units": 10},
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A network of every kind of layer, trained for five steps and saved; images; its answers."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(6, 28, 28, 1)).astype(np.float32)
    asked = {"ask": "file", "layers": EVERY_LAYER, "input": [28, 28, 1], "classes": 10, "steps": 5}
    asked |= {"images": images.ravel().tolist(), "labels": rng.integers(0, 10, 6).tolist()}
    (answer,) = cases.ask_node([asked])
    path = tmp_path_factory.mktemp("saved") / "network.npz"
    path.write_bytes(base64.b64decode(answer["file"]))
    return path, images, np.reshape(answer["logits"], (6, 10))


def test_saved_network_answers_in_keras_as_in_the_page(saved):
    path, images, logits = saved
    model = networks.from_page(path)
    np.testing.assert_allclose(model.predict(images, verbose=0), logits, atol=1e-5)
    assert [layer.name for layer in model.layers[1:3]] == ["conv2d_1", "batchnorm_2"]


def test_saved_network_comes_back_into_the_page(saved):
    path, images, logits = saved
    asked = {"ask": "read", "file": encoded(path.read_bytes()), "images": images.ravel().tolist()}
    (answer,) = cases.ask_node([asked])
    cases.close(answer["logits"], logits, "read again", 1e-6)


@pytest.mark.parametrize(
    "name, builder", [("mnist-deep", networks.mnist_deep), ("mnist-994", networks.mnist_fast)]
)
def test_trained_weights_of_the_course_answer_in_the_page_as_in_keras(name, builder):
    images = np.random.default_rng(0).normal(size=(4, 28, 28, 1)).astype(np.float32)
    path = DATA_FOLDER / "weights" / f"{name}.npz"
    asked = {"ask": "read", "file": encoded(path.read_bytes()), "images": images.ravel().tolist()}
    (answer,) = cases.ask_node([asked])
    wanted = runs.load_weights(builder(), name).predict(images, verbose=0)
    cases.close(answer["logits"], wanted, name, 1e-5)


def test_damaged_and_foreign_files_are_refused(saved, tmp_path):
    whole = saved[0].read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    np.savez(tmp_path / "other.npz", a=np.zeros((3, 4), np.float32))
    np.savez(tmp_path / "whole.npz", a=np.zeros((3, 4)))
    other, wide = ((tmp_path / f"{name}.npz").read_bytes() for name in ("other", "whole"))
    files = [b"", b"no archive", whole[:-30], bytes(flipped), other, wide]
    answers = cases.ask_node([{"ask": "read", "file": encoded(one)} for one in files])
    keys = [answer.get("key") for answer in answers]
    assert keys == ["npz_none", "npz_none", "npz_none", "npz_damaged", "npz_unknown", "npz_type"]


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_python_refuses_what_the_page_has_not_written(tmp_path, content):
    path = tmp_path / "network.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no network that the live page saved"):
        networks.from_page(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ValueError, match="holds no network that the live page saved"):
        networks.from_page(path)


def encoded(content):
    """Return bytes in base64, as text."""
    return base64.b64encode(content).decode()
