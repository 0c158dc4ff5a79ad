"""Run lessons into build/run/, two at a time where this machine allows, and say how each went."""

import argparse
import glob
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from convlab.datasets.download import WAIT, offline
from convlab.datasets.published import PUBLISHED
from convlab.machine import cores
from coursekit import profiles
from coursekit.lessons import ROOT, CourseError, find, select, summary
from coursekit.running.board import Bar, report
from coursekit.running.execution import Cell, LessonFailed, execute
from coursekit.running.jobs import Job, Outcome
from coursekit.running.kernels import Kernels
from coursekit.running.rerun import inputs, recorded, write_record

CELL_LIMIT = 120  # processor seconds: twice what a cell may take with the default parameters


def main(argv: list[str]) -> int:
    """Run what the command line names; return 0, or 1 for a failed lesson."""
    options = _parser().parse_args(argv)
    usual = CELL_LIMIT if options.profile == "default" else 0
    limit = usual if options.time_limit is None else options.time_limit
    return run(_jobs(options), force=options.force, at_once=options.jobs, limit=limit or None)


def _parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m coursekit run", description=__doc__)
    parser.add_argument("lessons", nargs="*", help="numbers or names, all by default")
    parser.add_argument("--profile", default="default", help="default, or full, as profiles.yaml has it")
    parser.add_argument("--force", action="store_true", help="run lessons that have not changed, too")
    parser.add_argument("--jobs", type=int, help="lessons at once; by default what memory and cores allow")
    parser.add_argument(
        "--time-limit", type=int, metavar="S", help="processor seconds for one cell; 0 for no limit"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    return parser


def _jobs(options: argparse.Namespace) -> list[Job]:
    """Return what the command line asks for; `CourseError` where the profile does not fit the lessons."""
    root = options.root.resolve()
    parameters = profiles.profile(options.profile, root)
    every = find(root)
    if strangers := sorted({*parameters} - {lesson.slug for lesson in every}):
        raise CourseError(f"{profiles.FILE} names {', '.join(strangers)}, which is not a lesson")
    jobs = [Job(lesson, root, parameters.get(lesson.slug, {})) for lesson in select(every, options.lessons)]
    if unfit := [fault for job in jobs for fault in _unfit(job)]:
        raise CourseError("\n".join(unfit))
    return jobs


def _unfit(job: Job) -> Iterator[str]:
    """Yield what does not fit between a lesson and its parameters; nothing where it cannot be read at all."""
    with suppress(CourseError):
        for what, remedy in profiles.faults(job.lesson, job.parameters) if job.parameters else ():
            yield f"{job.lesson.slug} {what}: {remedy}"


def run(jobs: list[Job], force: bool = False, at_once: int | None = None, limit: int | None = None) -> int:
    """Run the jobs that need it, print the closing table, and return 1 if a lesson failed, else 0.

    `at_once` is the number of lessons that may run at the same time, `limit` the processor seconds for one
    cell.
    """
    begun = time.monotonic()
    known = {job: outcome for job in jobs if (outcome := _unreadable(job) or (not force and recorded(job)))}
    due = sorted((job for job in jobs if job not in known), key=lambda job: -job.seconds)
    if due:
        at_once = at_once or _usually_at_once(due)
        with _data_fetched(due):
            known |= {outcome.job: outcome for outcome in _run_all(due, at_once, limit)}
    print(report([known[job] for job in jobs], time.monotonic() - begun))
    return int(any(outcome.failure for outcome in known.values()))


def _unreadable(job: Job) -> Outcome | None:
    """Return the failure of a lesson whose file cannot be understood."""
    try:
        inputs(job)
        float(job.seconds + job.memory)
    except (CourseError, ValueError, TypeError, AttributeError, KeyError) as error:
        return Outcome(job, failure=f"could not be read: {error}")
    return None


@contextmanager
def _data_fetched(jobs: list[Job]) -> Iterator[None]:
    """Fetch the data sets of these lessons, outside their time limits; within, no lesson downloads.

    It takes DATA_WAIT seconds at most, or 300. What is then missing has a stand-in, under a banner.
    """
    names = sorted({name for job in jobs for name in job.lesson.header.get("data", []) if name in PUBLISHED})
    before = os.environ.get("CONVLAB_OFFLINE")
    if names and not offline():
        wait = os.environ.get("DATA_WAIT") or str(WAIT)
        command = [sys.executable, "-m", "convlab.datasets", "--absent", "--only", *names, "--wait", wait]
        subprocess.run(command)
    os.environ["CONVLAB_OFFLINE"] = "1"
    try:
        yield
    finally:
        os.environ.pop("CONVLAB_OFFLINE")
        os.environ.update({} if before is None else {"CONVLAB_OFFLINE": before})


def _usually_at_once(jobs: list[Job]) -> int:
    """Return how many of these lessons should run at once here: two if there are cores and a pair."""
    return 2 if len(jobs) > 1 and cores() > 1 else 1


def may_start(job: Job, running: Iterable[Job], at_once: int, free_gb: float) -> bool:
    """Tell whether `job` may start beside the running ones: whether a place and the memory are free."""
    others = list(running)
    needed = job.memory + sum(other.memory for other in others)
    return not others or (len(others) < at_once and needed <= free_gb)


def _next(waiting: list[Job], running: Iterable[Job], at_once: int, free_gb: float) -> Job | None:
    """Return the first waiting job that may start beside the running ones."""
    return next((job for job in waiting if may_start(job, running, at_once, free_gb)), None)


def _run_all(jobs: list[Job], at_once: int, limit: int | None) -> Iterator[Outcome]:
    """Run the jobs, at most `at_once` at a time, under one progress bar; yield each outcome."""
    free_gb = psutil.virtual_memory().available / 1e9
    events: queue.Queue = queue.Queue()
    waiting = list(jobs)
    running: dict[Job, threading.Thread] = {}
    with Kernels() as kernels, Bar(jobs) as bar:
        try:
            while waiting or running:
                while job := _next(waiting, running, at_once, free_gb):
                    waiting.remove(job)
                    shared = running or _next(waiting, [job], at_once, free_gb)
                    threads = max(1, cores() // at_once) if shared else None
                    bar.show(job, Cell())
                    running[job] = _start(job, kernels, limit, threads, events)
                job, event = bar.wait(events)
                bar.show(job, event)
                if isinstance(event, Outcome):
                    running.pop(job).join()
                    yield event
        finally:
            kernels.kill()
            for thread in running.values():
                thread.join()


def _start(job: Job, *details) -> threading.Thread:
    """Start a thread that runs one job."""
    thread = threading.Thread(target=_run_one, args=(job, *details), name=job.lesson.slug)
    thread.start()
    return thread


def _run_one(job: Job, kernels: Kernels, limit: int | None, threads: int | None, events: queue.Queue) -> None:
    """Run one job; put each cell before it runs, then the outcome, into `events`."""

    def begins(cell: Cell) -> None:
        events.put((job, cell))

    begun, outcome = time.monotonic(), Outcome(job)
    try:
        before = inputs(job)
        outcome.summary = _result(job, kernels, limit, threads, begins)
        outcome.seconds = time.monotonic() - begun
        write_record(outcome, before)
    except LessonFailed as failure:
        outcome.failure = str(failure)
    except OSError as error:
        outcome.failure = f"could not be kept: {error}. build/run needs room, and must be writable"
    except Exception as error:  # whatever it is, the other lessons go on
        outcome.failure = f"could not be run: {type(error).__name__}: {error}"
    outcome.seconds = time.monotonic() - begun
    events.put((job, outcome))


def _result(job: Job, kernels: Kernels, limit: int | None, threads: int | None, on_cell) -> dict:
    """Execute a job's lesson, leave its notebook in place and return its summary."""
    job.output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = job.output.with_name(f".{os.getpid()}-{job.output.name}")  # another run may be under way
    for path in (job.record, job.output, *_left_behind(job.output)):
        path.unlink(missing_ok=True)
    try:
        return summary(execute(job.lesson, unfinished, kernels, job.parameters, limit, threads, on_cell))
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        if unfinished.exists():
            os.replace(unfinished, job.output)


def _left_behind(output: Path) -> Iterator[Path]:
    """Yield the unfinished notebooks of runs that were killed."""
    for path in output.parent.glob(f".[0-9]*-{glob.escape(output.name)}"):
        if not psutil.pid_exists(int(path.name[1:].partition("-")[0])):
            yield path
