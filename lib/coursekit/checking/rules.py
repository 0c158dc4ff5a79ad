"""The rules of form for a lesson: each a function of a lesson and its course that yields what it finds wrong.

What is found is a triple: the cell (None for the notebook as a whole), what is wrong with it, what to do.
nbval passes in silence where its marker is misspelt, where a cell was not run and where it shows only a
picture; these rules do not.
"""

import ast
import json
import re
from collections.abc import Iterator

from nbformat.validator import iter_validate

from convlab.datasets.published import PUBLISHED
from coursekit import profiles
from coursekit.course import Course
from coursekit.lessons import CourseError, Lesson, code_digest, source, summary, tags, text
from coursekit.publishing import guide, slides
from coursekit.publishing.slides import SHORT_TAG

Found = Iterator[tuple[dict | None, str, str]]

COMPARED = "nbval-check-output"
TAGS = {
    "parameters": "code",
    "prediction": "markdown",
    "predict": "code",
    "exercise": "code",
    "terms": "markdown",
    SHORT_TAG: "code or markdown",
    COMPARED: "code",
    "nbval-skip": "code",
    "nbval-ignore-output": "code",
    "raises-exception": "code",
}
CELL_METADATA = {"tags", "mystnb", "slideshow"}
HEADER = {
    "title": str,
    "part": str,
    "question": str,
    "minutes": int,
    "prerequisites": list,
    "data": list,
    "tensorflow": bool,
    "seconds": int | float,
    "memory_gb": int | float,
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
LARGEST = 1_000_000  # bytes
LONGEST_LESSON = 120  # seconds
LONGEST_IMPORTS, LONGEST_CELL, LONGEST_CLASS = 8, 15, 25  # lines
RENDER = "run `make render`"

WARNING = re.compile(r"\b[A-Z]\w*Warning\b|^WARNING\b", re.MULTILINE)
TENSORFLOW = re.compile(
    r"^\s*(import|from) (tensorflow|keras)\b|\bconvlab\.networks|\bconvlab import .*\bnetworks\b",
    re.MULTILINE,
)
RANDOM_ID = re.compile(r"(?=.*\d)[0-9a-f]{6,}(-[0-9a-f]{4,})*")
EMBEDDED = re.compile(r"base64,[A-Za-z0-9+/=\s]+")
TRACES = {
    "a path of one machine": re.compile(
        r"(?<![\w.:/])/(home|Users|root|work|tmp|var|private|opt|usr)/\w|\b[A-Za-z]:\\+\w|site-packages"
    ),
    "a place in memory": re.compile(r"\b0x[0-9a-f]{6,}\b"),
    "how long something took": re.compile(
        r"Wall time:|CPU times:|\d ?(it|ms|s)/(s|it|step|epoch)\b|\[\d\d:\d\d<|\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d"
    ),
    "an escape code": re.compile(r"\x1b\["),
}


def outputs(cell: dict) -> list[dict]:
    """Return a cell's stored outputs."""
    return cell.get("outputs", [])


def words(output: dict) -> str:
    """Return all that an output says as text."""
    if output["output_type"] == "stream":
        return text(output["text"])
    if output["output_type"] == "error":
        return "\n".join([output["ename"], output["evalue"], *output["traceback"]])
    data = [(mime, value) for mime, value in output["data"].items() if not mime.startswith("image/")]
    return "\n".join(text(value) if mime.startswith("text/") else json.dumps(value) for mime, value in data)


def readable(lesson: Lesson, course: Course) -> Found:
    """The notebook is a valid one, of a format whose cells have ids."""
    try:
        notebook = lesson.notebook
    except CourseError as problem:
        yield None, f"cannot be read: {problem}", "restore it"
        return
    if (notebook.get("nbformat"), notebook.get("nbformat_minor", 0) >= 5) != (4, True):
        yield None, "has a format without cell ids", "save it as nbformat 4.5"
        return
    for error in iter_validate(notebook):
        yield None, f"is not a valid notebook: {error.message[:80]}", "open and save it in JupyterLab"


def ids(lesson: Lesson, course: Course) -> Found:
    """Each cell's id is unique and says what the cell is; grading and slides go by it."""
    seen = set()
    for cell in lesson.cells:
        name = cell.get("id", "")
        if name in seen:
            yield cell, "is the id of two cells", "rename one"
        elif not re.fullmatch(r"[a-z][a-z0-9-]{0,63}", name) or RANDOM_ID.fullmatch(name):
            yield cell, "is an id that says nothing", "name the cell: a-z, 0-9 and dashes, as in first-loss"
        seen.add(name)


def metadata(lesson: Lesson, course: Course) -> Found:
    """The notebook says all about itself that the map and the runner need, and nothing else."""
    header, whole = lesson.header, lesson.notebook["metadata"]
    for name, kind in HEADER.items():
        if not isinstance(header.get(name), kind) or header[name] == "":
            yield None, f"metadata convlab.{name} is {header.get(name)!r}", f"set it ({kind})"
    for name in sorted({*header} - {*HEADER, "rendered"}):
        yield None, f"metadata convlab.{name} is not known", "remove it"
    for name in sorted({*whole} - {"convlab", "kernelspec", "language_info", "widgets"}):
        yield None, f"metadata {name} belongs to one machine", RENDER
    named = whole.get("kernelspec", {}).get("name"), whole.get("language_info")
    if named != ("python3", {"name": "python"}):
        yield None, "the metadata do not name the kernel python3 and the language python alone", RENDER
    for cell in lesson.cells:
        for name in sorted({*cell["metadata"]} - CELL_METADATA):
            yield cell, f"has the metadata {name}, which belong to one run", RENDER


def claims(lesson: Lesson, course: Course) -> Found:
    """What the metadata say is true: earlier lessons, known data sets, TensorFlow, a short wait."""
    header = lesson.header
    earlier = {other.slug for other in course.lessons if other.number < lesson.number}
    for slug in _list(header, "prerequisites"):
        if slug not in earlier:
            yield None, f"the prerequisite {slug} is no earlier lesson", "name its file, without .ipynb"
    for name in _list(header, "data"):
        if name not in PUBLISHED:
            yield None, f"there is no data set {name}", f"name some of {', '.join(sorted(PUBLISHED))}"
    uses = any(TENSORFLOW.search(source(cell)) for cell in lesson.code_cells)
    if uses and header.get("tensorflow") is False:
        yield None, "imports TensorFlow and says it does not", "set convlab.tensorflow to true"
    if isinstance(header.get("seconds"), int | float) and header["seconds"] > LONGEST_LESSON:
        yield None, f"takes over {LONGEST_LESSON} seconds", "give it smaller default parameters"


def _list(header: dict, name: str) -> list:
    """Return a list from the header; an empty one where something else stands."""
    return header[name] if isinstance(header.get(name), list) else []


def known_tags(lesson: Lesson, course: Course) -> Found:
    """Each tag is known and stands on the right kind of cell: nbval passes over a misspelt one in silence."""
    for cell in lesson.cells:
        for tag in tags(cell):
            if cell["cell_type"] not in TAGS.get(tag, "").split(" or "):
                why = f"for {TAGS[tag]} only" if tag in TAGS else "which nothing knows"
                yield cell, f"has the tag {tag}, {why}", f"use one of {', '.join(TAGS)}"


def no_comment_markers(lesson: Lesson, course: Course) -> Found:
    """nbval's markers are tags: as comments readers see them, and nbval does not if they share their line."""
    for cell in lesson.code_cells:
        for line in source(cell).splitlines():
            if re.search(r"NBVAL_|PYTEST_VALIDATE_", line):
                alone = re.fullmatch(r"\s*#+\s*\w+\s*", line)
                why = (
                    "in a comment, where readers see it" if alone else "that nbval does not see on this line"
                )
                yield cell, f"has a marker {why}", f"use the tag {COMPARED}"


def plain_python(lesson: Lesson, course: Course) -> Found:
    """Each code cell is Python and nothing else: no `!`, no `%` and no empty cell."""
    for cell in lesson.code_cells:
        code = source(cell)
        if not code.strip():
            yield cell, "is empty", "remove it"
        elif not _parsed(code):
            special = re.search(r"^\s*(?:\w+\s*=\s*)?[!%].*|^.*\?\s*$", code, re.MULTILINE)
            what = f"calls a shell or a magic: {special[0].strip()}" if special else "is not Python"
            yield cell, what, "write it in plain Python"


def _parsed(code: str) -> ast.Module | None:
    """Return the syntax tree of a cell; None if it is not plain Python."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


def imports(lesson: Lesson, course: Course) -> Found:
    """One short cell imports, and nothing is imported with a star."""
    first = next((cell for cell in lesson.code_cells if cell.get("id") == "imports"), None)
    if first is None:
        yield None, "has no cell that imports", "put the imports into a cell with the id `imports`"
    elif len(_lines(first)) > LONGEST_IMPORTS:
        yield first, f"has over {LONGEST_IMPORTS} lines", "import later what is used later"
    for cell in lesson.code_cells:
        for node in ast.walk(_parsed(source(cell)) or ast.Module([], [])):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                yield cell, f"imports * from {node.module}", "name what is used"


def _lines(cell: dict) -> list[str]:
    """Return the lines of a cell that are not empty."""
    return [line for line in source(cell).splitlines() if line.strip()]


def short_cells(lesson: Lesson, course: Course) -> Found:
    """A code cell has at most 15 lines; one with a class or an exercise at most 25."""
    for cell in lesson.code_cells:
        tree = _parsed(source(cell)) or ast.Module([], [])
        may_be_long = "exercise" in tags(cell) or any(isinstance(node, ast.ClassDef) for node in tree.body)
        longest = LONGEST_CLASS if may_be_long else LONGEST_CELL
        if len(_lines(cell)) > longest:
            yield cell, f"has {len(_lines(cell))} lines of code, over {longest}", "split it"


def parameters(lesson: Lesson, course: Course) -> Found:
    """One cell holds what may be turned, as simple assignments, and the full profile turns nothing else."""
    cells = [cell for cell in lesson.cells if "parameters" in tags(cell)]
    if len(cells) != 1:
        yield None, f"has {len(cells)} cells tagged parameters", "tag exactly one"
        return
    for node in (_parsed(source(cells[0])) or ast.Module([], [])).body:
        if not profiles.assigned(node):
            yield cells[0], f"has more than `name = value`: {ast.unparse(node)}", "move it"
    for what, remedy in profiles.faults(lesson, course.profiles.get(lesson.slug, {})):
        yield cells[0], what, remedy


def predictions(lesson: Lesson, course: Course) -> Found:
    """A prediction has a line for the reader's answer, and code comes before any explanation."""
    read = [cell for cell in lesson.cells if "predict" not in tags(cell)]
    for cell, following in zip(read, [*read[1:], None]):
        if "prediction" not in tags(cell):
            continue
        if following is None or following["cell_type"] != "code":
            yield cell, "asks for a prediction, and no code follows", "put the code that answers next"
        if "> *Your prediction:*" not in (_lines(cell) or [""])[-1]:
            yield cell, "has no line for the reader's answer", "end it with `> *Your prediction:* …`"


def predicted(lesson: Lesson, course: Course) -> Found:
    """The next cell stores a prediction, still empty; a later one compares it with what code computes."""
    calls: dict[str, list[tuple[int, dict, ast.Call]]] = {}
    for place, cell in enumerate(lesson.cells):
        for call in _predict_calls(cell):
            calls.setdefault(call.func.attr, []).append((place, cell, call))  # type: ignore[attr-defined]
    asked = {}
    for place, cell in enumerate(lesson.cells[:-1]):
        following = lesson.cells[place + 1]
        if "prediction" in tags(cell):
            name = f"{lesson.number}-{cell.get('id', '').removeprefix('predict-')}"
            if "predict" in tags(following):
                asked[name] = place + 1
                yield from _predict_cell(following, name)
            else:
                yield (
                    cell,
                    "is followed by no cell that stores the answer",
                    f'add predict.choice("{name}", ...)',
                )
        elif "predict" in tags(following):
            yield following, "stores a prediction that the cell above does not ask", "remove the tag, or ask"
    compared = [(place, cell, call, _first(call)) for place, cell, call in calls.get("compare", [])]
    for name, place in asked.items():
        times = [at for at, _, _, known in compared if known == name and at > place]
        if len(times) != 1:
            yield (
                lesson.cells[place],
                f"is compared {len(times)} times",
                f'add one predict.compare("{name}", …)',
            )
    for _, cell, call, known in compared:
        if known not in asked:
            yield cell, f"compares {known!r}, which nobody has asked", "name the prediction above it"
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            yield cell, f"shows the answer to {known} in its code", "let the lesson's own values compute it"


def short_deck(lesson: Lesson, course: Course) -> Found:
    """The tag `short` chooses the title and whole predictions, for a fifth of the lesson's minutes."""
    chosen = [cell for cell in lesson.cells if SHORT_TAG in tags(cell)]
    if not chosen:
        yield None, f"has no short deck: no cell has the tag {SHORT_TAG}", "tag title, a prediction, recap"
        return
    if chosen[0] is not lesson.cells[0]:
        yield chosen[0], "begins the short deck", f"give the title the tag {SHORT_TAG}, too"
    if not any("prediction" in tags(cell) for cell in chosen):
        yield None, "asks for no prediction in its short deck", f"give one the tag {SHORT_TAG}"
    for place, cell in enumerate(lesson.cells):
        if "prediction" not in tags(cell):
            continue
        name = f"{lesson.number}-{cell.get('id', '').removeprefix('predict-')}"
        answer = next((one for one in lesson.cells[place + 1 :] if _compares(one, name)), None)
        if answer is None:
            continue
        if cell in chosen and answer not in chosen:
            yield cell, "is in the short deck without its answer", f"give the answer the tag {SHORT_TAG}"
        if answer in chosen and cell not in chosen:
            yield answer, "is in the short deck without its question", f"tag the question {SHORT_TAG}"
    for cell in chosen:
        if {"exercise", "predict"} & set(tags(cell)):
            yield cell, "is tried alone, and is in the short deck", f"remove the tag {SHORT_TAG}"
    if not isinstance(lesson.header.get("minutes"), int):
        return  # `metadata` says so
    whole = slides.shortened(slides.divided(lesson), lesson)
    taken, given = sum(slide.shown for slide in whole) / 60, guide.minutes(lesson, False)
    if taken > given:
        yield None, f"has a short deck of {taken:.1f} minutes", f"choose what fits into {given}"


def _compares(cell: dict, name: str) -> bool:
    """Return whether a cell compares the prediction `name` with its answer."""
    calls = _predict_calls(cell)
    return any(call.func.attr == "compare" and _first(call) == name for call in calls)  # type: ignore[attr-defined]


def _predict_calls(cell: dict) -> list[ast.Call]:
    """Return the calls of convlab.predict in a cell."""
    tree = _parsed(source(cell)) if cell["cell_type"] == "code" else None
    return [
        node
        for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, ast.Call) and re.fullmatch(r"predict\.\w+", ast.unparse(node.func))
    ]


