"""`training`, against Keras, NumPy and its own promises: order, interruption, test set."""

import inspect
import os
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

from convlab import runs, training
from convlab.training import (
    augmentation,
    checkpoints,
    evaluation,
    fitting,
    loop,
    precision,
    schedules,
    updates,
)
from convlab.training.fitting import Classifier
from convlab.training.recipes import FAST, RESNET2015, Recipe

PLAIN = {"precision": "float32", "compiled": False}


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
    recipe = Recipe(schedule="constant", learning_rate=0.05, weight_decay=0.0, label_smoothing=0.2)
    data = some_data()
    ours, run = fitted(data, recipe=recipe)
    oracle = network()
    oracle.compile(
        keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2),
    )
    targets = np.eye(4)[data.y_train]
    images = np.array(augmentation.standardize(data.x_train, augmentation.statistics(data.x_train)))
    losses = []
    for epoch in range(2):
        for batch in training.planned(recipe, len(images), 16, 2, epoch, 0)["order"]:
            losses.append(oracle.train_on_batch(images[batch], targets[batch]))
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
    for name in ("order", "shift"):
        np.testing.assert_array_equal(all_of_it[name], without[name])


def test_what_is_drawn_for_one_purpose_says_nothing_of_another():
    drawn = augmentation.draw(5_000, 50, 0, 0, crop=4, flip="random")
    columns = [drawn["order"].ravel(), drawn["mirror"].ravel()]
    columns += [drawn["shift"][..., axis].ravel() for axis in (0, 1)]
    np.testing.assert_allclose(np.corrcoef(columns), np.eye(4), atol=0.06)  # four standard errors


def test_the_draws_are_those_of_the_recorded_runs():
    """Recorded figures can be trained again only while these stay."""
    drawn = augmentation.draw(10, 5, 2, 7, crop=4, flip="random")
    assert drawn["order"].tolist() == [[1, 5, 3, 4, 6], [9, 0, 8, 2, 7]]
    assert drawn["shift"][0].tolist() == [[-3, 0], [-2, -3], [0, -4], [1, 1], [-3, 0]]
    assert drawn["mirror"].tolist() == [[1, 1, 0, 0, 0], [1, 1, 1, 0, 1]]
    alternating = augmentation.draw(10, 5, 2, 7, flip="alternating")["mirror"]
    assert alternating.tolist() == [[1, 1, 1, 1, 1], [0, 1, 0, 1, 0]]
    assert [part.tolist() for part in training.split(10, 3)] == [[0, 1, 3, 5, 7, 8, 9], [2, 4, 6]]
    rows = [training.batch_rows(7, 3, 5, number).tolist() for number in range(3)]
    assert rows == [[4, 0, 2], [3, 1, 5], [3, 0, 5]]
    assert training.batch_rows(2, 5, 0, 0).tolist() == [1, 0]  # fewer than a batch: all of them


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
    drawn = [np.array([2]), np.array([[down, right]]), np.array([int(mirror)])]
    batch = augmentation.gather(keras.ops.array(images), scale, *drawn, border)
    image = (images[2] - scale[0]) / scale[1]
    padded = np.pad(image, ((3, 3), (3, 3), (0, 0)), "constant" if border == "zero" else "reflect")
    expected = padded[3 + down : 10 + down, 3 + right : 9 + right]
    np.testing.assert_allclose(batch[0], expected[:, ::-1] if mirror else expected, rtol=1e-5, atol=1e-6)


def test_statistics_are_those_of_numpy():
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 4, 3), dtype="uint8")
    mean, deviation = augmentation.statistics(images)
    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(deviation, images.std(axis=(0, 1, 2)), rtol=1e-5)
    mean, deviation = augmentation.statistics(np.full((2, 3, 3, 1), 7, "uint8"))
    assert (mean, deviation) == (7, np.float32(1e-3))  # one colour: no division by 0


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


