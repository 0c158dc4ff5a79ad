"""The instructor guide's tables say what the lessons and their exercises say, and its plans can be kept."""

import pytest
from markdown_it import MarkdownIt
from planting import cell, plant

from convlab.exercises import catalogue
from coursekit.checking.check import course_findings
from coursekit.course import Course
from coursekit.lessons import ROOT, CourseError, find
from coursekit.publishing import guide
from coursekit.publishing import map as course_map

LESSONS = find(ROOT)
EXERCISES = catalogue.exercises()
GUIDE = "# Guide\n" + "".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in guide.tables([], ROOT))
PLANS = {
    "day": (guide.sessions(guide.DAY, LESSONS), 240),
    "evenings": (guide.sessions(guide.EVENINGS, LESSONS), 180),
    "semester": (guide.semester(LESSONS), 150),
}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_the_guide_names_each_exercise_and_its_mistakes(lesson):
    listed = " ".join(guide.mistakes_list([lesson], ROOT).split())
    for item in EXERCISES.get(f"lesson_{lesson.number}", []):
        question = " ".join(item.question.split())
        assert f"- `{item.name}`: {question} *{item.mistakes[0].name}; " in listed
        assert all(mistake.name in listed for mistake in item.mistakes)


@pytest.mark.parametrize("name", PLANS)
def test_no_session_is_longer_than_people_can_sit(name):
    plan, longest = PLANS[name]
    for session, members in plan:
        assert 0 < sum(guide.minutes(*one) for one in members) <= longest, session


@pytest.mark.parametrize("name", PLANS)
def test_a_lesson_comes_after_those_it_builds_on(name):
    order = [lesson.slug for _, members in PLANS[name][0] for lesson, _ in members]
    written = {lesson.slug for lesson in LESSONS}
    for lesson in LESSONS:
        for earlier in set(lesson.header["prerequisites"]) & written:
            assert lesson.slug not in order or earlier in order[: order.index(lesson.slug)]


def lasting(root, *minutes):
    """Plant lessons of these minutes."""
    for number, one in enumerate(minutes):
        plant(root, f"{number:02}_planted", cell("a", "1"), minutes=one, title=f"Planted {number}")
    return find(root)


def test_a_semester_has_every_lesson_once_in_order_and_its_fullest_week_is_short(tmp_path):
    plan = guide.semester(lasting(tmp_path, 10, 40, 75, 75, 80), weeks=3)
    assert max(sum(guide.minutes(*one) for one in members) for _, members in plan) == 125
    assert [lesson.slug for _, members in PLANS["semester"][0] for lesson, _ in members] == [
        lesson.slug for lesson in LESSONS
    ]
    assert len(PLANS["semester"][0]) <= guide.WEEKS


def test_a_lesson_that_is_shown_takes_a_fifth_of_its_minutes(tmp_path):
    lessons = lasting(tmp_path, 10, 60, 75)
    assert [guide.minutes(lesson, False) for lesson in lessons] == [5, 10, 15]
    assert "00 Planted 0, 01 Planted 1, *02 Planted 2* | 85 |" in guide.tables(lessons, tmp_path)["day"]


def test_a_guide_that_is_not_current_is_found_and_written_anew(tmp_path):
    lasting(tmp_path, 10, 40)
    path = tmp_path / "docs" / "instructor_guide.md"
    path.parent.mkdir()
    path.write_text(GUIDE)
    assert [one.path for one in course_findings(Course(tmp_path)) if one.rule == "map"] == [path]
    assert course_map.update(tmp_path) == [path]
    assert "| 1 | 00 Planted 0 | 10 |" in path.read_text()
    assert "old" not in path.read_text()
    assert course_map.stale(tmp_path) == {}


def test_the_guide_is_wrapped():
    text = (ROOT / "docs" / "instructor_guide.md").read_text(encoding="utf-8")
    prose = [line for line in text.splitlines() if not line.startswith(("|", "for "))]
    assert max(map(len, prose)) <= guide.WIDTH


@pytest.mark.parametrize("width", range(20, 101, 3))
def test_a_line_that_was_broken_begins_no_other_list(width, monkeypatch):
    monkeypatch.setattr(guide, "WIDTH", width)  # some question has `features @ weights + bias`
    listed = MarkdownIt().render(guide.mistakes_list(LESSONS, ROOT))
    assert listed.count("<li>") == sum(len(EXERCISES.get(f"lesson_{one.number}", [])) for one in LESSONS)


def test_a_guide_without_a_place_for_a_table_is_reported(tmp_path):
    with pytest.raises(CourseError, match="no place for mistakes"):
        guide.with_tables(GUIDE.replace("mistakes", "errors"), [], tmp_path)
