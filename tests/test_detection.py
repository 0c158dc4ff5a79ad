"""Lesson 18: boxes, suppression and average precision against pycocotools and brute force; the detectors."""

import contextlib
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from convlab import runs, training
from convlab.applications import detection
from convlab.datasets import scenes
from convlab.datasets.boxes import Boxed, Boxes
from convlab.networks import detectors
from coursekit.measuring import record_detector

SEEDS = st.integers(0, 2**32 - 1)


def random_boxes(random, count, side=40, whole=True):
    low = random.uniform(0, side - 4, (count, 2))
    boxes = np.concatenate([low, low + random.uniform(1, side / 2, (count, 2))], axis=1)
    return np.maximum(boxes.round(), [0, 0, 1, 1]) if whole else boxes


def as_coco(boxes):
    """Return boxes as x, y, width, height."""
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def with_sides(boxes):
    """Return the boxes with sides of 1 pixel or more."""
    return np.concatenate([boxes[:, :2], np.maximum(boxes[:, 2:], boxes[:, :2] + 1)], axis=1)


# --- overlap


@given(SEEDS, st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_iou_equals_pycocotools(seed, a, b):
    random = np.random.default_rng(seed)
    one, two = random_boxes(random, a, whole=False), random_boxes(random, b, whole=False)
    theirs = coco_mask.iou(as_coco(one), as_coco(two), [0] * b)
    np.testing.assert_allclose(detection.iou(one, two), theirs, atol=1e-12)


@given(SEEDS)
@settings(max_examples=50, deadline=None)
def test_iou_equals_counted_pixels(seed):
    random = np.random.default_rng(seed)
    one, two = (with_sides(random_boxes(random, 1, side=20))[0].astype(int) for _ in range(2))
    painted = np.zeros((2, 60, 60), bool)
    for canvas, (x0, y0, x1, y1) in zip(painted, (one, two)):
        canvas[y0:y1, x0:x1] = True
    counted = (painted[0] & painted[1]).sum() / (painted[0] | painted[1]).sum()
    assert detection.iou([one], [two])[0, 0] == pytest.approx(counted)


def test_iou_of_no_boxes_and_of_boxes_without_area():
    assert detection.iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert detection.iou([[2, 2, 2, 2]], [[2, 2, 2, 2]]) == 0


def test_fault_boxes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\).*x_min, y_min, x_max, y_max"):
        detection.iou(np.zeros((2, 3)), np.zeros((1, 4)))


# --- suppression


def brute_force_nms(boxes, scores, threshold):
    """Keep a box if no kept box with a better score overlaps it too much; asked one by one, from the best."""
    kept = []
    for row in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        overlaps = [coco_mask.iou(as_coco(boxes[row]), as_coco(boxes[o]), [0])[0, 0] for o in kept]
        if all(overlap <= threshold for overlap in overlaps):
            kept.append(row)
    return kept


@given(SEEDS, st.integers(0, 15), st.sampled_from([0.1, 0.3, 0.45, 0.7]))
@settings(max_examples=100, deadline=None)
def test_nms_equals_brute_force(seed, count, threshold):
    random = np.random.default_rng(seed)
    boxes, scores = random_boxes(random, count, whole=False), random.choice([0.1, 0.2, 0.5, 0.9], count)
    assert detection.nms(boxes, scores, threshold).tolist() == brute_force_nms(boxes, scores, threshold)


@given(SEEDS, st.sampled_from([0.2, 0.5]))
@settings(max_examples=50, deadline=None)
def test_nms_equals_tensorflow(seed, threshold):
    random = np.random.default_rng(seed)
    boxes, scores = random_boxes(random, 30, whole=False), random.permutation(30) / 30
    theirs = tf.image.non_max_suppression(boxes.astype("float32"), scores.astype("float32"), 30, threshold)
    assert detection.nms(boxes, scores, threshold).tolist() == theirs.numpy().tolist()


def test_fault_scores_that_do_not_fit_the_boxes_are_refused():
    with pytest.raises(ValueError, match="2 boxes and scores of shape"):
        detection.nms(np.zeros((2, 4)), [0.5])


# --- average precision


