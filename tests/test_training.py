"""`training` and its rooms, against Keras, NumPy and their own promises: order, interruption, test set."""

import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from convlab import networks, runs, training
from convlab.training import augmentation, checkpoints, loop, precision, schedules, updates
from convlab.training import engine as engines
from convlab.training.recipes import FAST, PUBLISHED, Recipe

PLAIN = {"precision": "float32", "compiled": False, "progress": False}


def some_data(count=64, side=8, channels=3, classes=4):
    """Images whose class is the brightness of a quarter, so that a small network learns them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    images = rng.integers(0, 120, (count, side, side, channels))
    images[np.arange(count), :, labels * side // classes] += 120
    images = images.astype("uint8")
    return SimpleNamespace(
        name="bars", source="drawn", x_train=images, y_train=labels, x_test=images[:16], y_test=labels[:16]
    )


def network(side=8, channels=3, classes=4, normalized=True):
    keras.utils.set_random_seed(1)
    parts = [keras.Input((side, side, channels)), layers.Conv2D(8, 3, use_bias=not normalized)]
    parts += [layers.BatchNormalization()] if normalized else []
    parts += [layers.ReLU(), layers.Flatten(), layers.Dense(classes)]
    return keras.Sequential(parts, name="small")


def fitted(data, model=None, epochs=2, **choices):
    model = model or network()
    return model, training.fit(model, data, epochs, 16, **{**PLAIN, **choices})


# --- what a step computes


@given(st.floats(0, 0.9), st.integers(0, 2**32 - 1))
def test_objective_is_keras_cross_entropy(smoothing, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 5, (12, 10)).astype("float32"), rng.integers(0, 10, 12).astype("int32")
    loss, hits = updates.objective(keras.ops.array(logits), keras.ops.array(labels), smoothing)
    oracle = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    np.testing.assert_allclose(loss, oracle(np.eye(10)[labels], logits), rtol=2e-5)
    assert int(hits) == (logits.argmax(axis=1) == labels).sum()


@given(st.floats(0, 0.99), st.floats(1e-4, 1))
def test_nesterov_is_keras_sgd(momentum, rate):
    rng = np.random.default_rng(0)
    variable = keras.Variable(rng.normal(size=5).astype("float32"))
    oracle = keras.optimizers.SGD(rate, momentum=momentum, nesterov=True)
    weight, velocity = variable.numpy(), np.zeros(5, "float32")
    for _ in range(4):
        gradient = rng.normal(size=5).astype("float32")
        oracle.apply([keras.ops.array(gradient)], [variable])
        weight, velocity = updates.nesterov(weight, velocity, gradient, rate, momentum)
    np.testing.assert_allclose(weight, variable.numpy(), rtol=1e-4, atol=1e-5)


def test_weight_decay_is_the_gradient_of_half_the_squared_weights():
    weight, gradient = tf.Variable([1.0, -3.0]), tf.constant([0.5, 0.5])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weight * gradient) + 0.1 * tf.reduce_sum(weight**2) / 2
    decayed, _ = updates.nesterov(weight, 0.0, gradient, 0.3, momentum=0.0, weight_decay=0.1)
    np.testing.assert_allclose(decayed, weight - 0.3 * tape.gradient(loss, weight), rtol=1e-6)


def test_shifts_of_normalisation_learn_faster_and_decay_as_slowly():
    model = network()
    names = [weight.name for weight in model.trainable_variables]
    assert names == ["kernel", "gamma", "beta", "kernel", "bias"]
    assert updates.factors(model.trainable_variables, FAST) == [1, 1, 64, 1, 1]
    ones = [np.ones(3)] * 2
    moved, _ = updates.descend(ones, [0.0, 0.0], [0.0, 0.0], 0.1, [1.0, 64.0], Recipe(momentum=0))
    np.testing.assert_allclose(moved[0], moved[1])


def test_fit_takes_the_steps_of_keras_sgd():
    """Without momentum's schedule and augmentation, fit is compile(SGD) and train_on_batch."""
    data, recipe = some_data(), Recipe(schedule="constant", learning_rate=0.05, weight_decay=0.0)
    ours, run = fitted(data, recipe=recipe)
    oracle = network()
    oracle.compile(
        keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    images = np.array(augmentation.standardize(data.x_train, augmentation.statistics(data.x_train)))
    losses = []
    for epoch in range(2):
        for batch in training.planned(recipe, images.shape, 16, 2, epoch, 0)["order"]:
            losses.append(oracle.train_on_batch(images[batch], data.y_train[batch]))
            oracle.reset_metrics()
    np.testing.assert_allclose(run.series("loss"), np.reshape(losses, (2, -1)).mean(axis=1), rtol=1e-4)
    for mine, theirs in zip(ours.get_weights(), oracle.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def test_losses_that_a_layer_adds_are_minimised_too():
    data, model = some_data(), network()
    model.layers[-1].kernel.regularizer = keras.regularizers.L2(1.0)
    _, run = fitted(data, model, epochs=4, weight_decay=0.0)
    free, _ = fitted(data, epochs=4, weight_decay=0.0)
    assert np.abs(model.get_weights()[-2]).sum() < 0.6 * np.abs(free.get_weights()[-2]).sum()
    assert run.history


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("compute", ["float32", "mixed_bfloat16"])
def test_fused_normalization_is_keras_batch_normalization(scale, compute):
    from convlab.training.fused import fused

    images = np.random.default_rng(0).normal(3, 2, (4, 5, 6, 7)).astype("float32")

    def gradients(model):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(tf.cast(model(images, training=True), tf.float32)))
        found = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
        return [loss.numpy(), *(gradient.numpy() for gradient in found), *model.get_weights()]

    def one():
        norm = layers.BatchNormalization(scale=scale, momentum=0.9, epsilon=1e-12, dtype=compute)
        keras.utils.set_random_seed(0)
        return keras.Sequential([keras.Input((5, 6, 7)), layers.Conv2D(7, 1), norm])

    model = one()
    with fused(model):
        ours = gradients(model)
    assert "call" not in vars(model.layers[1])
    loose = compute != "float32"
    for mine, theirs in zip(ours, gradients(one())):
        np.testing.assert_allclose(mine, theirs, rtol=0.05 if loose else 1e-3, atol=0.5 if loose else 1e-3)


@pytest.mark.parametrize(("dtype", "nearly"), [("float32", 1e-6), ("bfloat16", 0.02)])
def test_fused_gelu_is_that_of_the_network(dtype, nearly):
    from convlab.training.fused import _gelu, fused

    x = tf.cast(tf.linspace(-8.0, 8.0, 1001), dtype)
    upstream = tf.cast(tf.random.stateless_normal((1001,), (0, 0)), dtype)
    found = []
    for nonlinearity in (_gelu, networks.fast.gelu):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = nonlinearity(x)
        found.append([y, tape.gradient(y, x, upstream)])
        assert y.dtype == found[-1][1].dtype == x.dtype
    for ours, networks_own in zip(*found):
        np.testing.assert_allclose(tf.cast(ours, "float32"), tf.cast(networks_own, "float32"), atol=nearly)
    model = networks.cifar_fast((4, 4, 4))
    nonlinear = [layer for layer in model.layers if isinstance(layer, layers.Activation)]
    with fused(model):
        assert [vars(layer)["call"] for layer in nonlinear] == [_gelu] * 7
    assert not any("call" in vars(layer) for layer in nonlinear)


# --- what a step sees


@given(st.integers(0, 99), st.integers(0, 99))
def test_an_epoch_shows_each_image_once_and_depends_on_seed_and_epoch_alone(seed, epoch):
    first, again = (augmentation.draw(50, 8, epoch, seed, crop=2, flip="random") for _ in range(2))
    assert first.keys() == again.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    order = first["order"].reshape(-1)
    assert first["order"].shape == (6, 8) and len(set(order)) == 48 and set(order) <= set(range(50))
    assert (order != augmentation.draw(50, 8, epoch + 1, seed)["order"].reshape(-1)).any()
    assert (order != augmentation.draw(50, 8, epoch, seed + 1)["order"].reshape(-1)).any()


def test_leaving_one_augmentation_out_leaves_the_others_as_they_were():
    all_of_it = augmentation.draw(100, 10, 3, 7, crop=4, flip="random")
    without = augmentation.draw(100, 10, 3, 7, crop=4)
    assert not without["mirror"].any() and all_of_it["mirror"].any()
    for name in ("order", "shift", "hole"):
        np.testing.assert_array_equal(all_of_it[name], without[name])


def test_what_is_drawn_for_one_purpose_says_nothing_of_another():
    drawn = augmentation.draw(5_000, 50, 0, 0, crop=4, flip="random")
    columns = [drawn["order"].ravel(), drawn["mirror"].ravel()]
    columns += [drawn[name][..., axis].ravel() for name in ("shift", "hole") for axis in (0, 1)]
    np.testing.assert_allclose(np.corrcoef(columns), np.eye(6), atol=0.06)  # four standard errors


@pytest.mark.parametrize("crop", [0, 1, 4])
def test_shifts_are_in_range_and_uniform(crop):
    shifts = augmentation.draw(20_000, 100, 0, 0, crop=crop)["shift"]
    assert shifts.min() == -crop and shifts.max() == crop
    for axis in range(2):
        counts = np.bincount(shifts[..., axis].reshape(-1) + crop, minlength=2 * crop + 1)
        expected = 20_000 / (2 * crop + 1)
        assert ((counts - expected) ** 2 / expected).sum() < 30  # chi square; 26 is one in a thousand for 8


def test_alternating_flip_alternates():
    def mirrored(epoch):
        drawn = augmentation.draw(40, 10, epoch, 5, flip="alternating")
        return drawn["mirror"].reshape(-1)[np.argsort(drawn["order"].reshape(-1))]

    np.testing.assert_array_equal(mirrored(0), 1 - mirrored(1))
    np.testing.assert_array_equal(mirrored(0), mirrored(2))
    assert 0 < mirrored(0).sum() < 40


@given(st.integers(-3, 3), st.integers(-3, 3), st.booleans(), st.sampled_from(["zero", "reflect"]))
def test_gather_is_pad_crop_and_flip_in_numpy(down, right, mirror, border):
    images = np.random.default_rng(0).integers(0, 256, (3, 7, 6, 2), dtype="uint8")
    scale = augmentation.statistics(images)
    drawn = [np.array([2]), np.array([[down, right]]), np.array([int(mirror)]), np.array([[0, 0]])]
    batch = augmentation.gather(keras.ops.array(images), scale, *drawn, border)
    image = (images[2] - scale[0]) / scale[1]
    padded = np.pad(image, ((3, 3), (3, 3), (0, 0)), "constant" if border == "zero" else "reflect")
    expected = padded[3 + down : 10 + down, 3 + right : 9 + right]
    np.testing.assert_allclose(batch[0], expected[:, ::-1] if mirror else expected, rtol=1e-5, atol=1e-6)


@given(st.integers(1, 8), st.integers(0, 7), st.integers(0, 7))
def test_cutout_hides_a_square_around_the_hole(width, row, column):
    images, none = np.full((1, 8, 8, 1), 255, "uint8"), np.array([[0, 0]])
    hole = np.array([[row, column]])
    batch = augmentation.gather(images, (0, 255), np.array([0]), none, np.array([0]), hole, cutout=width)
    rows, columns = (np.arange(8)[:, None] - np.array([[row, column]])).T + width // 2
    hidden = ((rows >= 0) & (rows < width))[:, None] & ((columns >= 0) & (columns < width))
    np.testing.assert_array_equal(np.array(batch)[0, :, :, 0], np.where(hidden, 0, 1))


def test_statistics_are_those_of_numpy():
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 4, 3), dtype="uint8")
    mean, deviation = augmentation.statistics(images)
    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(deviation, images.std(axis=(0, 1, 2)), rtol=1e-5)


