"""Lesson 17: the pretrained network, its features, a linear probe, a folder of pictures."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from convlab import DATA_FOLDER, networks
from convlab.applications import transfer
from convlab.networks import pretrained

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def squeezenet():
    return networks.squeezenet()


def photos():
    files = [DATA_FOLDER / "photos" / f"{name}.jpg" for name in ("chelsea", "coffee", "astronaut")]
    return np.stack([np.asarray(Image.open(file)) for file in files])


def best(model, prepared):
    names = pretrained.class_names()
    return [names[i] for i in np.asarray(model(prepared)).argmax(axis=1)]


def test_it_has_the_published_number_of_parameters_and_sizes(squeezenet):
    assert squeezenet.count_params() == 1_235_496
    sizes = {name: squeezenet.get_layer(name) for name in ("conv1", "fire2", "fire4", "fire9", "conv10")}
    parts = keras.Model(squeezenet.inputs[0], [layer.output for layer in sizes.values()])
    found = dict(zip(sizes, [tuple(y.shape[1:]) for y in parts(np.zeros((1, 227, 227, 3), "float32"))]))
    assert found["conv1"] == (113, 113, 64) and found["fire2"] == (56, 56, 128)
    assert found["fire9"] == (13, 13, 512) and found["conv10"] == (13, 13, 1000)


def test_the_weights_know_espresso_and_a_cat(squeezenet):
    cat, coffee, _ = best(squeezenet, pretrained.prepare(photos()))
    assert coffee == "espresso" and cat in ("tabby", "tiger cat", "Egyptian cat")
    assert (
        len(set(pretrained.class_names())) >= 998 and len(pretrained.class_names()) == 1000
    )  # two names twice


def test_fault_random_weights_know_neither():
    keras.utils.set_random_seed(0)
    cat, coffee, _ = best(networks.squeezenet(trained=False), pretrained.prepare(photos()))
    assert coffee != "espresso" and "cat" not in cat and cat != "tabby"


def test_fault_colours_in_the_other_order_change_the_answer(squeezenet):
    right, wrong = (
        np.asarray(keras.ops.softmax(squeezenet(pretrained.prepare(images))))
        for images in (photos(), photos()[..., ::-1])
    )
    assert right[1, pretrained.class_names().index("espresso")] > 0.9
    assert np.abs(right - wrong).sum(axis=1).max() > 0.3


def test_prepare_gives_blue_first_less_the_mean_and_leaves_its_input():
    images = rng.integers(0, 256, (2, 5, 5, 3), dtype="uint8")
    before = images.copy()
    made = pretrained.prepare(images, side=5)
    np.testing.assert_allclose(made[..., 0], images[..., 2] - np.float32(104.006), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(made[..., 2], images[..., 0] - np.float32(122.679), rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(images, before)
    assert pretrained.prepare(images, side=9).shape == (2, 9, 9, 3)


@pytest.mark.parametrize(
    "images", [np.zeros((2, 5, 5, 3)), np.zeros((5, 5, 3), "uint8"), np.zeros((1, 5, 5, 1), "uint8")]
)
def test_prepare_refuses_what_the_network_was_not_trained_on(images):
    with pytest.raises(ValueError, match="uint8 with red first"):
        pretrained.prepare(images)


def test_int8_errs_by_half_a_scale_at_most_and_survives_a_filter_of_zeros():
    kernel = rng.normal(size=(3, 3, 4, 6)) * 10.0 ** np.arange(-3, 3)
    kernel[..., 2] = 0
    whole, scale = pretrained.to_int8(kernel)
    assert whole.dtype == np.int8 and (np.abs(whole).max(axis=(0, 1, 2))[[0, 1, 3, 4, 5]] == 127).all()
    assert (np.abs(whole * scale.astype(float) - kernel) <= scale * 0.501).all()
    np.testing.assert_array_equal(whole[..., 2], 0)


def test_int8_weights_come_back_and_other_models_are_refused(tmp_path):
    keras.utils.set_random_seed(1)
    model, other = networks.squeezenet(7, trained=False), networks.squeezenet(7, trained=False)
    pretrained.save_int8(model, tmp_path / "w.npz")
    pretrained.load_int8(other, tmp_path / "w.npz")
    for mine, theirs in zip(model.get_weights(), other.get_weights()):
        assert np.abs(mine - theirs).max() <= np.abs(mine).max() / 127
    with pytest.raises(ValueError, match="conv10 has a kernel of"):
        pretrained.load_int8(networks.squeezenet(8, trained=False), tmp_path / "w.npz")
    with pytest.raises(ValueError, match="no weights for the layer"):
        pretrained.load_int8(networks.vgg16(input_shape=(32, 32, 3)), tmp_path / "w.npz")


def test_features_are_the_means_of_the_maps_whatever_the_batch(squeezenet):
    images = rng.integers(0, 256, (5, 40, 40, 3), dtype="uint8")
    several = transfer.features(squeezenet, images, ("fire9", "conv1"), side=64, batch=2)
    trunk = keras.Model(squeezenet.inputs[0], squeezenet.get_layer("conv1").output)
    by_hand = np.asarray(trunk(pretrained.prepare(images, 64))).mean(axis=(1, 2))
    np.testing.assert_allclose(several["conv1"], by_hand, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        transfer.features(squeezenet, images, side=64), several["fire9"], rtol=1e-4, atol=1e-4
    )
    assert several["fire9"].shape == (5, 512)
    with pytest.raises(ValueError, match="no layer 'fire10'"):
        transfer.features(squeezenet, images, "fire10")


def loss_of(weights, bias, x, labels, penalty):
    logits = tf.matmul(x, weights) + bias
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(losses) + penalty / 2 * tf.reduce_sum(weights**2)


@pytest.mark.parametrize("penalty", [0.01, 0.1])
def test_a_probe_ends_where_tensorflow_finds_no_slope(penalty):
    """The loss is convex: where its gradient is 0, its minimum is."""
    features, labels = rng.normal(size=(40, 6)) * [1, 5, 0.1, 1, 1, 1] + 3, rng.integers(0, 3, 40)
    probe = transfer.fit_probe(features, labels, penalty=penalty, steps=2000)
    x = tf.constant((features - features.mean(0)) / features.std(0))
    at_end, at_start = [], []
    for found, weights, bias in (
        (at_end, probe.weights, probe.bias),
        (at_start, probe.weights * 0, probe.bias * 0),
    ):
        variables = [tf.Variable(weights), tf.Variable(bias)]
        with tf.GradientTape() as tape:
            loss = loss_of(*variables, x, labels, penalty)
        found.append(max(float(tf.reduce_max(tf.abs(g))) for g in tape.gradient(loss, variables)))
    assert at_end[0] < 1e-4 < 0.05 < at_start[0]


def test_a_probe_of_two_classes_is_right_on_what_a_line_divides():
    features = np.concatenate([rng.normal(-3, 1, (30, 4)), rng.normal(3, 1, (30, 4))])
    probe = transfer.fit_probe(features, np.repeat([0, 1], 30))
    assert probe.accuracy(features, np.repeat([0, 1], 30)) == 1
    assert probe.accuracy(features, np.repeat([1, 0], 30)) == 0


@pytest.mark.parametrize(
    ("features", "labels", "penalty", "says"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), 0.1, "N of 1 or more"),
        (np.zeros((4, 3)), np.zeros(3, int), 0.1, r"labels \(3,\)"),
        (np.zeros((4, 3)), np.zeros(4, int), -1, "penalty -1 is negative"),
    ],
)
def test_a_probe_refuses_what_does_not_fit(features, labels, penalty, says):
    with pytest.raises(ValueError, match=says):
        transfer.fit_probe(features, labels, penalty=penalty)


def test_few_draws_each_class_alike_and_another_seed_others():
    labels = rng.permutation(np.repeat(np.arange(4), 25))
    one, same, other = (transfer.few(labels, 5, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (np.bincount(labels[one]) == 5).all() and set(one) != set(other) and len(set(one)) == 20
    assert transfer.few(np.array([0, 1] * 5), 2, seed=7).tolist() == [6, 5, 8, 7]  # as in the recorded runs
    with pytest.raises(ValueError, match="has 25 images, fewer than 26"):
        transfer.few(labels, 26)


def test_freezing_counts_what_trains_and_only_that_moves():
    model = networks.squeezenet(10)
    assert transfer.freeze(model, "drop9") == (5_130, model.count_params() - 5_130)
    fire8_to_9 = 384 * 64 + 512 * 64 + 2 * (64 * 256 + 9 * 64 * 256) + 2 * (64 + 512)
    assert transfer.freeze(model, "fire7")[0] == fire8_to_9 + 5_130
    before = {weight.path: weight.numpy() for weight in model.weights}
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(rng.normal(size=(4, 64, 64, 3)) * 50, np.array([1, 2, 3, 4]))
    moved = {
        weight.path.split("/")[-2]
        for weight in model.weights
        if (weight.numpy() != before[weight.path]).any()
    }
    assert moved and all(name.startswith(("fire8", "fire9", "conv10")) for name in moved)
    assert transfer.freeze(model, None) == (model.count_params(), 0)
    with pytest.raises(ValueError, match="no layer 'fire1'"):
        transfer.freeze(model, "fire1")


def plant_folder(folder, each=4, size=(50, 40)):
    """Write pictures: red ones and blue ones, noisy, so that no two are alike."""
    for name, channel in (("blue", 2), ("red", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = rng.integers(0, 60, (*size, 3), dtype="uint8")
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def test_a_folder_is_read_split_and_classified(squeezenet, tmp_path):
    plant_folder(tmp_path, each=6)
    photos = transfer.read_folder(tmp_path, side=64)
    assert photos.images.shape == (12, 64, 64, 3) and photos.class_names == ("blue", "red")
    learn, test = photos.split(0.3, seed=1)
    assert not {*learn.files} & {*test.files} and len(learn.files) + len(test.files) == 12
    assert np.bincount(test.labels).tolist() == [2, 2] and test.baseline() == 0.5
    mine = transfer.Classifier(squeezenet, learn)
    assert mine.accuracy(test) == 1 and mine.predict(test.images[:1]) == ["blue"]


def test_fault_bad_files_are_left_out_and_named(tmp_path, monkeypatch):
    plant_folder(tmp_path)
    (tmp_path / "red" / "notes.txt").write_text("red", encoding="utf-8")
    (tmp_path / "red" / "torn.png").write_bytes((tmp_path / "red" / "0.png").read_bytes()[:300])
    (tmp_path / "red" / "renamed.jpg").write_bytes(b"MZ no picture at all")
    (tmp_path / "red" / "empty.png").write_bytes(b"")
    (tmp_path / "blue" / "again.png").write_bytes((tmp_path / "blue" / "0.png").read_bytes())
    (tmp_path / "red" / "other.png").write_bytes((tmp_path / "blue" / "1.png").read_bytes())
    Image.new("RGB", (300, 300)).save(tmp_path / "red" / "huge.png")
    (tmp_path / "alone").mkdir()
    Image.new("RGB", (30, 30), "green").save(tmp_path / "alone" / "one.png")
    monkeypatch.setattr(transfer, "LARGEST", 80_000)
    photos = transfer.read_folder(tmp_path, side=32)
    assert np.bincount(photos.labels).tolist() == [4, 4] and photos.class_names == ("blue", "red")
    said = "\n".join(photos.skipped)
    for name in (
        "notes.txt",
        "torn.png",
        "renamed.jpg",
        "empty.png",
        "again.png",
        "other.png",
        "huge.png",
        "alone",
    ):
        assert name in said
    assert "red/other.png is a copy of blue/1.png" in said and len(photos.skipped) == 8


def test_a_picture_is_turned_upright_and_cut_square(tmp_path):
    plant_folder(tmp_path)
    pixels = np.zeros((40, 80, 3), "uint8")
    pixels[:, 20:60] = [[[250, 0, 0]]]  # the middle, which is cut out
    picture, turned = Image.fromarray(pixels), Image.Exif()
    turned[0x0112] = 6  # turn by a quarter
    pixels[:20, 20:60] = [[[0, 250, 0]]]  # above, and right when turned
    Image.fromarray(pixels).save(tmp_path / "red" / "turned.png", exif=turned)
    picture.save(tmp_path / "red" / "wide.png")
    photos = transfer.read_folder(tmp_path, side=40)
    by_name = {Path(file).stem: image for file, image in zip(photos.files, photos.images)}
    assert by_name["wide"][5:35, 5:35, 0].min() > 240
    assert by_name["turned"][20, 30, 1] > 240 and by_name["turned"][20, 10, 0] > 240


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_a_split_needs_pictures_on_both_sides(tmp_path, share):
    plant_folder(tmp_path)
    with pytest.raises(ValueError, match="between 0 and 1"):
        transfer.read_folder(tmp_path, 32).split(share)
    for part in transfer.read_folder(tmp_path, 32).split(0.99):
        assert (np.bincount(part.labels, minlength=2) > 0).all()


def test_a_folder_without_classes_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="make one"):
        transfer.read_folder(tmp_path / "nowhere")
    (tmp_path / "one").mkdir()
    with pytest.raises(ValueError, match=r"0 classes .* make two such subfolders; one has 0 pictures"):
        transfer.read_folder(tmp_path)
