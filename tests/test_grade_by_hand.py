"""Forty submissions of lesson 05 (one of lesson 02), marked by hand and by machine: no mark may differ.

Each has the four marks that a teacher wrote down on reading it, one letter for each exercise in the lesson's
order (by_hand, move, conv_layer, layer_parameters): r right, w wrong, - not attempted, m needs a module that
the course does not have, n cannot be graded; and the reason.
"""

import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from test_grade import hand_in, notebook

from convlab.exercises import lesson_05
from convlab.exercises.display import solution_text
from coursekit.grading import grade
from coursekit.lessons import ROOT, find

pytestmark = pytest.mark.timeout(1800)  # the class waits for the machine, not the machine for the class
LESSONS = {lesson.number: lesson for lesson in find(ROOT)}
NAME = LESSONS["05"].path.name
NAMES = ("by_hand", "move", "conv_layer", "layer_parameters")
LETTERS = {"right": "r", "wrong": "w", "not attempted": "-", "missing module": "m", "not graded": "n"}
MAP = "my_map = [[0, -7, 3], [10, 7, -2]]\nexercises.by_hand.check(my_map)"
MOVE = """def my_move(down, right):
    kernel = np.zeros((5, 5))
    kernel[2 - down, 2 - right] = 1
    return kernel


exercises.move.check(my_move)"""
LAYER = """def my_conv_layer(image, kernels, bias):
    kh, kw = kernels.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(image, (kh, kw), axis=(0, 1))
    return np.einsum("yxcij,ijcf->yxf", windows, kernels) + bias


exercises.conv_layer.check(my_conv_layer)"""
PARAMETERS = """def my_layer_parameters(image_shape, kernel_shape, filters):
    return (kernel_shape[0] * kernel_shape[1] * image_shape[-1] + 1) * filters


exercises.layer_parameters.check(my_layer_parameters)"""
FULL = {"by_hand": MAP, "move": MOVE, "conv_layer": LAYER, "layer_parameters": PARAMETERS}
CHECK = {name: "\n\n\nexercises." + answer.partition("exercises.")[2] for name, answer in FULL.items()}


def work(**answers: str) -> dict:
    """Return lesson 05, fully and rightly answered but for these answers."""
    return notebook(LESSONS["05"], **FULL | answers)


def place(content: dict, name: str) -> int:
    """Return the index of an exercise's cell."""
    return [one["id"] for one in content["cells"]].index(f"exercise-{name.replace('_', '-')}")


def code(source: str, name: str = "mine") -> dict:
    """Return a code cell of the student's own."""
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": 1,
    }


def added(content: dict, name: str, *sources: str, below: bool = False) -> dict:
    """Return a notebook with cells of the student's own above, or below, an exercise's cell."""
    at = place(content, name) + below
    own = [code(source, f"own-{i}") for i, source in enumerate(sources)]
    return content | {"cells": content["cells"][:at] + own + content["cells"][at:]}


def without(content: dict, *names: str) -> dict:
    """Return a notebook without some cells."""
    return content | {"cells": [one for one in content["cells"] if one["id"] not in names]}


def changed(content: dict, name: str, **values) -> dict:
    """Return a notebook with an exercise's cell changed."""
    at = place(content, name)
    cells = content["cells"]
    return content | {"cells": [*cells[:at], cells[at] | values, *cells[at + 1 :]]}


def packed(members: dict[str, bytes]) -> bytes:
    """Return a zip archive of {name: bytes}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def written(content: dict) -> bytes:
    """Return a notebook as its file's bytes."""
    return json.dumps(content, ensure_ascii=False).encode()


def old_format(content: dict) -> dict:
    """Return a notebook in the format of before 2015 (nbformat 3): code is `input` in a worksheet."""
    cells = []
    for one in content["cells"]:
        if one["cell_type"] == "code":
            rest = {"language": "python", "outputs": [], "metadata": {}, "collapsed": False}
            cells.append({"cell_type": "code", "input": one["source"], "prompt_number": 1, **rest})
        else:
            cells.append({"cell_type": one["cell_type"], "source": one["source"], "metadata": {}})
    return {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": cells, "metadata": {}}],
    }


def printed(content: dict, times: int) -> dict:
    """Return a notebook in which an earlier cell has printed one line very often."""
    said = {"output_type": "stream", "name": "stdout", "text": "here\n" * times}
    cell = code("for _ in range(9): print('here')") | {"outputs": [said]}
    return content | {"cells": [cell, *content["cells"]]}


