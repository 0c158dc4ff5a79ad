"""Every number in a lesson's prose stands in its code, in its stored outputs, or in a list that says why.

What is no claim is passed over by rule: integers up to 12, years, numbers of lessons, sections, tables and
exercises, names such as VGG-16, code between backticks, the map and the table of terms. For the others
`docs/numbers.yaml` gives the source. A number agrees with one of code or outputs that rounds to it; an
integer only with itself, unless it comes with "about" or a unit.
"""

import argparse
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from simpleeval import InvalidExpression, SimpleEval

from coursekit.checking.rules import EMBEDDED, outputs, words
from coursekit.lessons import ROOT, CourseError, Lesson, find, select, source, tags

LIST = Path("docs") / "numbers.yaml"
SMALL = 12  # integers up to here are words as often as digits

NUMBER = re.compile(r"(?:(?<=\dx)|(?<![\w.,]))\d+(?:,\d{3})*(?:\.\d+)?(?![\d])")
MACHINE_NUMBER = re.compile(r"(?<![A-Za-z_\d.])\d[\d_]*(?:,\d{3}(?!\d))*(?:\.\d*)?(?:[eE][-+]?\d+)?")
SERIES = r"\d+(?:\.\d+)*(?:(?:, | and | to | or )\d+(?:\.\d+)*)*"
NO_CLAIM = [
    re.compile(pattern, re.DOTALL | re.MULTILINE)
    for pattern in (
        r"<!-- map -->.*?<!-- /map -->",
        r"```.*?```",
        r"`[^`\n]*`",
        r"\]\([^)]*\)",  # where a link leads
        r"https?://\S+",
        r"arXiv:\d+\.\d+",
        rf"(?i)\b(?:lesson|section|chapter|table|figure|equation|page|algorithm)s? {SERIES}",
        r"(?<![\w.,])0\d\b(?![.,]\d)|\[\d\d, ",  # a lesson's number
        r"\b(?:1[6-9]|20)\d\d\b(?!,\d)",  # a year
        r"\b[A-Za-z]\w*-\d+\w*",  # VGG-16, CIFAR-10
        r"^(?:\*\*)?\d+\. ",  # an item, an exercise
        r"\babout \d+ minutes|\bof 100\b",
    )
]
ABOUT = re.compile(r"(?:\b(?:about|some|nearly|almost|over|under|than|roughly|around|hardly)|~|≈)\s*$")
UNITS = {
    "million": (1e6, re.compile(r"\s*(?:million|M\b)")),
    "billion": (1e9, re.compile(r"\s*billion")),
    "thousand": (1e3, re.compile(r"\s*(?:thousand|k\b)")),
    "per cent": (1e-2, re.compile(r"\s*(?:%|per cent|of 100|points?\b)")),
}
FUNCTIONS = {name: getattr(math, name) for name in ("sqrt", "exp", "log", "log2", "log10", "floor", "ceil")}
FUNCTIONS |= {"comb": math.comb, "round": round}
CONSTANTS = {"pi": math.pi}


class Claim(NamedTuple):
    """A number in prose: in which lesson and cell, as written, where in the cell's text, and that text."""

    lesson: Lesson
    cell: str
    number: str
    start: int
    prose: str

    def __str__(self):
        around = self.prose[max(0, self.start - 50) : self.start + len(self.number) + 40]
        return f"{self.lesson.slug}, cell {self.cell}: {self.number} in “…{' '.join(around.split())}…”"

    @property
    def before(self) -> str:
        """The prose up to the number."""
        return self.prose[: self.start]

    @property
    def after(self) -> str:
        """The prose that follows the number."""
        return self.prose[self.start + len(self.number) :]


def main(argv: list[str]) -> int:
    """Print the numbers in prose that have no source and the sources that serve nothing; 1 if any."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit numbers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("lessons", nargs="*", help="numbers or names; all by default")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    options = parser.parse_args(argv)
    chosen = select(find(options.root), options.lessons)
    found = [line for lesson in chosen for line in findings(lesson, listed(options.root))]
    count = sum(len(list(claims(lesson))) for lesson in chosen)
    print("\n".join(found) or f"{len(chosen)} lessons: all {count} numbers in their prose have a source")
    return int(bool(found))


def listed(root: Path) -> dict[str, dict[str, str]]:
    """Return the list: lesson -> words of its prose -> their source; "everywhere" -> number -> source."""
    path = root / LIST
    return (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None) or {}


def findings(lesson: Lesson, sources: dict[str, dict[str, str]]) -> Iterator[str]:
    """Yield the lesson's numbers without a source, and the entries of the list that do not fit it."""
    known, everywhere = machine_numbers(lesson), {str(key) for key in sources.get("everywhere", {})}
    own = sources.get(lesson.slug, {})
    for claim in claims(lesson):
        sourced = claim.number in everywhere or stands_in(claim, known)
        if not (sourced or any(covers(phrase, claim) for phrase in own)):
            yield str(claim)
    said = [one_line(source(cell)) for cell in prose_cells(lesson)]
    for phrase, reason in own.items():
        if not any(one_line(phrase) in text for text in said):
            yield f"{lesson.slug}: {LIST} explains “{phrase}”, which the lesson does not say"
        elif not adds_up(phrase, reason):
            yield f"{lesson.slug}: “{phrase}” is not {reason.lstrip('= ')}"


