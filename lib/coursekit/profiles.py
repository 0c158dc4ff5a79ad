"""The settings of `make run PROFILE=full`: read strictly, and compared with what each lesson sets.

YAML alone lets a slip pass: of a key given twice the last counts, `1e3` is a text and `1:30` the number 90.
Here a value is what Python reads in it, as in the lesson's own cell of parameters, and a slip is an error.
"""

import ast
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import yaml

from coursekit.lessons import ROOT, CourseError, Lesson, source, tags

FILE = "notebooks/profiles.yaml"
BOOLEANS = {"true": True, "false": False}


def profile(name: str, root: Path = ROOT) -> dict[str, dict]:
    """Return the parameters that the profile `default` or `full` gives to each lesson, by slug.

    `CourseError` for another profile, and where the file cannot be read as names of lessons with their
    parameters.
    """
    if name == "default":
        return {}
    if name != "full":
        raise CourseError(f"there is no profile {name!r}; there are: default, full")
    path = root / FILE
    if not path.exists():
        return {}
    try:
        whole = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        raise _fault(error.problem_mark, f"it is no YAML: {error.problem}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CourseError(f"{FILE} cannot be read: {error}") from error
    return {slug: _mapping(node) for slug, node in _pairs(whole)}


def _fault(mark: yaml.Mark | None, what: str) -> CourseError:
    """Return the error that names a line of the file."""
    where = f", line {mark.line + 1}" if mark else ""
    return CourseError(f"{FILE}{where}: {what}")


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Yield the names of a mapping and what stands below each; nothing for an empty one."""
    if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
        return
    if not isinstance(node, yaml.MappingNode):
        raise _fault(node.start_mark, "here belong a lesson's name, and below it lines as `epochs: 20`")
    seen = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _fault(key.start_mark, "here belongs a name")
        if key.value in seen:
            raise _fault(key.start_mark, f"{key.value} is given twice: remove one of them")
        seen.add(key.value)
        yield key.value, value


def _mapping(node: yaml.Node) -> dict:
    return {name: _value(value) for name, value in _pairs(node)}


def _value(node: yaml.Node) -> object:
    """Return what a node says: a list, a dictionary, or a value as Python reads it; else its text."""
    if isinstance(node, yaml.SequenceNode):
        return [_value(one) for one in node.value]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node)
    assert isinstance(node, yaml.ScalarNode)  # there is no fourth kind
    if node.style is not None or node.value in BOOLEANS:  # a style is a kind of quotation marks
        return BOOLEANS[node.value] if node.style is None else node.value
    try:
        return ast.literal_eval(node.value)
    except (ValueError, SyntaxError, TypeError):
        return node.value


def settings(lesson: Lesson) -> dict[str, object]:
    """Return the names that a lesson's cell of parameters sets, with their values."""
    found: dict[str, object] = {}
    for cell in lesson.code_cells:
        if "parameters" in tags(cell):
            with suppress(SyntaxError):
                for node in ast.parse(source(cell)).body:
                    found |= assigned(node)
    return found


def assigned(node: ast.stmt) -> dict[str, object]:
    """Return the name that a simple assignment sets, with its value; nothing for any other statement."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            with suppress(ValueError):
                return {name: ast.literal_eval(value)}
    return {}


def faults(lesson: Lesson, parameters: dict) -> Iterator[tuple[str, str]]:
    """Yield what does not fit between a lesson and its parameters of a profile, and what to do about it."""
    own = settings(lesson)
    for name, value in sorted(parameters.items()):
        if name not in own:
            yield f"does not set {name}, which profiles.yaml sets", "rename one of them"
        elif not _fits(value, own[name]):
            kind = type(own[name]).__name__
            what = f"sets {name} = {own[name]!r}, and profiles.yaml gives it {value!r}"
            yield what, f"write a value of type {kind} there"


def _fits(value: object, own: object) -> bool:
    """Return whether a value may take the place of a lesson's own: of its type, and an int for a float."""
    if isinstance(own, list | tuple):
        return isinstance(value, list | tuple)
    return type(value) is type(own) or (type(own) is float and type(value) is int)
