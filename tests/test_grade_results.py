"""What grading writes: points, corrections, CSVs, worksheets of learning management systems, pages."""

import csv
import io
import zipfile

import pytest
from test_grade import LESSON, RIGHT, hand_in, notebook

from coursekit.__main__ import main as coursekit
from coursekit.grading import exports, grade, gradebook, lms, pages, points, wording
from coursekit.grading.grade import Graded, Mark
from coursekit.grading.submissions import File, Submission
from coursekit.lessons import ROOT, CourseError, find

LESSONS = find(ROOT)
MOODLE = "김민준_4412345_assignsubmission_file_"
CANVAS = "kimminjun_LATE_55012_998877_01_linear_regression-1.ipynb"


def graded(entry="anna", system="", *marks, late=False, lesson=LESSON):
    """Return a submission with these marks."""
    who = lms.who(entry, system)
    marks = marks or (Mark("step", "right", points=1.0), Mark("gradient", "wrong", "factor 2 forgotten"))
    path = ROOT / "nowhere" / "a.ipynb"
    return Graded(Submission(who.name, lesson, File(path), who=who, late=late), [*marks])


def rows(path):
    """Return the lines of a CSV that a spreadsheet opens by its byte order mark."""
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


# points


def scheme(tmp_path, text):
    path = tmp_path / "points.toml"
    path.write_text(text, encoding="utf-8")
    return points.read(path, LESSONS)


def test_points_weights_and_partial_credit_come_from_one_file(tmp_path):
    found = scheme(tmp_path, 'partial = true\nlate = 0.8\n[weights]\n"01" = 2\n[points."01"]\nstep = 3\n')
    assert (found.possible("01", "step"), found.possible("01", "gradient"), found.weight("01")) == (3, 1, 2)
    assert found.earned(3, False, 4, 6) == 2
    assert found.earned(3, True, 6, 6) == 3
    assert points.Scheme().earned(3, False, 4, 6) == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[points."01"]\nstpe = 3', "has stpe; there are: descend, diverging"),
        ('[points."99"]\nstep = 3', "has 99"),
        ("parital = true", "has parital"),
        ("late = -1", "late is -1"),
        ('[weights]\n"01" = "two"', "weights.01 is 'two'"),
        ("partial = 1", "true or false"),
        ("late = 1\nlate = 2", "cannot be read"),
        ("late", "cannot be read"),
    ],
)
def test_a_scheme_that_means_nothing_is_refused(tmp_path, text, why):
    with pytest.raises(CourseError, match=why):
        scheme(tmp_path, text)


def test_partial_credit_counts_the_cases_that_agree():
    from convlab.exercises import catalogue, judging, values

    step = next(one for one in catalogue.exercises()["lesson_01"] if one.name == "step")
    calls = iter(range(len(step.cases)))

    def right_but_once(*arguments):
        return step.reference(*arguments) if next(calls) else 7.0

    data = values.encode(judging.attempt(step, right_but_once))
    assert grade.Marker().passed(step, data) == (len(step.cases) - 1, len(step.cases))
    assert grade.Marker().passed(step, {"outcomes": []}) == (0, 0)


def test_late_takes_its_share_and_says_so():
    one = graded(late=True)
    one.kept = 0.8
    assert one.points == 0.8
    assert one.notes == ["late: 0.8 of the points count"]


# corrections


def test_corrections_count_and_stay(tmp_path):
    written = 'student,lesson,exercise,points,reason\n\'anna,1,gradient,"0,5",half of it\nanna,01,step,,\n'
    (tmp_path / "corrections-1.csv").write_bytes(b"\xef\xbb\xbf" + written.encode())
    one = graded()
    for _ in range(2):  # and again after another grading
        one = graded()
        assert grade.corrected([one], points.Corrections(tmp_path)) == []
        gradebook.write([one], tmp_path, points.Scheme(), assistants=1)
    assert one.points == 1.5
    assert (tmp_path / "corrections-1.csv").read_text(encoding="utf-8-sig") == written
    assert "half of it" in next((tmp_path / "pages").iterdir()).read_text(encoding="utf-8")
    assert rows(tmp_path / "grades.csv")[1]["corrected"] == "half of it"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("anna,01,stpe,1,", "nothing is called anna / 01 / stpe"),
        ("anan,01,step,1,", "nothing is called anan"),
        ("anna,01,step,one,", "line 2: 'one' is no number"),
        ("anna,01,step,nan,", "line 2: 'nan' is no number"),
        ("anna,01,step,1,\nanna,01,step,2,", "line 3: anna / 01 / step is corrected twice"),
    ],
)
def test_a_correction_that_fits_nothing_is_reported(tmp_path, line, why):
    (tmp_path / "corrections.csv").write_text(
        f"student,lesson,exercise,points,reason\n{line}\n", encoding="utf-8"
    )
    assert why in "".join(grade.corrected([graded()], points.Corrections(tmp_path)))


