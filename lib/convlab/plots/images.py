"""Images side by side, and heat maps over them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from convlab.plots.style import ORANGE


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


def heat(image, values, title="", ax=None, margin=0, most=None):
    """Draw an image in grey and values (rows, columns) from 0 up over it, as heat; below 0 there is none.

    The values are stretched over the image, less `margin` pixels on each side; the hottest colour stands for
    `most`, the largest of them by default (lesson 10).
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
