"""Make the lessons for Colab: without outputs, with a first cell that gets the course. `make colab`.

Colab opens notebooks from a branch on GitHub. Push build/colab as the branch that `colab_branch` in
`[tool.convlab]` names; the book then has a link to it at each lesson.
"""

import argparse
import json
from pathlib import Path

from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError, Lesson, find
from coursekit.publishing import public
from coursekit.publishing.student import cleared

FIRST_CELL = """\
# On Colab, run this first: it gets the course, and installs only what Colab does not have.
import pathlib, subprocess, sys

course = pathlib.Path("/content/course")
if not course.exists():
    command = ["git", "clone", "--quiet", "--depth", "1", "--branch", "{branch}"]
    subprocess.run([*command, "{repository}", str(course)], check=True)
sys.path.insert(0, str(course / "lib"))
from convlab.notebook import colab

colab.install_missing()"""


def main(argv: list[str]) -> int:
    """Write the lessons for Colab and return 0; `CourseError` where the course has no public address."""
    parser = argparse.ArgumentParser(prog="python -m coursekit colab", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    parser.add_argument("--out", type=Path, help="where to write, build/colab by default")
    options = parser.parse_args(argv)
    addresses = public.addresses(options.root)
    if not addresses.repository:
        raise CourseError(
            "Colab gets the course from GitHub: set `repository` in pyproject.toml, [tool.convlab]"
        )
    out = options.out or options.root / "build" / "colab"
    for lesson in find(options.root):
        write_text(out / lesson.path.name, for_colab(lesson, addresses))
    print(f"{len(find(options.root))} lessons for Colab are in {out}")
    return 0


def for_colab(lesson: Lesson, addresses: public.Addresses) -> str:
    """Return a lesson as its file for Colab says it: the first cell below the title, no outputs."""
    notebook = json.loads(cleared(lesson))
    code = FIRST_CELL.format(branch=addresses.branch, repository=addresses.repository)
    cell = {"cell_type": "code", "id": "colab", "metadata": {}, "source": code}
    notebook["cells"].insert(1, {**cell, "execution_count": None, "outputs": []})
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
