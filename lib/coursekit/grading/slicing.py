"""Read cells as IPython reads them, and choose the earlier statements that an answer needs.

An answer must not pay for the whole lesson before it. So of the cells above it only those statements run
that bind a name which the answer uses, or that may change the object behind it. What the answer's own cell
binds before it uses it is not looked for. Where it cannot be known what a statement changes, it is kept.
"""

import ast
import dis
import functools
import re
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LOADS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")  # the last since Python 3.12
TIMED = ("time", "timeit", "capture", "prun")  # magics that run the code which they are given
OPTIONS = re.compile(r"\s*(-\w+(\s*\d+)?\s+)*")  # of a magic, before its code
ANYTHING = {"exec", "eval", "globals", "vars", "locals"}
# functions that change nothing that they are given, and methods that change nothing that they belong to
SHOWING = {
    "print",
    "display",
    "help",
    "len",
    "check",
    "hint",
    "solution",
    "show",
    "imshow",
    "plt",
    "plots",
    "predict",
}
READING = {
    *(
        "sum",
        "mean",
        "std",
        "var",
        "min",
        "max",
        "argmax",
        "argmin",
        "all",
        "any",
        "astype",
        "copy",
        "reshape",
    ),
    *(
        "transpose",
        "dot",
        "flatten",
        "ravel",
        "tolist",
        "item",
        "numpy",
        "round",
        "predict",
        "summary",
        "get",
    ),
    *("items", "keys", "values", "format", "join", "split", "strip", "lower", "upper", "index", "count"),
}
CHANGING = {"fit", "train", "shuffle", "fill", "put", "copyto", "at", "setattr", "load_weights"}


def statements(cell: str) -> list[ast.stmt]:
    """Return a cell's statements; none of a cell that cannot be read."""
    try:
        return parsed(cell).body
    except Exception:
        return []


def parsed(source: str) -> ast.Module:
    """Return a cell's syntax tree; magics, `!` and `?` become the calls that IPython makes of them.

    >>> ast.unparse(parsed("%time x = 1"))
    'x = 1'
    """
    try:
        return ast.parse(source)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager  # takes half a second, and few need it

        return _Magics().visit(ast.parse(TransformerManager().transform_cell(source)))


class _Magics(ast.NodeTransformer):
    """Puts the code that `%time` and its like are given in their place."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        match node.value:
            case ast.Call(
                ast.Attribute(attr="run_line_magic" | "run_cell_magic"),
                [ast.Constant(value=name), ast.Constant(value=str() as line), *rest],
            ) if name in TIMED:
                code, above = (OPTIONS.sub("", line, count=1), node.lineno - 1)
                if rest and isinstance(rest[0], ast.Constant):
                    code, above = str(rest[0].value), node.lineno
                inner = parsed(code).body
                return [ast.increment_lineno(one, above) for one in inner] or [
                    ast.copy_location(ast.Pass(), node)
                ]
        return node


def compiled(body: list[ast.stmt], name: str) -> types.CodeType:
    """Return the code of statements, in which `await` may stand as in a notebook."""
    module = ast.Module(body, [])
    return compile(ast.fix_missing_locations(module), name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@dataclass
class Facts:
    """What one statement does to names: those that it binds, uses at once, uses when called, may change."""

    binds: set[str]
    uses: set[str]
    later: set[str]
    changes: set[str]
    calls: set[str]
    overwrites: bool = False  # it cannot fail, so that an older value of what it binds is lost
    anything: bool = False  # nobody can say what it does


def needed(earlier: list[ast.stmt], wanting: list[ast.stmt]) -> list[ast.stmt]:
    """Return those earlier statements, in order, without which `wanting` would do something else."""
    modules = frozenset(name for node in earlier for name in _imported(node))
    facts = [_facts(node, modules) for node in (*earlier, *wanting)]
    within = {name: one for one in facts for name in one.binds if one.later or one.changes}
    live: set[str] = set()
    kept = []
    for i in reversed(range(len(facts))):
        one = facts[i]
        changes = one.changes.union(*(within[name].changes for name in one.calls if name in within))
        asked = i >= len(earlier)
        if not (asked or one.anything or live & (one.binds | changes)):
            continue
        if one.overwrites or (asked and _is_simple(wanting[i - len(earlier)])):
            live -= one.binds
        live |= _reached(one.uses, within) if asked else _reached(one.uses | one.later, within)
        if not asked:
            kept.append(i)
    return [earlier[i] for i in reversed(kept)]


def bound(body: list[ast.stmt]) -> list[str]:
    """Return the names that statements bind, but those that they import.

    >>> bound(ast.parse("import a; b = 1; def c(): d = 2".replace("; def", "\\ndef")).body)
    ['b', 'c']
    """
    facts = [_facts(node, frozenset()) for node in body if not [*_imported(node)]]
    return sorted({name for one in facts for name in one.binds})


def _reached(names: Iterable[str], within: dict[str, Facts]) -> set[str]:
    """Return these names, and those that the functions among them use when they are called."""
    reached: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += within[name].later if name in within else ()
    return reached


def _imported(node: ast.stmt) -> Iterator[str]:
    """Yield the names that an import binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]


