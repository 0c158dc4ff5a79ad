"""A class of 43, most of them broken or hostile in ways of their own: each is one row, and no other's."""

import ast
import csv
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import zipfile
from collections import namedtuple
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import psutil
import pytest

from convlab.exercises import catalogue, comparing, display, judging, values
from coursekit.__main__ import main as coursekit
from coursekit.grading import grade, gradebook, sandbox, slicing, submissions, worker
from coursekit.grading.submissions import File, Submission
from coursekit.lessons import ROOT, find

pytestmark = pytest.mark.timeout(1800)  # the class waits for the machine, not the machine for the class
ALL = [item for items in catalogue.exercises().values() for item in items]
LESSON = next(lesson for lesson in find(ROOT) if lesson.number == "01")
SECOND_LESSON = next(lesson for lesson in find(ROOT) if lesson.number == "02")
RIGHT = {
    "gradient": """def my_gradient(weights, bias, features, targets):
    error = features @ weights + bias - targets
    return 2 * features.T @ error / len(targets), 2 * np.mean(error)


exercises.gradient.check(my_gradient)""",
    "step": """def my_step(slope, intercept, x, y, learning_rate):
    error = slope * x + intercept - y
    down = 2 * learning_rate
    return slope - down * np.mean(error * x), intercept - down * np.mean(error)


exercises.step.check(my_step)""",
    "diverging": 'my_answer = "D"\nexercises.diverging.check(my_answer)',
}
CLIMBS = RIGHT["step"].replace("slope - down", "slope + down").replace("intercept - down", "intercept + down")
RAISING = "def my_step(slope, intercept, x, y, learning_rate):\n    {}\n\n\nexercises.step.check(my_step)"


def before(line, code=RIGHT["step"]):
    """Return an answer with a line of mischief before it."""
    return f"{line}\n{code}"


def notebook(lesson=LESSON, **answers):
    """Return a lesson, the first by default, with these cells in place of its stubs."""
    cells = json.loads(json.dumps(lesson.cells))
    for cell in cells:
        name = cell["id"].removeprefix("exercise-").replace("-", "_")
        if cell["id"].startswith("exercise-") and name in answers:
            cell["source"] = answers[name]
    return lesson.notebook | {"cells": cells}


def hand_in(folder, student, content, name=LESSON.path.name):
    """Write one student's notebook, or whatever they take for one."""
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


