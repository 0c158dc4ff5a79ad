"""Where a kernel stands, what it reads and what comes out."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from convlab.plots.style import BLUE, GREEN, ORANGE


def grid(values, windows=(), title="", ax=None, shade=None):
    """Draw a small array as cells with numbers; each window (row, column, height, width) gets its own colour.

    `shade`: an array of the same shape, 0 to 1, that colours the cells; where it is 0 the number is grey.
    """
    rows, columns = np.shape(values)
    ax = ax or plt.figure(figsize=(0.4 * columns + 0.4, 0.4 * rows + 0.5)).gca()
    lit = np.zeros((rows, columns)) if shade is None else np.asarray(shade)
    ax.imshow(np.ma.masked_equal(lit, 0), cmap="YlOrBr", vmin=0, vmax=2.5)
    for (row, column), value in np.ndenumerate(values):
        color = "0.7" if lit.any() and not lit[row, column] else "black"
        ax.text(column, row, f"{value:.4g}", ha="center", va="center", color=color)
    for i, window in enumerate(windows):
        ax.add_patch(_window(*window, f"C{i}"))
    return _cells(ax, rows, columns, title)


def places(input_size, kernel_size, stride=1, padding=0, dilation=1, title="", ax=None):
    """Draw where a kernel may stand on a square input; what it never reads is crossed out (lesson 06).

    `padding`: pixels on every side, or a pair (before, after); they are grey. A dot marks the centre of each
    place; the pixels that the first place reads are blue, the last place is outlined in green.
    """
    own, ax = ax is None, ax or plt.figure(figsize=(5.2, 3.2)).gca()
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    size, taps = before + input_size + after, dilation * np.arange(kernel_size)
    starts = np.arange(0, size - taps[-1], stride)  # empty where the kernel does not fit
    inside = np.pad(np.ones((input_size, input_size), bool), (before, after))
    read = np.isin(np.arange(size), starts[:, None] + taps)
    unread = inside & ~np.outer(read, read)
    ax.imshow(
        np.select([unread, inside], [2, 0], 1), cmap=ListedColormap(["white", "0.85", "#fbe3d6"]), vmax=2
    )
    _crosses(ax, unread)
    _stops(ax, starts, taps)
    if own:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return _cells(ax, size, size, title, room=max(size, taps[-1] + 1))


def _crosses(ax, unread):
    """Cross out the pixels that are never read."""
    rows, columns = np.nonzero(unread)
    if len(rows):
        ax.plot(columns, rows, "x", color=ORANGE, markersize=8, markeredgewidth=2, label="never read")


def _stops(ax, starts, taps):
    """Mark what a kernel reads at its first place, its last place, and the centre of every place."""
    reach = taps[-1] + 1
    for row in taps:
        for column in taps:
            ax.add_patch(_window(row, column, 1, 1, BLUE, linewidth=0))
    label = "first place" if len(starts) else "does not fit"
    ax.add_patch(_window(0, 0, reach, reach, BLUE, facecolor="none", label=label))
    if len(starts) > 1:
        ax.add_patch(
            _window(starts[-1], starts[-1], reach, reach, GREEN, facecolor="none", label="last place")
        )
    if len(starts):
        rows, columns = np.meshgrid(starts + taps[-1] / 2, starts + taps[-1] / 2)
        ax.plot(columns.ravel(), rows.ravel(), "o", color="black", markersize=4, label="centre of a place")


def _window(row, column, height, width, color, **style):
    """Return the outline of a window of pixels, lightly filled."""
    style = {"facecolor": (*to_rgb(color), 0.2), "edgecolor": color, "linewidth": 2.5} | style
    return plt.Rectangle((column - 0.5, row - 0.5), width, height, **style)


def _cells(ax, rows, columns, title, room=0):
    """Rule the Axes into cells, row 0 on top, and leave room for so many."""
    ax.set(xlim=(-0.6, max(columns, room) - 0.4), ylim=(max(rows, room) - 0.4, -0.6), title=title)
    ax.set(xticks=[], yticks=[])
    ax.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, colors="0.6", linewidths=0.6)
    ax.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, colors="0.6", linewidths=0.6)
    ax.spines[:].set_visible(False)
    return ax


def filter_place(image, kernel, row, column, axes=None):
    """Draw a filter at one place of an image (H, W), its products and the map so far; return the three Axes.

    The window's top left pixel is (row, column); the map fills in reading order (lesson 05).
    """
    axes = plt.figure(figsize=(8.4, 2.9)).subplots(1, 3) if axes is None else axes
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    seen = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    feature_map = np.tensordot(seen, kernel, 2)
    done = np.arange(feature_map.size).reshape(feature_map.shape) <= row * feature_map.shape[1] + column
    axes[0].imshow(image)
    axes[0].add_patch(_window(row, column, *kernel.shape, ORANGE))
    axes[0].set(title=f"row {row}, column {column}", xticks=[], yticks=[])
    total = feature_map[row, column]
    grid(seen[row, column] * kernel, title=f"pixels · weights: sum {total:.4g}", ax=axes[1])
    axes[2].imshow(np.where(done, feature_map, np.nan), vmin=feature_map.min(), vmax=feature_map.max())
    axes[2].add_patch(_window(row, column, 1, 1, ORANGE, facecolor="none"))
    axes[2].set(title="feature map so far", xticks=[], yticks=[])
    return axes
