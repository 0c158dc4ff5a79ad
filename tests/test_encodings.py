"""Every command prints on every terminal: its status and its words are right in any encoding.

docs/encodings.md shows what is run here; `python tests/test_encodings.py` writes it anew.
"""

import json
import os
import subprocess
import sys

import pytest
from planting import cell, markdown, plant

from convlab.files import write_text
from convlab.printing import STAND_INS_ERRORS
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
    "check --root {root}": (1, "01_good.ipynb is not a valid notebook: '학습' does not match"),
    "numbers --root {root}": (1, ": 4,711 in “…The 損失 ≈ 4,711 ✘ in all.…”"),
    "map --root {root}": (2, "README.md has no place for the map"),
    "slides 77 --root {root}": (2, "no lesson is called 77"),
    "slides 01 --root {root}": (0, "slides of 1 lessons"),
    "site --root {root}": (2, "the book needs "),
    "draw --root {root}": (2, "there is no"),
    "colab --root {root}": (2, "Colab gets the course from GitHub"),
    "hub --help": (0, "usage: python -m coursekit hub"),
    "hub-server --help": (0, "usage: python -m coursekit hub-server"),
    "hub-class --help": (0, "usage: python -m coursekit hub-class"),
    "grade {root}/handed-in --output {root}/grades --sandbox no": (0, "김민준|wrong"),
    "exam --help": (0, "usage: python -m coursekit exam"),
    "grade {root}/nothing": (2, "there is no folder"),
    "doctor": (1, "Python|TensorFlow|planted ✘ 손실"),
    "record": (0, "resnet20"),
    "record --help": (0, "usage: python -m coursekit record"),
    "record-sentences": (0, "sentences-random"),
    "verify --help": (0, "usage: python -m coursekit verify"),
    "cards --help": (0, "usage: python -m coursekit cards"),
    "concept-test {root}/nothing": (2, "there is no folder"),
    "poll --help": (0, "usage: python -m coursekit poll"),
    "bench --help": (0, "usage: python -m coursekit bench"),
    "render --help": (0, "usage: python -m coursekit render"),
}
DRIVER = """
import json, sys, traceback
from convlab.notebook import selfcheck
from coursekit.__main__ import main
selfcheck.TRAIN_ONE_STEP = r"raise ImportError('planted \\u2718 \\uc190\\uc2e4')"
for command in json.load(open(sys.argv[1], encoding="utf-8")):
    try:
        status = main(command)
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        status = "raised"
    print(f"\\nEND {status}", flush=True)
"""


def printed(encoding, commands, folder):
    """Return [(status, text)] of commands, run one after the other in a process with that encoding."""
    (folder / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if name[:3] != "LC_" and name != "CONVLAB_DATA"
    }
    environment |= ENCODINGS[encoding]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(folder / "commands.json")],
        env=environment | {"PYTHONPATH": str(ROOT / "lib")},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=280,
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


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_prints_in_every_encoding(encoding, course):
    # TensorFlow, which these two import, cannot load itself in the C locale from a folder with such a name
    beyond = ("record", "verify") if encoding == "C locale" and not str(ROOT).isascii() else ()
    lines = [line for line in COMMANDS if not line.startswith(beyond)]
    commands = [[part.format(root=course) for part in line.split()] for line in lines]
    for line, (status, text) in zip(lines, printed(encoding, commands, course), strict=True):
        wanted, words = COMMANDS[line]
        assert status == str(wanted), f"{line} ends with {status}\n{text}"
        assert "UnicodeEncodeError" not in text, f"{line} says\n{text}"
        for word in words.split("|"):
            shown = word.encode(codec(encoding), STAND_INS_ERRORS).decode(codec(encoding))
            assert shown in text, f"{line} says\n{text}"


PAGE = ROOT / "docs" / "encodings.md"
ABOUT = """# Commands and encodings

Each command runs in each of these encodings, in a small course with names and texts in Korean and
Japanese. A number is the exit status; 1 and 2 are right where the small course has a planted fault. The
words of the last column are then in the output. A character that the encoding does not have is replaced
by a stand-in, and nothing stops. `tests/test_encodings.py` runs it all and writes this page.
"""


def page():
    """Return the table of what is run."""
    head = ["command", *ENCODINGS, "words"]
    rows = [head, ["--"] * len(head)]
    for line, (status, words) in COMMANDS.items():
        shown = words.replace("|", ", ")
        rows.append([f"`{line.format(root='course')}`", *[str(status)] * len(ENCODINGS), shown])
    return ABOUT + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_page_shows_what_is_run():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/test_encodings.py"


if __name__ == "__main__":
    write_text(PAGE, page())
