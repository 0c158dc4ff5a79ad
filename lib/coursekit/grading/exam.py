"""Make the archives of an exam: `make student SOLUTIONS=no`. Students get no reference, solution or hint.

The edition for students, in which each module of exercises is replaced by data: the question, the arguments,
half of the cases with what is expected, and encrypted messages of mistakes (see `convlab.exercises.exam`).
All of it is made from the full exercises, which stay with the instructor, who grades with them. With a seed
the drawn cases are other ones, and each notebook says in its metadata which. The book is left out, because
its pages show outputs and its slides name mistakes.
"""

import argparse
import ast
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convlab.exercises import judging, values
from convlab.exercises.comparing import agrees, alike, is_number
from convlab.exercises.exam import Messages, encrypted, label
from convlab.exercises.exercise import Exercise
from convlab.exercises.judging import Failure, Outcome
from coursekit.grading import variants
from coursekit.grading.slicing import needed
from coursekit.lessons import ROOT, CourseError, Lesson, find, source
from coursekit.publishing import student

FOLDER = "lib/convlab/exercises"
SHIFTS = 64  # places to begin the cells of numbers at, of which the best is taken
MODULE = '''"""{title}

The exercises of an exam, without solutions: see `convlab.exercises.exam`.
"""

from convlab.exercises import exam
{statements}
_lesson = exam.read("{lesson}")
{names}
'''


def main(argv: list[str]) -> int:
    """Write exam.zip and exam.tar.gz, or exam-7.zip for seed 7; say what the checks can do; return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit exam", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    parser.add_argument("--out", type=Path, help="where to write, build/student by default")
    parser.add_argument("--seed", type=int, help="for cases with other numbers, where they are drawn")
    options = parser.parse_args(argv)
    out = options.out or options.root / "build" / "student"
    exam = None if options.seed is None else variants.begun(out / variants.FILE, options.seed)
    files = edition(options.root, exam, options.seed)
    print(counted(files))
    stem = "exam" if options.seed is None else f"exam-{options.seed}"
    student.write(files, out, stem)
    if exam:
        print(f"Keep {out / variants.FILE} and show it to nobody: grade with EXAM={out / variants.FILE}")
    return 0


def edition(
    root: Path, exam: variants.Exam | None = None, seed: int | None = None
) -> dict[str, Path | bytes]:
    """Return what students get for an exam: for each name a file or its bytes.

    Args:
        root: the folder of the course.
        exam: whose secret goes into the variant; None for the course's own cases.
        seed: of the variant.
    """
    files = student.edition(root)
    variant = exam.variant(seed) if exam and seed is not None else None
    for lesson in find(root):
        name = f"lesson_{lesson.number}"
        if f"{FOLDER}/{name}.py" not in files:
            continue
        exercises = list(variants.exercises(name, variant).values())
        if faults := variants.unsound(exercises) if variant is not None else []:
            raise CourseError(f"seed {seed} draws cases that do not show {'; '.join(faults)}: take another")
        stored = of_lesson(lesson, name, exercises, variant)
        files[f"{FOLDER}/{name}.py"] = module_text(lesson, name, stored).encode()
        files[f"{FOLDER}/{name}.json"] = (json.dumps(stored) + "\n").encode()
        if exam and seed is not None:
            path = f"notebooks/{lesson.path.name}"
            files[path] = marked(files[path], {"seed": seed, "code": exam.code(lesson.slug, seed)})
    return files


def marked(notebook: Path | bytes, mark: dict) -> bytes:
    """Return a notebook's file with the mark of an exam in its metadata."""
    content = json.loads(notebook if isinstance(notebook, bytes) else notebook.read_bytes())
    content["metadata"].setdefault("convlab", {})["exam"] = mark
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def counted(files: dict[str, Path | bytes]) -> str:
    """Return a sentence on how many of an edition's exercises can be tried by students."""
    found = [
        one
        for name, content in files.items()
        if name.startswith(f"{FOLDER}/lesson_") and name.endswith(".json") and isinstance(content, bytes)
        for one in json.loads(content)["exercises"]
    ]
    tried, mistakes = sum(bool(one["cases"]) for one in found), sum(one["mistakes"] for one in found)
    readable = sum(len(one["messages"]["texts"]) for one in found)
    return (
        f"{len(found)} exercises: {tried} with examples, {len(found) - tried} graded later without; "
        f"{readable} of {mistakes} mistakes are named at once, the others when you grade."
    )


