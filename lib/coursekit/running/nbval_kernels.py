"""A pytest plugin: let nbval use this course's kernels, and stop a cell by its own processor seconds.

nbval itself starts kernels over TCP, where two that start at once race for ports. It waits for a dead kernel
until the cell's time is up, counts the time of other programs, and reports every cell after one that it has
stopped. Here such a cell fails with one report, and the cells after it are skipped for that one reason.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from queue import Empty
from typing import Any

import nbval.plugin
import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import LocalProvisioner
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, NbCellError

from convlab.machine import cores
from coursekit.running.board import Notices
from coursekit.running.execution import GRACE, OUTPUT_LIMIT, START_LIMIT, TICK
from coursekit.running.kernels import connection, end_group, environment
from coursekit.running.stopwatch import Stopwatch

# as pytest-xdist tells its workers; without it one kernel has all cores
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))


class Stopped(Exception):
    """A cell that was stopped, or whose kernel has died: why."""


class CourseKernel(RunningKernel):
    """nbval's kernel, started and watched as `make run` does; `stopped` says why no more cells can run."""

    stopped = ""
    last_begun = "its start"

    def __init__(self, kernel_name: str, cwd: str | None = None, startup_timeout: float = 60) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="convlab-", ignore_cleanup_errors=True)
        scratch = Path(self.folder.name)
        self.km = KernelManager(**connection(scratch, "k"))
        with open(scratch / "k.log", "wb") as log:
            variables = environment(scratch, max(1, cores() // WORKERS) if WORKERS > 1 else None)
            history = ["--HistoryManager.hist_file=:memory:"]
            self.km.start_kernel(cwd=cwd, env=variables, stdout=log, stderr=log, extra_arguments=history)
        self.kc = self.km.client()
        self.kc.start_channels()
        self.kc.wait_for_ready(timeout=max(startup_timeout, START_LIMIT))
        self._ensure_iopub_up()

    @property
    def process(self) -> subprocess.Popen:
        """The kernel's process."""
        provisioner = self.km.provisioner
        assert isinstance(provisioner, LocalProvisioner) and provisioner.process  # as it has been started
        return provisioner.process

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Wait until a cell has run; interrupt it after `timeout` of its own processor seconds.

        `Stopped` if that does not end it, or if the kernel has died.
        """
        stopwatch = Stopwatch(self.process.pid, timeout)
        until = float("inf")
        while time.monotonic() < until:
            try:
                super().await_reply(msg_id, timeout=TICK)
                return
            except Empty:
                if not self.stopped and (why := stopwatch.overdue()):
                    self.stopped = f"{why} (CELL_LIMIT=SECONDS allows more)"
                    self.interrupt()
                    until = time.monotonic() + GRACE
        end_group(self.process)
        raise Stopped(self.stopped)

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        """Return the next message; `Stopped` if the kernel has died meanwhile."""
        left = float("inf") if timeout is None else timeout
        while left > 0:
            try:
                return super().get_message(stream, timeout=min(1, left))
            except Empty:
                left -= 1
                if not self.is_alive():
                    self.stopped = "ended the kernel (killed, or out of memory?)"
                    raise Stopped(self.stopped) from None
        raise Empty


class LongCells:
    """Names, in pytest's own output, each cell that takes more than five seconds."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.notices = config, Notices(self._write)

    def _write(self, line: str) -> None:
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        reporter.ensure_newline()
        reporter.write_line(line)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Take note that a cell begins; pytest-xdist calls this for the cells of all its workers."""
        lesson, _, cell = nodeid.rpartition("::")
        self.notices.begin(lesson, cell)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Take note that a cell has ended."""
        self.notices.end(nodeid.rpartition("::")[0])


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put this kernel in the place of nbval's."""
    nbval.plugin.RunningKernel = CourseKernel
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LongCells(config))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Lift the limits of pytest-timeout and nbval, which count the time of other programs."""
    if isinstance(item, IPyNbCell):
        item.add_marker(pytest.mark.timeout(0))
        item.output_timeout = OUTPUT_LIMIT


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a cell if one before it was stopped, and say which."""
    kernel = getattr(item.parent, "kernel", None)
    if isinstance(kernel, CourseKernel):
        if why := kernel.stopped or ("" if kernel.is_alive() else "left no kernel"):
            reason = f"{kernel.last_begun} {why}; no cell after it was run"
            raise pytest.skip.Exception(reason, _use_item_location=True)
        kernel.last_begun = item.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run a cell; if it was stopped, it fails for that reason alone."""
    kernel = getattr(item.parent, "kernel", None)
    traceback = None
    try:
        result = yield
    except (Stopped, NbCellError) as error:
        if not isinstance(kernel, CourseKernel) or not kernel.stopped:
            raise
        result, traceback = None, getattr(error, "inner_traceback", None)
    if isinstance(kernel, CourseKernel) and kernel.stopped:
        assert isinstance(item, IPyNbCell)
        item.raise_cell_error(f"it {kernel.stopped}", traceback)
    return result
