"""Run the exercises of one submission: started by the supervisor, behind its limits, for this alone.

It gets an order on its standard input and writes one line of JSON for each exercise. It knows reference
answers, as every process does that can import convlab, but its verdict would be worth nothing, so it gives
none: it reports what the answers did, and the grader judges that.
"""

import ast
import asyncio
import contextlib
import inspect
import json
import linecache
import os
import re
import sys
import types
from dataclasses import dataclass

from convlab.exercises import judging, values
from convlab.exercises.exercise import Exercise
from coursekit.grading import likeness, limits, variants
from coursekit.grading.slicing import bound, compiled, needed, parsed, statements

UNKNOWN = re.compile(r"name '(\w+)' is not defined")


def main() -> None:
    """Take the order, do it, and leave without waiting for threads or exit functions."""
    order = json.loads(sys.stdin.buffer.readline())
    report = _own_streams()
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()  # in the sandbox: the leader of this session is outside
    limits.impose(order["limits"])
    exercises = variants.exercises(order["module"], order.get("variant"))
    cells = [statements(cell) for cell in order["cells"]]
    known = {task["exercise"]: exercises[task["exercise"]] for task in order["tasks"]}
    looks = {
        task["exercise"]: likeness.of(task["source"], known[task["exercise"]]) for task in order["tasks"]
    }
    _tell(report, {"ready": True, "looks": looks})  # before a line of the submission has run
    for task in order["tasks"]:
        result = result_of(known[task["exercise"]], task, cells, lambda: _tell(report, {limits.BEGUN: True}))
        _tell(report, {"exercise": task["exercise"], **result})
    os._exit(0)


def _own_streams() -> int:
    """Return a stream to the supervisor; print goes where it is counted, input() finds the end of a file."""
    report = os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return report


def _tell(report: int, message: dict) -> None:
    rest = json.dumps(message).encode() + b"\n"
    while rest:
        rest = rest[os.write(report, rest) :]


def result_of(exercise: Exercise, task: dict, cells: list[list[ast.stmt]], begin=lambda: None) -> dict:
    """Return what came of one exercise: its attempt, or how its cell stopped.

    `begin()` is called when the earlier statements have run and the answer's own begin.
    """
    lost: dict[str, str] = {}
    notes: list[str] = []
    below = [node for cell in cells[task["before"] :] for node in cell]
    try:
        answer = answer_of(task, cells, begin, lost, _Wanted(exercise, notes))
    except BaseException as error:
        why = f"the cell stopped with {_how(error)}"
        return {"stopped": why, "module": _missing_module(error, lost), "notes": _defined_below(why, below)}
    if callable(exercise.reference) and _code(answer) == _code(exercise.reference):  # a variant's, too
        return {"stopped": "the answer is the course's own reference"}
    try:
        attempt = judging.attempt(exercise, answer)
    except BaseException as error:
        return {"stopped": f"the function stopped with {_how(error)}"}
    said = " ".join(str(one.error) for one in attempt.outcomes if one.error)
    return {
        "attempt": values.encode(attempt),
        "lost": lost,
        "notes": notes + _defined_below(said, below),
    }


def _code(function: object) -> object:
    """Return what a function computes with: equal for the same lines of the same file."""
    return getattr(function, "__code__", function)


def answer_of(
    task: dict,
    cells: list[list[ast.stmt]],
    begin=lambda: None,
    lost: dict[str, str] | None = None,
    wanted: "_Wanted | None" = None,
):
    """Run an exercise's cell up to its last check, and return what that check would have got.

    What stands below the last check changes nothing: `exit()`, a trial that fails. Where the cell has no
    check, all of it runs.

    Args:
        task: the exercise's name, the cell's source, the answer by its usual name, how many cells are above.
        cells: the statements of all cells.
        begin: called when the earlier statements have run and the answer's own begin.
        lost: gets the names that are missing because an earlier import failed, with the module's name.
        wanted: finds an answer that has another name than usual.
    """
    name = f"<{task['exercise']}>"
    linecache.cache[name] = (len(task["source"]), None, task["source"].splitlines(keepends=True), name)
    body = parsed(task["source"]).body
    usual = ast.parse(task["answer"], mode="eval").body
    space = _space()
    checks = _Checks(task["exercise"], space)
    own = [checks.visit(node) for node in body]
    own, below = own[: checks.last(own)], own[checks.last(own) :] if checks.found else []
    earlier = [node for cell in cells[: task["before"]] for node in cell]
    meant = [] if checks.found else [usual, *(ast.Name(one, ast.Load()) for one in bound(own))]
    for statement in needed(earlier, [*own, *map(ast.Expr, meant)]):
        _run_if_possible(statement, space, {} if lost is None else lost)
    begin()
    try:
        _run(own, space, name)
    except NameError:  # a check may stand above its answer, in a cell that was run twice
        if not below:
            raise
        _run([*below, *own], space, name)
    except BaseException:
        if not checks.got:
            raise
    if checks.got:
        return checks.got[-1]
    if wanted and isinstance(usual, ast.Name) and usual.id not in space:
        return wanted.instead_of(usual.id, own, space)
    return eval(compile(ast.fix_missing_locations(ast.Expression(usual)), name, "eval"), space)