def coco_ap(found, true, thresholds):
    """Return the AP of one class by pycocotools, as its mean over thresholds."""
    truth, given_boxes = COCO(), []
    annotations = [
        {"image_id": i, "bbox": list(box), "area": box[2] * box[3], "iscrowd": 0, "category_id": 1}
        for i, boxes in enumerate(true)
        for box in as_coco(boxes)
    ]
    truth.dataset = {
        "info": {},
        "images": [{"id": i} for i in range(len(true))],
        "categories": [{"id": 1}],
        "annotations": [{"id": number, **one} for number, one in enumerate(annotations, start=1)],
    }
    given_boxes = [
        {"image_id": i, "bbox": list(box), "score": score, "category_id": 1}
        for i, (boxes, scores) in enumerate(found)
        for box, score in zip(as_coco(boxes), scores)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(given_boxes), "bbox")
        judge.params.iouThrs = np.array(thresholds)
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.params.maxDets = [100]
        judge.evaluate()
        judge.accumulate()
    return float(judge.eval["precision"].mean())


def some_images(random, images):
    """Return detections and true boxes: some near a true one, some anywhere, some scores equal."""
    true = [with_sides(random_boxes(random, random.integers(0, 6))) for _ in range(images)]
    true[0] = with_sides(random_boxes(random, 3))
    found = []
    for boxes in true:
        near = np.repeat(boxes, 2, axis=0) + random.normal(0, 1.5, (2 * len(boxes), 4)).round()
        every = with_sides(np.concatenate([near, random_boxes(random, 3)]))
        found.append((every, random.choice(np.linspace(0.1, 0.9, 17), len(every))))
    return found, true


@given(SEEDS, st.integers(1, 5), st.sampled_from([0.5, 0.6, 0.75, 0.9]))
@settings(max_examples=150, deadline=None)
def test_average_precision_equals_pycocotools(seed, images, threshold):
    found, true = some_images(np.random.default_rng(seed), images)
    ours = detection.average_precision(found, true, threshold)
    assert ours == pytest.approx(coco_ap(found, true, [threshold]), abs=1e-9)


def test_fault_a_box_found_twice_counts_once():
    """Without it, a detector could raise its precision by repeating itself."""
    boxes = [[0, 0, 9, 9]] * 3
    assert detection.matches(boxes, [0.7, 0.9, 0.8], [[0, 0, 9, 9]]).tolist() == [False, True, False]


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_evaluate_equals_pycocotools_for_each_class(seed):
    random = np.random.default_rng(seed)
    classes = [some_images(random, 3) for _ in range(2)]
    found, boxes, labels = [], [], []
    for i in range(3):
        every = [(box, label, score) for label, (f, _) in enumerate(classes) for box, score in zip(*f[i])]
        found.append(detection.Found(*(np.array(column) for column in zip(*every))))
        boxes.append(np.concatenate([true[i] for _, true in classes]))
        labels.append(
            np.concatenate([np.full(len(true[i]), label) for label, (_, true) in enumerate(classes)])
        )
    part = Boxed(np.zeros((3, 8, 8, 3), "uint8"), tuple(boxes), tuple(labels))
    ap50, ap = detection.evaluate(found, part, 3)
    for label, (one, true) in enumerate(classes):
        assert ap50[label] == pytest.approx(coco_ap(one, true, [0.5]), abs=1e-9)
        assert ap[label] == pytest.approx(coco_ap(one, true, np.linspace(0.5, 0.95, 10)), abs=1e-9)
    assert np.isnan(ap50[2])  # a class without true boxes


def test_no_true_box_and_no_detection():
    with pytest.raises(ValueError, match="no image has a true box"):
        detection.average_precision([(np.zeros((0, 4)), [])], [np.zeros((0, 4))])
    with pytest.raises(ValueError, match="1 images and true boxes in 2"):
        detection.average_precision([(np.zeros((0, 4)), [])], [[[0, 0, 1, 1]]] * 2)
    assert detection.average_precision([(np.zeros((0, 4)), np.zeros(0))], [[[0, 0, 1, 1]]]) == 0


