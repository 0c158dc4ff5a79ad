"""Explain a wrong answer: the named mistake that behaves like it, or else the first thing to look at.

An answer makes a named mistake ("flipped kernel") when it does on every case what the mistake's own wrong
answer does. The message for the learner then is the one that stands beside that wrong answer in lesson_NN.py.
"""

import difflib
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convlab.exercises.comparing import agrees, alike, is_number
from convlab.exercises.display import brief, with_article

if TYPE_CHECKING:
    from convlab.exercises.exercise import Exercise
    from convlab.exercises.judging import Outcome


def explain(
    exercise: "Exercise",
    expected: Sequence["Outcome"],
    came: Sequence["Outcome"],
    run: Callable[["Exercise", Any], Sequence["Outcome"]],
) -> tuple[str, str | None]:
    """Return the message on a wrong answer, and the name of its mistake or None.

    Args:
        exercise: the `Exercise` that was answered.
        expected: the outcomes of the reference, one for each case.
        came: the outcomes of the answer.
        run: a function that returns the outcomes of `run(exercise, answer)`.
    """
    evidence = _evidence(exercise, expected, came)
    for mistake in exercise.mistakes:
        if alike(run(exercise, mistake.answer), came, exercise.tolerance):
            return f"{mistake.says}\n{evidence}", mistake.name
    return f"{_first_thing_to_look_at(exercise, expected, came)}\n{evidence}", None


def no_function(value: Any) -> str:
    """Return the message on an answer that is `value` where a function is asked for."""
    return f"pass the function itself, without calling it; this is {with_article(value)}, `{brief(value)}`."


def where_help_is(exercise: "Exercise") -> str:
    """Return the sentence that names the exercise's hints."""
    return f"`exercises.{exercise.name}.hint()` helps."


def _first_thing_to_look_at(exercise, expected, came) -> str:
    """Return one sentence on an answer that is no named mistake."""
    wrong = _first_wrong(exercise, expected, came)
    want, got = expected[wrong], came[wrong]
    if _has_dots(got.value) or (got.error is not None and "'ellipsis'" in got.error.says):
        return "there is still a `...` in your answer: replace it."
    if got.error is not None and want.error is None:
        return f"your function stopped with {got.error}{got.error.line}."
    if isinstance(got.value, BaseException):
        return f"your function returns the {type(got.value).__name__}; `raise` it instead."
    if want.error is not None:
        return f"here a {want.error.name} is asked for: {want.error.says}."
    if got.value is None:
        return "your function returns nothing: is a `return` missing?"
    if got.changed:
        return f"your function changes its argument `{_arguments(exercise)[got.changed[0]]}`; work on a copy."
    if (place := _right_among_others(want.value, got.value, exercise.tolerance)) is not None:
        return f"value {place} of the {len(got.value)} that you return is right: return it alone."
    if _is_rounded(expected, came):
        return "right, but rounded: return the numbers as they are."
    if (factor := _constant_factor(expected, came, exercise.tolerance)) is not None:
        return (
            f"right but for a constant factor: multiply by {factor:.6g} and it fits. "
            f"{where_help_is(exercise)}"
        )
    return f"{_difference(want.value, got.value, exercise.tolerance)} {where_help_is(exercise)}"


def _has_dots(value) -> bool:
    return value is ... or (isinstance(value, (list, tuple)) and any(map(_has_dots, value)))


def _right_among_others(expected, came, tolerance) -> int | None:
    """Return which of several returned values is the one that is asked for, counted from 1, or None."""
    if isinstance(expected, tuple) or not isinstance(came, (list, tuple)) or is_number(came):
        return None
    right = [i for i, value in enumerate(came, start=1) if agrees(expected, value, tolerance)]
    return right[0] if right else None


def _is_rounded(expected, came) -> bool:
    """Return whether the answer is right in every case but for rounding to a number of decimals."""
    pairs = [(a.value, b.value) for a, b in zip(expected, came)]
    if any(a.error or b.error for a, b in zip(expected, came)) or not all(
        is_number(a) and is_number(b) and np.shape(a) == np.shape(b) for a, b in pairs
    ):
        return False
    a, b = (np.concatenate([np.ravel(pair[i]) for pair in pairs]) for i in (0, 1))
    if a.dtype.kind not in "iuf" or b.dtype.kind not in "iuf" or np.any((b == 0) != (a == 0)):
        return False
    return any(agrees(np.round(a, decimals), b, 1e-12) for decimals in range(7))


