"""The record of which exercises a learner has solved: `data/progress.json`, which git ignores."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convlab import DATA_FOLDER
from convlab.files import write_text
from convlab.printing import say

LONGEST_WAIT = 10  # seconds for another notebook that writes at the same moment


def file() -> Path:
    """Return where the record is: `CONVLAB_PROGRESS` where that is set, else `data/progress.json`."""
    return Path(os.environ.get("CONVLAB_PROGRESS") or DATA_FOLDER / "progress.json")


def read() -> dict[str, dict[str, Any]]:
    """Return {lesson: {exercise: "right" or "wrong"}}; a file that cannot be read is renamed, not lost.

    Beside the lessons stands what `convlab.predict` stores.
    """
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

    def change(statuses: dict) -> None:
        if statuses.get(lesson, {}).get(exercise) != "right":
            statuses.setdefault(lesson, {})[exercise] = status

    update(change)


def update(change: Callable[[dict], object]) -> None:
    """Let `change` alter the record in place and write it, one process at a time.

    Where the file cannot be written, this prints why instead of raising.
    """
    from filelock import FileLock  # not in the import of every lesson

    try:
        file().parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file().with_suffix(".json.lock"), timeout=LONGEST_WAIT):
            statuses = read()
            before = json.dumps(statuses, indent=1, sort_keys=True)
            change(statuses)
            after = json.dumps(statuses, indent=1, sort_keys=True)
            if after != before:
                write_text(file(), after)
    except (OSError, NotImplementedError) as error:  # the second: a file system without locks
        reason = getattr(error, "strerror", None) or str(error)
        say(f"(Your progress could not be saved: {reason}.)")
