"""The bank of questions is sound; a lesson asks what is due, says why, and stores the first answer alone."""

import itertools
import json
import re
from collections import Counter

import pytest

from convlab import shapes
from convlab.exercises import bank, catalogue, leitner, recall, record
from coursekit.lessons import ROOT, find, source, tags

BANK = bank.load()
LESSONS = find(ROOT)
ENTRY = """- id: planted
  lesson: "05"
  question: How many?
  answer: "1"
  wrong: {"2": one too many, "3": two too many}
  why: Because it is so.
"""


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_each_lesson_has_three_questions_in_the_file_of_its_part(lesson):
    mine = [question for question in BANK if question.lesson == lesson.number]
    parts = {
        name: place for place, name in enumerate(dict.fromkeys(one.header["part"] for one in LESSONS), 1)
    }
    assert len(mine) >= 3
    assert {question.part for question in mine} == {parts[lesson.header["part"]]}


@pytest.mark.parametrize("question", BANK, ids=lambda question: question.id)
def test_question_is_plain(question):
    assert len(question.choices) == len({*question.choices}) in (3, 4)
    assert question.choices.count(question.answer) == 1
    assert re.fullmatch(r"[a-z0-9-]+", question.id)
    assert question.why.endswith(".") and len(question.why.split()) < 40
    longest = max(len(wrong) for wrong in question.wrong)
    assert len(question.answer) <= 2.2 * longest + 10, "the right answer is much longer than the others"


def test_right_answers_stand_at_every_place_and_most_mistakes_are_those_of_the_exercises():
    places = Counter(question.choices.index(question.answer) for question in BANK)
    assert {place for place, count in places.items() if count >= 0.2 * len(BANK)} == {0, 1, 2}
    known = {
        mistake.name for items in catalogue.exercises().values() for one in items for mistake in one.mistakes
    }
    named = [name for question in BANK for name in question.wrong.values()]
    assert sum(name in known for name in named) >= 0.5 * len(named)


SIZES = {  # computed by the package, which is compared with TensorFlow
    "places-of-a-kernel": shapes.output_size(8, 3, stride=2),
    "the-famous-224": shapes.output_size(224, 11, stride=4),
    "same-with-stride": shapes.output_size(7, 3, stride=2, padding="same"),
    "two-small-filters": shapes.receptive_field([(3, 1), (3, 1)]),
    "stride-in-the-field": shapes.receptive_field([(3, 2), (3, 1)]),
    "windows-of-words": shapes.output_size(10, 3),
    "layer-parameters": (3 * 3 * 4 + 1) * 10,
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_those_that_the_package_computes(name):
    assert next(question.answer for question in BANK if question.id == name) == str(SIZES[name])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"1"', "1", "every entry is a text"),
        ("How many?", "How many.", "has no question mark"),
        ('{"2": one too many, "3": two too many}', '{"2": one too many}', "has 1 wrong choices"),
        ('"3": two too many', '"1": two too many', "right answer among the wrong"),
        ("two too many", "one too many", "the same mistake twice"),
        ("Because it is so.", '" "', "an empty text"),
        ('"05"', '"5"', "no lesson of two digits"),
        ("why:", "because:", "a question has id, lesson"),
        (ENTRY, ENTRY + ENTRY, "belongs to two questions"),
        ("why:", "why", "part_2.yaml is no YAML"),
    ],
)
def test_fault_in_the_bank_is_named(tmp_path, old, new, problem):
    (tmp_path / "part_2.yaml").write_text(ENTRY.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=problem):
        bank.load(tmp_path)
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "part_2.yaml").write_text(ENTRY, encoding="utf-8")
    assert [question.id for question in bank.load(tmp_path / "good")] == ["planted"]


def letters(lesson, wrong=()):
    """Return the letters of right answers to what a lesson asks now; the ids in `wrong` get a wrong one."""
    found = ""
    for question in recall.questions(lesson).questions:
        right = question.choices.index(question.answer)
        found += "abc"[(right + (question.id in wrong)) % len(question.choices)]
    return found


def ids(lesson):
    return [question.id for question in recall.questions(lesson).questions]


def test_a_new_learner_sees_every_question_once_and_nothing_is_stored():
    numbers = [lesson.number for lesson in LESSONS]
    seen = Counter(name for number in numbers[4:] for name in ids(number))
    for number in numbers[3:-3]:
        of_lesson = [question.id for question in BANK if question.lesson == number]
        assert [seen[name] for name in of_lesson[:3]] == [1, 1, 1], number
    assert {question.lesson for question in recall.questions("09").questions} == {"06", "07", "08"}
    assert not record.file().exists()
    assert recall.questions("00").questions == () and "first lesson" in repr(recall.questions("00"))


def test_what_is_wrong_comes_in_the_next_lesson_and_what_is_right_later():
    first = ids("05")
    recall.questions("05", letters("05", wrong=first[:1]))
    assert first[0] in ids("06") and not {*first[1:]} & {*ids("06")}
    recall.questions("06", letters("06"))
    assert {*first[1:]} <= {*ids("07")} and first[0] not in ids("07")


