"""Types: lint checks them, and every public function of convlab states its own."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from coursekit.lessons import ROOT

PLANTED = """from coursekit.lessons import find
from convlab.shapes import output_size

def number(folder: str) -> int:
    return {returned}
"""


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        ("len(find(folder))", 'Argument 1 to "find" has incompatible type "str"; expected "Path"'),
        ("str(output_size(28, 3))", 'expected "int"'),
        ("output_size(28, 3)", ""),
    ],
)
def test_fault_a_wrong_type_is_found(tmp_path, returned, fault):
    planted = tmp_path / "planted.py"
    planted.write_text(PLANTED.format(returned=returned), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", planted], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert fault in done.stdout and (done.returncode == 1) == bool(fault), done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_lint_runs_mypy():
    steps = subprocess.run(["make", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert [line for line in steps.stdout.splitlines() if line.endswith("-m mypy")], steps.stderr


def untyped(code: str) -> Iterator[str]:
    """Yield the public functions and methods that leave out a type, as `name: what is missing`."""
    for name, function in public(ast.parse(code)):
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        others = [one for one in (arguments.vararg, arguments.kwarg) if one]
        missing = [
            one.arg
            for one in [*named, *others]
            if one.annotation is None and one.arg not in ("self", "cls", "_")
        ]
        if function.returns is None and function.name != "__init__":
            missing.append("what it returns")
        if missing:
            yield f"{name}: {', '.join(missing)}"


def public(tree: ast.Module | ast.ClassDef, within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the public functions of a module, and the public methods and `__init__` of its public classes."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node, f"{within}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
            yield within + node.name, node


def test_every_public_function_of_convlab_states_its_types():
    modules = [
        path for path in (ROOT / "lib/convlab").rglob("*.py") if not path.name.startswith("lesson_")
    ]  # their exercises are written as a learner writes them
    assert len(modules) > 80
    found = {str(path.relative_to(ROOT)): list(untyped(path.read_text(encoding="utf-8"))) for path in modules}
    assert {path: names for path, names in found.items() if names} == {}


def test_fault_a_function_without_types_is_found():
    methods = "    def __init__(self, units): ...\n    def _hidden(self, x): ...\n"
    code = f"class Layer:\n{methods}def loss(x: int): ..."
    assert list(untyped(code)) == ["Layer.__init__: units", "loss: what it returns"]
