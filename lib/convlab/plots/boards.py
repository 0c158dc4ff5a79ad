"""A board of stones, with shares written into its points (lesson 25)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from convlab.plots.style import BLUE, ORANGE


def board(
    stones: ArrayLike, shares: ArrayLike | None = None, ax: Axes | None = None, title: str = ""
) -> Axes:
    """Draw a board, the stones of 1 as crosses and those of -1 as circles; return the Axes (lesson 25).

    Args:
        stones: (H, W) of 1, -1 and 0.
        shares: a number for each point, (H, W), written in per cent where no stone is; nan is left empty.
        ax: where to draw; by default a new figure.
        title: what it shows.
    """
    stones = np.asarray(stones)
    height, width = stones.shape
    if ax is None:
        ax = plt.figure(figsize=(0.6 * width + 0.4, 0.6 * height + 0.7), layout="constrained").gca()
    texts = np.full(stones.shape, np.nan) if shares is None else np.asarray(shares, float)
    if texts.shape != stones.shape:
        raise ValueError(f"shares {texts.shape} do not fit a board {stones.shape}: give one for each point")
    for (y, x), stone in np.ndenumerate(stones):
        if stone:
            if stone > 0:
                ax.scatter(x, y, s=180, linewidths=3, marker="x", color=BLUE)
            else:
                ax.scatter(x, y, s=180, linewidths=3, marker="o", edgecolors=ORANGE, facecolors="none")
        elif np.isfinite(texts[y, x]):
            ax.add_patch(plt.Rectangle((x - 0.5, y - 0.5), 1, 1, color=BLUE, alpha=0.5 * texts[y, x], lw=0))
            ax.text(x, y, f"{texts[y, x]:.0%}", ha="center", va="center", fontsize=9)
    for edge in range(width + 1):
        ax.plot([edge - 0.5] * 2, [-0.5, height - 0.5], color="#767676", linewidth=1)
    for edge in range(height + 1):
        ax.plot([-0.5, width - 0.5], [edge - 0.5] * 2, color="#767676", linewidth=1)
    ax.set(xlim=(-0.6, width - 0.4), ylim=(height - 0.4, -0.6), aspect="equal")
    ax.axis("off")
    ax.set_title(title, fontsize=9, loc="left")
    return ax
