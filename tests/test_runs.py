"""`runs`: what is recorded comes back, whole, small and without a trace of the machine's owner."""

import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab import runs

ROW = {"epoch": 1, "loss": 1.25, "accuracy": 0.5, "rate": 0.1, "validation": 0.4, "seconds": 61.5}


def a_run(**entries):
    usual = {
        "network": "small",
        "parameters": 1234,
        "data": "cifar10",
        "source": "local copy",
        "settings": {"epochs": 2, "batch_size": 128, "seed": 3, "recipe": {"flip": None}},
        "machine": runs.machine(),
        "history": (ROW, {**ROW, "epoch": 2, "loss": 0.75}),
        "seconds": 123.0,
        "test": {"plain": 0.91},
        "date": runs.today(),
    }
    return runs.Run(**{**usual, **entries})


def test_a_run_comes_back_as_it_was_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    run = a_run(network="schön")
    runs.save(run, "small-seed3")
    assert runs.load("small-seed3") == run == runs.load(str(tmp_path / "small-seed3.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["small-seed3.json"]
    runs.save(a_run(), "large-seed3")
    assert runs.matching("small-*") == {"small-seed3": run}
    assert list(runs.matching()) == ["large-seed3", "small-seed3"]


@given(st.floats(-1e6, 1e6), st.floats(0, 1))
def test_figures_keep_six_digits(loss, share):
    text = runs.dumps(a_run(history=({**ROW, "loss": loss, "accuracy": share},)))
    row = json.loads(text)["history"][0]
    np.testing.assert_allclose([row["loss"], row["accuracy"]], [loss, share], rtol=1e-5, atol=1e-300)


def test_a_recording_of_before_loads_without_the_choices_that_are_gone(tmp_path):
    place, run = tmp_path / "old.json", a_run()
    runs.save(run, place)
    entries = json.loads(place.read_text(encoding="utf-8")) | {"note": ""}
    entries["settings"]["recipe"]["cutout"] = 0
    place.write_text(json.dumps(entries), encoding="utf-8")
    assert runs.load(place) == run


def test_the_file_has_a_line_per_epoch_and_is_small():
    text = runs.dumps(a_run(history=(ROW,) * 200))
    assert text.count("\n") == 200 + 14 and len(text) < 100_000


def test_an_unknown_name_lists_those_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="no recorded run 'resnet'; recorded: none yet"):
        runs.load("resnet")
    runs.save(a_run(), "plain20-seed0")
    with pytest.raises(FileNotFoundError, match="recorded: plain20-seed0"):
        runs.load("resnet")


def test_an_interruption_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    place = tmp_path / "run.json"
    runs.save(a_run(), place)

    def cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(KeyboardInterrupt):
        runs.save(a_run(seconds=1.0), place)
    assert runs.load(str(place)).seconds == 123.0 and list(tmp_path.iterdir()) == [place]


def test_a_run_is_a_value():
    with pytest.raises(FrozenInstanceError):
        a_run().seconds = 3
    run = a_run()
    tested = runs.with_test(run, flip=0.92)
    assert run.test == {"plain": 0.91} and tested.test == {"plain": 0.91, "flip": 0.92}
    assert run.series("loss") == [1.25, 0.75] and run.seed == 3


def test_the_machine_has_a_processor_and_no_name():
    machine = runs.machine("some GPU")
    assert machine["processor"] and machine["cores"] >= 1 and machine["accelerator"] == "some GPU"
    assert {"python", "numpy", "keras", "tensorflow"} <= set(machine["versions"])
    assert os.uname().nodename not in json.dumps(machine)


def test_weights_come_back_as_float16(tmp_path, monkeypatch):
    keras = pytest.importorskip("keras")
    monkeypatch.setattr(runs, "WEIGHTS", tmp_path)
    model, other = (keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)]) for _ in range(2))
    model.layers[0].bias.assign([1e9, -1e9, 0.5, 0])
    runs.save_weights(model, "small")
    assert runs.load_weights(other, "small") is other
    for mine, theirs in zip(model.get_weights(), other.get_weights()):
        half = mine.astype("float16") if np.abs(mine).max() < 65504 else mine  # 1e9 stays what it is
        np.testing.assert_array_equal(half, theirs)
    with pytest.raises(ValueError, match="does not fit"):
        runs.load_weights(keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)]), "small")
    with pytest.raises(FileNotFoundError, match="no weights 'large'; there are: small"):
        runs.load_weights(other, "large")


def test_runs_open_without_tensorflow_or_keras():
    code = "import sys; import convlab.runs; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(runs.matching()))
def test_recorded_runs_are_real_and_say_nothing_of_their_owner(name):
    run, text = runs.load(name), (runs.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert run.source in ("bundled", "downloaded", "local copy") and run.machine["processor"]
    assert bool(run.test) != name.startswith("search-")  # a search looks at held-out images only
    assert len(run.history) >= run.settings.get("epochs", 1) and len(text) < 100_000
    assert not any(root in text for root in ("/home", "/root", "/tmp", "/work", "/Users"))
