"""Compare answers as programs: what stays when names, comments and layout are taken away."""

import ast
import hashlib

from convlab.exercises.display import solution_text
from convlab.exercises.exercise import Exercise
from coursekit.grading.slicing import parsed

SMALLEST = 45  # nodes of a syntax tree: of shorter answers many are the same by themselves


def of(source: str, exercise: Exercise) -> dict:
    """Return how an answer looks: {"same": digest or "", "uses": what of the exercise's answer it uses}.

    Args:
        source: the cell, which is parsed and not run; where that fails the answer looks like no other.
        exercise: the exercise that it answers.
    """
    try:
        tree = parsed(source)
    except Exception:
        return {"same": "", "uses": ""}
    same = digest(tree)
    return {"same": same, "uses": _used(tree, same, exercise)}


def digest(tree: ast.Module) -> str:
    """Return a digest of a program that renaming does not change; nothing for one that is too short.

    >>> one = "def f(a):\\n    return " + "a * a + 1 + " * 20 + "a"
    >>> other = one.replace("f(a)", "g(b)").replace("a *", "b *").replace(" a", " b")
    >>> digest(ast.parse(one)) == digest(ast.parse(other)) != digest(ast.parse(one.replace("1", "2")))
    True
    """
    body = [node for node in tree.body if not _is_check(node)]
    renamed = _Renamed(ast.Module(body, []))
    if renamed.nodes < SMALLEST:
        return ""
    return hashlib.sha256(renamed.text.encode()).hexdigest()[:16]


class _Renamed:
    """A syntax tree as text, in which the names that it binds are numbered by their first use."""

    def __init__(self, tree: ast.Module) -> None:
        self.bound = {*_bound(tree)}
        self.numbers: dict[str, int] = {}
        self.nodes = 0
        self.text = self._of(tree)

    def _of(self, node: object) -> str:
        if isinstance(node, list):
            return "[" + ",".join(map(self._of, node)) + "]"
        if isinstance(node, str) and node in self.bound:
            return f"#{self.numbers.setdefault(node, len(self.numbers))}"
        if not isinstance(node, ast.AST):
            return repr(node)
        self.nodes += 1
        parts = [self._of(value) for name, value in ast.iter_fields(node) if name not in _LEFT_OUT]
        if isinstance(node, ast.Constant):  # a text is no name
            parts = [repr(node.value)]
        return f"{type(node).__name__}({','.join(parts)})"


_LEFT_OUT = ("ctx", "annotation", "returns", "type_comment", "type_params", "kind", "docstring")


def _bound(tree: ast.AST) -> list[str]:
    """Return the names that a program binds, arguments included."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                found.append(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.append(name)
        if isinstance(node, (ast.FunctionDef, ast.Module)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]  # the docstring
    return found


def _is_check(node: ast.stmt) -> bool:
    """Return whether a statement only asks the exercise something."""
    match node:
        case ast.Expr(ast.Call(func=ast.Attribute(attr="check" | "hint" | "solution"))):
            return True
    return False


def _used(tree: ast.Module, same: str, exercise: Exercise) -> str:
    """Return what of the course's own answer an answer uses, in words; nothing if it does not."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="reference"):
                return "it calls the course's reference"
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value="reference"), *_]):
                return "it calls the course's reference"
    shown = solution_text(exercise.reference) if same and callable(exercise.reference) else ""
    return "but for names it is the course's solution" if shown and same == digest(ast.parse(shown)) else ""
