"""The concept test has two forms of one build, pages without a key, and the right figures of a class."""

import copy
import json
import random
from collections import Counter

import numpy as np
import pytest

from convlab import shapes
from convlab.exercises import catalogue
from coursekit.__main__ import main as coursekit
from coursekit.lessons import CourseError
from coursekit.teaching import concept_test, item_statistics
from coursekit.teaching.sheets import Sheet, collected

FORMS = concept_test.load(concept_test.ITEMS)
VERSION = concept_test.version(FORMS)
PAIRS = list(zip(*FORMS.values(), strict=True))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].id)
def test_both_forms_of_an_item_are_of_one_build(pair):
    first, second = pair
    assert first.question != second.question
    assert sorted(first.wrong.values()) == sorted(second.wrong.values())
    for item in pair:
        assert item.question.endswith("?") and len(item.wrong) in (2, 3)
        assert len({*item.choices}) == len(item.wrong) + 1
        assert len({*item.wrong.values()}) == len(item.wrong)


def test_there_are_twenty_items_whose_mistakes_are_named_and_whose_answers_stand_at_every_place():
    assert len(PAIRS) == 20 == len({first.id for first, _ in PAIRS})
    known = {one.name for items in catalogue.exercises().values() for each in items for one in each.mistakes}
    named = [name for first, _ in PAIRS for name in first.wrong.values()]
    assert sum(name in known for name in named) >= 0.5 * len(named)
    for items in FORMS.values():
        places = Counter(item.choices.index(item.answer) for item in items)
        assert min(places[place] for place in range(3)) >= 3


def test_sizes_and_fields_are_those_that_the_package_computes():
    right = {(form, item.id): item.answer for form, items in FORMS.items() for item in items}
    assert right["A", "output-size"] == str(shapes.output_size(10, 3, stride=2))
    assert right["B", "output-size"] == str(shapes.output_size(14, 5, stride=2))
    assert right["A", "padding"] == str(shapes.output_size(6, 3, padding=1))
    assert right["B", "padding"] == str(shapes.output_size(9, 5, padding=2))
    assert right["A", "receptive-field"] == str(shapes.receptive_field([(3, 1)] * 3))
    assert right["B", "receptive-field"] == str(shapes.receptive_field([(3, 1)] * 4))
    assert right["A", "field-with-stride"] == str(shapes.receptive_field([(3, 2), (3, 1)]))
    assert right["B", "field-with-stride"] == str(shapes.receptive_field([(5, 2), (3, 1)]))
    for form, size in (("A", 7), ("B", 9)):
        assert shapes.output_size(20, size, padding=int(right[form, "keep-the-size"])) == 20
    point, kernel = np.zeros((5, 5)), np.arange(1, 10).reshape(3, 3)
    point[2, 2] = 1
    windows = np.lib.stride_tricks.sliding_window_view(point, (3, 3))
    rows = [" ".join(f"{value:g}" for value in row) for row in (windows * kernel).sum(axis=(2, 3))]
    assert (right["A", "one-white-pixel"], right["B", "one-white-pixel"]) == (rows[0], rows[-1])


def test_pages_hold_every_choice_and_no_key(tmp_path, capsys):
    assert coursekit(["concept-test", "--out", str(tmp_path)]) == 0
    for form, items in FORMS.items():
        page = (tmp_path / f"form-{form}.html").read_text(encoding="utf-8")
        sent = json.loads(page.partition('id="test">')[2].partition("</script>")[0])
        assert [one.keys() for one in sent["items"]] == [{"id", "question", "choices"}] * 20
        assert [one["choices"] for one in sent["items"]] == [item.choices for item in items]
        assert not [name for item in items for name in item.wrong.values() if f'"{name}"' in page]
        assert "http" not in page.replace("http-equiv", "")


def filled(form, when, code, choose):
    """Return a file's content; `choose(item)` gives the answer to each item."""
    answers = {item.id: choose(item) for item in FORMS[form]}
    return {
        "test": "convolution",
        "version": VERSION,
        "form": form,
        "when": when,
        "code": code,
        "answers": answers,
    }


def planted_class(people=40):
    """Return sheets of people who differ in what they know, before and after, from a fixed seed."""
    dice = random.Random(5)
    found = []
    for number in range(people):
        ability = dice.uniform(0.2, 0.6)
        for when, form, knows in (
            ("before", "AB"[number % 2], ability),
            ("after", "BA"[number % 2], ability + 0.3),
        ):

            def choose(item, knows=knows):
                if item.id == "padding" and dice.random() < 0.1:
                    return None
                return item.answer if dice.random() < knows else dice.choice(sorted(item.wrong))

            found.append(filled(form, when, f"CODE{number}", choose))
    return found


