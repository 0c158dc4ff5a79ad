"""Every command prints on every terminal: its status and its words are right in any encoding.

docs/encodings.md shows what is run here; `python tests/test_encodings.py` writes it anew.
"""

import json
import os
import re
import subprocess
import sys

import pytest
from planting import cell, markdown, plant

from convlab.files import write_text
from convlab.printing import STAND_INS_ERRORS
from coursekit import __main__ as coursekit
from coursekit.lessons import ROOT, find

ENCODINGS = {
    "cp932": {"PYTHONIOENCODING": "cp932"},  # Windows in Japan
    "cp949": {"PYTHONIOENCODING": "cp949"},  # in Korea
    "cp1252": {"PYTHONIOENCODING": "cp1252"},  # in western Europe
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}
SUMMARY = "from convlab import report\nreport.summary(accuracy=0.97123, rate='½ · 학습 ✔', data='bundled')"
# command line -> its status, and what it prints; {root} stands for the planted course
COMMANDS = {
    "run --root {root}": (
        1,
        "accuracy 0.9712 · rate ½ · 학습 ✔|02_wrong failed|ValueError: ✘ 손실 “λ”",
    ),
    "run 77 --root {root}": (2, "no lesson is called 77"),
    "render 77 --root {root}": (2, "no lesson is called 77; there are: 01_good, 02_wrong"),
    "check --root {root}": (1, "01_good.ipynb is not a valid notebook: '학습' does not match"),
    "numbers --root {root}": (1, ": 4,711 in “…The 損失 ≈ 4,711 ✘ in all.…”"),
    "map --root {root}": (2, "README.md has no place for the map"),
    "slides 77 --root {root}": (2, "no lesson is called 77"),
    "slides 01 --root {root}": (0, "slides of 1 lessons"),
    "site --root {root}": (2, "the book needs "),
    "draw --root {root}": (2, "there is no"),
    "colab --root {root}": (2, "Colab gets the course from GitHub"),
    "lite --root {root}": (2, "JupyterLite is not installed in build/lite"),
    "student --root {root}/nothing": (2, "there are no lessons in {root}/nothing"),
    "exam --root {root}/nothing": (2, "there are no lessons in {root}/nothing"),
    "grade {root}/handed-in --output {root}/grades --sandbox no": (0, "김민준|wrong"),
    "grade {root}/nothing": (2, "there is no folder"),
    "report {root}/grades": (0, "No mistake was made by more than one. See {root}/grades/report.html"),
    "report {root}/nothing": (2, "there are no grades in {root}/nothing"),
    "cards --out {root}/deck.apkg": (0, "{root}/deck.apkg: "),
    "concept-test --out {root}/concepts": (0, "{root}/concepts/form-A.html: "),
    "concept-test {root}/nothing": (2, "there is no folder"),
    "poll --lesson 77": (2, "no lesson is called 77"),
    "doctor": (1, "Python|TensorFlow|planted ✘ 손실"),
    "record": (0, "resnet20"),
    "record-transfer 손실": (2, "there is no part '손실'"),
    "record-detector": (0, "one-stage"),
    "record-masks": (0, "squeeze-unet"),
    "record-captions": (0, "scenes"),
    "record-sentences": (0, "sentences-random"),
    "record-selfplay": (0, "generations"),
    "record-style": (0, "steps"),
    "record-gan": (0, "steps"),
    "record-dqn": (0, "rounds"),
    "verify 손실": (2, "'손실'"),
    "-m convlab.datasets --only mnist": (0, "MNIST: here, in data/, verified."),
    "-m convlab.serving --help": (0, "usage: python -m convlab.serving"),
    "-m convlab.serving.bench --help": (0, "usage: python -m convlab.serving.bench"),
}
# what these do cannot be tried here: only `--help` is, as of every command
ONLY_HELP = {
    "lab": "starts JupyterLab",
    "bench": "measures for minutes",
    "live-settings": "trains for an hour",
    "hub": "starts JupyterHub",
    "hub-server": "becomes a student's server",
    "hub-class": "needs a hub",
}


def helps(commands=coursekit.COMMANDS):
    """Return a line with `--help` for every command, its status and what it prints."""
    return {f"{name} --help": (0, f"usage: python -m coursekit {name}") for name in commands}


def untried(commands=coursekit.COMMANDS):
    """Return the commands of which nothing but `--help` is run, and for which no reason is given."""
    tried = {line.split()[0] for line in COMMANDS}
    return [name for name in commands if name not in tried | {*ONLY_HELP}]


DRIVER = """
import importlib, json, sys, traceback
from convlab.notebook import selfcheck
from coursekit import __main__ as coursekit
selfcheck.TRAIN_ONE_STEP = r"raise ImportError('planted \\u2718 \\uc190\\uc2e4')"
if "as they come" in sys.argv:
    coursekit.print_on_any_terminal = lambda stream: None
for command in json.load(open(sys.argv[1], encoding="utf-8")):
    try:
        if command[0] == "-m":
            name = command[1] + ".__main__" * (command[1].count(".") == 1)
            status = importlib.import_module(name).main(command[2:])
        else:
            status = coursekit.main(command)
    except SystemExit as end:
        status = end.code
    except BaseException:
        sys.stdout.flush()
        sys.stdout.buffer.write(traceback.format_exc().encode("ascii", "backslashreplace"))  # names folders
        status = "raised"
    print(f"\\nEND {status}", flush=True)
"""


