"""Nothing that lies in a folder of submissions vanishes: names, archives, several files, the roster."""

import io
import json
import os
import unicodedata
import zipfile
from datetime import datetime

import pytest
from test_grade import LESSON, RIGHT, hand_in, notebook

from coursekit.grading import collect, grade, lms, points, roster, submissions
from coursekit.grading.collect import File, Unreadable
from coursekit.lessons import ROOT, CourseError, find

LESSONS = find(ROOT)
NAME = LESSON.path.name
FULL, STUB = json.dumps(notebook(**RIGHT)).encode(), json.dumps(notebook()).encode()


def packed(members):
    """Return a zip archive of {name: bytes}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def seen(folder, system="", **more):
    """Return {student: (lesson's number, file's name, problem)}, and what was passed over."""
    found, passed = submissions.find(folder, LESSONS, system, **more)
    return {one.student: (one.lesson and one.lesson.number, one.name, one.problem) for one in found}, passed


@pytest.mark.parametrize(
    "name",
    [
        f"2024-10005_김민준_{NAME}.json",
        f"2024-10005_김민준_{NAME}.txt",
        f"2024-10005_김민준_{NAME.replace('.ipynb', '.IPYNB')}",
        f"2024-10005_김민준_{NAME.replace('.ipynb', '')} (1).ipynb",
        f"2024-10005_김민준_{NAME.replace('.ipynb', '.ipynb (2).txt')}",
        f"2024-10005_김민준_{NAME.replace('.ipynb', '.json')}",
        f"2024-10005_김민준_{NAME.replace('.ipynb', '')}",
        f"2024-10005_김민준-{NAME.replace('_', '-')}",
        f"{NAME.replace('.ipynb', '')}_2024-10005_김민준.ipynb",
        f"{NAME.replace('.ipynb', '')}-2024-10005_김민준-Copy1.ipynb",
    ],
)
def test_a_notebook_by_another_ending_is_one(tmp_path, name):
    hand_in(tmp_path, ".", FULL, name)
    assert seen(tmp_path) == ({"2024-10005_김민준": ("01", name, "")}, [])


def test_folders_in_folders_and_archives_in_archives_are_looked_into(tmp_path):
    hand_in(tmp_path, "anna/제출용/last one", FULL)
    hand_in(tmp_path, "ben", packed({f"a/b/{NAME}": FULL}), "homework.zip")
    hand_in(tmp_path, ".", packed({"inner.zip": packed({NAME: FULL})}), "carl.zip")
    assert seen(tmp_path) == (dict.fromkeys(("anna", "ben", "carl"), ("01", NAME, "")), [])


def test_systems_own_files_are_passed_over_aloud_and_are_nobodys(tmp_path):
    hand_in(tmp_path, "anna", FULL)
    hand_in(tmp_path, "anna", b"x", f"._{NAME}")
    hand_in(tmp_path, "anna/.ipynb_checkpoints", STUB)
    hand_in(tmp_path, "anna", b"x", "picture.png")
    hand_in(tmp_path, "__MACOSX", b"x")
    hand_in(tmp_path, ".", b"x", "._anna")
    hand_in(tmp_path, ".", packed({NAME: FULL, f"__MACOSX/._{NAME}": b"x"}), "ben.zip")
    students, passed = seen(tmp_path)
    assert [*students] == ["anna", "ben"]
    assert {*passed} == {
        *("._anna", "__MACOSX", f"anna/._{NAME}", "anna/.ipynb_checkpoints", "anna/picture.png"),
        f"ben.zip/__MACOSX/._{NAME}",
    }


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"text", "essay.docx", "not a notebook: essay.docx"),
        (b"PK\x03\x04torn", "anna.zip", "archive cannot be read"),
        (packed({"a.txt": b"1"}), "anna.zip", "no notebook in this archive"),
        (packed({f"../../{NAME}": FULL}), "anna.zip", "no notebook in this archive"),
        (packed({NAME: b" " * 19_000_000}), "anna.zip", "no notebook in this archive"),
        (b"", f"anna_{NAME}", "the file is empty"),
    ],
)
def test_whatever_cannot_be_graded_has_a_row_that_says_why(tmp_path, content, name, why):
    hand_in(tmp_path, ".", content, name)
    (one,), _ = submissions.find(tmp_path, LESSONS)
    assert why in one.problem


@pytest.mark.parametrize(
    ("member", "content", "why"),
    [
        (f"../{NAME}", b"{}", "leads out of the archive"),
        (f"/root/{NAME}", b"{}", "leads out of the archive"),
        (f"C:\\{NAME}", b"{}", "leads out of the archive"),
        (NAME, b"0" * 10_000_000, "more than 200 times its size"),
    ],
)
def test_what_an_archive_hides_is_named(tmp_path, member, content, why):
    hand_in(tmp_path, ".", packed({member: content, f"good/{NAME}": FULL}), "anna.zip")
    students, passed = seen(tmp_path)
    assert students == {"anna": ("01", NAME, "")}
    assert len(passed) == 1
    assert why in passed[0]


def test_a_member_is_never_read_further_than_a_notebook_may_be_long(tmp_path):
    path = hand_in(tmp_path, ".", packed({NAME: os.urandom(1000) * 21_000}), "anna.zip")
    with pytest.raises(Unreadable, match=r"times its size|more than 20 MB"):
        File(path, (NAME,)).content()


def test_names_in_archives_of_korean_and_japanese_windows_are_read():
    for encoding, name in (("cp949", "제출용/합성곱.ipynb"), ("utf-8", "제출용/합성곱.ipynb")):
        member = zipfile.ZipInfo(name.encode(encoding).decode("cp437"))
        assert collect.member_name(member) == name


def test_a_link_or_a_member_that_is_one_is_not_followed(tmp_path):
    link = zipfile.ZipInfo(NAME)
    link.external_attr = 0o120777 << 16
    hand_in(tmp_path, ".", packed({link: b"/etc/passwd"}), "anna.zip")
    students, passed = seen(tmp_path)
    assert "no notebook" in students["anna"][2]
    assert "it is a link" in passed[0]


def older(path, days):
    """Set a file's time back."""
    os.utime(path, (path.stat().st_mtime - 86_400 * days,) * 2)
    return path


