"""Links in the lessons' markdown: to other lessons, to files of the course, and out into the world."""

import re
from collections.abc import Callable

LINK = re.compile(r"(?<!!)\[([^][]*)\]\(([^()\s]+)\)")
OUTSIDE = re.compile(r"[a-z]+:")


def relinked(markdown: str, target: Callable[[str], str | None]) -> str:
    """Return markdown whose links lead to `target(file name or #place)`; where that is None, words remain.

    Links out into the world stay as they are.

    >>> relinked("as in [05](05_convolution.ipynb), [there](../lib/x.py)", {"05_convolution.ipynb": "5"}.get)
    'as in [05](5), there'
    """

    def one(match: re.Match) -> str:
        path, hash_, place = match[2].partition("#")
        if OUTSIDE.match(match[2]):
            return match[0]
        found = target(path.rsplit("/", 1)[-1] if path else match[2])
        tail = hash_ + place if path else ""
        return match[1] if found is None else f"[{match[1]}]({found}{tail})"

    return LINK.sub(one, markdown)