def test_count_error_counts_above_the_score_and_in_both_directions():
    one = detection.Found(np.zeros((3, 4)), np.array([0, 0, 1]), np.array([0.9, 0.3, 0.8]))
    part = Boxed(
        np.zeros((2, 8, 8, 3), "uint8"), (np.zeros((2, 4)),) * 2, (np.array([0, 0]), np.array([1, 1]))
    )
    # image 1: one of class 0 for two, one of class 1 for none; image 2: one for none, one for two
    assert detection.count_error([one, one], part, 2, 0.5).tolist() == [1, 1]
    assert detection.count_error([one, one], part, 2, [0.2, 0.5]).tolist() == [1, 1]
    assert detection.count_error([one, one], part, 2, [0.2, 0.9]).tolist() == [1, 1]
    assert (
        detection.count_error([one], Boxed(part.images[:1], part.boxes[:1], part.labels[:1]), 2, 0.2)[0] == 0
    )


# --- coding, images


@given(SEEDS)
@settings(max_examples=50, deadline=None)
def test_decode_undoes_encode(seed):
    random = np.random.default_rng(seed)
    regions, boxes = (with_sides(random_boxes(random, 6, whole=False)) for _ in range(2))
    boxes = np.concatenate([boxes[:, :2], np.minimum(boxes[:, 2:], boxes[:, :2] + 15)], axis=1)
    np.testing.assert_allclose(detection.decode(regions, detection.encode(regions, boxes)), boxes, atol=1e-9)


def test_a_picture_and_its_boxes_are_augmented_together():
    """A white thing on black: after any crop and mirror, the box is around what is white."""
    image, box = np.zeros((60, 80, 3), "uint8"), np.array([[23.0, 14, 41, 30]])
    image[14:30, 23:41] = 255
    cuts = 0
    for seed in range(40):
        pixels, boxes, labels = detection.augment(
            image, box, np.array([2]), (60, 80), np.random.default_rng(seed)
        )
        rows, columns = np.nonzero(pixels[..., 0] > 100)
        if not len(boxes):
            continue
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(boxes[0], seen, atol=1)
        assert labels.tolist() == [2]
        cuts += abs(detection.area(boxes)[0] - 18 * 16) > 5
    assert cuts > 10  # pictures were enlarged, too


def test_resize_moves_boxes_with_the_image():
    image = np.zeros((1, 40, 80, 3), "uint8")
    image[0, 8:16, 20:60] = 255
    small = detection.resize(Boxed(image, (np.array([[20.0, 8, 60, 16]]),), (np.array([0]),)), 20, 40)
    x0, y0, x1, y1 = small.boxes[0][0].astype(int)
    assert small.images[0, y0:y1, x0:x1].min() == 255 and small.images.sum() == 3 * 255 * (y1 - y0) * (
        x1 - x0
    )


# --- regions


