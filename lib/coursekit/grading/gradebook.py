"""The results of grading: a table for the terminal, a CSV, an index, and a page for each submission."""

import csv
import hashlib
import html
import io
import itertools
import re
from collections import Counter
from pathlib import Path

from tabulate import tabulate

from convlab.files import write_text

COLUMNS = ("student", "lesson", "exercise", "status", "mistake", "note")
SHORT = {"right": "right", "not attempted": "–", "not graded": "not graded"}
LONGEST_NAME, LONGEST_NOTE, LONGEST_SOURCE = 32, 60, 20_000
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1b1b1b}
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.25rem .7rem;text-align:left;
border-bottom:1px solid #ddd;vertical-align:top}pre{background:#f5f5f5;padding:.7rem;overflow-x:auto}
.right{color:#00785a}.wrong{color:#b34700}.none{color:#767676}"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def table(graded: list) -> str:
    """Return all results as text: for each lesson a line per student, then what is odd."""
    parts = [_lesson_table(*part) for part in _by_lesson(graded)]
    return "\n".join(parts)


def _by_lesson(graded: list) -> list[tuple[str, list]]:
    """Return (lesson, its submissions), those of no lesson last."""

    def slug(one) -> str:
        return one.submission.lesson.slug if one.submission.lesson else "~"

    groups = itertools.groupby(sorted(graded, key=slug), key=slug)
    return [("no lesson" if name == "~" else name, list(members)) for name, members in groups]


def _lesson_table(name: str, members: list) -> str:
    """Return the table of one lesson."""
    names = [mark.exercise for mark in members[0].marks]
    rows = []
    for one in members:
        cells = [clean(one.submission.student, LONGEST_NAME), *(short(mark) for mark in one.marks)]
        rows.append((*cells, clean(_notes(one), LONGEST_NOTE)))
    shown = tabulate(rows, ("student", *names, "note"), tablefmt="simple", disable_numparse=True)
    return f"{name}\n{shown}\n"


def _notes(one) -> str:
    """Return all notes on a submission, those on an exercise with its name."""
    return "; ".join([*one.notes, *(f"{mark.exercise}: {note}" for mark in one.marks for note in mark.notes)])


def short(mark) -> str:
    """Return a mark in few words."""
    return SHORT.get(mark.status) or clean(
        f"wrong: {mark.mistake}" if mark.mistake else "wrong", LONGEST_NAME
    )


def clean(text: str, longest: int) -> str:
    """Return text in one line that no terminal obeys."""
    text = "".join(one if one.isprintable() else "�" for one in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def write(graded: list, output: Path) -> None:
    """Write grades.csv, index.html and pages/ into `output`; what else is there stays."""
    write_text(output / "grades.csv", _csv(graded))
    for one in graded:
        write_text(output / "pages" / page_name(one.submission), _page(one))
    write_text(output / "index.html", _index(graded))


def _csv(graded: list) -> str:
    """Return one line per student and exercise; one for a submission that has none."""
    stream = io.StringIO()
    lines = csv.writer(stream, lineterminator="\n")
    lines.writerow(COLUMNS)
    for one in graded:
        lesson = one.submission.lesson.slug if one.submission.lesson else ""
        rows = [(m.exercise, m.status, m.mistake, [*one.notes, *m.notes]) for m in one.marks]
        for exercise, status, mistake, notes in rows or [("", "not graded", "", one.notes)]:
            row = (one.submission.student, lesson, exercise, status, mistake, "; ".join(notes))
            lines.writerow([as_text(clean(cell, 1_000)) for cell in row])
    return stream.getvalue()


def as_text(cell: str) -> str:
    """Return a cell that a spreadsheet takes for text, not for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@") else cell


def page_name(submission) -> str:
    """Return the file name of a submission's page: readable, safe, and no other submission's."""
    whole = f"{submission.student}/{submission.name}"
    digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    readable = re.sub(r"[^a-z0-9]+", "-", submission.student.lower()).strip("-")[:40]
    number = submission.lesson.number if submission.lesson else "none"
    return f"{readable or 'student'}-{number}-{digest}.html"


def _index(graded: list) -> str:
    """Return the page that leads to all others."""
    return _html("Grades", "".join(_lesson_section(*part) for part in _by_lesson(graded)))


def _lesson_section(name: str, members: list) -> str:
    """Return a lesson's table of links, its counts, and the mistakes that several have made."""
    names = [mark.exercise for mark in members[0].marks]
    head = "".join(f"<th>{_text(cell)}</th>" for cell in ("student", *names, "note"))
    rows = "".join(_index_row(one) for one in members)
    right = (sum(one.marks[i].status == "right" for one in members) for i in range(len(names)))
    rows += "".join(
        ["<tr><th>right</th>", *(f"<th>{n} of {len(members)}</th>" for n in right), "<td></td></tr>"]
    )
    mistakes = Counter((m.exercise, m.mistake) for one in members for m in one.marks if m.mistake)
    often = [f"<li>{n} × {_text(' – '.join(what))}</li>" for what, n in mistakes.most_common() if n > 1]
    repeated = f"<p>Made by more than one:</p><ul>{''.join(often)}</ul>" if often else ""
    return f"<h2>{_text(name)}</h2><table><tr>{head}</tr>{rows}</table>{repeated}"


def _index_row(one) -> str:
    link = f'<a href="pages/{page_name(one.submission)}">{_text(one.submission.student)}</a>'
    marks = "".join(f'<td class="{_class(mark)}">{_text(short(mark))}</td>' for mark in one.marks)
    return f"<tr><td>{link}</td>{marks}<td>{_text(clean(_notes(one), 200))}</td></tr>"


def _page(one) -> str:
    """Return what one student may be given."""
    lesson = one.submission.lesson.slug if one.submission.lesson else "no lesson"
    notes = "".join(f"<li>{_text(note)}</li>" for note in one.notes)
    body = f"<p>{_text(lesson)}</p>" + (f"<ul>{notes}</ul>" if notes else "")
    return _html(one.submission.student, body + "".join(map(_section, one.marks)))


def _section(mark) -> str:
    """Return one exercise: its status, the message for the learner, and the cell."""
    said, _, details = mark.message.partition("\n")
    parts = [f'<h2>{_text(mark.exercise)}: <span class="{_class(mark)}">{_text(short(mark))}</span></h2>']
    parts += [f"<p>{_text(said)}</p>"] if said else []
    parts += [f"<p>{_text(note)}</p>" for note in mark.notes if note not in said]
    parts += [f"<pre>{_text(details)}</pre>"] if details else []
    parts += [f"<pre>{_text(mark.source[:LONGEST_SOURCE])}</pre>"] if mark.source else []
    return "".join(parts)


def _class(mark) -> str:
    return mark.status if mark.status in ("right", "wrong") else "none"


def _text(text: str) -> str:
    """Return text as HTML that shows it and does nothing."""
    shown = "".join(one if one.isprintable() or one == "\n" else "�" for one in text)
    return html.escape(shown)


def _html(title: str, body: str) -> str:
    return PAGE.format(title=_text(title), style=STYLE, body=body)
