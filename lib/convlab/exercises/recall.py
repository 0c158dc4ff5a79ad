"""Three questions from earlier lessons at the top of a lesson: what was hard is asked again soon.

`leitner` says which questions are due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convlab.exercises import bank, record
from convlab.exercises.bank import LETTERS, Question
from convlab.exercises.display import as_html
from convlab.exercises.judging import COLOURS, MARKS, RIGHT, WRONG
from convlab.exercises.leitner import KEY, Schedule
from convlab.printing import printable

TASK = (
    "From earlier lessons, to answer from memory: write your letters in place of the dots, and run the cell "
    "again. What you get right comes back later, what you get wrong in the next lesson."
)


@dataclass(frozen=True)
class Sheet:
    """Questions, and the learner's choice for each ("" without one). Shows itself as text or as HTML."""

    questions: tuple[Question, ...]
    chosen: tuple[str, ...]
    remark: str = ""

    def __repr__(self):
        lines = [self.remark or TASK]
        for number, (question, choice) in enumerate(zip(self.questions, self.chosen), start=1):
            lines += ["", f"{number}. {question.question}"]
            lines += [f"   {letter}) {one}" for letter, one in zip(LETTERS, question.choices)]
            lines += [f"   {MARKS[status]} {said}" for status, said in _verdict(question, choice)]
        return printable("\n".join(lines))

    def _repr_html_(self):
        items = "\n".join(map(_item, self.questions, self.chosen))
        return f"<p>{as_html(self.remark or TASK)}</p>\n<ol>\n{items}\n</ol>"


def questions(lesson: str, answers: str = "...") -> Sheet:
    """Return the questions for a lesson, with what is right and why for those that `answers` has letters for.

    The first answer to each question goes into the learner's record. Nothing raises: a remark says what is
    wrong with `answers`.

    Args:
        lesson: its number, as in "05".
        answers: a letter for each question in order, such as "bac"; a dot for one that is left out.
    """
    lesson = f"{lesson:0>2}"
    everything = bank.load()
    asked = Schedule.of(record.read()).choose(lesson, everything)
    if not asked:
        return Sheet((), (), "There are no questions yet: this is the first lesson.")
    letters = [letter for letter in str(answers).lower() if letter.isalnum() or letter == "."]
    allowed = [{*LETTERS[: len(question.choices)], "."} for question in asked]
    if len(letters) != len(asked) or any(one not in may for one, may in zip(letters, allowed)):
        last = LETTERS[max(len(question.choices) for question in asked) - 1]
        count = f"{len(asked)} letter{'' if len(asked) == 1 else 's'}"
        remark = (
            f"answers is {answers!r}: it needs {count} from a to {last}, such as "
            f"{'bac'[: len(asked)]!r}; a dot leaves a question out."
        )
        return Sheet(tuple(asked), ("",) * len(asked), remark)
    chosen = [
        question.choices[LETTERS.index(one)] if one != "." else "" for question, one in zip(asked, letters)
    ]
    choices = {question.id: choice for question, choice in zip(asked, chosen) if choice}
    if choices:
        record.update(lambda statuses: _noted(statuses, lesson, asked, choices))
    return Sheet(tuple(asked), tuple(chosen))


def _noted(statuses: dict[str, Any], lesson: str, asked: Sequence[Question], choices: dict[str, str]) -> None:
    """Note answers in a learner's record, in place."""
    schedule = Schedule.of(statuses)
    schedule.note(lesson, asked, choices)
    statuses[KEY] = vars(schedule)


def _verdict(question: Question, choice: str) -> list[tuple[str, str]]:
    """Return (status, message) of a choice; nothing where there is none."""
    if not choice:
        return []
    if choice == question.answer:
        return [(RIGHT, f"right. {question.why}")]
    return [(WRONG, f"wrong ({question.wrong[choice]}): it is {question.answer}. {question.why}")]


def _item(question: Question, choice: str) -> str:
    """Return one question as an item of a list in HTML."""
    choices = "".join(f"<li>{as_html(one)}</li>" for one in question.choices)
    said = "".join(
        f"<p style='border-left:4px solid {COLOURS[status]};padding:.2em .8em'>"
        f"<b style='color:{COLOURS[status]}'>{MARKS[status]}</b> {as_html(message)}</p>"
        for status, message in _verdict(question, choice)
    )
    return f"<li>{as_html(question.question)}<ol type='a'>{choices}</ol>{said}</li>"
