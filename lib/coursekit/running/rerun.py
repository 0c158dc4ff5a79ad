"""Whether a lesson has to run again: what its last good run began with, compared with what is there now."""

import functools
import hashlib
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from convlab.datasets.published import PUBLISHED
from convlab.exercises import bank
from convlab.exercises.bank import Question
from convlab.exercises.leitner import Schedule
from convlab.files import write_text
from coursekit.lessons import source, tags
from coursekit.running import dependencies
from coursekit.running.jobs import Job, Outcome

QUESTIONS = Path("lib/convlab/exercises/questions")


def write_record(outcome: Outcome, before: dict[str, str]) -> None:
    """Write down a good run that began with the inputs `before`, so that the lesson need not run again."""
    used = before | {"data": inputs(outcome.job)["data"]}  # what the lesson has downloaded, it has used
    record = {"inputs": used, "seconds": outcome.seconds, "summary": outcome.summary}
    write_text(outcome.job.record, json.dumps(record, indent=1) + "\n")


def recorded(job: Job) -> Outcome | None:
    """Return the outcome of the last good run if nothing that the lesson depends on has changed since."""
    try:
        record = json.loads(job.record.read_text(encoding="utf-8"))
        if job.output.exists() and record["inputs"] == inputs(job):
            return Outcome(job, record["seconds"], record["summary"], recorded=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def inputs(job: Job) -> dict[str, str]:
    """Return digests of all that a run depends on: the lesson, the software, what it imports, its data."""
    lesson = job.lesson
    imported = dependencies.files(map(source, lesson.code_cells), job.root)
    questions = [path for path in imported if path.parent == job.root / QUESTIONS]
    parts: dict[str, list] = {
        "lesson": [[(cell["cell_type"], source(cell), tags(cell)) for cell in lesson.cells], job.parameters],
        "software": [
            platform.python_version(),
            platform.machine(),
            _file_digest(job.root / "requirements.txt"),
        ],
        "imported": [
            (path.relative_to(job.root).as_posix(), _file_digest(path))
            for path in imported
            if path not in questions
        ],
        "questions": _asked(lesson.number, job.root / QUESTIONS, *map(_file_digest, questions)),
        "data": [(path.name, _file_digest(path)) for path in _data_files(job)],
    }
    return {name: _json_digest(part) for name, part in parts.items()}


def _asked(number: str, folder: Path, *digests: str) -> list[tuple[str, ...]]:
    """Return the questions, with their choices, that a lesson asks of a new learner, as whom it runs."""
    asked = Schedule.of({}).choose(number, _bank(folder, *digests)) if digests else []
    return [(question.question, *question.choices) for question in asked]


@functools.cache
def _bank(folder: Path, *_digests: str) -> tuple[Question, ...]:
    """Return the questions in a folder, read once for as long as its files stay."""
    return bank.read(folder)


def _data_files(job: Job) -> Iterator[Path]:
    """Yield where the files of a lesson's data sets may be; one that is missing counts as well."""
    folders = [job.root / os.path.expanduser(os.environ.get("CONVLAB_DATA") or "data"), job.root / "data"]
    for name, published in PUBLISHED.items():
        if published.bundled or name in job.lesson.header.get("data", []):  # the bundled one stands in
            yield from (folder / published.file for folder in folders)


def _json_digest(part: list) -> str:
    """Return the SHA-256 over a part's JSON."""
    return hashlib.sha256(json.dumps(part, sort_keys=True, default=str).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    """Return a file's SHA-256, or `missing`."""
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return _digest(path, status.st_mtime_ns, status.st_size)


@functools.cache
def _digest(path: Path, *_version: int) -> str:
    """Return the SHA-256 of a file, read once for as long as its time and size stay."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
