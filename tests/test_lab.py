"""`make lab` opens the lessons with this course's Python, and without a person's own settings."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from coursekit.__main__ import main as coursekit
from coursekit.lessons import ROOT
from coursekit.running import lab, working_copies


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Return the list of what would be started: (command, variables); a learner's copies go to tmp_path."""
    calls = []
    monkeypatch.setattr(working_copies, "FOLDER", tmp_path / "my_lessons")
    monkeypatch.setattr(lab, "start", lambda command, variables: calls.append((command, variables)))
    return calls


def test_a_persons_settings_are_left_out_aloud(started, monkeypatch, capsys, tmp_path):
    settings = {"KERAS_BACKEND": "torch", "MPLBACKEND": "agg", "MATPLOTLIBRC": "/mine", "XLA_FLAGS": "--x"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KERAS_HOME", "/mine")
    monkeypatch.setattr(lab, "is_root", lambda: False)
    coursekit(["lab", "--no-browser"])
    [(command, variables)] = started
    assert command[1:4] == ["-m", "jupyterlab", str(tmp_path / "my_lessons" / "00_start_here.ipynb")]
    assert (tmp_path / "my_lessons" / "00_start_here.ipynb").exists()
    assert command[-1] == "--no-browser" and "--allow-root" not in command
    assert variables["KERAS_BACKEND"] == "tensorflow" and "mine" not in variables["KERAS_HOME"]
    assert "MPLBACKEND" not in variables and "XLA_FLAGS" not in variables
    said = capsys.readouterr().out
    assert "KERAS_BACKEND=torch is not used: lessons need tensorflow\n" in said
    assert "MPLBACKEND=agg is not used: lessons need the default\n" in said


def test_root_is_refused_with_what_to_do_but_not_in_a_container(started, monkeypatch, capsys):
    monkeypatch.setattr(lab, "is_root", lambda: True)
    monkeypatch.setattr(lab, "in_container", lambda: False)
    assert coursekit(["lab"]) == 2
    assert "make lab OPTIONS=--allow-root" in capsys.readouterr().err and not started
    coursekit(["lab", "--allow-root", "--stored"])
    assert started[0][0][3] == str(ROOT / "notebooks" / "00_start_here.ipynb")
    monkeypatch.setattr(lab, "in_container", lambda: True)
    coursekit(["lab"])
    assert ["--allow-root" in command for command, _ in started] == [True, True]


def test_a_container_is_known_by_its_marks(monkeypatch, tmp_path):
    monkeypatch.delenv("container", raising=False)
    monkeypatch.setattr(lab, "Path", lambda name: tmp_path / name.lstrip("/"))
    assert not lab.in_container()
    (tmp_path / ".dockerenv").touch()
    assert lab.in_container()
    (tmp_path / ".dockerenv").unlink()
    monkeypatch.setenv("container", "podman")
    assert lab.in_container()


def test_jupyterlab_starts_and_offers_this_python_alone(tmp_path):
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["false", "{connection_file}"], "display_name": "other", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "PYTHONPATH": str(ROOT / "lib"),
        "HOME": str(tmp_path),
    }
    command = [
        sys.executable,
        "-m",
        "coursekit",
        "lab",
        "--stored",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
    ]
    command += ["--IdentityProvider.token=t", "--ServerApp.port_retries=0"]
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(command, env=os.environ | settings, cwd=tmp_path, stdout=log, stderr=log)
        try:
            listed = None
            while listed is None:
                assert process.poll() is None, (tmp_path / "log").read_text()
                try:
                    url = f"http://127.0.0.1:{port}/api/kernelspecs?token=t"
                    listed = json.load(urllib.request.urlopen(url))
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.2)
        finally:
            process.terminate()
            process.wait()
    assert list(listed["kernelspecs"]) == ["python3"]
    assert listed["kernelspecs"]["python3"]["spec"]["argv"][0] == sys.executable


@pytest.mark.skipif(os.name == "nt", reason="there is no make")
def test_make_passes_no_other_courses_modules_on(tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$PYTHONPATH|$PYTHONHOME|$@"\n')
    python.chmod(0o755)
    environment = os.environ | {"PYTHONPATH": "/another/course/lib", "PYTHONHOME": "/another/python"}
    command = [
        "make",
        "-s",
        "--no-print-directory",
        "-f",
        ROOT / "Makefile",
        "lab",
        f"PY={python}",
        "OPTIONS=--no-browser",
    ]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "||-P -m coursekit lab --no-browser", done.stdout + done.stderr
