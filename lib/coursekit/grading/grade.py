"""Grade a folder of submissions: each exercise right, wrong and how, or not attempted.

A submission is FOLDER/STUDENT/NN_slug.ipynb, at any depth below STUDENT, or FOLDER/STUDENT_NN_slug.ipynb.
Submissions are untrusted code. Each runs in a process of its own, with limits on time, memory, processes,
files and output. This stops accidents and pranks, not a person who means harm: grade in a disposable VM or
container.
"""

import argparse
import concurrent.futures
import importlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from convlab.exercises import judging
from convlab.machine import cores
from coursekit.grading import gradebook, sandbox, submissions, supervisor, values
from coursekit.grading.submissions import Submission, Task, Unreadable
from coursekit.lessons import ROOT, CourseError, Lesson, find, source

NOT_GRADED = "not graded"
SUPERVISOR = [sys.executable, "-I", "-B", "-m", "coursekit.grading.supervisor"]


@dataclass
class Mark:
    """What one exercise of one submission is worth: its status, the named mistake, and what was said."""

    exercise: str
    status: str
    mistake: str = ""
    message: str = ""
    notes: list[str] = field(default_factory=list)
    source: str = ""


@dataclass
class Graded:
    """One submission with the marks of its exercises."""

    submission: Submission
    marks: list[Mark]

    @property
    def notes(self) -> list[str]:
        """What an instructor should know beside the marks."""
        problem = [self.submission.problem] if self.submission.problem else []
        return problem + self.submission.notes.get("", [])


def main(argv: list[str]) -> int:
    """Grade the folder, write the results, show the table; `CourseError` where there is nothing to grade."""
    options = _options(argv)
    folder, output = Path(options.folder).resolve(), options.output.resolve()
    if not options.folder or not folder.is_dir():
        raise CourseError(f"there is no folder {options.folder!r}: make grade SUBMISSIONS=folder")
    if output == folder or folder in output.parents:
        raise CourseError("the results belong outside of the submissions: choose another --output")
    found = submissions.find(folder, find(ROOT))
    if not found:
        raise CourseError(
            f"{options.folder} holds no submissions: one folder per student, or STUDENT_NN_name.ipynb"
        )
    begun = time.monotonic()
    run = Run(options.seconds, options.memory, folder, sandbox.works(folder))
    graded = _graded(found, run, max(1, options.jobs))
    gradebook.write(graded, output)
    print(gradebook.table(graded))
    print(f"{len(graded)} submissions in {time.monotonic() - begun:.0f} s. {protection(run.sandboxed)}")
    print(f"See {os.path.relpath(output / 'index.html')} and grades.csv beside it.")
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit grade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", help="the submissions")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "grades", help="where the results go")
    parser.add_argument("--jobs", type=int, default=cores(), help="how many run at once")
    parser.add_argument(
        "--seconds",
        type=float,
        default=20,
        help="of the processor for one exercise; with TensorFlow three times that",
    )
    parser.add_argument("--memory", type=float, default=3, metavar="GB", help="for one submission")
    return parser.parse_args(argv)


def protection(sandboxed: bool) -> str:
    """Return what protected this machine from the submissions."""
    if sandboxed:
        return "Sandbox active: no network, no access to other submissions, own folders to write to."
    return "NO SANDBOX: they ran as you, with your network and files. See docs/instructor_guide.md."


