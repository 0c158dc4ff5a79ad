"""Run the exercises of one submission: started by the supervisor, behind its limits, for this alone.

It gets an order on its standard input and writes one line of JSON for each exercise. It knows reference
answers, as every process does that can import convlab, but its verdict would be worth nothing, so it gives
none: it reports what the answers did, and the grader judges that.
"""

import ast
import contextlib
import dis
import importlib
import json
import linecache
import os
import sys
import types

from convlab.exercises import judging
from convlab.exercises.exercise import Exercise
from coursekit.grading import limits, values

LOADS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")  # the last since Python 3.12


def main() -> None:
    """Take the order, do it, and leave without waiting for threads or exit functions."""
    order = json.loads(sys.stdin.buffer.readline())
    report = _own_streams()
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()  # in the sandbox: the leader of this session is outside
    limits.impose(order["limits"])
    exercises = importlib.import_module(f"convlab.exercises.{order['module']}")
    cells = [statements(cell) for cell in order["cells"]]
    _tell(report, {"ready": True})
    for task in order["tasks"]:
        result = result_of(getattr(exercises, task["exercise"]), task, cells)
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


def result_of(exercise: Exercise, task: dict, cells: list[list[ast.stmt]]) -> dict:
    """Return what came of one exercise: its attempt, or how its cell stopped."""
    try:
        answer = answer_of(task, cells)
    except BaseException as error:
        return {"stopped": f"the cell stopped with {_how(error)}"}
    if answer is exercise.reference and callable(answer):
        return {"stopped": "the answer is the course's own reference"}
    try:
        return {"attempt": values.encode(judging.attempt(exercise, answer))}
    except BaseException as error:
        return {"stopped": f"the function stopped with {_how(error)}"}


def answer_of(task: dict, cells: list[list[ast.stmt]]):
    """Run an exercise's cell, without its checks, and return what the last of them would have got."""
    name = f"<{task['exercise']}>"
    linecache.cache[name] = (len(task["source"]), None, task["source"].splitlines(keepends=True), name)
    tree = _parsed(task["source"])
    body = [node for node in tree.body if not _checks(node)]
    asked = [_asked(call) for node in tree.body for call in _checks(node, task["exercise"])]
    answer = asked[-1] if asked else ast.parse(task["answer"], mode="eval").body
    space = _space()
    earlier = [node for cell in cells[: task["before"]] for node in cell]
    for statement in needed(earlier, [*body, ast.Expr(answer)]):
        _run_if_possible(statement, space)
    exec(_code(body, name), space)
    return eval(compile(ast.fix_missing_locations(ast.Expression(answer)), name, "eval"), space)


def _space() -> dict:
    """Return the names that a notebook has from the start, in a module of their own."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # as classes and dataclasses look up where they were made
    vars(module).update(display=lambda *_, **__: None, __builtins__=__builtins__)
    return vars(module)


def _run_if_possible(statement: ast.stmt, space: dict) -> None:
    """Run a definition; where that fails, the exercise that needs it will say what is missing."""
    with contextlib.suppress(Exception):
        exec(_code([statement], "<earlier cell>"), space)


def _code(statements: list[ast.stmt], name: str) -> types.CodeType:
    return compile(ast.fix_missing_locations(ast.Module(statements, [])), name, "exec")


def _parsed(source: str) -> ast.Module:
    """Return a cell's syntax tree, without lines that only a notebook understands if these are in the way."""
    try:
        return ast.parse(source)
    except SyntaxError:
        lines = ["" if line.lstrip()[:1] in ("%", "!") else line for line in source.splitlines()]
        return ast.parse("\n".join(lines))


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


def statements(cell: str) -> list[ast.stmt]:
    """Return a cell's statements; none of a cell that cannot be read."""
    try:
        return _parsed(cell).body
    except Exception:
        return []


def needed(earlier: list[ast.stmt], wanting: list[ast.stmt]) -> list[ast.stmt]:
    """Return those earlier statements that bind a name which `wanting`, or one of them, uses; in order."""
    known = [(node, *_names(node)) for node in earlier]
    wanted = set().union(*(_names(node)[1] for node in wanting))
    kept: set[int] = set()
    while more := [i for i, (_, binds, _) in enumerate(known) if i not in kept and binds & wanted]:
        kept.update(more)
        wanted.update(*(known[i][2] for i in more))
    return [known[i][0] for i in sorted(kept)]


def _names(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Return the global names that a statement binds, and those that it uses, its functions included."""
    try:
        codes = [_code([node], "")]
    except Exception:
        return set(), set()
    for code in codes:  # and those in it, which it finds on its way
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    steps = [(step.opname, step.argval) for code in codes for step in dis.get_instructions(code)]
    binds = {name for does, name in steps if does == "STORE_GLOBAL"}
    binds |= {step.argval for step in dis.get_instructions(codes[0]) if step.opname == "STORE_NAME"}
    return binds, {name for does, name in steps if does in LOADS}


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
