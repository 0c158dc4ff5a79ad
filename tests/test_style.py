"""Lesson 22: Gram matrices, the losses of content, style and variation, the trunk, and painting."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from convlab import datasets, networks, runs
from convlab.applications import style
from convlab.datasets.masks import Masked
from convlab.networks import pretrained
from coursekit.measuring import record_style

rng = np.random.default_rng(22)
MAPS, OTHERS = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 4, 2, 4))


def numerical(function, values, step=1e-5):
    """Return the central differences of a function of an array, one value at a time."""
    found = np.zeros_like(values)
    for place in np.ndindex(values.shape):
        moved = [values.copy(), values.copy()]
        moved[0][place] -= step
        moved[1][place] += step
        found[place] = (function(moved[1]) - function(moved[0])) / (2 * step)
    return found


def test_a_gram_matrix_is_the_sum_of_products_over_places():
    expected = np.einsum("nhwc,nhwd->ncd", MAPS, MAPS)
    np.testing.assert_allclose(style.gram(MAPS), expected, rtol=1e-12)
    assert style.gram(MAPS.astype("float32")).dtype == np.float32


def test_places_do_not_count_and_fault_channels_do():
    mixed = MAPS.reshape(2, 15, 4)[:, rng.permutation(15)].reshape(2, 5, 3, 4)
    np.testing.assert_allclose(style.gram(mixed), style.gram(MAPS), rtol=1e-10)
    assert not np.allclose(style.gram(MAPS[..., ::-1]), style.gram(MAPS))


def test_a_tiled_picture_has_the_same_style():
    tiled = np.tile(MAPS, (1, 2, 3, 1))
    np.testing.assert_allclose(style.style_target(tiled), style.style_target(MAPS), rtol=1e-10)
    assert not np.allclose(style.gram(tiled), style.gram(MAPS))


LOSSES = {
    "content": lambda maps: style.content_loss(maps, MAPS[::-1]),
    "style": lambda maps: style.style_loss(maps, style.style_target(OTHERS)),
    "one target": lambda maps: style.style_loss(maps, style.style_target(OTHERS[:1])),
    "variation": style.total_variation,
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_central_differences(name):
    before = MAPS.copy()
    _, gradient = LOSSES[name](MAPS)
    np.testing.assert_allclose(gradient, numerical(lambda x: LOSSES[name](x)[0], MAPS), rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(MAPS, before)


def test_style_loss_and_gradient_are_those_of_tensorflow():
    target = style.style_target(OTHERS)
    with tf.GradientTape() as tape:
        maps = tf.Variable(MAPS)
        found = tf.einsum("nhwc,nhwd->ncd", maps, maps) / 15
        expected = tf.reduce_sum((found - target) ** 2) / (4 * 4**2)
    loss, gradient = style.style_loss(MAPS, target)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, tape.gradient(expected, maps), rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: style.gram(MAPS[0]), r"\(3, 5, 4\)"),
        (lambda: style.content_loss(MAPS, OTHERS), "same shape"),
        (lambda: style.style_loss(MAPS, np.ones((1, 3, 3))), r"\(1, 3, 3\)"),
        (lambda: style.style_loss(MAPS, np.ones((3, 4, 4))), r"\(3, 4, 4\)"),
        (lambda: style.bundled("mona"), "mona"),
        (lambda: style.bundled("wave", 8), "side of 8"),
        (lambda: networks.vgg_trunk(pooling="min"), "min"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.fixture(scope="module")
def trunk():
    return networks.vgg_trunk()


def test_the_trunk_has_vggs_sizes_and_pooling(trunk):
    published = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256)]  # table 1, column D
    assert trunk.count_params() == sum(9 * before * maps + maps for before, maps in published) == 555_328
    assert trunk(np.zeros((1, 24, 16, 3), "float32")).shape == (1, 6, 4, 256)
    ramp = np.arange(48, dtype="float32").reshape(1, 4, 4, 3)
    for pooling, function in [("average", tf.nn.avg_pool2d), ("max", tf.nn.max_pool2d)]:
        pool = networks.vgg_trunk(False, pooling).get_layer("block1_pool")
        np.testing.assert_allclose(pool(ramp), function(ramp, 2, 2, "VALID"))


def test_the_first_kernels_see_edges_and_colours_and_fault_random_ones_do_not(trunk):
    """Trained kernels are smooth: neighbouring weights of a kernel resemble each other."""
    smooth = {}
    for name, model in (("trained", trunk), ("random", networks.vgg_trunk(trained=False))):
        kernel = model.get_layer("block1_conv1").get_weights()[0]
        smooth[name] = np.corrcoef(kernel[:, 1:].ravel(), kernel[:, :-1].ravel())[0, 1]
    assert smooth["trained"] > 0.25 > abs(smooth["random"]) + 0.1


def test_the_objective_has_the_losses_of_the_lesson(trunk):
    """Its compiled parts and gradient are those of the NumPy functions, passed back by TensorFlow."""
    content, painting = style.bundled("coffee", 24), style.bundled("wave", 36)
    weights = {"content": 2.0, "style": 3.0, "variation": 0.5}
    objective = style.Objective(content, painting, weights, trunk)
    image = rng.uniform(0, 255, (1, *content.shape)).astype("float32")
    total, gradient = objective(image)
    parts = objective.history[0]

    network = keras.Model(
        trunk.inputs[0], [trunk.get_layer(name).output for name in objective.perceptual_loss.layers]
    )
    pixels = tf.constant(image[..., ::-1] - np.array(pretrained.MEAN_BGR, "float32"))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        maps = dict(zip(objective.perceptual_loss.layers, network(pixels)))
    painted = dict(zip(objective.perceptual_loss.layers, network(pretrained.centred(painting[None]))))
    original = dict(zip(objective.perceptual_loss.layers, network(pretrained.centred(content[None]))))
    found = {"content": 0.0, "style": 0.0, "variation": 0.0}
    back = {name: np.zeros(part.shape) for name, part in maps.items()}
    for name in style.STYLE_LAYERS:
        target = style.style_target(painted[name].numpy())
        scale = 1 / 3 / style.style_loss(0 * maps[name].numpy(), target)[0]
        loss, part = style.style_loss(maps[name].numpy(), target)
        found["style"] += scale * loss
        back[name] += 3.0 * scale * part
    wanted = original[style.CONTENT_LAYER].numpy()
    scale = 1 / style.content_loss(0 * wanted, wanted)[0]
    loss, part = style.content_loss(maps[style.CONTENT_LAYER].numpy(), wanted)
    found["content"], back[style.CONTENT_LAYER] = (
        scale * loss,
        back[style.CONTENT_LAYER] + 2.0 * scale * part,
    )
    per_pixel = [
        style.total_variation(x[None].astype("float32"))[0] / x[..., 0].size for x in (image[0], painting)
    ]
    found["variation"] = per_pixel[0] / per_pixel[1]
    rough = style.total_variation(image)[1] / (per_pixel[1] * image[..., 0].size)
    expected = tape.gradient(list(maps.values()), pixels, [tf.constant(g, "float32") for g in back.values()])
    for name, value in found.items():
        assert parts[name] == pytest.approx(value, rel=1e-3), name
    assert total == pytest.approx(sum(weights[name] * value for name, value in found.items()), rel=1e-3)
    expected = expected.numpy()[..., ::-1] + 0.5 * rough
    np.testing.assert_allclose(gradient, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("optimizer", ["adam", "l-bfgs"])
def test_painting_lowers_the_loss_and_comes_out_the_same_twice(trunk, optimizer):
    content, painting = style.bundled("coffee", 32), style.bundled("auvers", 40)
    first, second = (
        style.paint(content, painting, steps=12, optimizer=optimizer, trunk=trunk, frames=(0, 12))
        for _ in range(2)
    )
    np.testing.assert_allclose(first.image.astype(int), second.image, atol=2)  # rounding grows
    assert first.image.shape == content.shape and first.image.dtype == np.uint8
    assert first.history[-1]["total"] < 0.7 * first.history[0]["total"]
    assert abs(first.history[0]["content"]) < 1e-6 < 1e-3 < first.history[-1]["content"]
    np.testing.assert_array_equal(first.frames[0], content)
    np.testing.assert_array_equal(first.frames[12], first.image)


def test_a_weight_of_zero_leaves_its_part_out(trunk):
    content, painting = style.bundled("coffee", 32), style.bundled("auvers", 40)
    only_content = style.paint(content, painting, steps=3, style_weight=0, trunk=trunk)
    np.testing.assert_array_equal(only_content.image, content)
    noise = style.paint(content, painting, steps=40, style_weight=0, start="noise", trunk=trunk)
    assert noise.history[-1]["content"] < 0.5 * noise.history[0]["content"]
    smooth = style.paint(
        content, painting, steps=20, content_weight=0, style_weight=0, variation_weight=1, trunk=trunk
    )
    assert smooth.history[-1]["variation"] < smooth.history[0]["variation"]
    texture = style.paint(None, painting, steps=20, trunk=trunk)
    assert texture.image.shape == painting.shape and texture.history[-1]["content"] == 0
    assert texture.history[-1]["style"] < 0.5 * texture.history[0]["style"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": "sgd"}, "sgd"),
        ({"start": "black"}, "black"),
        ({"start": np.zeros((3, 3, 3))}, r"\(3, 3, 3\)"),
        ({"style_weight": -1}, "-1"),
        ({"style_layers": ("block9",)}, "block9"),
    ],
)
def test_paint_names_what_it_cannot_do(trunk, changes, words):
    content = style.bundled("coffee", 16)
    with pytest.raises(ValueError, match=words):
        style.paint(content, content, steps=1, trunk=trunk, **changes)


def test_a_picture_of_ones_own_is_turned_upright(tmp_path):
    turned = Image.new("RGB", (60, 30), "red")
    exif = turned.getexif()
    exif[0x0112] = 6  # a camera held upright
    turned.save(tmp_path / "own.jpg", exif=exif)
    assert style.read_picture(tmp_path / "own.jpg", 40).shape == (40, 20, 3)
    (tmp_path / "no.jpg").write_text("no picture", encoding="utf-8")
    with pytest.raises(OSError, match=r"no\.jpg"):
        style.read_picture(tmp_path / "no.jpg")


@pytest.fixture(scope="module")
def perceptual(trunk):
    return style.PerceptualLoss(
        style.bundled("auvers", 40), {"content": 1.0, "style": 10.0, "variation": 0.1}, trunk
    )


def test_the_network_takes_sizes_of_all_kinds_and_normalises_each_picture_alone():
    network = networks.style_network(widths=(8, 12), blocks=1)
    pictures = rng.uniform(0, 255, (2, 20, 32, 3)).astype("float32")
    both = network(pictures).numpy()
    assert both.shape == pictures.shape and both.min() >= 0 and both.max() <= 255
    np.testing.assert_allclose(both[:1], network(pictures[:1]).numpy(), atol=0.05)  # 255 / 5000
    norm = network.get_layer("down1_norm")
    maps = rng.normal(3, 2, size=(2, 6, 5, 8)).astype("float32")
    mean, variance = maps.mean(axis=(1, 2), keepdims=True), maps.var(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(norm(maps), (maps - mean) / np.sqrt(variance + 1e-5), atol=1e-4)


def test_the_loss_of_pictures_is_the_mean_over_them(perceptual, trunk):
    photographs, pictures = rng.uniform(0, 255, (2, 2, 24, 20, 3)).astype("uint8")
    single = [perceptual.evaluate(*pair) for pair in zip(pictures, photographs)]
    content = perceptual.content(tf.constant(photographs, tf.float32))
    found = perceptual.parts(tf.constant(pictures, tf.float32), content)
    for name, value in found.items():
        assert float(value) == pytest.approx(np.mean([parts[name] for parts in single]), rel=1e-4), name
    with pytest.raises(ValueError, match="give the maps"):
        perceptual.parts(tf.constant(pictures, tf.float32), None)
    objective = style.Objective(photographs[0], style.bundled("auvers", 40), perceptual.weights, trunk)
    assert objective(pictures[:1])[0] == pytest.approx(single[0]["total"], rel=1e-4)


def test_a_picture_of_any_size_comes_back_at_its_size():
    network = networks.style_network(widths=(8, 12), blocks=1)
    photograph = rng.integers(0, 256, (22, 35, 3)).astype("uint8")
    painted = style.forward(network, photograph)
    assert painted.shape == photograph.shape and painted.dtype == np.uint8
    even = style.forward(network, photograph[:20, :32])
    expected = style.to_uint8(network(photograph[None, :20, :32])[0]).astype(int)
    np.testing.assert_allclose(even, expected, atol=1)  # rounding


def test_training_lowers_the_loss_of_photographs_that_it_has_not_seen(perceptual):
    keras.utils.set_random_seed(0)
    network = networks.style_network(widths=(8, 12), blocks=1)
    photographs = np.stack([style.bundled(name, 40) for name in ("coffee", "astronaut")])
    unseen = style.bundled("chelsea", 40)
    before = perceptual.evaluate(style.forward(network, unseen), unseen)["total"]
    run = style.fit(network, photographs, perceptual, 40, steps_per_epoch=20, side=24, learning_rate=5e-3)
    assert run.series("loss")[1] < 0.7 * run.series("loss")[0]
    assert perceptual.evaluate(style.forward(network, unseen), unseen)["total"] < 0.7 * before
    assert run.settings["weights"] == perceptual.weights and run.settings["side"] == 24


def test_the_batches_of_a_trainer_are_parts_and_then_whole_photographs(perceptual):
    photographs = rng.integers(0, 256, (4, 24, 32, 3)).astype("uint8")
    trainer = style.StyleTrainer(
        networks.style_network((4, 4), 1), photographs, perceptual, 10, 2, side=16, whole=0.2
    )
    assert [trainer.batch(number).shape[1:3] for number in (0, 7, 8)] == [(16, 16), (16, 16), (24, 32)]
    np.testing.assert_array_equal(trainer.batch(3), trainer.batch(3))
    assert not np.array_equal(trainer.batch(3), trainer.batch(5))
    whole = trainer.batch(8)[0]  # the same pixels, in whatever order of columns and colours
    assert any(np.array_equal(np.sort(whole, None), np.sort(one, None)) for one in photographs)
    for side, size in [(18, 24), (52, 24), (16, 22)]:
        with pytest.raises(ValueError, match=f"{side} pixels of photographs of 32 x {size}"):
            style.StyleTrainer(trainer.network, photographs[:, :size], perceptual, 10, side=side)
    for wrong, choices in [
        (photographs, {"side": 12}),
        (photographs / 255, {"side": 16}),
        (photographs[0], {"side": 16}),
        (photographs, {"side": 16, "whole": 5}),
    ]:
        with pytest.raises(ValueError, match="give"):
            style.StyleTrainer(trainer.network, wrong, perceptual, 10, **choices)


def test_pictures_and_weights_that_do_not_fit_are_refused(perceptual, trunk):
    network = networks.style_network((4, 4), 1)
    with pytest.raises(ValueError, match="15 x 20 pixels: give 16 or more"):
        style.forward(network, np.zeros((20, 15, 3), "uint8"))
    with pytest.raises(ValueError, match="picture of shape"):
        style.forward(network, np.zeros((20, 20), "uint8"))
    with pytest.raises(ValueError, match="give equal shapes"):
        perceptual.evaluate(np.zeros((16, 16, 3), "uint8"), np.zeros((16, 20, 3), "uint8"))
    for weights in ({"content": 1.0, "style": 1.0}, {"content": 1.0, "style": 1.0, "variation": -1.0}):
        with pytest.raises(ValueError, match="give content, style and variation"):
            style.PerceptualLoss(style.bundled("wave", 32), weights, trunk)


TINY = record_style.StyleTask(
    "wave",
    steps=2,
    each=1,
    painting_side=32,
    optimisation=2,
    network={"widths": (4, 4), "blocks": 1},
    choices={"side": 16},
)


def test_a_recording_says_how_it_went_and_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(record_style, "SIDE", 32)
    split = Masked(rng.integers(0, 256, (3, 24, 32, 3)).astype("uint8"), np.zeros((3, 24, 32), "uint8"))
    data = SimpleNamespace(name="camvid", source="local copy", train=split, val=split)
    line = record_style.record("tiny", TINY, data, 0, tmp_path / "c" / "tiny.npz", tmp_path)
    run = runs.load(tmp_path / "runs" / "style" / "tiny-seed0.json")
    assert line.startswith("tiny, seed 0: total loss of chelsea")
    assert (run.seed, run.settings["painting"], len(run.history)) == (0, "wave", 2)
    found = run.test["coffee"]
    assert found["network"]["total"] > 0 and len(found["optimisation_totals"]) == 2
    stored = runs.load_weights(networks.style_network((4, 4), 1), tmp_path / "weights" / "tiny.npz")
    photograph = style.bundled("coffee", 32)
    perceptual = style.PerceptualLoss(style.bundled("wave", 32), record_style.WEIGHTS)
    again = perceptual.evaluate(style.forward(stored, photograph), photograph)["total"]
    assert again == pytest.approx(found["network"]["total"], rel=0.02)  # float16
    assert not (tmp_path / "c" / "tiny.npz").exists()


def test_a_recording_refuses_a_stand_in(monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name: SimpleNamespace(genuine=False))
    with pytest.raises(SystemExit, match="genuine CamVid"):
        record_style.main(["style-auvers"])


def test_the_list_names_every_task(capsys):
    assert record_style.main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(record_style.TASKS)
    assert {task.painting for task in record_style.TASKS.values()} <= set(style.PAINTINGS)


@pytest.mark.parametrize("name", record_style.TASKS)
def test_the_stored_network_has_the_loss_that_was_recorded(trunk, name):
    """At 224 pixels, the loss of a photograph, from the weights as float16."""
    run, task = runs.load(f"style/{name}-seed0"), record_style.TASKS[name]
    network = runs.load_weights(networks.style_network(**task.network), name)
    assert run.settings["steps"] == task.steps and run.settings["weights"] == record_style.WEIGHTS
    painting = style.bundled(run.settings["painting"], run.settings["painting_side"])
    loss = style.PerceptualLoss(painting, run.settings["weights"], trunk)
    photograph = style.bundled("coffee", run.test["side"])
    found = loss.evaluate(style.forward(network, photograph), photograph)
    for part, value in run.test["coffee"]["network"].items():
        assert found[part] == pytest.approx(value, rel=0.02), part
    assert found["total"] < 0.5 * loss.evaluate(photograph, photograph)["total"]
