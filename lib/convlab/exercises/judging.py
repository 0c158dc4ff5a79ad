"""Judge an answer: run it on every case of its exercise and compare what it does with the reference.

An answer is right when it agrees with the reference on every case. `mistakes` says what is wrong otherwise.
Running (`attempt`) and judging (`weigh`) are apart, because grading does them in two processes.
"""

import copy
import dis
import html
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import convlab
from convlab.exercises.comparing import agrees, alike, as_meant, plain
from convlab.exercises.display import as_html, clip
from convlab.exercises.mistakes import explain, no_function, where_help_is
from convlab.printing import printable

if TYPE_CHECKING:
    from convlab.exercises.exercise import Exercise

NOT_ATTEMPTED, RIGHT, WRONG, TO_BE_GRADED = "not attempted", "right", "wrong", "to be graded"
COLOURS = {NOT_ATTEMPTED: "#767676", RIGHT: "#00785a", WRONG: "#b34700", TO_BE_GRADED: "#1f5fa8"}
MARKS = {NOT_ATTEMPTED: "○", RIGHT: "✔", WRONG: "✘", TO_BE_GRADED: "~"}
PACKAGE = convlab.__path__[0]
FAULTS = (Exception, SystemExit)  # an answer may call exit(); only an interrupt by the learner goes through


@dataclass(frozen=True)
class Verdict:
    """What a check found: its status, the message for the learner, the name of the mistake or None."""

    status: str
    message: str
    mistake: str | None = None

    def __str__(self):
        return printable(f"{MARKS[self.status]} {self.status}: {self.message}")

    __repr__ = __str__

    def _repr_html_(self):
        first, _, rest = self.message.partition("\n")
        details = f"<pre style='margin:.4em 0 0 0'>{html.escape(rest)}</pre>" if rest else ""
        colour = COLOURS[self.status]
        return (
            f"<div style='border-left:4px solid {colour};padding:.2em .8em'><b style='color:{colour}'>"
            f"{MARKS[self.status]} {self.status}</b>: {as_html(first)}{details}</div>"
        )


@dataclass(frozen=True)
class Failure:
    """How an answer stopped: the full name of the error's class, its message, and the line where it arose."""

    kind: str
    says: str
    line: str = ""

    def __str__(self):
        return clip(f"{self.name}: {self.says}" if self.says else self.name)

    @property
    def name(self) -> str:
        """The class's own name, as in `ValueError`."""
        return self.kind.rpartition(".")[2]


@dataclass(frozen=True)
class Outcome:
    """What an answer did with one case: its value (`plain`) or failure, and which arguments it changed."""

    value: object = None
    error: Failure | None = None
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """What an answer did with all cases: data that can be judged in another process.

    untouched: the answer is still the stub. function: it is a function, where the exercise asks for one.
    """

    outcomes: tuple[Outcome, ...] = ()
    untouched: bool = False
    function: bool = False


def judge(exercise: "Exercise", answer: Any) -> Verdict:
    """Return the verdict on `answer`: not attempted, right, or wrong with the reason."""
    return weigh(exercise, attempt(exercise, answer))


def attempt(exercise: "Exercise", answer: Any) -> Attempt:
    """Return what `answer` does with every case of the exercise."""
    if is_stub(answer):
        return Attempt(untouched=True)
    if callable(exercise.reference) and not callable(answer):
        return Attempt((Outcome(plain(answer)),))
    return Attempt(tuple(outcomes(exercise, answer)), function=callable(exercise.reference))


def outcomes(exercise: "Exercise", answer: Any) -> list[Outcome]:
    """Return what `answer` does with every case; each case gets its own copy of the arguments."""
    if not callable(exercise.reference):
        forms = (exercise.reference, *(mistake.answer for mistake in exercise.mistakes))
        return [Outcome(as_meant(plain(answer), *forms))]
    with exercise.guard():
        return [_outcome(answer, case) for case in exercise.cases]


def weigh(
    exercise: "Exercise", tried: Attempt, run: Callable[["Exercise", Any], Sequence[Outcome]] = outcomes
) -> Verdict:
    """Return the verdict on what an answer did.

    `run(exercise, answer)` returns the outcomes of the reference and of the named mistakes; grading passes a
    function that remembers them.
    """
    if tried.untouched or (tried.function and all(outcome.value is ... for outcome in tried.outcomes)):
        return Verdict(NOT_ATTEMPTED, f"{exercise.question} {where_help_is(exercise)}")
    if callable(exercise.reference) and not tried.function:
        return Verdict(WRONG, no_function(tried.outcomes[0].value))
    expected = run(exercise, exercise.reference)
    if not alike(expected, tried.outcomes, exercise.tolerance):
        return Verdict(WRONG, *explain(exercise, expected, tried.outcomes, run))
    if callable(exercise.reference):
        cases = len(exercise.cases)
        return Verdict(RIGHT, f"agrees with the reference on all {cases} cases. {exercise.insight}".rstrip())
    return Verdict(RIGHT, f"that is it. {exercise.insight}".rstrip())


