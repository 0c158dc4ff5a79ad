"""`report.summary` says a lesson's figures to its reader and to `make run`."""

import ast
import subprocess
import sys

import numpy as np
import psutil
import pytest

from convlab import report

IN_A_NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()
shell.kernel = object()  # as in a notebook
shell.display_pub.publish = lambda data, metadata=None, **rest: print("published", data)
from convlab import report
report.summary(data="bundled", accuracy=0.5)
"""


@pytest.mark.parametrize(
    "figure, said",
    [
        (0.971234, "0.9712"),
        (203530, "203,530"),
        (np.float32(0.5), "0.5"),
        (np.int64(7), "7"),
        (np.array([1.25]), "1.25"),
        (np.inf, "inf"),
        (True, "True"),
        ("98 of 100", "98 of 100"),
    ],
)
def test_figures_are_said_in_plain_python(capsys, figure, said):
    report.summary(data="bundled", test_accuracy=figure)
    assert capsys.readouterr().out == f"test accuracy {said} · data: bundled\n"


def test_data_may_be_left_out(capsys):
    report.summary(loss=1.0)
    assert capsys.readouterr().out == "loss 1\n"


def test_figure_must_be_one_number():
    with pytest.raises(TypeError, match="losses is a ndarray; a key figure is one number or a text"):
        report.summary(losses=np.ones(3))


def test_notebook_gets_the_figures_for_the_runner():
    result = subprocess.run([sys.executable, "-c", IN_A_NOTEBOOK], capture_output=True, text=True, check=True)
    published = ast.literal_eval(result.stdout.removeprefix("published "))
    assert 0.005 < published[report.MIME].pop("peak_gb") < 5
    bundle = {"data": "bundled", "figures": {"accuracy": 0.5}, "text": "accuracy 0.5"}
    assert published == {"text/plain": "accuracy 0.5 · data: bundled", report.MIME: bundle}


def test_without_anything_that_measures_memory_the_figures_are_shown_all_the_same():
    """As in a browser: WebAssembly has neither `resource` nor psutil."""
    program = "import sys; sys.modules['resource'] = sys.modules['psutil'] = None\n" + IN_A_NOTEBOOK
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    published = ast.literal_eval(result.stdout.removeprefix("published "))
    assert published["text/plain"] == "accuracy 0.5 · data: bundled"
    assert published[report.MIME]["peak_gb"] is None


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system in another way there")
def test_peak_of_memory_is_given_in_bytes_and_does_not_fall():
    before = report._peak_memory()
    ballast = np.ones(max(0, 2 * before - psutil.Process().memory_info().rss) // 8 + 10**7)
    after = report._peak_memory()
    assert after > before + 5e7
    del ballast
    assert report._peak_memory() >= after