def test_a_batch_larger_than_the_images_is_refused():
    with pytest.raises(ValueError, match="batch of 128 does not fit 64 images"):
        training.fit(network(), some_data(), 1, **PLAIN)


@pytest.mark.parametrize("name", ["precision", "flip", "schedule"])
def test_an_unknown_choice_names_those_there_are(name):
    with pytest.raises(ValueError, match="is not one of"):
        fitted(some_data(), **{name: "sideways"})


# --- how a run goes


def test_schedules_match_keras_and_the_paper():
    progress = np.arange(100) / 100
    oracle = keras.optimizers.schedules.CosineDecay(0.1, 100)
    ours = schedules.learning_rates("cosine", 0.1, 100)
    np.testing.assert_allclose(ours, [float(oracle(step)) for step in range(100)], atol=1e-6)
    oracle = keras.optimizers.schedules.PiecewiseConstantDecay([31_999, 47_999], [0.1, 0.01, 0.001])
    ours = schedules.learning_rates("steps", 0.1, 64_000)
    for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999):
        np.testing.assert_allclose(ours[step], float(oracle(step)), rtol=1e-6)
    assert schedules.triangle(progress).argmax() == 23
    np.testing.assert_allclose(schedules.triangle(np.array([0, 0.23, 1])), [0.2, 1, 0.07])