def _first(call: ast.Call) -> object:
    """Return the first argument of a call, if it is a constant."""
    return call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None


def _predict_cell(cell: dict, name: str) -> Found:
    """Yield what is wrong with one cell that stores a prediction."""
    calls = [call for call in _predict_calls(cell) if ast.unparse(call.func) != "predict.compare"]
    tree = _parsed(source(cell))
    if len(calls) != 1 or tree is None or len(tree.body) != 1 or _first(calls[0]) != name:
        yield cell, "is not one call with the name of the prediction", f'write predict.choice("{name}", ...)'
        return
    call = calls[0]
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    answers = [*call.args[1:2], *(given[one] for one in ("sure",) if one in given)]
    if not answers or any(not (isinstance(one, ast.Constant) and one.value is ...) for one in answers):
        yield cell, "holds an answer", "let `...` stand for the answer and for sure"
    choices = given.get("of")
    if ast.unparse(call.func) == "predict.choice" and len(getattr(choices, "elts", ())) < 2:
        yield cell, "has fewer than two choices", "list them: of=[…, …]"


def exercises(lesson: Lesson, course: Course) -> Found:
    """Each exercise cell ends with its check; lesson and lib/convlab/exercises know the same exercises."""
    known = {exercise.name for exercise in course.exercises(lesson.number)}
    asked = set()
    for cell in lesson.code_cells:
        last = (_lines(cell) or [""])[-1]
        call = re.match(r"exercises\.(\w+)\.check\(", last)
        if "exercise" in tags(cell):
            asked.add(call[1] if call else "")
            yield from _exercise_cell(cell, call[1] if call else "", known)
        elif call:
            yield cell, "checks an answer and is not tagged exercise", "add the tag"
    for name in sorted(known - asked):
        yield None, f"does not ask {name} of lesson_{lesson.number}.py", "ask it, or remove it there"


