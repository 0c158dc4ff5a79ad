"""The page of the book that lists what convlab offers, from its docstrings. Nothing of convlab is imported.

griffe (extra `site`) reads the code as text, so that the page needs no TensorFlow.
"""

import functools
import re
from contextlib import suppress

import griffe

from coursekit.lessons import ROOT, CourseError

# what lessons import, in the order of the course; tests/test_api.py holds this list against the lessons
SHOWN = (
    "layers",
    "layers.initializers",
    "optimizers",
    "shapes",
    "datasets",
    "datasets.captions",
    "networks",
    "networks.detectors",
    "networks.pretrained",
    "datasets.vocabulary",
    "networks.segmentation",
    "networks.tf_nn",
    "training",
    "training.augmentation",
    "training.schedules",
    "training.recipes",
    "training.precision",
    "runs",
    "report",
    "predict",
    "machine",
    "explain",
    "plots",
    "notebook.widgets",
    "notebook.keyboard",
    "notebook.board",
    "notebook.tensorboard",
    "notebook.selfcheck",
    "exercises.progress",
    "exercises.recall",
    "applications.bag_of_words",
    "applications.boards",
    "applications.captioning",
    "applications.detection",
    "applications.dqn",
    "applications.games",
    "applications.generation",
    "applications.gtp",
    "applications.ladder",
    "applications.segmentation",
    "applications.selfplay",
    "applications.sentences",
    "applications.solver",
    "applications.style",
    "applications.transfer",
    "serving.settings",
    "serving.limits",
    "serving.export",
    "serving.models",
    "serving.local",
    "serving.load",
)
CODE = re.compile(r"(`+[^`]+`+)")
MARKUP = re.compile(r"([\\*_\[\]<>$#|{}])")
DOCTEST = ">>>"
Documented = griffe.Function | griffe.Class | griffe.Attribute


@functools.cache
def page() -> str:
    """Return the page in MyST's Markdown: each module, and under it its public names."""
    package = griffe.load(
        "convlab",
        search_paths=[ROOT / "lib"],
        docstring_parser="google",
        docstring_options={"warn_missing_types": False},  # the course's arguments are described in words
        resolve_aliases=True,
    )
    parts = [
        "# The package convlab",
        "What lessons import, module by module. The lessons build most of it themselves; a docstring names "
        "the lesson and the paper that a function comes from.",
        *(_module(package, name) for name in SHOWN),
    ]
    return "\n\n".join(parts) + "\n"


def _module(package: griffe.Object | griffe.Alias, name: str) -> str:
    """Return the part of the page on one module."""
    try:
        module = package[name]
    except KeyError as error:
        raise CourseError(
            f"the page of the package lists convlab.{name}, which is not there: see {__name__}"
        ) from error
    listed = [member for member in _public(module) if isinstance(member, Documented)]
    here = f"```{{py:currentmodule}} convlab.{name}\n```"
    return "\n\n".join([f"## convlab.{name}", here, _text(module), *map(_member, listed)])


def _public(module: griffe.Object | griffe.Alias) -> list[griffe.Object | griffe.Alias]:
    """Return what a module or class offers: its `__all__`, or what it defines without an underscore."""
    if module.exports is None:
        found = module.members.items()
        return [one for name, one in found if not one.is_alias and not name.startswith("_")]
    listed: list[griffe.Object | griffe.Alias] = []
    for name in map(str, module.exports):
        with suppress(KeyError, griffe.AliasResolutionError):  # griffe does not see A in `A, B = 1, 2`
            one = module[name]
            one = one[name] if one.is_module else one  # plots.images is a module with a function images
            listed.append(one.final_target if one.is_alias else one)
    return listed


def _member(member: Documented) -> str:
    """Return a function, a class with its methods, or a constant, as Sphinx's Python domain has them."""
    if isinstance(member, griffe.Attribute):
        return f"::::{{py:data}} {member.name}\n\n{_text(member)}\n::::"
    is_class = isinstance(member, griffe.Class)
    methods = [one for one in _public(member) if isinstance(one, griffe.Function)] if is_class else []
    body = [_text(member), *(_method(f"{member.name}.{one.name}", one) for one in methods)]
    signature = f"{member.name}({member.signature().partition('(')[2]}"
    kind = "class" if is_class else "function"
    return f":::::{{py:{kind}}} {_one_line(signature)}\n\n" + "\n\n".join(body) + "\n:::::"


def _method(path: str, method: griffe.Function) -> str:
    """Return one method of a class."""
    arguments = method.signature().partition("(")[2].removeprefix("self").removeprefix(", ")
    return f"::::{{py:method}} {_one_line(f'{path}({arguments}')}\n\n{_text(method)}\n::::"


def _one_line(signature: str) -> str:
    """Return a signature on one line, as a directive needs it."""
    return " ".join(signature.split())


def _text(documented: griffe.Object) -> str:
    """Return a docstring in Markdown: prose, lists of arguments and errors, examples as code."""
    sections = documented.docstring.parsed if documented.docstring else []
    return "\n\n".join(_section(section) for section in sections)


def _section(section: griffe.DocstringSection) -> str:
    """Return one section of a docstring."""
    if section.kind.value == "text":
        return "\n\n".join(_paragraph(one) for one in section.value.split("\n\n"))
    if section.kind.value == "examples":
        return "\n\n".join(_paragraph(text) for _, text in section.value)
    if section.kind.value == "admonition":
        return f"*{section.value.kind}:* {_escaped(section.value.contents)}"
    heading = {"parameters": "Arguments", "returns": "Returns", "raises": "Raises"}
    rows = [f"- {_named(row)}{_escaped(' '.join(row.description.split()))}" for row in section.value]
    return "\n".join([f"*{heading.get(section.kind.value, section.kind.value.capitalize())}*", "", *rows])


def _named(row: griffe.DocstringElement) -> str:
    """Return what a row of a list is about: an argument, an error."""
    about = getattr(row, "name", None) or str(getattr(row, "annotation", None) or "")
    return f"`{about}`: " if about else ""


def _paragraph(text: str) -> str:
    """Return a paragraph, or an example as code."""
    if text.lstrip().startswith(DOCTEST):
        return f"```python\n{text}\n```"
    return _escaped(text)


def _escaped(text: str) -> str:
    """Return text whose characters mean themselves in Markdown, but for code between backticks.

    >>> _escaped("w[0] * x, as in `a_1 * x`")
    'w\\\\[0\\\\] \\\\* x, as in `a_1 * x`'
    """
    parts = CODE.split(text)
    parts[::2] = [MARKUP.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
