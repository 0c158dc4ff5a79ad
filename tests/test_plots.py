"""Plots draw what they are given, into the Axes they are given, and leave the data alone."""

import os
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from jupyter_client.manager import KernelManager

from convlab import plots
from convlab.plots import style
from coursekit.running.kernels import ThisPython


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

    def loss(w, b):
        calls.append((w, b))
        return w**2 + 100 * b**2 + 1

    ax = plots.loss_surface(
        loss, np.linspace(-3, 3, 31), np.linspace(-1, 1, 21), {"path": [(1, 0.5), (0, 0)]}
    )
    assert (ax.get_xlim(), ax.get_ylim()) == ((-3, 3), (-1, 1))
    outermost = ax.collections[0].get_paths()[-3].vertices
    wide, high = np.ptp(outermost, axis=0)
    assert wide > 3 * high  # the flat direction is w, drawn along x
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [(1, 0.5), (0, 0)])


def test_loss_surface_draws_and_names_the_heights_asked_for():
    places = {"a": [(0, 2)], "b": [(2, 0)]}
    across = np.linspace(-4, 4, 81)
    ax = plots.loss_surface(lambda w, b: w**2 + b**2, across, across, places, heights=[4, 9])
    four, nine = (path.vertices for path in ax.collections[0].get_paths())
    np.testing.assert_allclose(np.hypot(*four.T), 2, atol=0.01)
    np.testing.assert_allclose(np.hypot(*nine.T), 3, atol=0.01)
    assert {text.get_text() for text in ax.texts} == {"4", "9"}
    steep = plots.loss_surface(lambda w, b: 12345 * (w**2 + b**2) + 1, across, across)
    assert steep.texts and not any("e" in text.get_text() for text in steep.texts)  # 160000, not 1.6e+05
    assert len({line.get_marker() for line in ax.lines}) == 2


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


def test_a_gallery_takes_pictures_of_other_sizes_and_hides_empty_places():
    pictures = [np.zeros((4, 6, 3), "uint8"), np.ones((8, 3, 3), "uint8"), np.ones((2, 2, 3), "uint8")]
    axes = plots.gallery(pictures, ["wide", "high"], columns=2)
    assert axes.shape == (2, 2) and axes[0, 1].get_title(loc="left") == "high"
    for ax, picture in zip(axes.flat, pictures):
        np.testing.assert_array_equal(ax.images[0].get_array(), picture)
    assert not axes[1, 1].images and not axes[1, 0].get_title(loc="left")
    narrow = plots.gallery(pictures, width=3)[0, 0].figure
    assert narrow.get_figwidth() == 3 and axes[0, 0].figure.get_figwidth() == 6


def outlines(ax):
    """Return (row, column, height, width) of each outlined window."""
    return [
        (patch.get_y() + 0.5, patch.get_x() + 0.5, patch.get_height(), patch.get_width())
        for patch in ax.patches
        if patch.get_linewidth()
    ]


def test_grid_writes_each_number_into_its_cell_and_outlines_windows():
    values = np.arange(6.0).reshape(2, 3)
    ax = plots.grid(values, [(0, 1, 2, 1)], "finding", shade=values / 5)
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(column, row): f"{values[row, column]:g}" for row in range(2) for column in range(3)}
    assert outlines(ax) == [(0, 1, 2, 1)]
    assert ax.yaxis_inverted()
    assert [text.get_color() for text in ax.texts] == ["0.7"] + ["black"] * 5
    assert {text.get_color() for text in plots.grid(values).texts} == {"black"}


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation"),
    [
        (6, 3, 2, 0, 1),
        (6, 3, 2, (0, 1), 1),
        (7, 3, 2, 0, 2),
        (5, 1, 3, 1, 1),
        (5, 4, 1, 2, 1),
        (4, 4, 1, 0, 1),
    ],
)
def test_places_crosses_out_what_no_place_reads(size, kernel, stride, padding, dilation):
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    padded = np.pad(np.zeros((size, size), int), (before, after), constant_values=1)
    reach, corners = dilation * (kernel - 1) + 1, []
    for row in range(0, len(padded) - reach + 1, stride):
        for column in range(0, len(padded) - reach + 1, stride):
            padded[row : row + reach : dilation, column : column + reach : dilation] = 1
            corners.append((row, column))
    ax = plots.places(size, kernel, stride, padding, dilation)
    marks = {line.get_marker(): line.get_xydata()[:, ::-1] for line in ax.lines}
    np.testing.assert_array_equal(marks.get("x", np.empty((0, 2))), np.argwhere(padded == 0))
    np.testing.assert_array_equal(sorted(map(tuple, marks["o"])), np.array(corners) + (reach - 1) / 2)
    assert outlines(ax) == [(*corner, reach, reach) for corner in sorted({corners[0], corners[-1]})]


