"""Predictions: read kindly, stored whole, compared once, counted honestly."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from convlab import plots, predict
from convlab.exercises import progress, record
from coursekit.lessons import ROOT, find, source, tags

LETTERS = ["grey area", "grey seven", "black"]


@pytest.fixture(autouse=True)
def new_kernel():
    """Each test is a session of its own."""
    restart()


def restart():
    predict._session = predict._Session()


def entry(name):
    return record.read()["predictions"][name]


# Said back


def test_without_a_prediction_nothing_is_printed_and_nothing_stored(capsys):
    predict.choice("09-a", ..., of=LETTERS, sure=...)
    predict.number("09-b", ..., unit="pixels", sure=...)
    predict.words("09-c", ...)
    predict.words("09-d", "  ")
    for name in "abcd":
        predict.compare(f"09-{name}", 5)
    assert capsys.readouterr() == ("", "")
    assert not record.file().exists()


@pytest.mark.parametrize(
    "said, answer, within, line",
    [
        (6, 5, None, "You said 6, it is 5."),
        (5, 5, None, "You said 5, and it is 5."),
        (96, 100.0, None, "You said 96, it is 100: close."),
        (94, 100.0, None, "You said 94, it is 100."),
        (190, np.float32(196.25), 20, "You said 190, it is 196.2: close."),
        (1200, np.int64(1300), None, "You said 1,200, it is 1,300."),
        (0, np.array([0.0]), None, "You said 0, and it is 0."),
        (7, np.int64(9), 2, "You said 7, it is 9: close."),
    ],
)
def test_number_is_said_back_beside_the_answer(said, answer, within, line, capsys):
    predict.number("09-n", said)
    predict.compare("09-n", answer, within=within)
    assert capsys.readouterr().out == line + "\n"
    assert entry("09-n")["right"] is ("close" in line or "and it is" in line)


@pytest.mark.parametrize(
    "said, unit, answer, within, right, says",
    [
        (0.98, "percent", 97.6, 1, True, "and 0.98 was read as a share of 1. That is 98, which is close."),
        (-0.02, "percentage points", -1.9, 0.3, True, "That is -2, which is close."),
        ("98 %", "a probability", 0.976, 0.01, True, "98 was read as percent. That is 0.98, which is close."),
        (70, "from 0 to 1", 0.68, 0.05, True, "That is 0.7, which is close."),
        (1, "percent", 99.5, 1, True, "and 1 was read as a share of 1. That is 100, which is close."),
        (
            0.8,
            "images of 100",
            82.0,
            5,
            True,
            "“images of 100”, and 0.8 was read as a share of 1. That is 80",
        ),
        (0.5, "percent", 97.6, 1, False, "If 0.5 was meant as a share of 1, that is 50, which is not close"),
        (50, "a probability", 0.976, 0.01, False, "If 50 was meant as percent, that is 0.5, which is not"),
    ],
)
def test_number_in_another_unit_is_read_as_what_it_means_and_said_so(
    said, unit, answer, within, right, says, capsys
):
    predict.number("09-u", said, unit=unit, sure=70)
    predict.compare("09-u", answer, within=within)
    line = capsys.readouterr().out
    assert line.startswith(f"You said {predict._spoken(entry('09-u')['said'])}, it is ") and says in line
    assert f"The unit is “{unit}”" in line and line.endswith("You were 70 % sure.\n")
    assert entry("09-u")["right"] is right


@pytest.mark.parametrize(
    "said, unit, answer, within",
    [
        (98, "percent", 90.0, 1),  # nothing but wrong
        (1, "percent", 97.6, 1),  # 1 percent
        (0.3, "percent", 0.6, 0.1),  # the answer itself is below one percent
        (0, "percent", 50.0, 1),
        (0.9, "percentage points", 1.4, 0.2),  # as a share, it would be farther from the answer
        (0.5, "times", 50.0, 1),  # no unit of which there are two
        (50, "a loss", 0.5, 0.1),
        (0.9, "of 10,000 images", 90.0, 1),
        (0.9, "of 100,000 images", 90.0, 1),
        (130, "from 0 to 1", 0.68, 0.05),
        (0.2, "a probability", 0.68, 0.05),
    ],
)
def test_number_in_the_right_unit_gets_no_word_on_units(said, unit, answer, within, capsys):
    predict.number("09-u", said, unit=unit)
    predict.compare("09-u", answer, within=within)
    assert "unit" not in capsys.readouterr().out
    assert entry("09-u")["right"] is False


def test_a_right_number_gets_no_word_on_units(capsys):
    predict.number("09-u", 1, unit="percent")
    predict.compare("09-u", 1.2, within=0.5)
    assert capsys.readouterr().out == "You said 1, it is 1.2: close.\n"


def test_every_unit_of_the_lessons_that_is_a_share_or_percent_is_known():
    units = {
        unit
        for lesson in find()
        for cell in lesson.cells
        if "predict" in tags(cell)
        for unit in re.findall(r'unit="([^"]*)"', source(cell))
    }
    known = {unit for unit in units if predict._PERCENT.search(unit) or predict._SHARE.search(unit)}
    assert known == {
        *("percent", "percentage points", "images of 100", "of 100 images", "a probability", "from 0 to 1")
    }


def test_choice_is_said_back_with_how_sure_one_was(capsys):
    predict.choice("09-c", "black", of=LETTERS, sure=80)
    predict.compare("09-c", "grey seven")
    predict.choice("09-d", "A", of=["A", "B"], sure="90 %")
    predict.compare("09-d", "A")
    predict.choice("09-e", "no", of=["yes", "no"])
    predict.compare("09-e", np.bool_(True))
    assert capsys.readouterr().out.splitlines() == [
        "You said black, it is grey seven. You were 80 % sure.",
        "You said A, and it is A. You were 90 % sure.",
        "You said no, it is yes.",
    ]


def test_words_are_shown_again_and_not_judged(capsys):
    predict.words("09-w", "rings, 원")
    predict.compare("09-w")
    assert capsys.readouterr().out == "You wrote: “rings, 원”. Is that what you see?\n"
    assert predict.table().rows == ()


# Read kindly


@pytest.mark.parametrize(
    "said, number",
    [
        ("5", 5),
        ("5.0", 5),
        (" 6 %", 6),
        ("６", 6),
        ("１２．５", 12.5),
        ("1,000", 1000),
        ("0,5", 0.5),
        ("1/4", 0.25),
        ("½", 0.5),
        ("about 3", 3),
        ("−2", -2),
        ("1e-5", 1e-5),
        ([7], 7),
        (np.float32(2.0), 2),
        (np.array([3]), 3),
    ],
)
def test_numbers_are_taken_in_many_forms(said, number, capsys):
    predict.number("09-n", said)
    assert capsys.readouterr().out == ""
    assert entry("09-n")["said"] == number


@pytest.mark.parametrize(
    "said, chosen", [("BLACK", "black"), (" b", "black"), ("ｂｌ", "black"), ("grey  s", "grey seven")]
)
def test_choices_are_taken_by_their_beginning_in_any_letters(said, chosen, capsys):
    predict.choice("09-c", said, of=LETTERS)
    assert capsys.readouterr().out == ""
    assert entry("09-c")["said"] == chosen


@pytest.mark.parametrize("said", [0.2, "0.20", "０．２", np.float64(0.2)])
def test_choices_that_are_numbers_are_taken_as_numbers(said, capsys):
    predict.choice("09-c", said, of=[0.02, 0.2, 2.0])
    predict.compare("09-c", np.float64(0.2))
    assert capsys.readouterr().out == "You said 0.2, and it is 0.2.\n"


@pytest.mark.parametrize(
    "ask, says",
    [
        (
            lambda: predict.choice("09-f", "purple", of=LETTERS),
            "'purple' is none of the choices: grey area, ",
        ),
        (
            lambda: predict.choice("09-f", "grey", of=LETTERS),
            "several of the choices: grey area, grey seven.",
        ),
        (lambda: predict.choice("09-f", 7, of=LETTERS), "7 is none of the choices"),
        (
            lambda: predict.number("09-f", "5 million", unit="weights"),
            "no number. Write one, as in 5 or 0.25 (",
        ),
        (lambda: predict.number("09-f", True), "True is no number"),
        (lambda: predict.number("09-f", float("nan")), "nan is no number"),
        (lambda: predict.number("09-f", [1, 2]), "[1, 2] is no number"),
        (lambda: predict.words("09-f", 3), "3 is no text"),
        (lambda: predict.words("09-f", predict), "is no text"),
    ],
)
def test_fault_what_cannot_be_read_is_answered_by_a_sentence_and_not_stored(ask, says, capsys):
    ask()
    predict.compare("09-f", "black")
    said = capsys.readouterr().out
    assert says in said and said.count("\n") == 1, said
    assert not record.file().exists()


@pytest.mark.parametrize("sure", ["very", 101, 20, -5, [1, 2], True])
def test_fault_no_percentage_is_named_and_the_prediction_kept(sure, capsys):
    predict.choice("09-s", "black", of=LETTERS, sure=sure)
    said = capsys.readouterr().out
    assert f"sure={sure!r} is no percentage from 33 (guessing) to 100" in said
    assert (entry("09-s")["said"], entry("09-s")["sure"]) == ("black", None)


@pytest.mark.parametrize(
    "sure, percent", [(0.8, 80), ("80%", 80), ("８０", 80), (33, 33), (np.int64(100), 100)]
)
def test_percentages_are_taken_in_many_forms(sure, percent, capsys):
    predict.choice("09-s", "black", of=LETTERS, sure=sure)
    assert capsys.readouterr().out == ""
    assert entry("09-s")["sure"] == percent


class Odd:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize("answer", [Odd(), "text", None, [1, 2], np.zeros(3)])
def test_nothing_raises_into_the_lesson(answer, capsys):
    predict.number("09-o", 5)
    predict.compare("09-o", answer)
    predict.choice("09-p", answer, of=LETTERS)
    predict.words("09-q", answer)


# Counted honestly


def test_second_thoughts_before_the_answer_replace_the_first():
    predict.number("09-t", 4, sure=50)
    predict.number("09-t", 5, sure=60)
    predict.compare("09-t", 5)
    assert predict.table().rows == (("09-t", 60.0, True),)


def test_fault_a_prediction_changed_after_the_answer_does_not_count(capsys):
    predict.number("09-t", 4, sure=90)
    predict.compare("09-t", 5)
    restart()  # the next day
    predict.number("09-t", 5, sure=100)
    predict.compare("09-t", 5)
    assert "(You had seen the answer: this one does not count.)" in capsys.readouterr().out.splitlines()[1]
    assert predict.table().rows == (("09-t", 90.0, False),)
    assert entry("09-t")["later"]["said"] == 5


def test_fault_a_prediction_made_after_the_answer_was_shown_without_one_does_not_count(capsys):
    predict.number("09-t", ...)
    predict.compare("09-t", 5)
    predict.number("09-t", 5, sure=100)
    predict.compare("09-t", 5)
    assert "does not count" in capsys.readouterr().out
    assert predict.table().rows == ()


def test_the_same_prediction_run_again_counts_once_and_is_not_reproached(capsys):
    for _ in range(2):
        restart()
        predict.number("09-t", 4, sure=90)
        predict.compare("09-t", 5)
    assert capsys.readouterr().out == 2 * "You said 4, it is 5. You were 90 % sure.\n"
    assert len(predict.table().rows) == 1


def test_prediction_that_is_emptied_again_is_silent(capsys):
    predict.number("09-t", 4)
    predict.number("09-t", ...)
    predict.compare("09-t", 5)
    assert capsys.readouterr().out == ""
    assert entry("09-t")["said"] == 4  # and nothing is lost


# The store


def test_predictions_and_exercises_share_one_record():
    record.note("lesson_00", "values", "right")
    predict.number("00-n", 4)
    record.note("lesson_01", "step", "wrong")
    assert set(record.read()) == {"lesson_00", "lesson_01", "predictions"}
    assert "1 of 1 right" in str(progress.table())


@pytest.mark.parametrize("content", ["{", "[1]", '{"predictions": 3}', "\xff"])
def test_damaged_record_is_set_aside_not_lost(content, capsys):
    record.file().write_text(content, encoding="latin-1")
    predict.number("09-n", 4)
    predict.compare("09-n", 5)
    assert predict.table().rows == (("09-n", None, False),)
    assert record.file().with_suffix(".json.broken").read_text(encoding="latin-1") == content
    assert "progress starts anew" in capsys.readouterr().out


def test_entries_that_are_none_are_passed_over():
    odd = {"09-a": 3, "09-b": {"said": 1, "right": "yes"}, "09-c": {"said": 1, "sure": "much", "right": True}}
    record.file().write_text(json.dumps({"predictions": odd}), encoding="utf-8")
    assert predict.table().rows == (("09-c", None, True),)


def test_a_record_that_cannot_be_written_is_said_not_raised(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVLAB_PROGRESS", str(tmp_path / "file" / "progress.json"))
    predict.number("09-n", 4, sure=70)
    predict.compare("09-n", 5)
    said = capsys.readouterr().out
    assert "could not be saved" in said
    assert "You said 4, it is 5. You were 70 % sure." in said


WRITER = """
import sys
from convlab import predict
from convlab.exercises import record
who = sys.argv[1]
for i in range(10):
    predict.number(f"{who}-{i}", i)
    predict.compare(f"{who}-{i}", i)
    record.note(f"lesson_{who}", f"e{i}", "right")
