"""Recording self-play on a tiny game: what is stored, and that an interrupted recording goes on."""

import pytest

from convlab import runs
from convlab.applications import boards, selfplay
from coursekit.measuring import record_selfplay

TINY = record_selfplay.GameTask(
    "small",
    generations=2,
    network={"width": 4, "blocks": 1, "hidden": 8},
    choices={"games": 4, "simulations": 4, "steps_per_generation": 2, "batch_size": 8, "openings": 2},
    positions=5,
    stones=6,
    thinking=(5,),
    games=4,
)


@pytest.fixture(autouse=True)
def small_game(monkeypatch):
    def small():
        return boards.InARow("small", 3, 4, 3, drops=True)

    monkeypatch.setattr(boards, "small", small, raising=False)


def test_a_recording_says_how_it_went_and_leaves_no_checkpoint(tmp_path):
    checkpoint = tmp_path / "c" / "tiny.npz"
    line = record_selfplay.record("tiny", TINY, 1, checkpoint, tmp_path)
    run = runs.load(tmp_path / "runs" / "selfplay" / "tiny-seed1.json")
    assert line.startswith("tiny, seed 1: ") and len(run.history) == 2
    assert set(run.test["optimal_late"]) == {"network", "network+5", "playouts+5", "random"}
    assert all(0 <= share <= 1 for share in run.test["optimal_late"].values())
    assert {sum(ends.values()) for ends in run.test["games"].values()} == {4}
    assert not checkpoint.exists() and (tmp_path / "weights" / "tiny-seed1.npz").exists()


def test_an_interrupted_recording_goes_on(tmp_path, monkeypatch):
    checkpoint, steps = tmp_path / "tiny.npz", []
    step = selfplay.Learner.step

    def counted(learner, number):
        steps.append(number)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(learner, number)

    monkeypatch.setattr(selfplay.Learner, "step", counted)
    with pytest.raises(KeyboardInterrupt):
        record_selfplay.record("tiny", TINY, 1, checkpoint, tmp_path)
    record_selfplay.record("tiny", TINY, 1, checkpoint, tmp_path)
    assert steps == [0, 1, 2, 2, 3]


def test_the_list_names_every_task(capsys):
    assert record_selfplay.main([]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(record_selfplay.TASKS)
    for task in record_selfplay.TASKS.values():
        assert task.choices["simulations"] > 0 and getattr(boards, task.game)().actions > 1