def _constant_factor(expected, came, tolerance) -> float | None:
    """Return the one factor that makes the arrays of every case right, or None where there is none.

    A factor of nearly 1 is none: such an answer is wrong in single values.
    """
    pairs = [(a.value, b.value) for a, b in zip(expected, came)]
    if any(a.error or b.error for a, b in zip(expected, came)) or not all(
        is_number(a) and is_number(b) and np.shape(a) == np.shape(b) != () for a, b in pairs
    ):
        return None
    a, b = (np.concatenate([np.ravel(pair[i]) for pair in pairs]) for i in (0, 1))
    if a.size < 2 or not a.any() or not b.any():
        return None
    factor = np.vdot(b, a) / np.vdot(b, b)
    fits = all(agrees(x, np.multiply(y, factor), min(tolerance, 1e-6) or 1e-12) for x, y in pairs)
    return factor if fits and abs(factor - 1) > 1e-3 else None


def _difference(expected, came, tolerance) -> str:
    """Return in what two values differ first: kind, shape, NaNs, zeros, or single values."""
    if isinstance(expected, tuple):
        return _difference_of_tuples(expected, came, tolerance)
    if is_number(expected) and isinstance(came, (list, tuple)) and not is_number(came):
        return "it makes no array: its rows differ in length, or are no numbers."
    if is_number(expected) and isinstance(came, str):
        return "a number is expected, and this is a text: leave the quotation marks out."
    if not is_number(expected) or not is_number(came):
        return _difference_of_kinds(expected, came)
    a, b = np.asarray(expected), np.asarray(came)
    if a.shape != b.shape and a.shape == ():
        return f"a single number is expected; this is {with_article(came)}."
    if a.shape != b.shape:
        return f"the shape is {b.shape} where {a.shape} is expected."
    if np.isnan(b).any() and not np.isnan(a).any():
        return "there are NaNs in it (0/0, log of 0, or infinity minus infinity?)."
    if a.size > 1 and not b.any() and a.any():
        return "all zeros."
    if a.ndim:
        bad = ~np.isclose(b, a, rtol=tolerance, atol=tolerance * np.max(np.abs(a)))
        first = ", ".join(str(int(i)) for i in np.argwhere(bad)[0])
        return f"{bad.sum()} of {a.size} values differ, first at index {first}."
    return "the value differs."


def _difference_of_kinds(expected, came) -> str:
    """Return in what two values differ that are not both numbers."""
    if isinstance(expected, str) and isinstance(came, str):
        similar = difflib.SequenceMatcher(None, expected, came).ratio() > 0.85
        return f"`{brief(came)}` is not it{': compare it letter by letter' if similar else ''}."
    if type(expected) is not type(came):
        return f"{with_article(expected)} is expected; this is {with_article(came)}."
    return "not this."


def _difference_of_tuples(expected, came, tolerance) -> str:
    if not isinstance(came, (tuple, list)):
        return f"{len(expected)} values are expected, in a tuple; this is {with_article(came)}."
    if len(came) != len(expected):
        return f"{len(expected)} values are expected, in a tuple; this one has {len(came)}."
    for i, (a, b) in enumerate(zip(expected, came)):
        if not agrees(a, b, tolerance):
            return f"value {i + 1} of {len(expected)}: {_difference(a, b, tolerance)}"
    return "the values agree one by one, but not as a whole."


def _evidence(exercise, expected, came) -> str:
    """Return the first case that went wrong: arguments, what was expected, what came."""
    if not callable(exercise.reference):
        return f"came     {brief(came[0].value)}"
    wrong = _first_wrong(exercise, expected, came)
    lines = [f"{name} = {brief(value)}" for name, value in zip(_arguments(exercise), exercise.cases[wrong])]
    return "\n".join([*lines, f"expected {_shown(expected[wrong])}", f"came     {_shown(came[wrong])}"])


def _shown(outcome) -> str:
    return str(outcome.error) if outcome.error is not None else brief(outcome.value)


def _first_wrong(exercise, expected, came) -> int:
    """Return the number of the first case on which the answer differs from the reference."""
    return next(
        i for i in range(len(came)) if not alike(expected[i : i + 1], came[i : i + 1], exercise.tolerance)
    )


def _arguments(exercise) -> list[str]:
    return list(inspect.signature(exercise.reference).parameters)
