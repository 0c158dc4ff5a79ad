"""The self-check says ok on a good machine, and names each planted fault with what to do."""

import shutil
import subprocess
import sys
from collections import namedtuple

import pytest

from convlab.notebook import selfcheck

CompletedTrial = namedtuple("CompletedTrial", "returncode stderr")


def test_this_machine_is_good():
    assert [str(row) for row in selfcheck.rows() if not row.good and row.what != "cores"] == []


def planted(monkeypatch, fault):
    if fault == "Python":
        version = namedtuple("version", "major minor")(3, 9)
        monkeypatch.setattr(sys, "version_info", version)
    elif fault == "packages":
        monkeypatch.setattr(
            selfcheck.importlib.metadata, "requires", lambda name: ["numpy<1", "no-such-package"]
        )
    elif fault == "cores":
        monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    elif fault == "disk":
        usage = namedtuple("usage", "total used free")(10**9, 10**9, 10**6)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)


@pytest.mark.parametrize("fault", ["Python", "packages", "cores", "disk"])
def test_planted_fault_is_named_with_a_remedy(monkeypatch, fault):
    planted(monkeypatch, fault)
    (row,) = [row for row in selfcheck.rows() if not row.good]
    assert row.what == fault
    assert row.remedy
    assert str(row).startswith("note" if fault == "cores" else "LOOK")


def test_a_package_that_is_there_but_too_new_is_named(monkeypatch):
    monkeypatch.setattr(selfcheck.importlib.metadata, "requires", lambda name: ["numpy<1", "pytest>=1"])
    (row,) = [row for row in selfcheck.rows() if not row.good]
    assert row.what == "packages" and "numpy<1" in row.remedy and "pytest" not in row.remedy


def test_tensorflow_that_fails_is_reported_with_its_last_line(monkeypatch):
    trial = CompletedTrial(1, "Traceback…\nImportError: no libtensorflow")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: trial)
    row = selfcheck.tensorflow()
    assert not row.good
    assert "ImportError: no libtensorflow" in row.found


def test_rooms_open_without_tensorflow():
    modules = ["datasets", "shapes", "layers", "optimizers", "plots", "report", "runs", "explain", "notebook"]
    modules += ["datasets.drawn", "notebook.selfcheck", "notebook.widgets", "exercises.lesson_01"]
    program = "import sys\n" + "\n".join(f"import convlab.{module}" for module in modules)
    program += "\nassert not {'tensorflow', 'keras', 'torch', 'jax'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)