def prose_cells(lesson: Lesson) -> list[dict]:
    """Return the Markdown cells, without the table of terms."""
    return [cell for cell in lesson.cells if cell["cell_type"] == "markdown" and "terms" not in tags(cell)]


def claims(lesson: Lesson) -> Iterator[Claim]:
    """Yield the numbers in prose that say something, in order."""
    for cell in prose_cells(lesson):
        prose = source(cell)
        for match in NUMBER.finditer(_blanked(prose)):
            if "." in match[0] or value(match[0]) > SMALL:
                yield Claim(lesson, cell.get("id", ""), match[0], match.start(), prose)


def _blanked(prose: str) -> str:
    """Return prose with spaces in place of what is no claim, so that places stay."""
    for pattern in NO_CLAIM:
        prose = pattern.sub(lambda match: " " * len(match[0]), prose)
    return prose


def machine_numbers(lesson: Lesson) -> set[float]:
    """Return all numbers in the lesson's code and in its stored outputs."""
    texts = [source(cell) for cell in lesson.code_cells]
    texts += [EMBEDDED.sub("", words(output)) for cell in lesson.code_cells for output in outputs(cell)]
    return {value(number) for text in texts for number in MACHINE_NUMBER.findall(text)}


def value(number: str) -> float:
    """Return what a number as written means: `value("1,000.5")` is 1000.5."""
    return float(number.replace(",", "").replace("_", ""))


def stands_in(claim: Claim, known: set[float]) -> bool:
    """Return whether a number that rounds to the claimed one is known, in its unit or without."""
    about = bool(ABOUT.search(claim.before))
    factors = [1.0, *(factor for factor, unit in UNITS.values() if unit.match(claim.after))]
    exact = not about and "." not in claim.number and len(factors) == 1
    half = 0.0 if exact else _half(claim.number, about)
    return any(_near(value(claim.number) * factor, half * factor, one) for factor in factors for one in known)


def _near(claimed: float, half: float, known: float) -> bool:
    return abs(known - claimed) <= half * (1 + 1e-9)


def _half(number: str, about: bool) -> float:
    """Return half a unit of a number's last digit; "about 1,400" is meant to the hundred."""
    decimals = len(number.partition(".")[2])
    digits = number.replace(",", "")
    zeros = len(digits) - len(digits.rstrip("0")) if about and not decimals else 0
    return 0.5 * 10.0 ** (zeros - decimals)


def covers(phrase: str, claim: Claim) -> bool:
    """Return whether the words of the list stand around this very number."""
    pattern = r"\s+".join(map(re.escape, phrase.split()))
    end = claim.start + len(claim.number)
    return any(m.start() <= claim.start and end <= m.end() for m in re.finditer(pattern, claim.prose))


def one_line(text: str) -> str:
    """Return a text with single spaces."""
    return " ".join(text.split())


def adds_up(phrase: str, reason: str) -> bool:
    """Return whether a reason "= 2 * 14; …" gives the phrase's last number; other reasons are believed."""
    if not reason.startswith("="):
        return True
    numbers = re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", phrase)
    result = calculated(reason[1:].partition(";")[0].strip())
    return bool(numbers) and _near(value(numbers[-1]), _half(numbers[-1], about=True), result)


def calculated(expression: str) -> float:
    """Return the value of an expression of numbers; `CourseError` for anything that is not arithmetic."""
    try:
        return float(SimpleEval(functions=FUNCTIONS, names=CONSTANTS, allowed_attrs={}).eval(expression))
    except (InvalidExpression, SyntaxError, ValueError, TypeError, ArithmeticError) as error:
        raise CourseError(f"{LIST}: “{expression}” cannot be computed ({error})") from error
