"""Plant faults made by a program, a random sample in each module, and count how many the tests notice.

    pip install mutmut
    python tests/mutation_survey.py [--sample 150] [--seed 0] [--seconds 600] [--log survey.jsonl] [MODULE …]

mutmut makes the faults: another operator, number or name, an argument left out, None for a value. Faults in
texts are left out, as are those in what an error says. The tests that may notice stand in TESTS. They run
once without a fault, and then with each fault, the quickest first, until one fails. So only a fault that
survives costs the time of all tests. `--seconds` leaves out the slowest.

They run as in `tests/mutations.py`: mutmut's own runner forks from a process that has run the tests, and
TensorFlow hangs in a process that is forked from one where it has computed.

A survivor is a question, not a verdict: many change nothing that anybody could notice. With `--log`, what was
tried is noted, and not tried again.
"""

import argparse
import ast
import difflib
import itertools
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mutations import copied, tested, warm

BOTH = [
    "test_convolution.py::test_errors_name_the_values",
    "test_convolution.py::test_paddings_may_be_spelled_as_tensorflow_does",
    "test_convolution.py::test_arguments_are_left_as_they_were",
    "test_convolution.py::test_whole_numbers_are_taken_as_floating_point",
]
CONVOLUTION = [
    *BOTH,
    "test_convolution.py::test_blocks_of_any_size_give_the_same",
    "test_convolution.py::test_conv2d_layer_equals_tensorflow_and_keeps_the_protocol",
    "test_convolution.py::test_conv2d_layer_draws_its_kernel_from_the_seed",
    "test_convolution.py::test_axes_added_by_indexing_are_as_good_as_any",
    "test_convolution.py::test_no_images_make_no_maps",
    "test_convolution.py::test_of_two_dtypes_the_wider_one_is_taken",
    "test_convolution.py::test_rows_are_wide_where_runs_are_short",
    "test_convolution.py::test_what_is_not_finite_stays_in_its_window",
    "test_convolution.py::test_a_sum_that_overflows_is_no_reason_to_warn",
    "test_convolution.py::test_memory_beyond_the_result_stays_small",
    "test_convolution.py::test_conv2d_equals_tensorflows",
    "test_convolution.py::test_gradients_of_conv2d_equal_tensorflows",
]
POOLING = [
    *BOTH,
    "test_convolution.py::test_pools_step_by_their_size_unless_a_stride_is_given",
    "test_convolution.py::test_pools_of_the_lectures_example",
    "test_convolution.py::test_pools_equal_tensorflows",
    "test_convolution.py::test_gradients_of_pools_equal_tensorflows_ties_included",
]


def some(file: str, *names: str) -> list[str]:
    """Return tests of a file; each name goes without its `test_`."""
    return [f"{file}::test_{name}" for name in names]


