"""convlab.networks against the papers' tables, against Keras' own copies, and against TensorFlow."""

import ast
import math
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from convlab import networks
from convlab.networks import fast, resnet
from convlab.networks.alexnet import LocalResponseNormalization

SMALL = {
    "lenet5": networks.lenet5,
    "alexnet": networks.cifar_alexnet,
    "alexnet, local": partial(networks.cifar_alexnet, normalization="local"),
    "alexnet, sigmoid": partial(networks.cifar_alexnet, activation="sigmoid", normalization=None),
    "vgg11": partial(networks.cifar_vgg, 11, width=8),
    "vgg11, plain": partial(networks.cifar_vgg, 11, width=8, batch_norm=False),
    "googlenet": networks.cifar_googlenet,
    "resnet14": partial(networks.cifar_resnet, 14),
    "resnet14, projection": partial(networks.cifar_resnet, 14, projection=True),
    "plain14": partial(networks.cifar_resnet, 14, residual=False),
    "fast": networks.cifar_fast,
    "fast, narrow": partial(networks.cifar_fast, (8, 16, 16)),
    "fast, no tricks": partial(networks.cifar_fast, (8, 16, 16), False, False, "relu", 0.9, 1),
    "mnist, dense": networks.mnist_dense,
    "mnist, conv": partial(networks.mnist_conv, (8, 16, 16), 32),
    "mnist, deep": partial(networks.mnist_deep, rotation=10),
    "mnist, fast": networks.mnist_fast,
}


@cache
def outline(builder, *arguments, **options):
    return networks.outline(getattr(networks, builder), *arguments, **options)


def test_an_outline_has_shapes_and_no_values_and_leaves_later_networks_whole():
    model = networks.outline(networks.lenet5, classes=7)
    assert all(variable._value is None for variable in model.variables)
    assert (model.count_params(), model.output.shape) == (61_706 - 3 * 85, (None, 7))
    assert all(variable._value is not None for variable in networks.lenet5().variables)
    assert all(variable._value is None for variable in model.variables)


def trainable(model):
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def weighted(model, kinds=(keras.layers.Conv2D, keras.layers.Dense)):
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def macs(model, prefix=""):
    layers = [layer for layer in weighted(model) if layer.name.startswith(prefix)]
    return sum(math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape) for layer in layers)


def shape(model, name):
    return model.get_layer(name).output.shape[1:]


def values(layer, images):
    return keras.ops.convert_to_numpy(layer(images))


PUBLISHED = [
    (61_706, "lenet5", {}),
    (60_965_224, "alexnet", {}),
    (62_378_344, "alexnet", {"groups": 1}),
    (138_357_544, "vgg16", {}),
    (143_667_240, "vgg19", {}),
    (6_998_552, "googlenet", {}),
    (13_378_280, "googlenet", {"auxiliary": True}),
    (21_797_672, "resnet34", {}),
    (25_557_032, "resnet50", {}),
    (44_549_160, "resnet101", {}),
    (60_192_808, "resnet152", {}),
    (269_722, "cifar_resnet", {"depth": 20}),
    (464_154, "cifar_resnet", {"depth": 32}),
    (658_586, "cifar_resnet", {"depth": 44}),
    (853_018, "cifar_resnet", {"depth": 56}),
    (1_727_962, "cifar_resnet", {"depth": 110}),
]


@pytest.mark.parametrize("parameters, builder, options", PUBLISHED)
def test_trainable_parameters_are_the_published_ones(parameters, builder, options):
    assert trainable(outline(builder, **options)) == parameters


# He et al. 2015, table 1 (its "FLOPs" are multiply-adds), and figure 3 for VGG-19.
PRODUCTS = {
    "vgg19": 19.6,
    "resnet34": 3.6,
    "resnet50": 3.8,
    "resnet101": 7.6,
    "resnet152": 11.3,
}


