"""Boxes and arrows: how data flows through a block of a network."""

import matplotlib.pyplot as plt

from convlab.plots.style import ORANGE


def flow(boxes, arrows, title="", ax=None):
    """Draw a flow diagram, from left to right or as the positions say.

    Args:
        boxes: {name: (x, y, text)}; a text of "+" is drawn as a circle.
        arrows: (from, to) by name; a third number bends the arrow, for a way around other boxes.
        title: what the diagram shows.
        ax: where to draw it.
    """
    ax = ax or plt.figure(figsize=(8, 1.8)).gca()
    drawn = {}
    for name, (x, y, text) in boxes.items():
        shape = "circle,pad=0.25" if text == "+" else "round,pad=0.4"
        box = {"boxstyle": shape, "facecolor": "white", "edgecolor": "0.3"}
        drawn[name] = ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=box)
    for start, end, *bend in arrows:
        style = {
            "arrowstyle": "-|>",
            "color": ORANGE if bend else "0.3",
            "connectionstyle": f"arc3,rad={bend[0] if bend else 0}",
            "patchA": drawn[start].get_bbox_patch(),
            "patchB": drawn[end].get_bbox_patch(),
        }
        ax.annotate("", boxes[end][:2], boxes[start][:2], arrowprops=style)
    across, up = ([box[axis] for box in boxes.values()] for axis in (0, 1))
    ax.set(xlim=(min(across) - 0.6, max(across) + 0.6), ylim=(min(up) - 0.7, max(up) + 0.7), title=title)
    ax.axis("off")
    return ax
