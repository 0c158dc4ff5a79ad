"""Recording self-play on a tiny game: what is stored, and that an interrupted recording goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from convlab import runs
from convlab.applications import boards, ladder, selfplay, solver
from coursekit.measuring import record_selfplay

TINY = record_selfplay.GameTask(
    "small",
    Path("replaced by each test"),
    generations=2,
    network={"width": 4, "blocks": 1, "hidden": 8},
    choices={"games": 4, "simulations": 4, "steps_per_generation": 2, "batch_size": 8, "openings": 2},
    snapshots=(1,),
    rated=(1,),
    thinking=(5,),
    playouts=(3, 9),
    games=4,
    fewer={"playouts 9": 2},
    against_slowest=("network",),
    batches=(1, 3),
)


@pytest.fixture(autouse=True)
def small_game(monkeypatch):
    def small():
        return boards.InARow("small", 4, 5, 4, drops=True)

    monkeypatch.setattr(boards, "small", small, raising=False)


@pytest.fixture
def tiny(tmp_path):
    lines = solver.draw_positions(boards.small(), 8, stones=10)
    (tmp_path / "positions.txt").write_text("\n".join(map(" ".join, lines)) + "\n", encoding="utf-8")
    return replace(TINY, positions=tmp_path / "positions.txt")


def test_a_recording_says_how_it_went_and_leaves_no_checkpoint(tmp_path, tiny):
    checkpoint = tmp_path / "c" / "tiny.npz"
    line = record_selfplay.record("tiny", tiny, 1, checkpoint, tmp_path)
    run = runs.load(tmp_path / "runs" / "selfplay" / "tiny-seed1.json")
    assert line.startswith("tiny, seed 1: ") and len(run.history) == 2
    assert set(run.test["optimal"]) == {"random", "network", "network + 5"}
    for shares in run.test["by_stones"].values():
        assert set(shares) == {"all", "10"} and 0 <= shares["all"] <= 1
    assert list(run.test["curve"]) == ["1", "2"]
    assert run.test["curve"]["2"] == run.test["optimal"]["network"]
    equal = run.test["equal_time"]["network + 5"]
    assert equal["playouts"]["simulations"] >= 1 and equal["network"]["cpu_seconds"] > 0
    games = {(one, other): ends for one, other, *ends in run.test["games"]}
    slowest = {pair: sum(ends) for pair, ends in games.items() if "playouts 9" in pair}
    assert slowest == {("playouts 9", "network"): 2}
    assert {sum(ends) for pair, ends in games.items() if "playouts 9" not in pair} == {4}
    assert len(games) == 1 + 10  # of five quick players, each pair
    assert run.test["elo"]["random"] == [0, 0] and set(run.test["elo"]) == {
        name for pair in games for name in pair
    }
    assert set(run.test["positions_a_second"]) == {"1", "3", "3, remembered"}
    assert not checkpoint.exists() and (tmp_path / "weights" / "tiny-seed1.npz").exists()


def test_games_that_are_stored_are_not_played_again(tmp_path, tiny, monkeypatch):
    """Without the last network, its games are left for later; the others stay as they are."""
    record_selfplay.record("tiny", tiny, 1, tmp_path / "tiny.npz", tmp_path)
    folder = tmp_path / "tiny"
    (folder / "games.json").unlink()
    last = (folder / "2.npz").rename(folder / "away.npz")
    early = record_selfplay.Judge(tiny, folder).games()
    assert "network" not in {name for pair in early for name in pair} and len(early) == 3
    last.rename(folder / "2.npz")
    counted = []
    tournament = ladder.tournament
    monkeypatch.setattr(ladder, "tournament", lambda *given: counted.append(given[2]) or tournament(*given))
    late = record_selfplay.Judge(tiny, folder).games()
    assert all("network" in "".join(pair) for group in counted for pair in group)
    assert {pair: late[pair] for pair in early} == {pair: list(ends) for pair, ends in early.items()}


def test_a_perfect_player_and_a_wrong_one_are_judged_as_such(tiny, tmp_path):
    judge = record_selfplay.Judge(tiny, tmp_path)
    perfect = judge.share(lambda given: judge.optimal.argmax(axis=1))
    wrong = judge.share(lambda given: (judge.game.legal(given) & ~judge.optimal).argmax(axis=1))
    assert perfect == {"all": 1, "10": 1} and wrong == {"all": 0, "10": 0}


def test_an_interrupted_recording_goes_on(tmp_path, tiny, monkeypatch):
    checkpoint, steps = tmp_path / "tiny.npz", []
    step = selfplay.Learner.step

    def counted(learner, number):
        steps.append(number)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(learner, number)

    monkeypatch.setattr(selfplay.Learner, "step", counted)
    with pytest.raises(KeyboardInterrupt):
        record_selfplay.record("tiny", tiny, 1, checkpoint, tmp_path)
    record_selfplay.record("tiny", tiny, 1, checkpoint, tmp_path)
    assert steps == [0, 1, 2, 2, 3]


def test_the_list_names_every_task(capsys):
    assert record_selfplay.main([]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(record_selfplay.TASKS)
    for task in record_selfplay.TASKS.values():
        assert task.choices["simulations"] > 0 and getattr(boards, task.game)().actions > 1