def test_of_several_files_the_one_with_most_answers_counts_then_the_newest(tmp_path):
    hand_in(tmp_path, "pristine", STUB)
    older(hand_in(tmp_path, "pristine", FULL, NAME.replace(".ipynb", "__20261104104101.ipynb")), 9)
    older(hand_in(tmp_path, "both", FULL), 1)
    hand_in(tmp_path, "both", FULL, NAME.replace(".ipynb", "_최종_진짜최종.ipynb"))
    hand_in(tmp_path, "torn", FULL[:500])
    older(hand_in(tmp_path, "torn", FULL, NAME.replace(".ipynb", "-Copy1.ipynb")), 9)
    older(hand_in(tmp_path, ".", STUB, f"flat_{NAME}"), 0)
    older(hand_in(tmp_path, ".", FULL, f"flat_{NAME.replace('.ipynb', ' (1).ipynb')}"), 3)
    found, _ = submissions.find(tmp_path, LESSONS)
    chosen = {one.student: one.name.partition(LESSON.slug)[2] for one in found}
    assert chosen == {
        "pristine": "__20261104104101.ipynb",
        "both": "_최종_진짜최종.ipynb",
        "torn": "-Copy1.ipynb",
        "flat": " (1).ipynb",
    }
    notes = {one.student: one.notes[""][0] for one in found}
    assert "graded 01_linear_regression__20261104104101.ipynb (3 of 5 answered, 20" in notes["pristine"]
    assert "not 01_linear_regression.ipynb (0 of 5 answered, 20" in notes["pristine"]
    assert "not 01_linear_regression.ipynb (it is not a notebook" in notes["torn"]


def test_a_notebook_by_another_lessons_name_is_what_its_cells_are(tmp_path):
    hand_in(tmp_path, "anna", FULL, "05_convolution.ipynb")
    (one,), _ = submissions.find(tmp_path, LESSONS)
    assert one.lesson is not None
    assert one.lesson.number == "01"
    assert one.notes[""][-1] == "its name says 05_convolution, its cells are of 01_linear_regression"


def test_a_renamed_notebook_without_ids_is_recognised_by_its_checks(tmp_path):
    content = notebook(**RIGHT)
    for one in content["cells"]:
        one.pop("id", None)
    hand_in(tmp_path, "anna", content, "과제.ipynb")
    assert seen(tmp_path)[0] == {"anna": ("01", "과제.ipynb", "")}


def test_names_are_composed(tmp_path):
    name = unicodedata.normalize("NFD", "김민준 ガ")
    hand_in(tmp_path, name, FULL)
    assert [*seen(tmp_path)[0]] == ["김민준 ガ"]


# names of learning management systems

MOODLE = "김민준_4412345_assignsubmission_file_"
CANVAS = "kimminjun_LATE_55012_998877_01_linear_regression-1.ipynb"
ENTRIES = {
    ("moodle", MOODLE): ("김민준", "4412345", 0, False),
    ("moodle", MOODLE.rstrip("_")): ("김민준", "4412345", 0, False),
    ("moodle", f"Öz, Anna_77_assignsubmission_file_{NAME}"): ("Öz, Anna", "77", 0, False),
    ("moodle", "Kim_2_77_assignsubmission_onlinetext_"): ("Kim_2", "77", 0, False),
    ("canvas", CANVAS): ("kimminjun", "55012", 1, True),
    ("canvas", "ozanna_55013_998878_01_linear_regression.ipynb"): ("ozanna", "55013", 0, False),
    ("canvas", "ozanna_55013_text.html"): ("ozanna", "55013", 0, False),
    ("classroom", "Anna Öz - 01_linear_regression.ipynb"): ("Anna Öz", "", 0, False),
    ("moodle", "anna"): ("anna", "", 0, False),
}