@pytest.mark.parametrize("builder", PRODUCTS)
def test_multiply_adds_are_the_published_ones(builder):
    assert macs(outline(builder)) / 1e9 == pytest.approx(PRODUCTS[builder], abs=0.1)


# LeCun et al. 1998, figure 2 and section II.B.
LENET5 = {
    "C1": (28, 28, 6),
    "S2": (14, 14, 6),
    "C3": (10, 10, 16),
    "S4": (5, 5, 16),
    "C5": (1, 1, 120),
    "F6": (84,),
    "output": (10,),
}
# Krizhevsky et al. 2012, figure 2 and section 3.5 (maps of both GPUs together).
ALEXNET = {
    "conv1": (55, 55, 96),
    "norm1": (55, 55, 96),
    "pool1": (27, 27, 96),
    "conv2": (27, 27, 256),
    "norm2": (27, 27, 256),
    "pool2": (13, 13, 256),
    "conv3": (13, 13, 384),
    "conv4": (13, 13, 384),
    "conv5": (13, 13, 256),
    "pool5": (6, 6, 256),
    "fc6": (4096,),
    "fc7": (4096,),
    "fc8": (1000,),
}
# Simonyan & Zisserman 2014, table 1: columns D and E.
VGG = {
    "conv1_1": (224, 224, 64),
    "conv1_2": (224, 224, 64),
    "pool1": (112, 112, 64),
    "conv2_2": (112, 112, 128),
    "pool2": (56, 56, 128),
    "conv3_3": (56, 56, 256),
    "pool3": (28, 28, 256),
    "conv4_3": (28, 28, 512),
    "pool4": (14, 14, 512),
    "conv5_3": (14, 14, 512),
    "pool5": (7, 7, 512),
    "fc6": (4096,),
    "fc7": (4096,),
    "fc8": (1000,),
}
# Szegedy et al. 2014, table 1, "output size", and section 5 for the auxiliary heads.
GOOGLENET = {
    "conv1": (112, 112, 64),
    "pool1": (56, 56, 64),
    "conv2": (56, 56, 192),
    "pool2": (28, 28, 192),
    "inception_3a": (28, 28, 256),
    "inception_3b": (28, 28, 480),
    "pool3": (14, 14, 480),
    "inception_4a": (14, 14, 512),
    "inception_4b": (14, 14, 512),
    "inception_4c": (14, 14, 512),
    "inception_4d": (14, 14, 528),
    "inception_4e": (14, 14, 832),
    "pool4": (7, 7, 832),
    "inception_5a": (7, 7, 832),
    "inception_5b": (7, 7, 1024),
    "pool5": (1024,),
    "logits": (1000,),
    "auxiliary_4a_pool": (4, 4, 512),
    "auxiliary_4d_pool": (4, 4, 528),
    "auxiliary_4a_conv": (4, 4, 128),
    "auxiliary_4d_fc": (1024,),
}
# He et al. 2015, table 1: output size, maps of the last convolution, blocks.
RESNETS = {
    34: {"conv2_3": (56, 56, 64), "conv3_4": (28, 28, 128), "conv4_6": (14, 14, 256), "conv5_3": (7, 7, 512)},
    50: {
        "conv2_3": (56, 56, 256),
        "conv3_4": (28, 28, 512),
        "conv4_6": (14, 14, 1024),
        "conv5_3": (7, 7, 2048),
    },
    101: {
        "conv2_3": (56, 56, 256),
        "conv3_4": (28, 28, 512),
        "conv4_23": (14, 14, 1024),
        "conv5_3": (7, 7, 2048),
    },
    152: {
        "conv2_3": (56, 56, 256),
        "conv3_8": (28, 28, 512),
        "conv4_36": (14, 14, 1024),
        "conv5_3": (7, 7, 2048),
    },
}
RESNET_ENDS = {"conv1": (112, 112, 64), "pool1": (56, 56, 64), "fc1000": (1000,)}


VGG19 = VGG | {"conv3_4": (56, 56, 256), "conv4_4": (28, 28, 512), "conv5_4": (14, 14, 512)}


