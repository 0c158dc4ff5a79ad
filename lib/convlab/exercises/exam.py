"""Exercises without solutions, for an exam: answers are compared with examples, and graded later.

`make student SOLUTIONS=no` writes `lesson_NN.json` from the full exercises of a lesson, and a short
`lesson_NN.py` that reads it. They hold the question, the arguments, some cases with what is expected, and
the messages of mistakes. A message is encrypted with what its mistake returns for the examples, so only who
makes the mistake can read it. The reference, the hints and the other cases stay with the instructor.
"""

import hashlib
import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convlab.exercises import judging, values
from convlab.exercises.comparing import is_number, plain
from convlab.exercises.display import Note, show, with_article
from convlab.exercises.exercise import Exercise
from convlab.exercises.judging import NOT_ATTEMPTED, RIGHT, TO_BE_GRADED, WRONG, Outcome, Verdict
from convlab.exercises.mistakes import no_function

WITHHELD = "This is an edition for an exam: it has no hints and no solutions."


class Withheld:
    """Stands for a reference function: it has its arguments, and does nothing."""

    def __init__(self, arguments: Sequence[str]) -> None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in arguments])

    def __call__(self, *_: object) -> None:
        raise NotImplementedError(WITHHELD)


@dataclass(frozen=True)
class Messages:
    """The messages of mistakes, each readable only with the outcomes that the mistake has.

    Args:
        salt: makes the same outcomes another key in another edition.
        step: the width of the cells into which numbers are put, so that rounding errors change no key.
        shift: where the cells begin, as a share of `step`.
        texts: encrypted [name, message] by the first digits of their keys' digests.
    """

    salt: str
    step: float
    shift: float
    texts: dict[str, str]

    def read(self, outcomes: Sequence[Outcome]) -> tuple[str, str] | None:
        """Return (name, message) of the mistake that has these outcomes, or None."""
        key = self.key(outcomes)
        if key is None or label(key) not in self.texts:
            return None
        name, says = json.loads(encrypted(bytes.fromhex(self.texts[label(key)]), key))
        return name, says

    def key(self, outcomes: Sequence[Outcome]) -> bytes | None:
        """Return the key that follows from outcomes; None where they hold a value that is no answer."""
        try:
            facts = [
                [one.error.kind if one.error else self._cells(one.value), list(one.changed)]
                for one in outcomes
            ]
        except TypeError:
            return None
        return hashlib.sha256(json.dumps([self.salt, facts]).encode()).digest()

    def _cells(self, value: Any) -> Any:
        """Return a value for JSON, numbers by their cells; lists, tuples and arrays are the same."""
        if is_number(value):
            numbers = np.asarray(value)
            if numbers.dtype.kind == "c":
                numbers = np.stack([numbers.real, numbers.imag], -1)
            with np.errstate(all="ignore"):
                cells = np.floor(numbers.astype(float) / self.step + self.shift) + 0.0  # no -0.0
            return [list(numbers.shape), cells.ravel().tolist()]
        if isinstance(value, (list, tuple)):
            return [self._cells(part) for part in value]
        if isinstance(value, dict):
            return {str(key): self._cells(part) for key, part in value.items()}
        if value is None or isinstance(value, str):
            return value
        raise TypeError(f"{type(value).__name__} is no answer")


def label(key: bytes) -> str:
    """Return under which label a message with this key is found."""
    return hashlib.sha256(b"label" + key).hexdigest()[:16]


def encrypted(text: bytes, key: bytes) -> bytes:
    """Return a text encrypted with a key that is used for it alone; the same again decrypts it.

    >>> encrypted(encrypted(b"look at the stride", b"key"), b"key")
    b'look at the stride'
    """
    stream = hashlib.shake_256(b"text" + key).digest(len(text))
    return bytes(a ^ b for a, b in zip(text, stream))


