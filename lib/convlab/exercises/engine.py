"""Check an answer and say what went wrong.

An exercise knows its reference answer, cases that tell right from wrong, and *named mistakes*: wrong
answers that are easy to give. An answer is right when it agrees with the reference on every case. A
wrong one is compared with the mistakes; the one that does the same thing on every case explains it.
"""

import ast
import copy
import dis
import html
import inspect
import sys
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convlab.exercises import record
from convlab.machine import in_notebook

NOT_ATTEMPTED, RIGHT, WRONG = "not attempted", "right", "wrong"
COLOURS = {NOT_ATTEMPTED: "#767676", RIGHT: "#00785a", WRONG: "#b34700"}
MARKS = {NOT_ATTEMPTED: "○", RIGHT: "✔", WRONG: "✘"}
FAULTS = (Exception, SystemExit)  # an answer may call exit(); only an interrupt by the learner goes through


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that is easy to give, and what whoever gives it is told."""

    name: str
    answer: object
    says: str


@dataclass(frozen=True)
class Verdict:
    """What a check found: its status, the message for the learner, the named mistake if it was one."""

    status: str
    message: str
    mistake: str | None = None

    def __str__(self):
        return f"{MARKS[self.status]} {self.status}: {self.message}"

    __repr__ = __str__

    def _repr_html_(self):
        first, _, rest = self.message.partition("\n")
        details = f"<pre style='margin:.4em 0 0 0'>{html.escape(rest)}</pre>" if rest else ""
        colour = COLOURS[self.status]
        return (
            f"<div style='border-left:4px solid {colour};padding:.2em .8em'><b style='color:{colour}'>"
            f"{MARKS[self.status]} {self.status}</b>: {_prose(first)}{details}</div>"
        )


@dataclass(frozen=True)
class Exercise:
    """One exercise. `reference` is a function, tried on each of `cases`, or a value, compared as it is.

    `cases` holds tuples of arguments; `hints` go from vague to precise; `tolerance` is relative.
    """

    lesson: str
    name: str
    question: str
    reference: object
    hints: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    cases: tuple[tuple, ...] = ((),)
    tolerance: float = 1e-5

    def check(self, answer=...):
        """Say whether `answer` is right and, where it is not, what to look at. Never raises."""
        verdict = self.judge(answer)
        show(verdict)
        record.note(self.lesson, self.name, verdict.status)

    def judge(self, answer) -> Verdict:
        """Return what `check` says, without showing or remembering it."""
        try:
            with np.errstate(all="ignore"):
                return judge(self, answer)
        except FAULTS as error:
            return Verdict(WRONG, f"this answer could not be checked ({_sentence(error)}). {self._help()}")

    def hint(self):
        """Show the next hint; each call is more precise than the one before."""
        given = min(_HINTS_GIVEN.get(self, 0), len(self.hints) - 1)
        _HINTS_GIVEN[self] = given + 1
        way_out = f" `exercises.{self.name}.solution()` shows one answer." * (given + 1 == len(self.hints))
        show(Note(f"**Hint {given + 1} of {len(self.hints)}.** {self.hints[given]}{way_out}"))

    def solution(self):
        """Show the reference answer, as code or as a value."""
        show(Note(f"One answer to “{self.question}”:\n\n```python\n{solution_text(self)}\n```"))

    def _help(self):
        return f"`exercises.{self.name}.hint()` helps."

    def __hash__(self):
        return hash((self.lesson, self.name))

    def __repr__(self):
        return f"<exercise {self.name} of {self.lesson}: check(answer), hint(), solution()>"


_HINTS_GIVEN: dict[Exercise, int] = {}


def exercise(question, cases, hints, mistakes, tolerance=1e-5) -> Callable:
    """Return a decorator that makes an `Exercise` of its reference function."""

    def make(reference):
        lesson = reference.__module__.rpartition(".")[2]
        return Exercise(
            lesson,
            reference.__name__,
            question,
            reference,
            tuple(hints),
            tuple(mistakes),
            tuple(cases),
            tolerance,
        )

    return make


# Judging an answer


@dataclass(frozen=True)
class Failure:
    """How an answer stopped: the error's class by its full name, what it says, and in which line."""

    kind: str
    says: str
    line: str = ""

    def __str__(self):
        return _clip(f"{self.name}: {self.says}" if self.says else self.name)

    @property
    def name(self) -> str:
        """The class's own name, as in `ValueError`."""
        return self.kind.rpartition(".")[2]


@dataclass(frozen=True)
class Outcome:
    """What an answer did with one case: its value or failure, and which arguments it changed."""

    value: object = None
    error: Failure | None = None
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """An answer as data: what it did with each case. Grading weighs it in another process than it ran in."""

    outcomes: tuple[Outcome, ...] = ()
    untouched: bool = False
    function: bool = False


def untouched(answer) -> bool:
    """Return whether `answer` is still the stub: `...`, None, or a function whose body is only `...`."""
    if answer is ... or answer is None:
        return True
    code = getattr(answer, "__code__", None)
    return code is not None and all(_idle(step) for step in dis.get_instructions(code))


