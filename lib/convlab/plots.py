"""Pictures: data in, Axes out. Importing this room sets Matplotlib to the course's style.

Every function draws into `ax` (a new figure when it is None) and returns the Axes. The caller gives the
title, which states the finding.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

plt.style.use(Path(__file__).with_suffix(".mplstyle"))

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"


def points_and_line(x, y, slope, intercept, title="", ax=None):
    """Draw the points (x, y), a line, and each point's error as a dotted stroke to the line."""
    ax = ax or plt.figure().gca()
    line = slope * x + intercept
    ends = np.array([x.min() - 0.5, x.max() + 0.5])
    ax.vlines(x, line, y, colors=ORANGE, linestyles="dotted", label="error")
    ax.plot(ends, slope * ends + intercept, color=BLUE, label=f"{slope:.3g} x + {intercept:.3g}")
    ax.plot(x, y, "o", color="black")
    ax.set(xlabel="x", ylabel="y", title=title)
    ax.legend()
    return ax


def loss_surface(loss, slopes, intercepts, paths=(), title="", ax=None):
    """Draw the contours of `loss(slope, intercept)` and, over them, paths: {label: (steps, 2) array}."""
    ax = ax or plt.figure(figsize=(6.4, 4.2)).gca()
    surface = np.array([[loss(slope, intercept) for slope in slopes] for intercept in intercepts])
    levels = np.geomspace(max(surface.min(), surface.max() / 1e4), surface.max(), 14)
    ax.contour(slopes, intercepts, surface, levels=levels, colors="0.7", linewidths=0.8)
    for i, (label, path) in enumerate(dict(paths).items()):
        path = np.asarray(path)
        ax.plot(path[:, 0], path[:, 1], "o-", color=f"C{i}", markersize=3.5, linewidth=1.2, label=label)
    ax.set(xlabel="slope", ylabel="intercept", title=title)
    ax.set(xlim=(slopes[0], slopes[-1]), ylim=(intercepts[0], intercepts[-1]))
    if paths:
        ax.legend()
    return ax


def curves(series, title="", xlabel="step", ylabel="loss", log=True, ax=None):
    """Draw named series: {label: values}, on a logarithmic axis where `log` is set."""
    ax = ax or plt.figure().gca()
    for label, values in series.items():
        ax.plot(values, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    ax.legend()
    return ax


def images(pictures, titles=(), columns=None, value_range=None, title="", cmap="gray"):
    """Draw pictures (N, H, W) or (N, H, W, C) side by side over one value range; return the array of Axes."""
    pictures = np.asarray(pictures)
    columns = columns or min(len(pictures), 10)
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 0.9, rows * 1.05 + 0.25), squeeze=False)
    low, high = value_range or (pictures.min(), pictures.max())
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, picture) in enumerate(zip(axes.flat, pictures)):
        ax.imshow(picture.squeeze(), vmin=low, vmax=high, cmap=cmap)
        ax.set_title(titles[i] if i < len(titles) else "", fontsize=9, loc="center")
    figure.suptitle(title, x=0, ha="left", fontsize=11)
    return axes
