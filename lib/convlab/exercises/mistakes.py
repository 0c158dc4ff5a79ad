"""Explain a wrong answer: the named mistake that behaves like it, or else the first thing to look at.

An answer makes a named mistake ("flipped kernel") when it does on every case what the mistake's own wrong
answer does. The message for the learner then is the one that stands beside that wrong answer in lesson_NN.py.
"""

import difflib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convlab.exercises.comparing import agrees, alike, is_number
from convlab.exercises.display import brief, with_article
from convlab.exercises.relating import LIKELY_FACTORS, relation

if TYPE_CHECKING:
    from convlab.exercises.exercise import Exercise
    from convlab.exercises.judging import Outcome

# how Python, NumPy and TensorFlow call the `...` of a template when it is used as a value
DOTS = r"'ellipsis'|'Ellipsis'|of type ellipsis|\(Ellipsis\)"


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
    if isinstance(value, str):
        return f"pass the function itself, without quotation marks; this is a text, `{brief(value)}`."
    return f"pass the function itself, without calling it; this is {with_article(value)}, `{brief(value)}`."


def where_help_is(exercise: "Exercise") -> str:
    """Return the sentence that names the exercise's hints; nothing where it has none."""
    return f"`exercises.{exercise.name}.hint()` helps." if exercise.hints else ""


def _first_thing_to_look_at(exercise, expected, came) -> str:
    """Return one sentence on an answer that is no named mistake."""
    wrong = _first_wrong(exercise, expected, came)
    want, got = expected[wrong], came[wrong]
    if _has_dots(got.value) or (got.error is not None and re.search(DOTS, got.error.says)):
        return "there is still a `...` in your answer: replace it."
    at_the_call = got.error is not None and not got.error.line  # before the function's first line
    if at_the_call and re.search(r"\d positional argument|keyword argument", got.error.says):
        given = ", ".join(f"`{name}`" for name in _arguments(exercise))
        return f"your function must take these arguments: {given}. Python says: {got.error}."
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
    pairs = [(a.value, b.value) for a, b in zip(expected, came) if not (a.error or b.error)]
    if len(pairs) > 1 or not callable(exercise.reference):
        words = relation([a for a, _ in pairs], [b for _, b in pairs], exercise.tolerance)
        if words is not None:
            return f"{words}{_elsewhere(exercise, expected, came)} {where_help_is(exercise)}".rstrip()
    words = _difference(want.value, got.value, exercise.tolerance)
    return f"{words}{_elsewhere(exercise, expected, came)} {where_help_is(exercise)}".rstrip()


def _elsewhere(exercise, expected, came) -> str:
    """Return how many of several cases are right, where some are."""
    right = sum(alike([a], [b], exercise.tolerance) for a, b in zip(expected, came))
    return f" Right in {right} of {len(came)} cases; the first other one is below." if right else ""


def _has_dots(value) -> bool:
    return value is ... or (isinstance(value, (list, tuple)) and any(map(_has_dots, value)))


def _right_among_others(expected, came, tolerance) -> int | None:
    """Return which of several returned values is the one that is asked for, counted from 1, or None."""
    if isinstance(expected, tuple) or not isinstance(came, (list, tuple)) or is_number(came):
        return None
    right = [i for i, value in enumerate(came, start=1) if agrees(expected, value, tolerance)]
    return right[0] if right else None


def _difference(expected, came, tolerance) -> str:
    """Return in what two values differ first: kind, shape, NaNs, zeros, or single values."""
    if isinstance(expected, tuple):
        return _difference_of_tuples(expected, came, tolerance)
    if is_number(expected) and not isinstance(expected, (bool, str)):
        return _difference_of_numbers(expected, came, tolerance)
    if isinstance(expected, str) and isinstance(came, str):
        if expected == came.strip().casefold():
            return f"`{brief(came)}` is right but for capital letters or spaces."
        similar = difflib.SequenceMatcher(None, expected, came).ratio() > 0.85
        return f"`{brief(came)}` is not it{': compare it letter by letter' if similar else ''}."
    if type(expected) is not type(came):
        return f"{with_article(expected)} is expected; this is {with_article(came)}{_what_to_do(came)}."
    return f"`{brief(came)}` is not right."


