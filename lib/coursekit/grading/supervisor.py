"""Watch one submission run, in a process of its own: what a submission does to its parent hits only this.

It reads an order on its standard input, starts a worker in a new session and a new folder, counts seconds,
memory, processes, files and output, ends the worker and all its descendants, and writes what it has learned
as one line of JSON. An exercise that brings the worker down costs that exercise: a new worker does the rest.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from coursekit.grading import limits
from coursekit.running.stopwatch import Stopwatch

WORKER = [sys.executable, "-I", "-B", "-m", "coursekit.grading.worker"]
TICK = 0.1  # seconds between two looks at what a submission takes
START_SECONDS = 90  # of the processor, to import NumPy
LINE_BYTES = 16_000_000  # what one exercise may report
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "SYSTEMDRIVE", "CONVLAB_DATA", "LD_LIBRARY_PATH")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
MARK = "COURSEKIT_GRADING"


class Ended(Exception):
    """A worker has ended or was ended: why, and what kind of end that is.

    kind: "clock" where only the clock stopped it, which may be another program's doing; "before" where it was
    still busy with the cells before an answer; empty where the answer itself took too much.
    """

    def __init__(self, why: str, kind: str = "") -> None:
        super().__init__(why)
        self.kind = kind


def main() -> None:
    """Take the order, watch it done, leave nothing behind."""
    limits.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    limits.die_with_parent(signal.SIGTERM)  # but not before all is ended
    order = json.loads(sys.stdin.buffer.readline())
    try:
        report = watch(order, Path(order["box"]))
    finally:
        end_all(order["mark"])
        remove(Path(order["box"]))
    print(json.dumps(report), flush=True)


def watch(order: dict, box: Path) -> dict:
    """Return {exercise: its result}, how answers look, and the notes, after as many workers as it takes."""
    results, notes, tasks = {}, [], order["tasks"]
    looks: dict = {}
    while tasks:
        running = Worker(order | {"tasks": tasks}, box)
        try:
            for result in running.results():
                results[result.pop("exercise")] = result
        except Ended as why:
            undone = [task["exercise"] for task in tasks if task["exercise"] not in results]
            for name in undone if not running.ready else undone[:1]:
                results[name] = {"ended": str(why), "kind": why.kind}
        finally:
            running.end()
        notes += [note for note in running.notes() if note not in notes]
        looks = running.looks | looks  # the first time counts
        tasks = [task for task in tasks if task["exercise"] not in results]
    return {"results": results, "notes": notes, "looks": looks}


class Worker:
    """One worker process: started with its order, listened to, ended."""

    def __init__(self, order: dict, box: Path) -> None:
        self.order, self.box, self.ready = order, box, False
        self.printed = 0
        self.looks: dict = {}
        self.lines: queue.Queue[bytes | None] = queue.Queue(4)
        self.folder = folder = Path(tempfile.mkdtemp(dir=box))
        self.process = subprocess.Popen(
            [*order["sandbox"], *WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(folder, order["mark"]),
            start_new_session=True,
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr  # as all are pipes
        for listen, stream in ((self._listen, self.process.stdout), (self._count, self.process.stderr)):
            threading.Thread(target=listen, args=(stream,), daemon=True).start()
        with suppress(OSError):
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.close()

    def results(self):
        """Yield each exercise's result; raise `Ended` when the next one will not come."""
        first = self._next(START_SECONDS, " before it was ready", kind="clock")
        self.looks = first["looks"] if isinstance(first.get("looks"), dict) else {}
        self.ready = True
        for task in self.order["tasks"]:
            result = self._next(self.order["earlier_seconds"], " in the cells before it", kind="before")
            if limits.BEGUN in result:
                result = self._next(self.order["seconds"])
            if result.get("exercise") != task["exercise"]:
                raise Ended("it reported something else than was asked")
            yield result

    def _next(self, seconds: float, when: str = "", kind: str = "") -> dict:
        """Return the next message; `Ended` if the worker takes more than it may, or computes for too long.

        Args:
            seconds: of the processor that it may take; of the clock where it does not compute.
            when: the end of the sentence on what it did for too long.
            kind: of `Ended` where it computed for too long; where it only waited that is "clock".
        """
        stopwatch = Stopwatch(self.process.pid, seconds)
        while not (why := stopwatch.overdue()):
            try:
                line = self.lines.get(timeout=TICK)
            except queue.Empty:
                self._look()
                continue
            if line is None:
                raise Ended(self._death())
            try:
                message = json.loads(line)
                return {} | message
            except (ValueError, TypeError, RecursionError) as error:
                raise Ended("it reported what cannot be read") from error
        raise Ended(f"it {why}{when}", "clock" if why.startswith("waited") else kind)

    def _look(self) -> None:
        """Raise `Ended` if the worker and its descendants take more than they may."""
        if self.printed > limits.MOST_OUTPUT:
            raise Ended(f"it printed more than {limits.MOST_OUTPUT // 10**6} MB")
        family = descendants()
        if len(family) > limits.PROCESSES:
            raise Ended(f"it started more than {limits.PROCESSES} processes")
        memory = 0
        for process in family:
            with suppress(psutil.Error):
                memory += process.memory_info().rss
        if memory > self.order["limits"]["memory_gb"] * 2**30:
            raise Ended(f"it took more than {self.order['limits']['memory_gb']:g} GB of memory")
        if _too_much(self.box):
            raise Ended("it wrote too many or too large files")

    def _death(self) -> str:
        """Say how the worker ended without being asked to."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        status = self.process.poll()
        if status is None:
            return "it closed its way to the grader"
        number = -status if status < 0 else status - 128
        named = {one.value: one.name for one in signal.Signals}.get(number)
        return f"its process died ({named})" if named else f"it ended its process (status {status})"

    def _listen(self, stream: IO[bytes]) -> None:
        """Put the worker's messages into the queue, and None after the last."""
        with suppress(OSError, ValueError):
            while (line := stream.readline(LINE_BYTES)).endswith(b"\n"):
                self.lines.put(line)
        self.lines.put(None)

    def _count(self, stream: IO[bytes]) -> None:
        """Take what the submission prints, and keep its length only."""
        with suppress(OSError, ValueError):
            while text := os.read(stream.fileno(), 1 << 20):
                self.printed += len(text)

    def notes(self) -> list[str]:
        """Return what an instructor should know beside the results."""
        much = self.printed > limits.OUTPUT_BYTES
        return ["it printed more than 1 MB, which nobody has read"] if much else []

    def end(self) -> None:
        """End the worker and all that it has started."""
        if hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)  # all at once: none of them can fork any more
        else:
            self.process.kill()
        end_all(self.order["mark"])
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        remove(self.folder)