def test_windows_lie_in_the_image_and_are_as_many_as_lesson_06_says():
    every = detection.windows(60, 90, [[20, 10], [90, 60], [30, 61]], stride=5)
    assert len(every) == (50 // 5 + 1) * (70 // 5 + 1) + 1
    assert every.min() == 0 and every[:, 2].max() == 90 and every[:, 3].max() == 60


def test_contrast_finds_a_thing_on_an_even_ground():
    image = np.full((80, 100, 3), 60, "uint8")
    image[24:44, 32:52] = [200, 30, 90]
    best = detection.contrast_proposals(image, np.array([[20.0, 20.0], [40.0, 30.0]]), most=5, stride=4)
    assert best[0].tolist() == [32, 24, 52, 44]
    assert len(best) <= 5 and detection.iou(best, best).sum() < len(best) * (1 + 0.7 * (len(best) - 1)) + 1e-9


@given(SEEDS, st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_roi_align_equals_tensorflow(seed, size):
    """TensorFlow's crop_and_resize samples the corners of a grid, here laid through the bins' middles."""
    random = np.random.default_rng(seed)
    maps, boxes = random.normal(size=(9, 12, 5)).astype("float32"), random.uniform(12, 60, (4, 4))
    boxes = np.sort(boxes.reshape(4, 2, 2), axis=1).reshape(4, 4)  # x_min ≤ x_max, y_min ≤ y_max
    boxes[:, 2:] += 2
    inside = (boxes[:, [0, 1, 2, 3]] - detectors.FIRST) / detectors.STRIDE  # in places of the maps
    bins = (inside[:, 2:] - inside[:, :2]) / size
    if size == 1:  # one middle: TensorFlow takes the middle of the box as well
        low, high = inside[:, :2], inside[:, 2:]
    else:
        low, high = inside[:, :2] + bins / 2, inside[:, 2:] - bins / 2
    scaled = np.stack([low[:, 1] / 8, low[:, 0] / 11, high[:, 1] / 8, high[:, 0] / 11], axis=1)
    theirs = tf.image.crop_and_resize(maps[None], scaled.astype("float32"), [0] * 4, [size, size])
    ours = detection.roi_align(maps, boxes, size, samples=1)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_roi_align_stops_at_the_edge_of_the_maps():
    maps = np.arange(12.0).reshape(3, 4, 1)
    beyond = detection.roi_align(maps, [[-20, -20, 80, 80]], size=2)
    assert beyond.min() >= 0 and beyond.max() <= 11


def test_a_crop_at_its_own_size_has_the_features_that_the_trunk_gives():
    trunk = detectors.trunk()
    image = scenes.draw(1, seed=0, size=80).images[0]
    features = detection.crop_features(trunk, image, [[8, 3, 71, 66]])
    assert features.shape == (1, 2, 2, 256)
    maps = detection.shared_maps(trunk, image[None, 3:66, 8:71])
    np.testing.assert_allclose(features, tf.nn.avg_pool2d(maps, 4, 3, "VALID"), rtol=1e-3, atol=1e-3)


def test_regions_get_the_label_of_the_box_that_they_overlap_most():
    boxes, labels = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10]]), np.array([4, 1])
    regions = np.array([[1.0, 0, 10, 10], [20, 1, 30, 12], [4, 0, 24, 10], [50, 50, 60, 60]])
    named, true = detection.label_regions(regions, boxes, labels, background=9)
    assert named.tolist() == [4, 1, 9, 9]
    assert true[:2].tolist() == boxes.tolist()
    nothing, _ = detection.label_regions(regions, np.zeros((0, 4)), np.zeros(0, int), 9)
    assert nothing.tolist() == [9] * 4


def test_a_head_learns_classes_and_boxes_from_features_that_say_them():
    """Features made of the shift and the label: the head must find both in images it has not seen."""
    random = np.random.default_rng(0)

    def images(count):
        features, regions, boxes, labels = [], [], [], []
        for _ in range(count):
            true = random.uniform(20, 60, (4, 2)) * [[1, 1], [3, 1], [1, 3], [3, 3]]
            true = np.concatenate([true, true + random.uniform(20, 30, (4, 2))], axis=1)
            shift = random.uniform(-4, 4, (4, 2))
            near = true + np.concatenate([shift, shift], axis=1)
            kind = random.integers(0, 2, 4)
            says = np.zeros((8, 2, 2, 8), "float32")
            says[:4, 0, 0, :4], says[:4, 0, 0, 4] = detection.encode(near, true), 1
            says[np.arange(4), 1, 1, kind] = 1
            features.append(says)
            regions.append(np.concatenate([near, near + 300]))
            boxes.append(true)
            labels.append(kind)
        return features, regions, Boxed(np.zeros((count, 250, 250, 3), "uint8"), tuple(boxes), tuple(labels))

    features, regions, part = images(120)
    head = detection.fit_head(features, regions, part, 2)
    features, regions, unseen = images(20)
    found = [head.detect(f, r, (250, 250)) for f, r in zip(features, regions)]
    ap50, _ = detection.evaluate(found, unseen, 2)
    assert ap50.min() > 0.95
    middles = [
        np.abs(one.boxes[:, None] - true).sum(axis=2).min(axis=0) for one, true in zip(found, unseen.boxes)
    ]
    assert np.median(np.concatenate(middles)) < 5  # of 8 pixels by which regions are off on average


# --- anchors and proposals


def test_anchor_sizes_find_the_groups_that_the_boxes_come_from():
    random = np.random.default_rng(0)
    groups = np.array([[10, 10], [30, 25], [80, 70]], float)
    sizes = np.repeat(groups, 40, axis=0) * random.uniform(0.9, 1.1, (120, 2))
    boxes = np.concatenate([np.zeros((120, 2)), sizes], axis=1)
    np.testing.assert_allclose(detection.anchor_sizes(np.split(boxes, 12), 3), groups, rtol=0.05)


