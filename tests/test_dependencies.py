"""A lesson depends on what it imports and on the recordings that it names, and on nothing else."""

import json
import shutil
import subprocess
import sys

import pytest

from convlab.exercises import bank
from convlab.files import write_text
from coursekit.lessons import ROOT, find, source
from coursekit.running.dependencies import files, needs_of
from coursekit.running.jobs import Job, Outcome
from coursekit.running.rerun import inputs, recorded, write_record

PACKAGE = {
    "__init__.py": "",
    "runs.py": "from convlab import DATA_FOLDER\nFOLDER = DATA_FOLDER / 'runs'",
    "shapes.py": "",
    "layers/__init__.py": "from convlab.layers.dense import Dense",
    "layers/dense.py": "from . import checks",
    "layers/checks.py": "",
    "layers/pooling.py": "def window():\n    from ..shapes import size\n    return size",
    "plots/__init__.py": "import convlab.plots.style",
    "plots/style.py": "",
    "plots/style.mplstyle": "",
    "plots/a/b.ttf": "",
    "tables/__init__.py": "from pathlib import Path\nROWS = sorted(Path(__file__).parent.glob('row_*.py'))",
    "tables/row_1.py": "from convlab import shapes",
    "named.py": "import importlib\nshapes = importlib.import_module('convlab.shapes')",
    "unnamed.py": "import importlib\n\ndef get(name):\n    return importlib.import_module(name)",
    "applications/__init__.py": "",
    "applications/x.py": "from convlab.layers import pooling",
}
REACHED = {
    "import numpy, convlab": "",
    "import convlab.shapes as s": "shapes.py",
    "from convlab import shapes": "shapes.py",
    "from convlab.shapes import output_size": "shapes.py",
    "from convlab.layers import Dense": "layers/__init__.py layers/dense.py layers/checks.py",
    "from convlab.layers import checks": "layers/__init__.py layers/dense.py layers/checks.py",
    "def f():\n    from convlab import shapes\n    return shapes": "shapes.py",
    "from convlab import plots": "plots/__init__.py plots/style.py plots/style.mplstyle plots/a/b.ttf",
    "from convlab import tables": "tables/__init__.py tables/row_1.py shapes.py",
    "from convlab import named": "named.py shapes.py",
    "from convlab import unnamed": " ".join(PACKAGE).replace("__init__.py ", "", 1),
    "program = 'import sys\\nfrom convlab import shapes'": "shapes.py",
    "command = [sys.executable, '-m', 'convlab.shapes']": "shapes.py",
    "# from convlab import shapes\n'see convlab.shapes or import it'": None,
    "import json": None,
}


@pytest.fixture
def course(tmp_path):
    """Return the folder of a course that has this package."""
    for name, code in PACKAGE.items():
        write_text(tmp_path / "lib/convlab" / name, code)
    write_text(tmp_path / "lib/convlab/layers/__pycache__/dense.pyc", "")
    return tmp_path


@pytest.mark.parametrize("code", REACHED)
def test_imports_are_followed_in_each_of_their_forms(code, course):
    wanted = set() if REACHED[code] is None else {"__init__.py", *REACHED[code].split()}
    if "layers/pooling.py" in wanted:  # all modules, and what lies beside them
        wanted |= {"__init__.py"}
    found = {path.relative_to(course / "lib/convlab").as_posix() for path in files([code], course)}
    assert found == wanted


def test_an_import_that_one_cell_makes_counts_in_the_next_and_a_magic_hides_nothing(course):
    cells = ["%matplotlib inline", "from convlab import runs", "runs.load('vgg')"]
    for name in ("vgg", "other"):
        write_text(course / f"data/runs/{name}.json", "")
    assert [path.name for path in files(cells, course)] == ["vgg.json", "__init__.py", "runs.py"]


@pytest.mark.parametrize(
    ("code", "patterns"),
    {
        "from convlab import runs; runs.load('vgg-seed0')": "runs/vgg-seed0.json",
        "import convlab.runs as r; r.matching(pattern='vgg*')": "runs/vgg*.json",
        "import convlab; convlab.runs.matching()": "runs/*.json",
        "from convlab.runs import matching as find; find(f'{name}-seed*')": "runs/*-seed*.json",
        "from convlab import runs; runs.answers(name)": "runs/*.npz",
        "from convlab import runs; runs.load_weights(model, 'deep')": "weights/deep.npz",
        "from convlab import runs; runs.load_weights(model, names[0])": "weights/*.npz",
        "from convlab import runs; runs.load_weights(model, name='deep')": "weights/deep.npz",
        "from convlab import runs; list(map(runs.load, names))": "runs/*.json",
        "from convlab import runs; list(runs.FOLDER.iterdir())": "runs/* weights/*",
        "from convlab import DATA_FOLDER; DATA_FOLDER / 'weights' / 'deep.npz'": "weights/*",
        "from convlab import runs; runs.today()": "",
        "import json; json.load('vgg-seed0')": "",
    }.items(),
)
def test_recordings_are_those_that_the_code_names(code, patterns):
    assert needs_of(code).recordings == {*patterns.split()}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Return a job for each lesson in a copy of the course without data, each with a good run behind it."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("notebooks", "lib/convlab"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    jobs = [Job(lesson, root, {}) for lesson in find(root)]
    for job in jobs:
        write_text(job.output, "{}")
        write_record(Outcome(job, 1.0), inputs(job))
    assert all(map(recorded, jobs))
    return jobs


