"""The edition for an exam: nothing in it answers an exercise, its checks help, and grading knows better."""

import ast
import csv
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convlab.exercises import catalogue, comparing, judging, values
from convlab.exercises import exam as exam_side
from coursekit.__main__ import main as coursekit
from coursekit.grading import exam, likeness, variants
from coursekit.lessons import ROOT, CourseError, find
from coursekit.publishing import student

EXAM = variants.Exam("00ff" * 8, (7, 8))
LESSON = next(lesson for lesson in find(ROOT) if lesson.number == "05")
MODULES = sorted(catalogue.FOLDER.glob("lesson_*.py"))
# what lessons themselves teach, and helpers of mistakes repeat
TAUGHT = {"_softmax_of_one_image", "_relu", "_read"}
# a mistake that is a right line of another lesson
TAUGHT_LINES = {"returnnp.maximum(x,0)"}


@pytest.fixture(scope="module")
def files():
    return exam.edition(ROOT, EXAM, 7)


@functools.cache
def full(name, seed=7):
    return variants.exercises(name, EXAM.variant(seed))


NAMES = [path.stem for path in MODULES]


def handed_out(files, name):
    """Return a lesson's exercises as students get them."""
    stored = json.loads(files[f"{exam.FOLDER}/{name}.json"])
    return {one["name"]: exam_side._exercise(name, one) for one in stored["exercises"]}


@pytest.fixture(scope="module")
def sides(files):
    """Return (the exercise of students, the full one) for each exercise."""
    return [(one, full(name)[one.name]) for name in NAMES for one in handed_out(files, name).values()]


# nothing that answers


def squeezed(text):
    return re.sub(r"\s+", "", text)


def texts(files):
    """Return what the files say without spaces: of notebooks their cells, of others all that is text."""
    found = {}
    for name, content in files.items():
        content = content if isinstance(content, bytes) else content.read_bytes()
        try:
            said = content.decode()
        except UnicodeDecodeError:
            continue
        if name.endswith(".ipynb"):
            said = "\n".join("".join(cell["source"]) for cell in json.loads(said)["cells"])
        found[name] = squeezed(said)
    return found


def answering(paths=MODULES):
    """Yield (what it is, text without spaces) of all that may not be in the archive."""
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef) and node.name not in {*TAUGHT, "broken_network"}:
                body = squeezed("".join(lines[node.body[0].lineno - 1 : node.end_lineno]))
                if len(body) >= 20 and body not in TAUGHT_LINES:
                    yield f"{path.stem}.{node.name}", body
        for one in catalogue.of_file(path):
            said = [one.insight, *one.hints, *(mistake.says for mistake in one.mistakes)]
            yield from ((f"{path.stem}.{one.name} says", squeezed(text)) for text in said if len(text) > 30)


def answers_in(files, paths=MODULES):
    whole = "\n".join(texts(files).values())
    return {what for what, text in answering(paths) if text in whole}


def functions_in(files):
    """Return the digests, for which names do not matter, of all functions in modules and cells."""
    found = set()
    for name, content in files.items():
        content = content if isinstance(content, bytes) else content.read_bytes()
        parts = [content.decode()] if name.endswith(".py") else []
        if name.endswith(".ipynb"):
            cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
            parts = ["".join(cell["source"]) for cell in cells]
        for part in parts:
            found |= {digest(one) for one in ast.walk(ast.parse(part)) if isinstance(one, ast.FunctionDef)}
    return found - {""}


def digest(function):
    function.decorator_list = []
    return likeness.digest(ast.Module([function], []))


def references():
    """Return the digest of each reference function that is long enough to have one."""
    found = {}
    for path in MODULES:
        known = {one.name for one in catalogue.of_file(path)}
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name in known and digest(node):
                found[f"{path.stem}.{node.name}"] = digest(node)
    return found


def test_no_reference_hint_or_message_stands_in_the_archive(files):
    assert answers_in(files) == set()
    there = functions_in(files)
    assert [name for name, one in references().items() if one in there] == []
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in files)
    assert not any(name.startswith(("tests/", "book/")) or "instructor" in name for name in files)
    assert EXAM.secret.encode() not in b"".join(one for one in files.values() if isinstance(one, bytes))


def test_fault_the_search_finds_references_in_the_usual_archive_and_in_other_words(files):
    two = [path for path in MODULES if path.stem in ("lesson_01", "lesson_05")]
    usual = answers_in(student.edition(ROOT), two)
    assert {"lesson_05.conv_layer", "lesson_01.step", "lesson_01.step says", "lesson_05._maps"} <= usual
    assert len(references()) > 30
    first = "def mine(a, b):\n    return " + "a[0] * b + 3 * " * 9 + "a[1]"
    other = "def his(x, y):\n    return " + "x[0] * y + 3 * " * 9 + "x[1]"
    assert digest(ast.parse(first).body[0]) in functions_in({"docs/a.py": other.encode()})


