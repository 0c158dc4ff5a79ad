"""Lines, losses and curves over the steps of a training."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import ArrayLike

from convlab.plots.style import BLUE, ORANGE

MARKERS = "o^sDv"  # for readers who do not tell lines apart by colour


def points_and_line(
    x: np.ndarray, y: np.ndarray, slope: float, intercept: float, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw points, a line, and each point's error as a dotted stroke to the line (lesson 01).

    Args:
        x: (N,), across.
        y: (N,), up.
        slope: of the line.
        intercept: of the line: its height at x = 0.
        title: the title of the Axes.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    line = slope * x + intercept
    ends = np.array([x.min() - 0.5, x.max() + 0.5])
    ax.vlines(x, line, y, colors=ORANGE, linestyles="dotted", label="error")
    ax.plot(ends, slope * ends + intercept, color=BLUE, label=f"{slope:.3g} x + {intercept:.3g}")
    ax.plot(x, y, "o", color="black")
    ax.set(xlabel="x", ylabel="y", title=title)
    ax.legend()
    return ax


def loss_surface(
    loss: Callable[[float, float], float],
    across: np.ndarray,
    up: np.ndarray,
    paths: Mapping[str, ArrayLike] | tuple[()] = (),
    title: str = "",
    ax: Axes | None = None,
    heights: Sequence[float] = (),
) -> Axes:
    """Draw the contours of a loss of two parameters, with their heights and, over them, paths (lesson 01).

    Each path has its own colour and its own markers.

    Args:
        loss: a function (w, b) to a number above 0.
        across: the values of w, rising.
        up: the values of b, rising.
        paths: {label: (steps, 2)}, w and b at each step.
        title: the title of the Axes.
        ax: where to draw; a new figure unless it is given.
        heights: the losses whose contours are drawn, rising; fourteen in equal ratios unless they are given.
    """
    ax = ax or plt.figure(figsize=(6.4, 4.2)).gca()
    surface = np.array([[loss(w, b) for w in across] for b in up])
    levels = np.geomspace(max(surface.min(), surface.max() / 1e4), surface.max(), 14)
    names = {level: f"{float(f'{level:.2g}'):g}" for level in levels[1::2]}  # two digits say enough
    if len(heights):
        levels, names = np.array(heights), {height: f"{height:g}" for height in heights}
    lines = ax.contour(across, up, surface, levels=levels, colors="0.7", linewidths=0.8)
    ax.clabel(lines, list(names), fmt=names, fontsize=7, colors="0.35")
    for i, (label, path) in enumerate(dict(paths).items()):
        x, y = np.transpose(path)
        marker = MARKERS[i % len(MARKERS)]
        ax.plot(x, y, color=f"C{i}", marker=marker, markersize=3.5, linewidth=1.2, label=label)
    ax.set(xlabel="w", ylabel="b", title=title)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    if paths:
        ax.legend()
    return ax


def curves(
    series: Mapping[str, Sequence[float]],
    title: str = "",
    xlabel: str = "step",
    ylabel: str = "loss",
    log: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw named series over their steps.

    Args:
        series: {label: values}.
        title: the title of the Axes.
        xlabel: what the steps are.
        ylabel: what the values are.
        log: whether the values stand on a logarithmic axis.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    for label, values in series.items():
        ax.plot(values, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    ax.locator_params(axis="x", integer=True)
    ax.legend()
    return ax


def learning_curves(
    runs: Mapping[str, Sequence[Any]], figure: str = "loss", title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a figure of each epoch of runs: thin lines for seeds, dots for their mean.

    Args:
        runs: {label: [Run, …]}, one Run for each seed.
        figure: what `Run.series` knows: "loss", "accuracy" or "validation".
        title: the title of the Axes.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    for i, (label, seeds) in enumerate(runs.items()):
        series = np.array([run.series(figure) for run in seeds])  # (seeds, epochs)
        epochs = np.arange(1, series.shape[1] + 1)
        ax.plot(epochs, series.T, color=f"C{i}", linewidth=0.8, alpha=0.6)
        ax.plot(epochs, series.mean(axis=0), "o-", color=f"C{i}", label=label)
    ax.set(xlabel="epoch", ylabel=figure, title=title)
    ax.locator_params(axis="x", integer=True)
    ax.legend()
    return ax


def two_classes(
    features: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    probability: Callable[[np.ndarray], ArrayLike] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw points of classes 0 and 1, and where a classifier separates them (lesson 02).

    Args:
        features: (N, 2), across and up.
        labels: (N,), 0 or 1.
        names: of class 0 and of class 1.
        probability: a function from points (M, 2) to the probability of class 1; it is drawn as shade, with a
            line where it is 0.5.
        title: the title of the Axes.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure(figsize=(6.4, 4)).gca()
    for label, (name, colour, marker) in enumerate(zip(names, (BLUE, ORANGE), "o^")):
        x, y = features[labels == label].T
        size = 3.5 if len(labels) > 50 else 9
        ax.plot(x, y, marker, color=colour, markersize=size, alpha=0.6, linewidth=0, label=name)
    if probability is not None:
        across, up = (np.linspace(*limits, 121) for limits in (ax.get_xlim(), ax.get_ylim()))
        points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
        surface = np.asarray(probability(points), float).reshape(121, 121)
        shades = LinearSegmentedColormap.from_list("", (BLUE, "white", ORANGE))
        ax.pcolormesh(across, up, surface, cmap=shades, vmin=0, vmax=1, alpha=0.35, zorder=0, rasterized=True)
        ax.contour(across, up, surface, levels=[0.5], colors="black", linewidths=1.5)
    ax.set(title=title)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.5)
    return ax


def layer_bars(names: Sequence[str], series: Mapping[str, Sequence[float]], title: str = "") -> np.ndarray:
    """Draw one bar for each layer, a panel for each of `series` {what: values}; return the array of Axes.

    The largest bar of a panel says its share of the panel's sum.
    """
    figure, axes = plt.subplots(1, len(series), figsize=(8.4, 0.17 * len(names) + 0.9), sharey=True)
    for i, (ax, (what, values)) in enumerate(zip(axes, series.items())):
        ax.barh(names, values, color=f"C{i}")
        most = int(np.argmax(values))
        share = f"{values[most] / np.sum(values):.0%} "
        ax.text(values[most], most, share, ha="right", va="center", color="white", fontsize=9)
        ax.set_xlabel(what)
    axes[0].invert_yaxis()
    figure.suptitle(title, x=0, ha="left", fontsize=11)
    return axes


def histograms(
    series: Mapping[str, ArrayLike],
    title: str = "",
    xlabel: str = "",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the outline of a histogram for each series, as shares over common bins.

    Each outline has its own colour, and a marker of its own at its peak.

    Args:
        series: {label: values}.
        title: the title of the Axes.
        xlabel: what the values are.
        log: whether to show the sizes |value| on a logarithmic axis; a value of exactly 0 has no place there.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    shown = {label: np.ravel(values).astype(float) for label, values in series.items()}
    if log:
        shown = {label: abs(values[values != 0]) for label, values in shown.items()}
    both = np.concatenate(list(shown.values()))
    bins = (np.geomspace if log else np.linspace)(both.min(), both.max(), 51)
    for i, (label, values) in enumerate(shown.items()):
        colour, marker = f"C{i}", MARKERS[i % len(MARKERS)]
        weights = np.full(len(values), 1 / len(values))
        shares = ax.hist(
            values, bins.tolist(), weights=weights, histtype="step", color=colour, linewidth=1.5
        )[0]
        peak = np.argmax(shares)
        (line,) = ax.plot(bins[peak : peak + 2].mean(), np.max(shares), marker, color=colour, label=label)
        line.set(linestyle="-", linewidth=1.5, markersize=6, markerfacecolor="white")
    ax.set(xlabel=xlabel, ylabel="share", title=title, xscale="log" if log else "linear")
    ax.legend()
    return ax


def spreading(
    histograms: Mapping[int, ArrayLike], title: str = "", xlabel: str = "value", ax: Axes | None = None
) -> Axes:
    """Draw histograms of several steps as a row of hills, the first at the back (lesson 08).

    Args:
        histograms: {step: rows (from, to, count)}, as TensorBoard stores them.
        title: the title of the Axes.
        xlabel: what the values are.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    shades = plt.get_cmap("viridis_r")(np.linspace(0.1, 1, len(histograms)))
    for place, (shade, step) in enumerate(zip(shades, sorted(histograms))):
        low, high, counts = np.transpose(histograms[step])
        heights = -place + 1.5 * counts / counts.max()
        hill = ax.fill_between((low + high) / 2, -place, heights, zorder=place)
        hill.set(facecolor=shade, edgecolor="black", linewidth=0.4)
    ax.set_yticks(-np.arange(len(histograms)), [str(step) for step in sorted(histograms)], fontsize=8)
    ax.set(xlabel=xlabel, ylabel="step", title=title)
    ax.locator_params(axis="x", nbins=6)
    return ax
