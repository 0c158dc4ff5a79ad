"""An image with boxes: what is there, or what a detector has found."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from convlab.plots.style import BLUE, GREEN, ORANGE

STYLES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, ":"), ("black", "-."))


def boxes(
    image: ArrayLike,
    corners: ArrayLike,
    labels: ArrayLike | None = None,
    class_names: Sequence[str] = (),
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw an image and boxes over it; each class has a colour and a kind of line (lesson 18).

    Args:
        image: (H, W, 3) uint8, or (H, W).
        corners: (N, 4): x_min, y_min, x_max, y_max in pixels.
        labels: (N,) numbers into `class_names`; all boxes alike unless it is given.
        class_names: what the legend says; no legend without them.
        title: the title of the Axes.
        ax: where to draw; a new figure unless it is given.
    """
    ax = ax or plt.figure(figsize=(4, 3.4)).gca()
    height, width = np.shape(image)[:2]
    ax.imshow(image, cmap="gray", extent=(0, width, height, 0))  # a box's corners are edges of pixels
    corners = np.asarray(corners, float).reshape(-1, 4)
    for box, label in zip(corners, np.zeros(len(corners), int) if labels is None else np.asarray(labels)):
        colour, line = STYLES[int(label) % len(STYLES)]
        x, y, wide, high = box[0], box[1], box[2] - box[0], box[3] - box[1]
        ax.add_patch(
            Rectangle((x, y), wide, high, fill=False, edgecolor=colour, linestyle=line, linewidth=1.4)
        )
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=9)
    if class_names:
        for i, name in enumerate(class_names):
            colour, line = STYLES[i % len(STYLES)]
            ax.plot([], [], color=colour, linestyle=line, label=name)
        middle = (0.5, 0.0)  # below the image
        ax.legend(
            loc="upper center", bbox_to_anchor=middle, fontsize=8, frameon=False, ncols=len(class_names)
        )
    ax.set(xlim=(0, width), ylim=(height, 0))
    return ax
