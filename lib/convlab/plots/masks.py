"""Masks: a colour for each class of pixels, beside the images that they belong to (lesson 19)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

COLOURS = (
    "#56b4e9",
    "#a6611a",
    "#000000",
    "#9e9ac8",
    "#f0e442",
    "#009e73",
    "#d7191c",
    "#dfc27d",
    "#0072b2",
    "#e69f00",
    "#cc79a7",
)
"""A colour for each class, in order; void is white. CamVid's first class is the sky."""


def masks(
    pictures: Sequence[ArrayLike],
    class_names: Sequence[str],
    titles: Sequence[str] = (),
    columns: int | None = None,
    title: str = "",
) -> np.ndarray:
    """Draw images and masks, each class in one colour, with a legend; return the array of Axes (lesson 19).

    Args:
        pictures: images (H, W, 3) and masks (H, W), in any order; a class without a name is void, and white.
        class_names: the name of each class.
        titles: one for each picture, or for the first of them.
        columns: pictures in a row; all of them unless it is given.
        title: the title of the figure.
    """
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(7.2, rows * (5.4 / columns + 0.3) + 0.6), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.axis("off")
    for number, (ax, picture) in enumerate(zip(axes.flat, pictures)):
        ax.imshow(picture if np.ndim(picture) == 3 else coloured(picture, len(class_names)))
        ax.set_title(titles[number] if number < len(titles) else "", fontsize=9, loc="left")
    patches = [
        Patch(color=colour, label=name) for name, colour in zip(class_names, _colours(len(class_names)))
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return axes


def coloured(mask: ArrayLike, classes: int) -> np.ndarray:
    """Return a mask (H, W) as a picture (H, W, 3) uint8; classes from `classes` on are white.

    >>> coloured([[0, 11]], 11).tolist()
    [[[86, 180, 233], [255, 255, 255]]]
    """
    table = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in _colours(classes)]
    return np.array([*table, [255] * 3], "uint8")[np.minimum(mask, classes)]


def _colours(classes):
    """Return so many colours; ValueError for more classes than there are."""
    if classes > len(COLOURS):
        raise ValueError(f"{classes} classes are more than the {len(COLOURS)} colours: draw fewer")
    return COLOURS[:classes]
