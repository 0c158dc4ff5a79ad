"""Explorers: sliders over a picture, which stands by itself where nobody is there to move them."""

import base64
import html
import io

import numpy as np
from matplotlib.figure import Figure

from convlab import plots
from convlab.shapes import output_size

__all__ = ["Explorer", "filter_explorer", "never_read", "output_size_explorer"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Explorer:
    """Sliders over a picture, live in a notebook; a plain picture wherever it is only read (lessons 05, 06).

    `show(**values)` returns a sentence and a Matplotlib figure; `sliders` names its arguments, each with
    (label, start, least, most). A notebook stores the sentence and the picture of the starting values beside
    the live form, so that a site, slides or a code host have something to show.

    >>> Explorer(lambda side: (f"area {side**2}", Figure()), side=("side", 3, 1, 9))
    area 9
    """

    def __init__(self, show, **sliders):
        self.show, self.sliders = show, sliders

    def start(self):
        """Return the starting value of every slider."""
        return {name: start for name, (_, start, _, _) in self.sliders.items()}

    def box(self):
        """Return the live form: an ipywidgets box of the sliders, the sentence and the picture."""
        import ipywidgets

        wide = {"description_width": "6em"}
        sliders = {
            name: ipywidgets.IntSlider(start, least, most, description=label, style=wide)
            for name, (label, start, least, most) in self.sliders.items()
        }
        page = ipywidgets.HTML()

        def redraw(_=None):
            page.value = _page(*self.show(**{name: slider.value for name, slider in sliders.items()}))

        for slider in sliders.values():
            slider.observe(redraw, "value")
        redraw()
        return ipywidgets.VBox([*sliders.values(), page])

    def __repr__(self):
        return self.show(**self.start())[0]

    def _repr_mimebundle_(self, include=None, exclude=None):
        sentence, figure = self.show(**self.start())
        still = {"text/plain": sentence, "image/png": _png(figure)}
        return still | {WIDGET_VIEW: self.box()._repr_mimebundle_()[WIDGET_VIEW]}


def output_size_explorer(input_size=6, kernel_size=3, stride=2, padding=0):
    """Return an explorer of where a square filter stops and of which pixels it never reads (lesson 06).

    Its sliders start at these values. A kernel that does not fit is drawn sticking out, with the reason.

    >>> output_size_explorer(6, 3, 2, 0)
    floor((6 - 3 + 2·0) / 2) + 1 = 2, so 2×2 places; never read: 11 of 36 pixels
    """
    return Explorer(
        _sizes,
        input_size=("input i", input_size, 1, 16),
        kernel_size=("filter f", kernel_size, 1, 11),
        stride=("stride s", stride, 1, 8),
        padding=("padding p", padding, 0, 5),
    )


def never_read(input_size, kernel_size, stride=1, padding=0, dilation=1):
    """Return which pixels along one axis no place of a kernel reads, (input_size,) of bool (lesson 06).

    In a square image a pixel is read where its row and its column are. ValueError as in `shapes.output_size`.

    >>> never_read(6, 3, stride=2).astype(int), never_read(7, 1, stride=3).astype(int)
    (array([0, 0, 0, 0, 0, 1]), array([0, 1, 1, 0, 1, 1, 0]))
    """
    starts = stride * np.arange(output_size(input_size, kernel_size, stride, padding, dilation)) - padding
    return ~np.isin(np.arange(input_size), starts[:, None] + dilation * np.arange(kernel_size))


def filter_explorer(image, kernel, row=None, column=None):
    """Return an explorer that slides a kernel (KH, KW) over an image (H, W) (lesson 05).

    It shows the window, the products under it and the map so far. It starts with its top left pixel at
    (row, column), by default where the sum is furthest from 0. ValueError for a kernel that does not fit.

    >>> filter_explorer(np.eye(4), [[1, 0], [0, 1]], row=1, column=2)
    row 1, column 2: 4 products add up to 0
    """
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    rows, columns = (output_size(*sizes) for sizes in zip(image.shape, kernel.shape))
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    sums = np.tensordot(windows, kernel, 2)
    loudest = np.unravel_index(np.abs(sums).argmax(), sums.shape)

    def show(row, column):
        figure = Figure(figsize=(8.4, 2.9))
        plots.filter_place(image, kernel, row, column, figure.subplots(1, 3))
        place = f"row {row}, column {column}"
        return f"{place}: {kernel.size} products add up to {sums[row, column]:.6g}", figure

    return Explorer(
        show,
        row=("row", int(loudest[0]) if row is None else row, 0, rows - 1),
        column=("column", int(loudest[1]) if column is None else column, 0, columns - 1),
    )


def _sizes(**sizes):
    """Return what the explorer of sizes says and draws."""
    figure = Figure(figsize=(5.8, 3.2))
    plots.places(**sizes, ax=figure.subplots()).legend(loc="upper left", bbox_to_anchor=(1, 1))
    return _count(**sizes), figure


def _count(input_size, kernel_size, stride, padding):
    """Return in one sentence how many places there are and how many pixels are never read."""
    try:
        places = output_size(input_size, kernel_size, stride, padding)
    except ValueError as error:
        return str(error)
    pixels = input_size**2
    unread = pixels - (~never_read(input_size, kernel_size, stride, padding)).sum() ** 2
    formula = f"floor(({input_size} - {kernel_size} + 2·{padding}) / {stride}) + 1 = {places}"
    return f"{formula}, so {places}×{places} places; never read: {unread} of {pixels} pixels"


def _page(sentence, figure):
    """Return HTML that says the sentence and shows the figure, with the sentence as its alternative text."""
    said = html.escape(sentence, quote=True)
    picture = base64.b64encode(_png(figure)).decode()
    return (
        f'<p role="status" style="font-size: 1.15em">{said}</p>'
        f'<img alt="{said}" src="data:image/png;base64,{picture}">'
    )


def _png(figure):
    """Return a figure as the bytes of a PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
