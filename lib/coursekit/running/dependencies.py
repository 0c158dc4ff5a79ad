"""What a lesson depends on: the modules that it reaches by imports, and the recordings that it names.

Nothing is run. Imports are followed from the lesson's code through the modules in lib/, imports inside
functions included. Where a name is only known at run time, all that it could mean counts.
"""

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

LIBRARY = "convlab"
RUNS = f"{LIBRARY}.runs"
# functions of convlab.runs -> the place of the name among their arguments, and the files that it names
READERS = {
    f"{RUNS}.load": (0, "runs/{}.json"),
    f"{RUNS}.matching": (0, "runs/{}.json"),
    f"{RUNS}.answers": (0, "runs/{}.npz"),
    f"{RUNS}.load_weights": (1, "weights/{}.npz"),
}
IMPORTERS = ("importlib.import_module", "__import__", "pkgutil.iter_modules", "pkgutil.walk_packages")


class Needs(NamedTuple):
    """What a piece of code asks for: modules by their dotted names, recordings by patterns below data/."""

    modules: frozenset[str]
    recordings: frozenset[str]


def files(cells: Iterable[str], root: Path) -> list[Path]:
    """Return what a lesson depends on in the course in `root`: modules, the files beside them, recordings.

    Args:
        cells: the sources of its code cells; one that is not plain Python is passed over.
        root: the folder of the course.
    """
    library = root / "lib"
    needs = needs_of("\n".join(cell for cell in cells if _parsed(cell)))
    waiting, done, recordings = {*needs.modules}, set(), {*needs.recordings}
    found: set[Path] = set()
    while waiting:
        name = waiting.pop()
        done.add(name)
        for path in _executed(name, library) - found:
            found.add(path)
            package = ".".join(path.relative_to(library).parts[:-1])
            needs = needs_of(path.read_text(encoding="utf-8"), package)
            waiting |= needs.modules - done
            if path != library.joinpath(*RUNS.split(".")).with_suffix(".py"):  # it reads what others name
                recordings |= needs.recordings
    beside = {path for folder in {path.parent for path in found} for path in _beside(folder)}
    named = [path for pattern in recordings for path in (root / "data").glob(pattern)]
    recorded = {path for name in named for path in (name, *name.rglob("*")) if path.is_file()}
    return sorted(found | beside | recorded)


def _executed(name: str, library: Path) -> set[Path]:
    """Return the files that importing a dotted name executes: the packages on the way, and the module.

    What follows a module, such as the name of a function, is no file. `package.*` means all of its modules.
    """
    if name.endswith(".*"):
        return {*library.joinpath(*name.split(".")[:-1]).rglob("*.py")}
    found, place = set(), library
    for part in name.split("."):
        place = place / part
        found |= {path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()}
    return found


def _beside(folder: Path) -> Iterator[Path]:
    """Yield the files of a package that are no Python, such as a style for plots."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            yield from _beside(path)
        elif path.is_file() and path.suffix not in (".py", ".pyc"):
            yield path


@functools.cache
def needs_of(code: str, package: str = "") -> Needs:
    """Return what code asks for; `package` is that of a module, and empty for a lesson.

    >>> needs_of("from convlab import runs; runs.load('vgg11-seed0')").recordings
    frozenset({'runs/vgg11-seed0.json'})
    """
    tree = _parsed(code)
    nodes = list(ast.walk(tree)) if tree else []
    names = _names(nodes, package)
    modules = {name for node in nodes for name in _imports(node, package, names)}
    return Needs(frozenset(modules), frozenset(_recordings(nodes, names)))


def _parsed(code: str) -> ast.Module | None:
    """Return the syntax tree of code; None if it is not plain Python."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


def _names(nodes: list[ast.AST], package: str) -> dict[str, str]:
    """Return what the imports bind: local name -> dotted name."""
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names |= {alias.asname: alias.name} if alias.asname else {first: first}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{_base(node, package)}.{alias.name}"
    return names


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the dotted name that a `from` import starts from; each dot after the first goes up by one."""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def _imports(node: ast.AST, package: str, names: dict[str, str]) -> Iterator[str]:
    """Yield the modules that one node of a syntax tree asks for."""
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            yield from (f"{_base(node, package)}.{alias.name}" for alias in node.names)
        case ast.Call(args=[ast.Name(id="__file__"), *_]) if package != LIBRARY:  # there it leads to data/
            yield f"{package}.*"
        case ast.Call(func=called, args=arguments) if _dotted(called, names) in IMPORTERS:
            if not (arguments and isinstance(arguments[0], ast.Constant)):
                yield f"{package or LIBRARY}.*"
        case ast.Constant(value=str() as text) if LIBRARY in text:
            yield from _in_text(text)


def _in_text(text: str) -> Iterator[str]:
    """Yield the modules that a text asks for which names one, or is itself a program."""
    if all(part.isidentifier() for part in text.split(".")):
        if text.partition(".")[0] == LIBRARY:
            yield from (text, f"{text}.__main__")
    elif "import" in text:
        yield from needs_of(text).modules


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    """Return the dotted name that an expression means, by the imports; nothing if it is no such name."""
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Attribute(value=value, attr=attribute):
            return f"{_dotted(value, names)}.{attribute}"
    return ""


def _recordings(nodes: list[ast.AST], names: dict[str, str]) -> Iterator[str]:
    """Yield patterns of the recorded runs and weights that code reads through convlab.runs, or by itself."""
    called: dict[ast.AST, ast.Call] = {node.func: node for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        match node, _dotted(node, names):
            case _, name if name in READERS:
                place, form = READERS[name]
                yield form.format(_pattern(called.get(node), place))
            case _, name if name in (f"{RUNS}.FOLDER", f"{RUNS}.WEIGHTS"):
                yield from ("runs/*", "weights/*")
            case ast.BinOp(left, ast.Div(), ast.Constant("runs" | "weights" as folder)), _:
                if _dotted(left, names) == f"{LIBRARY}.DATA_FOLDER":
                    yield f"{folder}/*"


def _pattern(call: ast.Call | None, place: int) -> str:
    """Return the pattern of names that a call asks for; `*` where the code does not say."""
    if call is None:  # the function is handed on, and called elsewhere
        return "*"
    keywords = [keyword.value for keyword in call.keywords if keyword.arg in ("name", "pattern")]
    match [*call.args[place : place + 1], *keywords][:1]:
        case [ast.Constant(str() as name)]:
            return name
        case [ast.JoinedStr(parts)]:
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
    return "*"