def test_three_wrong_answers_all_come_back_at_once():
    first = ids("05")
    recall.questions("05", letters("05", wrong=first))
    assert sorted(ids("06")) == sorted(first)


def test_intervals_grow_for_a_learner_who_is_always_right():
    met = {}
    for number in (f"{number:02}" for number in range(5, 27)):
        for name in ids(number):
            met.setdefault(name, []).append(int(number))
        recall.questions(number, letters(number))
    gaps = [[later - sooner for sooner, later in itertools.pairwise(one)] for one in met.values()]
    assert all(gap >= 2 for one in gaps for gap in one)
    # a question waits longer where others are due as well, never shorter
    assert all(gap >= wanted for one in gaps for gap, wanted in zip(one, leitner.INTERVALS[1:]))
    assert max(len(one) for one in gaps) >= 2
    assert all(
        any(name in met for name in (q.id for q in BANK if q.lesson == f"{n:02}")) for n in range(4, 24)
    )


def test_the_first_answer_counts_and_a_lesson_run_again_asks_the_same():
    asked = ids("05")
    right, wrong = letters("05"), letters("05", wrong=asked)
    recall.questions("05", wrong)
    stored = json.loads(record.file().read_text(encoding="utf-8"))
    sheet = recall.questions("05", right)
    assert ids("05") == asked
    assert repr(sheet).count("✔") == 3
    assert json.loads(record.file().read_text(encoding="utf-8")) == stored
    assert all(box == 1 for box, _ in stored["recall"]["boxes"].values())


def test_a_dot_leaves_a_question_out_and_it_may_be_answered_afterwards():
    right = letters("05")
    recall.questions("05", f"{right[0]}..")
    assert len(record.read()["recall"]["boxes"]) == 1
    recall.questions("05", right)
    assert len(record.read()["recall"]["boxes"]) == 3


@pytest.mark.parametrize("answers", ["", "ab", "abca", "abx", "ab d", 12, None])
def test_fault_letters_that_do_not_fit_are_named_and_not_stored(answers):
    said = repr(recall.questions("05", answers))
    assert f"answers is {answers!r}: it needs 3 letters" in said
    assert not record.file().exists()


def test_letters_go_as_far_as_the_choices(monkeypatch):
    wrong = {"no": "less", "never": "more", "perhaps": "unsure"}
    planted = bank.Question("x", "00", 1, "Is it?", "yes", wrong, "It is.")
    monkeypatch.setattr(bank, "load", lambda: (planted,))
    assert "it needs 1 letter from a to d" in repr(recall.questions("01", "e"))
    assert "d) " in repr(recall.questions("01", "d"))


@pytest.mark.parametrize("spoiled", [{"boxes": 3}, {"boxes": {"ID": 3}}, {"asked": {"04": 1}}, {"given": []}])
def test_fault_a_spoiled_schedule_asks_as_if_it_were_new(spoiled):
    known = recall.questions("05").questions
    text = json.dumps({"recall": spoiled}).replace("ID", known[0].id)
    record.file().write_text(text, encoding="utf-8")
    assert recall.questions("05").questions == known
    assert "wrong" in repr(recall.questions("05", "aaa")) or "right" in repr(recall.questions("05", "aaa"))


def test_a_wrong_answer_names_its_mistake_and_says_why():
    question = recall.questions("05").questions[0]
    letter = next(one for one, choice in zip("abc", question.choices) if choice != question.answer)
    said = repr(recall.questions("05", f"{letter}.."))
    mistake = question.wrong[question.choices["abc".index(letter)]]
    assert f"wrong ({mistake}): it is {question.answer}. {question.why}" in said


def test_markup_in_a_question_stays_text(monkeypatch):
    planted = bank.Question("x", "00", 1, "Is 1 < 2 & `a<b`?", "yes", {"no": "less", "<b>": "more"}, "It is.")
    monkeypatch.setattr(bank, "load", lambda: (planted,))
    shown = recall.questions("01", "...")._repr_html_()
    assert "answers is" in shown  # one question, three dots
    shown = recall.questions("01", ".")._repr_html_()
    assert "Is 1 &lt; 2 &amp; <code>a&lt;b</code>?" in shown and "<b>" not in shown


def test_progress_of_exercises_is_left_alone():
    record.note("lesson_05", "by_hand", "right")
    recall.questions("05", letters("05"))
    assert record.read()["lesson_05"] == {"by_hand": "right"}
    record.note("lesson_05", "move", "wrong")
    assert len(record.read()["recall"]["boxes"]) == 3


@pytest.mark.parametrize("lesson", LESSONS[1:], ids=lambda lesson: lesson.slug)
def test_the_lesson_asks_right_after_its_imports(lesson):
    names = [cell["id"] for cell in lesson.cells]
    cell = lesson.cells[names.index("imports") + 1]
    assert (cell["id"], tags(cell)) == ("recall", [])
    assert f'recall.questions("{lesson.number}", answers="...")' in source(cell)
    output = cell["outputs"][0]["data"]
    assert "".join(output["text/plain"]) == repr(recall.questions(lesson.number))
    assert "".join(output["text/html"]) == recall.questions(lesson.number)._repr_html_()