def _exercise_cell(cell: dict, name: str, known: set[str]) -> Found:
    """Yield what is wrong with one exercise cell, whose last line checks the exercise `name`."""
    wanted = f"exercise-{name.replace('_', '-')}"
    if not name:
        yield cell, "does not end with exercises.<name>.check(...)", "let its last line check"
    elif name not in known:
        yield cell, f"checks {name}, which lib/convlab/exercises does not know", "add it there"
    elif cell.get("id") != wanted:
        yield cell, "has not the id that grading looks for", f"name it {wanted}"


def terms(lesson: Lesson, course: Course) -> Found:
    """The words in the terms cell are those of the glossary, in all three languages."""
    cells = [cell for cell in lesson.cells if "terms" in tags(cell)]
    if len(cells) != 1:
        yield None, f"has {len(cells)} cells tagged terms", "give it one, with its new words"
    for cell in cells:
        rows = [line for line in source(cell).splitlines() if line.startswith("|")]
        for row in rows[2:]:
            said = tuple(word.strip() for word in row.strip().strip("|").split("|")[:3])
            if said not in course.glossary:
                yield cell, f"says {' | '.join(said)}", "take the words from docs/glossary.yaml"


def counted(lesson: Lesson, course: Course) -> Found:
    """The code cells were run once each, top to bottom."""
    cells = [cell for cell in lesson.code_cells if source(cell).strip()]
    for number, cell in enumerate(cells, start=1):
        if cell.get("execution_count") != number:
            yield cell, f"was run as number {cell.get('execution_count')}, not {number}", RENDER
            return