def test_assistants_share_whole_students(tmp_path):
    all_ = [graded(name) for name in "abcde"] + [graded("a")]
    parts = wording.shares(all_, 2)
    assert [[one.submission.student for one in part] for part in parts] == [["a", "b", "c", "a"], ["d", "e"]]
    gradebook.write(all_, tmp_path, points.Scheme(), assistants=2)
    assert 'href="pages/e-' in (tmp_path / "assistant-2.html").read_text(encoding="utf-8")
    assert [row["student"] for row in rows(tmp_path / "corrections-2.csv")] == ["d", "e"]


# files


def test_the_wide_csv_has_a_line_for_each_student_and_a_weighted_total(tmp_path):
    other = next(one for one in LESSONS if one.number == "05")
    mine = [graded("=김"), graded("=김", "", Mark("move", "right", points=1.0), lesson=other), graded("b")]
    gradebook.write(mine, tmp_path, points.Scheme(weights={"05": 3}))
    first, second = rows(tmp_path / "students.csv")
    assert (first["student"], first["01 step"], first["01 points"], first["05 move"]) == (
        "'=김",
        "1",
        "1",
        "1",
    )
    assert (first["percent"], second["percent"], second["05 points"]) == ("87.5", "12.5", "")


def test_pages_of_an_earlier_grading_go_and_nothing_else(tmp_path):
    gradebook.write([graded("anna"), graded("ben")], tmp_path, points.Scheme(), assistants=2)
    (tmp_path / "pages" / "mine.html").write_text("<p>mine</p>", encoding="utf-8")
    gradebook.write([graded("anna")], tmp_path, points.Scheme())
    names = sorted(path.name.partition("-")[0] for path in (tmp_path / "pages").iterdir())
    assert names == ["anna", "mine.html"]
    assert not (tmp_path / "assistant-2.html").exists()
    assert (tmp_path / "corrections-2.csv").exists()


def test_a_page_states_the_question_renders_code_and_counts_cases():
    mark = Mark("step", "wrong", "climbs", "this goes *up*: `a * b * c < 2`\nx = 1", source="def f(): ...")
    mark.question, mark.passed, mark.cases, mark.points = "How does `w` move?", 4, 6, 0.67
    mark.private = ["the same program as that of ben"]
    one = graded("김민준", "", mark)
    page = pages.page(one)
    assert '<p class="question">How does <code>w</code> move?</p>' in page
    assert "agrees on 4 of 6 cases, 0.67 of 1 points" in page
    assert "goes <em>up</em>: <code>a * b * c &lt; 2</code>" in page
    assert "width=device-width" in page
    assert "ben" not in page
    assert pages.page_name(one).startswith("김민준-01-")


def test_results_that_cannot_be_written_are_named_before_anything_runs(tmp_path, capsys):
    hand_in(tmp_path / "class", "anna", notebook(**RIGHT))
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "grades" / "grades.csv").mkdir(parents=True)
    for output, why in (("file", "cannot be written"), ("grades", "a folder is called grades.csv")):
        assert coursekit(["grade", str(tmp_path / "class"), "--output", str(tmp_path / output)]) == 2
        assert why in capsys.readouterr().err


# learning management systems

WORKSHEET = (
    "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\r\n"
    '"Participant 4412345","김민준",a@b.c,"Submitted for grading - ",,"20.00",Yes,'
    '"Wednesday, 4 November 2026, 10:41 AM",-,\r\n'
    '"Participant 4412346","Öz, Anna",o@b.c,"No submission",,"20.00",Yes,-,-,\r\n'
)


def filled(tmp_path, system, text, *submissions_, column=""):
    """Return the worksheet's lines after grading, and the archive of feedback."""
    sheet = tmp_path / "exported.csv"
    sheet.write_text(text, encoding="utf-8", newline="")
    paths = exports.write([*submissions_], tmp_path, system, sheet if text else None, column)
    assert [path.name for path in paths] == [f"{system}-01_linear_regression.csv", "feedback.zip"]
    return list(csv.reader(io.StringIO(paths[0].read_text(encoding="utf-8-sig")))), zipfile.ZipFile(paths[1])


def test_moodles_worksheet_comes_back_with_grades_and_nothing_else_changed(tmp_path):
    lines, archive = filled(tmp_path, "moodle", WORKSHEET, graded(MOODLE, "moodle"))
    before = list(csv.reader(io.StringIO(WORKSHEET.removeprefix("\ufeff"))))
    assert lines[1][4] == "10.00"  # half of 20
    assert lines[1][9] == "step right, gradient wrong. The page in the feedback files says more."
    lines[1][4], lines[1][9] = "", ""
    assert lines == before
    (name,) = archive.namelist()
    assert name == f"{MOODLE}/feedback-01_linear_regression.html"
    assert moodle_matches(name) == ("4412345", "assignsubmission", "file")