def test_no_expected_value_of_a_value_exercise_is_stored(sides):
    asked = [one for one, right in sides if not callable(right.reference)]
    assert {one.name for one in asked} == {
        "diverging",
        "read_matrix",
        "broken_layer",
        "by_hand",
        "lecture_table",
    }
    assert all(
        not np.any(one.reference) if not isinstance(one.reference, str) else one.reference == ""
        for one in asked
    )
    guessed = {one.name for one in asked if one.messages.texts}
    assert guessed == {"read_matrix", "by_hand", "lecture_table"}  # not what a few trials would find


# checks that help


def test_right_answers_agree_and_none_is_called_right(sides):
    for one, right in sides:
        verdict = one.judge(right.reference)
        assert verdict.status == "to be graded", (one, verdict)
        assert one.judge(...).status == "not attempted"


def test_wrong_answers_get_their_message_or_wait_for_grading(sides):
    named, wrong, waiting = 0, 0, 0
    for one, right in sides:
        for mistake in right.mistakes:
            verdict = one.judge(mistake.answer)
            if verdict.mistake:
                assert verdict.mistake == mistake.name and verdict.message.startswith(mistake.says), one
                named += 1
            elif verdict.status == "wrong":
                wrong += 1
            else:  # it agrees on the examples, and only the cases that stay here show it
                waiting += 1
                came = judging.attempt(one, mistake.answer).outcomes if one.cases else ()
                assert comparing.alike(one.expected, came, one.tolerance), (one, mistake.name)
    assert named >= 700 and named + wrong + waiting == sum(len(right.mistakes) for _, right in sides)


def test_a_wrong_form_is_wrong_at_once(sides):
    known = {one.name: one for one, _ in sides}
    assert "an array of shape (2, 3) is expected; this is a list" in known["by_hand"].judge([1, 2]).message
    assert "3 values are expected" in known["read_matrix"].judge(0.5).message
    assert known["broken_layer"].judge("Sigmoid").status == "wrong"
    assert "without calling it" in known["layer_parameters"].judge(456).message
    said = known["layer_parameters"].judge(lambda image_shape: 0).message
    assert "`image_shape`, `kernel_shape`, `filters`" in said and "hint()" not in said


def test_a_message_opens_for_its_mistake_alone(sides):
    one = next(one for one, right in sides if right.name == "conv_layer" and right.lesson == "lesson_05")
    tried = judging.attempt(one, full("lesson_05")["conv_layer"].mistakes[0].answer)
    key = one.messages.key(tried.outcomes)
    coded = bytes.fromhex(one.messages.texts[exam_side.label(key)])
    assert json.loads(exam_side.encrypted(coded, key))[0] == "kernels turned"
    with pytest.raises(ValueError):
        json.loads(exam_side.encrypted(coded, bytes(32)))


def test_rounding_errors_change_no_key(sides):
    rng, lost, tried = np.random.default_rng(1), 0, 0
    for one, right in sides:
        for mistake in right.mistakes if one.cases and one.tolerance else ():
            outcomes = judging.attempt(one, mistake.answer).outcomes
            if one.messages.read(outcomes) is None:
                continue
            near = [
                judging.Outcome(_nearly(outcome.value, rng), outcome.error, outcome.changed)
                for outcome in outcomes
            ]
            tried, lost = tried + 1, lost + (one.messages.read(near) is None)
    assert tried > 300 and lost == 0


def _nearly(value, rng):
    if isinstance(value, (tuple, list)):
        return type(value)(_nearly(part, rng) for part in value)
    if isinstance(value, (float, np.floating)) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        return value * (1 + 1e-13 * rng.normal(size=np.shape(value)))
    return value


