"""Make a deck of reveal.js slides out of each lesson's own cells: `make slides`.

Which cell starts a slide and what waits for a click follows from what the cells are; a cell's metadata
`slideshow.slide_type` (slide, subslide, fragment, -, skip, notes) overrides it. Lessons are not run: slides
show their stored outputs, or those of another run. A deck opens from a file, without a network.

A short deck has the cells tagged `short`, for a lesson that is only shown. Where such a cell is cut before
its headings, its beginning goes with the cell before it, its end with the cell after it, if those are tagged.
"""

import argparse
import ast
import base64
import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from convlab.files import write_text
from coursekit.course import Course
from coursekit.lessons import LESSON_NAME, ROOT, CourseError, Lesson, find, select, source, tags, text
from coursekit.publishing import guide, vendor
from coursekit.publishing.links import relinked

PAGES = Path(__file__).parent / "pages"
OWN = ("slides.css", "slides.js")
HEADING = re.compile(r"^#{1,3} ", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```[^\S\n]*$", re.MULTILINE | re.DOTALL)
BLANK = re.compile(r"\n*^> \*Your prediction:\*.*\Z", re.MULTILINE)
QUESTION = re.compile(r"\*\*Predict:?\*\*:?\s*(.*?)(?=\n\n|\Z)", re.DOTALL)
LONGEST, LONGEST_CODE = 22, 16  # lines of text, and of code, in one box
WIDEST = 94  # letters of code that fit into a line of a slide
DRAWN_AT = 90  # dots per inch at which a figure has its own size
SHORT = 60  # words that may precede a prediction on its slide
READING, CODE_LINE, PICTURE = 0.4, 4, 20  # seconds for a word, a line of code, an output
COMMITTING, SOLVING = 60, 240  # seconds for a prediction, an exercise
ANSWERING = 20  # seconds for a prediction where a lesson is only shown
SHORT_TAG = "short"
NEW = ("slide", "subslide")
SUMMARY = "summary"  # the cell that speaks to `make run`


def main(argv: list[str]) -> int:
    """Write the decks of the lessons that the command line names; return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit slides", description=__doc__)
    parser.add_argument("lessons", nargs="*", help="numbers or names, all by default")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    parser.add_argument("--out", type=Path, help="where to write, build/slides by default")
    parser.add_argument("--short", action="store_true", help="what fits into a fifth of the minutes")
    parser.add_argument(
        "--outputs", type=Path, help="a folder with notebooks that were run, for their outputs"
    )
    parser.add_argument("--dpi", type=float, default=DRAWN_AT, help="dots per inch of the figures in them")
    options = parser.parse_args(argv)
    out = options.out or options.root / "build" / ("slides-short" if options.short else "slides")
    course = find(options.root)
    lessons = select(course, options.lessons)
    for lesson in lessons if options.outputs else ():
        take_outputs(lesson, Lesson(options.outputs / lesson.path.name))
    make(lessons, out, options.short, options.dpi)
    write_text(out / "index.html", listed([one for one in course if (out / f"{one.slug}.html").exists()]))
    print(f"slides of {len(lessons)} lessons: open {out / 'index.html'} (S shows the speaker's notes)")
    return 0


def take_outputs(lesson: Lesson, run: Lesson) -> None:
    """Put the outputs of a run in the place of those that a lesson has stored."""
    outputs = {cell.get("id"): cell for cell in run.code_cells}
    for cell in lesson.code_cells:
        other = outputs.get(cell.get("id"))
        if other is None or source(other) != source(cell):
            raise CourseError(f"{run.path} was not run from {lesson.path.name} as it is: run it again")
        cell["outputs"] = other["outputs"]


def make(lessons: list[Lesson], out: Path, short: bool = False, dpi: float = DRAWN_AT) -> None:
    """Write the decks of `lessons` and what they need into `out`.

    Args:
        lessons: whose decks to make.
        out: the folder for them.
        short: with what fits into a fifth of the minutes only.
        dpi: the dots per inch at which their figures were drawn.
    """
    vendor.copy(vendor.DECK, out / "assets")
    for name in OWN:
        write_text(out / "assets" / name, (PAGES / name).read_text(encoding="utf-8"))
    write_text(out / "assets" / "code.css", _code_style())
    for lesson in lessons:
        write_text(out / f"{lesson.slug}.html", deck(lesson, short, dpi))


def deck(lesson: Lesson, short: bool = False, dpi: float = DRAWN_AT) -> str:
    """Return a lesson as one page of HTML, which takes the rest from assets/ beside it."""
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(extra_template_basedirs=[str(PAGES)], template_name="deck")
    exporter.exclude_anchor_links = True
    exporter.register_filter("drawn_width", lambda png: drawn_width(png, dpi))
    notebook = nbformat.reads(json.dumps(staged(lesson, short)), as_version=4)
    about = {"number": lesson.number, "title": str(lesson.header.get("title", lesson.slug))}
    return exporter.from_notebook_node(notebook, resources={"deck": about})[0]


@dataclass
class Slide:
    """The cells that are shown together, their heading, and the notes for the speaker."""

    start: str  # "slide" begins a new column, "subslide" goes on below
    heading: str
    cells: list[dict] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)  # from cells of type notes

    @property
    def seconds(self) -> float:
        """How long the slide takes, before the lesson's own minutes are shared out."""
        return sum(map(_seconds, self.cells))

    @property
    def shown(self) -> float:
        """How many seconds the slide takes where a lesson is only shown, and people answer aloud."""
        asks = sum(cell["role"] == "prediction" for cell in self.cells)
        return self.seconds - asks * (COMMITTING - ANSWERING)


def staged(lesson: Lesson, short: bool = False) -> dict:
    """Return the lesson as a notebook whose cells say, in metadata.deck, where they stand in the slides."""
    slides = shortened(divided(lesson), lesson) if short else divided(lesson)
    total, gone, cells = sum(slide.seconds for slide in slides), 0.0, []
    minutes = guide.minutes(lesson, False) if short else lesson.header.get("minutes", total / 60)
    for index, slide in enumerate(slides):
        gone += slide.seconds
        share = minutes * slide.seconds / total
        marks = {
            "opens_stack": slide.start == "slide",
            "closes_stack": index + 1 == len(slides) or slides[index + 1].start == "slide",
            "heading": slide.heading,
            "seconds": max(1, round(60 * share)),
            "notes": [_pace(share, minutes * gone / total, minutes), *asked(slide, lesson), *slide.spoken],
        }
        cells += [_marked(cell, slide.cells, marks) for cell in slide.cells]
    numbered = [cell | {"id": f"cell-{number}"} for number, cell in enumerate(cells)]
    return lesson.notebook | {"cells": numbered}


def _marked(cell: dict, shown: list[dict], marks: dict) -> dict:
    """Return a cell of the notebook format, with all that the template asks about it."""
    place = {"first": cell is shown[0], "last": cell is shown[-1], "role": cell["role"], "alt": _alt(cell)}
    place |= {"code": boxes(source(cell))} if cell["cell_type"] == "code" else {}
    kept = {name: value for name, value in cell.items() if name not in ("role", "metadata")}
    return kept | {"metadata": {"deck": cell["metadata"].get("deck", {}) | marks | place}}


def divided(lesson: Lesson) -> list[Slide]:
    """Return the slides of a lesson."""
    slides: list[Slide] = []
    heading = ""
    for piece in pieces(lesson):
        kind = slide_type(piece, slides[-1].cells if slides else [])
        if kind == "skip":
            continue
        if kind == "notes" and slides:
            slides[-1].spoken.append(_plain(source(piece)))
            continue
        heading = _heading(piece) or heading
        if kind in NEW or not slides:
            along = _goes_along(slides[-1].cells, piece) if slides else []
            slides.append(Slide(kind if slides else "slide", heading, along))
        waits = kind == "fragment" or (kind == "-" and _waits(piece, slides[-1].cells))
        slides[-1].cells.append(piece | {"metadata": piece["metadata"] | {"deck": {"waits": waits}}})
    return [slide for slide in slides if slide.cells]


def shortened(slides: list[Slide], lesson: Lesson) -> list[Slide]:
    """Return the slides of a short deck; the last one's notes say what learners often answer.

    CourseError if no cell has the tag `short`.
    """
    tagged = ((slide, [cell for cell in slide.cells if SHORT_TAG in tags(cell)]) for slide in slides)
    chosen = [replace(slide, start="slide", cells=cells) for slide, cells in tagged if cells]
    if not chosen:
        raise CourseError(f"{lesson.slug} has no short deck: give the cells to show the tag {SHORT_TAG}")
    exercises = [cell for slide in slides for cell in slide.cells if cell["role"] == "exercise"]
    often = [said for cell in exercises for said in _mistakes(cell, lesson)]
    return [*chosen[:-1], replace(chosen[-1], spoken=[*chosen[-1].spoken, *often])]


def _goes_along(shown: list[dict], piece: dict) -> list[dict]:
    """Take the paragraph that leads to `piece` from the slide before, and return it for the new one.

    So no slide ends in a colon, and no code stands without the question that it answers.
    """
    if not shown or shown[-1]["role"] != "text" or _level(piece):
        return []
    said, gap, leading = source(shown[-1]).rstrip().rpartition("\n\n")
    if not leading.endswith((":", "?") if piece["role"] == "code" else ":") or HEADING.match(leading):
        return []
    moved = shown.pop()
    if gap:
        shown.append(moved | {"source": said})
    kept = moved["metadata"] | {"tags": tags(piece), "deck": {"waits": False}}
    return [moved | {"source": leading, "metadata": kept}]


def pieces(lesson: Lesson) -> list[dict]:
    """Return the cells as slides want them: markdown cut before its headings, without lines for answers."""
    found = []
    cells = [cell for cell in lesson.cells if "predict" not in tags(cell)]
    for before, cell, after in zip([{"metadata": {}}, *cells], cells, [*cells[1:], {"metadata": {}}]):
        if cell["cell_type"] == "code":
            found += [_heading_for(cell), _code(cell)]
        elif cell["cell_type"] == "markdown":
            task = "exercise" in tags(after)
            said = relinked(BLANK.sub("", source(cell)), lambda file: _deck_of(lesson, file))
            beside = SHORT_TAG in tags(before), SHORT_TAG in tags(after)
            found += [_heading_for(cell), *_markdown(cell, said.strip(), task, beside)]
    return [piece for piece in found if piece]


def _deck_of(lesson: Lesson, file: str) -> str | None:
    """Return the deck of another lesson's notebook; None if the course has no such lesson."""
    known = LESSON_NAME.fullmatch(file) and lesson.path.with_name(file).exists()
    return f"{file[:-6]}.html" if known else None


def _heading_for(cell: dict) -> dict | None:
    """Return a heading for a cell that opens a slide without one of its own."""
    title = "Before we start" if cell.get("id") == "imports" else "Words" if "terms" in tags(cell) else None
    kept = cell["metadata"].get("slideshow", {}).get("slide_type", "slide") == "slide"
    return _piece(cell, f"## {title}", "text") if title and kept else None


def _piece(cell: dict, said: str, role: str, short: bool = False) -> dict:
    """Return a piece of markdown; without `short` it is in no short deck, whatever its cell's tags."""
    given = {"slideshow": cell["metadata"]["slideshow"]} if "slideshow" in cell["metadata"] else {}
    kept = given | {"tags": [tag for tag in tags(cell) if short or tag != SHORT_TAG]}
    return {"cell_type": "markdown", "source": said, "role": role, "metadata": kept}


def _markdown(cell: dict, said: str, task: bool, beside: tuple[bool, bool]) -> list[dict]:
    """Return the pieces of what a markdown cell says, of which the last has the cell's role.

    `beside`: whether the cells before and after it are in the short deck.
    """
    fences = [match.span() for match in FENCE.finditer(said)]
    cuts = [match.start() for match in HEADING.finditer(said)]
    cuts = [cut for cut in cuts if cut and not any(start < cut < end for start, end in fences)]
    parts = [said[start:end].strip() for start, end in zip([0, *cuts], [*cuts, len(said)])]
    role = "task" if task else next((tag for tag in ("prediction", "terms") if tag in tags(cell)), "text")
    roles = ["text"] * (len(parts) - 1) + [role]
    last = len(parts) - 1
    meant = {last} if role == "prediction" else {n for n, there in zip((0, last), beside) if there} or {0}
    return [_piece(cell, part, one, n in meant) for n, (part, one) in enumerate(zip(parts, roles)) if part]


def _code(cell: dict) -> dict:
    """Return a code cell's piece; what an exercise says before it has been tried is left out."""
    exercise = "exercise" in tags(cell)
    outputs = [] if exercise else [short for output in cell["outputs"] for short in _outputs(output)]
    return cell | {
        "source": without_compare(source(cell)),
        "outputs": outputs,
        "role": "exercise" if exercise else "code",
    }


def without_compare(code: str) -> str:
    """Return code without its lines that compare a reader's prediction, for pages on which nobody types one.

    >>> without_compare("loss = 5\\npredict.compare('01-loss', loss)")
    'loss = 5'
    """
    lines = code.splitlines()
    try:
        statements = ast.parse(code).body
    except SyntaxError:
        return code.strip("\n")
    found = (one for statement in statements for one in ast.walk(statement) if isinstance(one, ast.Expr))
    for one in sorted(found, key=lambda one: -one.lineno):
        if ast.unparse(one).startswith("predict.compare("):
            del lines[one.lineno - 1 : one.end_lineno]
    return "\n".join(lines).strip("\n")


def _outputs(output: dict) -> list[dict]:
    """Return one output, or, if it is long text, several."""
    if output["output_type"] != "stream":
        return [output]
    lines = text(output["text"]).splitlines(keepends=True)
    parts = [lines[start : start + LONGEST] for start in range(0, len(lines), LONGEST)]
    return [dict(output) | {"text": "".join(part)} for part in parts]


def slide_type(piece: dict, shown: list[dict]) -> str:
    """Return slide, subslide, fragment, -, skip or notes: what the metadata say, or else what fits.

    A heading starts a slide; so do a prediction, a task, and code after what explained the code before.
    """
    given = piece["metadata"].get("slideshow", {}).get("slide_type")
    if given or piece.get("id") == SUMMARY:
        return given or "skip"
    coded = any(one["cell_type"] == "code" for one in shown)
    words = sum(len(source(one).split()) for one in shown)
    if level := _level(piece):
        return "slide" if level < 3 else "subslide"
    match piece["role"]:
        case "text" | "task" if shown and shown[-1]["role"] == "exercise":
            return "subslide"
        case "prediction" | "task":
            return "subslide" if coded or words > SHORT else "-"
        case "code" if coded and shown[-1]["cell_type"] == "markdown" and "parameters" not in tags(piece):
            return "subslide"
    return "-"


def _waits(piece: dict, shown: list[dict]) -> bool:
    """Return whether a piece waits for a click: what answers a prediction, and what explains code."""
    if not shown or piece["role"] in ("exercise", "terms"):
        return False
    if piece["cell_type"] == "code":
        return any(one["role"] == "prediction" for one in shown)
    return any(one["role"] == "code" and one["outputs"] for one in shown)


def boxes(code: str, longest: int = LONGEST_CODE) -> list[str]:
    """Return code in boxes of at most `longest` lines, cut between statements, in a long one between its own.

    >>> boxes("a = 1\\nb = 2\\nc = 3", longest=2)
    ['a = 1\\nb = 2', 'c = 3']
    """
    lines = code.splitlines()
    try:
        statements = ast.parse(code).body
    except SyntaxError:
        statements = []
    found, begin = [], 0
    for start, end in _units(statements, lines, longest):
        if _rows(lines[begin:end]) > longest and start > begin:
            found.append(lines[begin:start])
            begin = start
    return ["\n".join(box).strip("\n") for box in [*found, lines[begin:]]]


def _rows(lines: list[str]) -> int:
    """Return how many lines these are on a slide, where long ones wrap."""
    return sum(1 + len(line) // WIDEST for line in lines)


def _units(body: list[ast.stmt], lines: list[str], longest: int) -> Iterator[tuple[int, int]]:
    """Yield (first line, line after the last) of each statement; of a longer one of its head and its body."""
    for statement in body:
        start, end = _with_comment(lines, statement.lineno), statement.end_lineno or statement.lineno
        within = getattr(statement, "body", [])
        if _rows(lines[start:end]) > longest and within:
            yield start, within[0].lineno - 1
            yield from _units(within, lines, longest)
        else:
            yield start, end


def _with_comment(lines: list[str], number: int) -> int:
    """Return the index of the line where a statement begins, with the comments and decorators above it."""
    index = number - 1
    while index > 0 and lines[index - 1].lstrip().startswith(("#", "@")):
        index -= 1
    return index


def asked(slide: Slide, lesson: Lesson) -> list[str]:
    """Return what the speaker should ask and do on a slide, in plain sentences."""
    notes = []
    if slide.cells and _level(slide.cells[0]) == 1:
        notes.append(f"Ask: {lesson.header.get('question', '')} Collect guesses, answer none.")
    for cell in slide.cells:
        match cell["role"]:
            case "prediction":
                question = QUESTION.search(source(cell))
                notes.append(f"Ask: {_plain(question[1] if question else source(cell))}")
                notes.append("Let everybody write an answer down, then show hands; only then go on.")
            case "task":
                notes.append(
                    "Let them try alone first, then in pairs. Its hint() helps, and helps more each time."
                )
            case "exercise":
                notes += _mistakes(cell, lesson)
            case "terms":
                notes.append("Ask people to explain each word in their own words.")
            case "code" if cell["outputs"] and not any("Ask:" in one for one in notes):
                notes.append("Ask: what will this show? Its output comes with the next click.")
    return notes


def _mistakes(cell: dict, lesson: Lesson) -> list[str]:
    """Return a sentence on the mistakes that an exercise knows by name; none where it knows none."""
    checked = re.search(r"^exercises\.(\w+)\.check", source(cell), re.MULTILINE)
    known = Course(lesson.path.parents[1]).exercises(lesson.number) if checked else []
    names = [mistake.name for one in known if checked and one.name == checked[1] for mistake in one.mistakes]
    return [f"Learners often answer: {'; '.join(names)}."] if names else []


def _pace(share: float, by_here: float, minutes: float) -> str:
    """Return the sentence on time."""
    return f"{_minutes(share)}; {by_here:.0f} of {minutes:.0f} minutes by the end of this slide."


def _minutes(minutes: float) -> str:
    """Return a duration as one says it."""
    return f"About {60 * minutes:.0f} seconds" if minutes < 0.9 else f"About {minutes:.1f} minutes"


def _seconds(cell: dict) -> float:
    """Return how long a cell takes to be shown, compared with others."""
    if cell["cell_type"] == "markdown":
        return READING * len(source(cell).split()) + {"prediction": COMMITTING}.get(cell["role"], 1)
    if cell["role"] == "exercise":
        return SOLVING
    return CODE_LINE * len(source(cell).splitlines()) + PICTURE * len(cell["outputs"])


def _level(piece: dict) -> int:
    """Return the level of the heading that a piece begins with; 0 without one."""
    found = HEADING.match(source(piece)) if piece["cell_type"] == "markdown" else None
    return len(found[0]) - 1 if found else 0


def _heading(piece: dict) -> str:
    """Return the heading that a piece begins with, if it has one below the title."""
    return _plain(source(piece).splitlines()[0].lstrip("#")) if _level(piece) > 1 else ""


def _plain(markdown: str) -> str:
    """Return markdown as one line of plain words."""
    return " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)|[*`]", r"\1", markdown).split())


def _alt(cell: dict) -> str:
    """Return the words for a cell's picture."""
    return cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")


def drawn_width(png: str, dpi: float = DRAWN_AT) -> int:
    """Return how many pixels wide a figure is meant to be: one of 180 dots per inch half of its own width."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        return round(image.width * DRAWN_AT / dpi)


def _code_style() -> str:
    """Return the colours of code, dark enough for every reader."""
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style="a11y-high-contrast-light").get_style_defs(".highlight")


def listed(lessons: list[Lesson]) -> str:
    """Return the page that lists the decks."""
    rows = "".join(map(_row, lessons))
    return (PAGES / "slides.html").read_text(encoding="utf-8").replace("<!-- decks -->", rows)


def _row(lesson: Lesson) -> str:
    """Return one deck's line in the list."""
    title, question = (html.escape(str(lesson.header.get(name, ""))) for name in ("title", "question"))
    link = f'<a href="{lesson.slug}.html">{lesson.number} {title}</a>'
    minutes = lesson.header.get("minutes", "?")
    return f"<li>{link} <span>{question}</span> <small>{minutes} minutes</small></li>\n"
