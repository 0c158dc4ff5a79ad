"""The live page's settings are chosen on held-out training digits; its test digits are used once."""

import base64
import gzip
import json
import shutil

import numpy as np
import pytest

from coursekit.lessons import CourseError
from coursekit.measuring import live_settings
from coursekit.publishing import live


@pytest.fixture
def mnist(tmp_path):
    """A file like MNIST's of 60 training and 10 test images, whose labels are their numbers."""
    arrays = {"x_train": np.zeros((60, 28, 28)), "x_test": np.zeros((10, 28, 28))}
    np.savez(tmp_path / "mnist.npz", y_train=np.arange(60), y_test=100 + np.arange(10), **arrays)
    return tmp_path / "mnist.npz"


def labels(packed):
    """Return the training and the test labels of packed digits."""
    data = gzip.decompress(base64.b64decode(packed))
    train, test, *_ = np.frombuffer(data[:16], "<u4")
    return set(data[16 : 16 + train]), set(data[16 + train : 16 + train + test])


def test_held_out_digits_are_training_digits_that_the_page_does_not_train_on(mnist):
    train, test = labels(live.packed_digits(mnist))
    assert train == set(range(0, 60, 6)) and test == {100, 105}
    same, held_out = labels(live.packed_digits(mnist, held_out=True))
    assert same == train
    assert held_out == {3, 15, 27, 39, 51}


def test_settings_are_chosen_by_held_out_digits_alone(monkeypatch, tmp_path):
    asked = []

    def train(tries, seeds, counts, held_out):
        asked.append((len(tries), len(seeds), held_out))
        # on held-out digits 0.002 is best, on the test digits it is worst
        share = {True: lambda rate: 1 - abs(rate - 0.002), False: lambda rate: abs(rate - 0.002)}[held_out]
        return [
            {
                "settings": one,
                "curves": [{"seed": seed, "accuracy": [share(one["learningRate"])]} for seed in seeds],
            }
            for one in tries
        ]

    monkeypatch.setattr(live_settings, "train", train)
    monkeypatch.setattr(live_settings, "STATED", tmp_path / "settings.json")
    monkeypatch.setattr(live_settings, "CHOSEN", tmp_path / "chosen.js")
    assert live_settings.main([]) == 0
    stated = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert stated["chosen"]["learningRate"] == 0.002
    assert asked == [(16, 1, True), (3, 3, True), (1, 3, False)]
    script = (tmp_path / "chosen.js").read_text(encoding="utf-8")
    assert json.loads(script[script.index("{\n    ") : script.index("};") + 1]) == stated["chosen"]


def test_page_begins_with_what_was_stated():
    stated = json.loads(live_settings.STATED.read_text(encoding="utf-8"))["chosen"]
    text = json.dumps(stated, indent=2).replace("\n", "\n  ")
    assert live_settings.CHOSEN.read_text(encoding="utf-8") == live_settings.SCRIPT.format(text)


def test_missing_node_is_reported(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CourseError, match="Node"):
        live_settings.train([], (0,), (1,), held_out=True)
