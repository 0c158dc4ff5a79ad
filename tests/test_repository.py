"""The files that a visitor of the repository reads: citation, changelog, workflow, issue form, links."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from coursekit.lessons import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "docs/architecture.md"]
SCHEMAS = {
    "CITATION.cff": "vendor.citation-file-format",
    ".github/workflows/test.yml": "vendor.github-workflows",
    ".github/ISSUE_TEMPLATE/problem.yml": "vendor.github-issue-forms",
}
WIDEST = 110  # characters in a line of the pages; rows of tables may be longer


def text(name: str) -> str:
    """Return what a file of the course says."""
    return (ROOT / name).read_text(encoding="utf-8")


def faults(path: Path, schema: str) -> str:
    """Return what a file's schema says of it; empty if it is valid."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    return "" if result.returncode == 0 else result.stdout + result.stderr


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_file_follows_its_schema(name, schema):
    assert not faults(ROOT / name, schema)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("CITATION.cff", "authors:", "writers:"),
        (".github/workflows/test.yml", "runs-on:", "runs_on:"),
        (".github/ISSUE_TEMPLATE/problem.yml", "type: textarea", "type: essay"),
    ],
)
def test_fault_against_a_schema_is_found(tmp_path, name, before, after):
    broken = tmp_path / Path(name).name
    broken.write_text(text(name).replace(before, after), encoding="utf-8")
    assert faults(broken, SCHEMAS[name])


def test_version_is_everywhere_the_same():
    assert yaml.safe_load(text("CITATION.cff"))["version"] == VERSION
    newest = re.search(r"^## \[(.+?)\] - (\d{4}-\d\d-\d\d)$", text("CHANGELOG.md"), re.MULTILINE)
    assert newest[1] == VERSION
    assert newest[2] == yaml.safe_load(text("CITATION.cff"))["date-released"]


def linted(path: Path) -> str:
    """Return what actionlint says of a workflow."""
    if not (actionlint := shutil.which("actionlint")):
        pytest.skip("actionlint is not installed: https://github.com/rhysd/actionlint")
    return subprocess.run([actionlint, "-no-color", str(path)], capture_output=True, text=True).stdout


def test_workflow_passes_actionlint():
    assert not linted(WORKFLOW)


def test_fault_in_an_expression_is_found_by_actionlint(tmp_path):
    (broken := tmp_path / "test.yml").write_text(
        text(".github/workflows/test.yml").replace("runner.os", "runer.os")
    )
    assert "runer" in linted(broken)


def test_workflow_covers_what_the_project_promises():
    matrix = yaml.safe_load(text(".github/workflows/test.yml"))["jobs"]["locked"]["strategy"]["matrix"]
    wanted = tomllib.loads(text("pyproject.toml"))["project"]["requires-python"]
    assert wanted == ">=3.11,<3.14"
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}


def test_issue_form_asks_for_the_doctor():
    assert "make doctor" in text(".github/ISSUE_TEMPLATE/problem.yml")


def test_development_container_sets_up_the_course():
    container = json.loads(text(".devcontainer/devcontainer.json"))
    assert container["postCreateCommand"] == "make setup"
    assert re.fullmatch(r".+/python:3\.1[123]-bookworm", container["image"])


def dead(page: str, said: str) -> list[str]:
    """Return the links of a page to files that are not there."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"```.*?```", "", said, flags=re.DOTALL))
    here = (ROOT / page).parent
    return [link for link in links if "://" not in link and not (here / link).exists()]


def unknown(said: str) -> list[str]:
    """Return the files of lib, docs, tests, notebooks and data that a page names and that are not there."""
    names = re.findall(r"`((?:lib|docs|tests|notebooks|data|web)/[\w./-]+)`", said)
    made = re.compile(r"NN|NAME|serving|data/(fashion_mnist|cifar10).npz|data/progress|data/\.download")
    return [name for name in names if not (ROOT / name).exists() and not made.search(name)]


@pytest.mark.parametrize("page", [*PAGES, "docs/instructor_guide.md"])
def test_files_that_a_page_names_are_there(page):
    said = "".join(
        line for line in text(page).splitlines(keepends=True) if "NN" not in line and "NAME" not in line
    )
    assert not dead(page, said)
    assert not unknown(said)


def test_fault_a_file_that_is_not_there_is_found():
    assert dead("README.md", "[a](docs/none.md) [b](README.md) [c](https://example.org)") == ["docs/none.md"]
    assert unknown("in `lib/convlab/inside.py` and `lib/convlab/runs.py`") == ["lib/convlab/inside.py"]


def wide(said: str) -> list[str]:
    """Return the lines that are too wide to read, rows of tables aside."""
    return [line for line in said.splitlines() if len(line) > WIDEST and not line.startswith("| ")]


@pytest.mark.parametrize("page", [page for page in PAGES if page != "data/README.md"])
def test_lines_of_a_page_are_not_too_wide(page):
    assert not wide(text(page))


def test_fault_a_wide_line_is_found():
    assert wide("short\n| [a](b) | " + "x" * 140 + "\n" + "x" * 140) == ["x" * 140]
