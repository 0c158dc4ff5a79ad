"""The course's look: Matplotlib's style sheet, and three colours that everybody can tell apart."""

import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from convlab.machine import in_notebook

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"


def apply() -> None:
    """Set Matplotlib's own defaults and the course's style sheet, whatever a person's matplotlibrc says.

    In a notebook figures are drawn into the page. Containers and clusters often set MPLBACKEND=agg, with
    which figures would not appear at all. Backends that name a module, as Jupyter's do, stay.
    CONVLAB_DPI sets the dots per inch of figures: 180 makes them sharp on a slide of 1920 pixels.
    """
    plt.style.use(["default", Path(__file__).with_suffix(".mplstyle")])
    if dpi := os.environ.get("CONVLAB_DPI"):
        plt.rcParams["figure.dpi"] = float(dpi)
    if in_notebook() and not os.environ.get("MPLBACKEND", "").startswith("module://"):
        sys.modules["IPython"].get_ipython().enable_matplotlib("inline")


apply()
