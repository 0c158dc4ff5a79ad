"""What TensorFlow's C++ code says at import stays out of a lesson; whatever matters is still seen there."""

import os
import platform
import sys
from unittest import mock

import pytest
from planting import cell, plant

from coursekit.lessons import Lesson
from coursekit.running.execution import LessonFailed, execute
from coursekit.running.kernels import Kernels

CHATTER = "port.cc:153] oneDNN custom operations are on"
CHATTY = f"import os, warnings\nos.write(2, b'{CHATTER}\\n')\n"
USE = "from convlab import report\n\nimport tensorflow as tf\n\nprint(tf.ones)"


WATCHES = pytest.mark.skipif(sys.platform == "win32", reason="Jupyter watches no file descriptor there")


def in_kernel(root, *sources):
    """Run a planted lesson of these cells; return what it said by stream, and the kernel's log."""
    cells = [cell(f"cell-{place}", source) for place, source in enumerate(sources)]
    lesson = Lesson(plant(root, "08_planted", *cells))
    with Kernels() as kernels, mock.patch.dict(os.environ):
        os.environ.pop("PYTEST_CURRENT_TEST", None)  # where pytest runs, Jupyter watches nothing
        done = execute(lesson, root / "done.ipynb", kernels)
        log = "".join(file.read_text() for file in kernels.scratch.glob("*.log"))
    streams = {"stdout": "", "stderr": ""}
    for output in [output for one in done.cells for output in one.outputs]:
        streams[output.get("name", output.output_type)] += output["text"]
    return streams, log


@pytest.fixture
def said(tmp_path):
    """Return `in_kernel`, for a kernel that finds a planted `tensorflow`."""

    def run(package, *sources):
        (tmp_path / "notebooks" / "tensorflow").mkdir(parents=True)
        (tmp_path / "notebooks" / "tensorflow" / "__init__.py").write_text(package)
        return in_kernel(tmp_path, *sources)

    return run


@WATCHES
def test_chatter_at_import_goes_to_the_log_and_later_words_to_the_notebook(said):
    later = "import time\nos = tf.os\nos.write(2, b'a real error, later')\ntime.sleep(0.5)"
    streams, log = said(CHATTY + "warnings.warn('old Python')\nones = 'in use'", USE, later)
    assert streams["stdout"] == "in use\n"
    assert CHATTER in log and CHATTER not in streams["stderr"]
    assert "old Python" in streams["stderr"] and "a real error, later" in streams["stderr"]


@WATCHES
def test_without_convlab_the_chatter_would_be_in_the_notebook(said):
    streams, _ = said(CHATTY + "ones = 'in use'", USE.split("\n\n", 1)[1], "import time; time.sleep(0.5)")
    assert CHATTER in streams["stderr"]


def test_exception_at_import_is_the_cell_s(said):
    with pytest.raises(LessonFailed) as failed:
        said(CHATTY + "raise ImportError('DLL load failed')", USE)
    assert "ImportError: DLL load failed" in failed.value.why and failed.value.cell.number == 1


def test_last_words_of_a_death_at_import_are_quoted(said):
    package = CHATTY + "os.write(2, b'F0000 compiled to use AVX instructions\\n')\nos.abort()"
    with pytest.raises(LessonFailed) as failed:
        said(package, USE)
    assert "died" in failed.value.why
    assert any("AVX instructions" in line for line in failed.value.lines)


def test_bars_draw_nothing_in_the_course_s_kernels(said):
    streams, _ = said("", "from tqdm import tqdm\n\nprint(sum(tqdm(range(4))))")
    assert streams == {"stdout": "6\n", "stderr": ""}


@WATCHES
def test_tensorflow_itself_leaves_nothing_in_the_notebook(tmp_path):
    work = "print(tf.function(tf.nn.relu, jit_compile=True)(tf.ones(3)).numpy(), keras.Sequential.__name__)"
    imports = "from convlab import report\n\nimport keras\nimport tensorflow as tf\n"
    streams, log = in_kernel(tmp_path, f"{imports}\n{work}", "import time\n\ntime.sleep(1)")
    assert streams == {"stdout": "[1. 1. 1.] Sequential\n", "stderr": ""}
    assert "oneDNN" in log or "TF_ENABLE_ONEDNN_OPTS" in os.environ or platform.machine() != "x86_64"
