"""Compare an answer with the reference: the same structure, the same shapes, values within a tolerance."""

import numpy as np


def alike(expected, came, tolerance) -> bool:
    """Return whether two lists of outcomes are the same: values, kinds of error, changed arguments."""
    return len(expected) == len(came) and all(
        (a.error and a.error.kind) == (b.error and b.error.kind)
        and a.changed == b.changed
        and (a.error is not None or agrees(a.value, b.value, tolerance))
        for a, b in zip(expected, came)
    )


def agrees(expected, came, tolerance=1e-5) -> bool:
    """Return whether two answers are the same: structure, shapes, and values within `tolerance`.

    A list or an array of as many values counts as a tuple, NumPy's truth values and texts as Python's.

    >>> agrees((1.0, [2, 3]), (1.0, np.array([2, 3]))), agrees(1.0, np.array([1.0]))
    (True, False)
    """
    if isinstance(came, (np.bool_, np.str_)):
        came = came.item()
    if isinstance(expected, dict):
        return (
            isinstance(came, dict)
            and expected.keys() == came.keys()
            and all(agrees(value, came[key], tolerance) for key, value in expected.items())
        )
    if isinstance(expected, tuple):
        return (
            (isinstance(came, (tuple, list)) or (isinstance(came, np.ndarray) and came.ndim > 0))
            and len(expected) == len(came)
            and all(agrees(a, b, tolerance) for a, b in zip(expected, came))
        )
    if isinstance(expected, (str, bool, type(None))) or isinstance(came, (str, bool, type(None))):
        return type(expected) is type(came) and expected == came
    return _arrays_agree(expected, came, tolerance)


def _arrays_agree(expected, came, tolerance) -> bool:
    try:
        a, b = np.asarray(expected), np.asarray(came)
    except (ValueError, TypeError):
        return False
    if a.shape != b.shape:
        return False
    if a.dtype.kind not in "biufc" or b.dtype.kind not in "biufc":
        return bool(np.all(a == b))
    scale = np.max(np.abs(a[np.isfinite(a)]), initial=0)
    return bool(np.allclose(b, a, rtol=tolerance, atol=tolerance * scale, equal_nan=True))


def is_number(value) -> bool:
    """Return whether NumPy reads `value` as a number or an array of numbers."""
    try:
        return np.asarray(value).dtype.kind in "biufc"
    except (ValueError, TypeError):
        return False
