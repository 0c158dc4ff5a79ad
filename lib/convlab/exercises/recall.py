"""Three questions from earlier lessons at the top of a lesson: what was hard is asked again soon.

The boxes are Sebastian Leitner's (So lernt man lernen, 1972), with lessons in place of days: a right answer
moves a question up by one box, a wrong one back to the first. A question in box 1, 2, 3, 4, 5 is due again
1, 2, 4, 8, 16 lessons later. A question that is right at its first time goes to box 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convlab.exercises import bank, record
from convlab.exercises.bank import LETTERS, Question
from convlab.exercises.display import as_html
from convlab.exercises.judging import COLOURS, MARKS, RIGHT, WRONG
from convlab.printing import printable

ASKED = 3  # questions at the top of a lesson
INTERVALS = (1, 2, 4, 8, 16)  # lessons until a question of box 1, 2, … is due again
KEY = "recall"  # of the learner's record
TASK = (
    "From earlier lessons, to answer from memory: write your letters in place of the dots, and run the cell "
    "again. What you get right comes back later, what you get wrong in the next lesson."
)


@dataclass
class Schedule:
    """What a learner has been asked so far, as the record stores it.

    Args:
        asked: {lesson: the ids of its questions}, of lessons with an answer, in the order of answering.
        given: {lesson: {id: the choice that was given first}}.
        boxes: {id: [box, the number of lessons with answers at which it is due]}.
    """

    asked: dict[str, list[str]]
    given: dict[str, dict[str, str]]
    boxes: dict[str, list[int]]

    @classmethod
    def of(cls, statuses: dict[str, Any]) -> "Schedule":
        """Return the schedule in a learner's record; of what cannot be read, nothing."""
        stored = statuses.get(KEY, {})
        kinds = {"asked": list, "given": dict, "boxes": list}
        parts = {name: stored.get(name) for name in kinds}
        asked, given, boxes = (
            {key: value for key, value in part.items() if isinstance(value, kinds[name])}
            if isinstance(part, dict)
            else {}
            for name, part in parts.items()
        )
        sound = {key: box for key, box in boxes.items() if [*map(type, box)] == [int, int]}
        return cls(asked, given, sound)

    def choose(self, lesson: str, questions: Sequence[Question]) -> list[Question]:
        """Return a lesson's questions: those that it has asked before, or else what is due and a new one.

        All that were wrong the last time come first. New ones come from the lessons just before, one from
        each: a learner who never answers meets every question of a lesson once, in the three that follow it.
        """
        known = {question.id: question for question in questions if question.lesson < lesson}
        if again := [known[name] for name in self.asked.get(lesson, []) if name in known]:
            return again
        now = len(self.asked) + 1
        in_boxes = sorted((name for name in self.boxes if name in known), key=lambda name: self.boxes[name])
        due = [name for name in in_boxes if self.boxes[name][1] <= now]
        later = [name for name in in_boxes if self.boxes[name][1] > now]
        first = max(
            ASKED - 1, sum(self.boxes[name][0] == 1 for name in due)
        )  # one place is for a new question
        new = [question.id for question in self._new(lesson, list(known.values()))]
        return [known[name] for name in [*due[:first], *new, *due[first:], *later][:ASKED]]

    def _new(self, lesson: str, questions: Sequence[Question]) -> list[Question]:
        """Return the questions that were never asked, in rounds over the lessons, the latest lesson first."""
        rounds = []
        for earlier in sorted({question.lesson for question in questions}, reverse=True):
            of_lesson = [question for question in questions if question.lesson == earlier]
            first = (int(lesson) - int(earlier) - 1) % len(of_lesson)
            turned = [*of_lesson[first:], *of_lesson[:first]]
            fresh = [question for question in turned if question.id not in self.boxes]
            rounds += [(place, -int(earlier), question) for place, question in enumerate(fresh)]
        return [question for *_, question in sorted(rounds, key=lambda one: one[:2])]

    def note(self, lesson: str, asked: Sequence[Question], choices: dict[str, str]) -> None:
        """Note the first answer to each question of a lesson, in place; later answers do not count."""
        self.asked.setdefault(lesson, [question.id for question in asked])
        given = self.given.setdefault(lesson, {})
        now = list(self.asked).index(lesson) + 1
        for question in asked:
            if question.id in given or question.id not in choices:
                continue
            given[question.id] = choices[question.id]
            right = choices[question.id] == question.answer
            box = min(self.boxes.get(question.id, [1])[0] + 1, len(INTERVALS)) if right else 1
            self.boxes[question.id] = [box, now + INTERVALS[box - 1]]


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
