"""What this runs on: cores, processor, and whether it is a notebook. The standard library alone."""

import os
import platform
import sys
from pathlib import Path

__all__ = ["cores", "in_notebook", "processor"]


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


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook.

    >>> in_notebook()
    False
    """
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
