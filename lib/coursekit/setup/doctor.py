"""Say whether this machine has what the course needs, and the way out of each lack."""

import argparse
import importlib.metadata
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
INSTALL = "`make run` installs what the lock names; without make: pip install -r requirements.txt"
ADVICE = ("cores", "versions", "Fashion-MNIST", "CIFAR-10", "BCCD", "CamVid")  # the course runs without


def main(argv: list[str]) -> int:
    """Print a line for each finding and return 1 if one of them keeps lessons from running."""
    argparse.ArgumentParser(prog="python -m coursekit doctor", description=__doc__).parse_args(argv)
    bad = []
    for row in findings():
        advice = not row.good and row.what in ADVICE
        line = str(row._replace(what=f"{row.what:13}"))  # as wide as the longest
        print(line.replace("LOOK", "note", 1) if advice else line, flush=True)
        bad += [row.what] if not (row.good or advice) else []
    print(f"\nto mend: {', '.join(bad)}" if bad else "\nThis machine is ready for the course.")
    return int(bool(bad))


def findings() -> Iterator:
    """Yield a row for all that is looked at, the quick ones first; a look that fails is a finding too."""
    from convlab.notebook.selfcheck import NONE, Row

    for look, remedy in LOOKS.items():
        try:
            rows = list(look())
        except Exception as error:  # the packages that it takes to look may be what is broken
            name = look.__name__.replace("_", " ")
            rows = [Row(name, f"{type(error).__name__}: {error}", False, remedy)]
        yield from rows
        if any(row.found == NONE for row in rows):
            return  # the other looks need packages


def machine() -> Iterator:
    """Yield Python, packages, cores and disk, as lesson 00 shows them."""
    from convlab.notebook import selfcheck

    yield from selfcheck.rows()


def versions() -> Iterator:
    """Yield whether the installed versions are those of the lock, for which the lessons' figures hold."""
    from convlab.notebook.selfcheck import Row

    locked = dict(_locked((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    other = [f"{name} {_installed(name)}" for name, version in locked.items() if _installed(name) != version]
    remedy = f"other than the lock: {', '.join(other[:5])}{' …' * (len(other) > 5)}; {INSTALL}"
    yield Row("versions", f"{len(locked) - len(other)} of {len(locked)} as in the lock", not other, remedy)


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


def memory() -> Iterator:
    """Yield whether the largest lesson fits into the memory that is free now."""
    import psutil

    from convlab.notebook.selfcheck import Row
    from coursekit.lessons import find

    needed = max((lesson.header.get("memory_gb", 0) for lesson in find(ROOT)), default=0) + 0.5
    free = psutil.virtual_memory().available / 1e9
    remedy = f"the largest lesson needs {needed:.1f} GB: close browsers and other notebooks"
    yield Row("memory", f"{free:.1f} GB free", free >= needed, remedy)


def folders() -> Iterator:
    """Yield whether the folders can be written that lessons and learners write to."""
    from convlab.notebook.selfcheck import Row

    closed = [place for place in _places() if not _writable(place)]
    names = ", ".join(str(place) for place in closed)
    remedy = f"not {names}: give yourself the right to write there, or copy the course to your own folder"
    yield Row("folders", "cannot all be written" if closed else "can be written", not closed, remedy)


def _places() -> list[Path]:
    return [*(ROOT / name for name in ("build", "data", "notebooks")), Path(tempfile.gettempdir())]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def data_sets() -> Iterator:
    """Yield which data sets are here and whether they are the published ones, image by image."""
    from convlab import datasets
    from convlab.notebook.selfcheck import Row

    for name in datasets.PUBLISHED:
        here = datasets.inspect(name)
        if here.faults:
            found = " ".join(here.faults)
        elif here.source == "missing":
            found = f"missing; without it, {datasets.PUBLISHED[name].stand_in} would stand in"
        else:
            found = "genuine" if here.genuine else "not the published images"
        yield Row(here.title, found, here.genuine, here.advice)


def kernel() -> Iterator:
    """Yield whether a kernel starts and runs a cell, as it does for each lesson."""
    from convlab.notebook.selfcheck import Row

    fault = _kernel_fault()
    remedy = f"{INSTALL}; if it stays, look for a proxy or firewall between programs of this machine"
    yield Row("kernel", fault or "started and ran a cell", not fault, remedy)


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


def tensorflow() -> Iterator:
    """Yield whether TensorFlow trains one step."""
    from convlab.notebook import selfcheck

    yield selfcheck.tensorflow()


LOOKS: dict[Callable, str] = {
    machine: INSTALL,
    versions: INSTALL,
    memory: INSTALL,
    folders: "look at the folder of the course",
    data_sets: INSTALL,
    kernel: INSTALL,
    tensorflow: INSTALL,
}
