"""`make run` tells each way a lesson can end from the others, and runs no lesson without a reason."""

import errno
import io
import json
import os
import queue
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from planting import cell, plant
from tqdm import tqdm

from convlab.files import write_text
from coursekit.__main__ import main as coursekit
from coursekit.lessons import ROOT, CourseError, Lesson, find, select
from coursekit.profiles import profile
from coursekit.running import board, execution
from coursekit.running import run as running
from coursekit.running.execution import Cell
from coursekit.running.jobs import Job, Outcome
from coursekit.running.kernels import Kernels
from coursekit.running.rerun import inputs, recorded, write_record

SUMMARY = "from convlab import report\nreport.summary(data='bundled', accuracy=0.97123, epochs=epochs)"


@pytest.fixture
def root(tmp_path):
    """Return the folder of an empty course, whose name is as awkward as a path may be."""
    folder = tmp_path / "a {course} för alle"
    folder.mkdir()
    return folder


def plant_good(root, slug="01_good", **header):
    return plant(root, slug, cell("parameters", "epochs = 3", "parameters"), cell("end", SUMMARY), **header)


def run(root, *arguments):
    return coursekit(["run", "--root", str(root), *arguments])


def test_each_failure_is_reported_as_what_it_is_and_the_others_finish(root, capsys):
    plant_good(root)
    plant(root, "02_wrong", cell("fine", "x = 1"), cell("divide", "def f():\n    return x / 0\n\n\nf()"))
    plant(root, "03_killed", cell("kill", "import os\nos.kill(os.getpid(), 9)"), cell("after", "1"))
    plant(root, "04_endless", cell("loop", "while True:\n    pass"))
    plant(root, "05_left", cell("leave", "import sys\nsys.exit(0)"), cell("after", "1"))
    (root / "notebooks" / "06_torn.ipynb").write_text('{"cells": [')
    plant_good(root, "07_last", seconds=0.1)
    plant(root, "08_waits", cell("wait", "import time\ntime.sleep(999)"))
    plant(root, "09_goes_on", cell("catch", "try:\n    while True: pass\nexcept BaseException:\n    pass"))
    assert run(root, "--time-limit", "2") == 1
    said = capsys.readouterr().out
    for line in (
        "02_wrong failed in cell 2 (id divide): ZeroDivisionError: division by zero",
        "03_killed failed in cell 1 (id kill): the kernel was killed, as the system does when memory runs",
        "04_endless failed in cell 1 (id loop): it did not end within 2 processor seconds (TIME_",
        "----> 1 while True:",
        "08_waits failed in cell 1 (id wait): it waited for 2 seconds without computing (TIME_LIMIT=",
        "----> 2 time.sleep(999)",
        "09_goes_on failed in cell 1 (id catch): it did not end within 2 processor seconds (TIME_",
        "05_left failed in cell 1 (id leave): it ended the lesson",
        "06_torn could not be read: 06_torn.ipynb is not a notebook",
        "----> 2     return x / 0",
        "9 lessons in ",
        ": 2 run, 0 unchanged, 7 failed.",
    ):
        assert line in said
    good = [line for line in said.splitlines() if "accuracy 0.9712 · epochs 3" in line]
    assert [line.split()[0] for line in good] == ["01_good", "07_last"]
    assert all(0.005 < float(line.split()[2]) < 5 for line in good)  # GB
    assert "\x1b" not in said
    assert {path.name for path in (root / "build" / "run").iterdir()} == {
        *("01_good.ipynb", "01_good.json", "07_last.ipynb", "07_last.json"),
        *("02_wrong.ipynb", "05_left.ipynb"),  # as far as they came
        *("04_endless.ipynb", "08_waits.ipynb", "09_goes_on.ipynb"),
    }


def test_one_long_line_is_stored_as_it_is_and_what_was_overwritten_is_not(root):
    many = "for i in range(100):\n    print(f'\\r{i:3d} %', end='', flush=True)\nprint('\\nend')"
    plant(root, "01_long", cell("line", "print('7, ' * 1_000_000)"), cell("bar", many))
    assert run(root) == 0
    line, bar = nbformat.read(root / "build/run/01_long.ipynb", 4).cells
    assert [one.text for one in line.outputs] == ["7, " * 1_000_000 + "\n"]
    assert [one.text for one in bar.outputs] == [" 99 %\nend\n"]


def test_standard_output_stands_before_errors_each_in_one_piece():
    pieces = [("stderr", "a"), ("stdout", "1\n"), ("stderr", "b"), ("stdout", "2")]
    outputs = [nbformat.v4.new_output("stream", name=name, text=said) for name, said in pieces]
    picture = nbformat.v4.new_output("display_data", {"text/plain": "3"})
    first, second, last = execution.joined([*outputs, picture])
    assert (first.name, first.text, second.name, second.text) == ("stdout", "1\n2", "stderr", "ab")
    assert last is picture


