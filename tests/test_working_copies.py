"""What a learner writes into a copy of a lesson stays theirs, whatever becomes of the course."""

import json

import nbformat
import pytest

from coursekit.lessons import Lesson, find
from coursekit.running import lab, working_copies


@pytest.fixture
def course(tmp_path):
    """The folder of a course of two lessons, whose outputs are stored."""
    (tmp_path / "notebooks").mkdir()
    for name in ("05_convolution", "06_output_sizes"):
        publish(tmp_path, name, "print(6 * 7)")
    return tmp_path


def publish(course, name, code):
    """Store a lesson of one cell, with its output."""
    output = nbformat.v4.new_output("stream", text="42\n")
    cell = nbformat.v4.new_code_cell(code, outputs=[output], execution_count=1, id="product")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), course / "notebooks" / f"{name}.ipynb")


def written(course, name):
    """Return the one cell of a learner's copy."""
    notebook = nbformat.read(course / "mine" / name, as_version=4)
    nbformat.validate(notebook)
    return notebook.cells[0]


def update(course):
    return [lesson.slug for lesson in working_copies.update(find(course), course / "mine")]


def test_copies_have_no_outputs_and_the_stored_lessons_keep_theirs(course):
    before = (course / "notebooks" / "05_convolution.ipynb").read_bytes()
    assert update(course) == []
    cell = written(course, "05_convolution.ipynb")
    assert cell.source == "print(6 * 7)" and cell.outputs == [] and cell.execution_count is None
    assert (course / "notebooks" / "05_convolution.ipynb").read_bytes() == before
    assert len(list((course / "mine").glob("*.ipynb"))) == 2


def test_what_a_learner_wrote_stays_after_every_update(course):
    update(course)
    mine = course / "mine" / "05_convolution.ipynb"
    mine.write_text(mine.read_text().replace("6 * 7", "my answer"))
    for change in ("print(43)", "print(44)"):
        publish(course, "05_convolution", change)
        assert update(course) == ["05_convolution"]
        assert written(course, "05_convolution.ipynb").source == "print(my answer)"


def test_new_outputs_alone_are_no_change(course):
    update(course)
    path = course / "notebooks" / "06_output_sizes.ipynb"
    path.write_text(path.read_text().replace("42", "43"))
    assert update(course) == []


def test_new_lesson_is_taken_and_the_old_copy_is_kept_beside_it(course):
    update(course)
    lesson = Lesson(course / "notebooks" / "05_convolution.ipynb")
    for number, code in enumerate(["print(43)", "print(44)"], start=1):
        publish(course, "05_convolution", code)
        kept = working_copies.take_new(Lesson(lesson.path), course / "mine")
        assert kept.name == f"05_convolution-old-{number}.ipynb"
        assert written(course, "05_convolution.ipynb").source == code
        assert update(course) == []
    assert written(course, "05_convolution-old-1.ipynb").source == "print(6 * 7)"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"05_convolution": 3}'])
def test_torn_record_of_versions_loses_nothing(course, content):
    update(course)
    (course / "mine" / working_copies.VERSIONS).write_text(content)
    mine = course / "mine" / "05_convolution.ipynb"
    mine.write_text(mine.read_text().replace("6 * 7", "my answer"))
    update(course)
    assert written(course, "05_convolution.ipynb").source == "print(my answer)"


def test_lab_says_what_has_changed_and_how_to_take_it(course, monkeypatch, capsys):
    monkeypatch.setattr(working_copies, "FOLDER", course / "mine")
    monkeypatch.setattr(lab, "find", lambda: find(course))
    lab.copies("")
    assert "Changed" not in capsys.readouterr().out
    publish(course, "06_output_sizes", "print(43)")
    lab.copies("")
    assert 'make lab NEW="06"' in capsys.readouterr().out
    lab.copies("06")
    said = capsys.readouterr().out
    assert "what you had is mine/06_output_sizes-old-1.ipynb" in said and "Changed" not in said


def test_defaults_are_added_to_the_folders_that_jupyter_reads(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    assert lab.config_path(tmp_path / "lab" / "config").endswith("/mine")
    [file] = (tmp_path / "lab" / "config").rglob("default_setting_overrides.json")
    assert json.loads(file.read_text()) == lab.DEFAULTS