TRAINING = {
    "augmentation": [
        "a_batch_larger_than_the_images_is_refused",
        "alternating_flip_alternates",
        "an_epoch_shows_each_image_once_and_depends_on_seed_and_epoch_alone",
        "an_unknown_choice_names_those_there_are",
        "gather_is_pad_crop_and_flip_in_numpy",
        "leaving_one_augmentation_out_leaves_the_others_as_they_were",
        "shifts_are_in_range_and_uniform",
        "statistics_are_those_of_numpy",
        "the_draws_are_those_of_the_recorded_runs",
        "what_is_drawn_for_one_purpose_says_nothing_of_another",
    ],
    "checkpoints": [
        "a_checkpoint_of_another_run_is_refused",
        "a_damaged_checkpoint_is_reported_with_what_to_do",
        "a_gan_of_two_numbers_is_interrupted_and_resumed",
        "an_interruption_while_writing_leaves_the_last_checkpoint",
    ],
    "evaluation": [
        "bfloat16_trains_nearly_as_float32",
        "test_images_are_standardised_as_the_training_images_are",
        "views_average_mirror_images_and_shifts",
    ],
    "fitting": [
        "a_batch_larger_than_the_images_is_refused",
        "a_checkpoint_decides_what_is_left_to_choose",
        "a_checkpoint_of_another_run_is_refused",
        "a_look_ahead_goes_back_to_an_average_of_slow_and_fast_weights",
        "a_run_that_looks_ahead_ends_on_the_slow_weights",
        "an_interrupted_validation_is_made_up_for",
        "auto_takes_the_fastest_and_says_so",
        "bfloat16_trains_nearly_as_float32",
        "fit_never_reads_the_test_images_and_never_trains_on_those_held_out",
        "fit_takes_the_steps_of_keras_sgd",
        "losses_that_a_layer_adds_are_minimised_too",
        "plans_cover_a_fraction_of_an_epoch",
        "recipes_are_values",
        "the_network_learns_and_the_run_says_how",
        "the_progress_bar_shows_loss_accuracy_and_time_left",
        "the_seconds_count_the_choice_of_precision",
        "two_runs_of_one_seed_are_alike_and_of_another_seed_are_not",
        "what_is_held_out_does_not_depend_on_the_seed_of_the_run",
    ],
    "loop": [
        "a_checkpoint_of_another_network_is_refused",
        "a_detector_with_two_outputs_and_two_losses",
        "a_figure_that_few_steps_return_is_averaged_over_those",
        "a_finished_run_is_not_trained_again",
        "a_gan_of_two_numbers_is_interrupted_and_resumed",
        "a_run_without_steps_is_refused",
        "a_step_that_returns_no_figures_is_named",
        "parts_with_a_memory_of_their_own_are_saved",
        "runs_have_no_host_and_no_path",
        "the_progress_bar_shows_loss_accuracy_and_time_left",
    ],
    "precision": [
        "an_unknown_choice_names_those_there_are",
        "auto_takes_the_fastest_and_says_so",
        "computing_in_changes_the_layers_before_the_logits_and_back",
        "the_quickest_choice_is_taken",
        "the_trial_times_steps_that_train",
    ],
    "schedules": [
        "an_unknown_choice_names_those_there_are",
        "look_ahead_ends_on_the_slow_weights",
        "plans_cover_a_fraction_of_an_epoch",
        "schedules_match_keras_and_the_paper",
    ],
    "updates": [
        "a_look_ahead_goes_back_to_an_average_of_slow_and_fast_weights",
        "fit_takes_the_steps_of_keras_sgd",
        "nesterov_is_keras_sgd",
        "objective_is_keras_cross_entropy",
        "shifts_of_normalisation_learn_faster_and_decay_as_slowly",
        "weight_decay_is_the_gradient_of_half_the_squared_weights",
    ],
}
APPLICATIONS = (
    "boards",
    "captioning",
    "detection",
    "dqn",
    "generation",
    "segmentation",
    "selfplay",
    "sentences",
    "solver",
    "style",
    "transfer",
)
TESTS = {
    "convlab/shapes/arithmetic.py": ["test_shapes.py"],
    "convlab/shapes/keras_model.py": ["test_shapes.py"],
    "convlab/layers/convolution.py": CONVOLUTION,
    "convlab/layers/im2col.py": CONVOLUTION,
    "convlab/layers/pooling.py": POOLING,
    "convlab/layers/windows.py": ["test_convolution.py"],
    "convlab/layers/activations.py": ["test_layers.py"],
    "convlab/layers/checks.py": ["test_layers.py"],
    "convlab/layers/dense.py": ["test_layers.py"],
    "convlab/layers/initializers.py": ["test_layers.py"],
    "convlab/layers/losses.py": ["test_layers.py"],
    "convlab/layers/normalization.py": ["test_layers.py"],
    "convlab/layers/regularization.py": ["test_layers.py"],
    "convlab/layers/sequential.py": ["test_layers.py"],
    "convlab/optimizers.py": ["test_optimizers.py"],
    "convlab/explain/adversarial.py": ["test_explain.py"],
    "convlab/explain/gradcam.py": ["test_explain.py"],
    "convlab/explain/gradients.py": ["test_gradients.py"],
    "convlab/explain/maps.py": ["test_explain.py"],
    "convlab/networks/fast.py": ["test_networks.py"],
    "convlab/exercises/comparing.py": ["test_exercises.py"],
    "convlab/exercises/display.py": ["test_exercises.py"],
    "convlab/exercises/exercise.py": ["test_exercises.py"],
    "convlab/exercises/mistakes.py": ["test_exercises.py"],
    "convlab/exercises/relating.py": ["test_exercises.py"],
    "convlab/exercises/judging.py": ["test_exercises.py"],
    "convlab/exercises/progress.py": ["test_exercises.py"],
    "convlab/exercises/record.py": ["test_exercises.py"],
    "convlab/datasets/readers.py": ["test_datasets.py", "test_download.py"],
    "convlab/datasets/download.py": ["test_download.py"],
    "convlab/datasets/images.py": ["test_datasets.py"],
    "convlab/datasets/published.py": ["test_datasets.py", "test_download.py"],
    "convlab/files.py": ["test_files.py"],
    "convlab/report.py": ["test_report.py"],
    "convlab/runs.py": ["test_runs.py"],
    "convlab/layers/recurrent.py": ["test_recurrent.py"],
    "convlab/layers/temporal.py": ["test_sentences.py"],
    "convlab/layers/transposed.py": ["test_transposed.py"],
    "convlab/layers/unpooling.py": ["test_transposed.py"],
    "convlab/exercises/bank.py": ["test_recall.py"],
    "convlab/exercises/leitner.py": ["test_recall.py"],
    "convlab/exercises/recall.py": ["test_recall.py"],
    "convlab/predict.py": ["test_predict.py"],
    "convlab/serving/accounts.py": ["test_serving.py"],
    "convlab/serving/pictures.py": ["test_serving_pictures.py", "test_serving.py"],
    "convlab/serving/service.py": ["test_serving.py"],
    "convlab/serving/tokens.py": ["test_serving.py"],
    "coursekit/grading/exports.py": ["test_grade_results.py"],
    "coursekit/grading/points.py": ["test_grade_results.py"],
    "coursekit/grading/roster.py": ["test_grade_collect.py"],
    "coursekit/grading/slicing.py": ["test_grade_slicing.py"],
    "coursekit/running/dependencies.py": ["test_dependencies.py"],
    "coursekit/running/rerun.py": ["test_run.py", "test_dependencies.py"],
    **{f"convlab/training/{name}.py": some("test_training.py", *tests) for name, tests in TRAINING.items()},
    **{f"convlab/applications/{name}.py": [f"test_{name}.py"] for name in APPLICATIONS},
}
"""Modules in lib/ and the tests that must notice a fault in them; the doctests of a module run, too."""

