"""Limits on a cell hold on a busy machine: they count its own processor seconds, not those of others."""

import os
import re
import subprocess
import sys
import time

import pytest
from planting import cell, plant

from coursekit.lessons import ROOT
from coursekit.running import stopwatch
from coursekit.running.kernels import end_group
from coursekit.running.stopwatch import Stopwatch

SPINS = "while True: pass"
SLEEPS = "import time; time.sleep(10**6)"
SPINS_IN_SHORT_THREADS = """
import threading
while True:
    thread = threading.Thread(target=lambda: sum(range(200_000)))
    thread.start()
    thread.join()
"""
SPINS_IN_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPINS!r}])"
SPINS_TWICE = f"import threading\ndef spin():\n    {SPINS}\nthreading.Thread(target=spin).start()\nspin()"


@pytest.fixture
def started():
    """Return a function that runs code in a process of its own, which is ended after the test."""
    processes = []

    def start(code):
        processes.append(subprocess.Popen([sys.executable, "-c", code], start_new_session=True))
        return processes[-1]

    yield start
    for process in processes:
        end_group(process)
        process.wait()


def first_word(watch):
    """Look until the stopwatch finds its process overdue; return what it says."""
    while not (why := watch.overdue()):
        time.sleep(0.1)
    return why


@pytest.mark.parametrize(
    "code, why",
    [
        (SPINS, "did not end within 1 processor seconds"),
        (SPINS_TWICE, "did not end within 1 processor seconds"),
        (SPINS_IN_A_CHILD, "did not end within 1 processor seconds"),
        (SPINS_IN_SHORT_THREADS, "did not end within 1 processor seconds on each of "),
        (SLEEPS, "waited for 1 seconds without computing"),
    ],
    ids=["spins", "spins in two threads", "spins in a child", "spins in short threads", "waits"],
)
def test_what_takes_too_long_is_found(started, code, why):
    assert first_word(Stopwatch(started(code).pid, 1)).startswith(why)


def test_what_a_process_took_before_the_cell_is_not_counted(started):
    process = started(SPINS)
    first_word(Stopwatch(process.pid, 1))
    assert Stopwatch(process.pid, 1).overdue() == ""


def test_without_a_limit_and_without_a_process_nothing_is_overdue(started):
    process = started("")
    process.wait()
    assert Stopwatch(process.pid, 1).overdue() == Stopwatch(os.getpid(), None).overdue() == ""


def test_two_threads_that_compute_at_once_do_not_count_double(started):
    watch = Stopwatch(started(SPINS_TWICE).pid, 3)
    why, (threads, total) = first_word(watch), stopwatch._seconds(watch._family())
    assert why.startswith("did not end within 3 ")
    assert total > 1.3 * max(threads.values())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows which threads are ready to run")
def test_a_process_that_gets_no_turn_does_not_wait(started, monkeypatch):
    spins, sleeps = started(SPINS), started(SLEEPS)
    ready = lambda process: stopwatch._has_ready_thread(stopwatch.psutil.Process(process.pid))  # noqa: E731
    while not ready(spins) or ready(sleeps):  # until both have started
        time.sleep(0.1)
    monkeypatch.setattr(stopwatch, "_has_ready_thread", lambda process: True)
    watch, begun = Stopwatch(sleeps.pid, 0.5), time.monotonic()
    while time.monotonic() < begun + 2:
        assert watch.overdue() == ""
        time.sleep(0.05)


COMPUTES_FOR_4_SECONDS = """
import time
begun = time.monotonic()
while time.process_time() < 4:
    pass
seconds = time.monotonic() - begun
"""
ON_ONE_CORE = """
import os, sys
os.sched_setaffinity(0, {core})
from coursekit.__main__ import main
sys.exit(main(["run", "--time-limit", "5", "--root", sys.argv[1]]))
"""


BUSY = """
import os
os.sched_setaffinity(0, {core})
parent = os.getppid()
while os.getppid() == parent:  # so that none is left where the test is killed
    pass
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds a process to a core")
def test_a_lesson_beside_four_busy_programs_on_its_core_runs_to_its_end(started, tmp_path):
    show = "print('seconds of the clock:', seconds)\nassert seconds > 5, 'not busy enough for a proof'"
    plant(tmp_path, "01_computes", cell("compute", COMPUTES_FOR_4_SECONDS), cell("show", show))
    core = {min(os.sched_getaffinity(0))}
    for _ in range(4):
        started(BUSY.format(core=core))
    command = [sys.executable, "-c", ON_ONE_CORE.format(core=core), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "01_computes: cell 1 (id compute) is running ...\n" in done.stdout


STOPPED = {
    "spins": (SPINS, "did not end within 3 processor seconds (CELL_LIMIT=SECONDS allows more)"),
    "waits": (SLEEPS, "waited for 3 seconds without computing (CELL_LIMIT=SECONDS allows more)"),
    "catches": (
        f"while True:\n    try:\n        {SPINS}\n    except BaseException:\n        pass",
        "did not end within 3 processor seconds (CELL_LIMIT=SECONDS allows more)",
    ),
    "goes_on": (
        f"try:\n    {SPINS}\nexcept BaseException:\n    pass",
        "did not end within 3 processor seconds (CELL_LIMIT=SECONDS allows more)",
    ),
    "dies": ("import os\nos._exit(3)", "ended the kernel (killed, or out of memory?)"),
}
LONG = """
import time
begun = time.monotonic()
while time.monotonic() < begun + 7:
    sum(range(20_000))
    time.sleep(0.002)
"""


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """Return what pytest prints, without colours, where nbval runs planted lessons as `make test` does."""
    folder = tmp_path_factory.mktemp("tested")
    rest = (cell("use", "x"), cell("wrong", "unknown"), cell("expected", "x / 0", "raises-exception"))
    for name, (code, _) in STOPPED.items():
        plant(folder, name, cell("set", "x = 1"), cell("stop", code), *rest)
    plant(folder, "other", cell("wrong", "unknown"), cell("long", LONG), cell("good", "1"))
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "--color=no", "-p", "no:cacheprovider"]
    command += ["-n", "2", "--dist", "loadfile", "-p", "coursekit.running.nbval_kernels", "--nbval-lax"]
    command += ["--nbval-current-env", "--nbval-cell-timeout", "3", "notebooks"]
    command += [f"--rootdir={folder}", "-c", str(ROOT / "pyproject.toml")]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.mark.parametrize("name", STOPPED)
def test_nbval_reports_a_stopped_cell_once_and_skips_the_rest_for_that_reason(name, tested):
    assert tested.count(f"FAILED notebooks/{name}.ipynb") == 1
    assert tested.count(f"FAILED notebooks/{name}.ipynb::Cell 1 ") == 1
    reason = f"Cell 1 {STOPPED[name][1]}; no cell after it was run"
    assert tested.count(f"SKIPPED [3] notebooks/{name}.ipynb:1: {reason}\n") == 1
    report = tested.partition(f"_ notebooks/{name}.ipynb::Cell 1 _")[2].partition("____ ")[0]
    assert f"Cell 1: it {STOPPED[name][1]}\n" in report


def test_nbval_reports_other_faults_as_before_and_names_a_long_cell(tested):
    assert "NameError: name 'unknown' is not defined" in tested
    assert tested.count("FAILED notebooks/other.ipynb") == 1
    assert tested.count("notebooks/other.ipynb: Cell 1 is running ...\n") == 1
    assert f"{len(STOPPED) + 1} failed, {len(STOPPED) + 2} passed, {3 * len(STOPPED)} skipped" in tested
