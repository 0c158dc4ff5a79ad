"""Which classes are taken for which."""

import matplotlib.pyplot as plt
import numpy as np


def confusion_matrix(matrix, names, title="", ax=None):
    """Draw counts, truth down and prediction across: the more frequent an error, the darker its field."""
    ax = ax or plt.figure(figsize=(0.45 * len(names) + 1.6, 0.38 * len(names) + 1.4)).gca()
    matrix = np.asarray(matrix)
    errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    ax.imshow(errors, cmap="Oranges", aspect="auto")
    for (truth, predicted), count in np.ndenumerate(matrix):
        dark = errors[truth, predicted] > 0.6 * errors.max()
        style = {"color": "white" if dark else "black", "weight": "bold" if truth == predicted else "normal"}
        ax.text(predicted, truth, count, ha="center", va="center", fontsize=8, **style)
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted", ylabel="truth", title=title)
    return ax
