"""What `make lite` makes: lessons 00 to 06 for a browser's Python, which has fewer modules and packages."""

import io
import json
import subprocess
import sys
import zipfile

import pytest

from convlab import machine
from convlab.notebook import selfcheck, widgets
from coursekit.lessons import ROOT, CourseError, find, source
from coursekit.publishing import lite

LESSONS = [lesson for lesson in find() if lesson.number <= lite.LAST]
# Python in a browser has only these packages (those of the first cell, and what they bring) ...
HAS = (
    "numpy matplotlib mpl_toolkits PIL contourpy cycler fontTools kiwisolver pyparsing dateutil six packaging"
)
HAS += " threadpoolctl filelock tabulate wcwidth yaml convlab lite_lesson"
# ... and Pyodide leaves these modules out (its documentation, "Python compatibility")
MISSING = "resource fcntl grp pwd syslog termios curses readline dbm tkinter venv winreg msvcrt"
AS_IN_A_BROWSER = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first.startswith("_sysconfigdata"):
            return
        if first in {MISSING.split()!r} or first not in sys.stdlib_module_names | set({HAS.split()!r}):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {MISSING.split()!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
sys.path.insert(0, {str(ROOT / "tests")!r})
"""


def as_in_a_browser(program: str) -> subprocess.CompletedProcess:
    """Run a program in a Python that has only what a browser's has."""
    return subprocess.run(
        [sys.executable, "-c", AS_IN_A_BROWSER + program], capture_output=True, text=True, encoding="utf-8"
    )


def test_checks_of_lessons_00_to_06_need_only_what_a_browser_has():
    numbers = [lesson.number for lesson in LESSONS]
    done = as_in_a_browser(f"import lite_lesson\nprint([lite_lesson.answer(one) for one in {numbers}])")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [1, 5, 3, 3, 3, 4, 5]


def test_imports_and_ends_of_lessons_00_to_06_need_only_what_a_browser_has():
    cells = [source(cell) for lesson in LESSONS for cell in lesson.code_cells]
    program = "\n".join(
        [*(cell for cell in cells if cell.startswith(("import ", "from "))), "print(report.MIME)"]
    )
    done = as_in_a_browser(f"from convlab import report\n{program}\nreport.summary(accuracy=0.5)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("accuracy 0.5\n")


@pytest.mark.parametrize("module", ["resource", "tensorflow", "requests"])
def test_fault_a_module_that_a_browser_does_not_have_is_found(module):
    done = as_in_a_browser(f"import {module}")
    assert f"No module named '{module}'" in done.stderr


def test_self_check_in_a_browser_asks_for_nothing_that_it_cannot_have(monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert machine.in_browser()
    found = [*selfcheck.rows(), selfcheck.tensorflow()]
    assert [row.level for row in found] == [selfcheck.Level.NOTE] * 2
    assert "in a browser" in found[0].found and "in a browser" in found[1].found


def test_explorer_without_anywidget_shows_its_still_picture(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    assert set(widgets.explorer("rate")._repr_mimebundle_()) == {"text/plain", "image/svg+xml"}


def test_lessons_get_a_first_cell_and_lose_their_outputs():
    assert [lesson.number for lesson in LESSONS] == ["00", "01", "02", "03", "04", "05", "06"]
    for lesson in LESSONS:
        cells = json.loads(lite.for_browser(lesson))["cells"]
        assert cells[1]["id"] == "browser"
        assert [cell["id"] for cell in cells if cell["id"] != "browser"] == [
            cell["id"] for cell in lesson.cells
        ]
        assert not any(cell.get("outputs") for cell in cells)
        assert "browser" not in {cell["id"] for cell in lesson.cells}  # the lesson itself is as it was


def test_archive_holds_what_lessons_read_and_is_the_same_each_time():
    archives = [io.BytesIO(), io.BytesIO()]
    for archive in archives:
        lite.pack(ROOT, archive)
    assert archives[0].getvalue() == archives[1].getvalue()
    names = zipfile.ZipFile(archives[0]).namelist()
    for name in ("lib/convlab/report.py", "data/mnist.npz", "pyproject.toml", "web/stills/rate.svg"):
        assert name in names
    assert not [
        name for name in names if "__pycache__" in name or name.startswith(("lib/coursekit", "tests"))
    ]


def test_course_without_its_digits_is_refused(tmp_path):
    (tmp_path / "lib" / "convlab").mkdir(parents=True)
    (tmp_path / "web").mkdir()
    with pytest.raises(CourseError, match=r"data/mnist\.npz: restore it with git"):
        lite.pack(tmp_path, io.BytesIO())


def test_what_is_not_installed_is_reported(tmp_path):
    with pytest.raises(CourseError, match="`make lite` installs it"):
        lite.make(tmp_path, tmp_path / "site")


def test_folder_that_is_no_pyodide_is_refused(tmp_path):
    env, wheels = (tmp_path / "build" / "lite" / name for name in ("env/bin", "wheels"))
    for folder in (env, wheels):
        folder.mkdir(parents=True)
    (env / "jupyter-lite").touch()
    (wheels / "comm-0-py3-none-any.whl").touch()
    with pytest.raises(CourseError, match=r"no pyodide-lock\.json"):
        lite.make(tmp_path, tmp_path / "site", tmp_path)
