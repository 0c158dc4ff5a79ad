"""Links in the lessons' markdown: to other lessons, to files of the course, and out into the world."""

import re
from collections.abc import Callable

LINK = re.compile(r"(?<!!)\[([^][]*)\]\(([^()\s]+)\)")
OUTSIDE = re.compile(r"[a-z]+:|#")


def relinked(markdown: str, target: Callable[[str], str | None]) -> str:
    """Return markdown whose links to files lead to `target(file name)`; where that is None, words remain.

    >>> relinked("as in [05](05_convolution.ipynb), [there](../lib/x.py)", {"05_convolution.ipynb": "5"}.get)
    'as in [05](5), there'
    """

    def one(match: re.Match) -> str:
        path, hash_, place = match[2].partition("#")
        if OUTSIDE.match(match[2]):
            return match[0]
        found = target(path.rsplit("/", 1)[-1])
        return match[1] if found is None else f"[{match[1]}]({found}{hash_}{place})"

    return LINK.sub(one, markdown)
