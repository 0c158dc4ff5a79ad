"""How fast: seconds, rooflines, and the scatter of repeated runs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from convlab.plots.style import BLUE, ORANGE


def speeds(times: Mapping[str, float], shares: Mapping[str, float], title: str = "") -> Axes:
    """Draw {way: milliseconds} as bars on a logarithmic axis; each says its time and its share of the limit.

    `shares`: {way: 0 to 1}; see lesson 07.
    """
    ax = plt.figure(figsize=(8, 0.42 * len(times) + 0.9)).gca()
    ax.barh(list(times), list(times.values()), color=BLUE)
    for row, (way, time) in enumerate(times.items()):
        share = f"{shares[way]:.{2 if shares[way] >= 0.1 else 4}f}"
        text = f" {time:,.{1 if time < 100 else 0}f} ms, {share} of the limit"
        ax.text(time, row, text, va="center", fontsize=9)
    shortest, longest = min(times.values()), max(times.values())
    ax.set(xscale="log", xlim=(shortest / 2, longest * (longest / shortest) ** 0.45 * 2), title=title)
    ax.set_xlabel("milliseconds")
    ax.invert_yaxis()
    return ax


def dots(groups: Mapping[str, Sequence[float]], title: str = "", xlabel: str = "") -> Axes:
    """Draw each value of {label: values} as a dot in the label's row, with a stroke at the row's mean."""
    ax = plt.figure(figsize=(6.4, 0.36 * len(groups) + 0.9)).gca()
    for row, values in enumerate(groups.values()):
        ax.plot(values, [row] * len(values), "o", color=BLUE, alpha=0.6, markersize=5)
        ax.plot([np.mean(values)] * 2, [row - 0.3, row + 0.3], color=ORANGE, linewidth=2)
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.4, -0.6))
    ax.set(xlabel=xlabel, title=title)
    return ax


def roofline(
    machines: Mapping[str, tuple[float, float]],
    points: Mapping[str, tuple[float, float]] | tuple[()] = (),
    title: str = "",
) -> Axes:
    """Draw the most operations a second that each machine can do, over operations per byte, on two log axes.

    machines: {label: (operations a second, bytes a second)}; points: {label: (operations per byte, operations
    a second)}. After Williams, Waterman & Patterson 2009. Lesson 16.
    """
    ax = plt.figure(figsize=(6.8, 4)).gca()
    intensity = np.geomspace(0.1, 10_000, 200)
    for i, (label, (operations, bandwidth)) in enumerate(machines.items()):
        ax.plot(intensity, np.minimum(operations, intensity * bandwidth), color=f"C{i}", label=label)
    for label, (where, reached) in dict(points).items():
        ax.plot(where, reached, "o", color="black", markersize=5)
        ax.annotate(label, (where, reached), (5, -10), textcoords="offset points", fontsize=8)
    ax.set(xscale="log", yscale="log", xlabel="operations for each byte that is moved")
    ax.set(ylabel="operations in a second", title=title)
    ax.legend(loc="lower right")
    return ax