@pytest.mark.parametrize(
    "table, builder, options",
    [
        (LENET5, "lenet5", {}),
        (ALEXNET, "alexnet", {}),
        (ALEXNET, "alexnet", {"groups": 1}),
        (VGG, "vgg16", {}),
        (VGG19, "vgg19", {}),
        (GOOGLENET, "googlenet", {"auxiliary": True}),
        *[(RESNETS[depth] | RESNET_ENDS, f"resnet{depth}", {}) for depth in RESNETS],
    ],
)
def test_shapes_are_those_of_the_table(table, builder, options):
    model = outline(builder, **options)
    assert {name: shape(model, name) for name in table} == table


@pytest.mark.parametrize("depth", RESNETS)
def test_a_resnet_has_as_many_layers_with_weights_as_its_name_says(depth):
    names = [layer.name for layer in weighted(outline(f"resnet{depth}"))]
    shortcuts = [name for name in names if "shortcut" in name]
    assert (len(names) - len(shortcuts), len(shortcuts)) == (depth, 3 if depth == 34 else 4)


@pytest.mark.parametrize("builder, copy", [("vgg16", "VGG16"), ("vgg19", "VGG19")])
def test_vgg_has_the_layers_of_the_copy_in_keras(builder, copy):
    with keras.StatelessScope(initialize_variables=False):
        theirs = getattr(keras.applications, copy)(weights=None)
    keras.utils.clear_session()
    rows = [
        [(layer.output.shape, layer.count_params()) for layer in model.layers if "dropout" not in layer.name]
        for model in (outline(builder), theirs)
    ]
    assert rows[0] == rows[1]


# Szegedy et al. 2014, table 1, column "ops", in millions. Two rows are left out, because they do not
# follow from their own widths: conv1 (34 for 7·7·3·64·112·112 = 118) and inception 5a (54 for 51).
GOOGLENET_PRODUCTS = {
    "conv2": 360,
    "inception_3a": 128,
    "inception_3b": 304,
    "inception_4a": 73,
    "inception_4b": 88,
    "inception_4c": 100,
    "inception_4d": 119,
    "inception_4e": 170,
    "inception_5b": 71,
    "logits": 1,
}


def test_googlenet_multiplies_as_often_as_table_1_says():
    model = outline("googlenet")
    assert {row: macs(model, row) / 1e6 for row in GOOGLENET_PRODUCTS} == pytest.approx(
        GOOGLENET_PRODUCTS, abs=0.8
    )


def test_two_groups_are_two_convolutions_of_half_the_maps():
    # section 3.5: 5x5x48, 3x3x256, 3x3x192, 3x3x192
    model = networks.alexnet(classes=10, input_shape=(67, 67, 3))
    kernels = [model.get_layer(f"conv{number}").kernel for number in range(1, 6)]
    assert [kernel.shape[2] for kernel in kernels] == [3, 48, 256, 192, 192]
    maps = np.random.default_rng(0).normal(size=(2, 7, 7, 96)).astype("float32")
    halves = [
        tf.nn.conv2d(part, kernel, 1, "SAME")
        for part, kernel in zip(np.split(maps, 2, -1), tf.split(kernels[1].value, 2, -1))
    ]
    expected = np.maximum(np.concatenate(halves, -1), 0)
    np.testing.assert_allclose(values(model.get_layer("conv2"), maps), expected, rtol=1e-3, atol=1e-3)
    assert values(model, np.zeros((1, 67, 67, 3), "float32")).shape == (1, 10)


