"""What a person sees while lessons run, and when they are done."""

import functools
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tabulate import tabulate
from tqdm import tqdm

from coursekit.running.execution import Cell
from coursekit.running.jobs import Job, Outcome

SILENCE = 5  # seconds after which a cell that is still running is named
FORMAT = "{percentage:3.0f}% |{bar}| {n_fmt} of {total_fmt} cells, {elapsed}  {desc}"


class Bar:
    """One progress bar over the code cells of all jobs, or a line per lesson where no one watches."""

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = len(jobs)
        self.ended = 0
        self.cells: dict[Job, tuple[Cell, float]] = {}  # what runs, and since when
        self.notices = Notices()  # where there is no bar
        count = sum(len(job.lesson.code_cells) for job in jobs)
        self.bar = tqdm(total=count, bar_format=FORMAT, disable=None, leave=False, dynamic_ncols=True)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_) -> None:
        self.notices.__exit__()
        self.bar.close()

    def wait(self, events: queue.Queue) -> tuple[Job, Cell | Outcome]:
        """Return the next event; let the clock of the bar go on until then."""
        while True:
            try:
                return events.get(timeout=1)
            except queue.Empty:
                self._show_running()

    def show(self, job: Job, event: Cell | Outcome) -> None:
        """Show that a cell begins or that a job has ended."""
        before = _finished(self.cells.pop(job, (Cell(), 0.0))[0])
        if isinstance(event, Outcome):
            self.notices.end(job.lesson.slug)
            self.bar.update(len(job.lesson.code_cells) - before)
            self._end(event)
        else:
            self.bar.update(_finished(event) - before)
            self.cells[job] = event, time.monotonic()
            if self.bar.disable:
                self.notices.begin(job.lesson.slug, event)
        self._show_running()

    def _show_running(self) -> None:
        """Show on the bar which cells run, and for how many seconds."""
        now = time.monotonic()
        running = (
            f"{job.lesson.slug}: {cell.id or 'its start'}, {now - since:.0f} s"
            for job, (cell, since) in self.cells.items()
        )
        self.bar.set_description_str("; ".join(running))

    def _end(self, outcome: Outcome) -> None:
        """Say that a lesson has ended, where the bar does not show it."""
        self.ended += 1
        if self.bar.disable:
            how = "failed" if outcome.failure else "done"
            slug = outcome.job.lesson.slug
            print(f"[{self.ended}/{self.jobs}] {slug}: {how} in {outcome.seconds:.1f} s", flush=True)


class Notices:
    """Prints one line for each cell that is still running after five seconds."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self.write = write or functools.partial(print, flush=True)
        self._timers: dict[str, threading.Timer] = {}

    def __enter__(self) -> "Notices":
        return self

    def __exit__(self, *_) -> None:
        for lesson in [*self._timers]:
            self.end(lesson)

    def begin(self, lesson: str, cell: object) -> None:
        """Take note that a cell of a lesson begins, and so the one before it has ended."""
        self.end(lesson)
        timer = threading.Timer(SILENCE, self._say, [f"{lesson}: {cell} is running ..."])
        timer.daemon = True
        timer.start()
        self._timers[lesson] = timer

    def _say(self, line: str) -> None:
        with suppress(OSError):  # where nobody reads the output; the command itself finds that out
            self.write(line)

    def end(self, lesson: str) -> None:
        """Take note that no cell of a lesson runs any more."""
        if lesson in self._timers:
            self._timers.pop(lesson).cancel()


def _finished(cell: Cell) -> int:
    """Return how many cells a lesson has behind it when `cell` begins."""
    return max(0, cell.number - 1)


def report(outcomes: list[Outcome], seconds: float) -> str:
    """Return the closing table, each failure in full, and one line that counts."""
    head = ("lesson", "seconds", "peak GB", "data", "key figures")
    table = tabulate(
        map(_row, outcomes), head, tablefmt="simple", disable_numparse=True, preserve_whitespace=True
    )
    failures = [f"{one.job.lesson.slug} {one.failure}\n" for one in outcomes if one.failure]
    note = "* unchanged since its last good run, which these figures are from; FORCE=1 runs it again\n"
    notes = [note] if any(outcome.recorded for outcome in outcomes) else []
    return "\n".join(["", table, "", *notes, *failures, _count(outcomes, seconds)])


def _row(outcome: Outcome) -> tuple[str, ...]:
    """Return one lesson's line of the table."""
    seconds = f"{outcome.seconds:7.1f}" + "*" * outcome.recorded if outcome.seconds else ""
    peak = outcome.summary.get("peak_gb")
    memory = f"{peak:7.1f}" if peak else ""
    data, figures = (str(outcome.summary.get(name) or "") for name in ("data", "text"))
    return outcome.job.lesson.slug, seconds, memory, data, "FAILED, see below" if outcome.failure else figures


def _count(outcomes: list[Outcome], seconds: float) -> str:
    """Return one line: how many lessons ran, were unchanged, failed."""
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    unchanged = sum(outcome.recorded for outcome in outcomes)
    good = len(outcomes) - failed - unchanged
    lessons = "1 lesson" if len(outcomes) == 1 else f"{len(outcomes)} lessons"
    counts = f"{good} run, {unchanged} unchanged, {failed} failed"
    return f"{lessons} in {seconds:.0f} s: {counts}. Their notebooks are in build/run."