def _is_simple(node: ast.stmt) -> bool:
    """Return whether a statement of the answer's cell binds its names whenever the answer is reached."""
    return not isinstance(node, (ast.If, ast.For, ast.While, ast.Try, ast.TryStar, ast.Match, ast.AsyncFor))


@functools.cache  # the exercises of a lesson share the statements before them
def _facts(node: ast.stmt, modules: frozenset[str]) -> Facts:
    """Return what a statement does, by its byte code and its syntax tree."""
    try:
        codes = [compiled([node], "")]
    except Exception:
        return Facts(set(), set(), set(), set(), set())
    for code in codes:  # and those in it, which it finds on its way
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    outer, inner = _steps(codes[:1]), _steps(codes[1:])
    defines = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or (
        isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
    )
    loads, inner_loads = ({name for does, name in steps if does in LOADS} for steps in (outer, inner))
    binds = {name for does, name in outer if does in ("STORE_NAME", "STORE_GLOBAL")}
    own = {name for does, name in inner if does == "STORE_GLOBAL"}
    deletes = {name for does, name in outer if does.startswith("DELETE_NAME")}
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    names = {_last(call.func) for call in calls}
    star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    locals_ = {name for code in codes[1:] for name in (*code.co_varnames, *code.co_cellvars)}
    return Facts(
        binds=binds | (set() if defines else own),
        uses=loads | deletes | (set() if defines else inner_loads),
        later=inner_loads if defines else set(),
        changes=(_changed(node, modules) - (locals_ if defines else set())) | own,
        calls=set() if defines else names,
        overwrites=defines or (isinstance(node, ast.Assign) and not calls and _plain_targets(node)),
        anything=star or (not defines and bool(names & ANYTHING)),
    )


def _steps(codes: list[types.CodeType]) -> list[tuple[str, str]]:
    return [(step.opname, step.argval) for code in codes for step in dis.get_instructions(code)]


def _plain_targets(node: ast.Assign) -> bool:
    """Return whether an assignment takes a value that is there already, such as a number, to one name."""
    risky = (ast.Subscript, ast.Attribute, ast.Await, ast.BinOp)
    return (
        len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and not any(isinstance(one, risky) for one in ast.walk(node.value))
    )


def _changed(node: ast.stmt, modules: frozenset[str]) -> set[str]:
    """Return the names of objects that a statement may change without binding the name again."""
    changed: set[str] = set()
    for one in ast.walk(node):
        match one:
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                changed.add(_root(one))
            case ast.Call(func=ast.Attribute() as method):
                if _root(method) not in modules and method.attr not in READING:
                    changed.add(_root(method))
        effect = isinstance(one, ast.Expr) and isinstance(one.value, (ast.Call, ast.Await))
        call = one.value if effect and isinstance(one, ast.Expr) else one
        call = call.value if isinstance(call, ast.Await) else call
        if not isinstance(call, ast.Call) or not (effect or _last(call.func) in CHANGING):
            continue
        if not {_last(call.func), _root(call.func)} & SHOWING:
            changed.update(_root(argument) for argument in call.args)
    return changed - {""}


def _root(node: ast.AST) -> str:
    """Return the name that an expression such as `a.b[0].c` starts from; nothing if it starts from none."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last(node: ast.AST) -> str:
    """Return the last name of an expression such as `a.b.c`."""
    return node.attr if isinstance(node, ast.Attribute) else _root(node)
