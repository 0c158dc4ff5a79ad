"""Recorded runs beside each other: over epochs, over processor time, over learning rates."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

if TYPE_CHECKING:
    from convlab.runs import Run


def by_epoch(
    series: Mapping[str, Sequence[float]],
    title: str = "",
    xlabel: str = "epoch",
    ylabel: str = "accuracy",
    ax: Axes | None = None,
) -> Axes:
    """Draw what was measured after each epoch, {label: values}; the first value stands at epoch 1.

    Args:
        series: the values of each line by its label.
        title: what the picture shows.
        xlabel: what the first axis counts.
        ylabel: what was measured.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    for label, values in series.items():
        ax.plot(np.arange(1, len(values) + 1), values, "o-", markersize=3.5, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.locator_params("x", integer=True)
    ax.legend()
    return ax


def over_time(
    runs: Mapping[str, Sequence["Run"]], figure: str = "validation", title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a figure of each epoch over processor minutes, for `runs` {label: [Run, …]}: a line for each seed.

    Compare runs of one machine and one precision only.

    Args:
        runs: the runs of each label, one a seed.
        figure: a share that each epoch has, as `Run.series` names it.
        title: what the picture shows.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    for i, (label, seeds) in enumerate(runs.items()):
        for number, run in enumerate(seeds):
            minutes = np.array(run.series("cpu_seconds")) / 60
            shown = 100 * np.array(run.series(figure))
            ax.plot(minutes, shown, "o-", color=f"C{i}", markersize=3.5, label=None if number else label)
    ax.set(xlabel="processor minutes", ylabel=f"{figure}, %", title=title)
    ax.set_xlim(left=0)
    ax.legend()
    return ax


def by_rate(
    found: Mapping[str, Mapping[float, float]],
    title: str = "",
    ylabel: str = "accuracy on held-out images, %",
    ax: Axes | None = None,
) -> Axes:
    """Draw a search, {label: {learning rate: percentage}}: a line for each label, its best rate filled.

    Args:
        found: what each rate came to, in per cent, by label.
        title: what the picture shows.
        ylabel: what was measured.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure().gca()
    for i, (label, shares) in enumerate(found.items()):
        rates = sorted(shares)
        ax.plot(rates, [shares[rate] for rate in rates], "o-", color=f"C{i}", mfc="white", label=label)
        best = max(shares, key=lambda rate: shares[rate])
        ax.plot(best, shares[best], "o", color=f"C{i}")
    ticks = sorted({rate for shares in found.values() for rate in shares})
    ax.set(xlabel="learning rate at the peak", ylabel=ylabel, title=title, xscale="log")
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.minorticks_off()
    ax.legend()
    return ax