def fresh(lesson: Lesson, course: Course) -> Found:
    """The outputs are those of the code that stands there."""
    if lesson.header.get("rendered") != code_digest(lesson.cells):
        yield None, "has code that is newer than its outputs", RENDER


def clean(lesson: Lesson, course: Course) -> Found:
    """No stored output shows an error or a warning, but where an error is the point."""
    for cell in lesson.code_cells:
        for output in outputs(cell):
            meant = "raises-exception" in tags(cell)
            if output["output_type"] == "error" and not meant:
                yield cell, f"shows an error: {output['ename']}", "correct the cell"
            elif output.get("name") == "stderr":
                yield cell, f"wrote to stderr: {words(output)[:60]!r}", "remove the cause of the warning"
            elif not meant and (warning := WARNING.search(words(output))):
                yield cell, f"shows a {warning[0]}", "remove the cause of the warning"


def compared_has_run(lesson: Lesson, course: Course) -> Found:
    """A compared cell has an output to compare with: without one, or not run, nbval passes it."""
    for cell in compared_cells(lesson):
        if cell.get("execution_count") is None or not outputs(cell):
            yield cell, "is compared and has no stored output", f"{RENDER}, or let it print"


def compared_as_text(lesson: Lesson, course: Course) -> Found:
    """A compared cell shows no picture: nbval sees none, but the Axes that a `;` hides."""
    for cell in compared_cells(lesson):
        if any(kind.startswith("image/") for output in outputs(cell) for kind in output.get("data", {})):
            yield cell, "is compared and shows a picture", "draw it in a cell of its own"


