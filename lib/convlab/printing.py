"""Print on any terminal: a character that its encoding does not have is replaced, and nothing raises.

Windows consoles and redirected output often use cp932 (Japanese), cp949 (Korean) or cp1252 (western Europe),
and none of these has all the signs that the course prints. The standard library alone.
"""

import codecs
import os
import sys
import unicodedata
from typing import TextIO

__all__ = ["STAND_INS", "STAND_INS_ERRORS", "printable", "say", "unprinted"]

STAND_INS_ERRORS = "convlab.stand_ins"  # the name under which a stream can be given them
_UNREAD = 141  # what a shell reports of a command that writes to nobody
STAND_INS = {
    "✔": "+",
    "✘": "x",
    "○": "o",
    "■": "#",
    "□": ".",
    "·": "*",
    "×": "x",
    "−": "-",
    "±": "+-",
    "√": "sqrt",
    "→": "->",
    "←": "<-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "∞": "inf",
    "⌈": "ceil(",
    "⌉": ")",
    "⁄": "/",
    "′": "'",
    "λ": "lambda",
    "…": "...",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "–": "-",
    "—": "-",
}


def say(text: object, file: TextIO | None = None, end: str = "\n", flush: bool = False) -> None:
    """Print `text` to `file`, or to the standard output, in characters that it can show.

    >>> say("test accuracy 0.97 · data: bundled")
    test accuracy 0.97 · data: bundled
    """
    file = sys.stdout if file is None else file
    print(printable(text, file), file=file, end=end, flush=flush)


def printable(text: object, file: TextIO | None = None) -> str:
    """Return `text` in characters that `file`, or the standard output, can show.

    >>> import io
    >>> printable("✘ wrong: 2 · error²", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    'x wrong: 2 * error^2'
    """
    encoding = getattr(sys.stdout if file is None else file, "encoding", None) or "utf-8"
    return str(text).encode(encoding, STAND_INS_ERRORS).decode(encoding)


def unprinted(after: OSError | None = None) -> int:
    """Return 0 if all that was printed has arrived, else the exit status that says why not.

    `after` is an error that may have come from printing: an empty line is printed then, to find that out.

    It is 141 where nobody reads on, as after `| head -1`, and 2 for a full disk, which is named on the
    standard error. What is printed from then on is lost without a further error.

    >>> unprinted()
    0
    """
    try:
        print(end="\n" if after else "", flush=True)
    except OSError as fault:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
        if isinstance(fault, BrokenPipeError):
            return _UNREAD
        say(f"the output cannot be written: {fault.strerror}", sys.stderr)
        return 2
    return 0


def _stand_ins(error: UnicodeError) -> tuple[str, int]:
    """Return what replaces the characters that an encoding refused, and where it goes on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_stand_in, error.object[error.start : error.end])), error.end


def _stand_in(character: str) -> str:
    """Return ASCII for one character: its sign, its name if it is Greek, its letters or digits, or "?"."""
    if character.isascii() or character in STAND_INS:
        return STAND_INS.get(character, character)
    if (name := unicodedata.name(character, "")).startswith("GREEK SMALL LETTER"):
        return name.rpartition(" ")[2].lower()
    parts = [c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)]
    if parts == [character]:
        return "?"
    mark = {"<super>": "^", "<sub>": "_"}.get(unicodedata.decomposition(character).partition(" ")[0], "")
    shown = "".join(map(_stand_in, parts))
    return mark + shown if shown.strip("?") else "?"


codecs.register_error(STAND_INS_ERRORS, _stand_ins)
