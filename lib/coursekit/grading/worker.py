"""Run the exercises of one submission: started by the supervisor, behind its limits, for this alone.

It gets an order on its standard input and writes one line of JSON for each exercise. It knows reference
answers, as every process does that can import convlab, but its verdict would be worth nothing, so it gives
none: it reports what the answers did, and the grader judges that.
"""

import ast
import asyncio
import contextlib
import importlib
import inspect
import json
import linecache
import os
import sys
import types

from convlab.exercises import judging
from convlab.exercises.exercise import Exercise
from coursekit.grading import likeness, limits, values
from coursekit.grading.slicing import compiled, needed, parsed, statements


def main() -> None:
    """Take the order, do it, and leave without waiting for threads or exit functions."""
    order = json.loads(sys.stdin.buffer.readline())
    report = _own_streams()
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()  # in the sandbox: the leader of this session is outside
    limits.impose(order["limits"])
    exercises = importlib.import_module(f"convlab.exercises.{order['module']}")
    cells = [statements(cell) for cell in order["cells"]]
    known = {task["exercise"]: getattr(exercises, task["exercise"]) for task in order["tasks"]}
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
    try:
        answer = answer_of(task, cells, begin, lost)
    except BaseException as error:
        return {"stopped": f"the cell stopped with {_how(error)}", "module": _missing_module(error, lost)}
    if answer is exercise.reference and callable(answer):
        return {"stopped": "the answer is the course's own reference"}
    try:
        return {"attempt": values.encode(judging.attempt(exercise, answer)), "lost": lost}
    except BaseException as error:
        return {"stopped": f"the function stopped with {_how(error)}"}


def answer_of(
    task: dict, cells: list[list[ast.stmt]], begin=lambda: None, lost: dict[str, str] | None = None
):
    """Run an exercise's cell, without its checks, and return what the last of them would have got.

    Names that are missing because an earlier import failed are added to `lost`, with the module's name.
    """
    name = f"<{task['exercise']}>"
    linecache.cache[name] = (len(task["source"]), None, task["source"].splitlines(keepends=True), name)
    tree = parsed(task["source"])
    body = [node for node in tree.body if not _checks(node)]
    asked = [_asked(call) for node in tree.body for call in _checks(node, task["exercise"])]
    answer = asked[-1] if asked else ast.parse(task["answer"], mode="eval").body
    space = _space()
    earlier = [node for cell in cells[: task["before"]] for node in cell]
    for statement in needed(earlier, [*body, ast.Expr(answer)]):
        _run_if_possible(statement, space, {} if lost is None else lost)
    begin()
    _run(body, space, name)
    return eval(compile(ast.fix_missing_locations(ast.Expression(answer)), name, "eval"), space)


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


def _checks(node: ast.stmt, exercise: str | None = None) -> list[ast.Call]:
    """Return the check that a statement is, of this or of any exercise."""
    match node:
        case ast.Expr(ast.Call(func=ast.Attribute(ast.Attribute(attr=name), "check")) as call):
            return [call] if exercise in (None, name) else []
    return []


def _asked(call: ast.Call) -> ast.expr:
    """Return what a check is called with; the dots of a stub if nothing."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return given[0] if given else ast.Constant(...)


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