def from_colab(content: dict) -> dict:
    """Return a notebook as a site that drops the cells' ids saves it, with `%%time` and `!pip`."""
    cells = [{key: value for key, value in one.items() if key != "id"} for one in content["cells"]]
    for one in cells:
        if one["cell_type"] == "code" and "check(my_conv_layer)" in str(one["source"]):
            one["source"] = f"%%time\n{one['source']}"
    return content | {"nbformat_minor": 0, "cells": [code("!pip install -q convlab"), *cells]}


@dataclass(frozen=True)
class Case:
    """A submission: the marks by hand, why, what is handed in, and what note must stand in the table."""

    marks: str
    why: str
    handed_in: Callable[[], dict | bytes]
    name: str = NAME
    note: str = ""


def bare(name: str) -> str:
    """Return a right answer without its check."""
    return FULL[name].partition("\n\n\nexercises.")[0]


BY_LOOPS = LAYER.replace(
    LAYER[LAYER.index("    kh") : LAYER.index("\n\n\n")],
    "    out = conv_of_each(image, kernels)\n    return out + bias",
)
HELPER = """def conv_of_each(image, kernels):
    kh, kw, _, filters = kernels.shape
    out = np.empty((image.shape[0] - kh + 1, image.shape[1] - kw + 1, filters))
    for y, x in np.ndindex(*out.shape[:2]):
        out[y, x] = np.tensordot(image[y:y + kh, x:x + kw], kernels, 3)
    return out"""
WITH_KERAS = """import tensorflow as tf

def my_conv_layer(image, kernels, bias):
    x = tf.cast(image[None], tf.float32)
    layer = tf.keras.layers.Conv2D(kernels.shape[3], kernels.shape[:2])
    layer.build(x.shape)
    layer.set_weights([kernels, bias])
    return layer(x)[0]


exercises.conv_layer.check(my_conv_layer)"""
HALF = LAYER.replace("axis=(0, 1))", "axis=(0, 1))[..., :1, :, :]").replace("kernels)", "kernels[:, :, :1])")

