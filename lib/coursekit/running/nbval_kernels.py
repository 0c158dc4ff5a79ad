"""A pytest plugin: let nbval use this course's kernels, and notice within a second when one has died.

nbval itself starts kernels over TCP, where two that start at once race for ports, and waits for a dead one
until the cell's time is up.
"""

import os
import tempfile
from pathlib import Path
from queue import Empty

import nbval.plugin
import pytest
from jupyter_client.manager import KernelManager
from nbval.kernel import RunningKernel

from convlab.machine import cores
from coursekit.running.kernels import connection, environment

# as pytest-xdist tells its workers; without it one kernel has all cores
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))


class CourseKernel(RunningKernel):
    """nbval's kernel, started and watched as `make run` does."""

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
        self.kc.wait_for_ready(timeout=startup_timeout)
        self._ensure_iopub_up()

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        """Return the next message; `RuntimeError` if the kernel has died meanwhile."""
        left = float("inf") if timeout is None else timeout
        while left > 0:
            try:
                return super().get_message(stream, timeout=min(1, left))
            except Empty:
                left -= 1
                if not self.is_alive():
                    raise RuntimeError("the kernel has died (killed, or out of memory?)") from None
        raise Empty


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put this kernel in the place of nbval's."""
    nbval.plugin.RunningKernel = CourseKernel
