"""All parts of the course count the same cores and call the processor by the same name."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
import types

import pytest
from planting import cell
from threadpoolctl import threadpool_info, threadpool_limits

from convlab import machine, runs
from coursekit.lessons import ROOT, find, select, source
from coursekit.measuring import bench

ASK = """
from convlab import machine, runs
from convlab.notebook import selfcheck
from coursekit.grading import grade
from coursekit.measuring import bench
from coursekit.running import nbval_kernels, run
counts = [machine.cores(), runs.machine()["cores"], bench.machine()["cores"], selfcheck._cores().found]
counts += [run.cores(), nbval_kernels.cores(), grade._options(["folder"]).jobs]
print(*counts)
"""


@pytest.mark.skipif(not shutil.which("taskset"), reason="Linux binds a process to a core")
def test_a_process_that_has_one_core_says_one_everywhere():
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c", ASK]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["1"] * 7


def test_the_processor_has_one_name():
    assert bench.machine()["processor"] == runs.machine()["processor"] == machine.processor() != ""


def test_number_formats_that_decide_how_fast_bfloat16_is_are_named(monkeypatch, tmp_path):
    said = "model name\t: Xeon X\nflags\t\t: sse amx_bf16 avx512_bf16\n\nmodel name\t: Y\nflags\t\t: sse\n"
    (tmp_path / "cpuinfo").write_text(said)
    monkeypatch.setattr(machine, "Path", lambda name: tmp_path / name.removeprefix("/proc/"))
    assert machine.processor() == "Xeon X, avx512_bf16, amx_bf16"
    (tmp_path / "cpuinfo").unlink()
    monkeypatch.setattr("platform.processor", lambda: "arm")
    assert machine.processor() == "arm"


def test_only_a_kernel_is_a_notebook(monkeypatch):
    for shell, notebook in ((None, False), (object(), False), (types.SimpleNamespace(kernel=1), True)):
        ipython = types.SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert machine.in_notebook() is notebook


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_products_run_in_one_thread_within_and_in_as_many_as_before_outside():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with machine.one_thread():
            assert blas_threads() and set(blas_threads()) == {1}
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError), machine.one_thread():
            1 / 0  # noqa: B018
        assert blas_threads() == before
        assert set(machine.one_thread()(blas_threads)()) == {1}


def test_seconds_of_other_threads_and_of_waiting_are_not_counted():
    spin = threading.Thread(target=lambda: sum(range(20_000_000)))
    start = machine.processor_seconds()
    spin.start()
    spin.join()
    time.sleep(0.5)
    assert machine.processor_seconds() - start < 0.2 or sys.platform == "win32"


def trains_in_many_threads(cells):
    """Return whether a cell defines a function that trains with NumPy, and does not keep it to one thread."""
    trains = [text for one in cells if re.search(r"^def train\w*\(", text := source(one), re.MULTILINE)]
    return any("@machine.one_thread()" not in text for text in trains)


@pytest.mark.parametrize("number", ["02", "03", "04", "07"])
def test_lessons_train_in_one_thread(number):
    [lesson] = select(find(ROOT), [number])
    assert not trains_in_many_threads(lesson.code_cells)


def test_fault_a_lesson_that_trains_in_many_threads_is_found():
    cells = [cell("other", "x = 1"), cell("train", "seed = 0\n\n\ndef train_epoch(network):\n    pass")]
    assert trains_in_many_threads(cells)
