"""Remember which exercises a learner has solved, in `data/progress.json` (git ignores it)."""

import importlib
import json
import os
import pkgutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from convlab import DATA_FOLDER


def file() -> Path:
    """Return where progress is kept: `CONVLAB_PROGRESS` where that is set, else `data/progress.json`."""
    return Path(os.environ.get("CONVLAB_PROGRESS") or DATA_FOLDER / "progress.json")


def read() -> dict[str, dict[str, str]]:
    """Return {lesson: {exercise: "right" or "wrong"}}; a file that cannot be read is set aside, not lost."""
    try:
        record = json.loads(file().read_text(encoding="utf-8"))
        if not all(isinstance(statuses, dict) for statuses in record.values()):
            raise ValueError("not a record of lessons")
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        aside = file().with_suffix(".json.broken")
        os.replace(file(), aside)
        print(f"{file().name} could not be read and is now {aside.name}; progress starts anew.")
        return {}
    return record


def record(lesson: str, exercise: str, status: str) -> None:
    """Note the status of an exercise. What was right once stays right; a read-only folder is no error."""
    if status == "not attempted":
        return
    try:
        statuses = read()
        if statuses.get(lesson, {}).get(exercise) != "right":
            statuses.setdefault(lesson, {})[exercise] = status
            _write(statuses)
    except OSError as error:
        print(f"(Your progress could not be kept: {error.strerror}.)")


def _write(statuses) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=file().parent, prefix=file().name + ".part")
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            json.dump(statuses, stream, indent=1, sort_keys=True)
        os.replace(temporary, file())
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def exercises() -> dict[str, list]:
    """Return {lesson: its exercises, in order}, for every lesson that has any."""
    package = importlib.import_module("convlab.exercises")
    engine = importlib.import_module("convlab.exercises.engine")

    names = sorted(
        module.name for module in pkgutil.iter_modules(package.__path__) if module.name[:7] == "lesson_"
    )
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {
        name: [item for item in vars(module).values() if isinstance(item, engine.Exercise)]
        for name, module in modules.items()
    }


@dataclass(frozen=True)
class Progress:
    """How far a learner is: rows of (lesson, right, wrong, exercises in all). Shows itself as a table."""

    rows: tuple[tuple[str, int, int, int], ...]

    def __repr__(self):
        lines = [
            f"{lesson}  {_bar(right, total)}  {right} of {total} right"
            + (f", {wrong} to look at again" * bool(wrong))
            for lesson, right, wrong, total in self.rows
        ]
        return "\n".join(lines)


def table() -> Progress:
    """Return how many exercises of each lesson are right, wrong and there in all."""
    statuses = read()
    rows = []
    for lesson, items in exercises().items():
        known = [statuses.get(lesson, {}).get(item.name) for item in items]
        rows.append((lesson.replace("_", " "), known.count("right"), known.count("wrong"), len(items)))
    return Progress(tuple(rows))


def _bar(right, total) -> str:
    return "■" * right + "□" * (total - right)