def test_alexnet_pools_windows_that_overlap():
    # section 3.4: 3x3 at stride 2; 2x2 would give the same sizes
    pools = [layer for layer in outline("alexnet").layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert [(pool.pool_size, pool.strides, pool.padding) for pool in pools] == [((3, 3), (2, 2), "valid")] * 3


def test_alexnet_takes_another_input_and_number_of_classes():
    model = outline("alexnet", classes=7, input_shape=(224, 224, 3))
    assert (shape(model, "conv1"), shape(model, "fc8")) == ((54, 54, 96), (7,))


@pytest.mark.parametrize("maps", [1, 2, 4, 5, 6, 96])
def test_local_response_normalization_is_tensorflows(maps):
    images = np.random.default_rng(0).normal(0, 100, (2, 3, 4, maps)).astype("float32")
    expected = tf.nn.local_response_normalization(images, depth_radius=2, bias=2, alpha=1e-4, beta=0.75)
    np.testing.assert_allclose(values(LocalResponseNormalization(), images), expected, rtol=1e-5)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 5))
def test_a_padded_shortcut_thins_the_pixels_and_adds_zero_maps(height, width, maps, more):
    images = np.random.default_rng(0).normal(size=(2, height, width, maps)).astype("float32")
    thinned = values(resnet.PaddedShortcut(maps + more, 2), images)
    np.testing.assert_array_equal(thinned[..., :maps], images[:, ::2, ::2])
    assert thinned.shape[-1] == maps + more
    assert not thinned[..., maps:].any()


@pytest.mark.parametrize("shortcut", [networks.padded, networks.projected])
def test_a_shortcut_that_changes_nothing_is_its_input(shortcut):
    x = keras.Input((8, 8, 16))
    assert shortcut(x, 16, 1, "shortcut") is x


def test_a_residual_block_whose_branch_is_silent_passes_its_input():
    x = keras.Input((6, 6, 4))
    model = keras.Model(x, networks.residual_block(x, [(3, 4), (3, 4)], 1, "block", networks.padded))
    model.get_layer("block_b_norm").gamma.assign(np.zeros(4))
    images = np.random.default_rng(0).normal(size=(3, 6, 6, 4)).astype("float32")
    np.testing.assert_allclose(values(model, images), np.maximum(images, 0), atol=1e-6)


def test_the_branch_of_a_residual_block_can_take_away():
    x = keras.Input((6, 6, 4))
    model = keras.Model(x, networks.residual_block(x, [(3, 4), (3, 4)], 1, "block", networks.padded))
    norm = model.get_layer("block_b_norm")
    norm.gamma.assign(np.zeros(4))
    norm.beta.assign(np.full(4, -1.0))
    images = np.random.default_rng(0).normal(size=(3, 6, 6, 4)).astype("float32")
    np.testing.assert_allclose(values(model, images), np.maximum(images - 1, 0), atol=1e-6)


@pytest.mark.parametrize("depth", [8, 20, 56])
def test_plain_and_residual_have_equally_many_parameters_and_products(depth):
    plain, residual = (outline("cifar_resnet", depth, residual=residual) for residual in (False, True))
    assert (trainable(plain), macs(plain)) == (trainable(residual), macs(residual))
    assert not [layer for layer in plain.layers if "add" in layer.name or "shortcut" in layer.name]
    # section 4.2: 6n + 2 layers with weights, 2n at each size
    sizes = [layer.output.shape[1:] for layer in weighted(plain, keras.layers.Conv2D)]
    per_stage = (depth - 2) // 3
    assert sizes == [(32, 32, 16)] * (per_stage + 1) + [(16, 16, 32)] * per_stage + [(8, 8, 64)] * per_stage


def test_projections_cost_two_convolutions():
    projections = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    assert trainable(outline("cifar_resnet", 20, projection=True)) == 269_722 + projections


@pytest.mark.parametrize("depth, remedy", [(21, "try 20"), (2, "try 8"), (-4, "try 8"), (54, "try 56")])
def test_a_depth_that_is_not_6n_plus_2_is_refused(depth, remedy):
    with pytest.raises(ValueError, match=rf"depth {depth} .*{remedy}"):
        networks.cifar_resnet(depth)


