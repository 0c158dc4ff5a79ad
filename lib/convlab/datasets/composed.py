"""Composed scenes in the place of BCCD and CamVid, for a machine that has neither: split as they are.

They show cut-out photographs, with exact boxes and masks. A score on them compares with nothing published.
"""

from convlab.datasets import scenes
from convlab.datasets.boxes import Boxed, Boxes
from convlab.datasets.masks import Masked, Masks

__all__ = ["boxes", "masks"]

KINDS = ("fruit", "flowers", "insects")  # three, as BCCD has three kinds of cells
TITLE = "Composed scenes"


def boxes() -> Boxes:
    """Return 205 training, 87 validation and 72 test scenes of 320x240 with 3 to 9 things of three kinds.

    The photographs in the test scenes are in no training scene.
    """
    train, test = scenes.divide()
    splits = []
    for n, seed, among in ((205, 1, train), (87, 2, train), (72, 3, test)):
        drawn = scenes.draw(n, seed, (240, 320), KINDS, among, count=(3, 9), length=(0.15, 0.35))
        splits.append(Boxed(drawn.images, drawn.boxes, drawn.labels))
    return Boxes("scenes", TITLE, splits[0], splits[1], splits[2], KINDS, "stand-in")


def masks() -> Masks:
    """Return 240 training, 60 validation and 100 test scenes of 240x180 with 11 classes of pixels.

    Class 0 is the background. The photographs in the test scenes are in no training scene.
    """
    train, test = scenes.divide()
    splits = []
    for n, seed, among in ((240, 4, train), (60, 5, train), (100, 6, test)):
        drawn = scenes.draw(n, seed, (180, 240), among=among, count=(3, 8), length=(0.25, 0.6))
        splits.append(Masked(drawn.images, drawn.masks))
    names = ("background", *scenes.CATEGORIES)
    return Masks("scenes", TITLE, splits[0], splits[1], splits[2], names, "stand-in")