def printed(encoding, commands, folder, *options):
    """Return [(status, text)] of commands, run one after the other in a process with that encoding."""
    (folder / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if name[:3] != "LC_" and name != "CONVLAB_DATA"
    }
    environment |= ENCODINGS[encoding]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(folder / "commands.json"), *options],
        env=environment | {"PYTHONPATH": str(ROOT / "lib")},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    text = done.stdout.decode(codec(encoding))
    first, *others = text.split("\nEND ")
    statuses = [part.partition("\n")[0].strip() for part in others]
    texts = [first, *(part.partition("\n")[2] for part in others[:-1])]
    assert len(statuses) == len(commands), text
    return list(zip(statuses, texts, strict=True))


def codec(encoding):
    return "ascii" if encoding == "C locale" else encoding


@pytest.fixture
def course(tmp_path):
    """Return the folder of a small course, and in it what one student has handed in."""
    plant(
        tmp_path,
        "01_good",
        markdown("said", "The 損失 ≈ 4,711 ✘ in all."),
        cell("parameters", "epochs = 3", "parameters"),
        cell("학습", SUMMARY),
        title="학습 ✔",
    )
    plant(tmp_path, "02_wrong", cell("wrong", "raise ValueError('✘ 손실 “λ”')"))
    (tmp_path / "README.md").write_text("no map", encoding="utf-8")
    lesson = next(lesson for lesson in find(ROOT) if lesson.number == "05")
    notebook = json.loads(lesson.path.read_text(encoding="utf-8"))
    for one in notebook["cells"]:
        if one.get("id") == "exercise-by-hand":
            one["source"] = "answer = '✘ 손실'\n\nexercises.by_hand.check(answer)"
    handed_in = tmp_path / "handed-in" / "김민준" / lesson.path.name
    handed_in.parent.mkdir(parents=True)
    handed_in.write_text(json.dumps(notebook), encoding="utf-8")
    return tmp_path


@pytest.mark.timeout(1800)  # some 15 processor seconds, which may take long on a busy machine
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_prints_in_every_encoding(encoding, course):
    # TensorFlow, which these import, cannot load itself in the C locale from a folder with such a name
    beyond = ("record ", "verify") if encoding == "C locale" and not str(ROOT).isascii() else ()
    wanted = {line: what for line, what in (COMMANDS | helps()).items() if not f"{line} ".startswith(beyond)}
    commands = [[part.format(root=course) for part in line.split()] for line in wanted]
    for line, (status, text) in zip(wanted, printed(encoding, commands, course), strict=True):
        expected, words = wanted[line]
        assert status == str(expected), f"{line} ends with {status}\n{text}"
        assert "UnicodeEncodeError" not in text, f"{line} says\n{text}"
        for word in words.format(root=course).split("|"):
            shown = word.encode(codec(encoding), STAND_INS_ERRORS).decode(codec(encoding))
            assert shown in text, f"{line} says\n{text}"


def test_every_command_is_run():
    assert not untried()
    assert not {*ONLY_HELP} - {*coursekit.COMMANDS}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    run = {line.split()[1] for line in COMMANDS if line.startswith("-m ")}
    assert {*re.findall(r"-m (convlab[\w.]*)", makefile)} == run


def test_fault_a_new_command_that_nobody_runs_here_is_found():
    assert untried({**coursekit.COMMANDS, "new": ("new", "does something new")}) == ["new"]
    assert "new --help" in helps({"new": ("new", "does something new")})


def test_fault_a_command_that_prints_as_it_comes_is_found(course):
    commands = [["check", "--root", str(course)]]
    ((status, text),) = printed("cp1252", commands, course, "as they come")
    assert status == "raised" and "UnicodeEncodeError" in text


PAGE = ROOT / "docs" / "encodings.md"
ABOUT = """# Commands and encodings

Each command runs in each of these encodings, in a small course with names and texts in Korean and
Japanese. A number is the exit status; 1 and 2 are right where the small course has a planted fault. The
words of the last column are then in the output. A character that the encoding does not have is replaced
by a stand-in, and nothing stops. `tests/test_encodings.py` runs it all and writes this page. A new command
is run with `--help` by itself, and a test asks for a line with what it does.
"""


def page():
    """Return the table of what is run."""
    head = ["command", *ENCODINGS, "words"]
    rows = [head, ["--"] * len(head)]
    every = {"COMMAND --help": (0, f"usage: python -m coursekit COMMAND|for {', '.join(coursekit.COMMANDS)}")}
    for line, (status, words) in (COMMANDS | every).items():
        shown = words.format(root="course").replace("|", ", ")
        rows.append([f"`{line.format(root='course')}`", *[str(status)] * len(ENCODINGS), shown])
    return ABOUT + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_page_shows_what_is_run():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/test_encodings.py"


if __name__ == "__main__":
    write_text(PAGE, page())