# what one answer to `step` does, the status that it gets, and what is noted
MISCHIEF = {
    "syntax": (
        "x = 1\ndef my_step(:",
        "wrong",
        "SyntaxError: invalid syntax, in its line 2: `def my_step(:`",
    ),
    "endless": (RAISING.format("while True: pass"), "wrong", "did not end within"),
    "ignores signals": (
        before("import signal\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: pass"),
        "wrong",
        "did not end within",
    ),
    "forks": (
        before("import os, time\nfor _ in range(7): os.fork()\ntime.sleep(1000)"),
        "wrong",
        "processes",
    ),
    "printer": (before("for _ in range(1000): print('x' * 1_000_000)"), "wrong", "printed more than 50 MB"),
    "talker": (before("for _ in range(2): print('x' * 1_000_000)"), "right", "printed more than 1 MB"),
    "exits": (before("import sys; sys.exit(0)"), "wrong", "SystemExit"),
    "dies": (before("import os; os._exit(0)"), "wrong", "ended its process"),
    "segfault": (before("import ctypes; ctypes.string_at(0)"), "wrong", "SIGSEGV"),
    "memory": (before("hoard = np.ones(10**11)"), "wrong", "emory"),
    "family": (
        before(
            "import subprocess, sys, time\nfor _ in range(3): subprocess.Popen([sys.executable, '-c', "
            "'import time; held = bytes(1) * 450_000_000; time.sleep(987)'])\ntime.sleep(1000)"
        ),
        "wrong",
        "more than 1 GB of memory",
    ),
    "sleeper": (
        before("import time; time.sleep(1000)"),
        "not graded",
        "waited for 6 seconds without computing, and again when it ran alone",
    ),
    "recursion": (before("def f(): return f()\nf()"), "wrong", "RecursionError"),
    "reader": (before("input('password? ')"), "wrong", "EOFError"),
    "interrupts": (
        RAISING.format("raise KeyboardInterrupt"),
        "wrong",
        "function stopped with KeyboardInterrupt",
    ),
    "vandal": (
        before("import shutil, os; shutil.rmtree(os.getcwd()); shutil.rmtree(os.environ['HOME'], True)"),
        "right",
        "",
    ),
    "threads": (
        before("import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin).start()"),
        "right",
        "",
    ),
    "farewell": (
        before("import atexit, time; atexit.register(time.sleep, 1000)"),
        "right",
        "",
    ),
    "daemon": (
        before(
            "import subprocess, sys\nsubprocess.Popen(['env', '-i', sys.executable, '-c', "
            "'import time; time.sleep(987)'], start_new_session=True)"
        ),
        "right",
        "",
    ),
    "parricide": (before("import os, signal; os.kill(os.getppid(), signal.SIGKILL)"), None, ""),
    "hoarder": (
        before(
            "import time\nfor name in 'abc':\n    with open(name, 'wb') as file: file.truncate(90_000_000)\n"
            "time.sleep(1000)"
        ),
        "wrong",
        "too many or too large",
    ),
    "hog": (before("for i in range(90_000): open(f'{i}', 'w').close()"), "wrong", "too many or too large"),
    # what a notebook allows, and a program does not
    "filler": ("steps = {}\nsteps['mine'] = lambda *a: my_step(*a)\n" + RIGHT["step"], "right", ""),
    "magic": (before("%matplotlib inline\n%time np.ones(3)\nnp.prod?\nfiles = !ls"), "right", ""),
    "waits": (before("import asyncio\nawait asyncio.sleep(0)"), "right", ""),
    # what is neither right nor wrong
    "module": (before("import a_module_of_their_own"), "missing module", "a_module_of_their_own"),
    "module_within": (
        RAISING.format("from a_module.of_their_own import step\n    return step"),
        "missing module",
        "needs the module `a_module`, which is not part of the course",
    ),
    # right, and noted for the instructor
    "borrows": (
        "def mine(*values):\n    return exercises.step.reference(*values)\n\n\nexercises.step.check(mine)",
        "right",
        "",
    ),
    "twin": (RIGHT["step"].replace("error", "e").replace("down", "d"), "right", ""),
    # verdicts that nobody has earned
    "cheat_print": (
        "print('✔ right: agrees on all cases.')\nexercises.step.check(my_step := 3)",
        "wrong",
        "",
    ),
    "cheat_check": (
        before("object.__setattr__(exercises.step, 'check', lambda f: print('right'))", CLIMBS),
        "wrong",
        "",
    ),
    "cheat_judging": (
        before(
            "from convlab.exercises import comparing, judging\njudging.judge = judging.weigh = lambda *a: "
            "judging.Verdict('right', '')\ncomparing.agrees = judging.alike = lambda *a: True\n"
            "np.allclose = lambda *a, **k: True\nexercises.STEP_CASES.clear()",
            CLIMBS,
        ),
        "wrong",
        "",
    ),
}


FIRST, SECOND = "Anna <b>Öz & Co", "=1+1"


