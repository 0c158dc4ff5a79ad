"""Pictures: data in, Axes out. Importing this package sets Matplotlib to the course's style.

A function draws into `ax` (a new figure when it is None) and returns the Axes, or, where it draws several
panels, an array of them. `dots`, `speeds`, `roofline`, `calibration` and `confusion_matrix` make a figure of
their own, as large as what they show. The caller gives the title, which states the finding.
"""

from convlab.plots.boards import board
from convlab.plots.boxes import boxes
from convlab.plots.classification import calibration, confusion_matrix
from convlab.plots.comparison import by_epoch, by_rate, over_time
from convlab.plots.convolution import filter_place, grid, places
from convlab.plots.diagrams import deep_filter, flow, forward_and_backward
from convlab.plots.images import gallery, heat, images
from convlab.plots.lines import (
    curves,
    histograms,
    layer_bars,
    learning_curves,
    loss_surface,
    points_and_line,
    spreading,
    two_classes,
)
from convlab.plots.masks import masks
from convlab.plots.speed import dots, roofline, speeds
from convlab.plots.style import BLUE, GREEN, ORANGE

__all__ = [
    "BLUE",
    "GREEN",
    "ORANGE",
    "board",
    "boxes",
    "by_epoch",
    "by_rate",
    "calibration",
    "confusion_matrix",
    "curves",
    "deep_filter",
    "dots",
    "filter_place",
    "flow",
    "forward_and_backward",
    "gallery",
    "grid",
    "heat",
    "histograms",
    "images",
    "layer_bars",
    "learning_curves",
    "loss_surface",
    "masks",
    "over_time",
    "places",
    "points_and_line",
    "roofline",
    "speeds",
    "spreading",
    "two_classes",
]