def _graded(found: list[Submission], run: "Run", jobs: int) -> list[Graded]:
    """Run all submissions, `jobs` at once, and return them with their marks, in order."""
    marker = Marker()
    graded = {}
    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(run, one): i for i, one in enumerate(found)}
        finished = concurrent.futures.as_completed(futures)
        for future in tqdm(finished, total=len(found), disable=None, leave=False, unit="submission"):
            graded[futures[future]] = marker(found[futures[future]], *future.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        run.stop()
        pool.shutdown()
    return [graded[i] for i in range(len(found))]


class Run:
    """Runs the submissions in `folder`, each with its own supervisor, in a sandbox where that works."""

    def __init__(self, seconds: float, memory: float, folder: Path, sandboxed: bool) -> None:
        self.seconds, self.memory, self.folder, self.sandboxed = seconds, memory, folder, sandboxed
        self.mark = secrets.token_hex(8)
        self.running: set[subprocess.Popen] = set()

    def __call__(self, submission: Submission) -> tuple[list[Task], dict]:
        """Return the answers of a submission and what the supervisor reports of them."""
        if submission.problem or submission.lesson is None or submission.path is None:
            submission.problem = submission.problem or "it is no lesson of this course"
            return [], {}
        try:
            cells = submissions.cells(submission.path)
        except Unreadable as error:
            submission.problem = str(error)
            return [], {}
        tasks = list(submissions.tasks(submission, cells))
        return tasks, self._watched(self._order(submission.lesson, tasks, cells)) if tasks else {}

    def _order(self, lesson: Lesson, tasks: list[Task], cells: list[dict]) -> dict:
        """Return what supervisor and worker have to know, and nothing of anybody else."""
        seconds = self.seconds * (3 if lesson.header.get("tensorflow") else 1)
        imports = [source(cell) for cell in lesson.code_cells if cell.get("id") == "imports"]
        return {
            "mark": f"{self.mark}-{secrets.token_hex(8)}",
            "module": f"lesson_{lesson.number}",
            "cells": ["\n".join(imports), *map(source, cells)],
            "tasks": [
                {"exercise": t.stub.exercise, "answer": t.stub.answer, "source": t.source, "before": t.before}
                for t in tasks
            ],
            "seconds": seconds,
            "limits": {"memory_gb": self.memory, "cpu_seconds": 60 + seconds * len(tasks)},
        }

    def _watched(self, order: dict) -> dict:
        """Return the supervisor's report; a note if the submission has ended its supervisor."""
        box = Path(tempfile.mkdtemp(prefix="grading-")).resolve()
        order |= {"box": str(box), "sandbox": sandbox.around(box, self.folder) if self.sandboxed else []}
        process = subprocess.Popen(
            SUPERVISOR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=box
        )
        self.running.add(process)
        try:
            said, wrong = process.communicate(json.dumps(order).encode() + b"\n", _longest(order))
            return json.loads(said)
        except subprocess.TimeoutExpired:
            return {"results": {}, "notes": ["it could not be ended in time"]}
        except (ValueError, RecursionError):
            last = (wrong.decode(errors="replace").strip().splitlines() or [""])[-1]
            return {"results": {}, "notes": [f"it ended the process that watches it {last[:200]}".strip()]}
        finally:
            process.kill()
            process.wait()
            self.running.discard(process)
            if process.returncode:
                supervisor.end_marked(order["mark"])
            supervisor.remove(box)

    def stop(self) -> None:
        """End what still runs, as after Ctrl-C."""
        for process in list(self.running):
            with suppress(OSError):
                process.terminate()


def _longest(order: dict) -> float:
    """Return the seconds after which something is wrong with the supervisor itself."""
    busy = 20  # times as long as on a quiet machine
    return 60 + busy * len(order["tasks"]) * (order["seconds"] + supervisor.START_SECONDS)


class Marker:
    """Turns what the answers did into marks, by the rules of this process, where no submission runs."""

    def __init__(self) -> None:
        self._known: dict[tuple, list] = {}

    def __call__(self, submission: Submission, tasks: list[Task], report: dict) -> Graded:
        """Return a submission with its marks."""
        for note in report.get("notes", []):
            submission.note(note)
        answered = {task.stub.exercise: task for task in tasks}
        marks = []
        for stub in submission.stubs:
            result = report.get("results", {}).get(stub.exercise)
            mark = self._mark(submission, stub.exercise, answered.get(stub.exercise), result)
            mark.notes = submission.notes.get(stub.exercise, []) + mark.notes
            marks.append(mark)
        return Graded(submission, marks)

    def _mark(self, submission: Submission, name: str, task: Task | None, result: dict | None) -> Mark:
        """Return the mark of one exercise."""
        if submission.problem or submission.lesson is None:
            return Mark(name, NOT_GRADED)
        if task is None:
            return Mark(name, judging.NOT_ATTEMPTED)
        match result:
            case {"attempt": data}:
                verdict = self.verdict(submission.lesson.number, name, data)
                return Mark(name, verdict.status, verdict.mistake or "", verdict.message, [], task.source)
            case {"stopped": str() as why} | {"ended": str() as why}:
                return Mark(name, judging.WRONG, "", why, [why], task.source)
        return Mark(name, NOT_GRADED, source=task.source)

    def verdict(self, number: str, name: str, data: dict):
        """Return the verdict on an attempt."""
        exercise = getattr(importlib.import_module(f"convlab.exercises.lesson_{number}"), name)
        try:
            attempt = values.decode(data)
            return judging.weigh(exercise, attempt, self._outcomes)
        except Exception as error:
            why = f"what it returns could not be compared ({type(error).__name__})"
            return judging.Verdict(judging.WRONG, why)

    def _outcomes(self, exercise, answer) -> list:
        """Return what reference or mistake do, tried once for all submissions."""
        key = exercise.lesson, exercise.name, id(answer)
        if key not in self._known:
            with silent_stderr():
                self._known[key] = judging.outcomes(exercise, answer)
        return self._known[key]


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Discard what TensorFlow's C++ code, which some references need, would write into the progress bar."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
