"""The bank of questions on the lessons, with choices: `questions/*.yaml`, a file for each part of the course.

Lessons ask them again later (`recall`); coursekit makes cards, quizzes and polls of them.
"""

import functools
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import convlab

FOLDER = Path(convlab.__path__[0]) / "exercises" / "questions"
LETTERS = "abcd"


@dataclass(frozen=True)
class Question:
    """A question with choices; `wrong` has each wrong choice and the name of the mistake that leads to it.

    Args:
        id: its name for good: a learner's progress goes by it.
        lesson: two digits, as in "05".
        part: the number of the part of the course, from 1.
        question: one or more sentences, the last of which is a question.
        answer: the right choice.
        wrong: {choice: mistake}.
        why: why the right answer is right.
    """

    id: str
    lesson: str
    part: int
    question: str
    answer: str
    wrong: Mapping[str, str]
    why: str

    @property
    def choices(self) -> tuple[str, ...]:
        """All choices, in an order that looks random and is always the same."""
        return tuple(sorted([self.answer, *self.wrong], key=self._place))

    def _place(self, choice: str) -> str:
        return hashlib.sha256(f"{self.id}:{choice}".encode()).hexdigest()


@functools.cache
def load(folder: Path = FOLDER) -> tuple[Question, ...]:
    """Return all questions, in the order of the lessons; ValueError names what is wrong with one.

    >>> {question.lesson for question in load()} >= {"00", "16"}
    True
    """
    return read(folder)


def read(folder: Path) -> tuple[Question, ...]:
    """Return what `load` returns, as it stands in the files at this moment."""
    import yaml  # here, as a lesson may import this module without asking a question

    found = []
    for path in sorted(folder.glob("part_*.yaml")):
        part = int(path.stem.rpartition("_")[2])
        try:
            entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        except yaml.YAMLError as error:
            raise ValueError(f"{path.name} is no YAML: {' '.join(str(error).split())}") from error
        found += [_question(entry, part, path.name) for entry in entries]
    twice = [name for name, count in Counter(question.id for question in found).items() if count > 1]
    if twice:
        raise ValueError(f"the id {twice[0]} belongs to two questions: give one of them another")
    return tuple(sorted(found, key=lambda question: question.lesson))


def _question(entry: object, part: int, file: str) -> Question:
    """Return the question that an entry of a file describes; ValueError says what is wrong with it."""
    wanted = ("id", "lesson", "question", "answer", "wrong", "why")
    if not isinstance(entry, dict) or set(entry) != set(wanted):
        raise ValueError(f"{file}: a question has {', '.join(wanted)}, and not {entry!r:.80}")
    texts = [entry[name] for name in wanted if name != "wrong"]
    wrong = entry["wrong"]
    if not isinstance(wrong, dict) or not all(
        isinstance(one, str) for one in [*texts, *wrong, *wrong.values()]
    ):
        raise ValueError(f"{file}: {entry['id']}: every entry is a text; put numbers into quotation marks")
    problems = {
        "has no question mark": not entry["question"].rstrip().endswith("?"),
        f"has {len(wrong)} wrong choices, not 2 or 3": not 2 <= len(wrong) < len(LETTERS),
        "has its right answer among the wrong ones": entry["answer"] in wrong,
        "has the same mistake twice": len({*wrong.values()}) < len(wrong),
        "has an empty text": not all(one.strip() for one in [*texts, *wrong, *wrong.values()]),
        "names no lesson of two digits": not (len(entry["lesson"]) == 2 and entry["lesson"].isdecimal()),
    }
    for problem, is_so in problems.items():
        if is_so:
            raise ValueError(f"{file}: {entry['id']} {problem}")
    return Question(part=part, **entry)
