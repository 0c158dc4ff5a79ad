"""A reader's predictions: stored before the answer is shown, compared with it, and counted.

A lesson asks with `choice`, `number` or `words`, and answers with `compare`. Whoever leaves `...` gets no
output and loses nothing. `table` and `show` say how often one was surprised, and how well "sure" held.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from numbers import Real
from typing import Any

from convlab.exercises import record
from convlab.printing import printable, say

__all__ = ["ENOUGH", "Predictions", "choice", "compare", "number", "show", "table", "words"]

ENOUGH = 10  # predictions with a percentage, before a figure says anything
_BANDS = ((0, 50), (50, 70), (70, 90), (90, 100))  # percent: "sure" from the first up to the second
_KEY = "predictions"  # in the learner's record, beside the lessons
_PERCENT = re.compile(r"^percent|\bof 100\b(?!,)")  # units in which 98 is meant, where some write 0.98
_SHARE = re.compile(r"^(a share|a probability|from 0 to 1)$")  # and the other way round


def choice(name: str, answer: Any = ..., of: Sequence = (), sure: Any = ...) -> None:
    """Store which of the choices `of` a reader predicts; `...` stores nothing. Never raises.

    Capital letters, spaces and full-width letters do not matter, and the beginning of a choice is enough. A
    choice that does not exist is answered by a sentence, and is not stored.

    Args:
        name: the lesson and the question, as in "01-guess"; `compare` uses the same.
        answer: one of the choices, or its beginning.
        of: the choices: texts or numbers.
        sure: how sure the reader is, in percent; 100 / number of choices is guessing.

    >>> choice("00-colour", "purple", of=["grey", "red"])
    Your prediction 'purple' is none of the choices: grey, red. Write one of them. It was not stored.
    """
    _take(name, answer, sure, _Question("choice", tuple(of)))


def number(name: str, answer: Any = ..., unit: str = "", sure: Any = ...) -> None:
    """Store which number a reader predicts, also written as text; `...` stores nothing. Never raises.

    `unit` says what the number counts; `sure` is in percent. What is no number is answered by a sentence.

    >>> number("00-pixels", "many", unit="pixels")
    Your prediction 'many' is no number. Write one, as in 5 or 0.25 (pixels). It was not stored.
    """
    _take(name, answer, sure, _Question("number", unit=unit))


def words(name: str, answer: Any = ...) -> None:
    """Store a prediction in the reader's own words; `...` stores nothing. Never raises.

    >>> words("00-picture", 7)
    Your prediction 7 is no text. Write it between quotation marks. It was not stored.
    """
    _take(name, answer, ..., _Question("words"))


def compare(name: str, answer: Any = None, within: float | None = None) -> None:
    """Say back what a reader predicted beside the answer; print nothing without a prediction. Never raises.

    A number is right if it is at most `within` away from the answer: without it, an integer must be equal,
    and another number may differ by 5 percent. A share where percent are asked (0.98 for 98), or percent
    where a share is asked, is read as what it means, and the line says so. `True` and `False` answer the
    choices "yes" and "no". The first comparison counts; a prediction that was made after it is marked and
    does not.

    >>> import os, tempfile
    >>> os.environ["CONVLAB_PROGRESS"] = tempfile.mkdtemp() + "/progress.json"
    >>> number("00-doctest", "6", sure=80)
    >>> compare("00-doctest", 5)
    You said 6, it is 5. You were 80 % sure.
    >>> compare("00-not-predicted", 5)
    """
    try:
        said = _session.said.get(name)
        seen_before = name in _session.shown
        _session.shown.add(name)
        if said is None:
            return
        line, right, shown = said.against(answer, within)
        if said.question.form != "words":
            counts = _close(name, said, right, shown, seen_before)
            line += "" if counts else " (You had seen the answer: this one does not count.)"
        say(line)
    except Exception as error:  # whatever a reader has typed, the lesson goes on
        say(f"(Your prediction {name!r} could not be compared: {error}.)")


@dataclass(frozen=True)
class _Question:
    """How a prediction is to be answered: `form` is choice, number or words."""

    form: str
    choices: tuple = ()
    unit: str = ""

    def read(self, answer: Any) -> Any:
        """Return an answer as the question wants it; ValueError with a sentence for anything else."""
        answer = _bare(answer)
        if self.form == "choice":
            return self._chosen(answer)
        if self.form == "number":
            if (value := _number(answer)) is not None:
                return value
            unit = f" ({self.unit})" if self.unit else ""
            raise ValueError(f"is no number. Write one, as in 5 or 0.25{unit}.")
        if not isinstance(answer, str):
            raise ValueError("is no text. Write it between quotation marks.")
        return answer.strip()

    def _chosen(self, answer: Any) -> Any:
        """Return the choice that an answer names: the same text, the same number, or a unique beginning."""
        if isinstance(answer, bool):
            answer = "yes" if answer else "no"
        wanted, value = _folded(answer), _number(answer)
        same = [one for one in self.choices if _folded(one) == wanted]
        same = same or [one for one in self.choices if value is not None and _number(one) == value]
        same = same or [one for one in self.choices if wanted and _folded(one).startswith(wanted)]
        if len(same) == 1:
            return same[0]
        among = same or self.choices
        why = "could be several of the choices" if same else "is none of the choices"
        raise ValueError(f"{why}: {', '.join(map(str, among))}. Write one of them.")

    def certainty(self, sure: Any) -> float | None:
        """Return how sure the reader is, in percent; None for `...`; ValueError with a sentence else."""
        if _empty(sure):
            return None
        lowest = 100 / len(self.choices) if self.choices else 0
        value = _number(_bare(sure))
        if isinstance(value, float) and 0 < value < 1:
            value *= 100  # as 0.8, and not as 80
        if value is None or not math.floor(lowest) <= value <= 100:
            guessing = f"{lowest:.0f} (guessing)" if lowest else "0"
            raise ValueError(f"is no percentage from {guessing} to 100. Write one, as in sure=80.")
        return float(value)


@dataclass(frozen=True)
class _Prediction:
    """What a reader has said in this session."""

    question: _Question
    value: Any
    sure: float | None = None

    def against(self, answer: Any, within: float | None) -> tuple[str, bool, str]:
        """Return the line for the reader, whether the prediction is right, and the answer as text."""
        if self.question.form == "words":
            return f"You wrote: “{self.value}”. {answer or 'Is that what you see?'}", False, ""
        answer, unit = _bare(answer), ""
        if self.question.form == "choice":
            answer = self.question.read(answer)
            said, shown, right = str(self.value), str(answer), self.value == answer
        else:
            allowed = (0 if isinstance(answer, int) else 0.05 * abs(answer)) if within is None else within
            said, shown = _spoken(self.value), _spoken(answer)
            right = abs(self.value - answer) <= allowed
        if said == shown:
            line = f"You said {said}, and it is {shown}."
        else:
            line = f"You said {said}, it is {shown}{': close' if right else ''}."
        if self.question.form == "number" and not right:
            right, unit = self._in_another_unit(answer, allowed)
        sure = f" You were {self.sure:.0f} % sure." if self.sure is not None else ""
        return line + unit + sure, right, shown

    def _in_another_unit(self, answer: float, allowed: float) -> tuple[bool, str]:
        """Return whether a wrong number is right as a share where percent are asked, or the other way round.

        The second value is the sentences for the reader; it is empty where no other unit is plausible.
        """
        if _PERCENT.search(self.question.unit) and 0 < abs(self.value) <= 1 <= abs(answer):
            other, value = "a share of 1", 100 * self.value
        elif _SHARE.search(self.question.unit) and abs(answer) <= 1 < abs(self.value) <= 100:
            other, value = "percent", self.value / 100
        else:
            return False, ""
        right = abs(value - answer) <= allowed
        farther = abs(value - answer) >= abs(self.value - answer)
        if not right and (farther or abs(self.value) == 1):  # 1 may well mean 1 percent
            return False, ""
        said, read = _spoken(self.value), _spoken(value)
        unit = f" The unit is “{self.question.unit}”"
        if right:
            return True, f"{unit}, and {said} was read as {other}. That is {read}, which is close."
        return False, f"{unit}. If {said} was meant as {other}, that is {read}, which is not close either."


@dataclass
class _Session:
    """What was predicted and shown since the kernel started."""

    said: dict[str, _Prediction] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)


_session = _Session()


def _take(name: str, answer: Any, sure: Any, question: _Question) -> None:
    """Read one prediction and store it; say why where it cannot be read."""
    try:
        _session.said.pop(name, None)
        if _empty(answer):
            return
        try:
            value = question.read(answer)
        except ValueError as problem:
            say(f"Your prediction {answer!r} {problem} It was not stored.")
            return
        try:
            certain = question.certainty(sure)
        except ValueError as problem:
            say(f"Your sure={sure!r} {problem} The prediction was stored without it.")
            certain = None
        _session.said[name] = _Prediction(question, value, certain)
        _store(name, _session.said[name])
    except Exception as error:  # whatever a reader has typed, the lesson goes on
        say(f"(Your prediction {name!r} could not be stored: {error}.)")


def _store(name: str, said: _Prediction) -> None:
    """Write a prediction to the record, unless the answer was shown to this reader before."""
    entry = {"said": said.value, "sure": said.sure, "time": datetime.now().isoformat(timespec="seconds")}

    def change(known: dict) -> None:
        before = _entries(known).get(name, {})
        if "answer" in before:  # compared once: what is said now stands beside it
            if before["said"] != said.value:
                before["later"] = entry
        elif name in _session.shown:
            known.setdefault(_KEY, {})[name] = entry | {"after": True}
        else:
            known.setdefault(_KEY, {})[name] = entry

    record.update(change)


def _close(name: str, said: _Prediction, right: bool, answer: str, seen_before: bool) -> bool:
    """Write the answer beside the prediction; return whether the prediction was made before the answer."""
    made_before = not seen_before

    def change(known: dict) -> None:
        nonlocal made_before
        entry = _entries(known).get(name, {})
        if "answer" in entry:
            made_before = not entry.get("after") and entry["said"] == said.value
        elif entry:
            made_before = not entry.get("after")
            entry |= {"answer": answer, "right": right}

    record.update(change)
    return made_before


def _entries(known: dict) -> dict[str, dict]:
    """Return the predictions in a record, without what is no prediction."""
    return {
        name: entry
        for name, entry in known.get(_KEY, {}).items()
        if isinstance(entry, dict) and "said" in entry
    }


@dataclass(frozen=True)
class Predictions:
    """Predictions that were compared: (name, sure in percent or None, right), in the order of the lessons."""

    rows: tuple[tuple[str, float | None, bool], ...]

    @property
    def with_sure(self) -> list[tuple[float, bool]]:
        """How sure the reader was, in percent, and whether it was right, where both are known."""
        return [(sure, right) for _, sure, right in self.rows if sure is not None]

    def __repr__(self):
        if not self.rows:
            return "no prediction has been compared with its answer yet"
        right = sum(right for _, _, right in self.rows)
        missed = len(self.rows) - right
        lines = [
            f"{len(self.rows)} predictions compared: {right} right or close, "
            f"{missed} surprises ({missed / len(self.rows):.0%})"
        ]
        known = self.with_sure
        if len(known) < ENOUGH:
            lines.append(
                f"{len(known)} of them say how sure you were; from {ENOUGH} on, a figure compares that"
            )
            return printable("\n".join(lines))
        for low, high in _BANDS:
            band = [right for sure, right in known if low <= sure < high or (sure == high == 100)]
            if band:
                lines.append(f"{low:3} to {high:3} % sure: {sum(band)} of {len(band)} right")
        mean = sum(sure for sure, _ in known) / len(known)
        lines.append(f"on average {mean:.0f} % sure, and right in {_share(known):.0f} %")
        wrong = sorted(((sure, name) for name, sure, right in self.rows if sure and not right), reverse=True)
        if wrong:
            lines.append(
                "most sure and wrong: " + ", ".join(f"{name} ({sure:.0f} %)" for sure, name in wrong[:3])
            )
        return printable("\n".join(lines))


def table() -> Predictions:
    """Return the predictions that were made before their answer and compared with it; prints as text."""
    return Predictions(
        tuple(
            (name, sure if isinstance(sure := entry.get("sure"), int | float) else None, entry["right"])
            for name, entry in sorted(_entries(record.read()).items())
            if isinstance(entry.get("right"), bool) and not entry.get("after")
        )
    )


def show() -> None:
    """Print `table()`, and draw how well "sure" held as soon as enough predictions say how sure one was."""
    from convlab import plots  # Matplotlib takes a second, and most lessons do not come here

    made = table()
    say(made)
    if len(made.with_sure) >= ENOUGH:
        sure, right = zip(*made.with_sure)
        mean = sum(sure) / len(sure)
        plots.calibration(sure, right, f"{mean:.0f} % sure on average, {_share(made.with_sure):.0f} % right")


def _share(known: list[tuple[float, bool]]) -> float:
    """Return the share of right predictions, in percent."""
    return 100 * sum(right for _, right in known) / len(known)


def _empty(answer: Any) -> bool:
    """Return whether nothing was filled in."""
    return answer is ... or answer is None or (isinstance(answer, str) and not answer.strip())


def _bare(answer: Any) -> Any:
    """Return an answer in Python's own types; one that is alone in a list or an array, without it."""
    if isinstance(answer, list | tuple | set) and len(answer) == 1:
        return _bare(next(iter(answer)))
    if hasattr(answer, "item") and getattr(answer, "size", 1) == 1:  # NumPy
        return answer.item()
    return answer


def _folded(answer: Any) -> str:
    """Return a text without what does not matter: capital letters, spaces, full-width forms."""
    return " ".join(unicodedata.normalize("NFKC", str(answer)).casefold().split())


def _number(answer: Any) -> int | float | None:
    """Return the number that an answer says, an int where it is whole; None if it says none.

    >>> [_number(one) for one in ("5.0", " 6 %", "１２", "1,000", "0,5", "1/4", "about 3", "5 million", True)]
    [5, 6, 12, 1000, 0.5, 0.25, 3, None, None]
    """
    if isinstance(answer, bool):
        return None
    if isinstance(answer, str):
        said = re.sub(r"^(about|~|≈)\s*|\s*%$", "", _folded(answer)).replace("⁄", "/").replace("−", "-")
        if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", said):
            said = said.replace(",", "")
        try:
            value = float(Fraction(said.replace(",", ".")))
        except (ValueError, ArithmeticError):
            return None
    elif isinstance(answer, Real):
        value = float(answer)
    else:
        return None
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value


def _spoken(value: float) -> str:
    """Return a number as it is read: four digits of a float, thousands apart in an integer."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
