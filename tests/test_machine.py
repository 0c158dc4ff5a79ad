"""All parts of the course count the same cores and call the processor by the same name."""

import os
import shutil
import subprocess
import sys
import types

import pytest

from convlab import machine, runs
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