def moodle_matches(name):
    """Return (number, type, plugin) as assignfeedback_file's importer takes them from a path's first part."""
    parts = name.split("/")[0].split("_", 4)
    return (parts[1], parts[2], parts[3]) if len(parts) >= 4 and parts[1].isdecimal() else None


def test_a_flat_entry_of_moodle_is_matched_too():
    entry = f"Öz, Anna_77_assignsubmission_file_{LESSON.path.name}"
    name = exports.feedback_name(lms.who(entry, "moodle"), "f.html", "moodle")
    assert moodle_matches(name) == ("77", "assignsubmission", "file")


def test_without_a_worksheet_one_is_made_that_reads_back(tmp_path):
    lines, _ = filled(tmp_path, "moodle", "", graded(MOODLE, "moodle"))
    assert lines[0] == [*exports.MOODLE_COLUMNS]
    assert lines[1][:5] == ["Participant 4412345", "김민준", "", "", "50.00"]
    again, _ = filled(
        tmp_path,
        "moodle",
        (tmp_path / "moodle-01_linear_regression.csv").read_text(encoding="utf-8"),
        graded(MOODLE, "moodle"),
    )
    assert again == lines


GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Warm up (11),Week 1: A line (12),"
    "Assignments Current Score\r\n"
    ",,,,,,Manual Posting,\r\n"
    "    Points Possible,,,,,5.00,10.00,(read only)\r\n"
    '"Kim, Minjun",55012,u1,kimm,CS,4.00,,80.00\r\n'
    '"Öz, Anna",55013,u2,oza,CS,5.00,3.00,100.00\r\n'
)


def test_canvas_gradebook_comes_back_with_grades_in_the_one_column(tmp_path):
    lines, archive = filled(tmp_path, "canvas", GRADEBOOK, graded(CANVAS, "canvas"), column="Week 1: A line")
    assert lines[3][6] == "5.00"
    lines[3][6] = ""
    assert lines == list(csv.reader(io.StringIO(GRADEBOOK)))
    (name,) = archive.namelist()
    assert [part for part in name.split("_") if part.isdigit()][:2] == ["55012", "998877"]
    assert name.endswith(".html")


def test_which_column_of_canvas_is_asked_where_none_names_the_lesson(tmp_path):
    text = GRADEBOOK.replace("Week 1: A line", "Homework")
    with pytest.raises(CourseError, match=r"which column .* is lesson 01_linear_regression\?"):
        filled(tmp_path, "canvas", text, graded(CANVAS, "canvas"))
    lines, _ = filled(tmp_path, "canvas", "", graded(CANVAS, "canvas"))
    assert lines[0] == [*exports.CANVAS_COLUMNS, LESSON.slug]
    assert lines[1][:1] + lines[1][-1:] == ["    Points Possible", "2.00"]
    assert lines[2][1] == "55012"
    assert lines[2][-1] == "1.00"


@pytest.mark.parametrize("status", ["not graded", "missing module"])
def test_what_a_person_must_look_at_gets_no_grade(tmp_path, status):
    mark = Mark("step", status)
    lines, _ = filled(tmp_path, "moodle", WORKSHEET, graded(MOODLE, "moodle", mark))
    assert lines[1][4] == ""
    mark.correction, mark.points = "seen", 1.0
    lines, _ = filled(tmp_path, "moodle", WORKSHEET, graded(MOODLE, "moodle", mark))
    assert lines[1][4] == "20.00"


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "Identifier\n"])
def test_what_is_no_worksheet_is_refused(tmp_path, text):
    for system, entry in (("moodle", MOODLE), ("canvas", CANVAS)):
        with pytest.raises(CourseError):
            filled(tmp_path, system, text, graded(entry, system))


# the week's mistakes


def test_the_slide_says_how_many_of_those_who_tried_made_a_mistake(tmp_path, capsys):
    marks = ["climbs"] * 3 + ["factor 2 forgotten"] * 2 + ["gradient of one point"]
    class_ = [graded(f"s{i}", "", Mark("step", "wrong", one)) for i, one in enumerate(marks)]
    class_ += [graded("right", "", Mark("step", "right")), graded("none", "", Mark("step", "not attempted"))]
    gradebook.write(class_, tmp_path, points.Scheme())
    assert coursekit(["report", str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["3 of 7: climbs (01 step)", "2 of 7: factor 2 forgotten (01 step)"]
    slide = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert slide.count("<li>") == 2
    assert "this goes up" in slide
    assert coursekit(["report", str(tmp_path), "--lessons", "05"]) == 0
    assert "No mistake" in capsys.readouterr().out
    assert coursekit(["report", str(tmp_path / "nowhere")]) == 2
