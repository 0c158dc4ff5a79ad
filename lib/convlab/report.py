"""The key figures of a lesson, shown to its reader and stored in the notebook for `make run`."""

import math
import sys
from numbers import Integral, Real

from convlab.machine import in_notebook
from convlab.printing import say

__all__ = ["MIME", "summary"]

MIME = "application/vnd.convlab.summary+json"


def summary(data: str | None = None, **figures: Real | str) -> None:
    """Show a lesson's key figures on one line and store them where `make run` finds them.

    `data` says where the images came from: a data set's `.source`. Each figure is a number or a text;
    `TypeError` for anything else. Without Jupyter the line is printed. Each lesson ends with it.

    >>> summary(data="bundled", test_accuracy=0.971234, parameters=203530)
    test accuracy 0.9712 · parameters 203,530 · data: bundled
    """
    values = {name: _plain(name, value) for name, value in figures.items()}
    text = " · ".join(f"{name.replace('_', ' ')} {_spoken(value)}" for name, value in values.items())
    line = " · ".join(part for part in (text, f"data: {data}" if data else "") if part)
    peak = _peak_memory()
    peak_gb = None if peak is None else round(peak / 1e9, 2)
    _show(line, {"data": data, "figures": values, "text": text, "peak_gb": peak_gb})


def _plain(name: str, value: Real | str) -> int | float | str:
    """Return a figure as JSON knows it; NumPy's scalars become Python's."""
    value = value.item() if hasattr(value, "item") and getattr(value, "size", None) == 1 else value
    if isinstance(value, bool | str):
        return str(value)
    if not isinstance(value, Real):
        raise TypeError(f"{name} is a {type(value).__name__}; a key figure is one number or a text")
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else str(value)


def _spoken(value: int | float | str) -> str:
    """Return a figure as it is read: four digits of a float, thousands apart in an integer."""
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _peak_memory() -> int | None:
    """Return the most memory that this process has held so far, in bytes; None where nothing measures it."""
    try:
        if sys.platform == "win32":
            import psutil

            return psutil.Process().memory_info().peak_wset
        import resource
    except ImportError:  # in a browser: WebAssembly has no `resource`
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _show(line: str, bundle: dict) -> None:
    """Display the line with its bundle in Jupyter; print it elsewhere."""
    if in_notebook():
        sys.modules["IPython"].display.display({"text/plain": line, MIME: bundle}, raw=True)
    else:
        say(line)
