"""Make the book of all lessons, for a browser without a network: `make site`. Lessons are not run.

Sphinx reads copies in build/site-sources: the lessons with their stored outputs, docs/, and the glossary.
"""

import argparse
import html
import itertools
import json
import re
from pathlib import Path

import yaml

from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError, Lesson, find, source, tags
from coursekit.publishing import api, live, public, quiz, search, slides, tooltips, vendor
from coursekit.publishing import map as course_map
from coursekit.publishing.links import relinked

PAGES = Path(__file__).parent / "pages"
HELP = ("python_and_numpy", "in_a_hurry")  # pages of docs/ for learners
GUIDE = "instructor_guide"
BESIDE = (*HELP, "quiz", "live", "glossary", GUIDE, "api")  # the pages that follow the lessons
WITHIN = re.compile(r"\[([^][]*)\]\(#([^()\s]+)\)")
COMMENT = re.compile(r"^%", re.MULTILINE)  # in Sphinx's markdown a line that begins so is not shown
LEADING_HEADING = re.compile(r"\A#{1,6} [^\n]*\n*")


def main(argv: list[str]) -> int:
    """Make the book; return 0, or 1 if Sphinx found fault with a page."""
    parser = argparse.ArgumentParser(prog="python -m coursekit site", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    parser.add_argument("--out", type=Path, help="where to write, build/site by default")
    options = parser.parse_args(argv)
    out = options.out or options.root / "build" / "site"
    status = make(options.root, out)
    print(f"the book of {len(find(options.root))} lessons: open {out / 'index.html'}")
    return status


def make(root: Path, out: Path, guide: bool = True) -> int:
    """Make the book of the course in `root`, with its slides; return what Sphinx returns.

    Args:
        root: the folder of the course.
        out: where to write.
        guide: with the instructor guide.
    """
    from sphinx.cmd.build import build_main

    work = out.with_name(f"{out.name}-sources")
    stage(root, work, guide)
    slides.make(find(root), out / "slides")
    write_text(out / "slides" / "index.html", slides.listed(find(root)))
    options = ["-q", "-W", "--keep-going", "-d", str(work / ".doctrees")]
    return build_main(["-b", "html", *options, str(work), str(out)])


def stage(root: Path, work: Path, guide: bool = True) -> None:
    """Lay out what Sphinx reads; a file that has not changed keeps its date, so that its page is kept."""
    wanted = sources(root, guide)
    for path in [*work.glob("*.md"), *work.glob("*.ipynb"), *work.glob("downloads/*")]:
        if path.relative_to(work).as_posix() not in wanted:
            path.unlink()
    for name, content in wanted.items():
        if not (work / name).exists() or (work / name).read_text(encoding="utf-8") != content:
            write_text(work / name, content)
    if not (work / "_static" / "mathjax.js").exists():
        vendor.copy(vendor.SITE, work / "_static")


def sources(root: Path, guide: bool = True) -> dict[str, str]:
    """Return what Sphinx reads, by file name, all but MathJax."""
    lessons, docs = find(root), root / "docs"
    beside = [name for name in BESIDE if guide or name != GUIDE]
    files = {lesson.path.name for lesson in lessons} | {f"{name}.md" for name in ("index", *beside)}
    found = {f"_static/{name}": _text(PAGES / name) for name in ("site.css", "site.js")}
    found |= {f"_static/web/{name}": text for name, text in live.files().items()}
    found["live.md"] = _text(live.WEB / "live.md").replace("<!-- live -->", live.markup())
    found["conf.py"] = _text(docs / "conf.py")
    found["index.md"] = index(_text(docs / "index.md"), lessons, beside)
    entries = yaml.safe_load(_text(docs / "glossary.yaml"))
    belongs = {entry["en"]: taught(entry["en"], lessons) for entry in entries}
    found["glossary.md"] = glossary(entries, belongs)
    for name in (*HELP, GUIDE) if guide else HELP:
        found[f"{name}.md"] = relinked(_text(docs / f"{name}.md"), _among(files))
    found["quiz.md"] = quiz.page(lessons)
    found["api.md"] = api.page()
    addresses = public.addresses(root)
    beside_lessons = {name: found[f"{name}.md"] for name in beside if f"{name}.md" in found}
    found["_static/search_data.js"] = search.script(lessons, entries, beside_lessons)
    for lesson in lessons:
        words = tooltips.known_in(lesson, entries, belongs)
        found[lesson.path.name] = page(lesson, files, public.links(lesson, addresses), words)
        found[f"downloads/{lesson.path.name}"] = _text(lesson.path)
    return found


def _text(path: Path) -> str:
    """Return what a file says; `CourseError` if it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(f"the book needs {path.name}, and it is missing: restore it with git") from error


def _among(files: set[str]):
    """Return a function that keeps the links to `files` and within a page, and no others."""
    return lambda name: name if name in files or name.startswith("#") else None


def index(template: str, lessons: list[Lesson], beside: list[str]) -> str:
    """Return the first page: the template with the map in its place, and the order of all pages."""
    place = lessons[0].path.parent if lessons else ROOT
    mapped = course_map.with_map("docs/index.md", template, lessons, place)
    parts = itertools.groupby(lessons, key=lambda lesson: str(lesson.header.get("part", "")))
    trees = [_tree(f"Part {name}", [_listed(lesson) for lesson in members]) for name, members in parts]
    return "\n".join([mapped, *trees, _tree("Beside the lessons", beside)])


def _listed(lesson: Lesson) -> str:
    """Return a lesson as the order of pages names it: number, short title, file."""
    return f"{lesson.number} {lesson.header.get('title', lesson.slug)} <{lesson.slug}>"


def _tree(caption: str, pages: list[str]) -> str:
    """Return a part of the book's order."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {json.dumps(caption)}", "", *pages, "```", ""])


def page(lesson: Lesson, files: set[str], places: dict[str, str], words: list[dict]) -> str:
    """Return a lesson as the book shows it: notebook and slides offered, own links, words explained.

    What stores and compares a prediction is left out: the page has no kernel.

    Args:
        lesson: one of the course.
        files: the names of the book's pages.
        places: the addresses where the lesson can be run, by name.
        words: the entries of the glossary that the lesson may use.
    """
    ids, tips = {cell.get("id", "") for cell in lesson.cells}, tooltips.Tooltips(words)
    cells = [
        _markdown(cell, files, ids, tips)
        if cell["cell_type"] == "markdown"
        else cell | {"source": slides.without_compare(source(cell))}
        for cell in lesson.cells
        if "predict" not in tags(cell)
    ]
    offered = {"cell_type": "markdown", "id": "book-links", "metadata": {}, "source": _offers(lesson, places)}
    cells = live.with_explorers(lesson.slug, [*cells[:1], offered, *cells[1:]])
    notes = {"cell_type": "markdown", "id": "book-notes", "metadata": {}, "source": tips.notes()}
    cells += [notes] if notes["source"] else []
    return json.dumps(lesson.notebook | {"cells": cells}, ensure_ascii=False)


def _offers(lesson: Lesson, places: dict[str, str]) -> str:
    """Return the line under the title."""
    header = lesson.header
    run = "".join(
        f' · <a href="{html.escape(place, quote=True)}">{name}</a>' for name, place in places.items()
    )
    return (
        "::::{container} lesson-links\n"
        f"{{download}}`Notebook <downloads/{lesson.path.name}>` · "
        f'<a href="slides/{lesson.slug}.html">Slides</a> · {header.get("minutes", "?")} minutes'
        f"{live.offer(lesson.slug)}{run}\n"
        "::::"
    )


def _markdown(cell: dict, files: set[str], ids: set[str], tips: tooltips.Tooltips) -> dict:
    """Return a markdown cell for the book; a prediction is in a box, without the line for an answer."""
    said = WITHIN.sub(lambda match: _to_cell(match, ids), relinked(source(cell), _among(files)))
    if "prediction" in tags(cell):
        said = slides.BLANK.sub("", said)
        heading = found[0] if (found := LEADING_HEADING.match(said)) else ""
        rest = said.removeprefix(heading).strip()
        said = f"{heading}\n:::::{{admonition}} Before you read on\n:class: tip\n\n{rest}\n:::::"
    said = COMMENT.sub(r"\\%", said)
    said = said if "terms" in tags(cell) else tips.marked(said)
    return cell | {"source": f'<span id="{cell.get("id", "")}"></span>\n\n{said}'}


def _to_cell(match: re.Match, ids: set[str]) -> str:
    """Return a link within a page: to a cell, which Sphinx does not know, as HTML."""
    return f'<a href="#{match[2]}">{match[1]}</a>' if match[2] in ids else match[0]


def glossary(entries: list[dict], belongs: dict[str, Lesson | None]) -> str:
    """Return the page of the course's words, each with the lesson whose words it belongs to."""
    rows = "\n".join(_entry(entry, belongs[entry["en"]]) for entry in sorted(entries, key=_spelled))
    columns = " ".join(f"<th>{name}</th>" for name in ("English", "한국어", "日本語", "meaning", "lesson"))
    return (
        f"# Glossary\n\n{len(entries)} words of the course, and the lesson that each belongs to.\n\n"
        f'<table class="glossary">\n<thead><tr>{columns}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n'
    )


def _spelled(entry: dict) -> str:
    """Return what words are ordered by."""
    return entry["en"].casefold()


def _entry(entry: dict, lesson: Lesson | None) -> str:
    """Return one word's row."""
    en, ko, ja, meaning = (html.escape(str(entry.get(name, ""))) for name in ("en", "ko", "ja", "meaning"))
    anchor = tooltips.anchor(entry["en"])
    link = f'<a href="{lesson.slug}.html">{lesson.number}</a>' if lesson else ""
    also = f' <small class="also">Also: {html.escape(entry["also"])}</small>' if "also" in entry else ""
    return (
        f'<tr id="{anchor}"> <td>{en}</td> <td lang="ko">{ko}</td> <td lang="ja">{ja}</td> '
        f'<td class="meaning">{meaning}{also}</td> <td>{link}</td> </tr>'
    )


def taught(word: str, lessons: list[Lesson]) -> Lesson | None:
    """Return the first lesson whose terms cell has the word; None if none has."""
    row = re.compile(rf"^\|\s*{re.escape(word)}\s*\|", re.MULTILINE)
    for lesson in lessons:
        if any("terms" in tags(cell) and row.search(source(cell)) for cell in lesson.cells):
            return lesson
    return None
