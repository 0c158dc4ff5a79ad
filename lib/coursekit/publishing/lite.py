"""Make a JupyterLite site of lessons 00 to 06, with Python in the reader's browser: `make lite`.

A web server has to serve the site: it does not work from a folder. Readers' browsers fetch Pyodide, which is
Python, NumPy and Matplotlib in WebAssembly, from its makers, unless `--pyodide` puts a copy into the site.
"""

import argparse
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

from convlab.files import write_text, write_whole
from coursekit.lessons import ROOT, CourseError, Lesson, find
from coursekit.publishing.student import cleared

LAST = "06"  # of the lessons that need no TensorFlow, which Pyodide does not have
PACKAGES = ("numpy", "matplotlib", "pillow", "threadpoolctl", "packaging", "filelock", "tabulate", "pyyaml")
COURSE = ("lib/convlab", "web", "data/mnist.npz", "pyproject.toml")  # what lessons read
MOMENT = (1980, 1, 1, 0, 0, 0)  # a zip archive has no earlier one; the same files make the same archive
FIRST_CELL = """\
# In the browser, run this first: it gets the course from beside this page, and packages.
import io, os, sys, zipfile
from pathlib import Path

import js, piplite
from pyodide.http import pyfetch

if not Path("/course").exists():
    site = js.location.href.partition("/extensions/")[0]
    answer = await pyfetch(f"{{site}}/course.zip")
    answer.raise_for_status()
    zipfile.ZipFile(io.BytesIO(await answer.bytes())).extractall("/course")
    if Path("/drive").is_dir():  # what the browser stores; elsewhere a record would end with this page
        os.environ["CONVLAB_PROGRESS"] = "/drive/progress.json"
sys.path.insert(0, "/course/lib")
await piplite.install({packages})"""
SETTINGS = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {"appName": "Convolutional networks", "disabledExtensions": []},
}


def main(argv: list[str]) -> int:
    """Write the site and return 0; `CourseError` where what builds it is not installed."""
    parser = argparse.ArgumentParser(prog="python -m coursekit lite", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    parser.add_argument("--out", type=Path, help="where to write, build/lite/site by default")
    parser.add_argument("--pyodide", type=Path, help="an unpacked folder of Pyodide that the site is to hold")
    options = parser.parse_args(argv)
    out = options.out or options.root / "build" / "lite" / "site"
    made = make(options.root, out, options.pyodide)
    print(f"{made} lessons for the browser: `python3 -m http.server --directory {out}` serves them")
    return 0


def make(root: Path, out: Path, pyodide: Path | None = None) -> int:
    """Write the site into `out`, and return how many lessons it has.

    `CourseError` where JupyterLite or a wheel is missing, or `pyodide` is no folder of Pyodide.
    """
    root, out = root.resolve(), out.resolve()
    builder = root / "build" / "lite" / "env" / "bin" / "jupyter-lite"
    wheels = root / "build" / "lite" / "wheels"
    if not builder.exists() or not list(wheels.glob("*.whl")):
        raise CourseError("JupyterLite is not installed in build/lite: `make lite` installs it there")
    if pyodide and not (pyodide / "pyodide-lock.json").exists():
        raise CourseError(f"{pyodide} is no unpacked Pyodide: it has no pyodide-lock.json")
    lessons = [one for one in find(root) if one.number <= LAST]
    work = root / "build" / "lite" / "work"
    for folder in (work, out):
        shutil.rmtree(folder, ignore_errors=True)
    for lesson in lessons:
        write_text(work / "contents" / lesson.path.name, for_browser(lesson))
    write_text(work / "jupyter-lite.json", json.dumps(SETTINGS, indent=1) + "\n")
    if pyodide:
        shutil.copytree(pyodide, work / "static" / "pyodide")
    command = [builder, "build", "--lite-dir", work, "--contents", work / "contents", "--output-dir", out]
    command += ["--piplite-wheels", wheels, "--no-sourcemaps", "--apps", "lab"]
    words = [str(part) for part in command]  # it writes a record of the build where it runs
    built = subprocess.run(words, cwd=work, capture_output=True, text=True, encoding="utf-8")
    if built.returncode:
        raise CourseError(f"JupyterLite could not build the site:\n{built.stdout}{built.stderr}")
    write_whole(out / "course.zip", lambda file: pack(root, file))
    return len(lessons)


def for_browser(lesson: Lesson) -> str:
    """Return a lesson as its file for the browser says it: the first cell below the title, no outputs."""
    notebook = json.loads(cleared(lesson))
    code = FIRST_CELL.format(packages=json.dumps(PACKAGES))
    cell = {"cell_type": "code", "id": "browser", "metadata": {}, "source": code}
    notebook["cells"].insert(1, {**cell, "execution_count": None, "outputs": []})
    notebook["metadata"]["kernelspec"] = {
        "display_name": "Python (Pyodide)",
        "language": "python",
        "name": "python",
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def pack(root: Path, file) -> None:
    """Write what lessons read of the course to a file, as a zip archive without dates."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _course(root):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), MOMENT)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def _course(root: Path) -> Iterator[Path]:
    """Yield the files of the course that lessons read, in order; `CourseError` if one is missing."""
    for part in COURSE:
        if not (root / part).exists():
            raise CourseError(f"the lessons need {part}: restore it with git")
        if (root / part).is_file():
            yield root / part
        for place, folders, names in os.walk(root / part):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            yield from (Path(place, name) for name in sorted(names))
