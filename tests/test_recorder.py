"""The command line of the recorders: which tasks and seeds it records, in order, and what it resumes."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from convlab import datasets
from coursekit.measuring import recorder

TASKS = {"one": "the first", "two": "the second", "three": "the third"}


def run(arguments, folder):
    """Return what was begun and recorded, in order, and which checkpoints were there at the time."""
    done = []

    def begin(name):
        done.append(name)

        def record(seed, checkpoint, output):
            done.append((seed, checkpoint.name, checkpoint.exists(), output))
            return f"{name}, seed {seed}"

        return record

    options = ["--checkpoints", str(folder), "--output", "results"]
    assert recorder.run([*arguments, *options], "record-some", "Record some.", TASKS, begin) == 0
    return done


def test_each_task_is_begun_once_and_recorded_with_each_seed(tmp_path, capsys):
    (tmp_path / "two-seed5.npz").touch()
    at = Path("results")
    assert run(["two", "one", "--seed", "5", "6"], tmp_path) == [
        "two",
        (5, "two-seed5.npz", False, at),
        (6, "two-seed6.npz", False, at),
        "one",
        (5, "one-seed5.npz", False, at),
        (6, "one-seed6.npz", False, at),
    ]
    assert capsys.readouterr().out.splitlines()[0] == "two, seed 5"


def test_only_resume_goes_on_from_a_checkpoint(tmp_path):
    (tmp_path / "one-seed0.npz").touch()
    assert run(["one", "--resume"], tmp_path)[1][2]
    assert not run(["one"], tmp_path)[1][2]


def test_without_a_name_the_tasks_are_listed_and_an_unknown_one_is_refused(tmp_path, capsys):
    assert run([], tmp_path) == []
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TASKS)
    with pytest.raises(SystemExit):
        run(["one", "four"], tmp_path)
    assert "no task is called four: choose from one, two, three" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"), [("mnist", "MNIST: restore data/mnist.npz"), ("bccd", "BCCD: `make data`")]
)
def test_fault_a_recording_of_what_stands_in_is_refused(monkeypatch, name, said):
    monkeypatch.setattr(datasets, "load", lambda name: SimpleNamespace(genuine=False))
    with pytest.raises(SystemExit, match=f"a recorded run needs the genuine {said}"):
        recorder.genuine(name)
    monkeypatch.setattr(datasets, "load", lambda name: SimpleNamespace(genuine=True, name=name))
    assert recorder.genuine(name).name == name
