"""How far a learner is: the exercises of each lesson, and which of them are solved."""

from dataclasses import dataclass

from convlab.exercises import catalogue, record
from convlab.printing import printable


@dataclass(frozen=True)
class Progress:
    """How far a learner is: rows of (lesson, right, wrong, exercises in all). Shows itself as a table."""

    rows: tuple[tuple[str, int, int, int], ...]

    def __repr__(self):
        lines = [
            f"{lesson}  {'■' * right}{'□' * (total - right)}  {right} of {total} right"
            + (f", {wrong} to look at again" if wrong else "")
            for lesson, right, wrong, total in self.rows
        ]
        return printable("\n".join(lines))


def table() -> Progress:
    """Return how many exercises of each lesson are right, wrong and there in all."""
    statuses = record.read()
    rows = []
    for lesson, items in catalogue.exercises().items():
        known = [statuses.get(lesson, {}).get(item.name) for item in items]
        rows.append((lesson.replace("_", " "), known.count("right"), known.count("wrong"), len(items)))
    return Progress(tuple(rows))