def test_places_shows_a_kernel_that_does_not_fit_sticking_out():
    ax = plots.places(3, 5)
    assert outlines(ax) == [(0, 0, 5, 5)]
    assert ax.get_xlim()[1] > 4
    assert [text.get_text() for text in ax.get_legend().texts] == ["never read", "does not fit"]


def test_filter_place_shows_window_products_and_the_map_so_far():
    image, kernel = np.arange(20.0).reshape(4, 5) ** 2, np.array([[1.0, -1.0], [0.0, 2.0], [0.5, 0.0]])
    left, middle, right = plots.filter_place(image, kernel, 1, 2)
    assert outlines(left) == [(1, 2, 3, 2)]
    products = [float(text.get_text()) for text in middle.texts]
    np.testing.assert_allclose(products, (image[1:4, 2:4] * kernel).ravel(), rtol=1e-3)
    drawn = right.images[0].get_array().filled(np.nan)
    assert np.isnan(drawn).tolist() == [[False] * 4, [False, False, False, True]]
    np.testing.assert_allclose(drawn[1, 2], np.sum(image[1:4, 2:4] * kernel))
    assert outlines(right) == [(1, 2, 1, 1)]


def test_layer_bars_draws_a_panel_for_each_series_first_layer_on_top():
    left, right = plots.layer_bars(["a", "b", "c"], {"weights": [1, 6, 3], "activations": [5, 4, 1]})
    assert [bar.get_width() for bar in left.patches] == [1, 6, 3]
    assert left.yaxis_inverted()
    assert (left.texts[0].get_text().strip(), right.texts[0].get_text().strip()) == ("60%", "50%")


def test_two_classes_draws_points_and_the_line_where_the_probability_is_a_half():
    features, labels = np.array([[0.0, 5.0], [1.0, 9.0], [4.0, 6.0]]), np.array([0, 1, 0])
    ax = plots.two_classes(features, labels, ("no", "yes"), lambda points: points[:, 0] / 6)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), features[[0, 2]])
    np.testing.assert_allclose(ax.lines[1].get_xydata(), features[[1]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no", "yes"]
    line = ax.collections[-1].get_paths()[0].vertices
    np.testing.assert_allclose(line[:, 0], 3, atol=1e-9)
    assert np.ptp(line[:, 1]) > 3
    assert not plots.two_classes(features, labels, ("no", "yes")).collections


def test_confusion_matrix_has_truth_down_and_colours_only_errors():
    ax = plots.confusion_matrix([[50, 9], [2, 30]], ("cat", "dog"), "finding")
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0, 9], [2, 0]])
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts[(1, 0)] == "9"  # across 1, down 0: a cat called dog
    assert ax.texts[0].get_weight() == "bold"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "truth")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog"]


def test_histograms_share_bins_and_leave_zeros_out_of_a_logarithm():
    ax = plots.histograms({"a": [0.0, 1.0, 1.0, 5.0], "b": np.array([[2.0, 3.0]])}, "finding", "value")
    low, high = (patch.get_xy() for patch in ax.patches)
    np.testing.assert_allclose(np.unique(low[:, 0]), np.linspace(0, 5, 51))
    np.testing.assert_allclose(np.unique(high[:, 0]), np.linspace(0, 5, 51))
    assert (low[:, 1].max(), high[:, 1].max()) == (0.5, 0.5)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    a, b = ax.lines
    np.testing.assert_allclose([*a.get_xydata(), *b.get_xydata()], [(1.05, 0.5), (2.05, 0.5)])
    assert a.get_marker() != b.get_marker()
    ax = plots.histograms({"a": [0.0, -1e-3, 1e-3, 10.0]}, log=True)
    assert ax.get_xscale() == "log"
    np.testing.assert_allclose(ax.patches[0].get_xy()[:, 1].max(), 2 / 3)


def test_speeds_draws_the_first_way_on_top_with_its_time_and_share():
    ax = plots.speeds({"loops": 2000.0, "product": 12.5}, {"loops": 0.001, "product": 0.625}, "finding")
    assert [bar.get_width() for bar in ax.patches] == [2000, 12.5]
    assert (ax.get_xscale(), ax.yaxis_inverted()) == ("log", True)
    assert [text.get_text() for text in ax.texts][1] == " 12.5 ms, 0.62 of the limit"
    assert ax.get_xlim()[0] < 12.5 and ax.get_xlim()[1] > 2000


def test_dots_show_every_value_and_the_mean():
    ax = plots.dots({"one": [1, 2, 6], "other": [4, 4]}, "spread", "score")
    drawn = [line.get_xdata().tolist() for line in ax.lines]
    assert drawn == [[1, 2, 6], [3, 3], [4, 4], [4, 4]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "other"]


def test_a_roof_rises_with_the_memory_and_ends_at_the_arithmetic():
    ax = plots.roofline({"small": (100, 10)}, {"here": (5, 40)})
    where, reached = ax.lines[0].get_data()
    np.testing.assert_allclose(reached, np.where(where < 10, 10 * where, 100))
    assert [line.get_xydata().tolist() for line in ax.lines[1:]] == [[[5, 40]]]