def test_where_there_is_no_bar_a_cell_that_runs_long_is_named_once(root, monkeypatch, capsys):
    monkeypatch.setattr(board, "SILENCE", 0.2)
    plant_good(root)
    (lesson,) = find(root)
    job, events = Job(lesson, root, {}), queue.Queue()
    with board.Bar([job]) as bar:
        bar.show(job, Cell("train", 7))
        while not (said := capsys.readouterr().out):
            time.sleep(0.05)
        bar.show(job, Cell("quick", 8))
        bar.show(job, Outcome(job))
        events.put((job, Outcome(job)))
        bar.wait(events)
    assert said == "01_good: cell 7 (id train) is running ...\n"
    assert "quick" not in (rest := capsys.readouterr().out) and "01_good: done" in rest


def test_the_bar_names_the_running_cell_and_its_seconds(root, monkeypatch):
    plant_good(root)
    (lesson,) = find(root)
    job = Job(lesson, root, {})
    screen = io.StringIO()
    shown = {"file": screen, "disable": False}
    monkeypatch.setattr(board, "tqdm", lambda **options: tqdm(**options | shown))
    with board.Bar([job]) as bar:
        bar.show(job, Cell())
        bar.show(job, Cell("train", 2))
        bar.cells[job] = Cell("train", 2), time.monotonic() - 41
        bar._show_running()
    assert "01_good: its start, 0 s" in screen.getvalue() and "01_good: train, 41 s" in screen.getvalue()


def test_the_settings_of_its_user_do_not_reach_a_lesson(root, tmp_path, monkeypatch, capsys):
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    false = {"argv": ["false", "{connection_file}"], "display_name": "other", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(false))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    (tmp_path / "startup.py").write_text("raise SystemExit")
    monkeypatch.setenv("CONVLAB_PROGRESS", str(tmp_path / "mine.json"))
    ask = (
        "import os, sys\nfrom importlib.util import find_spec\n"
        "assert os.environ['CONVLAB_PROGRESS'] != os.environ['MINE'], 'mine'\n"
        "assert find_spec('convlab') and not find_spec('elsewhere'), sys.path\nsys.executable"
    )
    monkeypatch.setenv("MINE", str(tmp_path / "mine.json"))
    (tmp_path / "elsewhere.py").touch()
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT / 'lib'}")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text('{"image_data_format": "channels_first"}')
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    (tmp_path / "matplotlibrc").write_text("image.cmap: jet\nlines.linewidth: 9\n")
    settings = (
        "import keras\nkeras.config.backend(), keras.config.image_data_format(), __debug__",
        "import sys, matplotlib\nprint(sys.flags.utf8_mode, matplotlib.rcParams['lines.linewidth'])",
    )
    plant(root, "01_ask", cell("ask", ask), cell("backend", "import matplotlib\nmatplotlib.get_backend()"))
    plant(root, "02_settings", *(cell(f"s{i}", code) for i, code in enumerate(settings)))
    assert run(root) == 0
    outputs = [one.outputs[0] for one in nbformat.read(root / "build/run/02_settings.ipynb", 4).cells]
    assert outputs[0].data["text/plain"] == "('tensorflow', 'channels_last', True)"
    assert outputs[1].text == "1 1.5\n"
    executed = (root / "build" / "run" / "01_ask.ipynb").read_text()
    assert sys.executable in executed and "inline" in executed
    assert capsys.readouterr().err == ""


def test_full_profile_sets_parameters(root, capsys):
    plant_good(root)
    (root / "notebooks" / "profiles.yaml").write_text("01_good: {epochs: 40}\n")
    assert run(root, "--profile", "full") == 0
    assert "epochs 40" in capsys.readouterr().out
    assert run(root, "--profile", "fuller") == 2
    assert "no profile 'fuller'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("01_good: {epochs: 1e3}", "01_good sets epochs = 3, and profiles.yaml gives it 1000.0"),
        ("01_good: {epochs: '40'}", "01_good sets epochs = 3, and profiles.yaml gives it '40'"),
        ("01_good: {epochs: 0:40}", "01_good sets epochs = 3, and profiles.yaml gives it '0:40'"),
        ("01_good: {epoch: 40}", "01_good does not set epoch, which profiles.yaml sets"),
        ("01_goood: {epochs: 40}", "notebooks/profiles.yaml names 01_goood, which is not a lesson"),
        ("01_good:\n  epochs: 4\n  epochs: 40", "profiles.yaml, line 3: epochs is given twice"),
        ("01_good: {}\n01_good: {epochs: 40}", "profiles.yaml, line 2: 01_good is given twice"),
        ("01_good:\n\tepochs: 40", "profiles.yaml, line 2: it is no YAML: found character '\\t'"),
        ("<<<<<<< HEAD\n01_good: {epochs: 40}", "profiles.yaml, line 2: it is no YAML"),
        (
            "- 01_good",
            "profiles.yaml, line 1: here belong a lesson's name, and below it lines as `epochs: 20`",
        ),
        ("01_good: 40", "profiles.yaml, line 1: here belong a lesson's name"),
        ("01_good: {[1]: 2}", "profiles.yaml, line 1: here belongs a name"),
    ],
)
def test_a_slip_in_the_profile_is_named_before_anything_runs(root, capsys, text, said):
    plant_good(root)
    (root / "notebooks" / "profiles.yaml").write_text(text, encoding="utf-8")
    assert run(root, "--profile", "full") == 2
    assert said in capsys.readouterr().err and not (root / "build").exists()