def remove(folder: Path) -> None:
    """Remove a submission's folder, also where it has taken away the right to."""

    def allow(function, path, _):
        with suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700)
            function(path)

    shutil.rmtree(folder, onerror=allow)


def descendants() -> list[psutil.Process]:
    """Return all processes below this one, those included whose parent has ended (on Linux)."""
    with suppress(psutil.Error):
        return psutil.Process().children(recursive=True)
    return []


def end_all(mark: str) -> None:
    """End all descendants, and every process that carries the mark, until there is none; for 20 seconds."""
    deadline = time.monotonic() + 20
    while (family := alive(descendants()) or marked(mark)) and time.monotonic() < deadline:
        _kill(family)


def end_marked(mark: str) -> None:
    """End every process that carries the mark, for 20 seconds."""
    deadline = time.monotonic() + 20
    while (family := marked(mark)) and time.monotonic() < deadline:
        _kill(family)


def _kill(family: list[psutil.Process]) -> None:
    """Stop all of them first, so that none can start another meanwhile; then end them."""
    for act in ("suspend", "kill"):
        for process in family:
            with suppress(psutil.Error):
                getattr(process, act)()
    psutil.wait_procs(family, timeout=0.5)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run; reap those that have ended."""
    with suppress(OSError, AttributeError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    running = []
    for process in processes:
        with suppress(psutil.Error):
            running += [process] if process.status() != psutil.STATUS_ZOMBIE else []
    return running


def marked(mark: str) -> list[psutil.Process]:
    """Return the processes whose environment carries the mark."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            found += [process] if process.environ().get(MARK) == mark else []
    return [process for process in found if process.pid != os.getpid()]


def _environment(folder: Path, mark: str) -> dict[str, str]:
    """Return the variables of a submission: a home of its own, no network for data sets, one thread."""
    own = {
        MARK: mark,
        "CONVLAB_OFFLINE": "1",
        "CONVLAB_PROGRESS": str(folder / "progress.json"),
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONHASHSEED": "0",
    }
    homes = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME"), str(folder))
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | homes | own | dict.fromkeys(ONE_THREAD, "1")


def _too_much(box: Path) -> bool:
    """Return whether the folder holds more than a submission may write."""
    size = count = 0
    for folder, folders, files in os.walk(box):
        count += len(folders) + len(files)
        for name in files[: limits.BOX_FILES]:
            with suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_size
        if size > limits.BOX_BYTES or count > limits.BOX_FILES:
            return True
    return False


if __name__ == "__main__":
    main()
