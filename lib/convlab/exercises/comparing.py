"""Compare an answer with the reference: the same structure, the same shapes, values within a tolerance."""

import re
from collections.abc import Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from convlab.exercises.judging import Outcome


def plain(value: Any) -> Any:
    """Return `value` in Python's and NumPy's own types, also within lists and tuples.

    Tensors become arrays, TensorFlow's shapes tuples, fractions and decimals floats. Values of other types
    stay as they are.

    >>> from fractions import Fraction
    >>> plain([Fraction(1, 2), np.array([1, Fraction(1, 4)])])
    [0.5, [1, 0.25]]
    """
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return plain(value.tolist())
    if isinstance(value, Number) and not isinstance(value, (int, float, complex, np.generic)):
        return float(value)  # type: ignore[arg-type]  # fractions and decimals can be
    try:
        if hasattr(type(value), "as_list"):  # TensorFlow's TensorShape; TensorFlow need not be imported here
            return tuple(value.as_list())
        return value.numpy() if hasattr(type(value), "numpy") else value
    except Exception:  # a tensor without a value, as within a tf.function
        return value


def as_meant(answer: Any, *forms: Any) -> Any:
    """Return an answer in that one of several forms which it means, or as it is if it means none of them.

    A text may have other letters' sizes, quotation marks, brackets or a full stop around it, and a word like
    "curve" or "layer" before it. A number may be written as text. Either may be alone in a list or an array.

    >>> as_meant(" d", "D"), as_meant(["3"], 3), as_meant("4", 3), as_meant("'Curve B'", "D", "B")
    ('D', 3, '4', 'B')
    """
    one = isinstance(answer, (list, tuple)) or (isinstance(answer, np.ndarray) and answer.ndim == 1)
    alone = answer[0] if one and len(answer) == 1 else answer
    alone = alone.item() if isinstance(alone, np.generic) else alone
    if isinstance(alone, (str, int, float)):
        for form in forms:
            if isinstance(form, (str, int, float)) and _bare(alone) == _bare(form):
                return form
    return answer


def _bare(value: object) -> str:
    """Return a text or number as text, without what may stand around it."""
    bare = re.sub(r"^\W+|\W+$", "", str(value)) if isinstance(value, str) else str(value)
    bare = bare.casefold().removesuffix(".0")
    return re.sub(r"^(curve|layer|number|answer)\s+", "", bare)


def alike(expected: Sequence["Outcome"], came: Sequence["Outcome"], tolerance: float) -> bool:
    """Return whether two lists of outcomes are the same: values, kinds of error, changed arguments."""
    return len(expected) == len(came) and all(
        (a.error and a.error.kind) == (b.error and b.error.kind)
        and a.changed == b.changed
        and (a.error is not None or agrees(a.value, b.value, tolerance))
        for a, b in zip(expected, came)
    )


def agrees(expected: Any, came: Any, tolerance: float = 1e-5) -> bool:
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
    if isinstance(expected, bool) and is_number(came) and np.shape(came) == () and came in (0, 1):
        came = bool(came)
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


def is_number(value: object) -> bool:
    """Return whether NumPy reads `value` as a number or an array of numbers."""
    try:
        return np.asarray(value).dtype.kind in "biufc"
    except (ValueError, TypeError):
        return False