def test_a_depth_that_vgg_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"depth 12 .*\[11, 13, 16, 19\]"):
        networks.cifar_vgg(12)


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_cifar_vgg_has_the_convolutions_of_table_1(depth):
    model = outline("cifar_vgg", depth)
    assert len(weighted(model, keras.layers.Conv2D)) == depth - 3
    assert [shape(model, f"pool{block}") for block in range(1, 6)] == [
        (16, 16, 32),
        (8, 8, 64),
        (4, 4, 128),
        (2, 2, 256),
        (1, 1, 256),
    ]


# by hand: a convolution has 9·C·F + F parameters, a dense layer C·F + F
MNIST = [
    (784 * 128 + 128 + 1290, "mnist_dense", {}),
    (320 + 18_496 + 73_856 + 2048 * 625 + 625 + 6260, "mnist_conv", {}),
    (160 + 4640 + 18_496 + 1024 * 76 + 76 + 770, "mnist_conv", {"widths": (16, 32, 64), "units": 76}),
    (160 + 2320 + 4640 + 9248 + 18_496 + 36_928 + 1024 * 50 + 50 + 510, "mnist_deep", {}),
]


@pytest.mark.parametrize("parameters, builder, options", MNIST)
def test_the_mnist_networks_have_the_parameters_of_lesson_09(parameters, builder, options):
    assert trainable(outline(builder, **options)) == parameters


def test_lesson_09_fights_at_equal_parameters_and_at_equal_work():
    conv = outline("mnist_conv", widths=(16, 32, 64), units=76)
    same_size, same_work = (outline("mnist_dense", units=(units,)) for units in (128, 2516))
    assert trainable(same_size) == pytest.approx(trainable(conv), rel=0.02)
    assert macs(same_work) == pytest.approx(macs(conv), rel=0.02)


def test_the_lectures_mnist_network_has_its_shapes_and_products():
    model = outline("mnist_conv")
    assert macs(model) == 8_737_386  # claim C6, with the products alone
    names = ["conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "flatten", "fc1"]
    maps = [(28, 28, 32), (14, 14, 32), (14, 14, 64), (7, 7, 64), (7, 7, 128), (4, 4, 128), (2048,), (625,)]
    assert [shape(model, name) for name in names] == maps


def test_images_are_turned_in_training_only():
    keras.utils.set_random_seed(0)
    turn = networks.mnist_deep(rotation=30).get_layer("rotate")
    bar = np.zeros((20, 28, 28, 1), "float32")
    bar[:, 13:15, 4:24] = 1
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(turn(bar, training=False)), bar)
    turned = keras.ops.convert_to_numpy(turn(bar, training=True))
    rises = turned[:, :, 21:, 0].sum(2) @ np.arange(28) / turned[:, :, 21:, 0].sum((1, 2)) - 13.5
    limit = 9 * math.tan(math.radians(30)) + 0.5
    assert np.ptp(rises) > limit and np.abs(rises).max() < limit


def test_the_small_networks_cost_what_two_cores_can_pay():
    for builder in ("cifar_alexnet", "cifar_googlenet", "cifar_resnet"):
        assert macs(outline(builder)) < 60e6


def test_cifar_fast_has_the_published_size_and_shapes():
    # airbench94: 1.97 M parameters; 31, 15, 7, 3 pixels (the 2x2 first layer has no padding)
    model = networks.cifar_fast()
    assert (model.count_params() - 2 * 2 * (64 + 256 + 256), trainable(model)) == (1_971_640, 1_971_640 - 288)
    names = ["whiten", "pool1", "conv1_2", "conv2_2", "conv3_2", "pool"]
    assert [shape(model, name) for name in names] == [
        (31, 31, 24),
        (15, 15, 64),
        (15, 15, 64),
        (7, 7, 256),
        (3, 3, 256),
        (1, 1, 256),
    ]


def test_cifar_fast_scales_its_logits_down():
    # airbench94's scaling factor, 1/9
    model = networks.cifar_fast((8, 8, 8))
    dense = keras.Model(model.input, model.get_layer("dense").output)
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(values(model, images) * 9, values(dense, images), rtol=1e-4, atol=1e-5)


