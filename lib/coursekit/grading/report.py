"""Make one slide of the mistakes that several have made, from the last grading: `make report`."""

import argparse
import csv
import html
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from convlab.exercises import catalogue
from convlab.files import write_text
from coursekit.grading.pages import marked_up
from coursekit.grading.wording import clean, decoded
from coursekit.lessons import ROOT, CourseError

MOST = 5  # mistakes that one slide can hold
TRIED = ("right", "wrong", "missing module")
SLIDE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>
body{{margin:0;height:100vh;box-sizing:border-box;padding:4vh 5vw;display:flex;flex-direction:column;
font:3.4vh/1.3 system-ui,sans-serif;color:#1b1b1b}}
h1{{font-size:5.5vh;margin:0 0 2vh}}ol{{list-style:none;margin:0;padding:0;flex:1;display:flex;
flex-direction:column;justify-content:space-evenly}}li{{display:flex;gap:3vw}}
.count{{font-size:4.6vh;font-weight:700;color:#b34700;white-space:nowrap;min-width:15vw}}
.says{{font-size:2.8vh}}code{{background:#f2f2f2;padding:0 .2em}}
@media(max-width:45rem){{body{{height:auto;font-size:1rem}}li{{flex-direction:column;gap:.2rem;margin-bottom:1rem}}
h1{{font-size:1.4rem}}.count{{font-size:1.2rem}}.says{{font-size:1rem}}}}
</style></head><body><h1>{title}</h1><ol>
{rows}
</ol></body></html>
"""


@dataclass(frozen=True)
class Often:
    """A mistake, in which exercise of which lesson, how many have made it, and how many have tried."""

    lesson: str
    exercise: str
    mistake: str
    made: int
    tried: int

    def __str__(self) -> str:
        return f"{self.made} of {self.tried}: {self.mistake} ({self.lesson[:2]} {self.exercise})"


def main(argv: list[str]) -> int:
    """Write report.html beside the grades and print what it says; `CourseError` where nothing is graded."""
    parser = argparse.ArgumentParser(prog="python -m coursekit report", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=ROOT / "build" / "grades", help="of the grades"
    )
    parser.add_argument("--lessons", nargs="*", default=[], help="numbers, all by default")
    options = parser.parse_args(argv)
    path = options.folder / "grades.csv"
    if not path.is_file():
        raise CourseError(
            f"there are no grades in {options.folder}: make grade SUBMISSIONS=folder comes first"
        )
    rows = csv.DictReader(io.StringIO(decoded(path.read_bytes())))
    found = often([row for row in rows if not options.lessons or row["lesson"][:2] in options.lessons])
    write_text(options.folder / "report.html", slide(found))
    for one in found:
        print(clean(str(one), 200))
    print(f"{'' if found else 'No mistake was made by more than one. '}See {options.folder / 'report.html'}")
    return 0


def often(rows: list[dict[str, str]]) -> list[Often]:
    """Return the mistakes that more than one student has made, the most frequent first.

    Args:
        rows: the lines of grades.csv.
    """
    tried = Counter((row["lesson"], row["exercise"]) for row in rows if row["status"] in TRIED)
    made = Counter((row["lesson"], row["exercise"], row["mistake"]) for row in rows if row["mistake"])
    counted = [Often(*what, count, tried[what[:2]]) for what, count in made.most_common() if count > 1]
    return counted[:MOST]


def slide(found: list[Often]) -> str:
    """Return the slide: how many, which mistake, and what the exercise says about it."""
    lessons = sorted({one.lesson[:2] for one in found})
    title = (
        f"What many of us did in lesson {', '.join(lessons)}" if lessons else "No mistake was made by many"
    )
    rows = []
    for one in found:
        what = f"<b>{html.escape(one.mistake)}</b> <small>({html.escape(one.exercise)})</small>"
        says = f'<div class="says">{marked_up(_says(one))}</div>'
        rows.append(f'<li><span class="count">{one.made} of {one.tried}</span><div>{what}{says}</div></li>')
    return SLIDE.format(title=html.escape(title), rows="\n".join(rows))


def _says(one: Often) -> str:
    """Return what the exercise says first about a mistake; nothing if it no longer knows it."""
    for exercise in catalogue.exercises().get(f"lesson_{one.lesson[:2]}", []):
        for mistake in exercise.mistakes:
            if (exercise.name, mistake.name) == (one.exercise, one.mistake):
                return mistake.says.partition("\n")[0]
    return ""
