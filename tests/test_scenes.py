"""Composed scenes: boxes, masks and facts are exact, nothing hides too much, and a seed says it all."""

import numpy as np
import pytest

from convlab.datasets import scenes


@pytest.fixture(scope="module")
def drawn():
    return scenes.draw(40, seed=3, size=(64, 80), count=(1, 6))


def test_the_bundled_photographs_are_whole_and_named():
    found = scenes.stamps()
    assert len(found) == 256 and len({stamp.number for stamp in found}) == 256
    for stamp in found:
        assert all(name.strip() == name != "" for name in (stamp.en, stamp.ko, stamp.ja))
        opaque = stamp.pixels[..., 3] > scenes.OPAQUE
        assert 12 <= max(opaque.shape) <= 64 and opaque.mean() > 0.03, stamp.en
        assert opaque[[0, -1]].any(axis=1).all() and opaque[:, [0, -1]].any(axis=0).all(), stamp.en
    assert {stamp.category for stamp in found} >= set(scenes.CATEGORIES)


def test_one_noun_has_one_translation():
    names = {}
    for stamp in scenes.stamps():
        assert names.setdefault(stamp.en, (stamp.ko, stamp.ja)) == (stamp.ko, stamp.ja)


def test_shapes_and_types(drawn):
    assert drawn.images.shape == (40, 64, 80, 3) and drawn.masks.shape == drawn.instances.shape == (
        40,
        64,
        80,
    )
    assert drawn.images.dtype == drawn.masks.dtype == drawn.instances.dtype == np.uint8
    assert len(drawn.boxes) == len(drawn.labels) == len(drawn.things) == 40
    assert all(b.shape == (len(y), 4) and y.dtype == np.int64 for b, y in zip(drawn.boxes, drawn.labels))
    assert drawn.class_names == scenes.CATEGORIES and not drawn.genuine


def test_boxes_are_tight_around_what_can_be_seen(drawn):
    for i, boxes in enumerate(drawn.boxes):
        for number, (x_min, y_min, x_max, y_max) in enumerate(boxes.astype(int), start=1):
            seen = drawn.instances[i] == number
            inside = seen[y_min:y_max, x_min:x_max]
            assert inside.sum() == seen.sum() > 0
            assert inside[[0, -1]].any(axis=1).all() and inside[:, [0, -1]].any(axis=0).all()


def test_masks_hold_the_label_of_each_thing_and_zero_elsewhere(drawn):
    for i, labels in enumerate(drawn.labels):
        assert np.array_equal(drawn.masks[i] == 0, drawn.instances[i] == 0)
        for number, label in enumerate(labels, start=1):
            assert set(drawn.masks[i][drawn.instances[i] == number]) == {label + 1}


def test_the_last_thing_hides_and_the_first_is_hidden(drawn):
    shares = [[thing.visible for thing in scene] for scene in drawn.things]
    assert all(scene[-1] == 1 for scene in shares)
    assert all(0.5 <= share <= 1 for scene in shares for share in scene)
    assert min(share for scene in shares for share in scene) < 0.9  # some things do overlap


def test_visible_is_the_share_of_the_pixels_that_are_seen():
    """Place the same thing alone and behind others: the first thing of a scene is drawn before the others."""
    hidden = 0
    for seed in range(30):
        crowd = scenes.draw(1, seed, classes=("apple", "lion"), choose=lambda _: ["apple", "lion", "lion"])
        alone = scenes.draw(1, seed, classes=("apple", "lion"), choose=lambda _: ["apple"])
        thing, whole = crowd.things[0][0], alone.things[0][0]
        assert thing.whole_box == whole.box and whole.visible == 1
        share = (crowd.instances == 1).sum() / (alone.instances == 1).sum()
        assert thing.visible == pytest.approx(share)
        hidden += share < 1
    assert hidden > 3


def test_a_thing_looks_like_its_photograph():
    """Its brightness follows the stamp's, and not the stamp's on its head or mirrored."""
    drawn = scenes.draw(30, seed=5, classes=("bus", "rooster"), count=(1, 1), length=(0.6, 0.6))
    for i, (thing,) in enumerate(drawn.things):
        x_min, y_min, x_max, y_max = map(int, thing.box)
        seen = drawn.instances[i, y_min:y_max, x_min:x_max] == 1
        got = drawn.images[i, y_min:y_max, x_min:x_max].mean(axis=2)[seen]
        pixels = thing.stamp.pixels[:, ::-1] if thing.flipped else thing.stamp.pixels
        rows = np.linspace(0, len(pixels) - 1, len(seen)).round().astype(int)
        columns = np.linspace(0, pixels.shape[1] - 1, seen.shape[1]).round().astype(int)
        expected = pixels[rows][:, columns, :3].mean(axis=2)
        right, head, mirrored = (
            np.corrcoef(view[seen], got)[0, 1] for view in (expected, expected[::-1], expected[:, ::-1])
        )
        assert right > 0.7 > max(head, mirrored), thing.name


def test_even_the_thinnest_thing_made_tiny_is_there():
    drawn = scenes.draw(40, seed=0, size=16, classes=("bassoon", "syringe"), length=(0.05, 0.1))
    assert all(len(boxes) for boxes in drawn.boxes)


def test_a_seed_draws_the_same_and_another_draws_others(drawn):
    again = scenes.draw(40, seed=3, size=(64, 80), count=(1, 6))
    assert np.array_equal(again.images, drawn.images) and np.array_equal(again.masks, drawn.masks)
    assert not np.array_equal(scenes.draw(40, seed=4, size=(64, 80), count=(1, 6)).images, drawn.images)


def test_chosen_combinations_and_no_others_are_drawn():
    drawn = scenes.draw(
        20,
        seed=0,
        classes=("lion", "apple"),
        choose=lambda rng: ["apple"] * int(rng.integers(1, 3)),
        size=128,
    )
    assert {thing.name for scene in drawn.things for thing in scene} == {"apple"}
    assert {len(scene) for scene in drawn.things} == {1, 2}
    assert all(set(labels) == {1} for labels in drawn.labels)


def test_every_class_and_both_sides_are_drawn():
    drawn = scenes.draw(150, seed=1, count=(2, 3))
    assert set(np.concatenate(drawn.labels)) == set(range(10))
    flipped = np.mean([thing.flipped for scene in drawn.things for thing in scene])
    assert 0.35 < flipped < 0.65


def test_training_and_test_share_no_photograph():
    train, test = scenes.divide()
    assert not {stamp.number for stamp in train} & {stamp.number for stamp in test}
    assert len(train) + len(test) == 256
    assert {stamp.category for stamp in test} >= set(scenes.CATEGORIES)
    used = {thing.stamp.number for scene in scenes.draw(50, 0, among=test).things for thing in scene}
    assert used <= {stamp.number for stamp in test}


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"n": 0}, "cannot draw 0 scenes"),
        ({"size": (96, 8)}, "96x8 is too small"),
        ({"count": (3, 2)}, r"count=\(3, 2\)"),
        ({"count": (0, 2)}, r"count=\(0, 2\)"),
        ({"length": (0.5, 1.5)}, r"length=\(0.5, 1.5\)"),
        ({"least_visible": 2}, "least_visible=2"),
        ({"classes": ("unicorn",)}, "'unicorn'"),
        ({"classes": ("lion",), "choose": lambda _: ["tiger"]}, "'tiger' was chosen"),
    ],
)
def test_impossible_wishes_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        scenes.draw(**{"n": 1, "seed": 0} | arguments)


def test_missing_photographs_are_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(scenes, "DATA_FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="git checkout data/stamps"):
        scenes.stamps.__wrapped__()
