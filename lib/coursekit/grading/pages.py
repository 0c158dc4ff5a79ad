"""Pages of the results: an index for the instructor, a list for each assistant, a page for each submission.

A submission's page may be given to its student: it names nobody else, runs nothing and asks for nothing from
the network.
"""

import hashlib
import html
import re
import unicodedata
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from convlab.exercises.display import as_html
from convlab.files import write_text
from coursekit.grading import wording

if TYPE_CHECKING:
    from coursekit.grading.grade import Graded, Mark

LONGEST_SOURCE = 20_000
GENERATOR = '<meta name="generator" content="coursekit grade">'
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:1.5rem auto;padding:0 1rem;
color:#1b1b1b;overflow-wrap:anywhere}h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .3rem}
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.25rem .7rem;text-align:left;
border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:normal}
pre{background:#f5f5f5;padding:.7rem;overflow-x:auto;font-size:.9rem}code{background:#f5f5f5;padding:0 .2em}
.question{font-style:italic}.right{color:#00785a}.wrong{color:#b34700}.none{color:#6b6b6b}
@media print{body{max-width:none}}
@media print,(max-width:45rem){pre{white-space:pre-wrap}}"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{generator}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""
CAUTION = (
    "That two answers are the same program proves nothing: short answers often are, a class learns one way "
    "to write a loop, and people who were allowed to work together do. Read both before you speak to anybody."
)


def write(graded: list["Graded"], output: Path, assistants: int = 0) -> None:
    """Write index.html, pages/ and the lists of assistants; remove the pages of an earlier grading."""
    folder = output / "pages"
    new = {page_name(one): page(one) for one in graded if one.submission.file or one.submission.who.entry}
    for old in [*folder.glob("*.html"), *output.glob("assistant-*.html")]:
        if old.name not in new and GENERATOR in old.read_text(encoding="utf-8", errors="replace")[:1000]:
            old.unlink()
    for name, text in new.items():
        write_text(folder / name, text)
    write_text(output / "index.html", index(graded, "Grades"))
    for i, part in enumerate(wording.shares(graded, assistants), start=1):
        title = f"Pages of assistant {i} of {assistants}"
        write_text(output / f"assistant-{i}.html", index(part, title, f"corrections-{i}.csv"))


def page_name(one: "Graded") -> str:
    """Return the file name of a submission's page: readable, safe, and no other submission's."""
    submission = one.submission
    whole = f"{submission.who.entry or submission.student}/{submission.name}"
    digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    name = unicodedata.normalize("NFC", submission.student).lower()
    readable = re.sub(r"[^\w]+", "-", name.encode("utf-8", "ignore").decode()).strip("-_")[:40]
    number = submission.lesson.number if submission.lesson else "none"
    return f"{readable or 'student'}-{number}-{digest}.html"


def index(graded: list["Graded"], title: str, corrections: str = "") -> str:
    """Return a page that leads to the pages of submissions."""
    parts = [_lesson_section(*part) for part in wording.by_lesson(graded)]
    if any(mark.private for one in graded for mark in one.marks):
        parts.append(f"<p>{_text(CAUTION)}</p>")
    if corrections:
        said = f"Write points into {corrections} beside this page, and grade again: they count from then on."
        parts.append(f"<p>{_text(said)}</p>")
    return _html(title, "".join(parts))


def _lesson_section(name: str, members: list["Graded"]) -> str:
    """Return a lesson's table of links, its counts, and the mistakes that several have made."""
    names = [mark.exercise for mark in members[0].marks]
    head = "".join(f"<th>{_text(cell)}</th>" for cell in ("student", *names, "points", "note"))
    rows = "".join(_index_row(one) for one in members)
    right = (sum(one.marks[i].status == "right" for one in members) for i in range(len(names)))
    counts = "".join(f"<th>{n} of {len(members)}</th>" for n in right)
    rows += f"<tr><th>right</th>{counts}<td></td><td></td></tr>"
    mistakes = Counter((m.exercise, m.mistake) for one in members for m in one.marks if m.mistake)
    often = [f"<li>{n} × {_text(' – '.join(what))}</li>" for what, n in mistakes.most_common() if n > 1]
    repeated = f"<p>Made by more than one:</p><ul>{''.join(often)}</ul>" if often else ""
    return f"<h2>{_text(name)}</h2><table><tr>{head}</tr>{rows}</table>{repeated}"


def _index_row(one: "Graded") -> str:
    name = _text(one.submission.student)
    if one.submission.file or one.submission.who.entry:
        name = f'<a href="pages/{urllib.parse.quote(page_name(one))}">{name}</a>'
    marks = "".join(f'<td class="{_class(mark)}">{_text(wording.short(mark))}</td>' for mark in one.marks)
    said = _text(wording.clean(wording.notes(one), 2_000))
    return f"<tr><td>{name}</td>{marks}<td>{wording.number(one.points)}</td><td>{said}</td></tr>"


def page(one: "Graded") -> str:
    """Return what one student may be given."""
    lesson = one.submission.lesson
    title = f"{lesson.number} {lesson.header.get('title', lesson.slug)}" if lesson else "no lesson"
    said = "".join(f"<li>{_text(note)}</li>" for note in one.notes)
    body = f"<p>{_text(title)}</p>" + (f"<ul>{said}</ul>" if said else "")
    if one.marks:
        body += f"<p><b>{wording.number(one.points)} of {wording.number(one.possible)} points</b></p>"
    return _html(one.submission.student, body + "".join(map(_section, one.marks)))


def _section(mark: "Mark") -> str:
    """Return one exercise: its question, its status, the message for the learner, and the cell."""
    said, _, details = mark.message.partition("\n")
    parts = [f"<h2>{_text(mark.exercise)}</h2>"]
    parts += [f'<p class="question">{marked_up(mark.question)}</p>'] if mark.question else []
    parts.append(f'<p><b class="{_class(mark)}">{_text(_status(mark))}</b>{_text(_worth(mark))}</p>')
    parts += [f"<p>{marked_up(said)}</p>"] if said else []
    parts += [f"<p>{marked_up(note)}</p>" for note in mark.notes if note not in said]
    parts += [f"<pre>{_text(details)}</pre>"] if details else []
    parts += [f"<pre>{_text(mark.source[:LONGEST_SOURCE])}</pre>"] if mark.source else []
    return "".join(parts)


def _status(mark: "Mark") -> str:
    return f"wrong: {mark.mistake}" if mark.status == "wrong" and mark.mistake else mark.status


def _worth(mark: "Mark") -> str:
    """Return how many cases agree, what that earns, and what a person made of it."""
    cases = f", agrees on {mark.passed} of {mark.cases} cases" if mark.cases > 1 else ""
    earned = f", {wording.number(mark.points)} of {wording.number(mark.possible)} points"
    return cases + earned + (f" (corrected: {mark.correction})" if mark.correction else "")


def _class(mark: "Mark") -> str:
    return mark.status if mark.status in ("right", "wrong") else "none"


def marked_up(text: str) -> str:
    """Return text as HTML, with code between backticks, and words between stars in italics or bold.

    >>> marked_up("a *map* of `x * y * z`")
    'a <em>map</em> of <code>x * y * z</code>'
    """
    parts = re.split(r"(<code>.*?</code>)", as_html(_printable(text)))
    for i, part in enumerate(parts):
        if not part.startswith("<code>"):
            part = re.sub(r"\*\*(\S(?:[^*]*\S)?)\*\*", r"<b>\1</b>", part)
            parts[i] = re.sub(r"(?<![\w*])\*(\S(?:[^*]*\S)?)\*(?![\w*])", r"<em>\1</em>", part)
    return "".join(parts)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)


def _text(text: str) -> str:
    """Return text as HTML that shows it and does nothing."""
    return html.escape(_printable(text))


def _html(title: str, body: str) -> str:
    return PAGE.format(title=_text(title), style=STYLE, body=body, generator=GENERATOR)