def brute_force_assign(anchors, boxes, low, high):
    wanted = []
    for anchor in anchors:
        overlaps = [detection.iou([anchor], [box])[0, 0] for box in boxes]
        goal = 1 if max(overlaps) >= high else 0 if max(overlaps) < low else -1
        for box, overlap in zip(boxes, overlaps):
            if 0 < overlap >= max(detection.iou([other], [box])[0, 0] for other in anchors):
                goal = 1
        wanted.append(goal)
    return wanted


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_assign_equals_brute_force(seed):
    random = np.random.default_rng(seed)
    anchors, boxes = random_boxes(random, 12, whole=False), with_sides(random_boxes(random, 3))
    wanted, best = detection.assign(anchors, boxes)
    assert wanted.tolist() == brute_force_assign(anchors, boxes, 0.3, 0.5)
    assert (detection.iou(anchors, boxes)[np.arange(12), best][wanted == 1] > 0).all()


def test_centres_are_where_the_trunk_looks():
    """A single bright pixel moves the maps most at the place whose middle is nearest."""
    trunk = detectors.trunk(trained=False)
    for layer in trunk.layers:
        if layer.weights:
            layer.set_weights([np.abs(layer.get_weights()[0]) + 0.01, layer.get_weights()[1]])
    image = np.zeros((1, 96, 128, 3), "float32")
    image[0, 39, 63] = 1  # in the middle of place (4, 7): 4 * 8 + 7 and 7 * 8 + 7
    maps = trunk(image).numpy().sum(axis=3)[0]
    rows, columns = detectors.places(96, 128)
    assert maps.shape == (rows, columns)
    weights = maps / maps.sum()
    middle = (weights.ravel()[:, None] * detectors.centres(rows, columns)).sum(axis=0)
    np.testing.assert_allclose(middle, [63.5, 39.5], atol=1)


@pytest.fixture(scope="module")
def two_kinds():
    drawn = scenes.draw(48, 1, (96, 128), ("fruit", "insects"), count=(1, 3), length=(0.3, 0.5))
    return Boxed(drawn.images, drawn.boxes, drawn.labels)


def recall(regions, boxes):
    return np.concatenate([detection.iou(b, r).max(axis=1) >= 0.5 for r, b in zip(regions, boxes)]).mean()


def test_a_region_proposer_learns_where_things_are(two_kinds):
    maps = detection.shared_maps(detectors.trunk(), two_kinds.images)
    proposer = detection.RegionProposer(detection.anchor_sizes(two_kinds.boxes, 3), (96, 128), steps=120)
    before = recall(proposer.propose(maps, most=10), two_kinds.boxes)
    run = training.train(proposer.model, proposer.step(maps, two_kinds.boxes), 120, steps_per_epoch=20)
    assert run.series("objectness")[-1] < run.series("objectness")[0] / 1.5
    assert set(run.history[0]) >= {"objectness", "box"}
    after = recall(proposer.propose(maps, most=10), two_kinds.boxes)
    assert after > 0.8 > before + 0.2


