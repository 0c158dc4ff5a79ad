"""Networks go from the live page to Keras and from data/weights/ to the page, with the same outputs."""

import base64
import re

import numpy as np
import pytest
import web_cases as cases
from scipy import ndimage

from convlab import DATA_FOLDER, networks, runs
from convlab.training.augmentation import standardize, statistics
from coursekit.publishing import live

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


def test_explorers_with_trained_networks_say_what_keras_says():
    """A square hides part of a digit (lesson 10), and a digit is moved (lesson 09)."""
    trained = {name: live.packed(name) for name in ("mnist-deep", "mnist-deep-shift")}
    with np.load(live.MNIST) as file:
        x_test, scale = file["x_test"], statistics(file["x_train"][..., None])
    squares = [(0, 6, 3, 13), (0, 6, 5, 9), (2, 9, 10, 12), (4, 14, 0, 0)]
    settings = [dict(zip(("digit", "size", "row", "column"), one)) for one in squares]
    asked = {"ask": "sentences", "explorer": "occlusion", "settings": settings, "trained": trained}
    moves = [(0, 5, 0), (1, -8, 3), (4, 8, -8), (2, 0, 0)]
    settings = [dict(zip(("digit", "right", "down"), one)) for one in moves]
    moving = asked | {"explorer": "shift", "settings": settings}
    said = cases.ask_node(
        [asked | {"options": live.options("occlusion")}, moving | {"options": live.options("shift")}]
    )
    hidden = []
    for digit, size, row, column in squares:
        hidden.append(x_test[[42, 4, 7, 18, 0][digit]].copy())
        hidden[-1][row : row + size, column : column + size] = 0
    moved = [
        ndimage.shift(x_test[[0, 3, 2, 7, 18][digit]], (down, right), order=0) for digit, right, down in moves
    ]
    x = standardize(np.array([*hidden, *moved])[..., None], scale)
    shares = []
    for name in trained:
        model = runs.load_weights(networks.mnist_deep(), name)
        logits = model.predict(np.asarray(x), verbose=0)
        shares.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    number = r"(\S+) \((\S+) %\)"
    for sentence, share in zip(said[0], shares[0][:4], strict=True):
        label, after = re.search(r"Label (\d).* (\S+) % with the square", sentence).groups()
        guess = re.search(f"says {number}", sentence).groups()
        np.testing.assert_allclose(
            [float(after), float(guess[1])], [100 * share[int(label)], 100 * share.max()], atol=0.06
        )
        assert int(guess[0]) == share.argmax()
    for sentence, *both in zip(said[1], shares[0][4:], shares[1][4:], strict=True):
        for share, (guess, percent) in zip(both, re.findall(r"(\d) \(([\d.]+) %\)", sentence), strict=True):
            assert int(guess) == share.argmax()
            np.testing.assert_allclose(float(percent), 100 * share.max(), atol=0.06)


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
