"""Open a learner's copies of the lessons in JupyterLab, with this Python's kernel and default settings."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError, find, select
from coursekit.running import working_copies
from coursekit.running.kernels import overridden, without_settings_of_its_user

FIRST = "00_start_here.ipynb"
AS_ROOT = """JupyterLab does not start as root: whoever reaches its page could then change the whole machine.
Start it as an ordinary user. Where there is none, as on some rented machines, and you accept that:
    make lab OPTIONS=--allow-root"""
# JupyterLab asks at its first start whether it may fetch news: here it does not fetch them, and does not ask
DEFAULTS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


def main(argv: list[str]) -> int:
    """Start JupyterLab with the options of the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit lab",
        description="Open the lessons in JupyterLab. Options that are not listed here go to JupyterLab.",
        allow_abbrev=False,
    )
    parser.add_argument("--new", default="", metavar="LESSONS", help="take these lessons as they are today")
    parser.add_argument("--stored", action="store_true", help="open notebooks/ itself, to change the course")
    chosen, options = parser.parse_known_args(argv)
    options += ["--allow-root"] if is_root() and in_container() else []
    if is_root() and "--allow-root" not in options:
        raise CourseError(AS_ROOT)
    variables = without_settings_of_its_user(ROOT / "build" / "lab")
    for sentence in overridden():
        print(sentence)
    folder = ROOT / "notebooks" if chosen.stored else copies(chosen.new)
    command = [sys.executable, "-m", "jupyterlab", str(folder / FIRST)]
    command += ["--ServerApp.kernel_spec_manager_class=coursekit.running.kernels.ThisPython", *options]
    return start(command, variables | {"JUPYTER_CONFIG_PATH": config_path(ROOT / "build" / "lab" / "config")})


def copies(new: str, folder: Path | None = None) -> Path:
    """Bring the learner's copies up to date, say what has changed, and return their folder.

    `new` names lessons to take as they are today, by number or name; `folder` is `my_lessons/` of the course.
    """
    lessons, folder = find(), folder or working_copies.FOLDER
    for lesson in select(lessons, [new]) if new.split() else []:
        kept = working_copies.take_new(lesson, folder)
        print(f"{lesson.slug}: the new one is in {folder.name}/; what you had is {folder.name}/{kept.name}")
    changed = working_copies.update(lessons, folder)
    print(
        f"Your copies of the lessons are in {folder.name}/. An update of the course leaves them as they are."
    )
    if changed:
        print(f"Changed since your copy was made: {', '.join(lesson.slug for lesson in changed)}.")
        print(f'To take the new ones, and keep yours beside them: make lab NEW="{_numbers(changed)}"')
    return folder


def _numbers(lessons: list) -> str:
    return " ".join(lesson.number for lesson in lessons)


def config_path(folder: Path) -> str:
    """Write the defaults that this course has for JupyterLab; return the folders that Jupyter is to read."""
    place = folder / "labconfig" / "default_setting_overrides.json"
    write_text(place, json.dumps(DEFAULTS))
    (folder.parent / "ipython").mkdir(exist_ok=True)
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])])


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