def one_stage_trained(part, steps, **how):
    detector = detection.OneStage(("fruit", "insects"), (96, 128), steps, batch=4)
    step = detector.step(part)
    how = {"steps_per_epoch": steps // 4, "state": detector.optimizers} | how
    return detector, training.train(detector.model, step, steps, **how)


def test_one_stage_finds_what_it_was_trained_on(two_kinds):
    detector, run = one_stage_trained(two_kinds, 120)
    assert run.series("box")[-1] < 0.8 * run.series("box")[0]
    assert run.series("class")[-1] < 0.6 * run.series("class")[0]
    untrained = detection.OneStage(("fruit", "insects"), (96, 128), 1)
    before, after = (
        detection.evaluate(one.detect(two_kinds.images), two_kinds, 2)[0] for one in (untrained, detector)
    )
    assert after.mean() > 0.4 and after.min() > 0.3 and before.max() < 0.2


def test_an_interrupted_training_goes_on_as_the_unbroken_one(two_kinds, tmp_path):
    def stop(done):
        if done == 4:
            raise KeyboardInterrupt
        return {}

    how = {"checkpoint": tmp_path / "half.npz", "steps_per_epoch": 2}
    whole, _ = one_stage_trained(two_kinds, 6, steps_per_epoch=2)
    with pytest.raises(KeyboardInterrupt):
        one_stage_trained(two_kinds, 6, validate=stop, **how)
    resumed, _ = one_stage_trained(two_kinds, 6, **how)
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights()):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_goals_lie_in_their_box_and_the_smaller_box_wins():
    detector = detection.OneStage(("a", "b"), (120, 160), steps=1)
    boxes, labels = np.array([[10.0, 10, 110, 100], [44, 40, 76, 70]]), np.array([0, 1])
    wanted, sides = detector.goals(boxes, labels)
    places = detectors.centres(*detector.places).reshape(*detector.places, 2)
    assert set(np.unique(wanted)) == {-1, 1}  # both have the same middle: the smaller one has all its places
    far = detector.goals(np.array([[10.0, 10, 110, 100], [124, 40, 152, 70]]), labels)[0]
    assert set(np.unique(far)) == {-1, 0, 1}
    corners = np.concatenate([places - sides[..., :2], places + sides[..., 2:]], axis=2)
    np.testing.assert_allclose(
        corners[wanted == 1], np.repeat(boxes[1:], (wanted == 1).sum(), axis=0), atol=1e-4
    )


def test_overlap_by_distances_equals_iou():
    random = np.random.default_rng(0)
    a, b = random.uniform(1, 20, (2, 50, 4)).astype("float32")
    ours = detection._overlap(tf.constant(a), tf.constant(b))
    boxes = [np.concatenate([-one[:, :2], one[:, 2:]], axis=1) for one in (a, b)]
    np.testing.assert_allclose(ours, np.diag(detection.iou(*boxes)), rtol=1e-4)


def test_fault_images_of_another_size_are_refused():
    detector = detection.OneStage(("a",), (96, 128), steps=1)
    with pytest.raises(ValueError, match="use `resize` first"):
        detector.detect(np.zeros((1, 128, 96, 3), "uint8"))


def test_a_detector_is_small():
    assert detectors.one_stage(3, trained=False).count_params() < 400_000
    assert keras.ops.shape(detectors.one_stage(2, trained=False).output[0])[3] == 2


def test_a_recording_says_how_it_went_and_the_test_images_choose_nothing(two_kinds, tmp_path, monkeypatch):
    few = Boxed(two_kinds.images[:8], two_kinds.boxes[:8], two_kinds.labels[:8])
    data = Boxes("scenes", "Composed scenes", few, few, few, ("fruit", "insects"), "planted")
    checkpoint = tmp_path / "c" / "detector.npz"
    line = record_detector.record(data, 1, 1, checkpoint, tmp_path, size=(96, 128))
    run = runs.load(tmp_path / "runs" / "detector" / "one-stage-seed1.json")
    assert line.startswith("seed 1: mean AP50") and run.seed == 1 and not checkpoint.exists()
    assert run.test["mean_ap50"] == pytest.approx(np.mean(run.test["ap50"]), rel=1e-4)
    asked = []
    monkeypatch.setattr(
        detection,
        "count_error",
        lambda found, part, classes, limit: asked.append((part, limit)) or np.ones(2),
    )
    other = Boxed(few.images, few.boxes, few.labels)
    record_detector.tested(detection.OneStage(data.class_names, (96, 128), 1), few, other)
    assert [part is other for part, _ in asked] == [False] * len(record_detector.LIMITS) + [True]


@pytest.mark.parametrize(
    "path", sorted((runs.FOLDER / "detector").glob("*.json")), ids=lambda path: path.stem
)
def test_every_recorded_run_states_its_settings(path):
    run = runs.load(path)
    assert run.settings["size"] == [record_detector.HEIGHT, record_detector.WIDTH]
    assert run.settings["learning_rate"] == record_detector.RATE and len(run.test["ap50"]) == 3
    assert run.test["mean_ap50"] == pytest.approx(np.mean(run.test["ap50"]), rel=1e-4)