LONGEST = 10  # times as long as without a fault; a fault that takes longer is noticed, too
MEMORY = 4 * 2**30  # bytes that a fault may take beyond what is taken already


def main(arguments: list[str] | None = None) -> int:
    """Try a sample of faults in each module; print the survivors, and killed and tried per module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="a part of a path in TESTS; all by default"
    )
    parser.add_argument("--sample", type=int, default=150, help="faults tried in each module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--seconds", type=float, default=600, help="of all tests together")
    parser.add_argument("--log", type=Path, help="where to note what was tried, one line of JSON each")
    options = parser.parse_args(arguments)
    log = options.log or Path(tempfile.mkstemp(prefix="survey-", suffix=".jsonl")[1])
    done = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    known = {(one["module"], one["diff"]) for one in done}
    chosen = [name for name in TESTS if not options.modules or any(part in name for part in options.modules)]
    with tempfile.TemporaryDirectory(prefix="survey-") as folder:
        root = copied(Path(folder), "notebooks", "docs")
        warm({f"tests/{test}" for name in chosen for test in TESTS[name]}, root)
        limit_memory()
        for name in chosen:
            for fault in survey(root, name, options, known):
                done.append(fault)
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(fault) + "\n")
    print(table([one for one in done if one["module"] in chosen]))
    return 0


def survey(root: Path, name: str, options: argparse.Namespace, known: set[tuple[str, str]]) -> Iterator[dict]:
    """Yield what became of each fault of the sample in one module, but not of those that are known."""
    place = root / "lib" / name
    whole = place.read_text(encoding="utf-8")
    nodes = [f"lib/{name}", *(f"tests/{test}" for test in TESTS[name])]
    status, usual, words = tested([*nodes, "-vv", "--durations=0"], root)
    if status:
        print(f"{name}: its tests do not pass even without a fault\n{words[-2000:]}", flush=True)
        return
    faults = list(faulty(place.name, whole))
    nodes = quickest(words, options.seconds)
    if tested([*nodes, "--collect-only"], root)[0]:
        raise RuntimeError(f"{name}: pytest does not find its tests by the names that it has printed")
    print(f"{name}: {len(faults)} faults, {len(nodes)} tests, {usual:.0f} s", flush=True)
    random.Random(options.seed).shuffle(faults)  # a larger sample then begins with the smaller one
    for code in faults[: options.sample]:
        diff = changed(whole, code)
        if (name, diff) in known:
            continue
        place.write_text(code, encoding="utf-8")
        try:
            status, seconds, _ = tested(nodes, root, LONGEST * usual)
        finally:
            place.write_text(whole, encoding="utf-8")
        if status == 0:
            print(f"SURVIVED {name}\n{diff}", flush=True)
        yield {
            "module": name,
            "killed": status != 0,
            "status": status,
            "seconds": round(seconds, 1),
            "diff": diff,
        }


def quickest(words: str, seconds: float) -> list[str]:
    """Return the tests that pytest names with their durations, quickest first, and no more than fit in."""
    took: dict[str, float] = {}
    for line in words.splitlines():
        if found := re.match(r"([\d.]+)s (?:setup|call|teardown) +([^\[]+)", line):
            took[found[2].strip()] = took.get(found[2].strip(), 0) + float(found[1])
    ordered = sorted(took, key=lambda test: took[test])
    fits = itertools.accumulate(took[test] for test in ordered)
    return [test for test, sum_so_far in zip(ordered, fits) if sum_so_far <= seconds]


def faulty(name: str, code: str) -> Iterator[str]:
    """Yield the text of a module with one fault each, faults in texts left out."""
    import libcst
    from mutmut.mutation.file_mutation import create_mutations, deep_replace

    texts = (
        libcst.SimpleString,
        libcst.ConcatenatedString,
        libcst.FormattedString,
        libcst.FormattedStringText,
    )
    module, mutations, *_ = create_mutations(name, code)
    unchanged = ast.dump(ast.parse(code))
    for mutation in mutations:
        if isinstance(mutation.original_node, texts):
            continue
        changed_code = deep_replace(module, mutation.original_node, mutation.mutated_node).code
        if ast.dump(ast.parse(changed_code)) != unchanged:
            yield changed_code


def changed(before: str, after: str) -> str:
    """Return the lines that differ."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def limit_memory() -> None:
    """Keep a fault that asks for all memory from taking it (where the system can)."""
    import resource  # not on Windows, where `tested` cannot fork either

    taken = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))


def table(done: list[dict]) -> str:
    """Return killed and tried per module as lines."""
    lines = []
    for name in dict.fromkeys(one["module"] for one in done):
        own = [one["killed"] for one in done if one["module"] == name]
        lines.append(f"{name:42}{sum(own):5} of {len(own):4}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
