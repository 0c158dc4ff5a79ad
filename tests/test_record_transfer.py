"""The recorder of lesson 17: rates are chosen on held-out images, and what is recorded is not repeated."""

import json
import shutil

import numpy as np
import pytest

from convlab import DATA_FOLDER, runs
from coursekit.measuring import record_transfer as transfer

HELD_OUT = {0.1: 0.5, 0.2: 0.9, 0.4: 0.7}  # rate -> accuracy on held-out images
TEST = {0.1: 0.8, 0.2: 0.6, 0.4: 0.9}


class Asked(list):
    """What was measured, in order, with planted accuracies."""

    def on(self, name, shares):
        def measure(rate, draw):
            self.append((name, rate, draw))
            return shares[rate]

        return measure


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "CACHE", tmp_path)
    return lambda: transfer.Study("planted", data=None)


def compared(study, asked):
    wanted = {"experiment": "images", "method": "planted", "layer": "all", "each": 10}
    study.compare(tuple(HELD_OUT), asked.on("held out", HELD_OUT), asked.on("test", TEST), **wanted)
    return study.rows


def test_rate_is_chosen_on_held_out_images_and_test_images_are_looked_at_with_it_alone(study):
    asked = Asked()
    rows = compared(study(), asked)
    assert {rate for name, rate, _ in asked if name == "test"} == {0.2}  # not 0.4, which is best on them
    assert {draw for name, _, draw in asked if name == "test"} == set(transfer.DRAWS)
    assert not {draw for name, _, draw in asked if name == "held out"} & set(transfer.DRAWS)
    shown = [row for row in rows if row["experiment"] == "images"]
    assert len(shown) == len(transfer.DRAWS) and all(row["accuracy"] == 0.6 for row in shown)
    assert {row["rate"] for row in rows if row["experiment"] == "search images"} == set(HELD_OUT)


def test_interrupted_recording_goes_on_where_it_stopped(study):
    asked = Asked()
    rows = compared(study(), asked)
    path = study().path
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))[:-2]), encoding="utf-8")
    again = Asked()
    assert [row["accuracy"] for row in compared(study(), again)] == [row["accuracy"] for row in rows]
    assert again == asked[-2:]


def test_recorded_study_states_its_data_and_every_draw():
    for part in ("scratch", "probe"):
        run = runs.load(f"transfer-{part}")
        assert run.source in ("downloaded", "local copy") and run.settings["part"] == part
        for each in transfer.COMPARED:
            draws = [
                row["draw"] for row in run.history if (row["experiment"], row["each"]) == ("images", each)
            ]
            assert draws == list(transfer.DRAWS)


def test_photographs_are_named_by_both_forms_of_the_weights(tmp_path, monkeypatch):
    from convlab import networks
    from convlab.networks import pretrained

    espresso = pretrained.class_names().index("espresso")
    folder = tmp_path / "photographs"
    folder.mkdir()
    shutil.copy(DATA_FOLDER / "photos" / "coffee.jpg", folder / f"0_{espresso}.jpg")
    shutil.copy(DATA_FOLDER / "photos" / "chelsea.jpg", folder / f"1_{espresso}.jpg")
    model = networks.squeezenet()
    model.save_weights(tmp_path / "float32.weights.h5")  # here both forms are one: they must agree
    monkeypatch.setattr(transfer, "FLOAT_WEIGHTS", tmp_path / "float32.weights.h5")
    notes = transfer.on_photographs(folder)
    assert notes["count"] == notes["agree"] == 2 and notes["agree here"] == 3
    assert notes["int8"] == notes["float32"] and notes["int8"]["right"] == 1  # the cat is no espresso

    model.get_layer("conv10").set_weights([np.zeros((1, 1, 512, 1000)), np.arange(1000.0)])
    model.save_weights(tmp_path / "float32.weights.h5")  # names class 999 whatever it sees
    notes = transfer.on_photographs(folder)
    assert notes["agree"] == notes["agree here"] == notes["float32"]["right"] == 0
    assert notes["int8"]["right"] == 1


@pytest.mark.parametrize("name", ["cat.jpg", "1_1000.jpg", "1_-3.jpg"])
def test_photograph_without_the_number_of_a_class_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=name):
        transfer.on_photographs(tmp_path)
