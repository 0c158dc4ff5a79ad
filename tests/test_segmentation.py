"""Lesson 19: scores against Keras and brute force, networks, training with masks, a classifier as a map."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab import datasets, networks, plots, runs
from convlab.applications import segmentation
from convlab.datasets.masks import Masked, Masks
from convlab.layers import conv2d_transpose, max_pool2d_with_indices, max_unpool2d
from convlab.networks.segmentation import MaxPoolWithIndices, Unpool, bilinear_kernel
from convlab.plots.masks import coloured
from coursekit.measuring import record_masks

rng = np.random.default_rng(0)
SHAPE = (21, 30, 3)


@given(st.integers(2, 6), st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_scores_are_those_of_keras_and_of_counting_by_hand(classes, seed):
    random = np.random.default_rng(seed)
    truth, answer = random.integers(0, classes + 1, (2, 5, 7)), random.integers(0, classes, (2, 5, 7))
    found = segmentation.confusion(truth, answer, classes)
    for row in range(classes):
        for column in range(classes):
            assert found[row, column] == np.sum((truth == row) & (answer == column))
    metric = keras.metrics.MeanIoU(classes)
    counts = (truth < classes).ravel()  # the rest is void
    metric.update_state(truth.ravel()[counts], answer.ravel()[counts])
    assert segmentation.mean_iou(found) == pytest.approx(float(metric.result()), abs=1e-5)
    right = (truth == answer)[truth < classes]
    assert segmentation.pixel_accuracy(found) == pytest.approx(right.mean())
    recalls = [np.mean(answer[truth == label] == label) for label in range(classes) if (truth == label).any()]
    each = segmentation.class_accuracy(found)
    np.testing.assert_allclose(each[~np.isnan(each)], recalls)


def test_fault_void_pixels_would_change_the_score():
    truth, answer = np.array([[0, 1, 11, 11]]), np.array([[0, 1, 0, 0]])
    assert segmentation.mean_iou(segmentation.confusion(truth, answer, 2)) == 1
    assert segmentation.mean_iou(segmentation.confusion(np.minimum(truth, 1), answer, 2)) < 1


def test_scores_refuse_what_has_none():
    with pytest.raises(ValueError, match="give the same shape"):
        segmentation.confusion(np.zeros((2, 2)), np.zeros((2, 3)), 2)
    with pytest.raises(ValueError, match="not all in 0 to 1"):
        segmentation.confusion(np.zeros(2, int), np.array([0, 2]), 2)
    with pytest.raises(ValueError, match="has no score"):
        segmentation.mean_iou(np.zeros((2, 2), int))


@given(st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_band_at_boundaries_is_that_of_a_search(distance, seed):
    masks = np.random.default_rng(seed).integers(0, 2, (2, 5, 6)) * 3
    found = segmentation.near_boundary(masks, distance)
    for n, y, x in np.ndindex(masks.shape):
        rows = slice(max(0, y - distance), y + distance + 1)
        near = masks[n, rows, max(0, x - distance) : x + distance + 1]
        assert found[n, y, x] == (near != masks[n, y, x]).any()


def test_a_rare_class_counts_as_much_as_a_frequent_one():
    masks = np.zeros((1, 10, 10), int)
    masks[0, 0] = 1
    masks[0, 9, 5:] = 11  # void
    weights = segmentation.balanced_weights(masks, 3)
    counts = np.array([85, 10])
    assert weights[0] * counts[0] == pytest.approx(weights[1] * counts[1])
    assert weights[2] == 0


@pytest.mark.parametrize("name", ["fcn", "segnet", "unet", "squeeze_unet"])
def test_a_network_gives_logits_for_each_pixel_of_any_size(name):
    for shape in ((45, 61, 3), (48, 64, 3)):
        model = getattr(networks, name)(11, shape)
        assert model(np.zeros((1, *shape), "float32")).shape == (1, *shape[:2], 11)


def test_skips_and_their_limits():
    with pytest.raises(ValueError, match="4 skips do not fit 4 stages"):
        networks.fcn(11, SHAPE, skips=4)
    counts = [networks.fcn(11, SHAPE, skips=skips).count_params() for skips in range(3)]
    assert len(set(counts)) == 3


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_keras_pooling_with_indices_is_that_of_numpy(height, width, channels, seed):
    maps = np.random.default_rng(seed).integers(0, 3, (2, 2 * height, 2 * width, channels)).astype("float32")
    values, indices = MaxPoolWithIndices()(tf.constant(maps))
    theirs = max_pool2d_with_indices(maps, 2)
    np.testing.assert_array_equal(values, theirs[0])
    np.testing.assert_array_equal(indices, theirs[1])
    np.testing.assert_array_equal(Unpool()([values, indices]), max_unpool2d(*theirs, 2))


@pytest.mark.parametrize("factor", [2, 4])
def test_the_bilinear_kernel_interpolates_as_keras_does(factor):
    maps = rng.normal(size=(1, 5, 6, 1)).astype("float32")
    ours = conv2d_transpose(maps, bilinear_kernel(factor)[:, :, None, None], stride=factor, padding="same")
    theirs = np.asarray(keras.ops.image.resize(maps, (5 * factor, 6 * factor), "bilinear"))
    inner = (slice(None), slice(factor, -factor), slice(factor, -factor))  # a border has fewer neighbours
    np.testing.assert_allclose(ours[inner], theirs[inner], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["mnist_deep", "mnist_conv", "lenet5"])
def test_a_classifier_as_a_map_answers_alike(name):
    keras.utils.set_random_seed(1)
    model = getattr(networks, name)()
    images = rng.normal(size=(3, *model.input.shape[1:])).astype("float32")
    maps = np.asarray(segmentation.convolutional(model)(images))
    assert maps.shape == (3, 1, 1, 10)
    np.testing.assert_allclose(maps[:, 0, 0], np.asarray(model(images)), rtol=1e-4, atol=1e-4)


def test_a_map_is_the_classifier_at_each_place():
    keras.utils.set_random_seed(2)
    model = networks.lenet5()  # without padding: each window is an image of its own
    image = rng.normal(size=(1, 44, 52, 1)).astype("float32")
    maps = np.asarray(segmentation.convolutional(model)(image))
    assert maps.shape == (1, 4, 6, 10)
    for y, x in np.ndindex(4, 6):
        window = image[:, 4 * y : 4 * y + 32, 4 * x : 4 * x + 32]
        np.testing.assert_allclose(maps[0, y, x], np.asarray(model(window))[0], rtol=1e-4, atol=1e-4)


def test_fault_a_kernel_in_another_order_answers_otherwise():
    keras.utils.set_random_seed(1)
    model = networks.mnist_conv()
    images = rng.normal(size=(1, 28, 28, 1)).astype("float32")
    wrong = segmentation.convolutional(model)
    kernel, bias = wrong.get_layer("fc1").get_weights()
    wrong.get_layer("fc1").set_weights([kernel.swapaxes(0, 1), bias])
    assert np.abs(np.asarray(wrong(images))[:, 0, 0] - np.asarray(model(images))).max() > 1e-3


def test_a_network_with_branches_is_refused():
    with pytest.raises(ValueError, match="not part of a plain chain"):
        segmentation.convolutional(networks.cifar_resnet(20))


def made(count=6, shape=SHAPE, classes=3):
    """Images whose pixels say their class: 0, 40, 80, …; some are void."""
    masks = rng.integers(0, classes, (count, *shape[:2])).astype("uint8")
    images = np.repeat(masks[..., None] * np.uint8(40), 3, axis=-1)
    masks[rng.random(masks.shape) < 0.1] = 11
    return Masked(images, masks)


def data_set(count=6, classes=3):
    names = tuple(f"class {label}" for label in range(classes))
    return Masks("camvid", "Made", made(count), made(4), made(4), names, "local copy", True)


def reader(classes=3, shape=SHAPE):
    """A model that reads the class off the pixel, nearly sure: its loss is 0 where image and mask agree."""
    images = keras.Input(shape)
    label = keras.layers.Lambda(
        lambda x: -((x[..., :1] / 40 - np.arange(classes, dtype="float32")) ** 2) * 99
    )
    factor = keras.layers.Conv2D(classes, 1, use_bias=False)
    model = keras.Model(images, factor(label(images)))
    factor.set_weights([np.eye(classes, dtype="float32")[None, None]])
    return model


def test_image_and_mask_are_mirrored_together_and_void_does_not_count():
    split = made()
    segmenter = segmentation.Segmenter(reader(), split, 20, batch_size=4, smallest=1)
    mirrored = [segmenter._parts(np.random.default_rng([0, number]))[:, 1] == 1 for number in range(5)]
    assert np.any(mirrored) and not np.all(mirrored)
    assert max(segmenter.step(number)["loss"] for number in range(5)) < 1e-6
    wrong = Masked(split.images[:, :, ::-1], split.masks)  # fault: only the image is mirrored
    assert segmentation.Segmenter(reader(), wrong, 20, batch_size=4, smallest=1).step(0)["loss"] > 1


def test_parts_lie_in_the_image_and_are_large_enough():
    segmenter = segmentation.Segmenter(reader(), made(), 5, batch_size=6, smallest=0.5)
    for number in range(50):
        top, left, bottom, right = segmenter._parts(np.random.default_rng(number)).T
        assert min(top.min(), left.min(), right.min()) >= -1e-6
        assert max(bottom.max(), left.max(), right.max()) <= 1 + 1e-6
        np.testing.assert_allclose(np.abs(right - left), bottom - top, atol=1e-6)
        assert (bottom - top).min() >= 0.5 - 1e-6


def test_a_class_with_weight_0_does_not_count():
    split = made()
    weights = np.array([1, 1, 0])
    wrong = Masked(np.where(split.masks[..., None] == 2, np.uint8(0), split.images), split.masks)
    plain, weighted = (
        segmentation.Segmenter(reader(), wrong, 5, 4, smallest=1, weights=one).step(0)["loss"]
        for one in (None, weights)
    )
    assert weighted < 1e-6 < 1 < plain


def test_it_learns_and_an_interrupted_run_ends_alike(tmp_path):
    data = data_set(8)
    results = []
    for checkpoint in (None, tmp_path / "checkpoint.npz"):
        keras.utils.set_random_seed(0)
        model = networks.unet(3, SHAPE, widths=(8, 16))
        choices = {"batch_size": 4, "seed": 3, "learning_rate": 1e-2, "smallest": 1}
        if checkpoint:
            original, calls = segmentation.Segmenter.step, []

            def interrupted(self, number, original=original, calls=calls):
                calls.append(number)
                if len(calls) == 6:
                    raise KeyboardInterrupt
                return original(self, number)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(segmentation.Segmenter, "step", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    segmentation.fit(model, data, 20, checkpoint, **choices)
            keras.utils.set_random_seed(5)  # the weights come from the checkpoint
            model = networks.unet(3, SHAPE, widths=(8, 16))
        results.append(segmentation.fit(model, data, 20, checkpoint, **choices))
    whole, resumed = results
    np.testing.assert_allclose(resumed.series("loss"), whole.series("loss"), rtol=1e-3)
    assert whole.series("loss")[-1] < 0.5 * whole.series("loss")[0]
    assert whole.history[-1]["validation"] > 0.6 and "validation" not in whole.history[0]
    assert whole.settings["seed"] == 3 and whole.settings["size"] == [21, 30]


def test_answers_do_not_depend_on_the_batch():
    model, images = networks.fcn(3, SHAPE, widths=(8, 8, 8)), made(5).images
    one = segmentation.answers(model, images, batch=2)
    assert one.shape == (5, 21, 30) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, segmentation.answers(model, images, batch=5))


def test_several_models_may_expect_other_sizes():
    model, images = networks.fcn(3, SHAPE, widths=(8, 8, 8)), made(5).images
    larger = networks.fcn(3, (SHAPE[0] * 2, SHAPE[1] * 2, 3), widths=(8, 8, 8))
    larger.set_weights(model.get_weights())
    alone, other = (segmentation.answers(one, images) for one in (model, larger))
    assert other.shape == alone.shape and (other != alone).any()
    np.testing.assert_array_equal(segmentation.answers([model, model], images), alone)
    assert (segmentation.answers([model, larger], images) != alone).any()


def test_mirrored_answers_turn_with_the_image():
    model, images = networks.fcn(3, SHAPE, widths=(8, 8, 8)), made(5).images
    plain, both = (segmentation.answers(model, images, mirrored=way) for way in (False, True))
    turned = segmentation.answers(model, images[:, :, ::-1], mirrored=True)
    np.testing.assert_array_equal(both, turned[:, :, ::-1])
    assert (plain != segmentation.answers(model, images[:, :, ::-1])[:, :, ::-1]).any()
    assert (plain != both).any()


def test_reduced_takes_means_of_pixels_and_every_second_class():
    data = data_set()
    half = segmentation.reduced(data, 2)
    assert half.train.images.shape == (6, 10, 15, 3)
    block = data.train.images[2, 4:6, 6:8].astype(float).mean(axis=(0, 1))
    np.testing.assert_allclose(half.train.images[2, 2, 3], block, atol=0.51)
    assert half.test.masks[1, 3, 4] == data.test.masks[1, 6, 8]
    with pytest.raises(ValueError, match="does not reduce"):
        segmentation.reduced(data, 0)
    with pytest.raises(ValueError, match="a batch of 9 does not fit 6 images"):
        segmentation.Segmenter(reader(), data.train, 5, batch_size=9)


def test_void_is_white_and_too_many_classes_are_refused():
    assert coloured([[11, 12]], 11).tolist() == [[[255] * 3, [255] * 3]]
    with pytest.raises(ValueError, match="13 classes are more than"):
        coloured([[0]], 13)


def test_masks_are_drawn_in_the_colours_of_their_legend():
    split = made(2)
    axes = plots.masks(
        [split.images[0], split.masks[0], split.masks[1]], ["a", "b", "c"], ["image"], columns=2
    )
    assert axes.shape == (2, 2) and axes[0, 0].get_title(loc="left") == "image"
    drawn = axes[0, 1].images[0].get_array()
    patches = axes[0, 0].figure.legends[0].get_patches()
    assert [patch.get_label() for patch in patches] == ["a", "b", "c"]
    for label, patch in enumerate(patches):
        colour = np.round(255 * np.array(patch.get_facecolor()[:3]))
        assert (drawn[split.masks[0] == label] == colour).all()
    assert (drawn[split.masks[0] == 11] == 255).all()


TINY = record_masks.MaskTask("unet", epochs=1, choices={"batch_size": 2}, stores=True)


def test_a_recording_says_how_it_went_and_leaves_no_checkpoint(tmp_path):
    line = record_masks.record("tiny", TINY, data_set(), 1, tmp_path / "c" / "tiny.npz", tmp_path)
    run = runs.load(tmp_path / "runs" / "masks" / "tiny-seed1.json")
    assert line.startswith("tiny, seed 1: mean IoU") and run.seed == 1
    found = np.array(run.test["confusion"])
    assert run.test["mean_iou"] == pytest.approx(segmentation.mean_iou(found), rel=1e-5)
    assert found.shape == (3, 3) and found.sum() > 0
    assert not (tmp_path / "c" / "tiny.npz").exists() and not (tmp_path / "weights").exists()
    record_masks.record("tiny", TINY, data_set(), 0, tmp_path / "tiny.npz", tmp_path)
    assert (tmp_path / "weights" / "tiny.npz").exists()


def test_a_recording_refuses_a_stand_in(monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name: FAKE)
    with pytest.raises(SystemExit, match="genuine CamVid"):
        record_masks.main(["camvid-unet"])


FAKE = Masks("scenes", "Composed scenes", made(2), made(2), made(2), ("a", "b", "c"), "stand-in")


def test_the_list_names_every_task_and_each_fits_the_photographs(capsys):
    assert record_masks.main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(record_masks.TASKS)
    for task in record_masks.TASKS.values():
        size = (180 // task.factor, 240 // task.factor)
        assert getattr(networks, task.network)(11, (*size, 3)).output.shape == (None, *size, 11)


@pytest.mark.parametrize("path", sorted((runs.FOLDER / "masks").glob("*.json")), ids=lambda path: path.stem)
def test_every_recorded_run_is_of_its_task(path):
    run, task = runs.load(path), record_masks.TASKS[path.stem.rpartition("-seed")[0]]
    assert (run.network, run.settings["epochs"], len(run.history)) == (task.network, task.epochs, task.epochs)
    assert run.settings["size"] == [180 // task.factor, 240 // task.factor]
    assert all(run.settings[name] == value for name, value in task.choices.items())
    found = np.array(run.test["confusion"])
    assert run.test["mean_iou"] == pytest.approx(segmentation.mean_iou(found), rel=1e-4)
    assert run.test["pixels"] == pytest.approx(segmentation.pixel_accuracy(found), rel=1e-4)