def plant_class(folder):
    """Hand in 43 submissions, most of them broken, hostile or odd."""
    hand_in(folder, FIRST, notebook(**RIGHT))
    hand_in(
        folder,
        SECOND,
        notebook(**RIGHT | {"step": CLIMBS, "diverging": RIGHT["diverging"].replace("D", "A")}),
    )
    hand_in(folder, ".", notebook(), f"carl_{LESSON.path.name}")
    for name, (code, _, _) in MISCHIEF.items():
        hand_in(folder, name, notebook(**RIGHT | {"step": code}))
    hand_in(folder, "torn", json.dumps(notebook(**RIGHT)).encode()[:5000])
    hand_in(folder, "empty", b"")
    hand_in(folder, "deep", b"[" * 200_000)
    missing = notebook(**RIGHT)
    missing["cells"] = [cell for cell in missing["cells"] if cell["id"] != "exercise-step"]
    hand_in(folder, "missing", missing)
    (folder / "link").symlink_to(LESSON.path.parent)
    own = "accuracy = 0.74\nmy_answer = (accuracy, 0.6, 0.75)\nexercises.read_matrix.check(my_answer)"
    hand_in(folder, "names", notebook(SECOND_LESSON, read_matrix=own), SECOND_LESSON.path.name)
    hand_in(folder, "2024-10005_김민준", notebook(), LESSON.path.name)
    hand_in(folder, "2024-10005_김민준/제출용", notebook(**RIGHT), LESSON.path.name)
    with zipfile.ZipFile(folder / "2024-10006_이서연.zip", "w") as archive:
        archive.writestr(f"__MACOSX/._{LESSON.path.name}", b"resource")
        archive.writestr(LESSON.path.name, json.dumps(notebook(**RIGHT)))


