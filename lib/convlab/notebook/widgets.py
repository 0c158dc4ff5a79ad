"""Explorers: sliders over a picture, which is shown alone where no kernel can answer the sliders."""

import base64
import html
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from convlab import plots
from convlab.shapes import output_size

if TYPE_CHECKING:
    import ipywidgets

__all__ = ["Explorer", "filter_explorer", "never_read", "output_size_explorer"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Explorer:
    """Sliders over a picture, live in a notebook; a still picture where it is only read (lessons 05, 06).

    `show(**values)` returns a sentence and a Matplotlib figure; `sliders` names its arguments, each with
    (label, start, least, most). A notebook stores the sentence and the picture of the starting values beside
    the live form, so that a site, slides or a code host have something to show.

    >>> Explorer(lambda side: (f"area {side**2}", Figure()), side=("side", 3, 1, 9))
    area 9
    """

    def __init__(self, show: Callable[..., tuple[str, Figure]], **sliders: tuple[str, int, int, int]):
        self.show, self.sliders = show, sliders

    def start(self) -> dict[str, int]:
        """Return the starting value of every slider."""
        return {name: start for name, (_, start, _, _) in self.sliders.items()}

    def box(self) -> "ipywidgets.VBox":
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

    def __repr__(self) -> str:
        return self.show(**self.start())[0]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        sentence, figure = self.show(**self.start())
        still = {"text/plain": sentence, "image/png": _png(figure)}
        return still | {WIDGET_VIEW: self.box()._repr_mimebundle_()[WIDGET_VIEW]}


def output_size_explorer(
    input_size: int = 6, kernel_size: int = 3, stride: int = 2, padding: int = 0
) -> Explorer:
    """Return an explorer of where a square filter stops and of which pixels it never reads (lesson 06).

    A kernel that does not fit is drawn too large for the image, with the reason.

    Args:
        input_size: where the slider of the image's side starts, 1 to 16 pixels.
        kernel_size: where that of the filter's side starts, 1 to 11 pixels.
        stride: where that of the stride starts, 1 to 8.
        padding: where that of the padding starts, 0 to 5 pixels per side.

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


def never_read(
    input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> np.ndarray:
    """Return which pixels along one axis no place of a kernel reads, (input_size,) of bool (lesson 06).

    In a square image a pixel is read where its row and its column are. Arguments and ValueError as in
    `shapes.output_size`, but `padding` is a number.

    >>> never_read(6, 3, stride=2).astype(int), never_read(7, 1, stride=3).astype(int)
    (array([0, 0, 0, 0, 0, 1]), array([0, 1, 1, 0, 1, 1, 0]))
    """
    starts = stride * np.arange(output_size(input_size, kernel_size, stride, padding, dilation)) - padding
    return ~np.isin(np.arange(input_size), starts[:, None] + dilation * np.arange(kernel_size))


def filter_explorer(
    image: ArrayLike, kernel: ArrayLike, row: int | None = None, column: int | None = None
) -> Explorer:
    """Return an explorer that slides a kernel over an image (lesson 05).

    It shows the window, the products under it and the map so far. ValueError for a kernel that does not fit.

    Args:
        image: (H, W).
        kernel: (KH, KW).
        row: where the window's top row starts; by default where the sum is furthest from 0.
        column: where its left column starts; by default likewise.

    >>> filter_explorer(np.eye(4), [[1, 0], [0, 1]], row=1, column=2)
    row 1, column 2: 4 products add up to 0
    """
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    rows, columns = (output_size(*sizes) for sizes in zip(image.shape, kernel.shape))
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    sums = np.tensordot(windows, kernel, 2)
    strongest = np.unravel_index(np.abs(sums).argmax(), sums.shape)

    def show(row: int, column: int) -> tuple[str, Figure]:
        figure = Figure(figsize=(8.4, 2.9))
        plots.filter_place(image, kernel, row, column, figure.subplots(1, 3))
        place = f"row {row}, column {column}"
        return f"{place}: {kernel.size} products add up to {sums[row, column]:.6g}", figure

    return Explorer(
        show,
        row=("row", int(strongest[0]) if row is None else row, 0, rows - 1),
        column=("column", int(strongest[1]) if column is None else column, 0, columns - 1),
    )


def _sizes(input_size: int, kernel_size: int, stride: int, padding: int) -> tuple[str, Figure]:
    """Return what the explorer of sizes says and draws."""
    figure = Figure(figsize=(5.8, 3.2))
    ax = plots.places(input_size, kernel_size, stride, padding, ax=figure.subplots())
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return _count(input_size, kernel_size, stride, padding), figure


def _count(input_size: int, kernel_size: int, stride: int, padding: int) -> str:
    """Return in one sentence how many places there are and how many pixels are never read."""
    try:
        places = output_size(input_size, kernel_size, stride, padding)
    except ValueError as error:
        return str(error)
    pixels = input_size**2
    unread = pixels - (~never_read(input_size, kernel_size, stride, padding)).sum() ** 2
    formula = f"floor(({input_size} - {kernel_size} + 2·{padding}) / {stride}) + 1 = {places}"
    return f"{formula}, so {places}×{places} places; never read: {unread} of {pixels} pixels"


def _page(sentence: str, figure: Figure) -> str:
    """Return HTML that says the sentence and shows the figure, with the sentence as its alternative text."""
    text = html.escape(sentence, quote=True)
    picture = base64.b64encode(_png(figure)).decode()
    return (
        f'<p role="status" style="font-size: 1.15em">{text}</p>'
        f'<img alt="{text}" src="data:image/png;base64,{picture}">'
    )


def _png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
