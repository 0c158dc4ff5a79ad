"""Lesson 23: distances in closed form, losses against Keras, two networks that train each other, copies."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab import datasets, networks, runs
from convlab.applications import generation
from convlab.training import batch_rows
from coursekit.measuring import record_gan

rng = np.random.default_rng(0)


def tiny():
    """Return 40 images of noise with labels."""
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (40, 28, 28, 1), dtype="uint8")
    return SimpleNamespace(x_train=images, y_train=random.integers(0, 10, 40), name="noise", source="drawn")


@given(st.integers(1, 5), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_the_distance_of_gaussians_is_the_closed_form(size, seed):
    random = np.random.default_rng(seed)
    mean, other = random.normal(size=(2, size))
    first, second = (part @ part.T for part in random.normal(size=(2, size, size + 1)))
    eigenvalues = np.linalg.eigvals(first @ second).astype(complex)  # of the product itself, not symmetric
    wanted = np.sum((mean - other) ** 2) + np.trace(first + second) - 2 * np.sqrt(eigenvalues).real.sum()
    assert generation.gaussian_distance(mean, first, other, second) == pytest.approx(wanted, abs=1e-6)
    assert generation.gaussian_distance(mean, first, mean, first) == pytest.approx(0, abs=1e-6)


def test_independent_gaussians_add_up_their_differences():
    deviations, others = np.array([1.0, 3.0, 0.0]), np.array([2.0, 0.5, 4.0])
    found = generation.gaussian_distance(np.zeros(3), np.diag(deviations**2), np.ones(3), np.diag(others**2))
    assert found == pytest.approx(3 + np.sum((deviations - others) ** 2))


def test_the_distance_of_many_samples_is_near_that_of_their_distributions():
    mean, mixing = np.array([1.0, -2.0]), np.array([[2.0, 0.0], [1.0, 0.5]])
    samples = rng.normal(size=(50_000, 2)), mean + rng.normal(size=(50_000, 2)) @ mixing.T
    exact = generation.gaussian_distance(np.zeros(2), np.eye(2), mean, mixing @ mixing.T)
    assert generation.frechet_distance(*samples) == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("shapes", [((1, 2), (5, 2)), ((5, 2), (5, 3))])
def test_features_that_do_not_fit_have_no_distance(shapes):
    with pytest.raises(ValueError, match="give two or more rows"):
        generation.frechet_distance(*(np.zeros(shape) for shape in shapes))


def test_losses_are_those_of_keras():
    real, generated = rng.normal(size=(2, 50, 1)) * 3
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    wanted = entropy(np.full((50, 1), 0.9), real) + entropy(np.zeros((50, 1)), generated)
    found = float(generation.discriminator_loss(real, generated, smoothing=0.1))
    assert found == pytest.approx(float(wanted), abs=1e-5)
    wanted = entropy(np.ones((50, 1)), generated)
    assert float(generation.generator_loss(generated)) == pytest.approx(float(wanted), abs=1e-5)
    wanted = -entropy(np.zeros((50, 1)), generated)
    assert float(generation.saturating_loss(generated)) == pytest.approx(float(wanted), abs=1e-5)


def test_only_one_loss_has_a_gradient_where_the_discriminator_is_sure():
    sure = tf.constant([[-9.0]])
    gradients = []
    for loss in (generation.saturating_loss, generation.generator_loss):
        with tf.GradientTape() as tape:
            tape.watch(sure)
            value = loss(sure)
        gradients.append(float(tape.gradient(value, sure)[0, 0]))
    share = 1 / (1 + np.exp(9.0))
    np.testing.assert_allclose(gradients, [-share, share - 1], rtol=1e-4)


def test_maps_double_twice_and_parameters_are_those_counted_by_hand():
    generator, discriminator = networks.dcgan_generator(), networks.dcgan_discriminator()
    sizes = [generator.get_layer(name).output.shape[1:] for name in ("maps", "up1", "images")]
    assert sizes == [(7, 7, 32), (14, 14, 16), (28, 28, 1)]
    dense, norms = 42 * 49 * 32, 4 * (32 + 16)
    assert generator.count_params() == dense + norms + 16 * 32 * 16 + (16 * 16 + 1)
    wanted = (16 * 24 + 24) + (16 * 24 * 48 + 48) + (49 * 48 + 1) * 11
    assert discriminator.count_params() == wanted
    with pytest.raises(ValueError, match="width of 5"):
        networks.dcgan_generator(width=5)


def test_each_rule_can_be_broken():
    pixels = rng.normal(size=(4, 28, 28, 1)).astype("float32")
    inputs = [rng.normal(size=(4, 32)).astype("float32"), np.eye(10, dtype="float32")[:4]]
    parameters = networks.dcgan_generator().count_params(), networks.dcgan_discriminator().count_params()

    keras.utils.set_random_seed(0)
    limited = networks.dcgan_generator(last="tanh")
    keras.utils.set_random_seed(0)
    free = networks.dcgan_generator(last="linear")
    np.testing.assert_allclose(limited(inputs), np.tanh(free(inputs)), atol=1e-6)

    repeating = networks.dcgan_generator(transposed=False)
    assert repeating.count_params() == parameters[0]
    assert repeating(inputs).shape == (4, 28, 28, 1)
    no_norms = networks.dcgan_generator(normalize=False)
    assert no_norms.count_params() == parameters[0] - 4 * 48 + 1568 + 16  # biases in the place of the norms
    assert not any("norm" in layer.name for layer in no_norms.layers)

    pooled = networks.dcgan_discriminator(strided=False)
    assert pooled.count_params() == parameters[1]
    assert [pooled.get_layer(name).output.shape[1] for name in ("conv1", "pool1", "conv2", "pool2")] == [
        28,
        14,
        14,
        7,
    ]
    deeper = networks.dcgan_discriminator(hidden=5)
    assert deeper.count_params() == parameters[1] - 2353 * 11 + 2353 * 5 + 6 * 11
    normalized = networks.dcgan_discriminator(normalize=True)
    assert normalized.count_params() == parameters[1] + 4 * 48 - 48

    keras.utils.set_random_seed(0)
    leaky = networks.dcgan_discriminator(slope=1.0)  # without any bend, so it is linear
    np.testing.assert_allclose(leaky(2 * pixels), 2 * leaky(pixels), rtol=1e-4, atol=1e-5)
    keras.utils.set_random_seed(0)
    bent = networks.dcgan_discriminator(slope=0.0)
    maps = keras.Model(bent.inputs[0], bent.get_layer("flatten").output)(pixels)
    assert float(np.min(maps)) == 0


@pytest.fixture
def pair():
    keras.utils.set_random_seed(0)
    return networks.dcgan_generator(width=8), networks.dcgan_discriminator(width=4)


def test_a_step_trains_both_and_a_step_of_the_generator_only_it(pair):
    data = tiny()
    game = generation.Game(*pair, data, steps=10, batch_size=8)
    before = [model.get_weights() for model in pair]
    rows = batch_rows(len(data.x_train), 8, 0, 0)
    logits = pair[1](data.x_train[rows].astype("float32") / 127.5 - 1)
    named = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(data.y_train[rows], logits[:, 1:])
    figures = game.step(0)
    assert set(figures) == {"loss", "generator_loss", "real", "generated", "naming", "generator_naming"}
    assert float(figures["naming"]) == pytest.approx(float(named), rel=1e-4)
    assert float(figures["loss"]) > float(figures["naming"]) > 0
    assert float(figures["generator_loss"]) > float(figures["generator_naming"]) > 0
    middle = [model.get_weights() for model in pair]
    assert all(_moved(*both) for both in zip(before, middle))
    losses = [float(game.generator_step(0)["generator_loss"]) for _ in range(5)]
    assert losses[-1] < losses[0]
    after = [model.get_weights() for model in pair]
    assert _moved(middle[0], after[0])
    assert not _moved(middle[1], after[1])


def _moved(before, after):
    return any(np.any(one != other) for one, other in zip(before, after))


def test_an_interrupted_training_ends_like_the_unbroken_one(pair, tmp_path):
    choices = {"batch_size": 8, "steps_per_epoch": 2}
    unbroken = generation.fit(*pair, tiny(), 4, **choices)
    keras.utils.set_random_seed(0)
    again = networks.dcgan_generator(width=8), networks.dcgan_discriminator(width=4)

    stopped = []

    def stop(done):
        stopped.append(done)
        if done == 4:
            raise KeyboardInterrupt
        return {}

    path = tmp_path / "game.npz"
    with pytest.raises(KeyboardInterrupt):
        generation.fit(*again, tiny(), 4, checkpoint=path, validate=stop, **choices)
    resumed = generation.fit(*again, tiny(), 4, checkpoint=path, **choices)
    assert stopped == [2, 4]
    assert resumed.series("loss") == pytest.approx(unbroken.series("loss"), rel=1e-4)
    assert resumed.settings["generator_loss"] == "generator_loss"


def test_networks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="same number of classes"):
        generation.Game(networks.dcgan_generator(), networks.dcgan_discriminator(classes=0), tiny(), 5)
    pair = networks.dcgan_generator(classes=0), networks.dcgan_discriminator(classes=0)
    with pytest.raises(ValueError, match="does not fit"):
        generation.Game(*pair, tiny(), 5, batch_size=10_000)
    with pytest.raises(ValueError, match="takes no labels"):
        generation.images(pair[0], generation.noise(3, 32), np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="give labels"):
        generation.images(networks.dcgan_generator(), generation.noise(3, 32))


def test_numbers_and_one_hot_labels_ask_for_the_same_images(pair):
    noise = generation.noise(6, 32)
    labels = np.array([3, 1, 4, 1, 5, 9])
    by_number = generation.images(pair[0], noise, labels)
    assert (by_number.shape, by_number.dtype) == ((6, 28, 28, 1), np.uint8)
    np.testing.assert_array_equal(
        by_number, generation.images(pair[0], noise, generation.one_hot(labels, 10))
    )


def test_the_noise_is_that_of_the_stored_pictures():
    np.testing.assert_allclose(generation.noise(1, 2, seed=4), [[-0.3607, -0.7351]], atol=1e-4)
    assert abs(generation.noise(1000, 32).std() - 1) < 0.02 > abs(generation.noise(1000, 32).mean())


def test_the_nearest_are_those_of_brute_force():
    training, images = rng.integers(0, 256, (2, 150, 4, 5, 1), dtype="uint8")
    rows, distances = generation.nearest(images, training, 3)
    all_of_them = np.sqrt(((images[:, None] / 255 - training[None] / 255) ** 2).sum(axis=(2, 3, 4)))
    np.testing.assert_allclose(distances, np.sort(all_of_them, axis=1)[:, :3], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(all_of_them, rows, axis=1), distances, rtol=1e-5)
    with pytest.raises(ValueError, match="neighbours"):
        generation.nearest(images, training, 151)


def test_planted_copies_are_found_and_new_digits_are_not():
    digits = datasets.load("mnist")
    training, new = digits.x_train[:5000], digits.x_test[:60]
    noisy = np.clip(training[:60] + rng.normal(0, 12, training[:60].shape), 0, 255).astype("uint8")
    assert generation.copied(generation.nearest(noisy, training, 50)[1]).all()
    assert not generation.copied(generation.nearest(new, training, 50)[1]).any()


def test_the_spread_is_within_each_class():
    labels = np.repeat(np.arange(10), 6)
    means = rng.integers(0, 256, (10, 4, 4, 1), dtype="uint8")
    # collapsed within each class, and modes counts ten
    assert generation.spread(means[labels], labels) == pytest.approx(0, abs=1e-12)
    assert generation.modes(labels, 10) == 10
    images = rng.integers(0, 256, (60, 4, 4, 1), dtype="uint8")
    parts = [np.std(images[labels == label] / 255, axis=0) for label in range(10)]
    assert generation.spread(images, labels) == pytest.approx(np.mean(parts))


def test_modes_are_counted():
    assert generation.modes(np.repeat(np.arange(10), 7), 10) == 10
    assert generation.modes(np.array([3] * 500), 10) == 1
    assert (
        generation.modes(np.array([0] * 95 + [1] * 4 + [2]), 5) == 2
    )  # two of an even share of 20 are enough


def test_a_recording_says_how_it_went_and_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(record_gan, "IMAGES", 20)
    data = tiny()
    data.x_test, data.y_test = data.x_train, data.y_train
    task = record_gan.GanTask(steps=2, each=1, loss="saturating_loss", generator={"width": 8})
    line = record_gan.record("tiny", task, data, 1, tmp_path / "c" / "tiny.npz", tmp_path)
    run = runs.load(tmp_path / "runs" / "gan" / "tiny-seed1.json")
    assert line.startswith("tiny, seed 1: read as asked")
    assert (run.seed, run.settings["generator_loss"], len(run.history)) == (1, "saturating_loss", 2)
    assert run.settings["generator"] == {"width": 8}
    assert run.test["frechet_distance"] == pytest.approx(run.series("frechet_distance")[-1])
    assert run.test["real_spread"] == pytest.approx(
        generation.spread(data.x_train[1::2], data.y_train[1::2]), rel=1e-5
    )
    assert not (tmp_path / "c" / "tiny.npz").exists()
    assert not (tmp_path / "weights").exists()


def test_a_recording_counts_copies_and_stores_what_the_lesson_shows(tmp_path, monkeypatch):
    for name, size in (("IMAGES", 20), ("NEIGHBOURS", 10), ("SHOWN", 3)):
        monkeypatch.setattr(record_gan, name, size)
    data = tiny()
    data.x_test, data.y_test = 255 - data.x_train, data.y_train
    task = record_gan.GanTask(steps=1, each=1, generator={"width": 8}, stores=True)
    record_gan.record("tiny", task, data, 0, tmp_path / "tiny.npz", tmp_path)
    test = runs.load(tmp_path / "runs" / "gan" / "tiny-seed0.json").test
    assert [test[kind] for kind in ("copies", "real_copies", "planted_copies")] == [0, 0, 20]
    generator = runs.load_weights(networks.dcgan_generator(width=8), tmp_path / "weights" / "tiny.npz")
    wanted = generation.images(generator, generation.noise(20, 32, 0)[:3], np.arange(3))
    with np.load(tmp_path / "runs" / "gan" / "tiny-seed0.npz") as stored:
        np.testing.assert_allclose(stored["generated"].astype(int), wanted, atol=2)  # weights are float16
        rows, _ = generation.nearest(stored["generated"], data.x_train, 1)
        np.testing.assert_array_equal(stored["nearest"], data.x_train[rows[:, 0]])
    record_gan.record("tiny", task, data, 1, tmp_path / "tiny.npz", tmp_path)
    assert not (tmp_path / "runs" / "gan" / "tiny-seed1.npz").exists()


def test_a_recording_refuses_a_stand_in(monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name: SimpleNamespace(genuine=False))
    with pytest.raises(SystemExit, match="genuine MNIST"):
        record_gan.main(["digits-gan"])


def test_the_list_names_every_task(capsys):
    assert record_gan.main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(record_gan.TASKS)
    assert all(hasattr(generation, task.loss) for task in record_gan.TASKS.values())


def test_each_task_changes_the_networks_that_it_names():
    """Build all; two of them with equal settings would be one comparison with itself."""
    seen = []
    for name, task in record_gan.TASKS.items():
        generator = networks.dcgan_generator(**task.generator)
        discriminator = networks.dcgan_discriminator(**task.discriminator)
        assert generator.output.shape == (None, 28, 28, 1), name
        assert discriminator.output.shape == (None, 11), name
        seen.append(
            repr((task.data, task.steps, task.loss, task.generator, task.discriminator, task.choices))
        )
    assert len(set(seen)) == len(record_gan.TASKS)