@pytest.mark.parametrize(("system", "entry"), ENTRIES)
def test_a_systems_names_are_read(system, entry):
    who = lms.who(entry, system)
    assert (who.name, who.id, who.attempt, who.late) == ENTRIES[system, entry]


def test_entries_of_one_number_are_one_students_and_of_one_name_several(tmp_path):
    hand_in(tmp_path, MOODLE, FULL)
    hand_in(tmp_path, MOODLE.replace("file", "onlinetext"), b"<p>", "onlinetext.html")
    hand_in(tmp_path, MOODLE.replace("4412345", "4412346"), STUB)
    found, _ = submissions.find(tmp_path, LESSONS, "moodle")
    assert [one.student for one in found] == ["김민준", "김민준"]
    assert [one.who.id for one in found] == ["4412345", "4412346"]
    assert all("2 students are called 김민준" in one.notes[""][-1] for one in found)


@pytest.mark.parametrize("around", ["", "Homework 1/"])
def test_the_archive_of_a_whole_class_is_a_class(tmp_path, around):
    members = {f"{around}{MOODLE}/{NAME}": FULL, f"{around}Anna_77_assignsubmission_file_/{NAME}": STUB}
    hand_in(tmp_path, ".", packed(members), "CS101-Homework 1-5.zip")
    for place in (tmp_path, tmp_path / "CS101-Homework 1-5.zip"):
        assert {*seen(place, "moodle")[0]} == {"김민준", "Anna"}


def test_late_is_what_canvas_marks_or_what_came_after_the_time(tmp_path):
    hand_in(tmp_path, ".", FULL, CANVAS)
    hand_in(tmp_path, ".", FULL, "ozanna_55013_998878_01_linear_regression.ipynb")
    older(hand_in(tmp_path, ".", FULL, "bern_55014_998879_01_linear_regression.ipynb"), 2)
    yesterday = datetime.fromtimestamp(os.stat(tmp_path).st_mtime - 86_400)
    for due, late in ((None, [False, True, False]), (yesterday, [False, True, True])):
        found, _ = submissions.find(tmp_path, LESSONS, "canvas", due)
        assert [one.late for one in sorted(found, key=lambda one: one.student)] == late


# the roster


def listed(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode(encoding))
    return roster.read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_roster_is_read_as_spreadsheets_write_it(tmp_path, encoding):
    people = listed(tmp_path, "학번;이름\r\n2024-10005;김 민준\r\n;이서연\r\n", encoding)
    assert [one.shown for one in people.people] == ["2024-10005 김 민준", "이서연"]


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("2024-10005_김민준", "10005"),
        ("2024-10005", "10005"),
        ("김민준", "10005"),
        (unicodedata.normalize("NFD", "김민준"), "10005"),
        ("ﾔﾏﾀﾞ ﾊﾅｺ", "10006"),
        ("やまだ はなこ", "10006"),
        ("Öz, Anna", "10007"),
        ("anna oz", ""),
        ("Anna", ""),
        ("이서연", ""),  # two of them
        ("12024-100057", ""),
        ("", ""),
    ],
)
def test_a_student_is_found_by_number_or_name_and_by_nothing_less(tmp_path, name, whose):
    people = listed(
        tmp_path,
        "id,name\n2024-10005,김 민준\n2024-10006,ヤマダ ハナコ\n2024-10007,Anna Öz\n"
        "2024-8,이서연\n2024-9,이서연\n",
    )
    found = people.whose(name)
    assert (found.ids[0][-5:] if found else "") == whose


def test_who_has_handed_in_nothing_has_a_row_and_a_stranger_is_named(tmp_path):
    hand_in(tmp_path / "class", "2024-1_anna", FULL)
    hand_in(tmp_path / "class", "zoe", FULL)
    people = listed(tmp_path, "id,first name,last name\n2024-1,Anna,Öz\n2024-2,Ben,Kim\n")
    found, _ = submissions.find(tmp_path / "class", LESSONS)
    graded = [grade.Graded(one, []) for one in found]
    said = grade.known_people(graded, people, [], points.Scheme(points={"01": {"step": 3}}))
    assert said == ["Not on the roster: zoe."]
    missing = graded[-1]
    assert (missing.submission.student, missing.submission.problem) == ("Ben Kim", "nothing was handed in")
    assert {mark.status for mark in missing.marks} == {"not handed in"}
    assert missing.possible == len(missing.marks) + 2
    assert len(graded) == 3


def test_a_roster_without_names_is_refused(tmp_path):
    with pytest.raises(CourseError, match="no column with names or numbers"):
        listed(tmp_path, "a,b\n1,2\n")
