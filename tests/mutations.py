"""Plant faults in the package, one at a time, and see whether the unit tests notice: `make mutations`.

    python tests/mutations.py [--list] [NAME …]

The faults are planted in a copy in a temporary folder, which the tests then import; the clone stays as it is.
First the tests must pass without any fault. Each fault has a fresh process, forked from one that has imported
what is dear (TensorFlow, Keras), so that a fault costs a second or two. Exit status 1 if a fault survives.
"""

import argparse
import importlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("lib", "tests", "data", "pyproject.toml")
DEAR = ("pytest", "numpy", "hypothesis", "matplotlib.pyplot", "tensorflow", "keras")
# plugins that take seconds to import
USELESS = ("cacheprovider", "nbval", "xdist", "xdist.looponfail", "anyio")
LONGEST = 120  # seconds that one test may take
OUTCOMES = {0: "SURVIVED", 1: "caught"}  # pytest's exit status; any other means that no test has judged


class Fault(NamedTuple):
    """A fault: the text of `file` (in lib/convlab) that stands there once and what replaces it.

    `tests` names who must notice: test functions as "test_shapes.py::test_name", test files, or "doctests",
    the examples in the file itself.
    """

    name: str
    file: str
    old: str
    new: str
    what: str
    tests: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file's place in the project."""
        return f"lib/convlab/{self.file}"

    def nodes(self) -> list[str]:
        """Return what pytest is to run."""
        return [self.path if test == "doctests" else f"tests/{test}" for test in self.tests]

    def planted(self, root: Path) -> str:
        """Return the text of the file in `root` with the fault in it; ValueError unless it fits once."""
        text = (root / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {text.count(self.old)} places in {self.path} read {self.old!r}")
        return text.replace(self.old, self.new)


def _faults(file: str, *rows: tuple[str, ...]) -> list[Fault]:
    """Return the faults of one file: rows of name, old text, new text, what it is, tests."""
    return [Fault(name, file, old, new, what, tests) for name, old, new, what, *tests in rows]


FAULTS = [
    *_faults(
        "shapes/arithmetic.py",
        (
            "ceil-for-floor",
            "return (room - reach) // stride + 1",
            "return -(-(room - reach) // stride) + 1",
            "a place that the kernel cannot reach is counted",
            "test_shapes.py::test_lectures_sizes",
        ),
        (
            "same-padding-first",
            "return total // 2, total - total // 2",
            "return total - total // 2, total // 2",
            'the odd pixel of "same" goes to the top left',
            "test_shapes.py::test_same_padding_is_what_tensorflow_adds",
        ),
        (
            "receptive-field-off-by-one",
            'field += (_whole("kernel", kernel_size) - 1) * step',
            'field += _whole("kernel", kernel_size) * step',
            "each layer adds one step too many",
            "test_shapes.py::test_receptive_field_is_as_wide_as_the_gradient_of_one_output",
        ),
        (
            "receptive-field-strides-forgotten",
            'step *= _whole("stride", stride)',
            'step = _whole("stride", stride)',
            "strides do not multiply",
            "test_shapes.py::test_receptive_field_is_as_wide_as_the_gradient_of_one_output",
        ),
        (
            "dilation-reaches-too-far",
            'return (_whole("kernel", kernel_size) - 1) * _whole("dilation", dilation) + 1',
            'return _whole("kernel", kernel_size) * _whole("dilation", dilation)',
            "a dilated kernel ends in a gap",
            "test_shapes.py::test_output_size_equals_tensorflows_for_convolution",
        ),
        (
            "bias-always-counted",
            "return kernel_size**2 * inputs * outputs + bool(bias) * outputs",
            "return kernel_size**2 * inputs * outputs + outputs",
            "parameters without a bias count one",
            "doctests",
            "test_shapes.py::test_count_of_the_lectures_network",
        ),
    ),
    *_faults(
        "shapes/keras_model.py",
        (
            "depthwise-as-full",
            "return _values(came) * math.prod(layer.kernel.shape[:-2])",
            "return _values(came) * math.prod(layer.kernel.shape[:-1])",
            "a depthwise convolution multiplies over all channels",
            "test_shapes.py::test_macs_by_hand_for_every_kind_of_convolution",
        ),
        (
            "shared-layer-counted-twice",
            "first=id(layer) not in met",
            "first=True",
            "a layer used twice has its parameters twice",
            "test_shapes.py::test_count_tells_each_use_of_a_shared_layer_and_its_parameters_once",
        ),
        (
            "flatten-holds-memory",
            ' if row.kind not in ("Flatten", "Reshape", "Dropout")',
            "",
            "what only passes on counts as activations",
            "test_shapes.py::test_dropout_and_flatten_hold_no_memory_of_their_own",
        ),
    ),
    *_faults(
        "layers/convolution.py",
        (
            "kernel-flipped",
            "matrix = kernel_matrix(kernels, plan)\n    maps",
            "matrix = kernel_matrix(kernels[::-1, ::-1], plan)\n    maps",
            "a convolution in the mathematicians' sense",
            "test_convolution.py::test_conv2d_equals_tensorflows",
        ),
        (
            "convolution-without-bias",
            "            block += bias\n",
            "            block += 0\n",
            "the bias is lost",
            "test_convolution.py::test_conv2d_equals_tensorflows",
        ),
        (
            "float64-leaks",
            "dtype = np.result_type(images, kernels, np.float32)",
            "dtype = np.result_type(images, kernels, np.float64)",
            "float32 images give float64 maps",
            "test_convolution.py::test_conv2d_equals_tensorflows",
            "test_layers.py::test_dtype_stays_and_no_argument_is_changed",
        ),
        (
            "bias-gradient-averaged",
            "dkernel, dy.sum(axis=(0, 1, 2))",
            "dkernel, dy.mean(axis=(0, 1, 2))",
            "the bias learns too slowly",
            "test_convolution.py::test_conv2d_layer_equals_tensorflow_and_keeps_the_protocol",
        ),
    ),
    *_faults(
        "layers/im2col.py",
        (
            "stride-ignored-downwards",
            "(image, plan.stride[0] * line, plan.stride[1] * pixel, line, value)",
            "(image, line, plan.stride[1] * pixel, line, value)",
            "places move down by one",
            "test_convolution.py::test_conv2d_equals_tensorflows",
        ),
        (
            "one-place-of-the-band",
            "places = range(plan.band)\n",
            "places = range(1)\n",
            "the kernels' gradient leaves places out",
            "test_convolution.py::test_gradients_of_conv2d_equal_tensorflows",
        ),
        (
            "all-rows-at-once",
            "together = max(1, BLOCK // (down * across * values))",
            "together = max(1, len(images))",
            "memory grows with the batch",
            "test_convolution.py::test_memory_beyond_the_result_stays_small",
        ),
    ),
    *_faults(
        "layers/pooling.py",
        (
            "padding-may-be-largest",
            "padded_with(images, pool.sides, _lowest(images.dtype)), pool, np.maximum",
            "padded_with(images, pool.sides), pool, np.maximum",
            "a padded 0 beats negative pixels",
            "test_convolution.py::test_pools_equal_tensorflows",
        ),
        (
            "padding-counts-in-means",
            "pool, np.add) / _counts(images, pool)",
            "pool, np.add) / size**2",
            "padded pixels count in an average",
            "test_convolution.py::test_pools_equal_tensorflows",
        ),
        (
            "ties-share-the-gradient",
            "            waiting ^= found\n",
            "            waiting |= found\n",
            "every largest pixel gets the whole gradient",
            "test_convolution.py::test_gradients_of_pools_equal_tensorflows_ties_included",
        ),
        (
            "mean-gradient-not-shared-out",
            "share, dpadded = dy / _counts(x, pool), ",
            "share, dpadded = dy, ",
            "each pixel of an average gets the whole gradient",
            "test_convolution.py::test_gradients_of_pools_equal_tensorflows_ties_included",
        ),
    ),
    *_faults(
        "layers/windows.py",
        (
            "padding-cut-off-the-wrong-side",
            "padded[:, top : height - bottom, left : width - right]",
            "padded[:, bottom : height - top, right : width - left]",
            'an off-by-one crop where "same" pads unevenly',
            "test_convolution.py::test_gradients_of_conv2d_equal_tensorflows",
        ),
    ),
    *_faults(
        "layers/dense.py",
        (
            "dense-without-bias",
            '        y += self.params["bias"]\n',
            "        y += 0\n",
            "the bias is lost",
            "test_layers.py::test_forward_and_backward_equal_tensorflow",
        ),
    ),
    *_faults(
        "layers/activations.py",
        (
            "relu-passes-at-zero",
            "return dy * (self.y > 0)",
            "return dy * (self.y >= 0)",
            "silent units get a gradient",
            "test_layers.py::test_forward_and_backward_equal_tensorflow",
        ),
        (
            "sigmoid-overflows",
            "return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))",
            "return 1 / (1 + np.exp(-x))",
            "a warning far from zero",
            "test_layers.py::test_sigmoid_is_exact_far_from_zero_without_a_warning",
        ),
    ),
    *_faults(
        "layers/regularization.py",
        (
            "dropout-not-scaled",
            "self.mask /= 1 - self.rate",
            "self.mask /= 1",
            "what is expected shrinks in training",
            "test_layers.py::test_dropout_drops_its_share_and_keeps_what_is_expected",
        ),
        (
            "dropout-always",
            "        if not training:\n",
            "        if training is None:\n",
            "values are lost after training too",
            "test_layers.py",
        ),
    ),
    *_faults(
        "layers/normalization.py",
        (
            "batch-statistics-always",
            "mean = rows.mean(axis=0) if training else self.moving_mean",
            "mean = rows.mean(axis=0)",
            "after training the batch's own mean is used",
            "test_layers.py::test_batch_norm_keeps_the_same_averages_as_keras",
        ),
        (
            "moving-mean-too-fast",
            "self.moving_mean += (1 - self.momentum) * ",
            "self.moving_mean += self.momentum * ",
            "momentum taken for its complement",
            "test_layers.py::test_batch_norm_keeps_the_same_averages_as_keras",
        ),
        (
            "batch-norm-gradient-short",
            "dy = dy - beta_mean - self.normal * gamma_mean",
            "dy = dy - beta_mean",
            "no gradient through the variance",
            "test_layers.py::test_forward_and_backward_equal_tensorflow",
        ),
    ),
    *_faults(
        "layers/losses.py",
        (
            "sum-for-mean-in-loss",
            "dlogits /= len(labels)",
            "dlogits /= 1",
            "the loss is a mean, its gradient that of a sum",
            "test_layers.py::test_softmax_cross_entropy_equals_tensorflow",
        ),
        (
            "softmax-overflows",
            "shifted = logits - logits.max(axis=-1, keepdims=True)",
            "shifted = logits - 0",
            "logits of 1000 give NaN",
            "doctests",
        ),
        (
            "labels-out-of-range",
            "if labels.min() < 0 or labels.max() >= shape[1]:",
            "if labels.max() >= shape[1]:",
            "the label -1 means the last class",
            "test_layers.py::test_wrong_labels_are_named",
        ),
    ),
    *_faults(
        "layers/initializers.py",
        (
            "he-without-the-2",
            "sqrt(2 / fan_in)",
            "sqrt(1 / fan_in)",
            "signals halve with every ReLU",
            "test_layers.py::test_initializers_spread_as_those_of_keras",
        ),
        (
            "xavier-limit-as-spread",
            "sqrt(6 / (fan_in + fan_out))",
            "sqrt(2 / (fan_in + fan_out))",
            "the spread taken for the limit",
            "test_layers.py::test_initializers_spread_as_those_of_keras",
        ),
        (
            "truncated-at-three",
            "abs(values) > 2 * stddev",
            "abs(values) > 3 * stddev",
            "truncated normal values run too far",
            "test_layers.py::test_bounded_initializers_keep_their_bounds",
        ),
        (
            "fans-without-window",
            "return prod(window) * inputs, prod(window) * outputs",
            "return inputs, outputs",
            "a kernel's pixels do not count",
            "test_layers.py::test_fans_equal_those_of_keras",
        ),
    ),
    *_faults(
        "optimizers.py",
        (
            "momentum-sign",
            "            v -= self.learning_rate * grad\n",
            "            v += self.learning_rate * grad\n",
            "momentum climbs",
            "test_optimizers.py::test_twenty_steps_equal_those_of_keras",
        ),
        (
            "step-beside-the-weights",
            "            param -= self.learning_rate * grad\n",
            "            param = param - self.learning_rate * grad\n",
            "plain descent changes a copy",
            "test_optimizers.py::test_twenty_steps_equal_those_of_keras",
        ),
        (
            "adagrad-forgets",
            "            s += grad * grad\n",
            "            s[...] = grad * grad\n",
            "only the last gradient counts",
            "test_optimizers.py::test_twenty_steps_equal_those_of_keras",
        ),
        (
            "adam-uncorrected",
            " / (1 - self.beta_1**self.steps)",
            "",
            "the first steps are too small",
            "test_optimizers.py::test_twenty_steps_equal_those_of_keras",
        ),
        (
            "adam-default-epsilon",
            "beta_1=0.9, beta_2=0.999, epsilon=1e-7",
            "beta_1=0.9, beta_2=0.999, epsilon=1e-8",
            "the paper's ε in Keras's place",
            "test_optimizers.py::test_the_defaults_equal_those_of_keras",
        ),
    ),
    *_faults(
        "datasets/__init__.py",
        (
            "checksum-not-compared",
            'f"sha256:{original.sha256}"',
            "None",
            "any download is as good as the published file",
            "test_datasets.py::test_a_wrong_sha256_is_refused",
        ),
        (
            "half-genuine",
            "return (digest(x_train, y_train), digest(x_test, y_test)) == PUBLISHED[name].digests",
            "return digest(x_train, y_train) == PUBLISHED[name].digests[0]",
            "test images of any kind count as published",
            "test_datasets.py::test_a_copy_with_one_split_of_another_is_not_genuine",
        ),
        (
            "digest-of-one-order",
            "each = sorted(",
            "each = list(",
            "a copy in another order is not genuine",
            "test_datasets.py::test_digest_knows_the_images_in_any_order",
        ),
        (
            "labels-up-to-ten",
            "labels.max() > 9",
            "labels.max() > 10",
            "an eleventh class is let in",
            "test_datasets.py::test_a_faulty_file_is_named_and_the_next_source_taken",
        ),
        (
            "pickles-allowed",
            "with np.load(file, allow_pickle=False) as members:",
            "with np.load(file, allow_pickle=True) as members:",
            "a data set may run code",
            "test_datasets.py::test_a_faulty_file_is_named_and_the_next_source_taken",
        ),
        (
            "planes-transposed",
            "planes.transpose(0, 2, 3, 1)",
            "planes.transpose(0, 3, 2, 1)",
            "CIFAR-10 lies on its side",
            "test_datasets.py::test_originals_are_imported",
        ),
        (
            "kept-under-the-final-name",
            'unfinished = folder / "unfinished.npz"',
            'unfinished = DATA_FOLDER / f"{name}.npz"',
            "a killed download leaves half a data set",
            "test_datasets.py::test_an_interruption_while_it_is_kept_leaves_nothing",
        ),
        (
            "tried-again-and-again",
            "        _gave_up.add(name)\n",
            "        _gave_up.discard(name)\n",
            "every lesson waits for a dead network anew",
            "test_datasets.py::test_without_a_network_it_tries_once",
        ),
        (
            "offline-asks-anyway",
            "if _offline() or name in _gave_up:",
            "if name in _gave_up:",
            "CONVLAB_OFFLINE is not obeyed",
            "test_datasets.py::test_offline_asks_nobody",
        ),
        (
            "altered-copy-called-bundled",
            'if place != "data/" or not genuine:',
            'if place != "data/":',
            "an altered file in data/ passes as the course's own",
            "test_datasets.py::test_another_copy_loads_with_a_warning",
        ),
        (
            "stand-in-genuine",
            'replace(digits, source="stand-in", genuine=False)',
            'replace(digits, source="stand-in", genuine=True)',
            "digits pass as Fashion-MNIST",
            "test_datasets.py::test_mnist_stands_in_for_fashion_mnist",
        ),
        (
            "data-folder-first",
            "folders.insert(0, (Path(asked)",
            "folders.insert(1, (Path(asked)",
            "CONVLAB_DATA comes second",
            "test_datasets.py::test_each_source_in_its_order",
        ),
        (
            "sweep-takes-the-living",
            "            if _abandoned(folder):\n",
            "            if folder:\n",
            "one download removes another's folder",
            "test_datasets.py::test_the_sweep_spares_what_may_be_alive",
        ),
    ),
    *_faults(
        "datasets/drawn.py",
        (
            "test-images-as-training",
            "*draw(test, 2 * seed + 1)",
            "*draw(test, 2 * seed)",
            "the stand-in's test images are training images",
            "test_drawn.py::test_seeds_and_splits_differ",
        ),
        (
            "classes-in-order",
            "labels[start : start + BLOCK] = rng.permutation(labels[start : start + BLOCK])",
            "rng.permutation(labels[start : start + BLOCK])",
            "labels come in turn",
            "test_drawn.py",
        ),
        (
            "colour-tells-the-class",
            "rng.integers(60, 196, (n, 3), np.int16)",
            "rng.integers(60, 61, (n, 3), np.int16)",
            "every figure is as much brighter than its ground",
            "test_drawn.py",
        ),
    ),
    *_faults(
        "training/augmentation.py",
        (
            "crop-off-by-one",
            "streams[1].integers(-crop, crop, (len(order), 2), endpoint=True)",
            "streams[1].integers(-crop, max(crop, 1 - crop), (len(order), 2))",
            "no image moves all the way down or right",
            "test_training.py::test_shifts_are_in_range_and_uniform",
        ),
        (
            "flip-upside-down",
            "rows = ops.arange(height) + shift[:, :1]\n    columns = ops.where(mirror[:, None] > 0, width - 1 - ops.arange(width), ops.arange(width)) + shift[:, 1:]\n",
            "rows = ops.where(mirror[:, None] > 0, height - 1 - ops.arange(height), ops.arange(height)) + shift[:, :1]\n    columns = ops.arange(width) + shift[:, 1:]\n",
            "images are turned over the wrong axis",
            "test_training.py::test_gather_is_pad_crop_and_flip_in_numpy",
        ),
        (
            "shift-axes-swapped",
            "rows = ops.arange(height) + shift[:, :1]",
            "rows = ops.arange(height) + shift[:, 1:]",
            "one number moves rows and columns",
            "test_training.py::test_gather_is_pad_crop_and_flip_in_numpy",
        ),
        (
            "alternation-forgotten",
            "[order] + epoch) % 2",
            "[order]) % 2",
            "an image is mirrored in every epoch or in none",
            "test_training.py::test_alternating_flip_alternates",
        ),
        (
            "edge-repeated-for-reflected",
            "return (size - 1) - ops.abs((size - 1) - ops.abs(places))",
            "return ops.clip(places, 0, size - 1)",
            '"reflect" repeats the last pixel',
            "test_training.py::test_gather_is_pad_crop_and_flip_in_numpy",
        ),
        (
            "hole-beside-its-centre",
            "distance = ops.arange(size) - centre + width // 2",
            "distance = ops.arange(size) - centre",
            "cutout starts at its centre",
            "test_training.py::test_cutout_hides_a_square_around_the_hole",
        ),
        (
            "variance-for-deviation",
            "deviation = np.sqrt(shares @ levels**2 - mean**2)",
            "deviation = shares @ levels**2 - mean**2",
            "images are divided by the variance",
            "test_training.py::test_statistics_are_those_of_numpy",
        ),
        (
            "every-epoch-the-same",
            "np.random.default_rng([seed, epoch, purpose])",
            "np.random.default_rng([seed, 0, purpose])",
            "each epoch shows the same batches",
            "test_training.py::test_an_epoch_shows_each_image_once_and_depends_on_seed_and_epoch_alone",
        ),
        (
            "one-stream-for-all",
            "np.random.default_rng([seed, epoch, purpose])",
            "np.random.default_rng([seed, epoch, 0])",
            "shift, flip and order depend on each other",
            "test_training.py::test_what_is_drawn_for_one_purpose_says_nothing_of_another",
        ),
    ),
    *_faults(
        "training/schedules.py",
        (
            "triangle-to-zero",
            "[0.2, 1, 0.07]",
            "[0.2, 1, 0]",
            "the last steps move nothing",
            "test_training.py::test_schedules_match_keras_and_the_paper",
        ),
        (
            "steps-one-late",
            'progress, side="right")',
            'progress, side="left")',
            "the rate falls a step too late",
            "doctests",
        ),
        (
            "ends-on-fast-weights",
            "    if count % every:\n        shares[-1:] = 1\n",
            "",
            "a run does not end on its averaged weights",
            "test_training.py::test_look_ahead_ends_on_the_slow_weights",
        ),
    ),
    *_faults(
        "training/updates.py",
        (
            "label-smoothing-summed",
            "label_smoothing * ops.mean(log_shares, axis=1)",
            "label_smoothing * ops.sum(log_shares, axis=1)",
            "smoothing ten times too strong",
            "test_training.py::test_objective_is_keras_cross_entropy",
        ),
        (
            "nesterov-plain",
            "return weight - rate * (gradient + momentum * velocity), velocity",
            "return weight - rate * velocity, velocity",
            "plain momentum under Nesterov's name",
            "test_training.py::test_nesterov_is_keras_sgd",
        ),
        (
            "weights-grow",
            "gradient = gradient + weight_decay * weight",
            "gradient = gradient - weight_decay * weight",
            "weight decay with the wrong sign",
            "test_training.py::test_weight_decay_is_the_gradient_of_half_the_squared_weights",
        ),
        (
            "shifts-decay-faster",
            "recipe.weight_decay / factor",
            "recipe.weight_decay",
            "what learns 64 times as fast decays as fast",
            "test_training.py::test_shifts_of_normalisation_learn_faster_and_decay_as_slowly",
        ),
        (
            "slow-weights-swapped",
            "return keep * slow + (1 - keep) * weight",
            "return (1 - keep) * slow + keep * weight",
            "the share is that of the fast weights",
            "doctests",
            "test_training.py::test_a_look_ahead_goes_back_to_an_average_of_slow_and_fast_weights",
        ),
        (
            "labels-in-file-order",
            'ops.take(labels, row["order"])',
            'ops.take(labels, ops.arange(row["order"].shape[0]))',
            "images are shuffled, labels are not",
            "test_training.py::test_fit_takes_the_steps_of_keras_sgd",
        ),
    ),
    *_faults(
        "training/engine.py",
        (
            "lookahead-never-applied",
            "            if keep >= 0:\n",
            "            if keep > 1:\n",
            "no step looks ahead",
            "test_training.py::test_a_look_ahead_goes_back_to_an_average_of_slow_and_fast_weights",
        ),
        (
            "lookahead-only-noted",
            "            variable.assign(slow)\n",
            "",
            "the average is kept, and never returned to",
            "test_training.py::test_a_look_ahead_goes_back_to_an_average_of_slow_and_fast_weights",
        ),
        (
            "trained-as-if-tested",
            "objective(self.model(pixels, training=True)",
            "objective(self.model(pixels, training=False)",
            "no dropout, no batch statistics in training",
            "test_training.py::test_fit_takes_the_steps_of_keras_sgd",
            "test_training.py::test_fused_normalization_is_keras_batch_normalization",
            "test_training.py::test_the_network_learns_and_the_run_says_how",
        ),
        (
            "layers-losses-ignored",
            "total = (loss + sum(self.model.losses)) / replicas",
            "total = loss / replicas",
            "a layer's own loss is left out",
            "test_training.py::test_losses_that_a_layer_adds_are_minimised_too",
        ),
        (
            "slow-weights-not-saved",
            "self.state = [*self.weights, *others, *self.velocities, *self.slow]",
            "self.state = [*self.weights, *others, *self.velocities]",
            "a resumed run has lost its average",
            "test_training.py::test_a_resumed_run_is_the_unbroken_one",
        ),
    ),
    *_faults(
        "training/fused.py",
        (
            "variance-unbiased",
            "variance * (count - 1) / count\n",
            "variance\n",
            "the moving variance is not Keras's",
            "test_training.py::test_fused_normalization_is_keras_batch_normalization",
        ),
        (
            "gelu-slope-halved",
            "slope = below + wide * tf.exp",
            "slope = below + wide / 2 * tf.exp",
            "the fused GELU has a slope of its own",
            "test_training.py::test_fused_gelu_is_that_of_the_network",
        ),
    ),
    *_faults(
        "training/loop.py",
        (
            "trained-on-what-is-held-out",
            "return (np.sort(order[validation:]), np.sort(order[:validation]))",
            "return (np.sort(order), np.sort(order[:validation]))",
            "images are trained on and judged",
            "test_training.py::test_fit_never_reads_the_test_images_and_never_trains_on_those_held_out",
        ),
        (
            "validated-on-the-test-set",
            "images, labels = data.x_train[held_out], data.y_train[held_out]",
            "images, labels = data.x_test, data.y_test",
            "choices are made on the test images",
            "test_training.py::test_fit_never_reads_the_test_images_and_never_trains_on_those_held_out",
        ),
        (
            "resumed-in-another-order",
            "plan = planned(recipe, shape, batch_size, epochs, epoch, seed)",
            'plan = planned(recipe, shape, batch_size, epochs, epoch, seed + len(log["losses"]))',
            "a resumed run sees other batches",
            "test_training.py::test_a_resumed_run_is_the_unbroken_one",
        ),
        (
            "rates-start-anew",
            "drawn[name][epoch * each : (epoch + 1) * each]",
            "drawn[name][:each]",
            "every epoch has the rates of the first",
            "doctests",
            "test_training.py::test_plans_cover_a_fraction_of_an_epoch",
        ),
        (
            "another-run-resumed",
            "    if changed:\n",
            "    if not settings:\n",
            "a checkpoint of other settings is gone on from",
            "test_training.py::test_a_checkpoint_of_another_run_is_refused",
        ),
        (
            "shifted-views-at-full-weight",
            "[(1 / 8, view) for view in near]",
            "[(1 / 4, view) for view in near]",
            "the weights of the views add up to 1.5",
            "test_training.py::test_views_average_mirror_images_and_shifts",
        ),
        (
            "scale-from-the-test-set",
            "answers = logits(model, data.x_test, augmentation.statistics(data.x_train), view)",
            "answers = logits(model, data.x_test, augmentation.statistics(data.x_test), view)",
            "test images are standardised by their own mean",
            "test_training.py::test_test_images_are_standardised_as_the_training_images_are",
        ),
        (
            "finished-run-trained-again",
            'range(len(log["history"]), ceil(epochs))',
            "range(0, ceil(epochs))",
            "epochs that the checkpoint holds are taken again",
            "test_training.py::test_a_finished_run_is_not_trained_again",
        ),
    ),
    *_faults(
        "files.py",
        (
            "written-in-place",
            '        with part.open("wb") as file:\n            write(file)\n            file.flush()\n            os.fsync(file.fileno())\n        part.replace(path)\n',
            '        with path.open("wb") as file:\n            write(file)\n',
            "an interruption leaves half a file in place of the old one",
            "test_runs.py::test_an_interruption_leaves_the_file_that_was_there",
        ),
    ),
    *_faults(
        "training/checkpoints.py",
        (
            "damage-not-told",
            "except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:",
            "except KeyError as error:",
            "a damaged checkpoint raises whatever it raises",
            "test_training.py::test_a_damaged_checkpoint_is_reported_with_the_way_out",
        ),
    ),
    *_faults(
        "runs.py",
        (
            "three-digits",
            'f"{value:.6g}"',
            'f"{value:.3g}"',
            "figures lose digits when kept",
            "test_runs.py::test_figures_keep_six_digits",
        ),
        (
            "weights-overflow",
            'np.clip(w, half.min, half.max).astype("float16")',
            'w.astype("float16")',
            "a large weight comes back infinite",
            "test_runs.py::test_weights_come_back_as_float16",
        ),
        (
            "weights-of-another-network",
            "    if ours != theirs:\n",
            "    if len(ours) != len(theirs):\n",
            "weights of other shapes are taken",
            "test_runs.py::test_weights_come_back_as_float16",
        ),
        (
            "answers-of-any-name",
            'FOLDER.glob(f"{pattern}.json")',
            'FOLDER.glob("*.json")',
            "a pattern picks every run",
            "test_runs.py::test_a_run_comes_back_as_it_was_saved",
        ),
    ),
    *_faults(
        "networks/alexnet.py",
        (
            "groups-forgotten",
            "groups=groups if number in (2, 4, 5) else 1",
            "groups=groups if number in (2, 4) else 1",
            "conv5 sees all maps: a wrong count",
            "test_networks.py::test_trainable_parameters_are_the_published_ones",
        ),
        (
            "three-neighbours",
            "ops.abs(maps[:, None] - maps) <= 2",
            "ops.abs(maps[:, None] - maps) <= 3",
            "response normalisation looks at seven maps",
            "test_networks.py::test_local_response_normalization_is_tensorflows",
        ),
        (
            "pooling-without-overlap",
            'x = layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)',
            'x = layers.MaxPooling2D(2, 2, name=f"pool{number}")(x)',
            "AlexNet pools 2 x 2",
            "test_networks.py::test_alexnet_pools_windows_that_overlap",
        ),
    ),
    *_faults(
        "networks/vgg.py",
        (
            "vgg-one-layer-more",
            "16: (2, 2, 3, 3, 3)",
            "16: (2, 2, 3, 3, 4)",
            "VGG-16 with 17 layers",
            "test_networks.py::test_trainable_parameters_are_the_published_ones",
        ),
        (
            "vgg-unlimited-width",
            "maps = width * min(2 ** (block - 1), 8)",
            "maps = width * 2 ** (block - 1)",
            "the last block has 1,024 maps",
            "test_networks.py::test_cifar_vgg_has_the_convolutions_of_table_1",
        ),
    ),
    *_faults(
        "networks/googlenet.py",
        (
            "inception-width",
            '"4d": (112, 144, 288, 32, 64, 64)',
            '"4d": (112, 144, 288, 24, 64, 64)',
            "a number of table 1 mistyped",
            "test_networks.py::test_trainable_parameters_are_the_published_ones",
        ),
        (
            "inception-reduces-twice",
            'convolve(convolve(x, narrow5, 1, f"{name}_5x5_reduce"), fives, 5, f"{name}_5x5")',
            'convolve(convolve(x, narrow5, 1, f"{name}_5x5_reduce"), fives, 3, f"{name}_5x5")',
            "3x3 where 5x5 belongs",
            "test_networks.py::test_googlenet_multiplies_as_often_as_table_1_says",
        ),
    ),
    *_faults(
        "networks/resnet.py",
        (
            "resnet-one-block-less",
            "50: ((3, 4, 6, 3), BOTTLENECK)",
            "50: ((3, 4, 5, 3), BOTTLENECK)",
            "ResNet-50 with 47 layers",
            "test_networks.py::test_trainable_parameters_are_the_published_ones",
        ),
        (
            "branch-ends-in-relu",
            'None if last else "relu"',
            '"relu"',
            "a branch can only add, never take away",
            "test_networks.py::test_the_branch_of_a_residual_block_can_take_away",
        ),
        (
            "shortcut-lost",
            'y = layers.Add(name=f"{name}_add")([y, shortcut(x, maps, strides, f"{name}_shortcut")])',
            'y = layers.Add(name=f"{name}_add")([y, y])',
            "the branch is added to itself",
            "test_networks.py::test_a_residual_block_whose_branch_is_silent_passes_its_input",
        ),
        (
            "zero-maps-in-front",
            "(0, self.maps - x.shape[-1])))",
            "(self.maps - x.shape[-1], 0)))",
            "a shortcut pads on the wrong side",
            "test_networks.py::test_a_padded_shortcut_thins_the_pixels_and_adds_zero_maps",
        ),
        (
            "stride-in-every-block",
            "strides = 2 if stage > 2 and block == 1 else 1\n            x = residual_block(x, wider",
            "strides = 2 if block == 1 else 1\n            x = residual_block(x, wider",
            "conv2 halves the image too",
            "test_networks.py::test_shapes_are_those_of_the_table",
        ),
    ),
    *_faults(
        "networks/blocks.py",
        (
            "bias-before-normalisation",
            '"same", use_bias=False, kernel_initializer="he_normal"',
            '"same", use_bias=True, kernel_initializer="he_normal"',
            "parameters that do nothing: a wrong count",
            "test_networks.py::test_trainable_parameters_are_the_published_ones",
            "test_networks.py::test_projections_cost_two_convolutions",
        ),
        (
            "logits-in-half-precision",
            'layers.Dense(classes, dtype="float32", name=name)',
            "layers.Dense(classes, name=name)",
            "a loss of rounded logits",
            "test_networks.py::test_logits_are_float32_in_mixed_precision",
        ),
        (
            "padding-not-same",
            'maps, size, strides, "same", activation=activation',
            'maps, size, strides, "valid", activation=activation',
            "every convolution eats the border",
            "test_networks.py::test_shapes_are_those_of_the_table",
        ),
    ),
    *_faults(
        "networks/lenet.py",
        (
            "lenet-units",
            'layers.Dense(84, activation="tanh", name="F6")',
            'layers.Dense(85, activation="tanh", name="F6")',
            "F6 with a unit more: a wrong count",
            "test_networks.py::test_trainable_parameters_are_the_published_ones",
        ),
    ),
    *_faults(
        "networks/mnist.py",
        (
            "turned-six-times-too-far",
            "layers.RandomRotation(rotation / 360",
            "layers.RandomRotation(rotation / 60",
            "degrees are not shares of a turn",
            "test_networks.py::test_images_are_turned_in_training_only",
        ),
        (
            "lecture-network-pools-valid",
            'x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)\n    x = dense(',
            'x = layers.MaxPooling2D(2, name=f"pool{block}")(x)\n    x = dense(',
            "7 pixels become 3, not 4",
            "test_networks.py::test_the_lectures_mnist_network_has_its_shapes_and_products",
        ),
    ),
    *_faults(
        "networks/fast.py",
        (
            "patches-stretched",
            "(vectors / np.sqrt(values + epsilon))",
            "(vectors * np.sqrt(values + epsilon))",
            "strong patterns are made stronger",
            "test_networks.py::test_whitening_leaves_patches_uncorrelated",
        ),
        (
            "kernel-thaws",
            "        self.kernel.trainable = False\n",
            "        self.kernel.trainable = True\n",
            "training changes the whitening",
            "test_networks.py::test_whiten_sets_the_first_layer_and_training_leaves_it",
        ),
        (
            "logits-not-scaled",
            'layers.Rescaling(scale, dtype="float32", name="logits")',
            'layers.Rescaling(1, dtype="float32", name="logits")',
            "logits nine times too large",
            "test_networks.py::test_cifar_fast_scales_its_logits_down",
        ),
        (
            "identity-off-centre",
            "identity[rows // 2, columns // 2]",
            "identity[0, 0]",
            "filters pass their map on, moved by a pixel",
            "test_networks.py::test_partly_identity_passes_the_first_maps_through",
        ),
    ),
    *_faults(
        "training/precision.py",
        (
            "logits-in-bfloat16",
            "return inner[: dense[-1]] if dense else inner[:-1]",
            "return inner",
            "the loss sees rounded logits",
            "test_training.py::test_computing_in_changes_the_layers_before_the_logits_and_back",
        ),
        (
            "slowest-taken",
            "choices[int(np.argmin(",
            "choices[int(np.argmax(",
            '"auto" takes the slowest',
            "test_training.py::test_the_quickest_choice_is_taken",
        ),
    ),
    *_faults(
        "explain/gradients.py",
        (
            "gradients-as-if-tested",
            'np.asarray(images, "float32"), training=True)',
            'np.asarray(images, "float32"), training=False)',
            "gradients under the moving averages",
            "test_gradients.py",
        ),
        (
            "agreement-not-normalised",
            " / np.linalg.norm(others[name])",
            "",
            "long gradients agree more",
            "test_gradients.py::test_agreement_knows_same_opposite_and_scaled",
        ),
    ),
    *_faults(
        "explain/attribution.py",
        (
            "grad-cam-without-relu",
            "tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))",
            "tf.reduce_sum(weights * maps, axis=-1)",
            "what speaks against the label stays",
            "test_explain.py::test_grad_cam_cuts_off_what_speaks_against_and_takes_each_image_its_own_label",
        ),
        (
            "occlusion-sign",
            "falls = score(image[None])[0] - score(hidden)",
            "falls = score(hidden) - score(image[None])[0]",
            "what matters shows as what harms",
            "test_explain.py::test_occlusion_finds_the_planted_patch",
        ),
    ),
    *_faults(
        "explain/adversarial.py",
        (
            "helped-for-attacked",
            "images + epsilon * tf.sign",
            "images - epsilon * tf.sign",
            "the loss falls instead of rising",
            "test_explain.py::test_fgsm_raises_the_loss_and_keeps_the_limits",
        ),
    ),
    *_faults(
        "explain/maps.py",
        (
            "dullest-images",
            "np.argsort(-flat.max(axis=1)",
            "np.argsort(flat.max(axis=1)",
            "the images that excite least",
            "test_explain.py::test_exciting_finds_images_and_places",
        ),
    ),
    *_faults(
        "networks/tf_nn.py",
        (
            "dropout-forgotten",
            "x = tf.nn.dropout(x, dropout)",
            "x = tf.nn.dropout(x, 0 * dropout)",
            "nothing is dropped",
            "test_tf_nn.py::test_dropout_is_random_when_asked_for_and_right_on_average",
        ),
        (
            "biases-of-ones",
            "tf.Variable(tf.zeros(shape[-1:])",
            "tf.Variable(tf.ones(shape[-1:])",
            "biases do not start at 0",
            "test_tf_nn.py::test_kernels_start_truncated_and_biases_at_zero_and_a_seed_repeats",
        ),
    ),
    *_faults(
        "notebook/tensorboard.py",
        (
            "scalars-thinned-out",
            'size_guidance={"tensors": 0}',
            'size_guidance={"tensors": 10}',
            "TensorBoard's reader keeps a sample",
            "test_tensorboard.py::test_scalars_come_back_at_their_steps_all_of_them",
        ),
    ),
    *_faults(
        "exercises/engine.py",
        (
            "shapes-not-compared",
            "    if a.shape != b.shape:\n        return False\n",
            "",
            "(1, 3) passes for (3,)",
            "doctests",
        ),
        (
            "one-right-case-suffices",
            "return len(expected) == len(came) and all(\n        (a.error and",
            "return len(expected) == len(came) and any(\n        (a.error and",
            "a wrong answer is accepted",
            "test_exercises.py::test_an_answer_right_in_one_case_only_is_wrong",
        ),
        (
            "overwritten-arguments-accepted",
            "        and a.changed == b.changed\n",
            "",
            "an answer may overwrite its arguments",
            "test_exercises.py::test_unforeseen_answer_is_told_what_to_look_at",
        ),
        (
            "any-factor-fits",
            "return factor if all(agrees(x, np.multiply(y, factor), 1e-6) for x, y in pairs) else None",
            "return factor",
            "an answer is told that a factor would make it right, and it would not",
            "test_exercises.py::test_a_factor_that_fits_one_case_only_is_not_told_to_fit",
        ),
        (
            "numpys-truth-refused",
            "isinstance(came, (np.bool_, np.str_))",
            "isinstance(came, np.str_)",
            "NumPy's True is refused where True is right",
            "test_exercises.py::test_lists_and_integers_count_as_what_they_mean",
        ),
        (
            "cases-shared",
            "arguments = copy.deepcopy(case)",
            "arguments = case",
            "an answer that overwrites spoils the cases",
            "test_exercises.py::test_unforeseen_answer_is_told_what_to_look_at",
        ),
        (
            "exit-ends-the-lesson",
            "FAULTS = (Exception, SystemExit)",
            "FAULTS = (Exception,)",
            "an answer that calls exit() ends the kernel",
            "test_exercises.py::test_check_never_raises_on_hostile_objects",
        ),
        (
            "loose-tolerance",
            "    tolerance: float = 1e-5\n",
            "    tolerance: float = 1e-1\n",
            "almost right is right",
            "test_exercises.py::test_a_value_is_right_within_a_hundred_thousandth_unless_told_otherwise",
        ),
        (
            "hints-run-out",
            "given = min(_HINTS_GIVEN.get(self, 0), len(self.hints) - 1)",
            "given = _HINTS_GIVEN.get(self, 0)",
            "one hint too many raises",
            "test_exercises.py::test_hints_grow_more_precise_and_then_stay",
        ),
        (
            "answers-shown-as-html",
            "parts = html.escape(text).split",
            "parts = text.split",
            "what an answer says runs in the page",
            "test_exercises.py::test_verdict_shows_itself_as_html_without_running_what_it_quotes",
        ),
    ),
    *_faults(
        "exercises/progress.py",
        (
            "progress-lost-again",
            'if statuses.get(lesson, {}).get(exercise) != "right":',
            "if statuses is not None:",
            "a later wrong attempt takes a right one away",
            "test_exercises.py::test_progress_remembers_the_best_and_only_attempts",
        ),
        (
            "progress-thrown-away",
            "        os.replace(file(), aside)\n",
            "        file().unlink()\n",
            "a broken record is deleted",
            "test_exercises.py::test_broken_progress_is_set_aside_not_lost",
        ),
    ),
    *_faults(
        "printing.py",
        (
            "encoding-raises",
            '.encode(encoding, "convlab.stand_ins")',
            ".encode(encoding)",
            "a character that a terminal cannot show raises into a lesson",
            "test_printing.py::test_each_encoding_shows_what_it_can",
        ),
    ),
    *_faults(
        "report.py",
        (
            "figures-rounded",
            'f"{value:.4g}"',
            'f"{value:.2g}"',
            "key figures lose digits",
            "test_report.py",
        ),
    ),
    *_faults(
        "notebook/widgets.py",
        (
            "padding-not-subtracted",
            "padding, dilation)) - padding",
            "padding, dilation))",
            "the sweep starts inside the image",
            "test_widgets.py::test_sweep_says_what_tensorflow_and_walking_find",
        ),
        (
            "words-not-escaped",
            "said = html.escape(sentence, quote=True)",
            "said = sentence",
            "a sentence may hold a script",
            "test_widgets.py::test_any_function_can_be_explored_and_its_words_are_escaped",
        ),
        (
            "brightest-for-loudest",
            "np.abs(sums).argmax()",
            "sums.argmax()",
            "a strong negative answer is overlooked",
            "test_widgets.py::test_filter_explorer_says_what_tensorflow_computes",
        ),
    ),
    *_faults(
        "plots/lines.py",
        (
            "surface-transposed",
            "for slope in slopes] for intercept in intercepts]",
            "for intercept in intercepts] for slope in slopes]",
            "slope and intercept change places",
            "test_plots.py::test_loss_surface_is_not_transposed",
        ),
        (
            "best-seed-for-mean",
            "ax.plot(epochs, series.mean(axis=0)",
            "ax.plot(epochs, series.max(axis=0)",
            "the mean over seeds is their best",
            "test_plots.py::test_learning_curves_show_every_seed_and_the_mean_over_epochs",
        ),
    ),
    *_faults(
        "plots/images.py",
        (
            "own-range-for-each-picture",
            "ax.imshow(picture.squeeze(), vmin=low, vmax=high, cmap=cmap)",
            "ax.imshow(picture.squeeze(), cmap=cmap)",
            "a faint picture looks as strong as the others",
            "test_plots.py::test_images_share_one_value_range_and_hide_empty_places",
        ),
    ),
    *_faults(
        "plots/classification.py",
        (
            "diagonal-coloured",
            "errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)",
            "errors = np.asarray(matrix)",
            "right answers drown the errors",
            "test_plots.py::test_confusion_matrix_has_truth_down_and_colours_only_errors",
        ),
    ),
    *_faults(
        "plots/convolution.py",
        (
            "map-from-the-start",
            "<= row * feature_map.shape[1] + column",
            "<= row * feature_map.shape[0] + column",
            "the map fills by its height",
            "test_plots.py::test_filter_place_shows_window_products_and_the_map_so_far",
        ),
    ),
    *_faults(
        "notebook/selfcheck.py",
        (
            "old-versions-pass",
            "return need.specifier.contains(importlib.metadata.version(need.name), prereleases=True)",
            "return bool(importlib.metadata.version(need.name))",
            "any version will do",
            "test_selfcheck.py::test_a_package_that_is_there_but_too_new_is_named",
        ),
    ),
    *_faults(
        "notebook/quiet.py",
        (
            "chatter-in-the-notebook",
            "            with aside():\n                execute(module)\n",
            "            execute(module)\n",
            "TensorFlow's words at import are stored in the lesson",
            "test_quiet.py::test_chatter_at_import_goes_to_the_log_and_later_words_to_the_notebook",
        ),
    ),
    *_faults(
        "training/recipes.py",
        (
            "recipe-changed",
            "bias_rate=64.0",
            "bias_rate=6.4",
            "a number of the paper mistyped",
            "test_training.py::test_shifts_of_normalisation_learn_faster_and_decay_as_slowly",
        ),
    ),
]


def main(arguments: list[str] | None = None) -> int:
    """Plant the faults that are named, or all; print what became of each, and return 1 if one survives."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a fault, or the beginning of a file's name")
    parser.add_argument("--list", action="store_true", help="only say what would be planted")
    options = parser.parse_args(arguments)
    chosen = [fault for fault in FAULTS if _meant(fault, options.names)]
    if not chosen:
        print("no such fault; `--list` names all", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{fault.name:34}{fault.file:24}{fault.what}" for fault in chosen))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        return _surveyed(chosen, _copied(Path(folder)))


def _meant(fault: Fault, names: list[str]) -> bool:
    return not names or any(fault.name == name or fault.file.startswith(name) for name in names)


def _copied(root: Path) -> Path:
    """Copy what the tests need, and return the folder."""
    for name in COPIED:
        whole = ROOT / name
        if whole.is_file():
            shutil.copy(whole, root)
        else:
            shutil.copytree(whole, root / name, ignore=shutil.ignore_patterns("__pycache__", "browser"))
    return root


def _surveyed(chosen: list[Fault], root: Path) -> int:
    """Run the tests without a fault, then with each; print a line for each and the sum."""
    _warm({node for fault in chosen for node in fault.nodes()}, root)
    nodes = list(dict.fromkeys(node for fault in chosen for node in fault.nodes()))
    status, seconds, words = _tested(nodes, root)
    if status:
        print(f"{words}\nThese tests do not pass even without a fault: mend that first.", file=sys.stderr)
        return 2
    print(f"without a fault {len(nodes)} selections of tests pass ({seconds:.0f} s)", flush=True)
    outcomes = [_tried(fault, root) for fault in chosen]
    bad = [fault.name for fault, outcome in zip(chosen, outcomes) if outcome != "caught"]
    print(f"{len(chosen)} faults: {len(chosen) - len(bad)} caught" + f", not {', '.join(bad)}" * bool(bad))
    return int(bool(bad))


def _tried(fault: Fault, root: Path) -> str:
    """Return what became of a fault: "caught", "SURVIVED", or why no test could judge."""
    place = root / fault.path
    whole = place.read_text(encoding="utf-8")
    place.write_text(fault.planted(root), encoding="utf-8")
    try:
        status, seconds, words = _tested(fault.nodes(), root)
    finally:
        place.write_text(whole, encoding="utf-8")
    outcome = OUTCOMES.get(status, f"NOT JUDGED (pytest ends with {status})")
    print(f"{outcome:10}{seconds:5.1f} s  {fault.name:34}{fault.file:24}{fault.what}", flush=True)
    if status not in OUTCOMES:
        print("\n".join(words.splitlines()[-15:]))
    return outcome


def _warm(nodes: set[str], root: Path) -> None:
    """Import here what is dear and what these tests need, so that the forked processes find it imported."""
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "MPLBACKEND": "agg", "PYTHONDONTWRITEBYTECODE": "1"}
    os.environ["PYTHONPATH"] = str(root / "lib")
    sys.dont_write_bytecode = True  # a fault of the same length, planted in the same second, would hide
    texts = [(root / node.partition("::")[0]).read_text(encoding="utf-8") for node in nodes]
    for module in DEAR:
        if module in ("pytest", "numpy") or any(module.partition(".")[0] in text for text in texts):
            importlib.import_module(module)


def _tested(nodes: list[str], root: Path) -> tuple[int, float, str]:
    """Run tests of the copy in a forked process; return pytest's exit status, seconds, and what it said."""
    began, said = time.perf_counter(), root / "said.txt"
    process = multiprocessing.get_context("fork").Process(target=_run, args=(nodes, root, said))
    process.start()
    process.join()
    return process.exitcode, time.perf_counter() - began, said.read_text(errors="replace")


def _run(nodes: list[str], root: Path, said: Path) -> None:
    """Be the forked process: import the package from the copy, run the tests, exit with their status."""
    import pytest

    with said.open("wb") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    os.chdir(root)
    sys.path[:] = [str(root / "lib"), *(place for place in sys.path if place != str(ROOT / "tests"))]
    import convlab

    assert Path(convlab.__file__).is_relative_to(root), f"the tests would see {convlab.__file__}"
    _keep_hypothesis_short()
    options = ["-x", "-q", "--doctest-modules", "-o", f"timeout={LONGEST}", "--rootdir", str(root)]
    options += ["--hypothesis-profile", "mutations"]
    status = pytest.main([*options, *(f"-pno:{plugin}" for plugin in USELESS), *nodes])
    sys.stdout.flush()
    os._exit(status)


def _keep_hypothesis_short() -> None:
    """Register the profile of tests/conftest.py without the search for the smallest example that fails."""
    from hypothesis import HealthCheck, Phase, settings

    phases, slow = (Phase.explicit, Phase.generate), [HealthCheck.too_slow]
    settings.register_profile(
        "mutations", deadline=None, derandomize=True, phases=phases, suppress_health_check=slow
    )


if __name__ == "__main__":
    sys.exit(main())