def smooth_images(seed=0):
    """Random walks over the pixels: neighbours and colours are strongly correlated, as in photographs."""
    walks = np.random.default_rng(seed).normal(size=(50, 32, 32, 3)).cumsum(1).cumsum(2).cumsum(3)
    return (walks / walks.std()).astype("float32")


def test_whitening_leaves_patches_uncorrelated():
    images = smooth_images()
    kernels = networks.whitening_kernels(images, epsilon=0)
    responses = np.reshape(tf.nn.conv2d(images, kernels, 1, "VALID"), (-1, 24))
    np.testing.assert_allclose(responses[:, 12:], -responses[:, :12], atol=1e-4)
    products = responses[:, :12].T @ responses[:, :12] / len(responses)
    np.testing.assert_allclose(products, np.eye(12), atol=0.01)


@pytest.mark.parametrize("scale", [1, 0.01])
def test_whitening_adds_epsilon_to_the_variance(scale):
    """Each kernel is an eigenvector over the root of its eigenvalue plus epsilon, at weak contrast too."""
    epsilon, images = 5e-4, scale * smooth_images().astype(float)
    kernels = networks.whitening_kernels(images, epsilon).reshape(12, 24)[:, :12]
    patches = np.stack(
        [images[:, row : row + 31, column : column + 31] for row in (0, 1) for column in (0, 1)], 3
    )
    patches = patches.reshape(-1, 12)  # rows of the window, its columns, channels
    variances = np.linalg.svd(patches, compute_uv=False) ** 2 / len(patches)
    np.testing.assert_allclose(np.linalg.norm(kernels, axis=0), 1 / np.sqrt(variances + epsilon), rtol=1e-6)


def test_whiten_sets_the_first_layer_and_training_leaves_it():
    model, images = networks.cifar_fast((8, 8, 8)), smooth_images()
    networks.whiten(model, images)
    expected = tf.nn.conv2d(images, networks.whitening_kernels(images), 1, "VALID")
    first = model.get_layer("whiten")
    np.testing.assert_allclose(values(first, images), expected, atol=1e-4)
    assert [variable.path for variable in first.trainable_variables] == ["whiten/bias"]


@given(st.integers(1, 6), st.integers(1, 9))
def test_partly_identity_passes_the_first_maps_through(channels, filters):
    images = np.random.default_rng(0).normal(size=(2, 5, 6, channels)).astype("float32")
    passed = tf.nn.conv2d(images, fast.partly_identity((3, 3, channels, filters)), 1, "SAME")
    same = min(channels, filters)
    np.testing.assert_array_equal(passed[..., :same], images[..., :same])
    beyond = fast.partly_identity((3, 3, channels, filters))[..., channels:]
    assert np.all(np.abs(beyond) <= 1 / math.sqrt(9 * channels))
    assert np.all(np.std(beyond, axis=(0, 1, 2)) > 0)


def test_layers_of_one_shape_start_differently():
    model = networks.cifar_fast((8, 8, 8), dirac=False)
    first, second = (keras.ops.convert_to_numpy(model.get_layer(f"conv{n}_2").kernel) for n in (1, 2))
    assert np.abs(first - second).max() > 0.01


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_trainable_weight(name):
    keras.utils.set_random_seed(0)
    model = SMALL[name]()
    images = tf.random.normal((8, *model.input.shape[1:]), seed=0)
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        loss = keras.losses.sparse_categorical_crossentropy(np.arange(8), outputs, from_logits=True)
    assert outputs.shape == (8, 10)
    gradients = tape.gradient(loss, weights)
    silent = [v.path for v, g in zip(model.trainable_variables, gradients) if g is None or not np.any(g)]
    assert silent == []


@pytest.mark.parametrize("name", ["alexnet, local", "resnet14", "fast, narrow"])
def test_a_saved_network_comes_back(name, tmp_path):
    model = SMALL[name]()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(values(model, images), values(loaded, images), atol=1e-5)
    assert trainable(model) == trainable(loaded)