def written(folder, files):
    folder.mkdir(exist_ok=True)
    for number, content in enumerate(files):
        (folder / f"{number:03}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_figures_of_a_planted_class_are_those_that_numpy_computes(tmp_path, capsys):
    files = planted_class()
    sheets, refused = collected(written(tmp_path / "answers", files), FORMS, "convolution", VERSION)
    assert (len(sheets), refused) == (80, [])
    keys = {form: {item.id: item.answer for item in items} for form, items in FORMS.items()}
    after = [one for one in files if one["when"] == "after"]
    right = np.array(
        [[one["answers"][name] == keys[one["form"]][name] for name in keys["A"]] for one in after], float
    )
    mine = [item_statistics.scores(FORMS, sheet) for sheet in sheets if sheet.when == "after"]
    for column, name in enumerate(keys["A"]):
        rest = np.delete(right, column, axis=1).sum(axis=1)
        assert item_statistics.difficulty(mine, name) == pytest.approx(right[:, column].mean())
        wanted = np.corrcoef(right[:, column], rest)[0, 1]
        assert item_statistics.discrimination(mine, name) == pytest.approx(wanted)
    gains = item_statistics.paired(FORMS, sheets)
    assert len(gains) == 40 and 0.2 < np.mean(gains) < 0.4
    assert coursekit(["concept-test", str(tmp_path / "answers")]) == 0
    said = capsys.readouterr().out
    assert "before: 40 people (20 with form A)" in said and "80 files: 80 counted, 0 not counted" in said
    assert f"40 people took both: gain {np.mean(gains):+.2f}" in said


def test_share_of_each_mistake_is_what_was_planted():
    item = FORMS["A"][8]
    fence = next(choice for choice, name in item.wrong.items() if name == "fence post forgotten")
    answers = {one.id: one.answer for one in FORMS["A"]}
    sheets = [Sheet("A", "before", str(i), answers | {item.id: fence if i < 3 else None}) for i in range(12)]
    made = item_statistics.mistakes(FORMS, sheets)
    assert made[item.id, "fence post forgotten"] == pytest.approx(0.25)
    assert sum(made.values()) == pytest.approx(0.25)


def test_gain_is_the_share_of_the_possible_gain():
    assert item_statistics.gain([0.5, 0.5], [0.9, 0.6]) == pytest.approx((0.25, 0.5))
    assert item_statistics.gain([1.0], [1.0]) == (0.0, None)
    assert item_statistics.gain([], [0.5]) is None


def test_an_item_that_all_have_right_has_no_discrimination():
    all_right = [{"a": 1, "b": i % 2} for i in range(4)]
    assert item_statistics.discrimination(all_right, "a") is None
    assert item_statistics.discrimination(all_right[:2], "b") is None


def broken(**changes):
    return json.dumps(filled("A", "before", "X", lambda item: item.answer) | changes)


BAD = {
    "torn.json": (broken()[:50], "is not JSON"),
    "list.json": ("[1]", "is not a file of this test"),
    "other.json": (broken(test="pooling"), "is not a file of this test"),
    "old.json": (broken(version="0"), "another version"),
    "form.json": (broken(form="C"), "has the form 'C'"),
    "when.json": (broken(when="never"), "the occasion 'never'"),
    "list-form.json": (broken(form=["A"]), "has the form ['A']"),
    "code.json": (broken(code=" "), "has no code"),
    "none.json": (broken(answers={}), "exactly the items"),
    "large.json": (" " * 200_000, "is larger than"),
    "notes.txt": ("my notes", "is not JSON"),
}


def test_fault_in_a_file_is_named_and_none_vanishes(tmp_path, capsys):
    folder = written(tmp_path / "answers", planted_class(3))
    for name, (content, _) in BAD.items():
        (folder / name).write_text(content, encoding="utf-8")
    wrong_choice = json.loads(broken())
    wrong_choice["answers"]["padding"] = "1000"
    (folder / "choice.json").write_text(json.dumps(wrong_choice), encoding="utf-8")
    (folder / "utf16.json").write_bytes(broken().encode("utf-16"))
    twice = copy.deepcopy(planted_class(1)[0]) | {"code": "code0 "}
    (folder / "999.json").write_text(json.dumps(twice), encoding="utf-8")
    sheets, refused = collected(folder, FORMS, "convolution", VERSION)
    said = {str(name): why for name, why in refused}
    assert len(sheets) == 6 and len(sheets) + len(refused) == len(list(folder.iterdir()))
    for name, (_, why) in BAD.items():
        assert why in said[name], name
    assert "answers padding with what is no choice" in said["choice.json"]
    assert "is not JSON in UTF-8" in said["utf16.json"]
    assert "has the code and the occasion of 000.json" in said["999.json"]
    assert coursekit(["concept-test", str(folder)]) == 1
    shown = capsys.readouterr().out
    assert all(name in shown for name in said)


def test_fault_no_key_and_no_folder_are_named(tmp_path):
    with pytest.raises(CourseError, match="the students' edition comes without it"):
        concept_test.load(tmp_path / "concept_test.yaml")
    with pytest.raises(CourseError, match="there is no folder"):
        collected(tmp_path / "none", FORMS, "convolution", VERSION)
    (tmp_path / "empty").mkdir()
    assert "no answers yet" in item_statistics.report(FORMS, [])
