"""Open the lessons in JupyterLab, with this Python's kernel and without a person's own settings."""

import os
import subprocess
import sys
from pathlib import Path

from coursekit.lessons import ROOT, CourseError
from coursekit.running.kernels import NOT_PASSED_ON, without_settings_of_its_user

FIRST = "00_start_here.ipynb"
AS_ROOT = """JupyterLab does not start as root: whoever reaches its page could then change the whole machine.
Start it as an ordinary user. Where there is none, as on some rented machines, and you accept that:
    make lab OPTIONS=--allow-root"""


def main(argv: list[str]) -> int:
    """Start JupyterLab with the options of the command line; return its exit status."""
    options = [*argv, *(["--allow-root"] if is_root() and in_container() else [])]
    if is_root() and "--allow-root" not in options:
        raise CourseError(AS_ROOT)
    variables = without_settings_of_its_user(ROOT / "build" / "lab")
    for name in ("KERAS_BACKEND", "MATPLOTLIBRC", *sorted(NOT_PASSED_ON)):
        if (found := os.environ.get(name)) is not None and found != variables.get(name):
            print(f"{name}={found} is not used: lessons need {variables.get(name, 'the default')}")
    command = [sys.executable, "-m", "jupyterlab", str(ROOT / "notebooks" / FIRST)]
    command += ["--ServerApp.kernel_spec_manager_class=coursekit.running.kernels.ThisPython", *options]
    return start(command, variables)


def start(command: list[str], variables: dict[str, str]) -> int:
    """Let a command replace this process, so that Ctrl-C reaches it alone; on Windows, wait for its end."""
    if os.name == "posix":
        os.execve(command[0], command, variables)
    return subprocess.call(command, env=variables)


def is_root() -> bool:
    """Return whether this process may do everything on its machine."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def in_container() -> bool:
    """Return whether this machine is a container, whose root is no other machine's."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return any(mark.exists() for mark in marks) or "container" in os.environ
