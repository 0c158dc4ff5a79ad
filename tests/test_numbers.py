"""Numbers in prose: which of them are claims, and what explains one."""

import pytest
from planting import cell, markdown, plant, ran, stream

from coursekit.checking import prose_numbers
from coursekit.lessons import CourseError, Lesson


def prose(text, name="said", *tags):
    return markdown(name, text, *tags)


def printed(text):
    return ran("shown", "show()", outputs=[stream(text)])


def found(tmp_path, *cells, listed=None):
    lesson = Lesson(plant(tmp_path, "01_line", *cells))
    return list(prose_numbers.findings(lesson, listed or {}))


@pytest.mark.parametrize(
    "text",
    [
        "Twelve or 12 of them, and 3x3 or 5x5.",
        "In 1998 LeCun, and in 2015 He (arXiv:1512.03385, section 4.2, table 17, figures 13 and 14).",
        "Lesson 03 and lessons 13 to 15; then [15, deeper](15_resnet.ipynb).",
        "VGG-16, CIFAR-10 and float32 are names, and `width = 784` is code.",
        "It takes about 75 minutes.",
        "**13. An exercise.**",
        "```\n99 bottles\n```",
        "<!-- map --> 98 minutes <!-- /map -->",
    ],
)
def test_what_is_no_claim_is_passed_over(tmp_path, text):
    assert found(tmp_path, prose(text)) == []


@pytest.mark.parametrize(
    "text, number",
    [
        ("It has 203,530 parameters.", "203,530"),
        ("A share of 0.1 is enough.", "0.1"),
        ("It gets 97.3 %, in 2015 and now.", "97.3"),
        ("with 25.03 % errors", "25.03"),
        ("32x64 pixels", "64"),
        ("a factor of 1/64,000.", "64,000"),
        ("That is 13.", "13"),
    ],
)
def test_a_number_from_nowhere_is_found_with_its_cell(tmp_path, text, number):
    known = printed("32")
    line = found(tmp_path, prose(text, "claim"), known)
    assert len(line) == 1 and line[0].startswith(f"01_line, cell claim: {number} in “…")


@pytest.mark.parametrize(
    "text, output",
    [
        ("203,530 parameters", "203530"),
        ("203,530 parameters", "203_530"),
        ("right in 97.3 %", "accuracy 0.97312"),
        ("97.3 of 100", "accuracy 97.31%"),
        ("about 92", "92.31"),
        ("about 1,400 steps", "1379 steps"),
        ("1.38 million", "1,379,557"),
        ("a rate of 0.003", "3e-3"),
    ],
)
def test_an_output_that_rounds_to_it_explains_a_number(tmp_path, text, output):
    assert found(tmp_path, prose(text), printed(output)) == []


@pytest.mark.parametrize(
    "text, output",
    [
        ("203,530 parameters", "203531"),
        ("92 images", "92.31"),
        ("97.3 %", "0.9736"),
        ("about 1,400 steps", "1480"),
        ("0.97", "97.31"),
        ("32 bits", "float32"),
    ],
)
def test_an_output_that_does_not_round_to_it_explains_nothing(tmp_path, text, output):
    assert len(found(tmp_path, prose(text), printed(output))) == 1


def test_code_explains_and_the_table_of_terms_says_nothing(tmp_path):
    cells = [
        prose("Take 28 pixels."),
        cell("sides", "side = 28"),
        prose("| 77 | 78 | 79 |", "terms", "terms"),
    ]
    assert found(tmp_path, *cells) == []


def test_the_list_explains_its_own_words_and_no_others(tmp_path):
    text = prose("One lecture says 92 %.\nAnother says 92 % too.")
    listed = {"01_line": {"lecture says 92 %": "a lecture of 2016"}}
    assert [line.split(": ")[1][:2] for line in found(tmp_path, text, listed=listed)] == ["92"]
    listed["01_line"]["Another says 92 %"] = "another"
    assert found(tmp_path, text, listed=listed) == []
    assert found(tmp_path, text, listed={"everywhere": {"92": "known to all"}}) == []


def test_an_entry_that_the_lesson_does_not_say_is_found(tmp_path):
    lines = found(tmp_path, prose("It is 95 now."), listed={"01_line": {"It is 94 now": "once"}})
    assert len(lines) == 2 and "does not say" in lines[1]


@pytest.mark.parametrize(
    "phrase, reason, right",
    [
        ("175 / 7 = 25", "= (9 + 1 + 1 + 9 + 25 + 49 + 81) / 7; squares", True),
        ("175 / 7 = 26", "= (9 + 1 + 1 + 9 + 25 + 49 + 81) / 7; squares", False),
        ("about 0.995", "= 0.08796 * sqrt(256 / 2)", True),
        ("about 0.996", "= 0.08796 * sqrt(256 / 2)", False),
        ("235 MB", "= 58_631_144 * 4 / 1e6", True),
        ("235 MB", "a paper", True),
    ],
)
def test_arithmetic_in_the_list_is_computed(tmp_path, phrase, reason, right):
    assert (found(tmp_path, prose(phrase), listed={"01_line": {phrase: reason}}) == []) is right


@pytest.mark.parametrize("expression", ["__import__('os')", "(1).real", "x", "1 +", "1 / 0", "[1][0]"])
def test_what_is_no_arithmetic_is_refused(expression):
    with pytest.raises(CourseError, match="cannot be computed"):
        prose_numbers.calculated(expression)


def test_the_command_says_what_it_found(tmp_path, capsys):
    plant(tmp_path, "01_line", prose("It has 4,711 legs."))
    plant(tmp_path, "02_digit", prose("It has 4,711 legs."), printed("4711"))
    assert prose_numbers.main(["--root", str(tmp_path)]) == 1
    assert "01_line, cell said: 4,711" in capsys.readouterr().out
    assert prose_numbers.main(["--root", str(tmp_path), "02"]) == 0
    assert "all 1 numbers" in capsys.readouterr().out
    with pytest.raises(CourseError, match="no lesson is called 07"):
        prose_numbers.main(["--root", str(tmp_path), "07"])
