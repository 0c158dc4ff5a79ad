"""Where a kernel stands, what it reads and what comes out."""

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from convlab.plots.style import BLUE, GREEN, ORANGE


def grid(
    values: ArrayLike,
    windows: Iterable[tuple[int, int, int, int]] = (),
    title: str = "",
    ax: Axes | None = None,
    shade: ArrayLike | None = None,
) -> Axes:
    """Draw a small array as cells with numbers.

    Args:
        values: (rows, columns).
        windows: (row, column, height, width) of each window to outline, each in a colour of its own.
        title: the title of the Axes.
        ax: where to draw; a new figure unless it is given.
        shade: (rows, columns) from 0 to 1, which colours the cells; where it is 0, the number is grey.
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


def places(
    input_size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int = 1,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw where a kernel may stand on a square input; what it never reads is crossed out (lesson 06).

    A dot marks the centre of each place; the pixels that the first place reads are blue, the last place is
    outlined in green.

    Args:
        input_size: pixels of the input along each side.
        kernel_size: pixels of the kernel along each side.
        stride: pixels from one place to the next.
        padding: pixels on every side, or a pair (before, after); they are grey.
        dilation: pixels from one of the kernel's to the next.
        title: the title of the Axes.
        ax: where to draw; a new figure with a legend unless it is given.
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
    return _cells(ax, size, size, title, space=max(size, taps[-1] + 1))


def _crosses(ax: Axes, unread: np.ndarray) -> None:
    """Cross out the pixels that are never read."""
    rows, columns = np.nonzero(unread)
    if len(rows):
        ax.plot(columns, rows, "x", color=ORANGE, markersize=8, markeredgewidth=2, label="never read")


def _stops(ax: Axes, starts: np.ndarray, taps: np.ndarray) -> None:
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


def _window(row: float, column: float, height: float, width: float, color: str, **style: Any) -> Rectangle:
    """Return the outline of a window of pixels, lightly filled."""
    window = Rectangle((column - 0.5, row - 0.5), width, height)
    window.set(**{"facecolor": (*to_rgb(color), 0.2), "edgecolor": color, "linewidth": 2.5, **style})
    return window


def _cells(ax: Axes, rows: int, columns: int, title: str, space: int = 0) -> Axes:
    """Rule the Axes into cells, row 0 on top, with space for at least so many each way."""
    ax.set(xlim=(-0.6, max(columns, space) - 0.4), ylim=(max(rows, space) - 0.4, -0.6), title=title)
    ax.set(xticks=[], yticks=[])
    ax.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, colors="0.6", linewidths=0.6)
    ax.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, colors="0.6", linewidths=0.6)
    ax.spines[:].set_visible(False)
    return ax


def filter_place(
    image: ArrayLike, kernel: ArrayLike, row: int, column: int, axes: Sequence[Axes] | None = None
) -> Sequence[Axes]:
    """Draw a filter at one place of an image, its products and the map so far; return the three Axes.

    The map fills in reading order (lesson 05).

    Args:
        image: (H, W).
        kernel: (KH, KW).
        row: row of the window's top left pixel.
        column: column of the window's top left pixel.
        axes: three Axes to draw into; a new figure unless they are given.
    """
    axes = plt.figure(figsize=(8.4, 2.9)).subplots(1, 3) if axes is None else axes
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    height, width = kernel.shape
    seen = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    feature_map = np.tensordot(seen, kernel, 2)
    done = np.arange(feature_map.size).reshape(feature_map.shape) <= row * feature_map.shape[1] + column
    axes[0].imshow(image)
    axes[0].add_patch(_window(row, column, height, width, ORANGE))
    axes[0].set(title=f"row {row}, column {column}", xticks=[], yticks=[])
    total = feature_map[row, column]
    grid(seen[row, column] * kernel, title=f"pixels · weights: sum {total:.4g}", ax=axes[1])
    axes[2].imshow(np.where(done, feature_map, np.nan), vmin=feature_map.min(), vmax=feature_map.max())
    axes[2].add_patch(_window(row, column, 1, 1, ORANGE, facecolor="none"))
    axes[2].set(title="feature map so far", xticks=[], yticks=[])
    return axes