CASES = {
    # right, in a form that nobody expects
    "plain": Case("rrrr", "all four as asked", work),
    "helper": Case(
        "rrrr",
        "a function of their own in a cell above",
        lambda: added(work(conv_layer=BY_LOOPS), "conv_layer", HELPER),
    ),
    "helper below": Case(
        "rrwr",
        "the helper stands below: from top to bottom the notebook does not run",
        lambda: added(work(conv_layer=BY_LOOPS), "conv_layer", HELPER, below=True),
        note="`conv_of_each` is defined only in a cell below",
    ),
    "imports": Case(
        "rrrr",
        "modules under other names",
        lambda: added(
            work(conv_layer=LAYER.replace("np.", "xp."), move=MOVE.replace("np.zeros", "zeros")),
            "move",
            "import numpy as xp\nfrom numpy import *",
        ),
    ),
    "alias": Case(
        "rrrr",
        "checks under another name, and the lesson's imports deleted",
        lambda: without(
            work(by_hand=f"import convlab.exercises.lesson_05 as ex\n{MAP.replace('exercises', 'ex')}"),
            "imports",
        ),
    ),
    "own cell": Case(
        "rrrr",
        "the stub untouched, the answer in a cell below it",
        lambda: added(
            notebook(LESSONS["05"], **{k: v for k, v in FULL.items() if k != "move"}),
            "move",
            MOVE,
            below=True,
        ),
    ),
    "split": Case(
        "rrrr",
        "the function in one cell, its check in the next",
        lambda: added(work(conv_layer=bare("conv_layer")), "conv_layer", CHECK["conv_layer"], below=True),
    ),
    "merged": Case(
        "rrrr",
        "all four answers merged into one cell",
        lambda: without(
            work(by_hand="\n\n".join(FULL.values())),
            *("exercise-move", "exercise-conv-layer", "exercise-layer-parameters"),
        ),
    ),
    "renamed": Case(
        "rrrr",
        "the function has a name of its own, and the check is deleted",
        lambda: work(move=bare("move").replace("my_move", "shifted_kernel")),
        note="`shifted_kernel` was taken for the answer",
    ),
    "shown": Case(
        "rrrr",
        "checks inside print() and if, and what they return remembered",
        lambda: work(
            move=MOVE.replace("exercises.move.check(my_move)", "print(exercises.move.check(my_move))"),
            by_hand="mine = [[0, -7, 3], [10, 7, -2]]\nif mine:\n    exercises.by_hand.check(mine)",
            layer_parameters=PARAMETERS.replace("my_layer_parameters", "count").replace(
                "exercises", "ok = exercises"
            ),
        ),
    ),
    "leaves": Case(
        "rrrr",
        "exit() and a trial that fails come after the check",
        lambda: work(move=f"{MOVE}\nexit()", conv_layer=f"{LAYER}\nmy_conv_layer(1, 2, 3)"),
    ),
    "objects": Case(
        "rrrr",
        "a lambda, a class that can be called, a partial, fractions",
        lambda: work(
            by_hand="from fractions import Fraction as F\n"
            "exercises.by_hand.check([[F(0), F(-7), F(3)], (10, 7, -2)])",
            move="class Move:\n    def __call__(self, down, right):\n        place = 2 - down, 2 - right\n"
            "        return [[float((y, x) == place) for x in range(5)] for y in range(5)]\n\n\n"
            "exercises.move.check(Move())",
            layer_parameters="from functools import partial\n"
            "my_layer_parameters = partial(lambda one, i, k, f: (k[0] * k[1] * i[2] + one) * f, 1)\n"
            "exercises.layer_parameters.check(my_layer_parameters)",
        ),
    ),
    "keras": Case("rrrr", "a layer of Keras does the work, in float32", lambda: work(conv_layer=WITH_KERAS)),
    "magic": Case(
        "rrrr",
        "lines that only a notebook understands",
        lambda: work(conv_layer=f"%matplotlib inline\n!ls\n{LAYER}\n%timeit 1\nmy_conv_layer?"),
    ),
    "colab": Case("rrrr", "saved without ids", lambda: from_colab(work()), note="lost its id"),
    "talks": Case(
        "rrrr", "megabytes of output", lambda: work(move=f"print('x' * 3_000_000)\n{MOVE}"), note="1 MB"
    ),
    "has talked": Case("rrrr", "30 MB of output stored", lambda: printed(work(), 5_000_000)),
    "has talked.zip": Case(
        "rrrr",
        "the same line 300,000 times, packed to little",
        lambda: packed({NAME: written(printed(work(), 300_000))}),
        name="hw.zip",
    ),
    "asks elsewhere": Case(
        "rrrr", "input() stands in a cell that no answer needs", lambda: added(work(), "move", "n = input()")
    ),
    # right by accident of the medium
    unicodedata.normalize("NFD", "김민준 ガ"): Case("rrrr", "macOS took the name apart", work),
    "archive": Case(
        "rrrr",
        "an archive in an archive",
        lambda: packed({"hw/inner.zip": packed({f"제출/{NAME}": written(work())})}),
        name="hw.zip",
    ),
    "format 3": Case("rrrr", "saved in the format of before 2015", lambda: old_format(work())),
    "bom": Case(
        "rrrr", "an editor has put a mark before the JSON", lambda: b"\xef\xbb\xbf" + written(work())
    ),
    "utf-16": Case(
        "rrrr", "PowerShell wrote the file anew", lambda: written(work()).decode().encode("utf-16")
    ),
    "lesson": Case("rrrr", "called as they liked", work, name="합성곱 숙제 (최종).ipynb", note="합성곱 숙제"),
    "windows": Case(
        "rrrr",
        "lines end as on Windows",
        lambda: work(**{name: answer.replace("\n", "\r\n") for name, answer in FULL.items()}),
    ),
    # the course's own answer
    "pasted": Case(
        "rrrr",
        "the course's solution, which people must see",
        lambda: work(
            conv_layer=solution_text(lesson_05.conv_layer.reference) + CHECK["conv_layer"].replace("my_", "")
        ),
        note="private: it is the course's solution",
    ),
    "wrapped": Case(
        "rrrr",
        "calls the reference, which people must see",
        lambda: work(move="def f(*a):\n    return exercises.move.reference(*a)\n\n\nexercises.move.check(f)"),
        note="private: it calls the course's reference",
    ),
    "handed": Case(
        "rwrr",
        "the reference itself is no answer",
        lambda: work(move="my_move = exercises.move.reference\nexercises.move.check(my_move)"),
        note="the course's own reference",
    ),
    # several answers
    "twice": Case(
        "rrrr",
        "first wrong, then right",
        lambda: added(work(move=MOVE), "move", MOVE.replace("2 - down", "2 + down")),
        note="2 cells answer it; the last one counts",
    ),
    "twice, then a stub": Case(
        "rrrr",
        "right, and an untouched copy of the stub below",
        lambda: added(
            work(),
            "move",
            "def my_move(down, right):\n    return ...\n\n\nexercises.move.check(my_move)",
            below=True,
        ),
    ),
    # wrong, or not there
    "half": Case(
        "rrwr",
        "the first channel only: right where there is one",
        lambda: work(conv_layer=HALF),
    ),
    "endless": Case(
        "rwrr",
        "a loop without end",
        lambda: work(move=MOVE.replace("    kernel = np", "    while True: pass\n    kernel = np")),
        note="did not end",
    ),
    "hoards": Case(
        "rwrr", "more memory than there is", lambda: work(move=f"big = np.ones(10**11)\n{MOVE}"), note="emory"
    ),
    "asks": Case(
        "rwrr", "nobody answers input()", lambda: work(move=f"n = int(input())\n{MOVE}"), note="EOF"
    ),
    "quits": Case(
        "rwrr", "exit() before the answer", lambda: work(move=f"exit()\n{MOVE}"), note="SystemExit"
    ),
    "torn off": Case(
        "rrwr",
        "a bracket is missing; the others stand",
        lambda: work(conv_layer=LAYER.replace("+ bias", "+ (bias")),
        note="SyntaxError",
    ),
    "torch": Case(
        "rrmr",
        "uses a module that the course does not have: a person decides",
        lambda: work(conv_layer=LAYER.replace("    kh", "    import torch_of_their_own\n    kh")),
        note="torch_of_their_own",
    ),
    "prints": Case(
        "rwr-",
        "prints in place of returning; one cell deleted",
        lambda: without(
            work(move=MOVE.replace("return kernel", "print(kernel)")), "exercise-layer-parameters"
        ),
        note="its cell is missing",
    ),
    "prose": Case(
        "-r--",
        "an answer in a text cell, one commented out, one passed over",
        lambda: changed(
            work(
                conv_layer="\n".join(f"# {line}" for line in LAYER.splitlines()),
                layer_parameters="def my_layer_parameters(*a):\n    pass" + CHECK["layer_parameters"],
            ),
            "by_hand",
            cell_type="markdown",
        ),
    ),
    "empty": Case("nnnn", "an empty file", lambda: b"", note="the file is empty"),
    "web page": Case(
        "nnnn", "a page instead of the notebook", lambda: b"<!DOCTYPE html>", note="not a notebook"
    ),
}
# of lesson 02: a name of the lesson's own, bound by the answer's cell
OWN_NAME = "accuracy = 0.74; my_answer = (accuracy, 0.6, 0.75)\nexercises.read_matrix.check(my_answer)"