def compared_count(lesson: Lesson, course: Course) -> Found:
    """No lesson has fewer compared cells than it has had."""
    now, before = len(compared_cells(lesson)), course.compared.get(lesson.slug, 0)
    if now < before:
        remedy = f"tag them {COMPARED} again, or lower the number in tests/compared_cells.json and say why"
        yield None, f"has {now} compared cells, and had {before}", remedy


def compared_cells(lesson: Lesson) -> list[dict]:
    """Return the cells whose outputs nbval compares."""
    return [cell for cell in lesson.code_cells if COMPARED in tags(cell)]


def alt_texts(lesson: Lesson, course: Course) -> Found:
    """Each stored picture has a description in words, for readers who do not see it."""
    for cell in lesson.code_cells:
        pictures = [output for output in outputs(cell) if "image/png" in output.get("data", {})]
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        if pictures and not alt.strip():
            remedy = 'add the metadata {"mystnb": {"image": {"alt": "…"}}}'
            yield cell, "shows a picture without alt text", remedy


def no_traces(lesson: Lesson, course: Course) -> Found:
    """No output depends on one machine or one moment."""
    for cell in lesson.code_cells:
        said = EMBEDDED.sub("", "\n".join(words(output) for output in outputs(cell)))
        for what, pattern in TRACES.items():
            if trace := pattern.search(said):
                yield cell, f"shows {what}: {trace[0]!r}", "show what is the same everywhere"


