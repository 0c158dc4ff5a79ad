"""Which questions are due: the boxes of Sebastian Leitner (So lernt man lernen, 1972), with lessons for days.

A right answer moves a question up by one box, a wrong one back to the first. A question in box 1, 2, 3, 4, 5
is due again 1, 2, 4, 8, 16 lessons later. A question that is right at its first time goes to box 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convlab.exercises.bank import Question

ASKED = 3  # questions at the top of a lesson
INTERVALS = (1, 2, 4, 8, 16)  # lessons until a question of box 1, 2, … is due again
KEY = "recall"  # of the learner's record


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
        wrong = sum(self.boxes[name][0] == 1 for name in due)
        first = max(ASKED - 1, wrong)  # one place is for a new question
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