def plant(folder):
    """Hand all of it in."""
    for student, case in CASES.items():
        hand_in(folder, student, case.handed_in(), case.name)
    content = notebook(LESSONS["02"], read_matrix=OWN_NAME)
    hand_in(folder, "own names", content, LESSONS["02"].path.name)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade all of it once; return {student: {exercise: row}}."""
    folder, output = tmp_path_factory.mktemp("by_hand"), tmp_path_factory.mktemp("grades")
    plant(folder)
    limits = ["--seconds", "10", "--memory", "3", "--jobs", "2", "--sandbox", "no"]
    assert grade.main([str(folder), "--output", str(output), *limits]) == 0
    found: dict[str, dict] = {}
    with open(output / "grades.csv", newline="", encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["student"], {})[row["exercise"]] = row
    return found


def by_machine(rows):
    """Return the machine's four marks as letters."""
    return "".join(LETTERS[rows[name]["status"]] for name in NAMES)


def test_no_mark_differs_from_the_one_by_hand(graded):
    assert len(CASES) + 1 >= 40
    composed = {name: unicodedata.normalize("NFC", name) for name in CASES}
    half = graded["half"]["conv_layer"]
    assert (half["passed"], half["cases"]) == ("2", "6")
    machine = {name: by_machine(graded[composed[name]]) for name in CASES}
    assert machine == {name: case.marks for name, case in CASES.items()}
    assert graded["own names"]["read_matrix"]["status"] == "right"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.note])
def test_what_a_teacher_would_want_to_know_is_noted(graded, name):
    rows, note = graded[name].values(), CASES[name].note
    place, _, said = note.rpartition(": ") if note.startswith("private: ") else ("note", "", note)
    assert any(said in row[place] for row in rows), [row[place] for row in rows]