"""


def test_two_notebooks_that_write_at_once_lose_nothing():
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib"), "PYTHONIOENCODING": "utf-8"}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, who],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for who in ("01", "02")
    ]
    outputs = [writer.communicate()[0].decode() for writer in writers]
    assert all("could not" not in said and "Traceback" not in said for said in outputs), outputs
    assert len(predict.table().rows) == 20
    assert [len(record.read()[f"lesson_{who}"]) for who in ("01", "02")] == [10, 10]


# How well "sure" held


def planted(right_of_20):
    """Store 20 compared predictions for each percentage, of which so many were right."""
    made = {
        f"09-p{sure}-{i}": {"said": 1, "sure": sure, "answer": "1", "right": i < right}
        for sure, right in right_of_20.items()
        for i in range(20)
    }
    record.update(lambda known: known.update(predictions=made))


def dots(axes):
    """Return the shares of the bands, as drawn."""
    return [float(line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]


def test_planted_learner_who_is_as_right_as_sure_lies_on_the_line(capsys):
    planted({60: 12, 80: 16, 95: 19})
    predict.show()
    np.testing.assert_allclose(dots(plt.gca()), [60, 80, 95])
    said = capsys.readouterr().out
    assert "60 predictions compared: 47 right or close, 13 surprises (22%)" in said
    assert " 70 to  90 % sure: 16 of 20 right" in said
    assert "on average 78 % sure, and right in 78 %" in said
    plt.close("all")


def test_fault_planted_learner_who_is_always_too_sure_lies_below_the_line(capsys):
    planted({60: 8, 80: 10, 95: 9})
    predict.show()
    np.testing.assert_allclose(dots(plt.gca()), [40, 50, 45])
    assert plt.gca().get_title(loc="left") == "78 % sure on average, 45 % right"
    assert "most sure and wrong: 09-p95-" in capsys.readouterr().out
    plt.close("all")


def test_before_there_are_enough_no_figure_is_drawn_and_it_says_when(capsys):
    predict.show()
    assert capsys.readouterr().out == "no prediction has been compared with its answer yet\n"
    for i in range(predict.ENOUGH - 1):
        predict.number(f"09-{i}", i, sure=80)
        predict.compare(f"09-{i}", i)
    capsys.readouterr()
    predict.show()
    said = capsys.readouterr().out
    assert "9 predictions compared: 9 right or close, 0 surprises (0%)" in said
    assert "from 10 on, a figure" in said
    assert not plt.get_fignums()


def test_every_band_of_the_figure_says_how_many_it_stands_for():
    axes = plots.calibration([100, 95, 60, 20], [True, False, True, False], "Planted")
    assert [text.get_text() for text in axes.texts] == ["0 of 1", "1 of 1", "1 of 2"]
    plt.close("all")


# The lessons


def filled_in(cells):
    """Return the code of a lesson whose reader predicts the first choice, the number 1, or a word."""
    code = []
    for cell in cells:
        if cell["cell_type"] == "code":
            text = source(cell)
            if "predict" in tags(cell):
                kind = re.search(r"predict\.(\w+)", text)[1]
                first = re.search(r'of=\[\s*("[^"]*"|[^,]+)', text)
                said = {"choice": first[1] if first else "", "number": "1", "words": '"rings"'}[kind]
                text = text.replace("...", said, 1).replace("sure=...", "sure=75")
            code.append(text)
    return code


def test_lesson_runs_with_all_predictions_filled_in(tmp_path, monkeypatch, capsys):
    """Executed for real, in one namespace, without a kernel."""
    lesson = next(one for one in find() if one.number == "01")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for code in filled_in(lesson.cells):
        exec(compile(code, "lesson", "exec"), names)
    plt.close("all")
    asked = [cell for cell in lesson.cells if "predict" in tags(cell)]
    made = predict.table().rows
    assert len(made) == len(asked) > 0, made
    assert capsys.readouterr().out.count("You said") == len(asked)
    choices = [entry(name) for name, _, _ in made]
    assert {one["right"] for one in choices} == {True, False}
    assert Path(os.environ["CONVLAB_PROGRESS"]).exists()
