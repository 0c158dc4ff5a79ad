"""Pictures: data in, Axes out. Importing this room sets Matplotlib to the course's style.

A function draws into `ax` (a new figure when it is None) and returns the Axes, or, where it draws several
panels, an array of them. The caller gives the title, which states the finding.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb

plt.style.use(Path(__file__).with_suffix(".mplstyle"))

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"


def points_and_line(x, y, slope, intercept, title="", ax=None):
    """Draw the points (x, y), a line, and each point's error as a dotted stroke to the line."""
    ax = ax or plt.figure().gca()
    line = slope * x + intercept
    ends = np.array([x.min() - 0.5, x.max() + 0.5])
    ax.vlines(x, line, y, colors=ORANGE, linestyles="dotted", label="error")
    ax.plot(ends, slope * ends + intercept, color=BLUE, label=f"{slope:.3g} x + {intercept:.3g}")
    ax.plot(x, y, "o", color="black")
    ax.set(xlabel="x", ylabel="y", title=title)
    ax.legend()
    return ax


def loss_surface(loss, slopes, intercepts, paths=(), title="", ax=None):
    """Draw the contours of `loss(slope, intercept)` and, over them, paths: {label: (steps, 2) array}."""
    ax = ax or plt.figure(figsize=(6.4, 4.2)).gca()
    surface = np.array([[loss(slope, intercept) for slope in slopes] for intercept in intercepts])
    levels = np.geomspace(max(surface.min(), surface.max() / 1e4), surface.max(), 14)
    ax.contour(slopes, intercepts, surface, levels=levels, colors="0.7", linewidths=0.8)
    for i, (label, path) in enumerate(dict(paths).items()):
        path = np.asarray(path)
        ax.plot(path[:, 0], path[:, 1], "o-", color=f"C{i}", markersize=3.5, linewidth=1.2, label=label)
    ax.set(xlabel="slope", ylabel="intercept", title=title)
    ax.set(xlim=(slopes[0], slopes[-1]), ylim=(intercepts[0], intercepts[-1]))
    if paths:
        ax.legend()
    return ax


def curves(series, title="", xlabel="step", ylabel="loss", log=True, ax=None):
    """Draw named series: {label: values}, on a logarithmic axis where `log` is set."""
    ax = ax or plt.figure().gca()
    for label, values in series.items():
        ax.plot(values, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


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


def layer_bars(names, series, title=""):
    """Draw one bar for each layer, a panel for each of `series` {what: values}; return the array of Axes.

    The largest bar of a panel says its share of the panel's sum.
    """
    figure, axes = plt.subplots(1, len(series), figsize=(8.4, 0.17 * len(names) + 0.9), sharey=True)
    for i, (ax, (what, values)) in enumerate(zip(axes, series.items())):
        ax.barh(names, values, color=f"C{i}")
        most = int(np.argmax(values))
        share = f"{values[most] / np.sum(values):.0%} "
        ax.text(values[most], most, share, ha="right", va="center", color="white", fontsize=9)
        ax.set_xlabel(what)
    axes[0].invert_yaxis()
    figure.suptitle(title, x=0, ha="left", fontsize=11)
    return axes


def two_classes(features, labels, names, probability=None, title="", ax=None):
    """Draw points (N, 2) of classes 0 and 1; shade `probability(points)`, with a line where it is 0.5."""
    ax = ax or plt.figure(figsize=(6.4, 4)).gca()
    for label, (name, colour, marker) in enumerate(zip(names, (BLUE, ORANGE), "o^")):
        x, y = features[labels == label].T
        size = 3.5 if len(labels) > 50 else 9
        ax.plot(x, y, marker, color=colour, markersize=size, alpha=0.6, linewidth=0, label=name)
    if probability is not None:
        across, up = (np.linspace(*limits, 121) for limits in (ax.get_xlim(), ax.get_ylim()))
        points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
        surface = np.asarray(probability(points), float).reshape(121, 121)
        shades = LinearSegmentedColormap.from_list("", (BLUE, "white", ORANGE))
        ax.pcolormesh(across, up, surface, cmap=shades, vmin=0, vmax=1, alpha=0.35, zorder=0, rasterized=True)
        ax.contour(across, up, surface, levels=[0.5], colors="black", linewidths=1.5)
    ax.set(title=title)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.5)
    return ax


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


