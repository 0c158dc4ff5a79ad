"""Show verdicts, hints and values: richly in a notebook, as plain text in a terminal."""

import ast
import html
import inspect
import sys
import textwrap
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from convlab.machine import in_notebook
from convlab.printing import say

PLAIN_KINDS: list[tuple[tuple[type, ...], str]] = [
    ((str,), "a text"),
    ((int, np.integer), "a whole number"),
    ((float, np.floating), "a number"),
]


def show(item: object) -> None:
    """Display `item` richly in a notebook; print it elsewhere."""
    if in_notebook():
        sys.modules["IPython"].display.display(item)
    else:
        say(item)


@dataclass(frozen=True)
class Note:
    """A text in Markdown for the learner; plain text where there is no notebook."""

    text: str

    def __repr__(self):
        parts = self.text.split("`")  # every other part is code, in which ** is a power
        return "`".join(part if i % 2 else part.replace("**", "") for i, part in enumerate(parts))

    def _repr_markdown_(self):
        return self.text


def solution_text(reference: Any) -> str:
    """Return the source of a reference function without its decorator, or a reference value as text."""
    if not callable(reference):
        return repr(reference.tolist() if isinstance(reference, np.ndarray) else reference)
    source = textwrap.dedent(inspect.getsource(reference))
    first = ast.parse(source).body[0].lineno
    return "\n".join(source.splitlines()[first - 1 :])


def as_html(text: str) -> str:
    """Return `text` as HTML, with code between backticks."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def brief(value: Any) -> str:
    """Return `value` as text of a few lines at most, with the shape of an array that is cut short.

    A function is shown by the first line of its docstring.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, FunctionType):
        says = (value.__doc__ or "").strip().split("\n")[0]
        return clip(f"a function: {says}" if says else "a function")
    if isinstance(value, np.ndarray) and value.size > 40:
        first = " ".join(str(value.ravel()[:6]).strip("[]").split())
        return f"array of shape {value.shape}, {value.dtype}: [{first} …]"
    if isinstance(value, tuple):
        return "(" + ", ".join(brief(part) for part in value) + ")"
    if isinstance(value, np.ndarray):
        flat = value.ndim > 2 and value.shape[-1] == 1  # an image of one channel, shown as rows
        shown = value[..., 0] if flat else value
        text = np.array2string(shown, precision=5, suppress_small=True, separator=", ")
        return textwrap.indent(text, " " * 9).strip() + (f" of shape {value.shape}" if flat else "")
    return clip(f"{value:.6g}" if isinstance(value, float) else repr(value))


def with_article(value: Any) -> str:
    """Return what a value is, with its article: "a whole number", "a list", "an array of shape (2, 3)"."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if value is None or isinstance(value, (bool, np.bool_)):
        return str(value)
    for kinds, words in PLAIN_KINDS:
        if isinstance(value, kinds):
            return words
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def clip(text: str, width: int = 200) -> str:
    """Return `text`, cut to `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
