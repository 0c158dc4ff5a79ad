"""The record of which exercises a learner has solved: `data/progress.json`, which git ignores."""

import json
import os
from pathlib import Path

from convlab import DATA_FOLDER
from convlab.files import write_text
from convlab.printing import say


def file() -> Path:
    """Return where the record is: `CONVLAB_PROGRESS` where that is set, else `data/progress.json`."""
    return Path(os.environ.get("CONVLAB_PROGRESS") or DATA_FOLDER / "progress.json")


def read() -> dict[str, dict[str, str]]:
    """Return {lesson: {exercise: "right" or "wrong"}}; a file that cannot be read is renamed, not lost."""
    try:
        statuses = json.loads(file().read_text(encoding="utf-8"))
        if not all(isinstance(of_lesson, dict) for of_lesson in statuses.values()):
            raise ValueError("not a record of lessons")
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        aside = file().with_suffix(".json.broken")
        os.replace(file(), aside)
        say(f"{file().name} could not be read and is now {aside.name}; progress starts anew.")
        return {}
    return statuses


def note(lesson: str, exercise: str, status: str) -> None:
    """Note the status of an exercise; what was right once stays right.

    Where the file cannot be written, this prints why instead of raising.
    """
    if status == "not attempted":
        return
    try:
        statuses = read()
        if statuses.get(lesson, {}).get(exercise) != "right":
            statuses.setdefault(lesson, {})[exercise] = status
            write_text(file(), json.dumps(statuses, indent=1, sort_keys=True))
    except OSError as error:
        say(f"(Your progress could not be saved: {error.strerror}.)")
