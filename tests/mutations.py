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
COPIED = ("lib", "tests", "data", "pyproject.toml", "README.md", "LICENSE")
DEAR = ("pytest", "numpy", "hypothesis", "matplotlib.pyplot", "tensorflow", "keras")
# plugins that take seconds to import
USELESS = ("cacheprovider", "nbval", "xdist", "xdist.looponfail", "anyio")
LONGEST = 120  # seconds that one test may take
OUTCOMES = {0: "SURVIVED", 1: "caught"}  # pytest's exit status; any other means that no test has judged


class Fault(NamedTuple):
    """A fault: the text of `file` (in lib) that stands there once and what replaces it.

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
        return f"lib/{self.file}"

    def nodes(self) -> list[str]:
        """Return what pytest is to run."""
        return [self.path if test == "doctests" else f"tests/{test}" for test in self.tests]

    def planted(self, root: Path) -> str:
        """Return the text of the file in `root` with the fault in it; ValueError unless it fits once."""
        text = (root / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {text.count(self.old)} places in {self.path} read {self.old!r}")
        return text.replace(self.old, self.new)


FAULTS = [
    Fault(
        name="ceil-for-floor",
        file="convlab/shapes/arithmetic.py",
        old="return (padded_size - reach) // stride + 1",
        new="return -(-(padded_size - reach) // stride) + 1",
        what="a place that the kernel cannot reach is counted",
        tests=("test_shapes.py::test_lectures_sizes",),
    ),
    Fault(
        name="same-padding-first",
        file="convlab/shapes/arithmetic.py",
        old="return total // 2, total - total // 2",
        new="return total - total // 2, total // 2",
        what='the odd pixel of "same" goes to the top left',
        tests=("test_shapes.py::test_same_padding_is_what_tensorflow_adds",),
    ),
    Fault(
        name="depthwise-as-full",
        file="convlab/shapes/keras_model.py",
        old="return _values(came) * math.prod(layer.kernel.shape[:-2])",
        new="return _values(came) * math.prod(layer.kernel.shape[:-1])",
        what="a depthwise convolution multiplies over all channels",
        tests=("test_shapes.py::test_macs_by_hand_for_every_kind_of_convolution",),
    ),
    Fault(
        name="kernel-flipped",
        file="convlab/layers/convolution.py",
        old="matrix = layout.kernel_matrix(kernels)\n    maps",
        new="matrix = layout.kernel_matrix(kernels[::-1, ::-1])\n    maps",
        what="a convolution in the mathematicians' sense",
        tests=("test_convolution.py::test_conv2d_equals_tensorflows",),
    ),
    Fault(
        name="transposed-kernel-turned",
        file="convlab/layers/transposed.py",
        old="maps @ kernels[row, column].T",
        new="maps @ kernels[-1 - row, column].T",
        what="a transposed convolution lays its kernels upside down",
        tests=("test_transposed.py::test_values_and_gradients_are_tensorflows",),
    ),
    Fault(
        name="void-counts",
        file="convlab/applications/segmentation.py",
        old="tf.constant([*weights, 0.0], tf.float32)",
        new="tf.constant([*weights, 1.0], tf.float32)",
        what="pixels without a class count in the loss",
        tests=("test_segmentation.py::test_image_and_mask_are_mirrored_together_and_void_does_not_count",),
    ),
    Fault(
        name="mask-not-mirrored",
        file="convlab/applications/segmentation.py",
        old='tf.cast(masks[..., None], tf.float32), boxes, rows, size, "nearest"',
        new='tf.cast(masks[..., None], tf.float32), tf.sort(boxes), rows, size, "nearest"',
        what="an image is mirrored, and its mask is not",
        tests=("test_segmentation.py::test_image_and_mask_are_mirrored_together_and_void_does_not_count",),
    ),
    Fault(
        name="union-counts-twice",
        file="convlab/applications/segmentation.py",
        old="confusion.sum(axis=0) + confusion.sum(axis=1) - both",
        new="confusion.sum(axis=0) + confusion.sum(axis=1)",
        what="the intersection counts twice in the union",
        tests=("test_segmentation.py::test_scores_are_those_of_keras_and_of_counting_by_hand",),
    ),
    Fault(
        name="gram-of-places",
        file="convlab/applications/style.py",
        old="return values.transpose(0, 2, 1) @ values",
        new="return (values.transpose(0, 2, 1) @ values) / values.shape[1]",
        what="a Gram matrix is a mean, and the style target is divided twice",
        tests=("test_style.py::test_a_gram_matrix_is_the_sum_of_products_over_places",),
    ),
    Fault(
        name="style-colours-swapped",
        file="convlab/applications/style.py",
        old="self.network(tf.reverse(pixels, [3]) - tf.constant(MEAN_BGR), training=False)",
        new="self.network(pixels - tf.constant(MEAN_BGR), training=False)",
        what="the trunk is given red first",
        tests=("test_style.py::test_the_objective_has_the_losses_of_the_lesson",),
    ),
    Fault(
        name="style-of-one-layer",
        file="convlab/applications/style.py",
        old='parts["style"] += relative / len(self.targets)',
        new='parts["style"] = relative / len(self.targets)',
        what="only the last layer counts in the style loss",
        tests=("test_style.py::test_the_objective_has_the_losses_of_the_lesson",),
    ),
    Fault(
        name="one-group-of-maps",
        file="convlab/networks/style_transfer.py",
        old="layers.GroupNormalization(groups=-1,",
        new="layers.GroupNormalization(groups=1,",
        what="the style network normalises all maps of a picture together",
        tests=("test_style.py::test_the_network_takes_sizes_of_all_kinds_and_normalises_each_picture_alone",),
    ),
    Fault(
        name="one-place-of-the-row",
        file="convlab/layers/im2col.py",
        old=":, place] for place in range(self.places_per_row)]",
        new=":, place] for place in range(1)]",
        what="the kernels' gradient leaves places out",
        tests=("test_convolution.py::test_gradients_of_conv2d_equal_tensorflows",),
    ),
    Fault(
        name="ties-share-the-gradient",
        file="convlab/layers/pooling.py",
        old="            waiting ^= found\n",
        new="            waiting |= found\n",
        what="every largest pixel gets the whole gradient",
        tests=("test_convolution.py::test_gradients_of_pools_equal_tensorflows_ties_included",),
    ),
    Fault(
        name="batch-norm-gradient-short",
        file="convlab/layers/normalization.py",
        old="dy = dy - beta_mean - self.normal * gamma_mean",
        new="dy = dy - beta_mean",
        what="no gradient through the variance",
        tests=("test_layers.py::test_forward_and_backward_equal_tensorflow",),
    ),
    Fault(
        name="sum-for-mean-in-loss",
        file="convlab/layers/losses.py",
        old="dlogits /= len(labels)",
        new="dlogits /= 1",
        what="the loss is a mean, its gradient that of a sum",
        tests=("test_layers.py::test_softmax_cross_entropy_equals_tensorflow",),
    ),
    Fault(
        name="adam-uncorrected",
        file="convlab/optimizers.py",
        old=" / (1 - self.beta_1**self.steps)",
        new="",
        what="the first steps are too small",
        tests=("test_optimizers.py::test_twenty_steps_equal_those_of_keras",),
    ),
    Fault(
        name="half-genuine",
        file="convlab/datasets/images.py",
        old="return (digest(x_train, y_train), digest(x_test, y_test)) == published.digests",
        new="return digest(x_train, y_train) == published.digests[0]",
        what="test images of any kind count as published",
        tests=("test_datasets.py::test_a_copy_with_one_split_of_another_is_not_genuine",),
    ),
    Fault(
        name="pickles-allowed",
        file="convlab/datasets/readers.py",
        old="with np.load(stream, allow_pickle=False) as arrays:",
        new="with np.load(stream, allow_pickle=True) as arrays:",
        what="a data set may run code",
        tests=("test_datasets.py::test_a_faulty_file_is_named_and_the_next_source_taken",),
    ),
    Fault(
        name="test-images-as-training",
        file="convlab/datasets/drawn.py",
        old="*draw(test, 2 * seed + 1)",
        new="*draw(test, 2 * seed)",
        what="the stand-in's test images are training images",
        tests=("test_drawn.py::test_seeds_and_splits_differ",),
    ),
    Fault(
        name="shift-axes-swapped",
        file="convlab/training/augmentation.py",
        old="rows = ops.arange(height) + shift[:, :1]",
        new="rows = ops.arange(height) + shift[:, 1:]",
        what="one number moves rows and columns",
        tests=("test_training.py::test_gather_is_pad_crop_and_flip_in_numpy",),
    ),
    Fault(
        name="weights-grow",
        file="convlab/training/updates.py",
        old="gradient = gradient + weight_decay * weight",
        new="gradient = gradient - weight_decay * weight",
        what="weight decay with the wrong sign",
        tests=("test_training.py::test_weight_decay_is_the_gradient_of_half_the_squared_weights",),
    ),
    Fault(
        name="trained-on-what-is-held-out",
        file="convlab/training/fitting.py",
        old="return (np.sort(order[validation:]), np.sort(order[:validation]))",
        new="return (np.sort(order), np.sort(order[:validation]))",
        what="images are trained on and judged",
        tests=("test_training.py::test_fit_never_reads_the_test_images_and_never_trains_on_those_held_out",),
    ),
    Fault(
        name="written-in-place",
        file="convlab/files.py",
        old='        with part.open("wb") as file:\n            write(file)\n            file.flush()\n            os.fsync(file.fileno())\n        if path.exists():\n            part.chmod(path.stat().st_mode & 0o777)\n        part.replace(path)\n',
        new='        with path.open("wb") as file:\n            write(file)\n',
        what="an interruption leaves half a file in place of the old one",
        tests=("test_runs.py::test_an_interruption_leaves_the_file_that_was_there",),
    ),
    Fault(
        name="weights-of-another-network",
        file="convlab/runs.py",
        old="    if ours != theirs:\n",
        new="    if len(ours) != len(theirs):\n",
        what="weights of other shapes are taken",
        tests=("test_runs.py::test_weights_come_back_as_float16",),
    ),
    Fault(
        name="shortcut-lost",
        file="convlab/networks/resnet.py",
        old='y = layers.Add(name=f"{name}_add")([y, shortcut(x, maps, strides, f"{name}_shortcut")])',
        new='y = layers.Add(name=f"{name}_add")([y, y])',
        what="the branch is added to itself",
        tests=("test_networks.py::test_a_residual_block_whose_branch_is_silent_passes_its_input",),
    ),
    Fault(
        name="patches-whitened-too-weakly",
        file="convlab/networks/fast.py",
        old="np.sqrt(values + epsilon)",
        new="(np.sqrt(values) + epsilon)",
        what="epsilon is added to the deviation, not to the variance",
        tests=("test_networks.py::test_whitening_adds_epsilon_to_the_variance",),
    ),
    Fault(
        name="grad-cam-without-relu",
        file="convlab/explain/gradcam.py",
        old="tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))",
        new="tf.reduce_sum(weights * maps, axis=-1)",
        what="what speaks against the label stays",
        tests=(
            "test_explain.py::test_grad_cam_cuts_off_what_speaks_against_and_takes_each_image_its_own_label",
        ),
    ),
    Fault(
        name="mean-for-most",
        file="convlab/explain/maps.py",
        old="np.argsort(-flat.max(axis=1)",
        new="np.argsort(-flat.mean(axis=1)",
        what="an image excites a channel by its mean, not by its largest value",
        tests=("test_explain.py::test_one_strong_response_excites_more_than_many_weak_ones",),
    ),
    Fault(
        name="overwritten-arguments-accepted",
        file="convlab/exercises/comparing.py",
        old="        and a.changed == b.changed\n",
        new="",
        what="an answer may overwrite its arguments",
        tests=("test_exercises.py::test_unforeseen_answer_gets_a_message_on_what_to_look_at",),
    ),
    Fault(
        name="progress-lost-again",
        file="convlab/exercises/record.py",
        old='if statuses.get(lesson, {}).get(exercise) != "right":',
        new="if statuses is not None:",
        what="a later wrong attempt takes a right one away",
        tests=("test_exercises.py::test_progress_remembers_the_best_and_only_attempts",),
    ),
    Fault(
        name="explorer-without-its-networks",
        file="convlab/notebook/widgets.py",
        old='networks = self.options.get("names", ())',
        new="networks = ()",
        what="an explorer has no network that answers",
        tests=("test_widgets.py::test_script_has_the_networks_that_its_explorer_asks_and_no_others",),
    ),
    Fault(
        name="search-ends-at-an-edge",
        file="coursekit/measuring/record.py",
        old="return best / 2 if best == min(shares) else None",
        new="return None",
        what="no rate below the lowest is tried, though it is the best so far",
        tests=("test_record.py::test_a_search_goes_on_while_the_best_rate_is_at_an_edge",),
    ),
    Fault(
        name="recorded-accuracy-believed",
        file="coursekit/measuring/verify.py",
        old="if abs(share - run.test[view]) > ROUNDING",
        new="if abs(share - run.test[view]) > 1",
        what="a run is verified whatever its stored weights get right",
        tests=("test_record.py::test_a_changed_record_is_found",),
    ),
    Fault(
        name="first-epoch-is-0",
        file="convlab/plots/comparison.py",
        old="np.arange(1, len(values) + 1)",
        new="np.arange(len(values))",
        what="what was measured after the first epoch stands at 0",
        tests=("test_plots_comparison.py::test_the_first_epoch_is_epoch_1",),
    ),
    Fault(
        name="surface-transposed",
        file="convlab/plots/lines.py",
        old="for w in across] for b in up]",
        new="for b in up] for w in across]",
        what="w and b change places",
        tests=("test_plots.py::test_loss_surface_is_not_transposed",),
    ),
]


def main(arguments: list[str] | None = None) -> int:
    """Plant the faults that are named, or all; print what became of each, and return 1 if one survives."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a fault, or part of a file's name")
    parser.add_argument("--list", action="store_true", help="only say what would be planted")
    options = parser.parse_args(arguments)
    chosen = [fault for fault in FAULTS if _meant(fault, options.names)]
    if not chosen:
        print("no such fault; `--list` names all", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{fault.name:34}{fault.file:36}{fault.what}" for fault in chosen))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        return _surveyed(chosen, copied(Path(folder)))


def _meant(fault: Fault, names: list[str]) -> bool:
    return not names or any(name == fault.name or name in fault.file for name in names)


def copied(root: Path, *further: str) -> Path:
    """Copy what the tests need, and the folders `further`; return the folder that has it all."""
    for name in (*COPIED, *further):
        whole = ROOT / name
        if whole.is_file():
            shutil.copy(whole, root)
        else:
            shutil.copytree(whole, root / name, ignore=shutil.ignore_patterns("__pycache__", "browser"))
    return root


def _surveyed(chosen: list[Fault], root: Path) -> int:
    """Run the tests without a fault, then with each; print a line for each and the sum."""
    warm({node for fault in chosen for node in fault.nodes()}, root)
    nodes = list(dict.fromkeys(node for fault in chosen for node in fault.nodes()))
    status, seconds, words = tested(nodes, root)
    if status:
        print(f"{words}\nThese tests do not pass even without a fault: repair that first.", file=sys.stderr)
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
        status, seconds, words = tested(fault.nodes(), root)
    finally:
        place.write_text(whole, encoding="utf-8")
    outcome = OUTCOMES.get(status, f"NOT JUDGED (pytest ends with {status})")
    print(f"{outcome:10}{seconds:5.1f} s  {fault.name:34}{fault.file:36}{fault.what}", flush=True)
    if status not in OUTCOMES:
        print("\n".join(words.splitlines()[-15:]))
    return outcome


def warm(nodes: set[str], root: Path) -> None:
    """Import here what is dear and what these tests need, so that the forked processes find it imported."""
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "MPLBACKEND": "agg", "PYTHONDONTWRITEBYTECODE": "1"}
    os.environ["PYTHONPATH"] = str(root / "lib")
    sys.dont_write_bytecode = True  # a fault of the same length, planted in the same second, would hide
    texts = [(root / node.partition("::")[0]).read_text(encoding="utf-8") for node in nodes]
    for module in DEAR:
        if module in ("pytest", "numpy") or any(module.partition(".")[0] in text for text in texts):
            importlib.import_module(module)


def tested(nodes: list[str], root: Path, longest: float | None = None) -> tuple[int, float, str]:
    """Run tests of the copy in a forked process; return pytest's exit status, seconds, and what it said.

    A process that takes longer than `longest` seconds is ended; its status is negative.
    """
    began, said = time.perf_counter(), root / "said.txt"
    process = multiprocessing.get_context("fork").Process(target=_run, args=(nodes, root, said))
    process.start()
    process.join(longest)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode, time.perf_counter() - began, said.read_text(encoding="utf-8", errors="replace")


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
