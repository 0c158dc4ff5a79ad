"""Explorers: sliders over a picture, by one script in notebooks and in the book; a still picture elsewhere.

The scripts are those of web/, whose README names them. A notebook runs them by anywidget.
"""

import base64
import functools
import html
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from convlab import DATA_FOLDER, plots
from convlab.shapes import output_size

if TYPE_CHECKING:
    import anywidget

__all__ = ["Explorer", "explorer", "filter_explorer", "never_read", "output_size_explorer"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WEB = Path(__file__).resolve().parents[3] / "web"
GET_WEB = "get the whole course, and install it by `pip install --editable .` in its folder."


class Explorer:
    """Sliders over a picture, live in a notebook; a still picture where it is only read (lessons 01 to 10).

    A notebook stores the sentence and the picture of the starting values beside the live form, so that a
    site, slides or a code host have something to show.

    Args:
        name: of the explorer, as `explorer` lists them.
        sentence: what it says before anybody turns it.
        picture: the still picture, bytes or text, by its MIME type.
        options: what web/explorers.js shows; `values` are where the sliders start.
    """

    def __init__(
        self, name: str, sentence: str, picture: Mapping[str, bytes | str], options: Mapping[str, Any]
    ) -> None:
        self.name, self.sentence = name, sentence
        self.picture, self.options = dict(picture), dict(options)

    def widget(self) -> "anywidget.AnyWidget":
        """Return the live form."""
        import anywidget

        class Live(anywidget.AnyWidget):
            _esm = self.script()
            _css = (WEB / "explorers.css").read_text(encoding="utf-8")

        return Live()

    def script(self) -> str:
        """Return the JavaScript module that draws the explorer: the parts of web/, its options, its networks.

        FileNotFoundError for a trained network that data/weights does not have.
        """
        networks = self.options.get("names", ())
        files = [DATA_FOLDER / "weights" / f"{name}.npz" for name in networks]
        packed = {file.stem: base64.b64encode(file.read_bytes()).decode() for file in files}
        name, options, trained = (json.dumps(value) for value in (self.name, self.options, packed))
        return (
            f"if (!globalThis.convlab?.EXPLORERS?.[{name}]) {{\n"
            f"{_parts('trained' if networks else 'explorers')}\n}}\n"
            f"convlab.trained = {{ ...convlab.trained, ...{trained} }};\n"
            "export default { async render({ el }) {\n"
            "  const place = document.createElement('div');\n"
            "  el.append(place);\n"
            f"  await convlab.mount(place, {name}, {options});\n"
            "  for (const part of place.querySelectorAll('input, select, button, [tabindex]')) {\n"
            "    part.dataset.lmSuppressShortcuts = 'true';\n"  # else JupyterLab takes its arrow keys
            "  }\n"
            "} };\n"
        )

    def __repr__(self) -> str:
        return self.sentence

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self.sentence, **self.picture}
        if not WEB.is_dir():  # the package was installed without the course around it
            return bundle
        try:
            view = self.widget()._repr_mimebundle_()
        except ImportError:  # no anywidget, as in a browser: the still picture is shown
            return bundle
        assert view is not None  # it is None for a widget without a view
        return bundle | {WIDGET_VIEW: view[0][WIDGET_VIEW]}


def explorer(name: str) -> Explorer:
    """Return an explorer with the settings that the lessons give it.

    ValueError for a name that is none of these:

    - `surface`: the loss of a line over w and b, `rate`: a learning rate and its steps (lesson 01);
    - `padding`: three conventions, `field`: the receptive field of three layers (lesson 06);
    - `blocks`: the block size of a convolution, with recorded times (lesson 07);
    - `shift`: a digit is moved, and two trained networks read it (lesson 09);
    - `unit`: what one unit sees, `occlusion`: a square hides a part of a digit (lesson 10).

    >>> explorer("field")
    One output of layer 1 sees 3 input pixels along a side, one of layer 2 sees 5, one of layer 3 sees 7.
    """
    stills = WEB / "stills"
    if not WEB.is_dir():
        return Explorer(name, f"The explorer {name!r} is in {WEB}, which is not there: {GET_WEB}", {}, {})
    try:
        picture = (stills / f"{name}.svg").read_text(encoding="utf-8")
    except OSError as error:
        names = ", ".join(sorted(path.stem for path in stills.glob("*.svg")))
        raise ValueError(f"no explorer is called {name!r}: choose one of {names}") from error
    known = json.loads((stills / f"{name}.json").read_text(encoding="utf-8"))
    title = picture.partition("<title>")[2].partition("</title>")[0]
    return Explorer(name, html.unescape(title), {"image/svg+xml": picture}, known)


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
    figure = Figure(figsize=(5.8, 3.2))
    ax = plots.places(input_size, kernel_size, stride, padding, ax=figure.subplots())
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    values = {"input": input_size, "kernel": kernel_size, "stride": stride, "padding": padding}
    sentence = _count(input_size, kernel_size, stride, padding)
    return Explorer("sizes", sentence, {"image/png": _png(figure)}, {"values": values})


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

    row = int(strongest[0]) if row is None else row
    column = int(strongest[1]) if column is None else column
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(
            f"no place at row {row}, column {column}: there are {rows} rows and {columns} columns"
        )
    figure = Figure(figsize=(8.4, 2.9))
    plots.filter_place(image, kernel, row, column, figure.subplots(1, 3))
    sentence = f"row {row}, column {column}: {kernel.size} products add up to {sums[row, column]:.6g}"
    options = {"image": image.tolist(), "kernel": kernel.tolist(), "values": {"row": row, "column": column}}
    return Explorer("slide", sentence, {"image/png": _png(figure)}, options)


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


@functools.cache
def _parts(page: str) -> str:
    """Return the scripts that a page of explorers loads, as one."""
    names = json.loads((WEB / "scripts.json").read_text(encoding="utf-8"))[page]
    return "\n".join((WEB / f"{name}.js").read_text(encoding="utf-8") for name in names)


def _png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