def test_a_profile_has_values_as_a_lessons_own_cell_has(root):
    text = "01_a:\n  n: 10_000\n  rate: 1e-3\n  live: true\n  sizes: [1, 8]\n  word: two words\n02_b:\n"
    (root / "notebooks").mkdir()
    (root / "notebooks" / "profiles.yaml").write_text(text, encoding="utf-8")
    values = {"n": 10_000, "rate": 0.001, "live": True, "sizes": [1, 8], "word": "two words"}
    assert profile("full", root) == {"01_a": values, "02_b": {}}


def test_an_error_that_is_the_point_of_its_cell_is_no_failure(root, capsys):
    meant = cell("meant", "1 / 0", "raises-exception")
    plant(root, "01_meant", meant, cell("end", "print('to its end')"))
    plant(root, "02_later", meant, cell("wrong", "unknown"), cell("after", "1"))
    plant(root, "03_captured", cell("wrong", "%%capture\n1 / 0"), cell("after", "1"))
    plant(root, "04_ended", meant, cell("leave", "import sys\nsys.exit()"), cell("after", "1"))
    assert run(root) == 1
    said = capsys.readouterr().out
    assert ": 1 run, 0 unchanged, 3 failed" in said
    assert "02_later failed in cell 2 (id wrong): NameError: name 'unknown' is not defined" in said
    assert "03_captured failed in cell 1 (id wrong): ZeroDivisionError: division by zero" in said
    assert "04_ended failed in cell 2 (id leave): it ended the lesson" in said
    first, last = nbformat.read(root / "build/run/01_meant.ipynb", 4).cells
    assert first.outputs[0].ename == "ZeroDivisionError" and last.outputs[0].text == "to its end\n"


def test_unchanged_lesson_is_not_run_again_but_by_force(root, capsys):
    plant(root, "01_tick", cell("tick", "with open('ticks', 'a') as ticks:\n    ticks.write('x')"))
    ticks = root / "notebooks" / "ticks"
    assert run(root) == 0
    assert run(root) == 0
    assert ticks.read_text() == "x"
    said = capsys.readouterr().out
    assert "* unchanged since its last good run" in said and ": 0 run, 1 unchanged, 0 failed." in said
    assert run(root, "--force") == 0
    assert ticks.read_text() == "xx"


CHANGES = {
    "a cell": lambda root: plant(root, "01_good", cell("end", "print(2)")),
    "what it imports": lambda root: write_text(root / "lib/convlab/report.py", "changed"),
    "what stands beside it": lambda root: write_text(root / "lib/convlab/style.mplstyle", "new"),
    "the lock": lambda root: write_text(root / "requirements.txt", "numpy==3"),
    "its data": lambda root: write_text(root / "data/cifar10.npz", "changed"),
    "what stands in for its data": lambda root: write_text(root / "data/mnist.npz", "changed"),
    "a recorded run": lambda root: write_text(root / "data/runs/vgg-seed1.json", "new"),
    "lost output": lambda root: (root / "build/run/01_good.ipynb").unlink(),
    "torn record": lambda root: write_text(root / "build/run/01_good.json", "{"),
}


@pytest.fixture
def has_run(root):
    """Return a function that makes the job of a lesson which has had a good run."""
    for name in ("lib/convlab/__init__.py", "lib/convlab/report.py", "lib/convlab/applications/x.py"):
        write_text(root / name, "")
    for name in ("requirements.txt", "data/cifar10.npz", "data/mnist.npz"):
        write_text(root / name, "as it was")
    read = cell("recorded", "from convlab import runs\nruns.matching('vgg-seed*')")
    path = plant(root, "01_good", read, cell("end", SUMMARY), data=["cifar10"])

    def job(**parameters):
        return Job(Lesson(path), root, parameters)

    write_text(job().output, "{}")
    write_record(Outcome(job(), 1.5, {"text": "accuracy 1"}), inputs(job()))
    return job


