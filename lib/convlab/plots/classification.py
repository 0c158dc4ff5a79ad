"""Which classes are predicted as which others, and whether what is called sure is right."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from convlab.plots.style import BLUE

BANDS = (0, 50, 70, 90, 101)  # percent


def confusion_matrix(matrix: ArrayLike, names: Sequence, title: str = "") -> Axes:
    """Draw counts (C, C), truth down and prediction across; the more frequent an error, the darker it is."""
    ax = plt.figure(figsize=(0.45 * len(names) + 1.6, 0.38 * len(names) + 1.4)).gca()
    matrix = np.asarray(matrix)
    errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    ax.imshow(errors, cmap="Oranges", aspect="auto")
    for (truth, predicted), count in np.ndenumerate(matrix):
        dark = errors[truth, predicted] > 0.6 * errors.max()
        color, weight = "white" if dark else "black", "bold" if truth == predicted else "normal"
        ax.text(predicted, truth, count, ha="center", va="center", fontsize=8, color=color, weight=weight)
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted", ylabel="truth", title=title)
    return ax


def calibration(sure: ArrayLike, right: ArrayLike, title: str = "", bands: ArrayLike = BANDS) -> Axes:
    """Draw how often predictions were right (N,), by how sure one was of them (N,) in percent.

    A dot stands for the predictions of one band, with their number beside it and the 95 % interval of
    Wilson (1927) around their share. On the dotted line one is as often right as one is sure.

    >>> calibration([95, 90, 60], [True, False, True]).get_ylabel()
    'right (%)'
    """
    sure, right, bands = np.asarray(sure, float), np.asarray(right, bool), np.asarray(bands, float)
    band = np.clip(np.digitize(sure, bands) - 1, 0, len(bands) - 2)
    ax = plt.figure(figsize=(4.4, 4)).gca()
    ax.plot([0, 100], [0, 100], color="0.5", linestyle="dotted", label="as often right as sure")
    for one in np.unique(band):
        among = right[band == one]
        x, y, low, high = sure[band == one].mean(), among.mean(), *_wilson(among.sum(), len(among))
        ax.plot([x, x], [100 * low, 100 * high], color=BLUE, linewidth=1.2)
        ax.plot(x, 100 * y, "o", color=BLUE)
        side = -1 if x > 85 else 1  # stay within the figure
        ax.annotate(
            f"{among.sum()} of {len(among)}",
            (x, 100 * y),
            (8 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=9,
        )
    ax.set(xlabel="sure (%)", ylabel="right (%)", title=title, xlim=(0, 103), ylim=(-3, 103))
    ax.legend(loc="upper left")
    return ax


def _wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, by Wilson's score.

    >>> [round(float(end), 3) for end in _wilson(8, 10)]
    [0.49, 0.943]
    """
    z = 1.96
    centre = (successes + z**2 / 2) / (trials + z**2)
    half = z / (trials + z**2) * np.sqrt(successes * (trials - successes) / trials + z**2 / 4)
    return centre - half, centre + half
