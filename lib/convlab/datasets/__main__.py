"""`python -m convlab.datasets` (`make data`): get the data sets of the course, and say what is here."""

import argparse
import sys
from pathlib import Path

from convlab import datasets
from convlab.datasets.download import limit
from convlab.printing import say


def main(arguments: list[str] | None = None) -> int:
    """Get data sets by download or from a folder, print a line for each, and return 1 if one is missing."""
    parser = argparse.ArgumentParser("python -m convlab.datasets", description="Get the data of the course.")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=datasets.PUBLISHED, help="these data sets"
    )
    parser.add_argument("--from", dest="folder", type=Path, help="import copies in any form from this folder")
    parser.add_argument("--wait", type=float, metavar="S", help="seconds that each download may take")
    options = parser.parse_args(arguments)
    try:
        limit(options.wait)
    except ValueError as fault:
        parser.error(str(fault))
    missing = False
    for name in options.only or datasets.PUBLISHED:
        (row,) = datasets.fetch([name], options.wait, options.folder)
        say(line(row), flush=True)
        missing |= row.state == "missing"
    return int(missing)


def line(row: datasets.Fetched) -> str:
    """Return what to tell a person about one data set.

    >>> line(datasets.Fetched("cifar10", "CIFAR-10", "downloaded", "example.org", 12.3))
    'CIFAR-10: downloaded from example.org in 12 s, verified.'
    """
    said = {
        "here": f"here, in {row.origin}, verified.",
        "other copy": f"here, in {row.origin}, and not the published data: scores compare with nothing.",
        "downloaded": f"downloaded from {row.origin} in {row.seconds:.0f} s, verified.",
        "imported": f"imported from {row.origin}.",
        "missing": f"missing, {row.origin}.",
    }[row.state]
    advice = "".join(f"\n  {part}" for part in row.advice.splitlines())
    return f"{row.title}: {said}{advice}"


if __name__ == "__main__":
    sys.exit(main())
