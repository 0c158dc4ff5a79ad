"""convlab.explain on networks whose answer is known: hand-made detectors, planted scenes, a linear model."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convlab import explain

CROSS = np.array([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
SQUARE = np.array([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]])


@pytest.fixture(scope="module")
def detector():
    """A network of two filters made by hand: class 0 is "a cross", class 1 "a hollow square", anywhere."""
    x = images = keras.Input((24, 24, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")(x)
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    model = keras.Model(images, keras.layers.Dense(2, name="logits")(x))
    kernels = np.stack([3 * CROSS - 2, 2 * SQUARE - 1.2], axis=-1)[:, :, None]
    model.get_layer("conv").set_weights([kernels, np.array([-3.5, -3.0])])  # noise leaves it silent
    model.get_layer("logits").set_weights([np.array([[1.0, -0.2], [-0.2, 1.0]]), np.zeros(2)])
    return model


def scene(cross, square, seed=0):
    """A dim, noisy picture with a cross and a hollow square at these places (row, column of the centres)."""
    image = np.random.default_rng(seed).uniform(0, 0.2, (24, 24))
    for (row, column), shape in ((cross, CROSS), (square, SQUARE)):
        image[row - 1 : row + 2, column - 1 : column + 2] += shape
    return image[:, :, None].astype("float32")


places = st.tuples(st.integers(2, 21), st.integers(2, 21))


@settings(max_examples=25, deadline=None)
@given(places, places)
def test_grad_cam_lies_on_the_object_of_the_label(detector, cross, square):
    assume(max(abs(np.subtract(cross, square))) >= 6)
    image = scene(cross, square)
    for label, (row, column) in enumerate((cross, square)):
        heat = explain.grad_cam(detector, "conv", [image], [label])[0]
        peak = np.unravel_index(heat.argmax(), heat.shape)
        assert peak == (row, column)
        near = heat[row - 2 : row + 3, column - 2 : column + 3].sum()
        assert near / heat.sum() > 0.8


def test_grad_cam_is_the_papers_formula(detector):
    # for max pooling the gradient of a logit is the dense weight, at the place of the maximum only
    image = scene((5, 9), (17, 14))
    maps = explain.activation_maps(detector, [image], ["conv"])["conv"][0]
    weights = detector.get_layer("logits").kernel.numpy()
    for label in (0, 1):
        expected = np.maximum(maps @ weights[:, label] / maps[..., 0].size, 0)
        np.testing.assert_allclose(
            explain.grad_cam(detector, "conv", [image], [label])[0], expected, atol=1e-6
        )


def test_grad_cam_cuts_off_what_speaks_against_and_takes_each_image_its_own_label(detector):
    image = scene((5, 9), (17, 14))
    both = explain.grad_cam(detector, "conv", [image, image], [0, 1])
    assert both.min() >= 0 and both.shape == (2, 24, 24)
    assert both[0, 17, 14] == 0 and both[1, 5, 9] == 0
    assert both[0, 5, 9] > 0 and both[1, 17, 14] > 0


@settings(max_examples=15, deadline=None)
@given(places, st.sampled_from([3, 5]), st.sampled_from([1, 2]))
def test_occlusion_finds_the_planted_patch(detector, place, size, stride):
    rows, columns = place
    image = np.zeros((24, 24, 1), "float32")
    image[rows - 1 : rows + 2, columns - 1 : columns + 2, 0] = CROSS
    score = lambda images: detector(images, training=False).numpy()[:, 0]  # noqa: E731
    falls = explain.occlusion_map(score, image, size, stride)
    row, column = np.array(np.unravel_index(falls.argmax(), falls.shape)) * stride
    assert row <= rows < row + size and column <= columns < column + size  # the square covers the centre
    far = np.abs(np.arange(falls.shape[0]) * stride + size // 2 - rows) > size // 2 + 2
    np.testing.assert_allclose(falls[far], 0, atol=1e-6)


def test_occlusion_counts_places_and_leaves_the_image():
    image = np.random.default_rng(0).normal(size=(9, 7, 2))
    before = image.copy()
    falls = explain.occlusion_map(lambda images: images.sum(axis=(1, 2, 3)), image, 3, 2, fill=0.5)
    assert falls.shape == (4, 3)
    expected = image[2:5, 4:7].sum() - 0.5 * 18
    assert falls[1, 2] == pytest.approx(expected)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("size", [0, 8, 10])
def test_a_square_that_does_not_fit_is_refused(size):
    with pytest.raises(ValueError, match=f"square of {size} .* 9x7"):
        explain.occlusion_map(len, np.zeros((9, 7, 1)), size)


@pytest.fixture(scope="module")
def linear():
    """A linear classifier of 3x3 pixels, whose gradient is known."""
    model = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=(9, 2)), rng.normal(size=2)])
    return model


def test_fgsm_with_epsilon_0_changes_nothing(linear):
    images = np.random.default_rng(1).uniform(size=(5, 3, 3, 1)).astype("float32")
    np.testing.assert_array_equal(explain.fgsm(linear, images, [0, 1, 0, 1, 1], 0), images)


def test_fgsm_moves_every_pixel_against_its_label(linear):
    images = np.random.default_rng(1).uniform(size=(2, 3, 3, 1)).astype("float32")
    before = images.copy()
    moved = explain.fgsm(linear, images, [0, 1], 0.1)
    kernel = linear.get_weights()[0]
    against = np.sign(kernel[:, 1] - kernel[:, 0]).reshape(3, 3, 1)  # raises logit 1 over logit 0
    np.testing.assert_allclose(moved - images, [0.1 * against, -0.1 * against], atol=1e-6)
    np.testing.assert_array_equal(images, before)


def test_fgsm_raises_the_loss_and_keeps_the_limits(linear):
    images = np.random.default_rng(2).uniform(size=(20, 3, 3, 1)).astype("float32")
    labels = np.arange(20) % 2
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    moved = explain.fgsm(linear, images, labels, 0.3, limits=(0, 1))
    assert moved.min() == 0 and moved.max() == 1
    assert loss(labels, linear(moved)) > loss(labels, linear(images))


@pytest.fixture(scope="module")
def normalised():
    """A network that answers otherwise while it is trained: with batch normalisation and dropout."""
    keras.utils.set_random_seed(0)
    x = images = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(2)(x))


@pytest.mark.parametrize(
    "explained",
    [
        lambda model, images: explain.activation_maps(model, images, ["dropout"])["dropout"],
        lambda model, images: explain.grad_cam(model, "conv", images, [1] * len(images)),
        lambda model, images: explain.fgsm(model, images, [1] * len(images), 0.1),
    ],
)
def test_a_network_is_explained_as_it_answers_and_not_as_it_trains(normalised, explained):
    """The other images of a batch make no difference, nothing is drawn, and no statistic changes."""
    images = np.random.default_rng(0).normal(size=(5, 6, 6, 1))  # float64: the network takes float32
    before = [weight.numpy() for weight in normalised.weights]
    together = explained(normalised, images)
    assert together.dtype == np.float32
    np.testing.assert_allclose(explained(normalised, images[:1])[0], together[0], atol=1e-6)
    for weight, value in zip(normalised.weights, before):
        np.testing.assert_array_equal(weight, value)


def test_fgsm_leaves_a_pixel_that_the_loss_does_not_depend_on():
    model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.set_weights([np.array([[1.0, -1.0], [0.0, 0.0]]), np.zeros(2)])
    moved = explain.fgsm(model, np.full((1, 1, 2, 1), 0.5), [0], epsilon=0.25)
    assert moved.ravel().tolist() == [0.25, 0.5]


def test_occlusion_of_the_whole_image_has_one_place():
    image = np.arange(12.0).reshape(3, 4, 1)
    falls = explain.occlusion_map(lambda images: images.sum(axis=(1, 2, 3)), image, 3)
    assert falls.tolist() == [[image[:, :3].sum(), image[:, 1:].sum()]]


def test_activation_maps_are_those_of_the_layers(detector):
    images = np.stack([scene((5, 9), (17, 14)), scene((20, 3), (8, 8), seed=1)])
    found = explain.activation_maps(detector, images, ["conv", "pool", "logits"])
    np.testing.assert_allclose(found["conv"].max(axis=(1, 2)), found["pool"], rtol=1e-6)
    np.testing.assert_allclose(found["logits"], detector(images), rtol=1e-6)


def test_exciting_finds_images_and_places(detector):
    rng = np.random.default_rng(3)
    images = rng.uniform(0, 0.2, (1100, 24, 24, 1)).astype("float32")
    planted = {700: (4, 19), 3: (15, 6), 1099: (21, 2)}
    for strength, (index, (row, column)) in zip((3, 2, 1), planted.items()):
        images[index, row - 1 : row + 2, column - 1 : column + 2, 0] += strength * CROSS
    which, where = explain.exciting(detector, "conv", 0, images, count=3)
    assert which.tolist() == list(planted)
    assert [tuple(place) for place in where.tolist()] == list(planted.values())


def test_one_strong_response_excites_more_than_many_weak_ones(detector):
    many, one = np.zeros((2, 24, 24, 1), "float32")
    for row in range(2, 22, 4):
        for column in range(2, 22, 4):
            many[row - 1 : row + 2, column - 1 : column + 2, 0] = CROSS
    one[4:7, 9:12, 0] = 2 * CROSS
    means = explain.activation_maps(detector, [many, one], ["conv"])["conv"][..., 0].mean(axis=(1, 2))
    assert means[0] > means[1]
    which, places = explain.exciting(detector, "conv", 0, [many, one], count=2)
    assert which.tolist() == [1, 0] and places[0].tolist() == [5, 10]


def test_of_images_that_excite_alike_the_first_come_first(detector):
    which, places = explain.exciting(detector, "conv", 0, [scene((5, 9), (17, 14))] * 20)
    assert which.tolist() == list(range(9))
    assert places.tolist() == [[5, 9]] * 9
