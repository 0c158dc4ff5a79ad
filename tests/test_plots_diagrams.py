"""`convlab.plots.diagrams`: every box stands where it was put, every arrow joins the right two."""

import numpy as np
from matplotlib.patches import FancyArrowPatch

from convlab import plots


def test_boxes_stand_where_they_were_put_and_arrows_join_them():
    boxes = {"in": (0, 0, "x"), "one": (1, 0.5, "3x3"), "sum": (2, 0, "+")}
    ax = plots.flow(boxes, [("in", "one"), ("one", "sum"), ("in", "sum", -0.3)], "a block")
    texts = [text for text in ax.texts if text.get_text()]
    assert {text.get_text(): text.get_position() for text in texts} == {
        "x": (0, 0),
        "3x3": (1, 0.5),
        "+": (2, 0),
    }
    arrows = [text for text in ax.texts if isinstance(getattr(text, "arrow_patch", None), FancyArrowPatch)]
    assert [(arrow.xyann, arrow.xy) for arrow in arrows] == [
        ((0, 0), (1, 0.5)),
        ((1, 0.5), (2, 0)),
        ((0, 0), (2, 0)),
    ]
    ways_around = [arrow.arrow_patch.get_connectionstyle().rad for arrow in arrows]
    assert ways_around == [0, 0, -0.3]


def test_gradients_go_back_along_every_arrow_that_values_take():
    chain = {"x": ("x", 3, None), "z": ("z = w·x", 6, 2), "L": ("L = z²", 36, 1)}
    ax = plots.forward_and_backward(chain, {"w": ("z", 2, 36)}, "finding")
    texts = {text.get_text() for text in ax.texts if text.get_text()}
    assert texts == {"x = 3", "z = w·x = 6", "L = z² = 36", "w = 2", "dL/dz = 2", "dL/dL = 1", "dL/dw = 36"}
    arrows = [text for text in ax.texts if isinstance(getattr(text, "arrow_patch", None), FancyArrowPatch)]
    forward, backward = arrows[::2], arrows[1::2]
    assert len(forward) == len(backward) == 3  # x to z, z to L, w to z
    for one, other in zip(forward, backward):
        towards = np.subtract(one.xy, one.xyann)
        np.testing.assert_allclose(np.subtract(other.xy, other.xyann), -towards)
        assert towards[0] >= 0


def test_a_deep_filter_has_one_window_in_each_channel_and_one_output():
    ax = plots.deep_filter(8, 3, ["red", "green"], (1, 2), "finding")
    sizes = [(patch.get_width(), patch.get_height()) for patch in ax.patches]
    assert sizes.count((8, 8)) == sizes.count((3, 3)) == 2
    assert sizes.count((6, 6)) == sizes.count((1, 1)) == 1
    sheets = [patch.get_xy() for patch in ax.patches if patch.get_width() == 8]
    windows = [patch.get_xy() for patch in ax.patches if patch.get_width() == 3]
    for (left, top), (x, y) in zip(sheets, windows):
        np.testing.assert_allclose((x - left, y - top), (2, 1))
    output, one = (next(p.get_xy() for p in ax.patches if p.get_width() == wide) for wide in (6, 1))
    np.testing.assert_allclose((one[0] - output[0], one[1] - output[1]), (2, 1))
