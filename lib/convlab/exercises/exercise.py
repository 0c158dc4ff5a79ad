"""An exercise of a lesson: its question, reference answer, cases, hints and named mistakes.

@exercise(question="…?", cases=[…], hints=[…])
def gradient(weights, bias, features, targets):
    return …  # the reference answer

@gradient.mistake("factor 2 forgotten", "the derivative of a square has a factor 2 …")
def _(weights, bias, features, targets):
    return …  # a wrong answer that learners give
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convlab.exercises import judging, record
from convlab.exercises.display import Note, clip, show, solution_text
from convlab.exercises.judging import FAULTS, WRONG, Verdict
from convlab.exercises.mistakes import where_help_is


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners often give, and the message for a learner who gives it."""

    name: str
    answer: Any
    says: str


@dataclass(eq=False)
class Exercise:
    """One exercise of a lesson; `exercise` makes one from a reference function.

    Args:
        lesson: the module of the exercise, as in "lesson_03".
        name: how the module calls it.
        question: one sentence with a question mark.
        reference: a function, which is tried on each of `cases`, or a value, which is compared as it is.
        hints: texts in Markdown, from vague to precise.
        mistakes: wrong answers with their messages, more of which `mistake` adds; the first that fits counts.
        cases: tuples of arguments.
        tolerance: the largest relative error of a right answer.
        insight: one sentence for a right answer: why it is so, or what it is good for.
        guard: returns a context in which an answer runs, such as one that refuses what would end Python.
    """

    lesson: str
    name: str
    question: str
    reference: Any
    hints: Sequence[str]
    mistakes: Sequence[Mistake] = ()
    cases: Sequence[tuple] = ((),)
    tolerance: float = 1e-5
    insight: str = ""
    guard: Callable[[], AbstractContextManager] = nullcontext
    hints_given: int = field(default=0, init=False)

    def mistake(self, name: str, says: str, answer: Any = ...) -> Any:
        """Add a mistake: its name, the message for the learner, and the wrong answer itself.

        Without `answer` this returns a decorator for the function that gives the wrong answer.
        """

        def add(answer):
            self.mistakes = (*self.mistakes, Mistake(name, answer, says))
            return answer

        return add if answer is ... else add(answer)

    def check(self, answer: Any = ...) -> None:
        """Say whether `answer` is right and, where it is not, what to look at. Never raises."""
        verdict = self.judge(answer)
        show(verdict)
        record.note(self.lesson, self.name, verdict.status)

    def judge(self, answer: Any) -> Verdict:
        """Return what `check` says, without showing or recording it."""
        try:
            with np.errstate(all="ignore"):
                return self._verdict(answer)
        except FAULTS as error:
            reason = clip(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
            return Verdict(WRONG, f"this answer could not be checked ({reason}). {where_help_is(self)}")

    def _verdict(self, answer: Any) -> Verdict:
        return judging.judge(self, answer)

    def hint(self) -> None:
        """Show the next hint; each call is more precise than the one before."""
        number = min(self.hints_given + 1, len(self.hints))
        self.hints_given = number
        last = f" `exercises.{self.name}.solution()` shows one answer." if number == len(self.hints) else ""
        show(Note(f"**Hint {number} of {len(self.hints)}.** {self.hints[number - 1]}{last}"))

    def solution(self) -> None:
        """Show the reference answer, as code or as a value."""
        code = solution_text(self.reference)
        show(Note(f"One answer to “{self.question}”:\n\n```python\n{code}\n```"))

    def __repr__(self):
        return f"<exercise {self.name} of {self.lesson}: check(answer), hint(), solution()>"


def exercise(
    question: str,
    cases: Sequence[tuple],
    hints: Sequence[str],
    tolerance: float = 1e-5,
    insight: str = "",
    guard: Callable[[], AbstractContextManager] = nullcontext,
) -> Callable[[Callable], Exercise]:
    """Return a decorator that makes an `Exercise` of its reference function.

    The arguments are those of `Exercise`. Lesson and name are the function's module and name.
    """

    def make(reference):
        lesson = reference.__module__.rpartition(".")[2]
        return Exercise(
            lesson=lesson,
            name=reference.__name__,
            question=question,
            reference=reference,
            hints=tuple(hints),
            cases=tuple(cases),
            tolerance=tolerance,
            insight=insight,
            guard=guard,
        )

    return make
