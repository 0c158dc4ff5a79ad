"""Which earlier statements an answer gets, and how cells that only IPython understands are read."""

import ast
import sys

import pytest

from convlab.exercises import catalogue
from coursekit.grading import likeness, slicing, worker


def kept(answer, *cells):
    """Return the earlier statements that an answer's cell needs; its last line is what is checked."""
    earlier = [node for cell in cells for node in slicing.statements(cell)]
    return [ast.unparse(node) for node in slicing.needed(earlier, slicing.parsed(answer).body)]


TRAINS = "accuracy = train(model)"


@pytest.mark.parametrize(
    "answer",
    [
        "accuracy = 0.74\nmy_answer = (accuracy, 0.6)\nmy_answer",
        "accuracy = 0.74, 0.6\naccuracy",
        "(accuracy := 0.74)",
        "def accuracy(): return 1\naccuracy()",
        "def mine(): return accuracy\naccuracy = 0.74\nmine()",
        "with open('x') as accuracy: pass\naccuracy",
        "import accuracy\naccuracy",
        "[accuracy for accuracy in (1, 2)]",
        "lambda accuracy: accuracy",
    ],
)
def test_a_name_that_the_answers_cell_binds_first_is_not_looked_for(answer):
    assert kept(answer, TRAINS) == []


@pytest.mark.parametrize(
    "answer",
    [
        "my_answer = accuracy\naccuracy = 0.74\nmy_answer",
        "if hurry:\n    accuracy = 0.74\naccuracy",
        "for accuracy in []: pass\naccuracy",
        "accuracy += 1\naccuracy",
        "def mine(): return accuracy\nfirst = mine()\naccuracy = 0.74\nfirst",
        "try:\n    accuracy = 1 / 0\nexcept ZeroDivisionError: pass\naccuracy",
    ],
)
def test_a_name_that_may_be_used_before_it_is_bound_is_looked_for(answer):
    assert TRAINS in kept(answer, "model = build()", TRAINS)


@pytest.mark.parametrize(
    "fills",
    [
        "t['f'] = 1",
        "t.f = 1",
        "t.append(1)",
        "for i in range(3):\n    t[i] = i",
        "np.add.at(t, 1, 2)",
        "random.shuffle(t)",
        "def fill():\n    t[0] = 1\nfill()",
        "del t[0]",
        "exec('t = 1')",
        "globals()['t'] = 1",
        "setattr(t, 'f', 1)",
        "model = np.fit(t)",
        "[t.append(i) for i in range(3)]",
        "t[0], other = 1, 2",
    ],
)
def test_what_fills_a_wanted_name_is_kept(fills):
    found = kept("lambda: t\n(lambda: t)()", "import numpy as np\nimport random", "t = {}", fills)
    assert found[-1] == ast.unparse(ast.parse(fills).body[-1])
    assert "t = {}" in found


@pytest.mark.parametrize(
    "other", ["print(t)", "plt.imshow(t)", "n = t.mean()", "exercises.x.check(t)", "s[0] = 1"]
)
def test_what_only_reads_a_wanted_name_is_left_out(other):
    assert kept("t", "t = {}", other)[:1] == ["t = {}"]
    assert kept("t", "t = {}", other)[1:] == []


def test_a_call_of_a_module_does_not_change_the_module():
    assert kept("np.sum(2)", "import numpy as np", "slow = np.cumsum(1)") == ["import numpy as np"]
    assert kept("t.sum(2)", "t = {}", "slow = t.pop(1)") == ["t = {}", "slow = t.pop(1)"]


def test_an_older_value_that_is_overwritten_does_not_run():
    assert kept("f(1)", "f = train()", "def f(x):\n    return x") == ["def f(x):\n    return x"]
    assert kept("n", "n = train()", "n = 3") == ["n = 3"]
    assert kept("n", "n = 3", "n = train()") == ["n = 3", "n = train()"]  # the training may fail


def test_star_imports_are_kept():
    assert kept("sqrt(2)", "from math import *") == ["from math import *"]


MAGIC = {
    "%time f = 3": "f = 3",
    "%%time\nf = 3": "f = 3",
    "%%capture out\nf = 3": "f = 3",
    "%timeit -n 10 f = 3": "f = 3",
    "%matplotlib inline\nf = 3": "f = 3",
    "!pip install x\nf = 3": "f = 3",
    "f = 3\nf??": "f = 3",
    "%time\nf = 3": "f = 3",
}


@pytest.mark.parametrize("cell", MAGIC)
def test_what_only_ipython_understands_is_read_as_ipython_reads_it(cell):
    assert MAGIC[cell] in [ast.unparse(node) for node in slicing.parsed(cell).body]