def _idle(step: dis.Instruction) -> bool:
    if step.opname in ("LOAD_CONST", "RETURN_CONST"):
        return step.argval is None or step.argval is ...
    return step.opname in ("RESUME", "NOP", "POP_TOP", "RETURN_VALUE")


def outcomes(exercise: Exercise, answer) -> list[Outcome]:
    """Return what `answer` does with every case; each case gets its own copy of the arguments."""
    if not callable(exercise.reference):
        return [Outcome(answer)]
    return [_outcome(answer, case) for case in exercise.cases]


def _outcome(answer, case) -> Outcome:
    arguments = copy.deepcopy(case)
    try:
        with np.errstate(all="ignore"):
            value = answer(*arguments)
    except FAULTS as error:
        return Outcome(error=failure(error))
    changed = tuple(
        i
        for i, (now, before) in enumerate(zip(arguments, case))
        if _is_data(before) and not agrees(now, before, 0)
    )
    return Outcome(value, changed=changed)


def judge(exercise: Exercise, answer) -> Verdict:
    """Return the verdict on `answer`: not attempted, right, or wrong with the reason."""
    return weigh(exercise, attempt(exercise, answer))


def attempt(exercise: Exercise, answer) -> Attempt:
    """Return what `answer` does with every case of the exercise."""
    if untouched(answer):
        return Attempt(untouched=True)
    if callable(exercise.reference) and not callable(answer):
        return Attempt((Outcome(answer),))
    return Attempt(tuple(outcomes(exercise, answer)), function=callable(exercise.reference))


def weigh(exercise: Exercise, attempt: Attempt, outcomes=outcomes) -> Verdict:
    """Return the verdict on what an answer did, beside what reference and mistakes do (`outcomes`)."""
    came = attempt.outcomes
    if attempt.untouched or (attempt.function and all(outcome.value is ... for outcome in came)):
        return Verdict(NOT_ATTEMPTED, f"{exercise.question} {exercise._help()}")
    if callable(exercise.reference) and not attempt.function:
        came = f"this is {_article(came[0].value)}, `{_brief(came[0].value)}`"
        return Verdict(WRONG, f"pass the function itself, without calling it; {came}.")
    expected = outcomes(exercise, exercise.reference)
    if _same(expected, came, exercise.tolerance):
        return Verdict(RIGHT, _praise(exercise))
    for mistake in exercise.mistakes:
        if _same(outcomes(exercise, mistake.answer), came, exercise.tolerance):
            return Verdict(WRONG, mistake.says + "\n" + _evidence(exercise, expected, came), mistake.name)
    return Verdict(WRONG, _diagnosis(exercise, expected, came) + "\n" + _evidence(exercise, expected, came))


def failure(error: BaseException) -> Failure:
    """Return an error as data, with the learner's own line: the last that is not a library's."""
    kind = type(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and frame.filename != __file__]
    line = f", in its line {own[-1].lineno}: `{own[-1].line}`" if own and own[-1].line else ""
    return Failure(f"{kind.__module__}.{kind.__qualname__}", _clip(str(error)), line)


def _same(expected, came, tolerance) -> bool:
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


def _is_data(argument) -> bool:
    return isinstance(argument, (np.ndarray, list, tuple, dict))


# What a wrong answer is told


def _praise(exercise: Exercise) -> str:
    tried = len(exercise.cases)
    return (
        f"agrees with the reference on all {tried} cases." if callable(exercise.reference) else "that is it."
    )


def _diagnosis(exercise: Exercise, expected, came) -> str:
    """Return one sentence on an answer that is no named mistake: the first thing to look at."""
    wrong = _first_wrong(exercise, expected, came)
    want, got = expected[wrong], came[wrong]
    if got.error is not None and want.error is None:
        return f"your function stopped with {got.error}{got.error.line}."
    if isinstance(got.value, BaseException):
        return f"your function returns the {type(got.value).__name__}; `raise` it instead."
    if want.error is not None:
        return f"here a {want.error.name} is asked for: {want.error.says}."
    if got.value is None:
        return "your function returns nothing: is a `return` missing?"
    if got.changed:
        return f"your function changes its argument `{_names(exercise)[got.changed[0]]}`; work on a copy."
    if (factor := _constant_factor(expected, came)) is not None:
        return f"right but for a constant factor: multiply by {factor:.6g} and it fits. {exercise._help()}"
    return _difference(want.value, got.value, exercise.tolerance) + f" {exercise._help()}"


def _constant_factor(expected, came) -> float | None:
    """Return the one factor that makes the arrays of every case right, or None where there is none."""
    pairs = [(a.value, b.value) for a, b in zip(expected, came)]
    if any(a.error or b.error for a, b in zip(expected, came)) or not all(
        _is_number(a) and _is_number(b) and np.shape(a) == np.shape(b) != () for a, b in pairs
    ):
        return None
    a, b = (np.concatenate([np.ravel(pair[i]) for pair in pairs]) for i in (0, 1))
    if a.size < 2 or not a.any() or not b.any():
        return None
    factor = np.vdot(b, a) / np.vdot(b, b)
    return factor if all(agrees(x, np.multiply(y, factor), 1e-6) for x, y in pairs) else None


