"""The doctor finds this machine good, and each planted fault, with what to do about it."""

import json
import os
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

from convlab import datasets
from convlab.notebook import selfcheck
from convlab.notebook.selfcheck import Level, Row
from coursekit.grading import sandbox
from coursekit.lessons import ROOT
from coursekit.running import kernels
from coursekit.setup import doctor


def rows(look):
    return {row.what: row for row in look()}


def looked(name):
    return next(look for look in doctor.LOOKS if look.name == name)


def test_this_machine_is_good(capsys, monkeypatch):
    monkeypatch.setattr(selfcheck, "tensorflow", lambda variables: Row("TensorFlow", "not tried here"))
    assert doctor.main([]) == 0
    said = capsys.readouterr().out
    assert "This machine is ready" in said
    assert "LOOK" not in said
    for what in ("system", "Python", "packages", "memory", "folders", "MNIST", "kernel"):
        assert f"ok    {what} " in said


def test_the_command_plants_a_broken_tensorflow_and_hears_of_it(tmp_path):
    (tmp_path / "keras.py").write_text("raise ImportError('libplanted.so is not there')")
    done = subprocess.run(
        [sys.executable, "-m", "coursekit", "doctor"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "lib"), "KERAS_BACKEND": "torch"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert (
        "LOOK  TensorFlow    exit 1: ImportError: libplanted.so is not there\n      lessons 01" in done.stdout
    )
    assert (
        "note  settings      some are not used\n      KERAS_BACKEND=torch is not used: lessons" in done.stdout
    )
    assert done.stdout.endswith("\nto correct: TensorFlow\n")


def test_only_what_keeps_lessons_from_running_fails(monkeypatch, capsys):
    found = [Row("cores", "1", Level.NOTE, "slower"), Row("CIFAR-10", "missing", Level.NOTE, "`make data`")]
    monkeypatch.setattr(doctor, "findings", lambda: iter(found))
    assert doctor.main([]) == 0
    assert capsys.readouterr().out.startswith("note  cores         1\n      slower\nnote  CIFAR-10")


def test_a_look_that_fails_is_a_finding(monkeypatch):
    def broken():
        raise ModuleNotFoundError("No module named 'psutil'")

    monkeypatch.setattr(doctor, "LOOKS", [doctor.Look("memory", broken, "install it")])
    *_, row = doctor.findings()
    assert row == Row("memory", "ModuleNotFoundError: No module named 'psutil'", Level.PROBLEM, "install it")


def test_versions_other_than_the_lock_are_named(monkeypatch, tmp_path):
    lock = (
        f"numpy=={np.__version__} \\\n    --hash=sha256:0\npytest==0.1\nno-such==1 ; python_version > '3'\n"
    )
    lock += "not-here==1 ; sys_platform == 'nowhere'\n# a comment\n"
    (tmp_path / "requirements.txt").write_text(lock)
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    row = rows(doctor.versions)["versions"]
    assert (row.found, row.good) == ("1 of 3 as in the lock", False)
    assert f"pytest {pytest.__version__}, no-such missing" in row.remedy


def test_little_memory_is_reported(monkeypatch):
    state = namedtuple("state", "available")(10**9)
    monkeypatch.setattr("psutil.virtual_memory", lambda: state)
    row = rows(doctor.memory)["memory"]
    assert (row.found, row.good) == ("1.0 GB free", False)
    assert "close browsers" in row.remedy


def test_folders_that_cannot_be_written_are_named(monkeypatch, tmp_path):
    (tmp_path / "data").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    row = rows(doctor.folders)["folders"]
    assert not row.good
    assert str(tmp_path / "data") in row.remedy
    assert str(tmp_path / "notebooks") not in row.remedy
    assert [*(tmp_path / "notebooks").iterdir()] == []


def test_files_that_cover_modules_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    (tmp_path / "notebooks" / "numpy").mkdir(parents=True)
    (tmp_path / "notebooks" / "of_mine.py").touch()
    assert rows(doctor.modules)["modules"].good
    for name in ("random.py", "notebooks/keras.py", "notebooks/numpy/__init__.py"):
        (tmp_path / name).touch()
    row = rows(doctor.modules)["modules"]
    assert row.level == Level.PROBLEM
    assert "would import random.py, notebooks/keras.py, notebooks/numpy in place of" in row.remedy


def test_settings_of_keras_that_lessons_do_not_use_are_named(monkeypatch, tmp_path):
    for name in ("KERAS_BACKEND", "MATPLOTLIBRC", *kernels.NOT_PASSED_ON):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert list(doctor.settings()) == []
    own = {"backend": "torch", "image_data_format": "channels_first", "floatx": "float32", "epsilon": 1e-7}
    (tmp_path / "keras.json").write_text(json.dumps(own), encoding="utf-8")
    (row,) = doctor.settings()
    assert row.level == Level.NOTE
    first, second = row.remedy.splitlines()
    assert first == f"backend=torch in {tmp_path / 'keras.json'} is not used: lessons need tensorflow"
    assert "image_data_format=channels_first" in second


def plant_images(folder, **changed):
    """Write an MNIST that is not the published one."""
    shape = {"x_train": (20, 28, 28), "x_test": (10, 28, 28), "y_train": (20,), "y_test": (10,)}
    arrays = {name: np.zeros(size, np.uint8) for name, size in shape.items()}
    np.savez(folder / "mnist.npz", **arrays | changed)


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    """Give the data sets an empty folder and no other."""
    monkeypatch.setattr(datasets, "DATA_FOLDER", tmp_path)
    monkeypatch.delenv("CONVLAB_DATA", raising=False)
    return tmp_path


def test_missing_data_sets_are_reported_with_the_command_that_gets_them(nothing_here):
    found = rows(doctor.data_sets)
    assert {name: row.level for name, row in found.items()} == {
        "MNIST": Level.PROBLEM,  # nothing stands in for it
        "Movie reviews": Level.PROBLEM,
        **dict.fromkeys(("Fashion-MNIST", "CIFAR-10", "BCCD", "CamVid"), Level.NOTE),
    }
    assert "missing" in found["CIFAR-10"].found
    assert "make data" in found["CIFAR-10"].remedy
    assert "git" in found["MNIST"].remedy


def test_altered_and_torn_data_sets_are_reported(nothing_here):
    plant_images(nothing_here)
    assert rows(doctor.data_sets)["MNIST"].found == "not the published data"
    plant_images(nothing_here, x_train=np.zeros((3, 28, 28), np.uint8))
    row = rows(doctor.data_sets)["MNIST"]
    assert not row.good
    assert row.found.startswith("Not used, in data/: mnist.npz")


def plant_kernel(monkeypatch, program):
    """Let every kernel be this program."""
    command = {"argv": [sys.executable, "-c", program], "display_name": "planted", "language": "python"}
    monkeypatch.setattr(kernels, "get_kernel_dict", lambda: command)


@pytest.mark.parametrize(("kind", "level"), [("landlock", Level.GOOD), ("", Level.NOTE)])
def test_whether_submissions_can_be_graded_in_a_sandbox_is_said(monkeypatch, kind, level):
    monkeypatch.setattr(sandbox, "kind", lambda hidden: kind)
    assert rows(doctor.grading)["grading"].level == level


def test_a_kernel_that_dies_is_reported(monkeypatch):
    plant_kernel(monkeypatch, "raise SystemExit('no module named zmq')")
    row = rows(doctor.kernel)["kernel"]
    assert not row.good
    assert "the kernel died" in row.found or "no module named zmq" in row.found
    assert "make run" in row.remedy


@pytest.mark.parametrize("fault", ["hangs", "fails"])
def test_a_training_step_that_does_not_come_is_reported(monkeypatch, fault):
    monkeypatch.setattr(selfcheck, "LONGEST_TRIAL", 1)
    monkeypatch.setattr(
        selfcheck, "TRAIN_ONE_STEP", "import time; time.sleep(60)" if fault == "hangs" else "1 / 0"
    )
    row = rows(looked("TensorFlow").rows)["TensorFlow"]
    assert not row.good
    assert ("within 1 seconds" if fault == "hangs" else "ZeroDivisionError") in row.found


def test_where_nothing_is_installed_the_doctor_says_so_and_no_more():
    program = (
        "import sys; sys.path.insert(0, 'lib')\nfrom coursekit.setup import doctor\nsys.exit(doctor.main([]))"
    )
    bare = [sys.executable, "-S", "-E", "-c", program]
    done = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "ok    Python" in done.stdout
    assert "LOOK  packages      not installed\n      `make run` installs them" in done.stdout
    assert done.stdout.endswith("to correct: packages\n")