class _Checks(ast.NodeTransformer):
    """Takes checks out of a cell; those of one exercise, wherever they stand, remember what they get."""

    NAME = "the answer of this cell"  # which no program can bind

    def __init__(self, exercise: str, space: dict) -> None:
        self.exercise, self.found = exercise, 0
        self.got: list[object] = []
        space[self.NAME] = self._get

    def _get(self, answer: object = ..., *_: object, **named: object) -> None:
        self.got.append(next(iter(named.values()), answer))

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Drop a statement that is another exercise's check."""
        match node.value:
            case ast.Call(func=ast.Attribute(ast.Attribute(attr=name), "check")) if name != self.exercise:
                return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Let a check remember its answer."""
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(ast.Attribute(attr=self.exercise), "check"):
                self.found += 1
                node.func = ast.copy_location(ast.Name(self.NAME, ast.Load()), node.func)
        return node

    def last(self, body: list[ast.stmt]) -> int | None:
        """Return how many statements lead up to the last check; None where there is none."""
        holds = [
            any(isinstance(one, ast.Name) and one.id == self.NAME for one in ast.walk(node)) for node in body
        ]
        return max((i + 1 for i, one in enumerate(holds) if one), default=None)


@dataclass
class _Wanted:
    """Finds the answer in a cell that has neither a check nor the usual name."""

    exercise: Exercise
    notes: list[str]

    def instead_of(self, usual: str, body: list[ast.stmt], space: dict) -> object:
        """Return the one value of the cell that can be meant; `NameError` for none, or several."""
        function = callable(self.exercise.reference)
        names = [name for name in bound(body) if name in space and self._may_be(space[name], function)]
        if len(names) != 1:
            raise NameError(f"name {usual!r} is not defined", name=usual)
        self.notes.append(f"there is no `{usual}`: `{names[0]}` was taken for the answer")
        return space[names[0]]

    def _may_be(self, value: object, function: bool) -> bool:
        """Return whether a value can be the answer: a function of as many arguments, or no function."""
        if not callable(value) or not function:
            return not callable(value) and not function and not isinstance(value, types.ModuleType)
        try:
            return bool(inspect.signature(value).bind(*self.exercise.cases[0]))
        except (TypeError, ValueError):
            return False


def _defined_below(said: str, below: list[ast.stmt]) -> list[str]:
    """Return a note where an error speaks of a name that only cells below the answer define."""
    names = dict.fromkeys(UNKNOWN.findall(said))
    known = bound(below) if names else []
    return [f"`{name}` is defined only in a cell below" for name in names if name in known]


class Shell:
    """Stands for IPython's shell, of which an answer needs that it is there."""

    def run_line_magic(self, name: str, line: str = "", *_: object) -> object:
        """Return the folder for `%pwd`, nothing for any other magic."""
        return os.getcwd() if name == "pwd" else None

    def getoutput(self, *_: object, **__: object) -> list[str]:
        """Return no lines: no command of the system is run."""
        return []

    def __getattr__(self, name: str):
        return lambda *_, **__: None


def _space() -> dict:
    """Return the names that a notebook has from the start, in a module of their own."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # as classes and dataclasses look up where they were made
    shell = Shell()
    vars(module).update(display=lambda *_, **__: None, get_ipython=lambda: shell, __builtins__=__builtins__)
    return vars(module)


def _run(body: list[ast.stmt], space: dict, name: str) -> None:
    """Run statements; those with `await` in an event loop, as a notebook does."""
    code = compiled(body, name)
    waiting = eval(code, space)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(waiting)


def _run_if_possible(statement: ast.stmt, space: dict, lost: dict[str, str]) -> None:
    """Run an earlier statement; where that fails, the exercise that needs it will say what is missing."""
    try:
        _run([statement], space, "<earlier cell>")
    except ModuleNotFoundError as error:
        names = [alias.asname or alias.name for alias in getattr(statement, "names", [])]
        lost |= dict.fromkeys((name.partition(".")[0] for name in names), error.name or "")
    except Exception:
        return


def _missing_module(error: BaseException, lost: dict[str, str]) -> str:
    """Return the module for whose absence a cell stopped; nothing if that is not the reason."""
    if isinstance(error, ModuleNotFoundError):
        return error.name or ""
    return lost.get(error.name or "", "") if isinstance(error, NameError) else ""


def _how(error: BaseException) -> str:
    """Return what an error says, and where."""
    if isinstance(error, SyntaxError):
        return (
            f"{type(error).__name__}: {error.msg}, in its line {error.lineno}: `{(error.text or '').strip()}`"
        )
    try:
        failure = judging.failure(error)
        return f"{failure}{failure.line}"
    except Exception:
        return type(error).__name__


if __name__ == "__main__":
    main()
