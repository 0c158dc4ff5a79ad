"""`convlab.plots.comparison`: what stands where in the pictures of recorded runs."""

import numpy as np

from convlab import plots, runs


def test_the_first_epoch_is_epoch_1():
    ax = plots.by_epoch({"one": [0.2, 0.4, 0.5]}, title="three epochs")
    x, y = ax.lines[0].get_data()
    assert x.tolist() == [1, 2, 3] and y.tolist() == [0.2, 0.4, 0.5]
    assert ax.get_xlabel() == "epoch"


def test_runs_stand_at_their_processor_minutes():
    run = runs.load("resnet20-seed0")
    ax = plots.over_time({"ResNet-20": [run, run], "again": [run]})
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(x, np.array(run.series("cpu_seconds")) / 60)
    np.testing.assert_allclose(y, 100 * np.array(run.series("validation")))
    colours = [line.get_color() for line in ax.lines]
    assert colours[0] == colours[1] != colours[2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ResNet-20", "again"]


def test_a_search_is_drawn_by_rising_rate_and_its_best_is_filled():
    ax = plots.by_rate({"net": {0.2: 70.0, 0.05: 60.0, 0.1: 75.0}})
    x, y = ax.lines[0].get_data()
    assert list(x) == [0.05, 0.1, 0.2] and list(y) == [60, 75, 70]
    assert ax.lines[0].get_markerfacecolor() == "white"
    assert ax.lines[1].get_data() == ([0.1], [75.0])
    assert ax.get_xscale() == "log"
