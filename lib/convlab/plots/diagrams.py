"""Boxes and arrows: how data flows through a block of a network."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from convlab.plots.style import ORANGE


def flow(
    boxes: Mapping[str, tuple[float, float, str]],
    arrows: Iterable[tuple],
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
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
    across, up, _ = zip(*boxes.values())
    ax.set(xlim=(min(across) - 0.6, max(across) + 0.6), ylim=(min(up) - 0.7, max(up) + 0.7), title=title)
    ax.axis("off")
    return ax


def forward_and_backward(
    chain: Mapping[str, tuple], parameters: Mapping[str, tuple], title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a chain of steps, its values from left to right, its gradients from right to left (lesson 03).

    Args:
        chain: {name: (formula, value, gradient)} in forward order; a gradient of None is left out.
        parameters: {name: (step, value, gradient)}, drawn above the step of the chain that uses it.
        title: what the diagram shows.
        ax: where to draw it.
    """
    ax = ax or plt.figure(figsize=(8.6, 2.6)).gca()
    places = {name: (2.7 * i, 0.0) for i, name in enumerate(chain)}
    for step in chain:
        users = [name for name, (user, _, _) in parameters.items() if user == step]
        for i, name in enumerate(users):
            places[name] = (places[step][0] + 1.5 * (i - (len(users) - 1) / 2), 1.5)
    pairs = [*zip(chain, [*chain][1:]), *((name, step) for name, (step, _, _) in parameters.items())]
    for start, end in pairs:
        for (x, y), (to_x, to_y), colour, shift in (
            (places[start], places[end], "0.3", 0.1),
            (places[end], places[start], ORANGE, -0.1),
        ):
            along, up = (shift, 0) if y != to_y else (0, shift)
            gap = 12 if y != to_y else 37
            arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": gap, "shrinkB": gap}
            ax.annotate("", (to_x + along, to_y + up), (x + along, y + up), arrowprops=arrow)
    for name, (x, y) in places.items():
        formula, value, gradient = chain[name] if name in chain else (name, *parameters[name][1:])
        box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "0.3"}
        ax.text(x, y, f"{formula} = {value:g}", ha="center", va="center", fontsize=9, bbox=box)
        if gradient is not None:
            below = y + (0.45 if name in parameters else -0.45)
            ax.text(
                x, below, f"dL/d{name} = {gradient:g}", ha="center", va="center", fontsize=9, color=ORANGE
            )
    ax.set(xlim=(-1, 2.7 * len(chain) - 1.5), ylim=(-0.8, 2.3), title=title)
    ax.axis("off")
    return ax


def deep_filter(
    size: int,
    kernel_size: int,
    channels: Sequence[str],
    place: tuple[int, int],
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the sheets of an image, the window of one filter through them, and its one output (lesson 05).

    Args:
        size: height and width of the image.
        kernel_size: height and width of the filter.
        channels: the names of the channels; the first is the sheet in front.
        place: (row, column) of the window's top left corner.
        title: what the diagram shows.
        ax: where to draw it.
    """
    ax = ax or plt.figure(figsize=(7, 3)).gca()
    row, column = place
    out = size - kernel_size + 1
    shift = size / 6  # from one sheet to the next behind it
    for i, channel in reversed([*enumerate(channels)]):
        left, top = i * shift, -i * shift
        ax.add_patch(Rectangle((left, top), size, size, facecolor="0.95", edgecolor="0.4"))
        window = Rectangle((left + column, top + row), kernel_size, kernel_size)
        window.set(facecolor=ORANGE, edgecolor="black", zorder=2)  # seen through the sheets in front of it
        ax.add_patch(window)
        ax.text(left + size - 0.5, top + 0.6, channel, ha="right", va="top", fontsize=8)
    right = size + len(channels) * shift + size / 2
    ax.add_patch(Rectangle((right, 0), out, out, facecolor="0.95", edgecolor="0.4"))
    ax.add_patch(Rectangle((right + column, row), 1, 1, facecolor=ORANGE, edgecolor="black"))
    products = f"{kernel_size}·{kernel_size}·{len(channels)} products,\none sum"
    start = (column + kernel_size + (len(channels) - 1) * shift, row + kernel_size / 2)
    ax.annotate("", (right + column, row + 0.5), start, arrowprops={"arrowstyle": "-|>", "color": "0.3"})
    ax.text(size / 2, size + 1, f"image {size}x{size}x{len(channels)}", ha="center", va="top", fontsize=9)
    ax.text(right + out / 2, size + 1, f"one map {out}x{out}", ha="center", va="top", fontsize=9)
    ax.text(right - size / 4 - 1, row - 1, products, ha="center", va="bottom", fontsize=8)
    ax.set(xlim=(-1, right + out + 1), ylim=(size + 5, -len(channels) * shift), title=title, aspect="equal")
    ax.axis("off")
    return ax
