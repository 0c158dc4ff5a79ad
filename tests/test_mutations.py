"""The planted faults of `make mutations` still fit the code, and planting them says what becomes of them."""

import ast
import subprocess
import sys
from pathlib import Path

import mutation_survey
import mutations
import pytest
from mutations import FAULTS, ROOT


@pytest.mark.parametrize("file", sorted({fault.file for fault in FAULTS}))
def test_each_fault_fits_the_code_once_and_changes_what_it_does(file):
    whole = ast.dump(ast.parse((ROOT / "lib" / file).read_text(encoding="utf-8")))
    for fault in FAULTS:
        if fault.file == file:
            assert ast.dump(ast.parse(fault.planted(ROOT))) != whole, fault.name


def test_tests_that_shall_notice_are_there():
    for node in {node for fault in FAULTS for node in fault.nodes()}:
        file, _, function = node.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {function}(" in text or (not function and (">>>" in text or "def test_" in text)), node


PACKAGES = (
    "shapes",
    "layers",
    "networks",
    "training",
    "explain",
    "datasets",
    "exercises",
    "notebook",
    "plots",
)


def test_every_package_has_a_fault_and_every_fault_a_name():
    for package in PACKAGES:
        assert any(fault.file.startswith(f"convlab/{package}/") for fault in FAULTS), package
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


NODES = ("test_report.py::test_figures_are_said_in_plain_python",)
CAUGHT = ("figures-rounded", "convlab/report.py", 'f"{value:.4g}"', 'f"{value:.2g}"', "", NODES)
HARMLESS = (
    "harmless",
    "convlab/report.py",
    "if isinstance(value, str):",
    "if type(value) is str:",
    "",
    NODES,
)


def test_a_fault_is_caught_or_survives_and_the_clone_stays_as_it_is():
    before = (ROOT / "lib/convlab/report.py").read_text(encoding="utf-8")
    program = "import mutations, sys; from mutations import Fault; "
    program += f"mutations.FAULTS = [Fault(*{CAUGHT}), Fault(*{HARMLESS})]; sys.exit(mutations.main([]))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(mutations.__file__).parent, capture_output=True, text=True
    )
    outcomes = {line.split()[-2]: line.split()[0] for line in done.stdout.splitlines() if "report.py" in line}
    assert outcomes == {"figures-rounded": "caught", "harmless": "SURVIVED"}, done.stderr
    assert done.returncode == 1 and "1 caught, not harmless" in done.stdout
    assert (ROOT / "lib/convlab/report.py").read_text(encoding="utf-8") == before


def test_modules_of_the_survey_and_their_tests_are_there():
    for module, tests in mutation_survey.TESTS.items():
        assert (ROOT / "lib" / module).is_file(), module
        for test in tests:
            file, _, function = test.partition("::")
            assert f"def {function or 'test_'}" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_the_survey_runs_the_quickest_tests_first_and_no_more_than_fit():
    words = "1.50s call     tests/test_a.py::test_slow\n0.10s setup    tests/test_a.py::test_b[x y]\n"
    words += "0.30s call     tests/test_a.py::test_b[z]\n0.01s call     lib/a.py::a.f\n3 passed in 2s"
    ordered = ["lib/a.py::a.f", "tests/test_a.py::test_b", "tests/test_a.py::test_slow"]
    assert mutation_survey.quickest(words, 600) == ordered
    assert mutation_survey.quickest(words, 1) == ordered[:2]


def test_the_survey_counts_what_was_killed_per_module():
    outcomes = [("files.py", True), ("files.py", False), ("report.py", True)]
    done = [{"module": module, "killed": killed} for module, killed in outcomes]
    assert [line.split() for line in mutation_survey.table(done).splitlines()] == [
        ["files.py", "1", "of", "2"],
        ["report.py", "1", "of", "1"],
    ]


def test_the_survey_makes_faults_but_none_in_texts():
    pytest.importorskip("mutmut", reason="the survey needs `pip install mutmut`")
    code = 'def next(number):\n    """Return the next."""\n    return say("text", number + 1)\n'
    faults = [*mutation_survey.faulty("next.py", code)]
    assert code.replace("+ 1", "- 1") in faults and code.replace("+ 1", "+ 2") in faults
    assert code not in faults and not any("TEXT" in fault for fault in faults)
