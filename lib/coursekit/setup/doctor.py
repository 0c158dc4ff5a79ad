"""Say whether this machine has what the course needs, and what to do about each problem."""

import argparse
import importlib.metadata
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from convlab import datasets
from convlab.notebook import selfcheck
from convlab.notebook.selfcheck import Level, Row

ROOT = Path(__file__).resolve().parents[3]
INSTALL = "`make run` installs what the lock names; without make: pip install -r requirements.txt"
WIDTH = 13  # of the longest name


class Look(NamedTuple):
    """One thing to look at: its name, the function that returns rows, and what to do if that fails."""

    name: str
    rows: Callable[[], Iterable[Row]]
    remedy: str = INSTALL


def main(argv: list[str]) -> int:
    """Print a line for each finding and return 1 if one of them keeps lessons from running."""
    argparse.ArgumentParser(prog="python -m coursekit doctor", description=__doc__).parse_args(argv)
    problems = []
    for row in findings():
        print(row.line(WIDTH), flush=True)
        problems += [row.what] if row.level == Level.PROBLEM else []
    print(f"\nto correct: {', '.join(problems)}" if problems else "\nThis machine is ready for the course.")
    return int(bool(problems))


def findings() -> Iterator[Row]:
    """Yield a row for all that is looked at, the quick ones first; a look that fails is a finding too."""
    yield Row("system", f"{platform.system()} {platform.machine()}")
    yield from selfcheck.rows()
    if not selfcheck.packages_installed():
        return  # the other looks need them
    for look in LOOKS:
        try:
            yield from list(look.rows())
        except Exception as error:  # the packages that it takes to look may be what is broken
            yield Row(look.name, f"{type(error).__name__}: {error}", Level.PROBLEM, look.remedy)


def versions() -> list[Row]:
    """Return whether the installed versions are those of the lock, for which the lessons' figures hold."""
    locked = dict(_locked((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    other = [f"{name} {_installed(name)}" for name, version in locked.items() if _installed(name) != version]
    found = f"{len(locked) - len(other)} of {len(locked)} as in the lock"
    remedy = f"other than the lock: {', '.join(other[:5])}{' ...' * (len(other) > 5)}; {INSTALL}"
    return [Row("versions", found, Level.NOTE if other else Level.GOOD, remedy)]


def _locked(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, version) of each package that the lock wants on this machine."""
    from packaging.requirements import Requirement

    for line in text.splitlines():
        if line[:1].isalnum():
            need = Requirement(line.partition(" \\")[0])
            if need.marker is None or need.marker.evaluate():
                yield need.name, str(need.specifier).removeprefix("==")


def _installed(name: str) -> str:
    """Return the version of an installed package; `missing` if there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def memory() -> list[Row]:
    """Return whether the largest lesson fits into the memory that is free now."""
    import psutil

    from coursekit.lessons import find

    needed = max((lesson.header.get("memory_gb", 0) for lesson in find(ROOT)), default=0) + 0.5
    free = psutil.virtual_memory().available / 1e9
    remedy = f"the largest lesson needs {needed:.1f} GB: close browsers and other notebooks"
    return [Row("memory", f"{free:.1f} GB free", Level.GOOD if free >= needed else Level.PROBLEM, remedy)]


def folders() -> list[Row]:
    """Return whether the folders can be written that lessons and learners write to."""
    closed = [place for place in _places() if not _writable(place)]
    if not closed:
        return [Row("folders", "can be written")]
    names = ", ".join(map(str, closed))
    remedy = f"not {names}: give yourself the right to write there, or copy the course to your own folder"
    return [Row("folders", "cannot all be written", Level.PROBLEM, remedy)]


def _places() -> list[Path]:
    return [*(ROOT / name for name in ("build", "data", "notebooks")), Path(tempfile.gettempdir())]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def modules() -> list[Row]:
    """Return whether a file beside the lessons has the name of a module that they or the course import."""
    known = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions()}
    found = [
        path for folder in (ROOT, ROOT / "notebooks", ROOT / "my_lessons") for path in _importable(folder)
    ]
    if not (covering := [path for path in found if path.stem in known]):
        return [Row("modules", "none is covered by a file beside the lessons")]
    names = ", ".join(path.relative_to(ROOT).as_posix() for path in covering)
    remedy = f"Python would import {names} in place of the module of this name: rename it"
    return [Row("modules", "covered by a file", Level.PROBLEM, remedy)]


def _importable(folder: Path) -> list[Path]:
    """Return the modules and packages in a folder."""
    return sorted([*folder.glob("*.py"), *(path.parent for path in folder.glob("*/__init__.py"))])


def settings() -> list[Row]:
    """Return which settings of a person the lessons do not use."""
    from coursekit.running.kernels import overridden

    found = overridden()
    return [Row("settings", "some are not used", Level.NOTE, "\n      ".join(found))] if found else []


def tensorflow() -> list[Row]:
    """Return whether TensorFlow can train one step, with the settings that lessons have."""
    from coursekit.running.kernels import without_settings_of_its_user

    with tempfile.TemporaryDirectory() as folder:
        return [selfcheck.tensorflow(without_settings_of_its_user(Path(folder)))]


def data_sets() -> Iterator[Row]:
    """Yield which data sets are here and whether they are the published ones, image by image."""
    for name, published in datasets.PUBLISHED.items():
        here = datasets.inspect(name)
        if here.genuine:
            yield Row(here.title, "genuine")
            continue
        state = "missing" if here.source == "missing" else "not the published data"
        level = Level.PROBLEM if published.bundled else Level.NOTE  # something stands in for the others
        yield Row(here.title, " ".join(here.faults) or state, level, here.advice)


def kernel() -> list[Row]:
    """Return whether a kernel starts and runs a cell, as it does for each lesson."""
    if not (fault := _kernel_fault()):
        return [Row("kernel", "started and ran a cell")]
    remedy = f"{INSTALL}; if it stays, look for a proxy or firewall between programs of this machine"
    return [Row("kernel", fault, Level.PROBLEM, remedy)]


def _kernel_fault() -> str:
    """Return what goes wrong when a kernel runs one cell; nothing if nothing does."""
    import nbformat

    from coursekit.lessons import Lesson
    from coursekit.running.execution import LessonFailed, execute
    from coursekit.running.kernels import Kernels

    cell = nbformat.v4.new_code_cell("6 * 7")
    with tempfile.TemporaryDirectory() as folder, Kernels() as kernels:
        path = Path(folder) / "00_trial.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        try:
            done = execute(Lesson(path), path.with_name("done.ipynb"), kernels, limit=60)
        except LessonFailed as failure:
            return " ".join([failure.why, *failure.lines[-1:]])
    return "" if "42" in str(done.cells[0].outputs) else "it ran a cell and said nothing"


def grading() -> list[Row]:
    """Return whether submissions can be graded in a sandbox; lessons do not need one."""
    from coursekit.grading import sandbox

    with tempfile.TemporaryDirectory() as folder:
        if kind := sandbox.kind(Path(folder).resolve()):
            return [Row("grading", f"in a sandbox ({kind})")]
    remedy = "only for instructors: docs/instructor_guide.md, Submissions are untrusted code"
    return [Row("grading", "no sandbox here, so `make grade` runs nothing", Level.NOTE, remedy)]


LOOKS = (
    Look("versions", versions),
    Look("memory", memory),
    Look("folders", folders, "look at the folder of the course"),
    Look("modules", modules),
    Look("settings", settings),
    Look("data sets", data_sets),
    Look("kernel", kernel),
    Look("TensorFlow", tensorflow),
    Look("grading", grading),
)
