"""Count the seconds that a process computes, so that a limit means the same beside other programs."""

import glob
import time
from contextlib import suppress

import psutil

from convlab.machine import cores

IDLE = 0.02  # share of the time that a process which waits may compute: kernels look after their sockets


class Stopwatch:
    """Watches a process and all that it has started, from now on, and knows when it has taken too long.

    The limit is on the processor seconds of the busiest thread. So the time that other programs take is
    not counted, and BLAS threads that spin while they wait for each other do not count twice. Two more
    limits catch what this one cannot see. All threads and processes together, short ones included, have
    `limit` seconds on each core. What uses nearly no processor (under 2 %) has `limit` seconds of the clock;
    on Linux, a thread that is ready to run, and gets no turn, does not count as waiting.
    """

    def __init__(self, pid: int, limit: float | None) -> None:
        self.limit = limit
        self._process: psutil.Process | None = None
        self._before: dict[int, float] = {}
        self._total_before = 0.0
        with suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(pid)
            self._before, self._total_before = _seconds(self._family())
        self._begun = self._quiet_since = time.monotonic()
        self._quiet_total = self._total_before
        self._looks = self._ready = 0

    def overdue(self) -> str:
        """Return what the process has done for too long, as the end of a sentence; empty if nothing."""
        if self._process is None or self.limit is None:
            return ""
        family = self._family()
        threads, total = _seconds(family)
        now = time.monotonic()
        busiest = max((one - self._before.get(thread, 0.0) for thread, one in threads.items()), default=0.0)
        # no thread has more seconds than the clock; a process may have, where the system shows no threads
        if min(busiest, now - self._begun) >= self.limit:
            return f"did not end within {self.limit:g} processor seconds"
        if total - self._total_before >= self.limit * cores():
            return f"did not end within {self.limit:g} processor seconds on each of {cores()} cores"
        waits = self._waits(self.limit, now, total, any(map(_has_ready_thread, family)))
        return f"waited for {self.limit:g} seconds without computing" if waits else ""

    def _waits(self, limit: float, now: float, total: float, ready: bool) -> bool:
        """Take note of one look; return whether the process has waited for as long as the limit."""
        self._looks += 1
        self._ready += ready
        computes = total - self._quiet_total >= IDLE * limit
        if not computes and now - self._quiet_since < limit:
            return False
        starved = 2 * self._ready > self._looks
        self._quiet_since, self._quiet_total, self._looks, self._ready = now, total, 0, 0
        return not computes and not starved

    def _family(self) -> list[psutil.Process]:
        """Return the process and all below it."""
        if self._process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return []


def _seconds(family: list[psutil.Process]) -> tuple[dict[int, float], float]:
    """Return the processor seconds of each living thread, and of all together with those that have ended."""
    threads: dict[int, float] = {}
    total = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            total += times.user + times.system + ended
            threads |= _threads(process)
    return threads, total


def _threads(process: psutil.Process) -> dict[int, float]:
    """Return the seconds of each thread; of the process as a whole where the system does not show them."""
    try:
        return {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
    except psutil.AccessDenied:  # macOS shows them to root alone
        times = process.cpu_times()
        return {process.pid: times.user + times.system}


def _has_ready_thread(process: psutil.Process) -> bool:
    """Return whether a thread runs or waits for a core; False where the system does not show it."""
    for path in glob.glob(f"/proc/{process.pid}/task/*/stat"):
        with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            if file.read().rpartition(")")[2].split()[0] == "R":
                return True
    return False