def digest(folder):
    """Return a digest over names, sizes and times of all files in a folder, but for Python's own caches."""
    paths = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    facts = [
        (str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in paths if not path.is_dir()
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def run(folder, output, *more, seconds=6, memory=1):
    """Grade a folder with short limits, and return the rows of its CSV."""
    limits = ["--seconds", str(seconds), "--memory", str(memory), "--jobs", "2", "--sandbox", "no"]
    assert grade.main([str(folder), "--output", str(output), *limits, *more]) == 0
    with open(output / "grades.csv", newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def by_name(rows):
    """Return the rows by student and exercise."""
    return {(row["student"], row["exercise"]): row for row in rows}


def left_running():
    """Return the processes that only a submission can have started."""
    commands = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            commands.append(" ".join(process.cmdline()))
    return [command for command in commands if "sleep(987)" in command or "coursekit.grading" in command]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade the class once; return its rows, the results' folder, and what was seen meanwhile."""
    folder, output = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("grades")
    plant_class(folder)
    home = tmp_path_factory.mktemp("home")
    (home / "thesis.txt").write_text("years of work")
    places = [folder, home, ROOT / "lib" / "coursekit" / "grading"]
    before, begun = [digest(place) for place in places], processor_seconds()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        rows = by_name(run(folder, output))
    seconds, after = processor_seconds() - begun, [digest(place) for place in places]
    return Graded(rows, output, seconds, [p for p, a, b in zip(places, before, after) if a != b])


def processor_seconds():
    """Return what this process and all that it has waited for have computed."""
    return sum(os.times()[:4])


Graded = namedtuple("Graded", "rows output seconds changed")


def test_each_of_43_has_a_row_and_the_right_ones_are_right(graded):
    assert len({student for student, _ in graded.rows}) == 43
    statuses = {name: graded.rows[FIRST, name]["status"] for name in RIGHT}
    assert statuses == dict.fromkeys(RIGHT, "right")
    assert {graded.rows["carl", name]["status"] for name in RIGHT} == {"not attempted"}


def test_named_mistakes_are_named(graded):
    assert [graded.rows["'" + SECOND, name]["status"] for name in RIGHT] == ["right", "wrong", "wrong"]
    assert graded.rows["'" + SECOND, "step"]["mistake"] == "climbs"
    assert graded.rows["'" + SECOND, "diverging"]["mistake"] == "slow taken for diverging"


@pytest.mark.parametrize("name", MISCHIEF)
def test_mischief_costs_its_own_exercise_and_no_other(graded, name):
    _, status, note = MISCHIEF[name]
    assert status in (None, graded.rows[name, "step"]["status"])
    assert note in graded.rows[name, "step"]["note"]
    if name != "parricide":  # who ends the supervisor has none left for the rest, unless there is a sandbox
        assert {graded.rows[name, other]["status"] for other in ("gradient", "diverging")} == {"right"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("torn", "not a notebook"),
        ("empty", "the file is empty"),
        ("deep", "nested too deep"),
    ],
)
def test_what_is_no_notebook_is_not_graded(graded, name, why):
    assert {graded.rows[name, exercise]["status"] for exercise in RIGHT} == {"not graded"}
    assert why in "".join(graded.rows[name, exercise]["note"] for exercise in RIGHT)


def test_links_are_not_followed_and_missing_cells_are_reported(graded):
    assert "a link to another place" in graded.rows["link", ""]["note"]
    missing = graded.rows["missing", "step"]
    assert (missing["status"], missing["note"]) == ("not attempted", "its cell is missing")


def test_names_that_an_answer_binds_itself_are_not_looked_for_elsewhere(graded):
    assert graded.rows["names", "read_matrix"]["status"] == "right"


def test_the_file_with_the_answers_counts_and_an_archive_is_opened(graded):
    for student in ("2024-10005_김민준", "2024-10006_이서연"):
        assert {graded.rows[student, name]["status"] for name in RIGHT} == {"right"}
    chosen = graded.rows["2024-10005_김민준", "step"]["note"]
    assert chosen.startswith("2 files for this lesson: graded 01_linear_regression.ipynb (3 of")


def test_reference_and_equal_answers_are_noted_for_the_instructor_alone(graded):
    assert graded.rows["borrows", "step"]["private"] == "it calls the course's reference"
    assert "the same program as that of" in graded.rows["twin", "step"]["private"]
    assert "the same program" not in graded.rows["filler", "step"]["private"]
    pages = [path.read_text(encoding="utf-8") for path in (graded.output / "pages").iterdir()]
    assert not any("same program" in page or "course&#x27;s reference" in page for page in pages)


def test_a_cheat_gets_the_message_on_the_mistake_that_it_hides(graded):
    for name in ("cheat_check", "cheat_judging"):
        assert graded.rows[name, "step"]["mistake"] == "climbs"


def test_nothing_is_left_running_or_changed_and_it_is_quick(graded):
    assert left_running() == []
    assert graded.changed == []
    assert graded.seconds < 300  # of the processor: a busy machine takes longer, and is no fault


def test_pages_show_what_was_written_and_run_nothing(graded):
    index = (graded.output / "index.html").read_text(encoding="utf-8")
    assert "Anna &lt;b&gt;Öz &amp; Co" in index
    assert "<b>" not in index
    links = [urllib.parse.unquote(link) for link in re.findall(r'href="(pages/[^"]+\.html)"', index)]
    assert len(set(links)) == 43
    assert all((graded.output / link).is_file() for link in links)
    pages = [path.read_text(encoding="utf-8") for path in (graded.output / "pages").iterdir()]
    assert sum("def my_step(slope" in page for page in pages) >= 20
    assert any("this goes up" in page for page in pages)


def test_without_a_sandbox_nothing_is_left_running_either(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "kind", lambda hidden: "")
    for name in ("daemon", "forks", "parricide"):
        hand_in(tmp_path / "class", name, notebook(**RIGHT | {"step": MISCHIEF[name][0]}))
    hand_in(tmp_path / "class", "anna", notebook(**RIGHT))
    rows = by_name(run(tmp_path / "class", tmp_path / "grades"))
    assert {rows["anna", name]["status"] for name in RIGHT} == {"right"}
    assert rows["forks", "step"]["note"] == "it started more than 32 processes"
    assert rows["parricide", "step"]["status"] == "not graded"
    assert left_running() == []


@pytest.mark.parametrize("kind", sandbox.KINDS)
def test_a_sandbox_that_lets_anything_through_does_not_work(tmp_path, monkeypatch, kind):
    (tmp_path / "victim").touch()
    if not sandbox.works(tmp_path, kind):
        pytest.skip("this system gives no such sandbox")
    whole = sandbox.TRIAL
    for act in (
        "os.listdir(hidden)",
        "open('../out', 'w')",
        "socket.create_connection(('127.0.0.1', int(port)), 5)",
    ):
        assert act in whole
        monkeypatch.setattr(sandbox, "TRIAL", whole.replace(act, "True"))  # as if that had been let through
        assert not sandbox.works(tmp_path, kind)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_grading_that_is_stopped_leaves_nothing_running(tmp_path, number):
    for name in ("endless", "ignores signals"):
        hand_in(tmp_path / "class", name, notebook(step=MISCHIEF[name][0]))
    command = [
        sys.executable,
        "-m",
        "coursekit",
        "grade",
        tmp_path / "class",
        "--output",
        tmp_path / "grades",
    ]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests in the background do not hear it
    grading = subprocess.Popen([*command, "--seconds", "200"], stdout=subprocess.DEVNULL, preexec_fn=heard)
    await_that(lambda: sum("grading.worker" in line for line in left_running()) >= 2)
    grading.send_signal(number)
    assert grading.wait(60) in (130, -signal.SIGKILL)
    await_that(lambda: left_running() == [])
    assert not (tmp_path / "grades" / "grades.csv").exists()


def test_without_a_sandbox_nothing_runs_unless_it_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sandbox, "kind", lambda hidden: "")
    monkeypatch.setattr(grade.Run, "_watched", lambda *_: pytest.fail("a submission has run"))
    hand_in(tmp_path / "class", "anna", notebook(**RIGHT))
    assert coursekit(["grade", str(tmp_path / "class"), "--output", str(tmp_path / "grades")]) == 2
    said = capsys.readouterr().err
    assert "nothing was run" in said
    assert "--sandbox no" in said
    assert not (tmp_path / "grades" / "grades.csv").exists()


def await_that(true):
    """Wait until something is true; the limit of each test ends a wait in vain."""
    while not true():
        time.sleep(0.2)


BURGLAR = """import os, socket
from pathlib import Path
try:
    assert os.listdir(CLASS) == []
except PermissionError:
    assert KIND == "landlock"
assert KIND == "landlock" or len([name for name in os.listdir("/proc") if name.isdigit()]) < 5
for place in (ROOT, str(Path.home().parents[1]), "/"):
    try:
        Path(place, "planted").touch()
    except OSError:
        continue
    raise SystemExit("wrote to " + place)
try:
    socket.create_connection(("127.0.0.1", PORT), 1)
except OSError:
    pass
else:
    raise SystemExit("there is a network")
assert os.system("mount -o remount,bind,rw / 2>/dev/null || umount " + CLASS + " 2>/dev/null") != 0
"""


def test_the_sandbox_hides_the_archive_of_a_class_too(tmp_path):
    archive = tmp_path / "class.zip"
    archive.write_bytes(b"PK")
    if not sandbox.works(tmp_path):
        pytest.skip("this system gives no sandbox")
    assert sandbox.works(archive)


@pytest.mark.parametrize("kind", sandbox.KINDS)
def test_in_a_sandbox_there_is_no_network_no_classmate_and_nothing_to_write_on(tmp_path, monkeypatch, kind):
    folder = tmp_path / "class"
    with socket.create_server(("127.0.0.1", 0)) as server:
        known = {"CLASS": str(folder), "ROOT": str(ROOT), "PORT": server.getsockname()[1], "KIND": kind}
        code = "".join(f"{name} = {value!r}\n" for name, value in known.items()) + BURGLAR + RIGHT["step"]
        hand_in(folder, "burglar", notebook(step=code))
        hand_in(folder, "victim", notebook(**RIGHT))
        if not sandbox.works(folder, kind):
            pytest.skip("this system gives no such sandbox")
        monkeypatch.setattr(sandbox, "kind", lambda hidden: kind)
        row = by_name(run(folder, tmp_path / "grades"))["burglar", "step"]
    assert (row["status"], row["note"]) == ("right", "")


def with_solutions(lesson):
    """Return a lesson in whose exercises the solutions stand that `solution()` shows."""
    cells = json.loads(json.dumps(lesson.cells))
    for stub in submissions.stubs(lesson):
        item = next(item for item in ALL if (item.lesson[7:], item.name) == (lesson.number, stub.exercise))
        shown = display.solution_text(item.reference)
        check = f"exercises.{item.name}.check"
        cell = next(cell for cell in cells if cell["id"] == stub.id)
        cell["source"] = f"{check}({shown})"
        if callable(item.reference):
            cell["source"] = f"{shown}\n\n\n{check}({item.name})"
    return lesson.notebook | {"cells": cells}


def test_the_solution_shown_to_a_learner_is_right_in_the_learners_notebook(tmp_path):
    lessons = find(ROOT)
    for lesson in lessons:
        hand_in(tmp_path / "class", "anna", with_solutions(lesson), lesson.path.name)
    rows = run(tmp_path / "class", tmp_path / "grades", seconds=60, memory=3)
    assert [row for row in rows if row["status"] != "right"] == []
    assert len(rows) == sum(len(list(submissions.stubs(lesson))) for lesson in lessons)


# what was handed in


def tasks(content, tmp_path):
    """Return what would be run of a notebook, and the notes on its exercises."""
    path = hand_in(tmp_path, "anna", content)
    one = Submission("anna", LESSON, File(path))
    return {
        task.stub.exercise: task.source for task in submissions.tasks(one, submissions.cells(File(path)))
    }, one.notes


def test_cells_that_lost_their_ids_are_found_by_their_checks(tmp_path):
    content = notebook(**RIGHT)
    for cell in content["cells"]:
        del cell["id"]
    sources, notes = tasks(content | {"nbformat_minor": 4}, tmp_path)
    assert sources == RIGHT
    assert all("lost its id" in notes[name][0] for name in RIGHT)


def test_without_id_and_check_a_cell_is_found_by_what_it_defines(tmp_path):
    content = notebook(**RIGHT)
    for cell in content["cells"]:
        if cell["id"] == "exercise-step":
            cell.update(id="mine", source=RIGHT["step"].partition("\n\n\n")[0])
    assert "def my_step" in tasks(content, tmp_path)[0]["step"]


def test_of_several_answers_the_last_attempted_counts(tmp_path):
    content = notebook(step=CLIMBS)
    stub = next(cell for cell in LESSON.cells if cell["id"] == "exercise-step")
    content["cells"] += [stub | {"source": RIGHT["step"]}, stub]
    sources, notes = tasks(content, tmp_path)
    assert sources == {"step": RIGHT["step"]}
    assert notes["step"] == ["2 cells answer it; the last one counts"]


def test_an_exercise_turned_into_text_is_missing(tmp_path):
    content = notebook(**RIGHT)
    for cell in content["cells"]:
        if cell["id"] == "exercise-step":
            cell["cell_type"] = "markdown"
    sources, notes = tasks(content, tmp_path)
    assert {*sources} == {"gradient", "diverging"}
    assert notes == {"step": ["its cell is missing"]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe\x00", "not a notebook"),
        (b"PK\x03\x04", "not a notebook"),
        (b"[]", "no list of cells"),
        (b'{"cells": 3}', "no list of cells"),
        (b" \n", "empty"),
        (b"[" * 100_000, "nested"),
        (b" " * (submissions.LARGEST + 1), "more than 60 MB"),
    ],
)
def test_files_that_are_no_notebooks_are_distinguished(tmp_path, content, why):
    with pytest.raises(submissions.Unreadable, match=why):
        submissions.cells(File(hand_in(tmp_path, "anna", content)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_or_a_link_in_place_of_a_notebook_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "link.ipynb").symlink_to(LESSON.path)
    with pytest.raises(submissions.Unreadable, match="regular"):
        submissions.cells(File(tmp_path / "pipe.ipynb"))
    with pytest.raises(submissions.Unreadable, match="link"):
        submissions.cells(File(tmp_path / "link.ipynb"))


def test_odd_cells_are_passed_over(tmp_path):
    cells = [
        3,
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": [1]},
        {"cell_type": "code", "source": "1"},
    ]
    assert len(submissions.cells(File(hand_in(tmp_path, "anna", {"cells": cells, "nbformat": 99})))) == 1


def test_students_and_lessons_are_found_by_the_names_of_folders_and_files(tmp_path):
    name = LESSON.path.name
    hand_in(tmp_path, "anna/deeper", notebook(), name)
    hand_in(tmp_path, "anna", notebook(), name.replace(".ipynb", " (1).ipynb"))
    hand_in(tmp_path, "ben", notebook(), "homework.ipynb")
    hand_in(tmp_path, "dora", {"cells": []}, "poem.ipynb")
    hand_in(tmp_path, "emil", b"", "notes.txt")
    hand_in(tmp_path, ".", notebook(), f"carl_{name}")
    hand_in(tmp_path, ".hidden", notebook(), name)
    os.utime(tmp_path / "anna" / name.replace(".ipynb", " (1).ipynb"), (1, 1))
    found, passed = submissions.find(tmp_path, find(ROOT))
    seen = [(one.student, one.lesson and one.lesson.number, one.name or None) for one in found]
    assert passed == [".hidden", "emil/notes.txt"]
    assert seen == [
        ("anna", "01", name),
        ("ben", "01", "homework.ipynb"),
        ("carl", "01", f"carl_{name}"),
        ("dora", None, "poem.ipynb"),
        ("emil", None, None),
    ]
    assert "2 files for this lesson: graded" in found[0].notes[""][0]


# what an answer may use


def definitions(cells, wanting):
    earlier = [node for cell in cells for node in slicing.statements(cell)]
    return [ast.unparse(node) for node in slicing.needed(earlier, ast.parse(wanting).body)]


def test_only_what_an_answer_needs_is_run_before_it():
    cells = [
        "import numpy as np\nimport tensorflow as tf",
        "images = load()\nmodel.fit(images)",
        "def half(x):\n    return scaled(x) * rate",
        "rate = 0.5; spare = 1",
        "%matplotlib inline\ndef scaled(x):\n    images = x\n    return np.array(images)",
        "this is no Python",
    ]
    wanted = ["import numpy as np", "def half", "rate = 0.5", "def scaled"]
    found = definitions(cells, "def answer(x):\n    spare = 2\n    return half(x) + spare\nanswer")
    assert [text.partition("(")[0] for text in found] == wanted
    assert definitions(cells, "def answer(x):\n    return x") == []


def answer(source, *cells):
    task = {"exercise": "step", "source": source, "before": len(cells), "answer": "my_step"}
    return worker.answer_of(task, [slicing.statements(cell) for cell in cells])


@pytest.fixture
def own_main(monkeypatch):
    """Let an answer run in this process as if it were the worker's."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


def test_the_answer_is_what_the_last_check_would_get(own_main):
    assert answer("exercises.step.check(1)\nexercises.gradient.check(2)\nexercises.step.check(3)") == 3
    assert answer("exercises.step.check(answer=one + 1)", "one = 1") == 2
    assert answer("exercises.step.check()") is ...
    assert answer("my_step = 5") == 5
    assert answer("!pip install x\n%time\nmy_step = 6") == 6
    with pytest.raises(NameError):
        answer("exercises.step.check(one)", "one = missing")


def test_the_reference_itself_is_no_answer(own_main):
    said = "exercises.step.check(exercises.step.reference)"
    task = {"exercise": "step", "source": said, "before": 1, "answer": "my_step"}
    cells = [slicing.statements("from convlab.exercises import lesson_01 as exercises")]
    step = next(item for item in ALL if (item.lesson, item.name) == ("lesson_01", "step"))
    assert "own reference" in worker.result_of(step, task, cells)["stopped"]
    assert "attempt" in worker.result_of(step, task | {"source": RIGHT["step"]}, cells)


# what comes back


VALUES = [
    1,
    2.5,
    float("nan"),
    float("inf"),
    "text",
    None,
    True,
    ...,
    (1, [2, (3,)]),
    {"a": 1, 2: "b"},
    10**30,
]
ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.float32(2.5),
    np.zeros((0, 3)),
    np.array(True),
    np.ones((2, 2))[:, ::2],
]


def kind(value):
    return type(value).__name__


def there_and_back(value):
    attempt = judging.Attempt((judging.Outcome(value),), function=True)
    return values.decode(json.loads(json.dumps(values.encode(attempt)))).outcomes[0].value


@pytest.mark.parametrize("value", [*VALUES, *ARRAYS], ids=kind)
def test_values_come_back_as_they_were(value):
    came = there_and_back(value)
    np.testing.assert_equal(came, value)
    assert type(came) is type(value) or np.shape(value) == ()


@pytest.mark.parametrize(
    "value",
    [
        Fraction(3, 2),
        Decimal("1.5"),
        [Fraction(3, 2)],
        np.array((1.5,), dtype=object),
        np.array([Fraction(3, 2)]),
    ],
    ids=repr,
)
def test_numbers_of_other_kinds_count_as_in_the_notebook(value):
    """Each becomes a plain number when it is tried, in both places, and is compared within the tolerance."""
    came = there_and_back(comparing.plain(value))
    assert comparing.agrees(1.5 + 1e-12 if np.shape(value) == () else (1.5 + 1e-12,), came)


@pytest.mark.parametrize(
    "value", [object(), print, np.zeros(10**7), "x" * 10**7, 10**5000, [[object()]], {1, 2}], ids=kind
)
def test_what_no_answer_can_be_comes_back_as_its_description(value):
    came = there_and_back(value)
    assert not comparing.agrees(value, came)
    assert len(repr(came)) < 1_000


@pytest.mark.parametrize(
    "value",
    [
        {"array": "AAAA", "dtype": "O", "shape": [1]},
        {"array": "AAAA", "dtype": "<f8", "shape": [10**12]},
        {"array": "?", "dtype": "<f8", "shape": []},
        {"dict": [[{"list": []}, {"plain": 1}]]},
        {"plain": {"a": 1}},
        {},
        [],
    ],
)
def test_forged_values_are_refused(value):
    outcome = {"value": value, "error": None, "changed": []}
    with pytest.raises((ValueError, TypeError, KeyError)):
        values.decode({"untouched": False, "function": True, "outcomes": [outcome]})


@pytest.mark.parametrize("outcomes", [[], [{"value": {"plain": 1}, "error": None, "changed": []}]])
def test_an_attempt_at_too_few_cases_is_not_right(outcomes):
    data = {"untouched": False, "function": True, "outcomes": outcomes}
    step = next(item for item in ALL if (item.lesson, item.name) == ("lesson_01", "step"))
    assert grade.Marker().verdict(step, data).status == "wrong"


@pytest.mark.parametrize("item", ALL, ids=lambda item: f"{item.lesson}.{item.name}")
def test_every_exercise_is_judged_by_the_grader_as_in_the_notebook(item):
    marker = grade.Marker()
    for answer in [item.reference, ..., *(mistake.answer for mistake in item.mistakes[:3])]:
        data = json.loads(json.dumps(values.encode(judging.attempt(item, answer))))
        there, here = marker.verdict(item, data), item.judge(answer)
        assert (there.status, there.mistake, there.message) == (here.status, here.mistake, here.message)


def test_terminals_and_spreadsheets_obey_no_name():
    assert gradebook.clean("\x1b[2Ja\nb\u202e", 10) == "�[2Ja�b�"
    assert [gradebook.as_text(text) for text in ("=1", "@x", "-2", "a=1")] == ["'=1", "'@x", "'-2", "a=1"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "there is no folder"),
        ([""], "SUBMISSIONS=folder"),
        (["."], "no submissions"),
        ([".", "--output", "x"], "outside"),
    ],
)
def test_a_folder_that_cannot_be_graded_is_reported(tmp_path, monkeypatch, capsys, arguments, why):
    monkeypatch.chdir(tmp_path)
    assert coursekit(["grade", *arguments]) == 2
    assert why in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
