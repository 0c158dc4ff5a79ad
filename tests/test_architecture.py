"""The arrows of docs/architecture.md hold, and each package says which of its names are public."""

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from coursekit.__main__ import COMMANDS
from coursekit.lessons import ROOT, CourseError
from coursekit.publishing import drawing

LIB = ROOT / "lib"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CIRCLE = """
import graphlib, grimp
graph = grimp.build_graph("convlab", "coursekit", cache_dir=None, exclude_type_checking_imports=True)
imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
graphlib.TopologicalSorter(imports).prepare()
"""


def python(code: str, lib: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Python on the packages in `lib`."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=lib.parent,
        env=os.environ | {"PYTHONPATH": str(lib), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def linted(lib: Path) -> subprocess.CompletedProcess:
    """Hold the packages in `lib` against the contracts of pyproject.toml, one line each."""
    return python(LINT, lib, "--no-logo", "--no-cache", str(ROOT / "pyproject.toml"))


def broken(lib: Path) -> str:
    """Return what import-linter says of the packages in `lib`, on one line; empty if all is well."""
    result = linted(lib)
    return "" if result.returncode == 0 else " ".join((result.stdout + result.stderr).split())


@pytest.fixture
def copy(tmp_path) -> Path:
    """Return a copy of the packages to plant faults in."""
    for name in ("convlab", "coursekit"):
        shutil.copytree(LIB / name, tmp_path / "lib" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "lib"


def plant(lib: Path, module: str, line: str) -> None:
    """Add a line at the end of a module of the copy."""
    path = lib / module
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{text}\n{line}\n", encoding="utf-8")


def test_contracts_hold():
    assert not broken(LIB)


@pytest.mark.parametrize(
    ("module", "line", "said"),
    [
        ("convlab/networks/blocks.py", "from convlab import training", "networks is not allowed to import"),
        ("convlab/layers/dense.py", "import convlab.networks", "layers is not allowed to import"),
        ("convlab/shapes/arithmetic.py", "from convlab.layers import Dense", "shapes is not allowed"),
        ("convlab/datasets/drawn.py", "from convlab.training import fit", "datasets is not allowed"),
        ("convlab/optimizers.py", "import convlab.networks.blocks", "optimizers is not allowed"),
        ("convlab/explain/maps.py", "from convlab.training import accuracy", "explain is not allowed"),
        ("convlab/plots/lines.py", "from convlab import networks", "plots is not allowed"),
        ("convlab/notebook/widgets.py", "from convlab import training", "notebook is not allowed"),
        ("convlab/exercises/lesson_09.py", "from convlab import networks", "exercises is not allowed"),
        (
            "convlab/exercises/lesson_09.py",
            "def lazy():\n    import convlab.training",
            "exercises is not allowed",
        ),
        ("convlab/training/loop.py", "from convlab import applications", "training is not allowed"),
        ("convlab/somewhere.py", "", "convlab.somewhere"),
        ("convlab/runs.py", "import coursekit.lessons", "convlab never imports coursekit BROKEN"),
        ("coursekit/lessons.py", "from coursekit import course", "lessons is not allowed to import"),
        (
            "coursekit/publishing/links.py",
            "from coursekit.checking import rules",
            "publishing is not allowed",
        ),
        ("coursekit/checking/rules.py", "from coursekit.running import jobs", "checking is not allowed"),
        ("coursekit/running/jobs.py", "from coursekit.grading import grade", "running is not allowed"),
        ("coursekit/somewhere.py", "", "coursekit.somewhere"),
        ("coursekit/running/jobs.py", "from convlab import datasets", "only grading, measuring and doctor"),
        ("coursekit/setup/install.py", "import convlab.shapes", "only grading, measuring and doctor"),
        ("convlab/plots/style.py", "from convlab.plots import lines", "No circle of imports"),
    ],
)
def test_fault_an_import_against_the_arrows_is_found(copy, module, line, said):
    plant(copy, module, line)
    assert said in broken(copy)


def test_copy_without_a_fault_is_not_faulted(copy):
    plant(copy, "convlab/layers/dense.py", "from convlab import shapes")
    assert not broken(copy)


def test_no_circle_of_imports():
    assert python(CIRCLE, LIB).returncode == 0


def test_fault_a_circle_of_imports_is_found(copy):
    plant(copy, "convlab/layers/windows.py", "def lazy():\n    from convlab.layers import pooling")
    found = python(CIRCLE, copy)
    assert found.returncode != 0
    assert "CycleError" in found.stderr
    assert "convlab.layers.pooling" in found.stderr


PAGE = (ROOT / drawing.PAGE).read_text(encoding="utf-8")


def test_drawing_is_current():
    assert drawing.with_drawing(PAGE, drawing.arrows()) == PAGE, "run `python -m coursekit draw`"


def test_fault_a_drawing_that_is_not_current_is_found():
    measured = drawing.arrows()
    assert measured["convlab.layers"] >= {"convlab.shapes"}
    old = measured | {"convlab.layers": measured["convlab.layers"] - {"convlab.shapes"}}
    assert drawing.with_drawing(PAGE, old) != PAGE
    with pytest.raises(CourseError, match="needs the lines"):
        drawing.with_drawing("a page without a place", measured)


def test_drawing_leaves_out_what_follows():
    said = drawing.drawing(
        {"convlab.a": {"convlab.b", "convlab.c"}, "convlab.b": {"convlab.c"}, "convlab.c": set()}
    )
    assert [line.strip() for line in said.splitlines() if "-->" in line and "<" not in line] == [
        "convlab.a --> convlab.b",
        "convlab.b --> convlab.c",
    ]


def test_order_of_packages_is_on_the_page():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    for layered in contract["contracts"]:
        for name in re.findall(r"\w+", " ".join(layered.get("layers", []))):
            assert name.startswith("__") or f"`{name}`" in PAGE, name


FIVE = re.findall(r"^\| (.+\?) \| `(\S+)` \| `(\w+)` \|$", PAGE, re.MULTILINE)


def test_five_questions_are_answered():
    assert len(FIVE) == 5


@pytest.mark.parametrize(("question", "path", "name"), FIVE)
def test_answer_to_a_question_is_where_the_page_says(question, path, name):
    defined = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    assert name in {node.name for node in defined if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def shadowing(names: list[str]) -> list[str]:
    """Return the module names that a module of the standard library has, too."""
    return [name for name in names if name in sys.stdlib_module_names]


def test_no_module_is_named_like_one_of_the_standard_library():
    names = [path.stem for path in LIB.rglob("*.py") if not path.stem.startswith("__")]
    assert len(names) > 90
    assert not shadowing(names + [path.parent.name for path in LIB.rglob("__init__.py")])


def test_fault_a_module_named_like_one_of_the_standard_library_is_found():
    assert shadowing(["dense", "site", "numbers", "profile"]) == ["site", "numbers", "profile"]


def public(path: Path) -> set[str]:
    """Return the names without underscore that a module defines, or a package imports from convlab.

    What a package imports under TYPE_CHECKING it gives when it is first asked for.
    """
    found: set[str] = set()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    lazy = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for node in [*body, *(inner for outer in lazy for inner in outer.body)]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {
                name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
            }
        elif isinstance(node, ast.ImportFrom) and path.name == "__init__.py":
            found |= {alias.asname or alias.name for alias in node.names if is_from_convlab(node, alias)}
    return {name for name in found if not name.startswith("_")}


def is_from_convlab(node: ast.ImportFrom, alias: ast.alias) -> bool:
    """Tell whether a function, class or constant of convlab is imported, not one of its modules."""
    path = LIB.joinpath(*f"{node.module}.{alias.name}".split("."))
    return (node.module or "").startswith("convlab.") and not (
        path.is_dir() or path.with_suffix(".py").exists()
    )


def listed(path: Path) -> list[str] | None:
    """Return the `__all__` of a module; None if it has none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def unlike(path: Path) -> set[str]:
    """Return the names in which `__all__` and the public names differ, and those that it lists twice."""
    names = listed(path) or []
    return (public(path) ^ set(names)) | {name for name in names if names.count(name) > 1}


# what `from convlab import ...` gives; ruff's RUF022 holds the order within `__all__`
SHOWN = sorted([*(LIB / "convlab").glob("*.py"), *(LIB / "convlab").glob("*/__init__.py")])


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.relative_to(LIB).as_posix())
def test_public_names_are_those_of_all(path):
    assert not unlike(path), "put these names into __all__ or give them an underscore"


def test_fault_a_public_name_that_is_not_listed_is_found(copy):
    for module, line, names in [
        ("convlab/layers/__init__.py", "from convlab.layers.dense import Dense as Extra", {"Extra"}),
        ("convlab/runs.py", "def extra(): pass", {"extra"}),
        ("convlab/optimizers.py", "__all__ = ['SGD', 'SGD', 'gone']", set()),
    ]:
        plant(copy, module, line)
        assert names <= unlike(copy / module)
    (copy / "convlab/optimizers.py").write_text("__all__ = ['SGD', 'SGD', 'gone']\nclass SGD: pass\n")
    assert unlike(copy / "convlab/optimizers.py") == {"SGD", "gone"}


CONTRACTS = {
    "convlab.shapes": "count output_size receptive_field",
    "convlab.layers": """AvgPool2D BatchNorm Conv2D Dense Dropout Flatten MaxPool2D ReLU Sequential Sigmoid
        avg_pool2d conv2d max_pool2d softmax_cross_entropy""",
    "convlab.optimizers": "AdaGrad Adam Momentum SGD",
    "convlab.datasets": "Dataset load",
    "convlab.networks": """alexnet cifar_alexnet cifar_fast cifar_googlenet cifar_resnet cifar_vgg googlenet
        lenet5 resnet50 resnet101 resnet152 vgg16 vgg19""",
    "convlab.training": "fit",
}
PARAMETERS = {
    "convlab.shapes.output_size": "input_size kernel_size stride=1 padding=0 dilation=1",
    "convlab.shapes.count": "model",
    "convlab.layers.conv2d": "images kernels bias=None stride=1 padding='valid'",
    "convlab.layers.max_pool2d": "images size stride=None",
    "convlab.layers.avg_pool2d": "images size stride=None",
    "convlab.layers.softmax_cross_entropy": "logits labels",
    "convlab.datasets.load": "name",
    "convlab.optimizers.SGD.step": "self params grads",
    "convlab.optimizers.Adam.step": "self params grads",
}
FIT = ["model", "data", "epochs", "batch_size"]


def found(name: str):
    """Return what a full name such as `convlab.optimizers.SGD.step` stands for."""
    value = importlib.import_module(".".join(name.split(".")[:2]))
    for part in name.split(".")[2:]:
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(
    "name", [f"{module}.{name}" for module, names in CONTRACTS.items() for name in names.split()]
)
def test_contract_has_its_name(name):
    assert callable(found(name))


@pytest.mark.parametrize("name", PARAMETERS)
def test_contract_begins_with_its_parameters(name):
    parameters = [*inspect.signature(found(name)).parameters.values()]
    plain = [str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters]
    wanted = PARAMETERS[name].split()
    assert plain[: len(wanted)] == wanted
    assert all(parameter.default is not inspect.Parameter.empty for parameter in parameters[len(wanted) :])


def test_fit_begins_with_its_contract():
    assert [*inspect.signature(found("convlab.training.fit")).parameters][: len(FIT)] == FIT


@pytest.mark.parametrize(
    "path", sorted(LIB.glob("convlab/exercises/lesson_*.py")), ids=lambda path: path.stem
)
def test_exercises_of_a_lesson_check_hint_and_solve(path):
    module = importlib.import_module(f"convlab.exercises.{path.stem}")
    exercises = [item for name, item in vars(module).items() if type(item).__name__ == "Exercise"]
    assert exercises
    assert all(callable(getattr(item, way)) for item in exercises for way in ("check", "hint", "solution"))


@pytest.mark.parametrize(
    "command", ["run", "render", "check", "bench", "record", "slides", "site", "grade", "doctor"]
)
def test_command_of_coursekit_has_its_module(command):
    assert callable(importlib.import_module(f"coursekit.{COMMANDS[command][0]}").main)


def test_the_five_questions_are_answered_by_files_that_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Five questions")[2]
    answers = re.findall(r"^\| .+\? \| `(\S+)` \| `(\w+)` \|$", text, re.MULTILINE)
    assert len(answers) == 5
    for place, name in answers:
        assert f"\ndef {name}(" in (ROOT / place).read_text(encoding="utf-8"), place