def _difference_of_numbers(expected, came, tolerance) -> str:
    wanted = "a single number" if np.shape(expected) == () else f"an array of shape {np.shape(expected)}"
    if isinstance(came, str):
        return f"a number is expected, and this is a text: {_of_text(came)}."
    if isinstance(came, (list, tuple)) and not is_number(came):
        if (text := _first_text(came)) is not None:
            return f"numbers are expected, and `{text!r}` is a text: {_of_text(text)}."
        if _holds_none(came):
            return "there is a None in your answer where a number is expected."
        return (
            "it makes no array: its rows differ in length, or are no numbers "
            "(does a window or an index go over the border?)."
        )
    if not is_number(came) or isinstance(came, bool):
        return f"{wanted} is expected; this is {with_article(came)}{_what_to_do(came)}."
    a, b = np.asarray(expected), np.asarray(came)
    if a.shape != b.shape and () in (a.shape, b.shape):
        return f"{wanted} is expected; this is {with_article(came) if b.shape else 'a single number'}."
    if a.shape != b.shape:
        return f"the shape is {b.shape} where {a.shape} is expected."
    if np.isnan(b).any() and not np.isnan(a).any():
        return "there are NaNs in it (0/0, log of 0, or infinity minus infinity?)."
    if np.isinf(b).any() and not np.isinf(a).any():
        return "there are infinite values in it (a division by 0, or an exponential that overflows?)."
    if b.dtype.kind == "c" and a.dtype.kind != "c":
        return "real numbers are expected; these are complex."
    if a.size > 1 and not b.any() and a.any():
        return "all zeros."
    if not a.ndim and a and agrees(100 * a, b, tolerance):
        return LIKELY_FACTORS[100.0]
    if not a.ndim:
        return f"the value differs: it is too {'large' if b > a else 'small'}."
    bad = np.argwhere(~np.isclose(b, a, rtol=tolerance, atol=tolerance * np.max(np.abs(a))))
    first = ", ".join(str(int(i)) for i in bad[0])
    return (
        f"{len(bad)} of {a.size} values {'differs' if len(bad) == 1 else 'differ'}, first at index [{first}]."
    )


def _first_text(value) -> str | None:
    if isinstance(value, str):
        return value
    found = map(_first_text, value) if isinstance(value, (list, tuple)) else ()
    return next((text for text in found if text is not None), None)


def _holds_none(value) -> bool:
    return value is None or (isinstance(value, (list, tuple)) and any(map(_holds_none, value)))


def _of_text(text: str) -> str:
    """Return what to do with a text where a number is expected."""
    if not re.search(r"\d", text):
        return "give the number itself"
    return "leave the quotation marks out" + (", and write 25 % as 0.25" if "%" in text else "")


def _what_to_do(value) -> str:
    """Return what to do with a value of a kind that holds the answer at best, or nothing."""
    if callable(value) and not isinstance(value, type):
        return ": call it, with `()`"
    if isinstance(value, (set, frozenset)):
        return ", which has no order: return a tuple or a list"
    if isinstance(value, dict):
        return ": return its values alone"
    if isinstance(value, Iterator):
        return ", which has not run yet: make a list of it, with `list(...)`"
    return ""


def _difference_of_tuples(expected, came, tolerance) -> str:
    if not isinstance(came, (tuple, list)):
        kind = f"{with_article(came)}{_what_to_do(came)}"
        return f"{len(expected)} values are expected, in a tuple; this is {kind}."
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
    want, got = expected[wrong], came[wrong]
    lines = [
        _labelled(f"{name} = ", value) for name, value in zip(_arguments(exercise), exercise.cases[wrong])
    ]
    if want.error is not None or got.error is not None:
        return "\n".join([*lines, f"expected {_shown(want)}", f"came     {_shown(got)}"])
    where, right, said = _first_wrong_part(want.value, got.value, exercise.tolerance)
    lines += [_labelled(f"expected {where}", right), _labelled(f"came     {where}", said)]
    if (place := _place(right, said, exercise.tolerance)) is not None and np.size(right) > 12:
        lines.append(
            f"at {list(place)}: expected {brief(right[place])}, came {brief(np.asarray(said)[place])}"
        )
    return "\n".join(lines)


def _labelled(label: str, value) -> str:
    """Return a label and a value, whose further lines begin where its first line begins."""
    return label + brief(value).replace("\n" + " " * 9, "\n" + " " * len(label))


def _first_wrong_part(expected, came, tolerance) -> tuple[str, Any, Any]:
    """Return the part of two tuples that differs first, where they hold arrays of several rows; else both."""
    if (
        isinstance(expected, tuple)
        and isinstance(came, (tuple, list))
        and len(expected) == len(came)
        and any(np.ndim(value) > 1 for value in expected if is_number(value))
    ):
        for i, (a, b) in enumerate(zip(expected, came)):
            if not agrees(a, b, tolerance):
                return f"value {i + 1} of {len(expected)}: ", a, b
    return "", expected, came


def _place(expected, came, tolerance) -> tuple[int, ...] | None:
    """Return the index of the first number in which two arrays of one shape differ, or None."""
    if not isinstance(expected, np.ndarray) or not is_number(came) or np.shape(came) != expected.shape:
        return None
    if not is_number(expected) or not expected.ndim:
        return None
    scale = tolerance * np.max(np.abs(expected), initial=0)
    bad = np.argwhere(~np.isclose(came, expected, rtol=tolerance, atol=scale))
    return tuple(int(i) for i in bad[0]) if len(bad) else None


def _shown(outcome) -> str:
    return str(outcome.error) if outcome.error is not None else brief(outcome.value)


def _first_wrong(exercise, expected, came) -> int:
    """Return the number of the first case on which the answer differs from the reference."""
    return next(
        i for i in range(len(came)) if not alike(expected[i : i + 1], came[i : i + 1], exercise.tolerance)
    )


def _arguments(exercise) -> list[str]:
    return list(inspect.signature(exercise.reference).parameters)
