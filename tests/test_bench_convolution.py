"""The benchmark of one convolution: its ways compute the same, and its table counts in milliseconds."""

import numpy as np
import pytest

from coursekit.measuring import bench
from coursekit.measuring.benchmarks import convolution


@pytest.mark.parametrize("passes", convolution.PASSES)
def test_every_way_computes_what_tensorflow_does(passes, monkeypatch):
    monkeypatch.setattr(convolution, "SHAPES", {"small": (2, 6, 3, 4, 5)})
    expected = [np.asarray(result) for result in convolution.prepare("tensorflow", "small", passes)()]
    assert len(expected) == (1 if passes == "forward" else 3)
    for way in ("package", "im2col", "positions"):
        for ours, theirs in zip(convolution.prepare(way, "small", passes)(), expected):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(convolution.prepare("four_loops", "small", passes)()[:2], expected):
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4, atol=1e-4)  # of the first image only


def test_operations_are_two_per_multiply_add_and_three_times_as_many_with_gradients():
    assert convolution.flops("conv28", "forward") == 2 * 32 * 28 * 28 * 64 * 3 * 3 * 32
    assert convolution.flops("conv14", "training") == 3 * 2 * 32 * 14 * 14 * 128 * 3 * 3 * 128


def test_every_shape_and_pass_has_a_table_with_all_ways():
    tables = convolution.tables()
    assert len(tables) == 6 and tables.items() <= bench.TABLES.items()
    assert tables["conv32_forward"][1][:2] == [
        "convolution:package:conv32:forward",
        "convolution:tensorflow:conv32:forward",
    ]


def test_a_row_of_one_image_is_scaled_to_the_batch(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    (row,) = bench.measure(["convolution:four_loops:conv14:forward"], rounds=1)
    (figures,) = bench.summary([row, row])[1:]
    assert row["items"] == 1 / 32
    assert figures["rate"] == pytest.approx(32_000 * row["seconds"][0])


def test_a_table_in_milliseconds_shows_them():
    rows = [
        {"name": name, "title": name, "unit": "ms/batch", "items": items, "flops": 1e9, "seconds": [0.5, 1.0]}
        for name, items in (("limit", 4), ("ours", 100), ("theirs", 200))
    ]
    lines = bench.table("One convolution", bench.summary(rows)).splitlines()
    assert lines[3].split() == ["ours", "7.50", "5.00", "…", "10.00", "150", "2500%", "1.00"]
    assert lines[4].split() == ["theirs", "3.75", "2.50", "…", "5.00", "300", "5000%", "0.50"]


def test_what_holds_back_one_side_is_left_out(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert bench.machine()["left_out"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert "OPENBLAS_CORETYPE" not in bench.environment()
    assert bench.environment()["OPENBLAS_NUM_THREADS"] == "1"
