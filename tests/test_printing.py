"""Whatever the course prints can be printed in any encoding, and in none does it raise into a lesson."""

import ast
import io
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab.printing import printable, say
from coursekit.lessons import ROOT

ENCODINGS = ("cp932", "cp949", "cp1252", "ascii")
TEXT = "✘ ○ ✔ ■□ 2 · a² × √3 → ⌈x⌉ “é” λ 10⁻⁴ ¾ 한 😀"


def terminal(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("cp932", "x ○ + ■□ 2 * a^2 × √3 → ceil(x) “e” λ 10^-^4 3/4 ? ?"),
        ("cp949", "x ○ + ■□ 2 · a² × √3 → ceil(x) “e” λ 10^-⁴ ¾ 한 ?"),
        ("cp1252", "x o + #. 2 · a² × sqrt3 -> ceil(x) “é” lambda 10^-^4 ¾ ? ?"),
        ("ascii", 'x o + #. 2 * a^2 x sqrt3 -> ceil(x) "e" lambda 10^-^4 3/4 ? ?'),
        ("utf-8", TEXT),
    ],
)
def test_each_encoding_shows_what_it_can(encoding, shown):
    file = terminal(encoding)
    say(TEXT, file)
    file.seek(0)
    assert file.read().splitlines() == [shown]


@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-8"])
@given(text=st.text(st.characters()))
def test_any_text_can_be_printed(encoding, text):
    shown = printable(text, terminal(encoding))
    assert shown.encode(encoding).decode(encoding) == shown


def test_a_stream_without_encoding_gets_the_text_as_it_is(monkeypatch):
    assert printable(TEXT, io.StringIO()) == TEXT
    monkeypatch.setattr(sys, "stdout", None)  # as in a Windows program without a console
    say(TEXT)
    assert printable(TEXT) == TEXT


# What is printed where there is no notebook, and a part of what must then be seen
SUMMARY = 'from convlab import report; report.summary(data="bundled", accuracy=0.5, name="λ · ✘")'
CHECKS = """
from convlab.exercises import lesson_00, lesson_01, progress
lesson_00.values.check()
lesson_00.values.check(lambda h, w, c: h * w)
lesson_00.values.check(lambda h, w, c: h * w * c)
lesson_01.gradient.check(lambda w, b, x, y: (x.T @ (x @ w + b - y) / len(y), (x @ w + b - y).mean()))
print(lesson_00.values.judge("✘ 日本語 ✔"))
"""
HINTS = """
from convlab.exercises import lesson_04
for hint in range(3):
    lesson_04.he_stddev.hint()
lesson_04.adam_step.solution()
"""
BROKEN = """
import os, pathlib
from convlab.exercises import lesson_00, record
pathlib.Path(os.environ["CONVLAB_PROGRESS"]).write_text("{")
record.read()
"""
SELFCHECK = """
from convlab.notebook import selfcheck
print(*selfcheck.rows(), selfcheck.Row("✘ 日本語", "· √2 → ⌈x⌉", False, "“do it”"), sep="\\n")
"""
DATASETS = """
from convlab import datasets
datasets.load("mnist")
datasets.load("fashion_mnist")
datasets._banner("✘ 日本語 · a banner")
"""
PRINTED = {
    SUMMARY: "accuracy 0.5",
    CHECKS: "Yours is half of what it should be",
    "from convlab.exercises import progress; print(progress.table())": "lesson 00",
    HINTS: "Hint 3 of 3",
    BROKEN: "progress starts anew",
    SELFCHECK: "Python",
    DATASETS: "images, 28x28x1",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_the_course_prints_raises_nothing(encoding, tmp_path):
    settings = {
        "PYTHONIOENCODING": encoding,
        "PYTHONUTF8": "0",
        "CONVLAB_PROGRESS": str(tmp_path / "p.json"),
        "CONVLAB_DATA": "",
    }
    result = subprocess.run(
        [sys.executable, "-c", "\n".join(PRINTED)], capture_output=True, env=os.environ | settings
    )
    assert result.returncode == 0, result.stderr.decode()
    seen = result.stdout.decode(encoding)
    assert [part for part in PRINTED.values() if part not in seen] == []


def bare_prints(source: str) -> list[int]:
    """Return the lines that call `print`, which raises where a terminal cannot show a character."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]


def test_the_package_prints_through_say():
    files = [path for path in (ROOT / "lib/convlab").rglob("*.py") if path.name != "printing.py"]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    assert {name: lines for name, text in texts.items() if (lines := bare_prints(text))} == {}


def test_fault_a_bare_print_is_found():
    assert bare_prints('say("✔")\n\ndef tell():\n    print("✔")\n') == [4]