def histograms(series, title="", xlabel="", log=False, ax=None):
    """Draw the outline of a histogram for each of `series` {label: values}, as shares over common bins.

    With `log`, of the sizes |value| on a logarithmic axis; a value of exactly 0 has no place there.
    """
    ax = ax or plt.figure().gca()
    shown = {label: np.ravel(values).astype(float) for label, values in series.items()}
    if log:
        shown = {label: abs(values[values != 0]) for label, values in shown.items()}
    both = np.concatenate(list(shown.values()))
    bins = (np.geomspace if log else np.linspace)(both.min(), both.max(), 51)
    for label, values in shown.items():
        shares = np.full(len(values), 1 / len(values))
        ax.hist(values, bins, weights=shares, histtype="step", linewidth=1.5, label=label)
    ax.set(xlabel=xlabel, ylabel="share", title=title, xscale="log" if log else "linear")
    ax.legend()
    return ax


def speeds(times, shares, title="", ax=None):
    """Draw {way: milliseconds} as bars on a logarithmic axis; each says its time and its share of the limit.

    `shares`: {way: 0 to 1}; see lesson 07.
    """
    ax = ax or plt.figure(figsize=(8, 0.42 * len(times) + 0.9)).gca()
    ax.barh(list(times), list(times.values()), color=BLUE)
    for way, time in times.items():
        share = f"{shares[way]:.{2 if shares[way] >= 0.1 else 4}f}"
        told = f" {time:,.{1 if time < 100 else 0}f} ms, {share} of the limit"
        ax.text(time, way, told, va="center", fontsize=9)
    shortest, longest = min(times.values()), max(times.values())
    ax.set(xscale="log", xlim=(shortest / 2, longest * (longest / shortest) ** 0.45 * 2), title=title)
    ax.set_xlabel("milliseconds")
    ax.invert_yaxis()
    return ax


def dots(groups, title="", xlabel="", ax=None):
    """Draw each value of {label: values} as a dot in the label's row, with a stroke at the row's mean."""
    ax = ax or plt.figure(figsize=(6.4, 0.36 * len(groups) + 0.9)).gca()
    for row, values in enumerate(groups.values()):
        ax.plot(values, [row] * len(values), "o", color=BLUE, alpha=0.6, markersize=5)
        ax.plot([np.mean(values)] * 2, [row - 0.3, row + 0.3], color=ORANGE, linewidth=2)
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.4, -0.6))
    ax.set(xlabel=xlabel, title=title)
    return ax


def roofline(machines, points=(), title="", ax=None):
    """Draw what each machine can reach: {label: (operations a second, bytes a second)}, on two log axes.

    points: {label: (operations per byte, operations a second)}. After Williams, Waterman & Patterson 2009.
    Lesson 16.
    """
    ax = ax or plt.figure(figsize=(6.8, 4)).gca()
    intensity = np.geomspace(0.1, 10_000, 200)
    for i, (label, (operations, bandwidth)) in enumerate(machines.items()):
        ax.plot(intensity, np.minimum(operations, intensity * bandwidth), color=f"C{i}", label=label)
    for label, (where, reached) in dict(points).items():
        ax.plot(where, reached, "o", color="black", markersize=5)
        ax.annotate(label, (where, reached), (5, -10), textcoords="offset points", fontsize=8)
    ax.set(xscale="log", yscale="log", xlabel="operations for each byte that is moved")
    ax.set(ylabel="operations in a second", title=title)
    ax.legend(loc="lower right")
    return ax


def learning_curves(runs, figure="loss", title="", ax=None):
    """Draw a figure of each epoch for `runs` {label: [Run, …]}: thin lines for seeds, dots for their mean.

    `figure`: what `Run.series` knows, "loss", "accuracy" or "validation".
    """
    ax = ax or plt.figure().gca()
    for i, (label, seeds) in enumerate(runs.items()):
        series = np.array([run.series(figure) for run in seeds])  # (seeds, epochs)
        epochs = np.arange(1, series.shape[1] + 1)
        ax.plot(epochs, series.T, color=f"C{i}", linewidth=0.8, alpha=0.6)
        ax.plot(epochs, series.mean(axis=0), "o-", color=f"C{i}", label=label)
    ax.set(xlabel="epoch", ylabel=figure, title=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def spreading(histograms, title="", xlabel="value", ax=None):
    """Draw histograms {step: rows (from, to, count)} as a row of hills, the first at the back (lesson 08)."""
    ax = ax or plt.figure().gca()
    shades = plt.get_cmap("viridis_r")(np.linspace(0.1, 1, len(histograms)))
    for place, (shade, step) in enumerate(zip(shades, sorted(histograms))):
        low, high, counts = np.transpose(histograms[step])
        heights = -place + 1.5 * counts / counts.max()
        hill = ax.fill_between((low + high) / 2, -place, heights, zorder=place)
        hill.set(facecolor=shade, edgecolor="black", linewidth=0.4)
    ax.set_yticks(-np.arange(len(histograms)), sorted(histograms), fontsize=8)
    ax.set(xlabel=xlabel, ylabel="step", title=title)
    ax.locator_params(axis="x", nbins=6)
    return ax


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