@pytest.mark.parametrize("name", ["alexnet, local", "vgg11", "resnet14", "fast, narrow"])
def test_logits_are_float32_in_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = SMALL[name]()
    finally:
        keras.config.set_dtype_policy("float32")
    outputs = model(np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32"))
    assert (outputs.dtype, bool(np.isfinite(outputs).all())) == ("float32", True)
    assert "bfloat16" in {layer.compute_dtype for layer in model.layers}


def test_no_builder_knows_a_backend():
    """Three modules do: `tf_nn`, the network of lesson 08 in TensorFlow's operations, and two fast ones."""
    imported = set()
    for path in Path(networks.__file__).parent.glob("*.py"):
        if path.stem in ("tf_nn", "normalization", "gelu"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    assert "keras" in imported and not imported & {"tensorflow", "jax", "torch"}


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("compute", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(4, 5, 6, 7), (60, 7)])
def test_fused_normalization_is_keras_batch_normalization(scale, training, compute, shape):
    images = np.random.default_rng(0).normal(3, 2, shape).astype("float32")

    def found(layer_class):
        norm = layer_class(scale=scale, momentum=0.9, epsilon=1e-12, dtype=compute, name="norm")
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input(shape[1:]), keras.layers.Dense(7), norm])
        with tf.GradientTape() as tape:
            outputs = model(images, training=training)
            loss = tf.reduce_sum(tf.sin(tf.cast(outputs, tf.float32)))
        gradients = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
        paths = [weight.path.partition("/")[2] for weight in norm.weights]
        return paths, [outputs, loss, *gradients, *model.get_weights()]

    (our_paths, ours), (paths, theirs) = (
        found(networks.FusedBatchNormalization),
        found(keras.layers.BatchNormalization),
    )
    assert our_paths == paths
    loose = compute != "float32"
    for mine, keras_own in zip(ours, theirs):
        assert mine.dtype == keras_own.dtype
        mine, keras_own = (np.asarray(tf.cast(value, tf.float32)) for value in (mine, keras_own))
        np.testing.assert_allclose(mine, keras_own, rtol=0.05 if loose else 1e-3, atol=0.5 if loose else 1e-3)


def test_the_usual_training_step_is_one_fused_operation():
    layer = networks.FusedBatchNormalization()
    layer.build((None, 4, 4, 3))

    def operations(training):
        function = tf.function(lambda maps: layer(maps, training=training))
        return {
            op.type
            for op in function.get_concrete_function(tf.TensorSpec((2, 4, 4, 3))).graph.get_operations()
        }

    assert "FusedBatchNormV3" in operations(training=True) and "FusedBatchNormV3" not in operations(False)
    layer.trainable = False
    before = layer.get_weights()
    layer(np.ones((2, 4, 4, 3), "float32"), training=True)
    for was, now in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(was, now)  # frozen, as in Keras


def test_a_network_with_fused_layers_is_saved_and_loaded(tmp_path):
    model = networks.cifar_fast((4, 4, 4))
    model.save(tmp_path / "fast.keras")
    again = keras.models.load_model(tmp_path / "fast.keras")
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(model(images), again(images))
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]


@pytest.mark.parametrize(("dtype", "nearly"), [("float32", 1e-6), ("bfloat16", 0.02)])
def test_gelu_in_one_pass_is_keras_gelu(dtype, nearly):
    x = tf.cast(tf.linspace(-8.0, 8.0, 1001), dtype)
    upstream = tf.cast(tf.random.stateless_normal((1001,), (0, 0)), dtype)
    found = []
    for nonlinearity in (networks.gelu, partial(keras.activations.gelu, approximate=False)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = nonlinearity(x)
        found.append([y, tape.gradient(y, x, upstream)])
        assert y.dtype == found[-1][1].dtype == x.dtype
    for ours, keras_own in zip(*found):
        np.testing.assert_allclose(tf.cast(ours, "float32"), tf.cast(keras_own, "float32"), atol=nearly)