def test_the_archive_s_own_package_says_so_in_a_fresh_process(files, tmp_path):
    for name, content in files.items():
        if name.startswith(("lib/convlab/", "data/runs/")):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    code = (
        "from convlab.exercises import catalogue, progress\n"
        "from convlab.exercises import lesson_00, lesson_01, lesson_02, lesson_03, lesson_05\n"
        "print(catalogue.__file__)\n"
        "print(sum(len(one) for one in catalogue.exercises().values()))\n"
        "print(lesson_05.IMAGE.shape, lesson_05.KERNEL.shape)\n"
        "print(lesson_02.MATRIX_NAMES, len(lesson_01.CURVES))\n"
        "network, x, labels = lesson_03.broken_network(); print(len(network.layers), x.shape)\n"
        "lesson_00.values.check(lambda height, width, channels: height * width)\n"
        "lesson_00.values.check(lambda height, width, channels: height * width * channels)\n"
        "lesson_00.values.hint(); lesson_00.values.solution(); print(progress.table().rows[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": str(tmp_path / "lib"),
            "CONVLAB_PROGRESS": str(tmp_path / "p.json"),
            "PYTHONUTF8": "1",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert said[0].startswith(str(tmp_path)) and said[1] == str(sum(map(len, catalogue.exercises().values())))
    assert said[2:5] == ["(4, 5) (3, 3)", "('3', '5', '8') 4", "5 (8, 4)"]
    assert said[5].startswith("✘ wrong: this counts the values of one channel")
    assert "~ to be graded: agrees with all 2 examples. Your instructor tries it on 2 more cases." in said
    assert said.count(exam_side.WITHHELD) == 2


# seeds


def test_another_seed_or_another_secret_draws_other_cases():
    def expected(variant):
        one = variants.exercises("lesson_05", variant)["conv_layer"]
        return judging.outcomes(one, one.reference)

    seven, eight = expected(EXAM.variant(7)), expected(EXAM.variant(8))
    assert comparing.alike(seven, expected(EXAM.variant(7)), 1e-5)
    other = variants.Exam("11ff" * 8, (7,)).variant(7)
    for drawn in (eight, expected(None), expected(other)):
        assert sum(comparing.alike([a], [b], 1e-5) for a, b in zip(seven, drawn)) == 2  # two are not drawn


def test_so_many_exercises_have_drawn_cases():
    varied = [
        f"{name}.{one.name}"
        for name in NAMES
        for one in full(name).values()
        if callable(one.reference)
        and not comparing.alike(
            judging.outcomes(one, one.reference),
            judging.outcomes(full(name, 8)[one.name], full(name, 8)[one.name].reference),
            one.tolerance,
        )
    ]
    said = " ".join((ROOT / "docs" / "instructor_guide.md").read_text(encoding="utf-8").split())
    assert f"expect different results in {len(varied)} exercises;" in said, varied


def test_fault_cases_that_do_not_show_a_mistake_are_refused(monkeypatch):
    one = variants.exercises("lesson_05")["layer_parameters"]
    square = [case for case in one.cases if case[1][0] == case[1][1]]
    monkeypatch.setattr(one, "cases", square)
    assert variants.unsound([one]) == ["lesson_05.layer_parameters: kernel taken as square"]
    monkeypatch.setattr(variants, "unsound", lambda found: ["planted"])
    with pytest.raises(CourseError, match="seed 7 draws cases that do not show planted: take another"):
        exam.edition(ROOT, EXAM, 7)


def test_an_exam_keeps_its_secret_from_seed_to_seed(tmp_path):
    path = tmp_path / variants.FILE
    first, second = variants.begun(path, 3), variants.begun(path, 1)
    assert first.secret == second.secret and second.seeds == (1, 3) and variants.read(path) == second
    path.write_text('{"secret": "no hex", "seeds": []}', encoding="utf-8")
    with pytest.raises(CourseError, match="holds no exam"):
        variants.read(path)


# graded with all cases


def handed_in(folder, who, files, mark=..., **answers):
    """Write what a student hands in: the archive's notebook with answers, its mark changed if so asked."""
    notebook = json.loads(files[f"notebooks/{LESSON.path.name}"])
    for cell in notebook["cells"]:
        name = cell["id"].removeprefix("exercise-").replace("-", "_")
        cell["source"] = answers.get(name, cell["source"])
    if mark is not ...:
        notebook["metadata"]["convlab"]["exam"] = mark
    (folder / who).mkdir(parents=True)
    (folder / who / LESSON.path.name).write_text(json.dumps(notebook), encoding="utf-8")


RIGHT = """def my_conv(image, kernels, bias):
    rows, columns = kernels.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(image, (rows, columns), axis=(0, 1))
    return np.einsum("hwcij,ijcf->hwf", windows, kernels) + bias


exercises.conv_layer.check(my_conv)"""


@pytest.fixture(scope="module")
def graded(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    (folder / "exam").mkdir()
    path = folder / "exam" / variants.FILE
    path.write_text(json.dumps({"secret": EXAM.secret, "seeds": [7]}), encoding="utf-8")
    one = handed_out(files, "lesson_05")["conv_layer"]
    table = [[case[0].tolist(), outcome.value.tolist()] for case, outcome in zip(one.cases, one.expected)]
    copied = f"KNOWN = {table!r}\ndef my_conv(image, kernels, bias):\n    for given, says in KNOWN:\n"
    copied += "        if np.array_equal(given, image):\n            return np.array(says)\n\n\n"
    copied += "exercises.conv_layer.check(my_conv)"
    turned = RIGHT.replace("windows, kernels", "windows, kernels[::-1, ::-1]")
    seen = {"copied": (one, copied), "turned": (one, turned)}
    work = folder / "work"
    handed_in(
        work,
        "right",
        files,
        conv_layer=RIGHT,
        by_hand="a = [[0, -7, 3], [10, 7, -2]]\nexercises.by_hand.check(a)",
    )
    handed_in(work, "copied", files, conv_layer=copied)
    handed_in(work, "turned", files, conv_layer=turned)
    handed_in(
        work, "borrowed", files, conv_layer="exercises.conv_layer.check(exercises.conv_layer.reference)"
    )
    handed_in(work, "unmarked", files, mark=None, conv_layer=RIGHT)
    forged = {"seed": 8, "code": EXAM.code(LESSON.slug, 7)}
    handed_in(work, "forged", files, mark=forged, conv_layer=RIGHT)
    handed_in(work, "strange", files, mark=[{"seed": []}], conv_layer=RIGHT)
    arguments = ["grade", str(work), "--output", str(folder / "grades"), "--jobs", "2"]
    arguments += ["--exam", str(path), "--sandbox", "no", "--seconds", "60"]
    assert coursekit(arguments) == 0
    with open(folder / "grades" / "grades.csv", encoding="utf-8-sig", newline="") as file:
        rows = {(row["student"], row["exercise"]): row for row in csv.DictReader(file)}
    return rows, seen


def of_namespace(code):
    """Return the function that a cell defines."""
    space = {"np": np}
    exec(code.partition("\n\n\n")[0], space)
    return space["my_conv"]


def test_a_table_of_the_examples_satisfies_the_check_and_not_the_grading(graded):
    rows, seen = graded
    one, code = seen["copied"]
    assert one.judge(of_namespace(code)).status == "to be graded"
    assert rows["copied", "conv_layer"]["status"] == "wrong"
    assert rows["right", "conv_layer"]["status"] == "right" == rows["right", "by_hand"]["status"]
    assert rows["right", "move"]["status"] == "not attempted"


def test_stored_data_that_a_student_has_changed_change_no_mark(graded, files):
    rows, seen = graded
    stored = json.loads(files[f"{exam.FOLDER}/lesson_05.json"])
    changed = next(one for one in stored["exercises"] if one["name"] == "conv_layer")
    one, code = seen["turned"]
    turned = judging.attempt(one, of_namespace(code))
    assert one.judge(of_namespace(code)).mistake == "kernels turned"
    changed["expected"] = values.encode(turned)
    assert exam_side._exercise("lesson_05", changed).judge(of_namespace(code)).status == "to be graded"
    assert (rows["turned", "conv_layer"]["status"], rows["turned", "conv_layer"]["mistake"]) == (
        "wrong",
        "kernels turned",
    )


def test_marks_that_were_changed_or_lost_are_noted(graded):
    rows, _ = graded
    notes = {}
    for (who, _), row in rows.items():
        notes[who] = notes.get(who, "") + row["note"]
    assert "seed 7" in notes["right"]
    assert "has lost the mark of its exam" in notes["unmarked"]
    assert "the mark of its exam was changed" in notes["forged"]
    assert "the mark of its exam was changed" in notes["strange"]
    assert {rows[who, "conv_layer"]["status"] for who in ("unmarked", "forged", "strange")} == {"right"}


def test_the_course_s_reference_is_no_answer_in_a_variant_either(graded):
    rows, _ = graded
    assert rows["borrowed", "conv_layer"]["status"] == "wrong"
    assert "own reference" in rows["borrowed", "conv_layer"]["note"]


def test_the_command_writes_both_archives_and_says_what_they_can(monkeypatch, tmp_path, capsys, files):
    few = {name: one for name, one in files.items() if name.startswith(f"{exam.FOLDER}/lesson_05")}
    monkeypatch.setattr(exam, "edition", lambda *_: dict(few))
    assert coursekit(["exam", "--out", str(tmp_path), "--seed", "7"]) == 0
    assert {path.name for path in Path(tmp_path).iterdir()} == {"exam-7.zip", "exam-7.tar.gz", "exam.json"}
    said = capsys.readouterr().out
    assert said.startswith("4 exercises: 3 with examples, 1 graded later without; ")
    assert f"EXAM={tmp_path / 'exam.json'}" in said
