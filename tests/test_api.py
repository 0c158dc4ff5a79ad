"""The page of the package shows what lessons import, from the code as text."""

import ast
import json
import re
import subprocess
import sys

import griffe
import pytest

from coursekit.lessons import ROOT, CourseError
from coursekit.publishing import api

LIB = ROOT / "lib" / "convlab"


def modules_of_lessons() -> set[str]:
    """Return the modules of convlab that lessons import, their exercises aside."""
    found = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "convlab" in source:
                found |= modules(ast.parse(source))
    found -= {""}  # convlab itself, which has DATA_FOLDER alone
    return {name for name in found if not name.startswith("exercises.lesson_")}


def modules(tree: ast.AST) -> set[str]:
    """Return the modules of convlab that a cell imports, by their names below convlab."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "convlab":
            for alias in node.names:
                name = f"{node.module}.{alias.name}".removeprefix("convlab.")
                path = LIB.joinpath(*name.split("."))
                is_module = path.is_dir() or path.with_suffix(".py").exists()
                found.add(name if is_module else name.rpartition(".")[0])
    return found


def test_page_shows_every_module_that_a_lesson_imports():
    assert len(modules_of_lessons()) > 10
    assert modules_of_lessons() <= set(api.SHOWN)


def test_fault_a_module_that_is_not_shown_is_found():
    assert modules(ast.parse("from convlab import runs, files\nfrom convlab.layers import conv2d")) == {
        "runs",
        "files",
        "layers",
    }


@pytest.mark.parametrize("name", api.SHOWN)
def test_page_has_every_function_and_class_of_all(name):
    path = LIB.joinpath(*name.split("."))
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8"))
    lists = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and "__all__" in ast.unparse(node)
    ]
    part = (
        api.page().partition(f"{{py:currentmodule}} convlab.{name}\n")[2].partition("{py:currentmodule}")[0]
    )
    shown = re.findall(r"\{py:\w+\} (\w+)\b(?!\.)", part)
    assert shown
    if lists:
        assert {one for one in ast.literal_eval(lists[0]) if not one.isupper()} <= set(shown)


def test_contract_stands_with_its_arguments_and_its_example():
    page = api.page()
    assert re.search(r"\{py:function\} conv2d\(images\b.+ kernels\b.+ bias\b.+ stride\b.+ padding\b", page)
    assert re.search(r"\{py:method\} Conv2D\.backward\(dy\b", page)
    assert re.search(r"```python\n>>> conv2d\(.+?\n```", page, re.DOTALL)


def documented(text: str) -> str:
    """Return what the page says of a function with this docstring."""
    code = f'def f(a, b):\n    """{text}"""\n'
    with griffe.temporary_visited_module(code, docstring_parser="google") as module:
        return api._member(module["f"])


def test_arguments_and_errors_become_lists():
    said = documented(
        "Return it.\n\n    Args:\n        a: one[0] * 2\n        b: two\n\n"
        "    Raises:\n        ValueError: for 3\n"
    )
    assert "- `a`: one\\[0\\] \\* 2\n- `b`: two" in said
    assert "- `ValueError`: for 3" in said


def test_characters_of_markdown_mean_themselves():
    assert "x\\_1 \\* y, but `x_1 * y`" in documented("Return x_1 * y, but `x_1 * y`.")


def test_module_that_is_gone_is_named(monkeypatch):
    monkeypatch.setattr(api, "SHOWN", ("layers", "inside"))
    with pytest.raises(CourseError, match=r"convlab\.inside, which is not there"):
        api.page.__wrapped__()


def test_page_is_made_without_importing_the_package():
    code = (
        "import sys; from coursekit.publishing import api; api.page(); "
        "print({'convlab.layers', 'tensorflow', 'keras'} & {*sys.modules})"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "lib"
    )
    assert said.stdout.strip() == "set()"