@dataclass(eq=False)
class ExamExercise(Exercise):
    """An exercise whose reference stays with the instructor.

    `reference` has the arguments of the right function, or is a value of the right form. `cases` are the
    examples. The further fields are:

    Args:
        expected: the outcomes of the examples.
        withheld: how many cases stay with the instructor.
        messages: of the mistakes.
    """

    expected: Sequence[Outcome] = ()
    withheld: int = 0
    messages: Messages = Messages("", 1.0, 0.0, {})

    def hint(self) -> None:
        """Say that there is none."""
        show(Note(WITHHELD))

    def solution(self) -> None:
        """Say that there is none."""
        show(Note(WITHHELD))

    def _verdict(self, answer: Any) -> Verdict:
        """Return what can be said without the reference; never that an answer is right."""
        if judging.is_stub(answer):
            return Verdict(NOT_ATTEMPTED, self.question)
        if not callable(self.reference):
            return self._verdict_on_value(plain(answer))
        if not callable(answer):
            return Verdict(WRONG, no_function(plain(answer)))
        if not self.cases:
            return Verdict(
                TO_BE_GRADED, "it cannot be tried in this edition. Your instructor grades it later."
            )
        tried = judging.attempt(self, answer)
        verdict = judging.weigh(self, tried, lambda *_: self.expected)
        if verdict.status == RIGHT:
            return Verdict(TO_BE_GRADED, self._agreement())
        known = self.messages.read(tried.outcomes) if verdict.status == WRONG else None
        if known is None:
            return verdict
        return Verdict(WRONG, f"{known[1]}\n{verdict.message.partition(chr(10))[2]}", known[0])

    def _agreement(self) -> str:
        """Return that all examples agree, and what follows."""
        count = len(self.cases)
        examples = "the example" if count == 1 else f"all {count} examples"
        more = f"{self.withheld} more case{'s' if self.withheld > 1 else ''}"
        return f"agrees with {examples}. Your instructor tries it on {more}."

    def _verdict_on_value(self, value: Any) -> Verdict:
        """Return whether a value has the right form, and whether it is a mistake that is easy to make."""
        if not has_form_of(self.reference, value):
            wanted, kind = self.reference, with_article(self.reference)
            kind = f"{len(wanted)} values are" if isinstance(wanted, tuple) else f"{kind} is"
            return Verdict(WRONG, f"{kind} expected; this is {with_article(value)}.")
        if known := self.messages.read([Outcome(value)]):
            return Verdict(WRONG, known[1], known[0])
        return Verdict(TO_BE_GRADED, "it has the form that is asked for. Your instructor grades it later.")


def has_form_of(blank: Any, value: Any) -> bool:
    """Return whether a value is as `blank` is: a text, one number, as many values, an array of its shape.

    >>> has_form_of((0, 0), [3, 4]), has_form_of("", 3), has_form_of(np.zeros((1, 2)), [[1, 2]])
    (True, False, True)
    """
    if isinstance(blank, tuple):
        return (isinstance(value, (tuple, list)) or np.ndim(value) > 0) and len(value) == len(blank)
    if isinstance(blank, str):
        return isinstance(value, str)
    return is_number(value) and np.shape(value) == np.shape(blank)


@dataclass(frozen=True)
class ExamLesson:
    """What a lesson's exam holds: exercises and the data that the lesson shows, by name."""

    exercises: dict[str, ExamExercise]
    data: dict[str, Any]


def read(lesson: str, folder: Path = Path(__file__).parent) -> ExamLesson:
    """Return the exam of a lesson like "lesson_05", from its JSON file beside this module."""
    stored = json.loads((folder / f"{lesson}.json").read_text(encoding="utf-8"))
    exercises = {one["name"]: _exercise(lesson, one) for one in stored["exercises"]}
    return ExamLesson(exercises, {name: values.decode_value(one) for name, one in stored["data"].items()})


def _exercise(lesson: str, stored: dict) -> ExamExercise:
    """Return an exercise as its lesson's file describes it."""
    asks_for_function = stored["arguments"] is not None
    return ExamExercise(
        lesson=lesson,
        name=stored["name"],
        question=stored["question"],
        reference=Withheld(stored["arguments"]) if asks_for_function else values.decode_value(stored["form"]),
        hints=(),
        cases=[values.decode_value(case) for case in stored["cases"]],
        tolerance=stored["tolerance"],
        expected=values.decode(stored["expected"]).outcomes if stored["cases"] and asks_for_function else (),
        withheld=stored["withheld"],
        messages=Messages(**stored["messages"]),
    )
