"""A poll in memory: one question at a time, one answer for each voter, and the count of the answers."""

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

KINDS = ("choice", "number", "text")
LARGEST_ROOM = 1000  # voters
LONGEST_QUESTION, LONGEST_CHOICE, LONGEST_ANSWER, MOST_CHOICES = 600, 120, 200, 8
BARS = 12  # different numbers that have a bar each; more are counted in ranges


class Refused(Exception):
    """An answer or a question that the poll does not take: a status of HTTP, and a sentence that says why."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Question:
    """A question to a room; `choices` are only those of the kind "choice"."""

    text: str
    kind: str = "text"
    choices: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.text or len(self.text) > LONGEST_QUESTION:
            raise Refused(400, f"A question has 1 to {LONGEST_QUESTION} characters, not {len(self.text)}.")
        if self.kind not in KINDS:
            raise Refused(400, f"A question is one of {', '.join(KINDS)}.")
        if self.kind == "choice" and not 2 <= len(self.choices) <= MOST_CHOICES:
            raise Refused(400, f"A question has 2 to {MOST_CHOICES} choices, not {len(self.choices)}.")
        if len({*self.choices}) < len(self.choices):
            raise Refused(400, "Two choices are the same.")
        if any(not choice or len(choice) > LONGEST_CHOICE for choice in self.choices):
            raise Refused(400, f"A choice has 1 to {LONGEST_CHOICE} characters.")

    def understood(self, answer: object) -> str | float:
        """Return an answer as it is counted: one of the choices, a number or a text; `Refused` if it is none.

        >>> Question("How many?", "number").understood("2,5")
        2.5
        """
        if not isinstance(answer, str | int | float) or isinstance(answer, bool):
            raise Refused(400, "An answer is a text or a number.")
        if len(str(answer)) > LONGEST_ANSWER:
            raise Refused(400, f"An answer has at most {LONGEST_ANSWER} characters.")
        words = " ".join(str(answer).split())
        match self.kind:
            case "choice":
                if answer not in self.choices:
                    raise Refused(400, "That is none of the choices.")
            case "number":
                return _number(words)
        if not words:
            raise Refused(400, "The answer is empty.")
        return words


def _number(words: str) -> float:
    """Return the finite number that a text says, with a point or a comma."""
    try:
        number = float(words.replace(",", "."))
    except ValueError:
        raise Refused(400, "That is not a number.") from None
    if not math.isfinite(number):
        raise Refused(400, "That is not a finite number.")
    return number + 0.0  # -0 counts as 0


@dataclass
class Poll:
    """The questions of one session, of which the last may be open. Threads may share it."""

    question: Question | None = None
    number: int = 0
    is_open: bool = False
    answers: dict[str, str | float] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def ask(self, question: Question) -> None:
        """Close the question before, forget its answers, and open this one."""
        with self.lock:
            self.question, self.number, self.is_open, self.answers = question, self.number + 1, True, {}

    def close(self) -> None:
        """Take no more answers to the question."""
        with self.lock:
            self.is_open = False

    def answer(self, number: object, voter: str, answer: object) -> None:
        """Count a voter's answer to question `number` in place of the one before; `Refused` says why not."""
        with self.lock:
            if self.question is None:
                raise Refused(409, "No question has been asked yet.")
            if isinstance(number, bool) or number != self.number:
                raise Refused(409, f"Question {self.number} is asked now. Load the page again.")
            if not self.is_open:
                raise Refused(409, "This question is closed.")
            understood = self.question.understood(answer)
            if voter not in self.answers and len(self.answers) >= LARGEST_ROOM:
                raise Refused(429, f"This poll takes the answers of {LARGEST_ROOM} phones, and has them.")
            self.answers[voter] = understood

    def for_voter(self, voter: str) -> dict:
        """Return what a phone shows: the question, whether it is open, and the voter's own answer."""
        with self.lock:
            return self._asked() | {"yours": self.answers.get(voter)}

    def for_teacher(self) -> dict:
        """Return the question and the count of its answers, without voters."""
        with self.lock:
            bars = histogram(self.question, list(self.answers.values())) if self.question else []
            return self._asked() | {"answers": len(self.answers), "bars": bars}

    def _asked(self) -> dict:
        """Return the question as both pages show it."""
        shown = vars(self.question) if self.question else {"text": "", "kind": "text", "choices": ()}
        return {"number": self.number, "open": self.is_open, **shown}


def histogram(question: Question, answers: Sequence) -> list[tuple[str, int]]:
    """Return (label, count) of the answers: choices in their order, numbers by size, texts by frequency.

    Texts that differ only in capital letters count as one. More than `BARS` different numbers are counted in
    ranges of equal width; the lower end belongs to a range, the upper end only to the last.

    >>> histogram(Question("How many?", "number"), [9.0, 5.0, 5.0])
    [('5', 2), ('9', 1)]
    """
    if question.kind == "choice":
        return [(choice, answers.count(choice)) for choice in question.choices]
    if question.kind == "number":
        return _numbers(answers)
    first = {answer.casefold(): answer for answer in reversed(answers)}  # as it was written first
    counted = Counter(answer.casefold() for answer in answers)
    return [(first[key], count) for key, count in counted.most_common()]


def _numbers(answers: Sequence[float]) -> list[tuple[str, int]]:
    """Return the bars of numbers."""
    counted = Counter(answers)
    if len(counted) <= BARS:
        return [(f"{number:.10g}", counted[number]) for number in sorted(counted)]
    low, high = min(answers), max(answers)
    ends = [low * (1 - i / BARS) + high * (i / BARS) for i in range(BARS + 1)]
    places = [max(i for i in range(BARS) if ends[i] <= answer or i == 0) for answer in answers]
    return [(f"{ends[i]:.4g} to {ends[i + 1]:.4g}", places.count(i)) for i in range(BARS)]