def test_record_brings_back_the_outcome(has_run):
    outcome = recorded(has_run())
    assert (outcome.seconds, outcome.summary, outcome.recorded) == (1.5, {"text": "accuracy 1"}, True)


@pytest.mark.parametrize("change", CHANGES)
def test_record_counts_no_more_after_a_change_of(change, has_run, root):
    CHANGES[change](root)
    assert recorded(has_run()) is None


def test_record_counts_no_more_with_other_parameters_or_data(has_run, root, tmp_path, monkeypatch):
    assert recorded(has_run(epochs=40)) is None
    monkeypatch.setenv("CONVLAB_DATA", str(tmp_path))
    write_text(tmp_path / "cifar10.npz", "a local copy")
    assert recorded(has_run()) is None


def test_record_does_not_count_what_a_lesson_does_not_use(has_run, root):
    write_text(root / "data/fashion_mnist.npz", "new")
    write_text(root / "lib/convlab/__pycache__/report.pyc", "new")
    write_text(root / "lib/convlab/applications/x.py", "changed")
    write_text(root / "data/runs/resnet-seed0.json", "new")
    write_text(root / "data/weights/vgg-seed1.npz", "new")
    write_text(root / "notebooks/02_other.ipynb", "new")
    assert recorded(has_run())


def test_who_may_start_beside_whom(root):
    plant_good(root, "01_small", memory_gb=1)
    plant_good(root, "02_large", memory_gb=3)
    small, large = [Job(lesson, root, {}) for lesson in find(root)]
    assert running.may_start(large, [], 1, 0.1)  # alone, whatever the memory
    assert running.may_start(small, [large], 2, 4)
    assert not running.may_start(small, [large], 2, 3.9)
    assert not running.may_start(small, [large], 1, 99)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_stopping_leaves_no_kernel_behind(root):
    plant(
        root,
        "01_slow",
        cell("sleep", "import os, time\nprint(os.getpid(), file=open('pid', 'w'))\ntime.sleep(99)"),
    )
    command = [sys.executable, "-m", "coursekit", "run", "--root", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    pid = root / "notebooks" / "pid"
    while not (pid.exists() and pid.read_text().endswith("\n")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # goes the way of Ctrl-C
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "stopped" in said and "Traceback" not in said
    assert not psutil.pid_exists(int(pid.read_text()))


def test_full_disk_is_reported_and_leaves_no_torn_notebook(root, monkeypatch, capsys):
    def torn(source, output, **rest):
        with open(output.format(), "w") as file:
            file.write('{"cells": [')
        raise OSError(errno.ENOSPC, "No space left on device")

    plant_good(root)
    monkeypatch.setattr(execution.papermill, "execute_notebook", torn)
    assert run(root) == 1
    said = capsys.readouterr().out
    assert "01_good could not be kept: [Errno 28] No space left on device. build/run needs room" in said
    assert list((root / "build" / "run").iterdir()) == []


def test_place_that_cannot_be_written_is_reported(root, capsys):
    plant_good(root)
    (root / "build").write_text("a file in the way")
    assert run(root) == 1
    assert "01_good could not be kept: " in capsys.readouterr().out


def test_unfinished_notebooks_of_the_dead_are_swept_those_of_the_living_kept(root):
    plant_good(root)
    folder = root / "build" / "run"
    folder.mkdir(parents=True)
    dead, living = folder / f".{2**31 - 2}-01_good.ipynb", folder / f".{os.getppid()}-01_good.ipynb"
    for path in (dead, living):
        path.write_text("half")
    assert run(root) == 0
    assert not dead.exists() and living.read_text() == "half"


def test_no_kernel_starts_once_the_run_is_over(root):
    with Kernels() as kernels:
        kernels.kill()
        with pytest.raises(RuntimeError, match="stopped"), kernels.start(root):
            pass
    assert not kernels.scratch.exists()


def test_lessons_are_named_by_number_slug_or_file(root, capsys):
    for slug in ("01_linear_regression", "05_convolution"):
        plant_good(root, slug)
    lessons = find(root)
    assert select(lessons, []) == lessons
    for name in ("5", "05", "convolution", "05_convolution", "notebooks/05_convolution.ipynb"):
        assert select(lessons, [name]) == lessons[1:]
    assert select(lessons, ["05 01"]) == lessons
    with pytest.raises(CourseError, match="no lesson is called 06; there are: 01_linear_regression, 05_conv"):
        select(lessons, ["05", "06"])
    assert run(root, "99") == 2
