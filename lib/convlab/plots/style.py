"""The course's look: Matplotlib's style sheet, and three colours that everybody can tell apart."""

from pathlib import Path

import matplotlib.pyplot as plt

plt.style.use(Path(__file__).with_suffix(".mplstyle"))

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