def no_widgets(lesson: Lesson, course: Course) -> Found:
    """No widget is stored: without a kernel a reader would see an error in its place."""
    if "widgets" in lesson.notebook["metadata"]:
        yield None, "stores the state of widgets", RENDER
    for cell in lesson.code_cells:
        if any(WIDGET_VIEW in output.get("data", {}) for output in outputs(cell)):
            yield cell, "stores a widget", f"{RENDER}, which leaves the picture beside it"


def real_data(lesson: Lesson, course: Course) -> Found:
    """The committed outputs come from the data sets themselves, not from what stands in for them."""
    if "stand-in" in str(summary(lesson.notebook).get("data")):
        yield None, "was rendered on a stand-in for its data", f"`make data`, then {RENDER}"


def small(lesson: Lesson, course: Course) -> Found:
    """The file is at most 1 MB."""
    size = lesson.path.stat().st_size
    if size > LARGEST:
        yield None, f"has {size / 1e6:.2f} MB, over {LARGEST / 1e6:g}", "show fewer or smaller pictures"


RULES = (
    readable,  # first: the others take it for granted
    ids,
    metadata,
    claims,
    known_tags,
    no_comment_markers,
    plain_python,
    imports,
    short_cells,
    parameters,
    predictions,
    predicted,
    short_deck,
    exercises,
    terms,
    counted,
    fresh,
    clean,
    compared_has_run,
    compared_as_text,
    compared_count,
    alt_texts,
    no_traces,
    no_widgets,
    real_data,
    small,
)