def test_a_look_ahead_goes_back_to_an_average_of_slow_and_fast_weights():
    data, fast, slow = some_data(), network(normalized=False), network(normalized=False)
    recipe = Recipe(schedule="constant", lookahead=True)
    began, scale = slow.get_weights(), augmentation.statistics(data.x_train)
    classifier = Classifier(slow, data.x_train, data.y_train, scale, recipe, 16, epochs=2)
    for number in range(5):
        classifier.step(number)
    fitted(data, fast, epochs=5 / 4, schedule="constant", lookahead=False)
    share = 0.95**5 * (5 / 8) ** 3
    for was, quick, now in zip(began, fast.get_weights(), slow.get_weights()):
        np.testing.assert_allclose(now, share * was + (1 - share) * quick, rtol=1e-4, atol=1e-5)
    for weight, copy in zip(slow.trainable_variables, classifier.slow):
        np.testing.assert_array_equal(weight, copy)
    assert any(not np.allclose(was, quick, atol=1e-3) for was, quick in zip(began, fast.get_weights()))


def test_a_run_that_looks_ahead_ends_on_the_slow_weights():
    data, model = some_data(), network()
    scale, recipe = augmentation.statistics(data.x_train), Recipe(lookahead=True)
    classifier = Classifier(model, data.x_train, data.y_train, scale, recipe, 16, epochs=1.5)
    fast = [classifier.step(number) and model.get_weights() for number in range(classifier.steps)]
    for before, now in zip(fast[4], fast[5]):  # step 5 looked ahead; step 6, the last, goes back to it
        np.testing.assert_array_equal(before, now)
    assert classifier.steps == 6


def test_plans_cover_a_fraction_of_an_epoch():
    _, run = fitted(some_data(), epochs=1.5)
    plans = [training.planned(Recipe(), 64, 16, 1.5, epoch, 0) for epoch in range(2)]
    assert [len(plan["rate"]) for plan in plans] == [4, 2] and len(run.history) == 2
    np.testing.assert_allclose(
        np.concatenate([plan["rate"] for plan in plans]),
        schedules.learning_rates("triangle", 0.1, 6),
        rtol=1e-6,
    )
    np.testing.assert_allclose(run.series("rate"), [plan["rate"][-1] for plan in plans])


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
    answered = training.logits(one, data.x_train[held_out], scale).argmax(axis=1)
    assert run.series("validation")[-1] == pytest.approx(np.mean(answered == data.y_train[held_out]))
    np.testing.assert_allclose(run.series("loss"), spoilt.series("loss"), rtol=1e-5)
    assert run.series("validation") != spoilt.series("validation")
    for mine, theirs in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


def test_what_is_held_out_does_not_depend_on_the_seed_of_the_run():
    data, judged = some_data(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "Classifier", lambda *a: judged.append(a[-1][1]) or Classifier(*a))
        for seed in (0, 1):
            fitted(data, epochs=1, validation=16, seed=seed)
    np.testing.assert_array_equal(*judged)
    with pytest.raises(ValueError, match="validation of 50 does not fit 50"):
        training.split(50, 50)


# --- interruptions


class Stopped(Exception):
    """Stands for a power cut."""


class Interrupted:
    """Wraps a step: notes the numbers it gets, and fails after so many steps, or never."""

    def __init__(self, step, after=None):
        self.step, self.after, self.numbers = step, after, []

    def __call__(self, number):
        if len(self.numbers) == self.after:
            raise Stopped
        self.numbers.append(number)
        return self.step(number)


def interrupting(monkeypatch, after=None):
    """Let `fit` train with an Interrupted step; return a list in which that step will be found."""
    made = []

    def train(model, step, steps, **options):
        made.append(Interrupted(step, after))
        return loop.train(model, made[-1], steps, **options)

    monkeypatch.setattr(fitting, "train", train)
    return made


@pytest.mark.parametrize("steps_done", [1, 4, 7])
def test_a_resumed_run_is_the_unbroken_one(tmp_path, monkeypatch, capsys, steps_done):
    data, place = some_data(), tmp_path / "run.npz"
    choices = {"crop": 1, "flip": "random", "lookahead": True, "validation": 10, "epochs": 3}
    unbroken, whole = fitted(data, **choices)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0)
    interrupting(monkeypatch, steps_done)
    with pytest.raises(Stopped):
        fitted(data, checkpoint=place, **choices)
    steps = interrupting(monkeypatch)
    resumed, run = fitted(data, checkpoint=place, **choices)
    assert steps[0].numbers == list(range(steps_done, 9))
    for name in ("epoch", "loss", "accuracy", "rate", "validation"):
        np.testing.assert_allclose(run.series(name), whole.series(name), rtol=1e-3)
    for mine, theirs in zip(resumed.get_weights(), unbroken.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-2, atol=1e-3)
    done = f"goes on from {place}: after {steps_done // 3} epochs and {steps_done % 3} steps"
    assert done in capsys.readouterr().out


