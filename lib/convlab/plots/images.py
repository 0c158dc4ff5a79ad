"""Images side by side, and heat maps over them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from numpy.typing import ArrayLike

from convlab.plots.style import ORANGE


def images(
    pictures: ArrayLike,
    titles: Sequence = (),
    columns: int | None = None,
    value_range: tuple[float, float] | None = None,
    title: str = "",
    cmap: str = "gray",
) -> np.ndarray:
    """Draw pictures side by side over one value range; return the array of Axes.

    Args:
        pictures: (N, H, W) or (N, H, W, C).
        titles: one for each picture, or for the first of them.
        columns: pictures in a row; at most ten unless it is given.
        value_range: the values drawn as the ends of the colour map; those of the pictures unless it is given.
        title: the title of the figure.
        cmap: the colour map of pictures with one channel.
    """
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


def gallery(
    pictures: Sequence[ArrayLike],
    titles: Sequence[str] = (),
    columns: int | None = None,
    title: str = "",
    width: float = 6.0,
) -> np.ndarray:
    """Draw colour pictures, which may differ in size, side by side; return the array of Axes (lesson 22).

    Args:
        pictures: each (H, W, 3) uint8.
        titles: one for each picture, or for the first of them.
        columns: pictures in a row; all of them unless it is given.
        title: the title of the figure.
        width: inches of a row.
    """
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    tallest = max(np.shape(picture)[0] / np.shape(picture)[1] for picture in pictures)
    size = (width, rows * (width / columns * tallest + 0.3) + (0.3 if title else 0))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for number, ax in enumerate(axes.flat):
        ax.axis("off")
        if number < len(pictures):
            ax.imshow(pictures[number], interpolation="nearest")
            ax.set_title(titles[number] if number < len(titles) else "", fontsize=9, loc="left")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return axes


def heat(
    image: ArrayLike,
    values: ArrayLike,
    title: str = "",
    ax: Axes | None = None,
    margin: float = 0,
    most: float | None = None,
) -> Axes:
    """Draw an image in grey and values over it as heat, from 0 up; values below 0 are not drawn (lesson 10).

    Args:
        image: (H, W) or (H, W, 1).
        values: (rows, columns), stretched over the image.
        title: the title of the Axes.
        ax: where to draw; a new figure unless it is given.
        margin: pixels on each side of the image that the values do not cover.
        most: the value of the hottest colour; the largest of the values unless it is given.
    """
    ax = ax or plt.figure(figsize=(3, 3.2)).gca()
    height, width = np.shape(image)[:2]
    ax.imshow(np.squeeze(image), cmap="gray")
    shades = LinearSegmentedColormap.from_list("", [(*to_rgb(ORANGE), 0), (*to_rgb(ORANGE), 0.9)])
    extent = (margin - 0.5, width - margin - 0.5, height - margin - 0.5, margin - 0.5)
    most = most or max(np.max(values), 1e-12)
    ax.imshow(values, cmap=shades, vmin=0, vmax=most, extent=extent, interpolation="bilinear")
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=title, xticks=[], yticks=[])
    return ax
