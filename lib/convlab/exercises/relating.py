"""Say how a wrong answer as a whole relates to the right one: another form, a part of it, another scale."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np

from convlab.exercises.comparing import agrees, is_number

LIKELY_FACTORS = {
    -1.0: "the sign is turned round: everything is right but for the sign.",
    100.0: "100 times too large: is it a percentage (25), where a share of 1 (0.25) is asked for?",
    0.01: "100 times too small: is there a division by 100 too many?",
}
ASK_FOR_THE_LOOP = "Does a `return` stand inside a loop, or does a loop end too early?"


def relation(expected: Sequence[Any], came: Sequence[Any], tolerance: float) -> str | None:
    """Return one sentence on how the answers relate to the right ones, the same way in every case, or None.

    >>> relation([3, 5], [4, 6], 1e-5)
    'too large by 1, in every case.'
    """
    return (
        _in_another_form(expected, came, tolerance)
        or _a_part(expected, came, tolerance)
        or _in_another_scale(expected, came, tolerance)
    )


def _in_another_form(expected, came, tolerance) -> str | None:
    """Return how the right values are arranged in another way, or None."""
    pairs = list(zip(expected, came))
    if all(_alone(b) and agrees(a, b[0], tolerance) for a, b in pairs):
        return "the value is right, but it stands in a list or an array of its own: return it alone."
    if all(isinstance(a, tuple) and isinstance(b, (tuple, list)) and len(a) == len(b) for a, b in pairs):
        return _in_another_order(pairs, tolerance)
    if not all(is_number(a) and is_number(b) and np.ndim(a) for a, b in pairs):
        return None
    arrays = [(np.asarray(a), np.asarray(b)) for a, b in pairs]
    if all(agrees(a.ravel(), b, tolerance) for a, b in arrays):
        return f"the values are right, but in one row: the shape {arrays[0][0].shape} is expected."
    if all(agrees(a.squeeze(), b.squeeze(), tolerance) for a, b in arrays):
        return (
            f"the values are right, but the shape is {arrays[0][1].shape} where {arrays[0][0].shape} is "
            "expected: an axis of size 1 is missing or is too many."
        )
    dimensions = {a.ndim for a, _ in arrays}
    if len(dimensions) > 1 or max(dimensions) > 4:
        return None
    if max(dimensions) == 2 and all(agrees(a.T, b, tolerance) for a, b in arrays):
        return "the values are right, but rows and columns are exchanged: `.T` turns the array round."
    for order in permutations(range(max(dimensions))):
        if all(agrees(a.transpose(order), b, tolerance) for a, b in arrays):
            shapes = next(((a.shape, b.shape) for a, b in arrays if a.shape != b.shape), None)
            place = f": the shape {shapes[0]} is expected, and this is {shapes[1]}" if shapes else ""
            return f"the values are right, but the axes stand in another order{place}."
    for axis in range(max(dimensions)):
        if all(agrees(np.flip(a, axis), b, tolerance) for a, b in arrays):
            return f"the values are right, but in reversed order along axis {axis}."
    return None


def _alone(value) -> bool:
    return (isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)) and len(
        value
    ) == 1


def _in_another_order(pairs, tolerance) -> str | None:
    count = len(pairs[0][0])
    if count > 4 or any(len(a) != count for a, _ in pairs):
        return None
    for order in permutations(range(count)):
        if all(agrees(tuple(a[i] for i in order), b, tolerance) for a, b in pairs):
            return "these are the right values, but in another order than the one that is asked for."
    return None


def _a_part(expected, came, tolerance) -> str | None:
    """Return that only the beginning of the right answer is there, or more than it, or None."""
    if not all(_is_list(a) and _is_list(b) and len(a) and len(b) for a, b in zip(expected, came)):
        return None
    fewer = [(a, b) for a, b in zip(expected, came) if len(b) < len(a)]
    if fewer and all(agrees(a[: len(b)], b, tolerance) for a, b in zip(expected, came) if len(b) <= len(a)):
        a, b = fewer[0]
        ask = "" if isinstance(a, tuple) else f" {ASK_FOR_THE_LOOP}"
        return f"the beginning is right ({len(b)} of {len(a)}); the rest is missing.{ask}"
    if all(len(b) > len(a) and agrees(a, b[: len(a)], tolerance) for a, b in zip(expected, came)):
        return f"the beginning is right ({len(expected[0])} of {len(came[0])}); leave out what follows it."
    return _rest_is_zero(expected, came, tolerance)


def _is_list(value) -> bool:
    return isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _rest_is_zero(expected, came, tolerance) -> str | None:
    found = False
    for a, b in zip(expected, came):
        if isinstance(a, tuple) or not (is_number(a) and is_number(b)) or np.shape(a) != np.shape(b):
            return None
        if agrees(a, b, tolerance):
            continue
        a, b = np.ravel(a), np.ravel(b)
        last = int(np.flatnonzero(b)[-1]) + 1 if b.any() else 0
        if not last or not agrees(a[:last], b[:last], tolerance):
            return None
        found = True
    return f"the first values are right, and all that follow are 0. {ASK_FOR_THE_LOOP}" if found else None


def _in_another_scale(expected, came, tolerance) -> str | None:
    """Return that all values are rounded, or wrong by one factor or one difference, or None."""
    right: list[np.ndarray] = []
    said: list[np.ndarray] = []
    if not all(_leaves(a, b, right, said) for a, b in zip(expected, came)) or not right:
        return None
    a, b = np.concatenate(right), np.concatenate(said)
    if not a.any() or not b.any() or not np.isfinite(a).all() or not np.isfinite(b).all():
        return None
    if agrees(np.round(a), b, 1e-12):
        return "these are the right values, rounded to whole numbers: return them as they are."
    powers = 10.0 ** np.arange(1, 7)
    if any(agrees(kind(a * ten) / ten, b, 1e-12) for ten in powers for kind in (np.round, np.trunc)):
        return "right, but rounded: return the numbers as they are."
    if agrees(np.trunc(a), b, 1e-12) or agrees(np.floor(a), b, 1e-12):
        return "right, but cut to whole numbers: is there an `int`, a `//` or a whole-number array?"
    if len(set(a)) < 2:  # one number is any other one times something
        return None
    exactly = min(tolerance, 1e-6) or 1e-12
    factor = np.vdot(a, b) / np.vdot(a, a)
    if agrees(a * factor, b, exactly) and abs(factor - 1) > 1e-3 and (words := _factor(float(factor))):
        return words
    difference = float(np.median(b - a))
    if np.abs(b - a - difference).max() < 1e-6 * abs(difference):
        return f"too {'large' if difference > 0 else 'small'} by {abs(difference):.6g}, in every case."
    return None


def _factor(factor: float) -> str | None:
    """Return that all values are wrong by one factor, where it is one that a formula may lose or gain."""
    for likely, words in LIKELY_FACTORS.items():
        if abs(factor / likely - 1) < 1e-6:
            return words
    ratio = Fraction(factor).limit_denominator(1024)
    if (
        ratio == 0
        or abs(factor / float(ratio) - 1) > 1e-5
        or min(abs(ratio.numerator), ratio.denominator) > 4
    ):
        return None
    return (
        f"right but for a constant factor: {ratio} times what it should be. "
        "Which factor is missing, or there once too often?"
    )


def _leaves(expected, came, right, said) -> bool:
    """Add the numbers of two answers to `right` and `said`; return whether both have the same structure."""
    if isinstance(expected, tuple):
        return (
            isinstance(came, (tuple, list))
            and len(expected) == len(came)
            and all(_leaves(a, b, right, said) for a, b in zip(expected, came))
        )
    if isinstance(expected, (str, bool, type(None))):
        return agrees(expected, came)
    if not is_number(expected) or not is_number(came) or np.shape(expected) != np.shape(came):
        return False
    if np.asarray(came).dtype.kind not in "iuf" or np.asarray(expected).dtype.kind not in "iuf":
        return False
    right.append(np.ravel(expected).astype(float))
    said.append(np.ravel(came).astype(float))
    return True