def _difference(expected, came, tolerance) -> str:
    if isinstance(expected, tuple):
        return _tuple_difference(expected, came, tolerance)
    if _is_number(expected) and isinstance(came, (list, tuple)) and not _is_number(came):
        return "it makes no array: its rows differ in length, or are no numbers."
    if not _is_number(expected) or not _is_number(came):
        return "not this."
    a, b = np.asarray(expected), np.asarray(came)
    if a.shape != b.shape:
        return f"the shape is {b.shape} where {a.shape} is expected."
    if np.isnan(b).any() and not np.isnan(a).any():
        return "there are NaNs in it (0/0, log of 0, or infinity minus infinity?)."
    if a.size > 1 and not b.any() and a.any():
        return "all zeros."
    if a.ndim:
        bad = ~np.isclose(b, a, rtol=tolerance, atol=tolerance * np.max(np.abs(a)))
        return f"{bad.sum()} of {a.size} values differ, first at index {_index(bad)}."
    return "the value differs."


def _tuple_difference(expected, came, tolerance) -> str:
    if not isinstance(came, (tuple, list)):
        return f"{len(expected)} values are expected, in a tuple; this is {_article(came)}."
    if len(came) != len(expected):
        return f"{len(expected)} values are expected, in a tuple; this one has {len(came)}."
    for i, (a, b) in enumerate(zip(expected, came)):
        if not agrees(a, b, tolerance):
            return f"value {i + 1} of {len(expected)}: {_difference(a, b, tolerance)}"
    return "the values agree one by one, but not as a whole."


def _evidence(exercise: Exercise, expected, came) -> str:
    """Return the first case that went wrong: arguments, what was expected, what came."""
    if not callable(exercise.reference):
        return f"came     {_brief(came[0].value)}"
    wrong = _first_wrong(exercise, expected, came)
    names = _names(exercise)
    lines = [f"{name} = {_brief(value)}" for name, value in zip(names, exercise.cases[wrong])]
    lines.append(f"expected {_result(expected[wrong])}")
    lines.append(f"came     {_result(came[wrong])}")
    return "\n".join(lines)


def _first_wrong(exercise: Exercise, expected, came) -> int:
    return next(
        i for i in range(len(came)) if not _same(expected[i : i + 1], came[i : i + 1], exercise.tolerance)
    )


def _result(outcome: Outcome) -> str:
    return str(outcome.error) if outcome.error is not None else _brief(outcome.value)


def _names(exercise: Exercise) -> list[str]:
    return list(inspect.signature(exercise.reference).parameters)


def _is_number(value) -> bool:
    try:
        return np.asarray(value).dtype.kind in "biufc"
    except (ValueError, TypeError):
        return False


def _index(bad) -> str:
    return ", ".join(str(int(i)) for i in np.argwhere(bad)[0])


def _article(value) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' or kind == 'ndarray' else 'a'} {kind}"


def _brief(value) -> str:
    """Return `value` in at most a few lines, with the shape of an array that is cut short."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray) and value.size > 40:
        first = " ".join(str(value.ravel()[:6]).strip("[]").split())
        return f"array of shape {value.shape}, {value.dtype}: [{first} …]"
    if isinstance(value, tuple):
        return "(" + ", ".join(_brief(part) for part in value) + ")"
    if isinstance(value, np.ndarray):
        flat = value.ndim > 2 and value.shape[-1] == 1  # an image of one channel, shown as rows
        shown = value[..., 0] if flat else value
        text = np.array2string(shown, precision=5, suppress_small=True, separator=", ")
        return textwrap.indent(text, " " * 9).strip() + (f" of shape {value.shape}" if flat else "")
    return _clip(f"{value:.6g}" if isinstance(value, float) else repr(value))


def _clip(text, width=200) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _sentence(error: BaseException) -> str:
    return _clip(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


# Showing things


@dataclass(frozen=True)
class Note:
    """A text in Markdown for the learner; plain where there is no notebook."""

    text: str

    def __repr__(self):
        return self.text.replace("**", "")

    def _repr_markdown_(self):
        return self.text


def show(item):
    """Display `item` richly in a notebook, print it elsewhere."""
    if in_notebook():
        sys.modules["IPython"].display.display(item)
    else:
        print(item)


def solution_text(exercise: Exercise) -> str:
    """Return the source of the reference function without its decorator, or the value."""
    if not callable(exercise.reference):
        value = exercise.reference
        return repr(value.tolist() if isinstance(value, np.ndarray) else value)
    source = textwrap.dedent(inspect.getsource(exercise.reference))
    first = ast.parse(source).body[0].lineno
    return "\n".join(source.splitlines()[first - 1 :])


def _prose(text) -> str:
    """Return `text` as HTML, with `code` between backticks."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