@pytest.fixture
def own_main(monkeypatch):
    """Let an answer run in this process as if it were the worker's."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


def answered(source, *cells, lost=None):
    task = {"exercise": "step", "source": source, "before": len(cells), "answer": "my_step"}
    return worker.answer_of(task, [slicing.statements(cell) for cell in cells], lost=lost)


def test_notebook_syntax_runs(own_main):
    assert answered("files = !ls\nhere = %pwd\nmy_step = files, here != ''") == ([], True)
    assert answered("import asyncio\nmy_step = await asyncio.sleep(0, 7)") == 7
    assert answered("get_ipython().run_line_magic('matplotlib', 'inline')\nmy_step = 5") == 5
    assert answered("my_step = t['f'](2)", "t = {}\nt['f'] = lambda x: x + 1") == 3
    assert answered("my_step = list(one)", "import numpy as np\none = np.zeros(2); one[:] = 1") == [1, 1]


def test_the_last_check_of_the_cell_gets_the_answer_wherever_it_stands(own_main):
    check = "exercises.step.check({})"
    assert answered(f"a = 1\n{check.format('a')}\na = 2\n{check.format('a')}\na = 3\nraise OSError") == 2
    assert answered(f"ok = print({check.format('answer=5')})\nexit()") == 5
    assert answered(f"for a in (1, 2):\n    {check.format('a')}") == 2
    assert answered(f"exercises.other.check(1 / 0)\n{check.format(3)}") == 3
    assert answered(f"{check.format('a')}\na = 4") == 4  # in a cell that was run twice
    assert answered("my_step = 6\nexercises.other.check(1 / 0)") == 6
    with pytest.raises(SystemExit):
        answered(f"raise SystemExit\n{check.format(1)}")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import math\ndef go(a, b, c, d, e): return math", "go"),
        ("def go(*values): return 1\ndef helper(x): return x", "go"),
        ("def one(a, b, c, d, e): pass\ntwo = one", ""),
        ("go = 3", ""),
    ],
)
def test_an_answer_of_another_name_is_found_where_only_one_can_be_meant(own_main, source, found):
    task = {"exercise": "step", "source": source, "before": 0, "answer": "my_step"}
    result = worker.result_of(STEP, task, [])
    assert ("attempt" in result) == bool(found)
    assert result["notes"] == (
        [f"there is no `my_step`: `{found}` was taken for the answer"] if found else []
    )


def test_a_name_that_only_a_cell_below_defines_is_noted(own_main):
    below = slicing.statements("def late(x): return x")
    for source in ("def my_step(*a): return late(a)", "my_step = late(1)"):
        task = {"exercise": "step", "source": source, "before": 0, "answer": "my_step"}
        assert worker.result_of(STEP, task, [below])["notes"] == ["`late` is defined only in a cell below"]
        assert worker.result_of(STEP, task, [])["notes"] == []


def test_a_module_that_is_missing_is_remembered_with_the_names_it_would_bind(own_main):
    lost = {}
    with pytest.raises(NameError):
        answered("my_step = convolve(1)", "from a_module.signal import convolve", lost=lost)
    assert lost == {"convolve": "a_module"}


STEP = next(one for one in catalogue.exercises()["lesson_01"] if one.name == "step")
LONG = """def f(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    down = 2 * learning_rate
    return slope - down * np.mean(error * x), intercept - down * np.mean(error)
"""


def test_renaming_comments_and_notes_do_not_change_how_an_answer_looks():
    same = likeness.of(LONG, STEP)["same"]
    other = LONG.replace("error", "e").replace("def f(", "def g(").replace("y\n", "y  # the error\n")
    described = LONG.replace("rate):\n", 'rate):\n    """Return one step."""\n')
    assert same == likeness.of(other, STEP)["same"] == likeness.of(described, STEP)["same"] != ""
    assert same != likeness.of(LONG.replace("2 *", "3 *"), STEP)["same"]
    assert same != likeness.of(LONG.replace("np.mean", "np.sum"), STEP)["same"]
    assert likeness.of("def f(a):\n    return a + 1", STEP)["same"] == ""  # too short to mean anything
    assert likeness.of("def f(:", STEP) == {"same": "", "uses": ""}


def test_the_courses_own_answer_is_recognised_where_it_is_called_or_pasted():
    from convlab.exercises.display import solution_text

    pasted = solution_text(STEP.reference).replace("slope", "s")
    assert "solution" in likeness.of(pasted, STEP)["uses"]
    for call in ("exercises.step.reference(*a)", "getattr(exercises.step, 'reference')(*a)"):
        assert "reference" in likeness.of(f"mine = lambda *a: {call}", STEP)["uses"]
    assert likeness.of(LONG.replace("2 *", "3 *"), STEP)["uses"] == ""
