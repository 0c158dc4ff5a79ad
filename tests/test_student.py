"""The archives for a class hold what students need, and no answer, guide or file of one person."""

import json
import tarfile
import zipfile

import pytest

from coursekit.__main__ import main as coursekit
from coursekit.lessons import ROOT, find
from coursekit.publishing import book, student


@pytest.fixture(scope="module")
def files():
    return student.edition(ROOT)


def test_lessons_are_whole_but_for_their_outputs(files):
    for lesson in find(ROOT):
        handed = json.loads(files[f"notebooks/{lesson.path.name}"])
        code = [cell for cell in handed["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
        assert [cell["source"] for cell in handed["cells"]] == [cell["source"] for cell in lesson.cells]
        assert any(cell.get("outputs") for cell in lesson.code_cells)  # the course's own stay


def test_what_students_need_is_there_and_nothing_else(files):
    for name in (
        "Makefile",
        "requirements.txt",
        "data/mnist.npz",
        "lib/convlab/__init__.py",
        "docs/glossary.yaml",
    ):
        assert name in files
    for part in ("tests/", ".git/", ".ci/", ".venv/", "build/", "data/progress", "data/cifar10", "service/"):
        assert not any(name.startswith(part) for name in files)
    assert "docs/instructor_guide.md" not in files
    assert "docs/concept_test.yaml" not in files
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in files)


def test_the_book_for_students_has_no_instructor_guide_and_no_link_to_it():
    pages = book.sources(ROOT, guide=False)
    assert "instructor_guide.md" not in pages
    shown = {
        name: text for name, text in pages.items() if name.endswith((".md", ".ipynb")) and "/" not in name
    }
    assert [name for name, text in shown.items() if "instructor_guide" in text] == []
    assert "instructor_guide.md" in book.sources(ROOT)


def test_both_archives_hold_the_same_files(tmp_path, monkeypatch, capsys):
    few = {"a/ü.txt": b"one", "notebooks/01.ipynb": b"{}"}
    monkeypatch.setattr(student, "edition", lambda root: dict(few))
    assert coursekit(["student", "--out", str(tmp_path), "--no-book"]) == 0
    with zipfile.ZipFile(tmp_path / "course.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"course/{k}": v for k, v in few.items()
        }
    with tarfile.open(tmp_path / "course.tar.gz") as archive:
        assert {one.name: archive.extractfile(one).read() for one in archive} == {
            f"course/{k}": v for k, v in few.items()
        }
    assert "course.tar.gz: 0 MB" in capsys.readouterr().out
