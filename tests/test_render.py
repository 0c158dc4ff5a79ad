"""`make render` stores what a lesson shows and nothing of the run that made it; nbval compares it."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from planting import cell, plant, ran, stream

from coursekit.lessons import Lesson, code_digest
from coursekit.running import render

PICTURE = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"
NOISY = """import sys
from IPython.display import display
from ipywidgets import IntSlider
print("\\x1b[31mred\\x1b[0m")
print("more")
print(" 12%|#         | 3/25 [00:01<00:09, 2.5it/s]", file=sys.stderr)
IntSlider()"""


@pytest.fixture
def lesson(tmp_path):
    """Return the path of a lesson with a picture, noise of all kinds and a compared cell."""
    compared = cell("compared", "print(6 * 7)", "nbval-check-output")
    path = plant(tmp_path, "01_show", cell("picture", PICTURE), cell("noisy", NOISY), compared, title="Show")
    notebook = json.loads(path.read_text())
    notebook["metadata"]["papermill"] = {"duration": 12}
    notebook["cells"][0]["metadata"] |= {
        "execution": {"busy": 1},
        "mystnb": {"image": {"alt": "Three points"}},
    }
    path.write_text(json.dumps(notebook))
    return path


def test_rendering_is_clean_and_the_same_twice(lesson, tmp_path, capsys):
    assert render.main(["--root", str(tmp_path)]) == 0
    first = lesson.read_bytes()
    notebook = json.loads(first)
    picture, noisy, compared = notebook["cells"]
    assert [one["execution_count"] for one in notebook["cells"]] == [1, 2, 3]
    assert picture["metadata"] == {"tags": [], "mystnb": {"image": {"alt": "Three points"}}}
    assert "image/png" in picture["outputs"][0]["data"]
    assert noisy["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["red\n", "more\n"]}]
    assert compared["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["42\n"]}]
    assert notebook["metadata"] == {
        "convlab": {"title": "Show", "rendered": code_digest(notebook["cells"])},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert render.main(["--root", str(tmp_path), "01"]) == 0
    assert lesson.read_bytes() == first
    assert capsys.readouterr().err == ""


def test_failure_leaves_the_notebook_as_it_was(tmp_path, capsys):
    path = plant(tmp_path, "01_wrong", cell("fine", "print(1)"), cell("wrong", "1 / 0"))
    before = path.read_bytes()
    assert render.main(["--root", str(tmp_path)]) == 1
    assert path.read_bytes() == before and [*path.parent.iterdir()] == [path]
    said = capsys.readouterr().out
    assert "01_wrong failed in cell 2 (id wrong): ZeroDivisionError" in said and "as it was" in said


def test_counts_of_compared_cells_rise_and_never_fall(lesson, tmp_path):
    counts = tmp_path / "tests" / "compared_cells.json"
    render.raise_counts(tmp_path)
    assert json.loads(counts.read_text()) == {"01_show": 1}
    counts.write_text('{"01_show": 5, "02_gone": 2}')
    render.raise_counts(tmp_path)
    assert json.loads(counts.read_text()) == {"01_show": 5, "02_gone": 2}


def test_meant_error_is_stored_without_the_places_it_came_from():
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["/home/kim/a.py"]}
    assert render._output(error)["traceback"] == ["ValueError: no"]


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1, pnginfo=None)
    return stream.getvalue()


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)


def test_drawing_gets_smaller_and_looks_the_same():
    levels = (np.add.outer(np.arange(300), np.arange(400)) // 3 % 256).astype(np.uint8)
    drawing = np.stack([levels, levels, levels // 2], axis=2)
    small = render.smaller(png(drawing))
    assert len(small) < len(png(drawing)) / 2
    assert np.abs(pixels(small) - drawing).max() <= render.INVISIBLE


def test_picture_of_many_colours_keeps_every_one():
    photograph = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    np.testing.assert_array_equal(pixels(render.smaller(png(photograph))), photograph)


def test_see_through_picture_stays_so():
    glass = np.full((20, 20, 4), 90, np.uint8)
    small = Image.open(io.BytesIO(render.smaller(png(glass))))
    np.testing.assert_array_equal(np.asarray(small.convert("RGBA")), glass)


def run_as(said):
    """Return a compared cell that prints 42, with `said` stored as its output."""
    return ran("answer", "print(6 * 7)", "nbval-check-output", outputs=[stream(said)])


def test_nbval_compares_what_is_tagged_and_sees_a_dead_kernel(tmp_path):
    plant(tmp_path, "01_right", run_as("42\n"))
    plant(tmp_path, "02_wrong", run_as("43\n"))
    plant(tmp_path, "03_killed", cell("kill", "import os\nos.kill(os.getpid(), 9)"))
    options = [
        "-p",
        "coursekit.running.nbval_kernels",
        "--nbval-lax",
        "--nbval-cell-timeout",
        "60",
        "--color=no",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *options, "notebooks"]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout
    assert "PASSED notebooks/01_right.ipynb::Cell 0" in said
    assert "FAILED notebooks/02_wrong.ipynb::Cell 0" in said and "'43\\n' == '42\\n'" in said
    assert "FAILED notebooks/03_killed.ipynb::Cell 0" in said and "it ended the kernel (killed" in said


def test_lesson_saved_meanwhile_is_not_overwritten(lesson, tmp_path, monkeypatch):
    read = Lesson(lesson)
    assert read.notebook["cells"]
    lesson.write_text(lesson.read_text().replace("6 * 7", "6 * 8"))
    monkeypatch.setattr(render, "execute", lambda *_, **__: read.notebook)
    with render.Kernels() as kernels, pytest.raises(render.CourseError, match="saved by someone else"):
        render.render(read, kernels)
    assert "6 * 8" in lesson.read_text()