def test_an_interrupted_validation_is_made_up_for(tmp_path, monkeypatch):
    data, place = some_data(), tmp_path / "run.npz"
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0)
    _, whole = fitted(data, validation=10)
    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "validate", Interrupted(None, after=0))
        with pytest.raises(Stopped):
            fitted(data, checkpoint=place, validation=10)
    _, run = fitted(data, checkpoint=place, validation=10)
    assert run.series("validation") == whole.series("validation")
    assert run.series("rate") == whole.series("rate")


def test_a_checkpoint_decides_what_is_left_to_choose(tmp_path, monkeypatch):
    place = tmp_path / "run.npz"
    fitted(some_data(), checkpoint=place, precision="bfloat16")
    monkeypatch.setattr(fitting, "fastest", lambda: ("float32", True))
    _, run = fitted(some_data(), checkpoint=place, precision="auto", compiled="auto")
    assert (run.settings["precision"], run.settings["compiled"]) == ("bfloat16", False)


def test_the_seconds_count_the_choice_of_precision(monkeypatch):
    import time

    monkeypatch.setattr(fitting, "fastest", lambda: time.sleep(0.5) or ("float32", False))
    monkeypatch.setattr(fitting, "train", lambda *a, clock=None, **k: clock or loop.Clock())
    clock = training.fit(network(), some_data(), 1, 16)
    assert clock.read()["seconds"] > 0.5


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
def test_a_damaged_checkpoint_is_reported_with_what_to_do(tmp_path, damage):
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
    checkpoints.save(place, [[np.ones(2)], []], {"done": 1}, {"seed": 0})

    def half(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoints.write_whole(place, half)
    (ones, nothing), log, settings = checkpoints.load(place)
    np.testing.assert_array_equal(ones, [[1, 1]])
    assert (nothing, log, settings) == ([], {"done": 1}, {"seed": 0})
    assert list(tmp_path.iterdir()) == [place]


# --- the loop, with other steps than a classifier's


def adversaries():
    """Return a GAN of two numbers: one imitates a mean of 3, the other tells real from imitated."""
    fake, judge = keras.Variable(0.0, name="generator"), keras.Variable(0.0, name="critic")
    rule = keras.optimizers.Adam(0.1)
    rule.build([fake])

    def step(number):
        real = float(np.random.default_rng([5, number]).normal(3, 0.1))
        judge.assign(0.5 * judge + 0.5 * (real - fake))
        rule.apply([-judge.value], [fake])
        return {"critic": judge.numpy() ** 2, "generator": abs(3 - fake.numpy())}

    return [fake, judge], step, [rule]


@pytest.mark.parametrize("after", [3, 20])
def test_a_gan_of_two_numbers_is_interrupted_and_resumed(tmp_path, monkeypatch, capsys, after):
    place, how = tmp_path / "gan.npz", {"steps_per_epoch": 10, "settings": {"seed": 5, "widths": (1, 2)}}
    models, step, state = adversaries()
    whole = training.train(models, step, 45, state=state, **how)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0)
    broken, step, state = adversaries()
    with pytest.raises(Stopped):
        training.train(broken, Interrupted(step, after), 45, state=state, checkpoint=place, **how)
    resumed, step, state = adversaries()
    counted = Interrupted(step)
    run = training.train(resumed, counted, 45, state=state, checkpoint=place, **how)
    assert counted.numbers == list(range(after, 45))
    assert "45/45" in capsys.readouterr().err.splitlines()[-1]
    assert [float(part) for part in resumed] == [float(part) for part in models]
    for name in ("epoch", "critic", "generator"):
        np.testing.assert_allclose(run.series(name), whole.series(name), rtol=1e-12)
    assert (run.network, run.parameters, run.series("epoch")) == ("generator + critic", 2, [1, 2, 3, 4, 5])
    assert (run.seed, run.settings["steps"], run.data) == (5, 45, "")
    assert run.series("generator")[-1] < 0.5 < run.series("generator")[0]


