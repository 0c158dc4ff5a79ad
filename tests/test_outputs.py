"""What a command prints or writes may have no place: it then says so in one line, and loses no work."""

import os
import subprocess
import sys

import pytest
from planting import cell, plant
from test_grade_results import graded

from coursekit.__main__ import main as coursekit
from coursekit.grading import grade, gradebook

FULL = "/dev/full"


def started(*command, **streams):
    """Start a Python module with arguments, its errors in a pipe."""
    pipes = {"stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return subprocess.Popen([sys.executable, "-m", *map(str, command)], **pipes, **streams)


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
def test_a_run_whose_reader_leaves_ends_in_silence(tmp_path):
    for number in ("01", "02"):
        plant(tmp_path, f"{number}_lesson", cell("one", "1"))
    with started("coursekit", "run", "--jobs", "1", "--root", tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141 and "Traceback" not in errors and "Exception ignored" not in errors


@pytest.mark.skipif(not os.path.exists(FULL), reason="only Linux has a full disk to try on")
@pytest.mark.parametrize("command", ["coursekit record-masks", "convlab.datasets --only mnist"])
def test_a_full_disk_under_the_log_is_named(command):
    for unbuffered in ("", "1"):
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        with open(FULL, "w", encoding="utf-8") as full:
            process = started(*command.split(), stdout=full, env=environment)
            _, errors = process.communicate()
        assert process.returncode == 2
        assert errors == "the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    "command",
    ["slides 01 --root {root}", "student --no-book --root {root}", "exam --root {root}", "concept-test"],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys, command):
    """A read-only folder does not hinder root. A file in the place of a folder hinders everybody."""
    plant(tmp_path, "01_lesson", cell("one", "1"))
    (tmp_path / ".gitignore").touch()
    (tmp_path / "file").touch()
    words = [word.format(root=tmp_path) for word in command.split()]
    assert coursekit([*words, "--out", str(tmp_path / "file" / "build")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path / 'file'}") and said.endswith(
        "Correct that, or choose another place\n"
    )


def test_another_error_is_not_taken_for_one_of_places(monkeypatch):
    def broken(argv):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("coursekit.teaching.concept_test.main", broken)
    with pytest.raises(OSError, match="Input/output"):
        coursekit(["concept-test"])


def test_grades_that_cannot_be_written_are_shown(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device", "grades.csv")

    (tmp_path / "class" / "anna").mkdir(parents=True)
    (tmp_path / "class" / "anna" / "01_linear_regression.ipynb").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(grade, "_graded", lambda *_: [graded("anna")])
    monkeypatch.setattr(gradebook, "write", full)
    where = ["--output", str(tmp_path / "grades"), "--sandbox", "no"]
    assert coursekit(["grade", str(tmp_path / "class"), *where]) == 2
    said = capsys.readouterr()
    assert (
        "anna" in said.out
        and said.err == "grades.csv: No space left on device. Correct that, or choose another place\n"
    )
