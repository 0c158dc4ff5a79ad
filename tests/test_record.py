"""`python -m coursekit record`: what it writes, what it refuses, and that it goes on where it stopped."""

import os
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

from convlab import networks, runs, training
from convlab.training.recipes import FAST, Recipe
from coursekit.measuring import record

TINY = record.Task(
    "cifar_resnet",
    {"depth": 8},
    Recipe(crop=2),
    epochs=1,
    batch_size=16,
    validation=8,
    keep=("weights", "answers"),
)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Forty images that pass for genuine, and a folder of its own for checkpoints."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 32, 32, 3), dtype="uint8"), rng.integers(0, 10, 40)
    data = SimpleNamespace(name="cifar10", source="local copy", genuine=True, x_train=images, y_train=labels)
    data.x_test, data.y_test = images[:10], labels[:10]
    monkeypatch.setattr("convlab.datasets.load", lambda name: data)
    monkeypatch.setattr(record, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr(training, "fastest", lambda: ("float32", False))
    return data


def test_it_writes_run_weights_and_answers(drawn, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(record.TASKS, "tiny", TINY)
    assert record.main(["tiny", "--seed", "0", "1", "--output", str(tmp_path)]) == 0
    run = runs.load(str(tmp_path / "runs" / "tiny-seed1.json"))
    assert run.seed == 1 and run.settings["validation"] == 8 and set(run.test) == {"plain"}
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["tiny.npz"]
    assert not list((tmp_path / "checkpoints").iterdir())
    with np.load(tmp_path / "runs" / "tiny-seed1.npz") as answers:
        np.testing.assert_allclose(answers["shares"].sum(axis=1), 1, atol=0.01)
        right = answers["shares"].argmax(axis=1) == answers["labels"]
    assert right.mean() == pytest.approx(run.test["plain"], abs=0.11)  # three digits may tie
    assert "tiny, seed 1: " in capsys.readouterr().out


def test_an_interrupted_recording_resumes(drawn, tmp_path, monkeypatch, capsys):
    judge = training._judge

    def cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 0)
    monkeypatch.setattr(training, "_judge", lambda *a: cut)
    with pytest.raises(KeyboardInterrupt):
        record.record("tiny", TINY, drawn, output=tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["tiny-seed0.npz"]
    monkeypatch.setattr(training, "_judge", judge)
    record.record("tiny", TINY, drawn, resume=True, output=tmp_path)
    assert "after 0 epochs and 2 steps" in capsys.readouterr().out
    assert runs.load(str(tmp_path / "runs" / "tiny-seed0.json")).history


def test_drawn_images_are_refused(drawn):
    drawn.genuine = False
    with pytest.raises(SystemExit, match="needs genuine cifar10"):
        record.main(["resnet20"])


def test_the_list_names_every_task(capsys):
    assert record.main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(record.TASKS)
    with pytest.raises(SystemExit):
        record.main(["resnet21"])


def test_every_network_of_a_task_exists_and_fits_its_images():
    shapes = {"cifar10": (32, 32, 3), "mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1)}
    for task in {(task.network, str(task.arguments)): task for task in record.TASKS.values()}.values():
        model = getattr(networks, task.network)(**task.arguments)
        assert (model.input_shape[1:], model.output_shape) == (shapes[task.data], (None, 10))


def test_an_ablation_takes_away_one_thing():
    for name, task in record.TASKS.items():
        base, _, less = name.partition("-less-")
        if less and less != "all":
            whole = record.TASKS[base]
            changed = [
                field
                for field in vars(whole.recipe)
                if getattr(task.recipe, field) != getattr(whole.recipe, field)
            ]
            extra = {key: value for key, value in task.arguments.items() if whole.arguments.get(key) != value}
            assert len(changed) + len(extra) == 1, name
            assert task._replace(recipe=whole.recipe, arguments=whole.arguments, keep=whole.keep) == whole


def test_the_fast_network_starts_whitened_and_from_its_seed():
    rng = np.random.default_rng(0)
    data = SimpleNamespace(x_train=rng.integers(0, 256, (5000, 32, 32, 3), dtype="uint8"))
    task = record.TASKS["fast-94"]
    one, same, other = (record.built(task, data, seed) for seed in (0, 0, 1))
    for mine, theirs in zip(one.get_weights(), same.get_weights()):
        np.testing.assert_array_equal(mine, theirs)
    assert (one.get_layer("conv1_1").kernel.numpy() != other.get_layer("conv1_1").kernel.numpy()).any()
    kernel = one.get_layer("whiten").kernel.numpy()
    np.testing.assert_allclose(kernel[..., :12], -kernel[..., 12:])
    assert task.recipe == FAST


@pytest.mark.parametrize("pattern", ["mnist-*", "fashion-*"])
def test_lesson_09_shows_runs_of_the_tables_recipes(pattern):
    kept = runs.matching(pattern)
    assert kept
    for name, run in kept.items():
        task = record.TASKS[name.rpartition("-seed")[0]]
        assert (run.network, run.data) == (task.network, task.data), name
        assert run.settings["recipe"] == vars(task.recipe), name
        assert [run.settings[key] for key in ("epochs", "batch_size", "validation")] == [
            task.epochs,
            task.batch_size,
            task.validation,
        ], name


def test_the_deep_network_reads_993_of_1000_digits():
    deep = runs.matching("mnist-deep-seed?")
    assert deep
    # measured: 0.9948, 0.9958, …; chosen by the 5,000 images held out, tested once
    assert np.mean([run.test["plain"] for run in deep.values()]) > 0.993
