"""The benchmark's arithmetic on figures made up for it, and its processes on the rows that start fast."""

import json
import subprocess
import sys

import numpy as np
import pytest

from coursekit.measuring import bench
from coursekit.measuring.benchmarks import mlp, mlp_keras, mlp_numpy, mlp_tf_function, training


def row(name, items, flops, seconds, unit="images/s"):
    return {"name": name, "title": name, "unit": unit, "items": items, "flops": flops, "seconds": seconds}


ROWS = [
    row("limit", 2, 5e9, [1.0, 2.0, 1.0], "products/s"),
    row("ours", 100, 1e7, [0.5, 1.0, 0.25]),
    row("theirs", 100, 1e7, [0.5, 0.5, 0.5]),
]


def test_a_summary_takes_medians_and_compares_round_by_round():
    limit, ours, theirs = bench.summary(ROWS)
    assert ours["rates"] == [200, 100, 400]
    assert (ours["rate"], theirs["rate"]) == (200, 200)
    assert (limit["gflops"], ours["gflops"]) == (10, 2)
    assert ours["share_of_limit"] == pytest.approx(0.2)  # of 0.2, 0.2, 0.4
    assert theirs["ours_to_this"] == pytest.approx(1.0)  # of 1, 0.5, 2
    assert theirs["share_of_limit"] == pytest.approx(0.2)  # of 0.2, 0.4, 0.2


def test_a_table_shows_every_row_with_its_spread():
    lines = bench.table("An MLP", bench.summary(ROWS)).splitlines()
    assert lines[0] == "An MLP"
    assert lines[1].split("  ")[-1].strip() == "ours : this"
    assert lines[2].split() == ["limit", "10"]
    assert lines[3].split() == ["ours", "200", "100", "…", "400", "2", "20%", "1.00"]


def test_rows_take_turns_and_each_round_is_timed(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # two threads on a busy machine wait for each other
    rows = bench.measure(["matrix_product", "mlp_numpy"], rounds=2)
    assert [row["name"] for row in rows] == ["matrix_product", "mlp_numpy"]
    assert [row["unit"] for row in rows] == ["products/s", "images/s"]
    assert all(len(row["seconds"]) == 2 and min(row["seconds"]) > 0 for row in rows)


def test_a_row_that_fails_is_reported_with_its_last_words():
    with pytest.raises(RuntimeError, match=r"(?s)no_such_row ended early, with status 1:.*No module named"):
        bench.measure(["no_such_row"], rounds=1)


def test_the_command_writes_what_it_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "measure", lambda names, rounds: ROWS)
    path = tmp_path / "build" / "bench.json"
    assert bench.main(["mlp", "--rounds", "3", "--output", str(path)]) == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["tables"]["mlp"]["rows"] == bench.summary(ROWS)
    assert report["machine"]["numpy"] == np.__version__
    assert bench.table(bench.TABLES["mlp"][0], bench.summary(ROWS)) in capsys.readouterr().out
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]


def test_an_unknown_table_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["mlp", "tea"])
    assert "no table tea; there are mlp" in capsys.readouterr().err


def test_importing_the_benchmark_loads_no_lesson_code_and_no_tensorflow():
    program = "import sys; from coursekit.measuring import bench; "
    program += "print({'convlab.layers', 'tensorflow', 'keras'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_the_arithmetic_per_image_is_what_the_products_need():
    weights = [layer.kernel.shape for layer in mlp_keras.network().layers]
    products = [2 * np.prod(shape) for shape in weights]
    assert sum(products) * 3 - products[0] == mlp.FLOPS


@pytest.mark.parametrize("way", [mlp_numpy, mlp_keras, mlp_tf_function], ids=lambda way: way.TITLE)
def test_every_row_of_the_mlp_trains(way, monkeypatch):
    """Rounds lower the loss where there is something to learn: whose upper half is dark."""
    images, dark = mlp.data()[0][:1280], np.arange(1280) % 2
    images[dark == 1, :392] = 0
    monkeypatch.setattr(mlp, "data", lambda: (images, dark))
    monkeypatch.setattr(way, "ITEMS", 1280)
    run = way.prepare()
    first, *_, last = [run() for _ in range(4)]
    assert last < first / 2


def test_the_networks_of_the_training_tables_do_so_many_multiplications():
    from convlab import networks, shapes

    for builder, *_, macs in training.NETWORKS.values():
        assert sum(row.macs for row in shapes.count(getattr(networks, builder)())) == macs


def test_every_way_of_training_returns_a_loss_for_each_batch(monkeypatch):
    monkeypatch.setattr(training, "NETWORKS", {"tiny": ("cifar_fast", 4, 2, 0)})
    monkeypatch.setattr(training, "_precision", lambda: "float32")
    assert set(training.tables()["tiny_training"][1]) == {f"training:{way}:tiny" for way in training.WAYS}
    ours, bare, keras = (training.prepare(way, "tiny")() for way in training.WAYS)
    assert len(ours) == len(bare) == 2 and np.isfinite([bare, ours]).all()
    assert len(keras) == 1 and np.isfinite(keras).all()
