"""Print on any terminal: a character that its encoding does not have is replaced, and nothing raises.

Windows consoles and redirected output often use cp932 (Japanese), cp949 (Korean) or cp1252 (western Europe),
and none of these has all the signs that the course prints. The standard library alone.
"""

import codecs
import sys
import unicodedata
from typing import TextIO

__all__ = ["STAND_INS", "STAND_INS_ERRORS", "printable", "say"]

STAND_INS_ERRORS = "convlab.stand_ins"  # the name under which a stream can be given them
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
