"""Statistics of a test: how hard an item is, how well it tells people apart, the gain, the mistakes."""

import math
import statistics
from collections.abc import Mapping, Sequence

from tabulate import tabulate

from coursekit.teaching.sheets import OCCASIONS, Sheet

NONE = "–"


def scores(forms: Mapping[str, list], sheet: Sheet) -> dict[str, int]:
    """Return {item: 1 if the answer is right, else 0}; an item that was left out counts 0."""
    return {item.id: int(sheet.answers[item.id] == item.answer) for item in forms[sheet.form]}


def difficulty(right: Sequence[Mapping[str, int]], item: str) -> float | None:
    """Return the share of people who have an item right; None without people."""
    return statistics.fmean(one[item] for one in right) if right else None


def discrimination(right: Sequence[Mapping[str, int]], item: str) -> float | None:
    """Return the correlation of an item with the sum of all others (corrected item-total correlation).

    None with fewer than three people, or where all have the same item score or the same sum.
    """
    of_item = [one[item] for one in right]
    rest = [sum(one.values()) - one[item] for one in right]
    if len(right) < 3 or len({*of_item}) == 1 or len({*rest}) == 1:
        return None
    return statistics.correlation(of_item, rest)


def gain(before: Sequence[float], after: Sequence[float]) -> tuple[float, float | None] | None:
    """Return the rise of the mean share right, and what share of the possible rise it is (Hake, 1998).

    >>> gain([0.25, 0.75], [0.75])
    (0.25, 0.5)
    """
    if not before or not after:
        return None
    first, last = statistics.fmean(before), statistics.fmean(after)
    return last - first, (last - first) / (1 - first) if first < 1 else None


def paired(forms: Mapping[str, list], sheets: Sequence[Sheet]) -> list[float]:
    """Return how much the share right has risen for each code that has a sheet before and one after."""
    shares = {(sheet.code, sheet.when): share(forms, sheet) for sheet in sheets}
    codes = sorted({code for code, _ in shares})
    both = [code for code in codes if all((code, when) in shares for when in OCCASIONS)]
    return [shares[code, "after"] - shares[code, "before"] for code in both]


def share(forms: Mapping[str, list], sheet: Sheet) -> float:
    """Return the share of items that a sheet has right."""
    return statistics.fmean(scores(forms, sheet).values())


def mistakes(forms: Mapping[str, list], sheets: Sequence[Sheet]) -> dict[tuple[str, str], float]:
    """Return {(item, mistake): the share of people who made it}."""
    found: dict[tuple[str, str], float] = {
        (item.id, name): 0.0 for items in forms.values() for item in items for name in item.wrong.values()
    }
    for sheet in sheets:
        for item in forms[sheet.form]:
            if (name := item.wrong.get(sheet.answers[item.id])) is not None:
                found[item.id, name] += 1 / len(sheets)
    return found


def report(forms: Mapping[str, list], sheets: Sequence[Sheet]) -> str:
    """Return the statistics of a class as text."""
    groups = {when: [sheet for sheet in sheets if sheet.when == when] for when in OCCASIONS}
    right = {when: [scores(forms, sheet) for sheet in of_when] for when, of_when in groups.items()}
    made = {when: mistakes(forms, of_when) for when, of_when in groups.items()}
    items = [
        [item.id]
        + [
            _shown(function(right[when], item.id))
            for function in (difficulty, discrimination)
            for when in OCCASIONS
        ]
        for item in forms["A"]
    ]
    rows = [
        [f"{item}: {name}", *(_percent(made[when][item, name], groups[when]) for when in OCCASIONS)]
        for item, name in made["before"]
    ]
    parts = [
        *_class(forms, groups),
        "",
        tabulate(items, ["item", "right, before", "after", "discrimination, before", "after"]),
        "",
        tabulate(rows, ["mistake", "before", "after"]),
        "",
        "right: share of people. discrimination: correlation of the item with the sum of the others.",
    ]
    return "\n".join(parts)


def _class(forms: Mapping[str, list], groups: Mapping[str, list[Sheet]]) -> list[str]:
    """Return the lines on the class as a whole."""
    shares = {when: [share(forms, sheet) for sheet in of_when] for when, of_when in groups.items()}
    lines = []
    for when, of_when in groups.items():
        if of_when:
            in_a = sum(sheet.form == "A" for sheet in of_when)
            mean = statistics.fmean(shares[when])
            lines.append(f"{when}: {len(of_when)} people ({in_a} with form A), {mean:.0%} right")
    if (risen := gain(shares["before"], shares["after"])) is not None:
        lines.append(f"gain: {risen[0]:+.2f}; of the possible gain: {_shown(risen[1])}")
    pairs = paired(forms, [sheet for one in groups.values() for sheet in one])
    if len(pairs) > 1:
        error = statistics.stdev(pairs) / math.sqrt(len(pairs))
        lines.append(
            f"{len(pairs)} people took both: gain {statistics.fmean(pairs):+.2f}, standard error {error:.2f}"
        )
    return lines or ["no answers yet"]


def _shown(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _percent(value: float, people: list) -> str:
    return f"{value:.0%}" if people else NONE
