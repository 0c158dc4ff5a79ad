"""Networks that say where things are: Faster R-CNN, and a one-stage detector, on SqueezeNet's front half.

S. Ren et al., "Faster R-CNN", arXiv:1506.01497; Z. Tian et al., "FCOS", arXiv:1904.01355. The maps of fire5
have a place for every 8 pixels, and 120,416 weights lie before them. Lesson 18.
"""

import keras
import numpy as np
from keras import layers

from convlab.networks.pretrained import squeezenet

STRIDE, FIRST = 8, 7.5
"""Pixels from one place of the maps to the next, and the middle of the first one, along each axis."""


def trunk(trained: bool = True) -> keras.Model:
    """Return SqueezeNet up to fire5: images from `pretrained.prepare` in, maps (N, H, W, 256) out.

    >>> trunk(trained=False).count_params()
    120416
    """
    whole = squeezenet(trained=trained)
    return keras.Model(whole.inputs[0], whole.get_layer("fire5").output, name="trunk")


def centres(rows: int, columns: int) -> np.ndarray:
    """Return the middles of the maps' places in the image, (rows * columns, 2): x, y in pixels, row by row.

    Each layer of SqueezeNet looks at whole windows only ("valid" padding), so the first place does not lie at
    4 but at 7.5 pixels.

    >>> centres(1, 3).tolist()
    [[7.5, 7.5], [15.5, 7.5], [23.5, 7.5]]
    """
    y, x = np.mgrid[:rows, :columns] * STRIDE + FIRST
    return np.stack([x.ravel(), y.ravel()], axis=1)


def places(height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the trunk's maps for an image of that size (lesson 06).

    >>> places(240, 320)
    (29, 39)
    """
    for _ in range(3):  # conv1, pool1 and pool3: windows of 3, 2 apart, inside the image
        height, width = (height - 3) // 2 + 1, (width - 3) // 2 + 1
    return height, width


def region_proposals(anchors: int, width: int = 64) -> keras.Model:
    """Return the network that proposes regions from maps (N, H, W, 256): a logit and 4 numbers an anchor.

    Out come (N, H, W, anchors) and (N, H, W, 4 * anchors). The paper's has 512 maps where ours has `width`.
    Ren et al. 2015, section 3.1. Lesson 18.

    >>> [tuple(y.shape[1:]) for y in region_proposals(5)(np.zeros((1, 29, 39, 256), "float32"))]
    [(29, 39, 5), (29, 39, 20)]
    """
    maps = layers.Input((None, None, 256), name="maps")
    x = _context(maps, width, dilations=(1, 2))
    logits = layers.Conv2D(anchors, 1, name="objectness", dtype="float32")(x)
    deltas = layers.Conv2D(4 * anchors, 1, name="deltas", dtype="float32")(x)
    return keras.Model(maps, [logits, deltas], name="region_proposals")


def one_stage(classes: int, width: int = 96, trained: bool = True) -> keras.Model:
    """Return a detector without proposals and anchors: each place says what it lies in, and how large.

    Out come logits (N, H, W, classes), and the distances (N, H, W, 4) from the place to the left, upper,
    right and lower side of its box in pixels, all above 0. Dilated kernels let a place see 159 pixels, as far
    as the largest cells reach. Tian et al. 2019, with one map in place of five. Lesson 18.

    Args:
        classes: how many kinds of things there are.
        width: maps of the layers behind the trunk.
        trained: whether the trunk has ImageNet's weights.

    >>> [tuple(y.shape[1:]) for y in one_stage(3, trained=False)(np.zeros((1, 120, 160, 3), "float32"))]
    [(14, 19, 3), (14, 19, 4)]
    """
    front = trunk(trained)
    x = _context(front.output, width, dilations=(1, 2, 3))
    rare = keras.initializers.Constant(-np.log(99))  # at first each class has a share of 1 % at each place
    logits = layers.Conv2D(classes, 1, bias_initializer=rare, name="logits", dtype="float32")(x)
    small = keras.initializers.RandomNormal(stddev=0.01)
    sides = layers.Conv2D(4, 1, kernel_initializer=small, name="raw")(x)
    sides = layers.Lambda(
        lambda raw: 2.5 * STRIDE * keras.ops.exp(keras.ops.clip(raw, -6, 3)),
        name="distances",
        dtype="float32",
    )(sides)
    return keras.Model(front.inputs[0], [logits, sides], name="one_stage")


def _context(maps, width, dilations):
    """Return `width` maps, each place of which sees further than one of the trunk's: dilated 3x3 kernels."""
    how = {"activation": "relu", "kernel_initializer": "he_normal"}
    x = layers.Rescaling(0.02, name="scale")(maps)  # the trunk's maps have values of some tens
    x = layers.Conv2D(width, 1, **how, name="narrow")(x)
    for dilation in dilations:
        x = layers.Conv2D(width, 3, padding="same", dilation_rate=dilation, **how, name=f"wide{dilation}")(x)
    return x
