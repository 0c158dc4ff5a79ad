"""What this runs on: cores, threads, processor, and whether it is a notebook. Imports without NumPy."""

import functools
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cores", "in_browser", "in_notebook", "one_thread", "processor", "processor_seconds"]


def cores() -> int:
    """Return the number of cores that this process may use, which may be fewer than the machine has.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Return the processor's model name, and those of its number formats that decide how fast bfloat16 is."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    first: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        first.setdefault(name.strip(), value.strip())
    flags = first.get("flags", "").split()
    formats = [name for name in ("avx512_bf16", "amx_bf16") if name in flags]
    return ", ".join([first.get("model name", platform.machine()), *formats])


@contextmanager
def one_thread() -> Iterator[None]:
    """Return a context, or a decorator, within which NumPy multiplies matrices in one thread.

    It is for products of up to some ten million multiplications, as in a training step for 64 images.
    On two cores without other work, such a step takes as long in one thread as in two: 1.4 and 1.5 ms in
    lesson 04, 16 and 17 ms in lesson 07. Beside other programs, two threads wait for each other: beside
    a dozen, those steps took 160 to 1,000 ms in two threads, and 8 to 140 ms in one. Large products gain
    from more threads, so leave them outside.

    >>> import numpy as np
    >>> with one_thread():
    ...     float((np.ones((64, 100)) @ np.ones((100, 10))).sum())
    64000.0
    """
    with _thread_pools("numpy" in sys.modules).limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _thread_pools(numpy_is_loaded: bool):
    """Return what sets the threads of the libraries that are loaded now."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def processor_seconds() -> float:
    """Return the seconds that this thread has computed; differences of two calls are durations.

    Time in which other programs had the processor is not counted. On Windows, which counts a thread's
    time in steps of 16 ms, these are the seconds of the clock.

    >>> start = processor_seconds()
    >>> processor_seconds() - start < 1
    True
    """
    return time.perf_counter() if sys.platform == "win32" else time.thread_time()


def in_browser() -> bool:
    """Return whether this is Python in WebAssembly: no processes, no threads, no TensorFlow.

    >>> in_browser()
    False
    """
    return sys.platform in ("emscripten", "wasi")


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook.

    >>> in_notebook()
    False
    """
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
