"""Plant faults made by a program, a random sample in each module, and count how many the tests notice.

    pip install mutmut
    python tests/mutation_survey.py [--sample 150] [--seed 0] [--log survey.jsonl] [MODULE …]

mutmut makes the faults: another operator, number or name, an argument left out, None for a value. Faults in
texts are left out, as are those in what an error says. The tests that may notice stand in TESTS. They run as
in `tests/mutations.py`: mutmut's own runner forks from a process that has run the tests, and TensorFlow hangs
in a process that is forked from one where it has computed.

A survivor is a question, not a verdict: many change nothing that anybody could notice. With `--log`, what was
tried is noted, and not tried again.
"""

import argparse
import ast
import difflib
import json
import random
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
TESTS = {
    "shapes/arithmetic.py": ["test_shapes.py"],
    "shapes/keras_model.py": ["test_shapes.py"],
    "layers/convolution.py": CONVOLUTION,
    "layers/im2col.py": CONVOLUTION,
    "layers/pooling.py": POOLING,
    "layers/windows.py": ["test_convolution.py"],
    "layers/activations.py": ["test_layers.py"],
    "layers/checks.py": ["test_layers.py"],
    "layers/dense.py": ["test_layers.py"],
    "layers/initializers.py": ["test_layers.py"],
    "layers/losses.py": ["test_layers.py"],
    "layers/normalization.py": ["test_layers.py"],
    "layers/regularization.py": ["test_layers.py"],
    "layers/sequential.py": ["test_layers.py"],
    "optimizers.py": ["test_optimizers.py"],
    "explain/adversarial.py": ["test_explain.py"],
    "explain/gradcam.py": ["test_explain.py"],
    "explain/gradients.py": ["test_gradients.py"],
    "explain/maps.py": ["test_explain.py"],
    "networks/fast.py": ["test_networks.py"],
    "exercises/comparing.py": ["test_exercises.py"],
    "exercises/display.py": ["test_exercises.py"],
    "exercises/exercise.py": ["test_exercises.py"],
    "exercises/mistakes.py": ["test_exercises.py"],
    "exercises/relating.py": ["test_exercises.py"],
    "exercises/judging.py": ["test_exercises.py"],
    "exercises/progress.py": ["test_exercises.py"],
    "exercises/record.py": ["test_exercises.py"],
    "datasets/readers.py": ["test_datasets.py", "test_download.py"],
    "datasets/download.py": ["test_download.py"],
    "datasets/images.py": ["test_datasets.py"],
    "datasets/published.py": ["test_datasets.py", "test_download.py"],
    "training/augmentation.py": ["test_training.py"],
    "training/checkpoints.py": ["test_training.py"],
    "training/evaluation.py": ["test_training.py"],
    "training/fitting.py": ["test_training.py"],
    "training/loop.py": ["test_training.py"],
    "training/schedules.py": ["test_training.py"],
    "training/updates.py": ["test_training.py"],
    "files.py": ["test_files.py"],
    "report.py": ["test_report.py"],
    "runs.py": ["test_runs.py"],
}
"""Modules of convlab and the tests that must notice a fault in them, quick ones first; doctests run, too."""

LONGEST = 240  # seconds for the tests of one fault; one that takes longer is noticed, too
MEMORY = 4 * 2**30  # bytes that a fault may take beyond what is taken already


def main(arguments: list[str] | None = None) -> int:
    """Try a sample of faults in each module; print the survivors, and killed and tried per module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="the beginning of a path in TESTS; all by default"
    )
    parser.add_argument("--sample", type=int, default=150, help="faults tried in each module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--log", type=Path, help="where to note what was tried, one line of JSON each")
    options = parser.parse_args(arguments)
    log = options.log or Path(tempfile.mkstemp(prefix="survey-", suffix=".jsonl")[1])
    done = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    known = {(one["module"], one["diff"]) for one in done}
    chosen = [
        name
        for name in TESTS
        if not options.modules or any(name.startswith(part) for part in options.modules)
    ]
    with tempfile.TemporaryDirectory(prefix="survey-") as folder:
        root = copied(Path(folder))
        warm({f"tests/{test}" for name in chosen for test in TESTS[name]}, root)
        limit_memory()
        for name in chosen:
            for fault in survey(root, name, options.sample, options.seed, known):
                done.append(fault)
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(fault) + "\n")
    print(table([one for one in done if one["module"] in chosen]))
    return 0


def survey(root: Path, name: str, sample: int, seed: int, known: set[tuple[str, str]]) -> Iterator[dict]:
    """Yield what became of each fault of the sample in one module, but not of those that are known."""
    place = root / "lib/convlab" / name
    whole = place.read_text(encoding="utf-8")
    nodes = [f"lib/convlab/{name}", *(f"tests/{test}" for test in TESTS[name])]
    status, seconds, words = tested(nodes, root)
    if status:
        print(f"{name}: its tests do not pass even without a fault\n{words[-2000:]}", flush=True)
        return
    faults = list(faulty(place.name, whole))
    print(f"{name}: {len(faults)} faults, tests take {seconds:.0f} s", flush=True)
    random.Random(seed).shuffle(faults)  # a larger sample then begins with the smaller one
    for code in faults[:sample]:
        diff = changed(whole, code)
        if (name, diff) in known:
            continue
        place.write_text(code, encoding="utf-8")
        try:
            status, seconds, _ = tested(nodes, root, LONGEST)
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
        lines.append(f"{name:32}{sum(own):5} of {len(own):4}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