class Epochs:
    """Stands for a Run: what it says of each epoch."""

    def __init__(self, **series):
        self.series = series.get


def test_learning_curves_show_every_seed_and_the_mean_over_epochs():
    seeds = [Epochs(loss=[3.0, 1], validation=[0.1, 0.2]), Epochs(loss=[5.0, 2], validation=[0.3, 0.2])]
    ax = plots.learning_curves({"deep": seeds, "short": [Epochs(loss=[4.0])]}, title="finding")
    drawn = [line.get_xydata().tolist() for line in ax.lines]
    assert drawn[:3] == [[[1, 3], [2, 1]], [[1, 5], [2, 2]], [[1, 4], [2, 1.5]]]
    assert drawn[3:] == [[[1, 4]], [[1, 4]]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["deep", "short"]
    ax = plots.learning_curves({"deep": seeds}, "validation")
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [0.2, 0.2])
    assert ax.get_ylabel() == "validation"


def test_spreading_draws_a_hill_per_step_the_first_on_top():
    early, late = [[-1.0, 0.0, 1], [0.0, 1.0, 3]], [[-4.0, 0.0, 2], [0.0, 4.0, 2]]
    ax = plots.spreading({40: late, 0: early}, "title")
    top, bottom = ([tuple(point) for point in hill.get_paths()[0].vertices] for hill in ax.collections)
    assert {(-0.5, 0.5), (0.5, 1.5)} <= {*top} and {(-2, 0.5), (2, 0.5)} <= {*bottom}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "40"]


def test_heat_lies_over_the_image_within_the_margin():
    ax = plots.heat(np.zeros((20, 30, 1)), np.array([[-1.0, 0], [2, 1]]), "finding", margin=3)
    below, above = ax.images
    assert below.get_array().shape == (20, 30)
    assert above.get_extent() == [2.5, 26.5, 16.5, 2.5] and above.get_clim() == (0, 2)
    cold, hot = above.cmap(above.norm(-1.0)), above.cmap(above.norm(2.0))
    assert cold[3] == 0 and hot[3] == 0.9
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 29.5), (19.5, -0.5))
    assert plots.heat(np.zeros((4, 4)), np.ones((2, 2)), most=5).images[1].get_clim() == (0, 5)


SETTINGS = """
image.origin: lower
text.usetex: True
font.size: 30
"""


def test_a_persons_matplotlibrc_changes_nothing(tmp_path):
    """`image.origin: lower` would turn portraits upside down, and `text.usetex` needs LaTeX."""
    program = "import matplotlib, convlab.plots; print(sorted(map(repr, matplotlib.rcParams.items())))"
    (tmp_path / "matplotlibrc").write_text(SETTINGS, encoding="utf-8")
    alone, with_settings = (
        subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        for env in (os.environ, os.environ | {"MATPLOTLIBRC": str(tmp_path)})
    )
    assert "('image.origin', 'upper')" in alone.stdout
    assert with_settings.stdout == alone.stdout


@pytest.mark.parametrize("backend", ["agg", "module://matplotlib_inline.backend_inline"])
def test_figures_appear_in_a_notebook_whatever_mplbackend_says(backend):
    manager = KernelManager(kernel_spec_manager=ThisPython())
    manager.start_kernel(env=os.environ | {"MPLBACKEND": backend})
    client, shown = manager.blocking_client(), []
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        code = "from convlab import plots; plots.curves({'loss': [2, 1]});"
        client.execute_interactive(code, timeout=120, output_hook=shown.append)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    pictures = [message["content"]["data"] for message in shown if message["msg_type"] == "display_data"]
    assert ["image/png" in data for data in pictures] == [True], shown


def test_boxes_are_drawn_at_their_edges_in_the_style_of_their_class():
    image = np.zeros((20, 30, 3), "uint8")
    ax = plots.boxes(image, [[2, 3, 12, 9], [0, 0, 30, 20]], [1, 0], ("cell", "platelet"), "found: 2")
    first, second = ax.patches
    assert (first.get_xy(), first.get_width(), first.get_height()) == ((2, 3), 10, 6)
    assert first.get_linestyle() != second.get_linestyle() and first.get_edgecolor() != second.get_edgecolor()
    assert ax.get_images()[0].get_extent() == [0, 30, 20, 0] and ax.get_title(loc="left") == "found: 2"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cell", "platelet"]
    assert plots.boxes(image, [], ax=plt.figure().gca()).get_legend() is None


def test_dots_per_inch_can_be_set_from_outside(monkeypatch):
    monkeypatch.setenv("CONVLAB_DPI", "180")
    style.apply()
    assert plt.rcParams["figure.dpi"] == 180
    monkeypatch.delenv("CONVLAB_DPI")
    style.apply()
    assert plt.rcParams["figure.dpi"] == 90