def of_lesson(lesson: Lesson, name: str, exercises: Sequence[Exercise], variant: int | None) -> dict:
    """Return a lesson's exercises, and the data of their module that the lesson shows, for its JSON file."""
    module = variants.module(name, variant)
    data = {}
    for shown in _shown(lesson, exercises):
        encoded = values.encode_value(getattr(module, shown))
        if _is_whole(encoded):
            data[shown] = encoded
    return {"exercises": [sealed(one) for one in exercises], "data": data}


def _shown(lesson: Lesson, exercises: Sequence[Exercise]) -> list[str]:
    """Return the names that a lesson takes from the module of its exercises, but for the exercises."""
    names: dict[str, None] = {}
    for cell in lesson.code_cells:
        for node in ast.walk(ast.parse(source(cell))):
            match node:
                case ast.Attribute(ast.Name(id="exercises"), attr):
                    names[attr] = None
    return [name for name in names if name not in {one.name for one in exercises}]


def _is_whole(encoded: dict) -> bool:
    """Return whether a value was encoded without a loss."""
    return '"opaque"' not in json.dumps(encoded)


def module_text(lesson: Lesson, name: str, stored: dict) -> str:
    """Return the module that stands for a lesson's exercises, with what the lesson shows and is no data."""
    tree = ast.parse((variants.catalogue.FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    known = [one["name"] for one in stored["exercises"]]
    exercises = list(variants.exercises(name).values())
    missing = [one for one in _shown(lesson, exercises) if one not in stored["data"]]
    wanted: list[ast.stmt] = [ast.Expr(ast.Name(one, ast.Load())) for one in missing]
    statements = needed(tree.body, wanted) if wanted else []
    for node in (inner for statement in statements for inner in ast.walk(statement)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]  # it may say too much
        if isinstance(node, ast.FunctionDef) and node.name in known:
            raise CourseError(f"{name}: what the lesson shows needs the reference {node.name!r}")
    names = [f'{one} = _lesson.data["{one}"]' for one in stored["data"]]
    names += [f'{one} = _lesson.exercises["{one}"]' for one in known]
    title = (ast.get_docstring(tree) or "").split("\n\n")[0]
    return MODULE.format(
        title=title,
        statements="\n".join(map(ast.unparse, statements)),
        lesson=name,
        names="\n".join(names),
    )


def sealed(exercise: Exercise) -> dict:
    """Return an exercise without what would answer it, for JSON."""
    if not callable(exercise.reference):
        return _about(exercise, None, 1) | {
            "form": values.encode_value(_blank(exercise.reference)),
            "messages": vars(_of_values(exercise)),
        }
    outcomes = judging.outcomes(exercise, exercise.reference)
    chosen = list(_examples(exercise, outcomes))
    expected = [_without_line(outcomes[i]) for i in chosen]
    return _about(exercise, list(exercise_arguments(exercise)), len(outcomes) - len(chosen)) | {
        "cases": [values.encode_value(exercise.cases[i]) for i in chosen],
        "expected": values.encode(judging.Attempt(tuple(expected), function=True)),
        "messages": vars(_of_functions(exercise, chosen, expected)),
    }


def _about(exercise: Exercise, arguments: list[str] | None, withheld: int) -> dict:
    """Return what an exercise says about itself."""
    return {
        "name": exercise.name,
        "question": exercise.question,
        "tolerance": exercise.tolerance,
        "arguments": arguments,
        "cases": [],
        "withheld": withheld,
        "mistakes": len(exercise.mistakes),
    }


def exercise_arguments(exercise: Exercise) -> Iterator[str]:
    """Yield the names of the arguments of an exercise's function."""
    code = exercise.reference.__code__
    yield from code.co_varnames[: code.co_argcount]


def _examples(exercise: Exercise, outcomes: Sequence[Outcome]) -> Iterator[int]:
    """Yield which cases students see: half of them, the first that JSON can say, one at least."""
    room = max(1, len(exercise.cases) // 2)
    for i, (case, outcome) in enumerate(zip(exercise.cases, outcomes)):
        pair = values.encode_value(case), values.encode_value(outcome.value)
        if room and all(map(_is_whole, pair)) and agrees(values.decode_value(pair[0]), case, 0):
            room -= 1
            yield i


def _without_line(outcome: Outcome) -> Outcome:
    """Return an outcome whose error does not quote the reference's line."""
    error = outcome.error and Failure(outcome.error.kind, outcome.error.says)
    return Outcome(outcome.value, error, outcome.changed)


def _blank(reference: Any) -> Any:
    """Return a value of the form of a reference that says nothing else."""
    if isinstance(reference, tuple):
        return tuple(map(_blank, reference))
    if isinstance(reference, str):
        return ""
    return np.zeros(np.shape(reference)) if np.shape(reference) else 0


def _of_values(exercise: Exercise) -> Messages:
    """Return the messages of wrong values; none for a single text or number, found by trying them all."""
    if not np.ndim(np.empty_like(exercise.reference)):
        return Messages("", 1.0, 0.0, {})
    wrong = [[Outcome(mistake.answer)] for mistake in exercise.mistakes]
    sizes = np.abs(_numbers([one for outcomes in wrong for one in outcomes]))
    return _messages(exercise, wrong, float(np.median(sizes[sizes > 0])))


def _of_functions(exercise: Exercise, chosen: list[int], expected: list[Outcome]) -> Messages:
    """Return the messages of wrong functions that differ from the right one on the examples."""
    tried = [judging.outcomes(exercise, mistake.answer) for mistake in exercise.mistakes]
    wrong = [[outcomes[i] for i in chosen] for outcomes in tried]
    scale = np.max(np.abs(_numbers(expected)), initial=0)
    differs = [[] if alike(expected, one, exercise.tolerance) else one for one in wrong]
    return _messages(exercise, differs, float(scale) or 1.0)


def _messages(exercise: Exercise, wrong: list[list[Outcome]], scale: float) -> Messages:
    """Return the encrypted messages of mistakes by their outcomes; none for two that have the same.

    Args:
        exercise: whose mistakes these are.
        wrong: the outcomes of each mistake, empty for one without a message.
        scale: the size of the numbers in them.
    """
    step = 10 * max(exercise.tolerance, 1e-9) * scale
    numbers = _numbers([one for outcomes in wrong for one in outcomes]) / step
    shifts = np.arange(SHIFTS) / SHIFTS
    rest = np.mod(numbers[:, None] + shifts, 1)
    room = np.minimum(rest, 1 - rest).min(axis=0, initial=0.5)  # how far the nearest number is from a border
    messages = Messages(secrets.token_hex(8), step, float(shifts[room.argmax()]), {})
    keys = [messages.key(outcomes) if outcomes else None for outcomes in wrong]
    for mistake, key in zip(exercise.mistakes, keys):
        if key is not None and keys.count(key) == 1:
            text = json.dumps([mistake.name, mistake.says]).encode()
            messages.texts[label(key)] = encrypted(text, key).hex()
    return messages


def _numbers(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Return all finite numbers in the values of outcomes."""
    found: list[np.ndarray] = [np.zeros(0)]
    rest: list[Any] = [one.value for one in outcomes]
    while rest:
        value = rest.pop()
        if is_number(value):
            found.append(np.ravel(np.asarray(value).real).astype(float))
        elif isinstance(value, (list, tuple)):
            rest += value
        elif isinstance(value, dict):
            rest += value.values()
    numbers = np.concatenate(found)
    return numbers[np.isfinite(numbers)]