def rerun_after_a_change_of(name, jobs):
    """Return the numbers of the lessons that run again once a file of the package has changed."""
    path = jobs[0].root / "lib/convlab" / name
    before = path.read_text(encoding="utf-8") if path.exists() else None
    write_text(path, f"{before or ''}\n# changed\n")
    try:
        return {job.lesson.number for job in jobs if not recorded(job)}
    finally:
        path.unlink() if before is None else write_text(path, before)


IMPORTS = """
import ast, json, sys
import tensorflow  # once, before convlab waits for it
reached = {}
for number, cells in json.load(sys.stdin).items():
    for name in [name for name in sys.modules if name.partition(".")[0] == "convlab"]:
        del sys.modules[name]
    for node in ast.walk(ast.parse("\\n".join(cells))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node))
    if "convlab.exercises.catalogue" in sys.modules:  # lesson 00 counts the exercises of all
        sys.modules["convlab.exercises.catalogue"].exercises()
    reached[number] = [name for name in sys.modules if name.partition(".")[0] == "convlab"]
json.dump(reached, sys.stdout)
"""


@pytest.fixture(scope="module")
def loaded():
    """Return {lesson: the modules of convlab that Python itself loads when its imports are executed}."""
    cells = {lesson.number: [source(cell) for cell in lesson.code_cells] for lesson in find(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        cwd=ROOT / "lib",
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return {number: {*names} for number, names in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", ["layers/dense.py", "plots/style.py", "networks/vgg.py", "optimizers.py"])
def test_a_change_reruns_the_lessons_that_python_itself_loads_the_module_for(name, copied, loaded):
    module = "convlab." + name.removesuffix(".py").replace("/", ".")
    wanted = {number for number, names in loaded.items() if module in names}
    assert wanted and rerun_after_a_change_of(name, copied) == wanted


def test_all_that_python_loads_for_a_lesson_is_known_beforehand(loaded):
    for lesson in find(ROOT):
        known = files(map(source, lesson.code_cells), ROOT)
        for name in loaded[lesson.number]:
            place = (ROOT / "lib").joinpath(*name.split("."))
            assert place / "__init__.py" in known or place.with_suffix(".py") in known, (lesson.slug, name)


@pytest.mark.parametrize("name", ["applications/planted.py", "exercises/lesson_99.py"])
def test_a_new_module_that_no_lesson_imports_reruns_none_but_the_one_that_lists_all_exercises(name, copied):
    assert rerun_after_a_change_of(name, copied) == ({"00"} if "exercises" in name else set())


def test_the_exercises_of_a_lesson_rerun_that_lesson_and_the_first(copied):
    assert rerun_after_a_change_of("exercises/lesson_05.py", copied) == {"00", "05"}


def asked_in(lesson, question):
    """Tell whether the stored output of a lesson's first cell of questions has this question."""
    cell = next((cell for cell in lesson.cells if cell["id"] == "recall"), {"outputs": []})
    return any(question in "".join(output["data"]["text/plain"]) for output in cell["outputs"])


def test_a_change_of_a_question_reruns_the_lessons_that_show_it(copied):
    question = next(one for one in bank.load() if one.id == "two-small-filters")
    wanted = {job.lesson.number for job in copied if asked_in(job.lesson, question.question)}
    file = f"exercises/questions/part_{question.part}.yaml"
    path = copied[0].root / "lib/convlab" / file
    whole = path.read_text(encoding="utf-8")
    assert wanted and len(wanted) < 4
    assert rerun_after_a_change_of(file, copied) == set()  # a comment
    write_text(path, whole.replace(question.question, f"Again, {question.question}"))
    try:
        assert {job.lesson.number for job in copied if not recorded(job)} == wanted
        write_text(path, whole + "- nonsense\n")
        assert not recorded(copied[1])
    finally:
        write_text(path, whole)


def test_recordings_in_a_folder_of_their_own_count_and_the_folder_does_not():
    from coursekit.lessons import ROOT, find, source
    from coursekit.running import dependencies

    for lesson in find(ROOT):
        assert all(path.is_file() for path in dependencies.files(map(source, lesson.code_cells), ROOT))
    found = dependencies.files(["from convlab import runs\nruns.FOLDER"], ROOT)
    assert ROOT / "data" / "runs" / "dqn" / "catch-seed0.json" in found
