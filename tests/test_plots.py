"""Plots draw what they are given, into the Axes they are given, and leave the data alone."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from convlab import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


X, Y = np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.0, 2.0])


def test_points_and_line_draws_line_points_and_errors():
    ax = plots.points_and_line(X, Y, 2, -1, "finding")
    line, points = ax.lines
    np.testing.assert_allclose(line.get_ydata(), 2 * line.get_xdata() - 1)
    np.testing.assert_allclose(points.get_xydata(), np.stack([X, Y], axis=1))
    strokes = ax.collections[0].get_segments()
    np.testing.assert_allclose([stroke[:, 1] for stroke in strokes], np.stack([2 * X - 1, Y], axis=1))
    assert ax.get_title(loc="left") == "finding"


def test_loss_surface_is_not_transposed():
    calls = []

    def loss(slope, intercept):
        calls.append((slope, intercept))
        return slope**2 + 100 * intercept**2 + 1

    ax = plots.loss_surface(
        loss, np.linspace(-3, 3, 31), np.linspace(-1, 1, 21), {"path": [(1, 0.5), (0, 0)]}
    )
    assert (ax.get_xlim(), ax.get_ylim()) == ((-3, 3), (-1, 1))
    outermost = ax.collections[0].get_paths()[-3].vertices
    wide, high = np.ptp(outermost, axis=0)
    assert wide > 3 * high  # the flat direction is the slope, drawn along x
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [(1, 0.5), (0, 0)])


def test_curves_draws_every_series_on_the_axis_asked_for():
    figure, ax = plt.subplots()
    assert plots.curves({"a": [3, 2, 1], "b": [1, 2]}, log=False, ax=ax) is ax
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    assert ax.get_yscale() == "linear"
    assert plots.curves({"a": [1.0]}).get_yscale() == "log"


def test_images_share_one_value_range_and_hide_empty_places():
    pictures = np.stack([np.zeros((4, 5, 1)), np.full((4, 5, 1), 9.0), np.ones((4, 5, 1))])
    axes = plots.images(pictures, titles=["zero", "nine"], columns=2)
    assert axes.shape == (2, 2)
    assert {ax.images[0].get_clim() for ax in axes.flat[:3]} == {(0.0, 9.0)}
    assert not axes[1, 1].images
    assert axes[0, 1].get_title() == "nine"