def test_look_ahead_ends_on_the_slow_weights():
    for count in (1, 5, 12):
        shares = schedules.look_ahead_shares(count)
        assert (np.flatnonzero(shares >= 0) + 1 == sorted({*range(5, count + 1, 5), count})).all()
    data = some_data()
    model = network()
    fitted(data, model, lookahead=True)
    one_more = engines.TensorFlowSteps(
        model, data.x_train, data.y_train.astype("int32"), (0.0, 255.0), Recipe(lookahead=True)
    )
    slow = one_more.read()[-len(one_more.slow) :]
    for weight, average in zip(one_more.averaged, slow):
        np.testing.assert_array_equal(weight.numpy(), average)


def test_a_look_ahead_goes_back_to_an_average_of_slow_and_fast_weights():
    data, model, recipe = some_data(), network(normalized=False), Recipe(lookahead=True)
    engine = engines.TensorFlowSteps(model, data.x_train, data.y_train.astype("int32"), (0.0, 255.0), recipe)
    plan = training.planned(recipe, data.x_train.shape, 16, 1, 0, 0)
    start, began = engine.read(), model.get_weights()
    engine.advance(plan | {"keep": -np.ones(4, "float32")})
    fast = model.get_weights()
    engine.write(start)
    engine.advance(plan | {"keep": np.array([-1, -1, -1, 0.75], "float32")})
    slow = engine.read()[-len(engine.slow) :]
    for was, quick, now, average in zip(began, fast, model.get_weights(), slow):
        np.testing.assert_allclose(now, 0.75 * was + 0.25 * quick, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(now, average)
    assert any(not np.allclose(was, quick, atol=1e-3) for was, quick in zip(began, fast))


def test_plans_cover_a_fraction_of_an_epoch():
    _, run = fitted(some_data(), epochs=1.5)
    plans = [training.planned(Recipe(), (64, 8, 8, 3), 16, 1.5, epoch, 0) for epoch in range(2)]
    assert [len(plan["rate"]) for plan in plans] == [4, 2] and len(run.history) == 2
    np.testing.assert_allclose(
        np.concatenate([plan["rate"] for plan in plans]),
        schedules.learning_rates("triangle", 0.1, 6),
        rtol=1e-6,
    )


def test_the_network_learns_and_the_run_says_how():
    data = some_data(256)
    model, run = fitted(data, epochs=6, learning_rate=0.02, seed=3)
    assert training.accuracy(model, data) > 0.9 > run.history[0]["accuracy"]
    assert run.series("loss")[-1] < run.series("loss")[0] and run.test == {}
    assert run.settings["recipe"]["learning_rate"] == 0.02 and run.seed == 3
    assert run.parameters == sum(np.prod(weight.shape) for weight in model.trainable_variables)
    assert (run.network, run.data, run.source) == ("small", "bars", "drawn")


def test_test_images_are_standardised_as_the_training_images_are():
    data = some_data()
    brightness = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    brightness.set_weights([np.tile([0.0, 1.0], (192, 1)), np.zeros(2)])  # 1 for images above the mean
    data.x_test, data.y_test = np.full((4, 8, 8, 3), 250, "uint8"), np.ones(4, "int64")
    data.x_test[0, 0, 0] = 251  # or their deviation would be 0
    assert training.accuracy(brightness, data) == 1


def test_two_runs_of_one_seed_are_alike_and_of_another_seed_are_not():
    data = some_data()
    one, two, three = (fitted(data, seed=seed, flip="random")[1].series("loss") for seed in (0, 0, 1))
    np.testing.assert_allclose(one, two, rtol=1e-4)
    assert not np.allclose(one, three, rtol=1e-3)


def test_fit_never_reads_the_test_images_and_never_trains_on_those_held_out():
    data = some_data()
    data.x_test = data.y_test = None
    kept, held_out = training.split(64, 16)
    poisoned = data.x_train.copy()
    poisoned[held_out] = 255 - poisoned[held_out]
    other = SimpleNamespace(**{**vars(data), "x_train": poisoned})
    scale = (np.zeros(3, "float32"), np.full(3, 255, "float32"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augmentation, "statistics", lambda images: scale)
        (one, run), (two, spoilt) = fitted(data, validation=16), fitted(other, validation=16)
    assert sorted([*kept, *held_out]) == list(range(64)) and len(held_out) == 16
    np.testing.assert_allclose(run.series("loss"), spoilt.series("loss"), rtol=1e-5)
    assert run.series("validation") != spoilt.series("validation")
    for mine, theirs in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


def test_what_is_held_out_does_not_depend_on_the_seed_of_the_run():
    assert "seed" not in training.split.__code__.co_varnames
    np.testing.assert_array_equal(training.split(50, 5)[1], training.split(50, 5)[1])
    with pytest.raises(ValueError, match="validation of 50 does not fit 50"):
        training.split(50, 50)


# --- interruptions


class Stopped(Exception):
    """Stands for a power cut."""


def stopping(engine, after):
    """Let `engine.advance` fail after so many steps."""
    advance, left = engine.advance, [after]

    def one(plan):
        if not left[0]:
            raise Stopped
        left[0] -= 1
        return advance(plan)

    engine.advance = one
    return engine


@pytest.mark.parametrize("steps_done", [1, 4, 7])
def test_a_resumed_run_is_the_unbroken_one(tmp_path, monkeypatch, capsys, steps_done):
    data, place = some_data(), tmp_path / "run.npz"
    choices = {"crop": 1, "flip": "random", "lookahead": True, "validation": 10, "epochs": 3}
    unbroken, whole = fitted(data, **choices)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0)
    start = engines.TensorFlowSteps
    seen = []
    with monkeypatch.context() as patch:
        patch.setattr(engines, "TensorFlowSteps", lambda *a, **k: stopping(start(*a, **k), steps_done))
        with pytest.raises(Stopped):
            fitted(data, checkpoint=place, **choices)
    with monkeypatch.context() as patch:
        patch.setattr(engines, "TensorFlowSteps", lambda *a, **k: _spied(start(*a, **k), seen))
        resumed, run = fitted(data, checkpoint=place, **choices)
    orders = [
        training.planned(Recipe(crop=1, flip="random"), (54, 8, 8, 3), 16, 3, e, 0)["order"] for e in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate(seen), np.concatenate(orders)[steps_done:])
    np.testing.assert_allclose(run.series("loss"), whole.series("loss"), rtol=1e-3)
    for mine, theirs in zip(resumed.get_weights(), unbroken.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-2, atol=1e-3)
    assert "goes on from" in capsys.readouterr().out


def _spied(engine, seen):
    advance = engine.advance
    engine.advance = lambda plan: seen.append(plan["order"]) or advance(plan)
    return engine


def test_a_finished_run_is_not_trained_again(tmp_path):
    data, place = some_data(), tmp_path / "run.npz"
    model, run = fitted(data, checkpoint=place)
    again, same = fitted(data, checkpoint=place)
    assert same.series("loss") == run.series("loss") and same.seconds >= run.series("seconds")[-1]
    for mine, theirs in zip(again.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(mine, theirs)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    place = tmp_path / "run.npz"
    fitted(some_data(), checkpoint=place)
    with pytest.raises(ValueError, match=r"seed 0 → 5.*delete it, or name another"):
        fitted(some_data(), checkpoint=place, seed=5)


@pytest.mark.parametrize("damage", ["cut", "noise", "another file"])
def test_a_damaged_checkpoint_is_reported_with_the_way_out(tmp_path, damage):
    place = tmp_path / "run.npz"
    fitted(some_data(), checkpoint=place)
    whole = place.read_bytes()
    place.write_bytes({"cut": whole[: len(whole) // 2], "noise": b"\0" * 99, "another file": b""}[damage])
    if damage == "another file":
        np.savez(place, images=np.zeros(3))
    with pytest.raises(ValueError, match=r"no whole checkpoint.*delete it to train from the start"):
        fitted(some_data(), checkpoint=place)


def test_an_interruption_while_writing_leaves_the_last_checkpoint(tmp_path):
    place = tmp_path / "run.npz"
    checkpoints.save(place, [np.ones(2)], {"losses": []}, {"seed": 0})

    def half(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoints.write_whole(place, half)
    state, log, settings = checkpoints.load(place)
    np.testing.assert_array_equal(state[0], [1, 1])
    assert (log, settings, list(tmp_path.iterdir())) == ({"losses": []}, {"seed": 0}, [place])


# --- in what numbers, on how many devices


def test_computing_in_changes_the_layers_before_the_logits_and_back():
    model = network()
    with precision.computing_in(model, "bfloat16"):
        assert [layer.compute_dtype for layer in model.layers] == ["bfloat16"] * 4 + ["float32"]
        assert model(np.zeros((1, 8, 8, 3), "float32")).dtype == "float32"
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_bfloat16_trains_nearly_as_float32():
    data = some_data()
    (_, half), (_, whole) = fitted(data, precision="bfloat16"), fitted(data)
    np.testing.assert_allclose(half.series("loss"), whole.series("loss"), rtol=0.05)
    assert half.settings["precision"] == "bfloat16" and half.series("loss") != whole.series("loss")


def test_xla_computes_the_same():
    data = some_data()
    compiled, plain = fitted(data, compiled=True)[1], fitted(data)[1]
    np.testing.assert_allclose(compiled.series("loss"), plain.series("loss"), rtol=1e-3)


def test_auto_takes_the_fastest_and_says_so(monkeypatch):
    monkeypatch.setattr(loop, "fastest", lambda: ("bfloat16", False))
    _, run = fitted(some_data(), precision="auto", compiled="auto")
    assert (run.settings["precision"], run.settings["compiled"]) == ("bfloat16", False)


def test_the_quickest_choice_is_taken(monkeypatch):
    import time

    pause = {"slow": 0.02, "fast": 0.0}
    monkeypatch.setattr(precision, "_step", lambda name: lambda: time.sleep(pause[name]))
    assert precision._quickest([("slow",), ("fast",)], trials=2) == ("fast",)


TWO_DEVICES = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from test_training import fitted, network, some_data
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = network(normalized=False)
both, run = fitted(some_data(), model, strategy=strategy, lookahead=True)
one, alone = fitted(some_data(), network(normalized=False), lookahead=True)
np.testing.assert_allclose(run.series("loss"), alone.series("loss"), rtol=1e-4)
np.testing.assert_allclose(run.series("accuracy"), alone.series("accuracy"))
for mine, theirs in zip(both.get_weights(), one.get_weights()):
    np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)
"""


def test_two_devices_train_as_one():
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], cwd=os.path.dirname(__file__), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


# --- looking at images


def test_views_average_mirror_images_and_shifts():
    data, model = some_data(20), network()
    scale = augmentation.statistics(data.x_train)
    plain = training.logits(model, data.x_train, scale, batch_size=8)
    pixels = np.array(augmentation.standardize(data.x_train, scale))
    np.testing.assert_allclose(plain, model.predict(pixels, verbose=0), rtol=1e-4, atol=1e-5)
    flipped = training.logits(model, data.x_train[:, :, ::-1], scale)
    both = training.logits(model, data.x_train, scale, "flip")
    np.testing.assert_allclose(both, (plain + flipped) / 2, rtol=1e-4, atol=1e-5)
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    near = sum(
        model.predict(view[:, :, ::step], verbose=0)
        for view in (padded[:, :8, :8], padded[:, 2:, 2:])
        for step in (1, -1)
    )
    shifted = training.logits(model, data.x_train, scale, "flip and shift")
    np.testing.assert_allclose(shifted, both / 2 + near / 8, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="'sideways' is not one of plain, flip"):
        training.logits(model, data.x_train, scale, "sideways")


def test_the_progress_bar_shows_loss_accuracy_and_time_left(capsys):
    training.fit(network(), some_data(), 1, 16, precision="float32", compiled=False)
    shown = capsys.readouterr().err
    assert "small in float32" in shown and "loss" in shown and "accuracy" in shown and "64/64" in shown


def test_recipes_are_values():
    assert replace(PUBLISHED) == PUBLISHED and hash(FAST) != hash(PUBLISHED)
    with pytest.raises(AttributeError):
        FAST.crop = 3
    with pytest.raises(TypeError, match="unexpected keyword argument 'cropp'"):
        fitted(some_data(), cropp=2)


def test_runs_have_no_host_and_no_path():
    _, run = fitted(some_data())
    text = runs.dumps(run)
    assert (
        os.uname().nodename not in text
        and os.getcwd() not in text
        and str(os.path.expanduser("~")) not in text
    )
