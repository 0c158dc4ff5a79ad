"""`convlab.plots.diagrams`: every box stands where it was put, every arrow joins the right two."""

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