def _outcome(answer, case) -> Outcome:
    arguments = copy.deepcopy(case)
    try:
        with np.errstate(all="ignore"):
            value = plain(answer(*arguments))
    except FAULTS as error:
        return Outcome(error=failure(error))
    changed = tuple(
        i
        for i, (now, before) in enumerate(zip(arguments, case))
        if isinstance(before, (np.ndarray, list, tuple, dict)) and not agrees(now, before, 0)
    )
    return Outcome(value, changed=changed)


def failure(error: BaseException) -> Failure:
    """Return an error as data, with the learner's own line: the last that is not a library's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _of_a_library(frame.filename)]
    line = f", in its line {own[-1].lineno}: `{own[-1].line}`" if own and own[-1].line else ""
    return Failure(f"{type(error).__module__}.{type(error).__qualname__}", clip(_message(error)), line)


def _of_a_library(file: str) -> bool:
    return "site-packages" in file or file.startswith(PACKAGE)


def _message(error: BaseException) -> str:
    """Return what an error says, in plain words where NumPy's or TensorFlow's own are hard to read.

    >>> _message(IndexError("index 5 is out of bounds for axis 0 with size 5"))
    'there is no index 5 along axis 0, whose indices are 0 to its size 5 minus 1'
    >>> _message(ValueError("operands could not be broadcast together with shapes (5,) (5,2) "))
    'shapes (5,) and (5,2) do not fit: read from the right, sizes must be equal, or one of them 1'
    """
    says = re.sub(
        r"^\{\{function_node [^}]*\}\} | \[Op:\w+\] name:\s*$", "", str(error)
    )  # TensorFlow's marks
    for pattern, words in PLAIN_WORDS.items():
        if found := re.search(pattern, says):
            return found.expand(words)
    return says


PLAIN_WORDS = {
    r"^matmul: .*size (\d+) is different from (\d+)": (
        r"in a matrix product A @ B, A must have as many columns (\2) as B has rows (\1)"
    ),
    r"^matmul: Input operand (\d) does not have enough dimensions": (
        r"a matrix product A @ B needs arrays; operand \1, counted from 0, is a single number"
    ),
    r"^shapes (\(.*?\)) and (\(.*?\)) not aligned": (
        r"in a product of shapes \1 and \2, A must have as many columns as B has rows"
    ),
    r"^Matrix size-incompatible: In\[0\]: \[([\d,]+)\], In\[1\]: \[([\d,]+)\]": (
        r"in a product of shapes (\1) and (\2), A must have as many columns as B has rows"
    ),
    r"^operands could not be broadcast together with shapes (\(.*?\)) (\(.*?\))": (
        r"shapes \1 and \2 do not fit: read from the right, sizes must be equal, or one of them 1"
    ),
    r"^Incompatible shapes: \[([\d,]*)\] vs\. \[([\d,]*)\]": (
        r"shapes (\1) and (\2) do not fit: read from the right, sizes must be equal, or one of them 1"
    ),
    r"^operands could not be broadcast together with remapped shapes .*?: (\([\d,]+\))->\S+ (\([\d,]+\))": (
        r"shapes \1 and \2 do not fit: a letter of `einsum` must stand for one size in both"
    ),
    r"^could not broadcast input array from shape (\(.*?\)) into shape (\(.*?\))": (
        r"values of shape \1 do not fit into a place of shape \2"
    ),
    r"inhomogeneous shape": (
        "the parts have different shapes, so NumPy makes no array of them (does one go over the border?)"
    ),
    r"^(?:only (?:length-1|0-dimensional) arrays can be converted to Python scalars"
    r"|setting an array element with a sequence)": ("there is an array where a single number must stand"),
    r"^The truth value of an array with more than one element is ambiguous": (
        "`if`, `and` and `or` need one truth value, and this is an array of them: use `&`, `|` or `np.where`"
    ),
    r"^index (-?\d+) is out of bounds for axis (\d+) with size (\d+)": (
        r"there is no index \1 along axis \2, whose indices are 0 to its size \3 minus 1"
    ),
    r"^only integers, slices": "an index must be a whole number: `/` makes a fraction, `//` does not",
    r"'float' object cannot be interpreted as an integer": (
        "a whole number must stand here, and this is a fraction: `/` makes one, `//` does not"
    ),
    r"'NoneType' object (?:has no attribute|is not)|'NoneType' and '|and 'NoneType'": (
        "one of the values is None: does a function that you call end without `return`?"
    ),
    r"'(list|tuple|int|float)' object has no attribute '(\w+)'": (
        r"`.\2` belongs to arrays, and this is a \1: `np.array(...)` makes an array of it"
    ),
    r"""'padding' of "(\w+)" is not in the list of allowed values""": (
        r'TensorFlow knows the padding "SAME" or "VALID", in capital letters; this is "\1"'
    ),
}


def is_stub(answer: Any) -> bool:
    """Return whether nothing was answered yet: `...`, None, or a function that only returns these."""
    if answer is ... or answer is None:
        return True
    code = getattr(answer, "__code__", None)
    return code is not None and _steps(code) in STUBS


def _steps(code) -> list[tuple]:
    """Return the instructions of a function, without those that do nothing."""
    return [(step.opname, step.argval) for step in dis.get_instructions(code) if step.opname != "NOP"]


STUBS = [_steps(stub.__code__) for stub in (lambda: None, lambda: ...)]
