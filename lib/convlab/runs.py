"""A Run: what was trained, on what, how it went; kept as small JSON files in data/runs/."""

import json
import platform
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convlab import DATA_FOLDER
from convlab.files import write_whole
from convlab.machine import cores, processor

if TYPE_CHECKING:  # runs are read without TensorFlow
    import keras

__all__ = [
    "FOLDER",
    "WEIGHTS",
    "Run",
    "answers",
    "dumps",
    "load",
    "load_weights",
    "machine",
    "matching",
    "save",
    "save_weights",
    "today",
    "with_test",
]

FOLDER, WEIGHTS = DATA_FOLDER / "runs", DATA_FOLDER / "weights"


@dataclass(frozen=True)
class Run:
    """One training: every setting, where it ran, what came out: `run.seconds`, `run.series("loss")`."""

    network: str
    parameters: int  # trainable ones
    data: str
    source: str  # where the images came from: see datasets.load
    settings: dict  # steps and all that decides the result: epochs, batch_size, seed, precision, recipe, …
    machine: dict  # processor, cores, accelerator, versions
    history: tuple  # a dict per epoch: epoch, figures (loss, accuracy, rate, validation, …), (cpu_)seconds
    seconds: float  # all of it: choosing, tracing, training, validating
    test: dict  # accuracy on the test images, by view ("plain", "flip", …); empty until looked at
    date: str
    cpu_seconds: float = 0.0  # of all threads together; on idle cores, seconds times the number of cores

    def series(self, name: str) -> list:
        """Return one figure of each epoch, a list: "loss", "seconds" or any other name in the history."""
        return [row[name] for row in self.history]

    @property
    def seed(self) -> int:
        """The seed of batches and augmentation."""
        return self.settings["seed"]


def save(run: Run, path: str | Path) -> None:
    """Write the run as JSON, whole or not at all; `path` may be a name, then it goes to data/runs/.

    Figures keep six digits. Lesson 11.
    """
    write_whole(_place(path, FOLDER, ".json"), lambda file: file.write(dumps(run).encode()))


def dumps(run: Run) -> str:
    """Return the run as JSON text with a line for each entry and each epoch."""
    entries = {**asdict(run), "history": list(run.history)}
    lines = [
        f'"{name}": {_rows(value) if name == "history" else _line(value)}' for name, value in entries.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _rows(rows):
    return "[\n  " + ",\n  ".join(_line(row) for row in rows) + "\n]"


def _line(value):
    return json.dumps(_rounded(value), ensure_ascii=False)


def _rounded(value):
    """Return the value with six significant digits in every float."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def load(name: str | Path) -> Run:
    """Return the Run recorded under `name` in data/runs/, or in the file of that path.

    FileNotFoundError names what there is. Lessons 09 and 11 to 16.
    """
    path = _place(name, FOLDER, ".json")
    if not path.exists():
        raise FileNotFoundError(f"no recorded run {name!r}; recorded: {_names(FOLDER, '.json')}")
    entries = json.loads(path.read_text(encoding="utf-8"))
    entries.pop("note", None)  # recordings of 2026 have it, empty, and a cutout of 0 in their recipes
    entries["settings"].get("recipe", {}).pop("cutout", None)
    return Run(**{**entries, "history": tuple(entries["history"])})


def _place(name, folder, suffix):
    """Return the path that a name or a path means."""
    return Path(name) if Path(name).suffix == suffix else folder / f"{name}{suffix}"


def _names(folder, suffix):
    """Return the names of the files in a folder, as an error lists them; where it is not, how to get it."""
    if not folder.is_dir():
        return f"none: data/{folder.name} is part of the course's repository, which `git clone` brings"
    return ", ".join(sorted(file.stem for file in folder.glob(f"*{suffix}"))) or "none yet"


def matching(pattern: str = "*") -> dict[str, Run]:
    """Return the recorded runs whose names match, a dict name -> Run: `matching("resnet20-seed*")`."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob(f"{pattern}.json"))}


def answers(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what a recorded network said of the test images: shares (N, 10) float32 and labels (N,) int64.

    The images are in the order of the data set's own files. FileNotFoundError names what there is. Lessons 09
    and 11.
    """
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        known = _names(FOLDER, ".npz")
        raise FileNotFoundError(f"no answers of {name!r} are kept; there are those of: {known}")
    with np.load(path, allow_pickle=False) as file:
        return file["shares"].astype("float32"), file["labels"].astype("int64")


def with_test(run: Run, **accuracies: float) -> Run:
    """Return the run with test accuracies added, by view: `with_test(run, plain=0.93)`."""
    return replace(run, test={**run.test, **accuracies})


def today() -> str:
    """Return the date as 2026-01-31."""
    return date.today().isoformat()


def machine(accelerator: str = "") -> dict:
    """Return what a timing depends on: processor by its model name, cores, accelerator, versions.

    >>> sorted(machine())
    ['accelerator', 'cores', 'processor', 'versions']
    """
    return {
        "processor": processor(),
        "cores": cores(),
        "accelerator": accelerator,
        "versions": {"python": platform.python_version(), **_versions("numpy", "keras", "tensorflow")},
    }


def _versions(*packages):
    """Return the versions of the installed ones; TensorFlow's CPU build counts as TensorFlow."""
    found = {}
    for package in packages:
        for name in (package, f"{package}-cpu"):
            try:
                found[package] = version(name)
            except PackageNotFoundError:
                continue
    return found


def save_weights(model: "keras.Model", name: str | Path) -> None:
    """Write the weights of a Keras model to data/weights/, as float16 in one compressed file of NumPy's.

    An array with a value that float16 cannot hold, above 65,504, stays float32: the moving variances of batch
    normalisation behind large maps, for example. `name` without a suffix, or a path that ends in .npz.
    Lesson 10.
    """
    arrays = {str(i): _half(weights) for i, weights in enumerate(model.get_weights())}
    write_whole(_place(name, WEIGHTS, ".npz"), lambda file: np.savez_compressed(file, **arrays))


def _half(weights):
    """Return an array as float16, unless one of its values does not fit."""
    if np.abs(weights).max(initial=0) > np.finfo("float16").max:
        return weights
    return weights.astype("float16")


def load_weights(model: "keras.Model", name: str | Path) -> "keras.Model":
    """Put the weights of that name, or of that path, into a Keras model of the same form; return the model.

    FileNotFoundError names what there is; ValueError if the shapes are those of another network. Lesson 10.
    """
    path = _place(name, WEIGHTS, ".npz")
    if not path.exists():
        raise FileNotFoundError(f"no weights {name!r}; there are: {_names(WEIGHTS, '.npz')}")
    with np.load(path, allow_pickle=False) as file:
        arrays = [file[str(i)].astype("float32") for i in range(len(file.files))]
    ours, theirs = [w.shape for w in model.get_weights()], [array.shape for array in arrays]
    if ours != theirs:
        raise ValueError(
            f"{path.name} does not fit {model.name}: {len(theirs)} arrays {theirs[:3]}…, not {ours[:3]}…"
        )
    model.set_weights(arrays)
    return model
