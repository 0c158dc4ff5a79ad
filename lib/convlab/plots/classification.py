"""Which classes are predicted as which others."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


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