def test_a_detector_with_two_outputs_and_two_losses(tmp_path):
    """One network says what and where: class of a bright column, and its place."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, 8, 64)
    images = np.zeros((64, 8, 8, 1), "float32")
    images[np.arange(64), :, places] = 1
    keras.utils.set_random_seed(0)
    x = layers.Flatten()(inputs := keras.Input((8, 8, 1)))
    x = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(x))
    model = keras.Model(inputs, [layers.Dense(2)(x), layers.Dense(1)(x)], name="detector")
    rule = keras.optimizers.Adam(0.01)
    classes = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(number):
        batch = np.random.default_rng([0, number]).choice(64, 16, replace=False)
        with tf.GradientTape() as tape:
            logits, where = model(images[batch], training=True)
            class_loss = classes(places[batch] // 4, logits)
            box_loss = tf.reduce_mean((where[:, 0] - places[batch] / 8) ** 2)
            total = class_loss + box_loss
        weights = model.trainable_variables
        rule.apply(tape.gradient(total, weights), weights)
        return {"class_loss": class_loss, "box_loss": box_loss}

    def validate(done):
        logits, _ = model(images)
        return {"right": np.mean(np.argmax(logits, axis=1) == places // 4)}

    how = {"steps_per_epoch": 20, "state": [rule], "validate": validate, "data": some_data()}
    with pytest.raises(ValueError, match=r"adam\w* has no variables yet: call its build"):
        training.train(model, step, 100, checkpoint=tmp_path / "detector.npz", **how)
    rule.build(model.trainable_variables)
    run = training.train(model, step, 100, checkpoint=tmp_path / "detector.npz", **how)
    for name in ("class_loss", "box_loss"):
        assert run.series(name)[-1] < run.series(name)[0] / 2
    assert run.series("right")[-1] > 0.9 and run.parameters == model.count_params()
    assert (run.data, run.source) == ("bars", "drawn")


def test_a_figure_that_few_steps_return_is_averaged_over_those():
    variable = keras.Variable(0.0, name="agent")
    run = training.train(variable, lambda n: {"loss": n} | ({"score": 7.0} if n == 1 else {}), 4)
    assert (run.series("loss"), run.series("score")) == ([1.5], [7.0])
    run = training.train(variable, lambda n: {"loss": n}, 5, steps_per_epoch=2)
    assert run.series("loss") == [0.5, 2.5, 4.0]


@pytest.mark.parametrize(("seconds", "saved"), [(25, [3, 6, 7]), (60, [2, 4, 6, 7])])
def test_a_checkpoint_is_written_once_a_minute(tmp_path, monkeypatch, seconds, saved):
    class Steady(loop.Clock):
        """A clock that goes on by so many seconds with each step."""

        def read(self):
            return {"seconds": len(done) * seconds, "cpu_seconds": 0.0}

    done, when = [], []
    monkeypatch.setattr(checkpoints, "save", lambda *of_a_run: when.append(len(done)))
    variable, place = keras.Variable(0.0), tmp_path / "run.npz"
    training.train(variable, lambda n: done.append(n) or {}, 7, checkpoint=place, clock=Steady())
    assert when == saved


def test_parts_with_a_memory_of_their_own_are_saved(tmp_path, monkeypatch):
    class Memory:
        """What an agent has seen: a list that grows."""

        def __init__(self):
            self.seen = []

        def read(self):
            return [np.array(self.seen)]

        def write(self, arrays):
            self.seen = arrays[0].tolist()

    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0)
    place, variable, memories = tmp_path / "run.npz", keras.Variable(0.0, name="agent"), [Memory(), Memory()]
    for memory, after in zip(memories, (3, None)):
        step = Interrupted(lambda n, memory=memory: memory.seen.append(n) or {}, after)
        try:
            training.train(variable, step, 5, state=[memory], checkpoint=place)
        except Stopped:
            assert after == 3
    assert memories[1].seen == [0, 1, 2, 3, 4]


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    place, step = tmp_path / "run.npz", lambda number: {"loss": 0.0}
    training.train(keras.Variable(0.0, name="one"), step, 2, checkpoint=place)
    with pytest.raises(ValueError, match="network one → other"):
        training.train(keras.Variable(0.0, name="other"), step, 2, checkpoint=place)
    training.train(network(), step, 2, checkpoint=tmp_path / "small.npz")
    with pytest.raises(ValueError, match="checkpoint has 7 arrays for small, which has 4"):
        training.train(network(normalized=False), step, 2, checkpoint=tmp_path / "small.npz")


@pytest.mark.parametrize("returned", [None, 0.5, [1]])
def test_a_step_that_returns_no_figures_is_named(returned):
    with pytest.raises(TypeError, match=r"step\(0\) returned .*: return a dict of figures"):
        training.train(keras.Variable(0.0), lambda number: returned, 3)
    with pytest.raises(TypeError, match=r"validate\(3\) returned"):
        training.train(keras.Variable(0.0), lambda number: {}, 3, validate=lambda done: returned)


def test_a_run_without_steps_is_refused():
    with pytest.raises(ValueError, match="0 steps are none"):
        fitted(some_data(), epochs=0.01)


# --- in what numbers


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


@pytest.mark.parametrize(
    ("chosen", "taken"),
    {
        ("auto", "auto"): ("bfloat16", True),
        ("auto", False): ("bfloat16", False),
        ("float32", "auto"): ("float32", True),
        ("float32", False): ("float32", False),
    }.items(),
)
def test_only_what_is_left_open_is_chosen(monkeypatch, chosen, taken):
    monkeypatch.setattr(fitting, "fastest", lambda: ("bfloat16", True))
    assert fitting._computing(*chosen, None) == taken


def test_what_is_chosen_reaches_the_step_and_the_bar(monkeypatch):
    made, shown = [], []
    bound = inspect.signature(Classifier).bind
    monkeypatch.setattr(fitting, "Classifier", lambda *a: made.append(bound(*a).arguments) or Classifier(*a))
    monkeypatch.setattr(fitting, "train", lambda *_, **options: shown.append(options))
    choices = {"border": "reflect", "seed": 7, "precision": "float32", "compiled": True}
    training.fit(network(), some_data(), 1.5, 16, **choices)
    names = ("batch_size", "epochs", "seed", "compiled", "held_out")
    assert [made[0][name] for name in names] == [16, 1.5, 7, True, None]
    assert made[0]["recipe"] == Recipe(border="reflect")
    assert (shown[0]["title"], shown[0]["batch_size"]) == ("small in float32, XLA", 16)
    borders, gather = set(), augmentation.gather
    monkeypatch.setattr(augmentation, "gather", lambda *a: borders.add(a[-1]) or gather(*a))
    Classifier(**{**made[0], "compiled": False}).step(0)
    assert borders == {"reflect"}


def test_auto_takes_the_fastest_and_says_so(monkeypatch):
    monkeypatch.setattr(fitting, "fastest", lambda: ("bfloat16", False))
    _, run = fitted(some_data(), precision="auto", compiled="auto")
    assert (run.settings["precision"], run.settings["compiled"]) == ("bfloat16", False)


def test_the_quickest_choice_is_taken(monkeypatch):
    import time

    pause = {"slow": 0.02, "fast": 0.0}
    monkeypatch.setattr(precision, "_step", lambda name: lambda: time.sleep(pause[name]))
    assert precision._quickest([("slow",), ("fast",)], trials=2) == ("fast",)


def test_the_trial_times_steps_that_train():
    for choice in (("float32", False), ("bfloat16", True)):
        step = precision._step(*choice)
        assert step() > step() > 0


# --- looking at images


def test_views_average_mirror_images_and_shifts():
    data, model = some_data(20), network()
    scale = augmentation.statistics(data.x_train)
    plain = training.logits(model, data.x_train, scale)
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


def test_images_are_answered_in_batches_and_by_the_view_that_is_asked_for(monkeypatch):
    data, model = some_data(20), network()
    scale, asked = augmentation.statistics(data.x_train), []
    at_once = training.logits(model, data.x_train, scale)
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 8)
    np.testing.assert_allclose(training.logits(model, data.x_train, scale), at_once, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(evaluation, "logits", lambda *a: asked.append(a[-1]) or at_once[:16])
    training.accuracy(model, data, "flip")
    assert asked == ["flip"]


def test_the_progress_bar_shows_loss_accuracy_and_time_left(capsys):
    training.fit(network(), some_data(), 1, 16, precision="float32", compiled=False)
    shown = capsys.readouterr().err
    assert "small in float32" in shown and "loss" in shown and "accuracy" in shown and "64/64" in shown


def test_recipes_are_values():
    assert replace(RESNET2015) == RESNET2015 and hash(FAST) != hash(RESNET2015)
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
