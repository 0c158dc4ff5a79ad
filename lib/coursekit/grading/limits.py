"""What one submission may take: imposed by the system where it can, watched by the supervisor in any case."""

import ctypes
import os
import signal
import sys
from contextlib import suppress

import psutil

try:
    import resource
except ImportError:  # Windows has none of it
    resource = None  # type: ignore[assignment]

BEGUN = "begun"  # the message between the cells before an answer and the answer
KEEP_TOGETHER, DIE_TOGETHER = 36, 1  # prctl(2): PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG
PROCESSES = 32  # that a submission may have at once
FILE_BYTES = 100_000_000  # of one file
BOX_BYTES = 200_000_000  # of its whole folder
BOX_FILES = 2_000
OUTPUT_BYTES, MOST_OUTPUT = 1_000_000, 50_000_000  # printed: worth a note; ended for it


def impose(order: dict) -> None:
    """Limit this process and all that it starts; the supervisor watches what the system cannot limit."""
    die_with_parent()
    if resource is None:
        return
    wanted = {
        "RLIMIT_AS": int(order["memory_gb"] * 2**30),
        "RLIMIT_CPU": int(order["cpu_seconds"]),
        "RLIMIT_FSIZE": FILE_BYTES,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_NPROC": _own_threads() + 8 * PROCESSES,  # root has no such limit
    }
    for name, value in wanted.items():
        with suppress(AttributeError, ValueError, OSError):
            limit, hard = getattr(resource, name), resource.getrlimit(getattr(resource, name))[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (value, value))


def _own_threads() -> int:
    """Return how many threads this user runs, which is what RLIMIT_NPROC counts."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            count += process.num_threads() if process.uids().real == os.getuid() else 0
    return count


def die_with_parent(sent: int = getattr(signal, "SIGKILL", signal.SIGTERM)) -> None:
    """Let the system send this process a signal when the one that started it ends. Linux only."""
    _prctl(DIE_TOGETHER, sent)


def adopt_orphans() -> None:
    """Let processes whose parent has ended become children of this one. Linux only."""
    _prctl(KEEP_TOGETHER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
