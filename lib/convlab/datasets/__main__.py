"""`python -m convlab.datasets` (`make data`): get the data sets of the course, and say what is here."""

import argparse
import os
import sys
from pathlib import Path

from convlab import datasets
from convlab.datasets.download import limit
from convlab.printing import say, unprinted

WAIT = 3600  # seconds: who asks for the data can wait, and see how long


def main(arguments: list[str] | None = None) -> int:
    """Get data sets by download or from a folder, print a line for each, and return 1 if one is missing."""
    options = _parser().parse_args(arguments)
    names = options.only or list(datasets.PUBLISHED)
    if options.absent:
        here = {row.name for row in datasets.available() if row.source != "missing"}
        names = [name for name in names if name not in here]
    missing = False
    try:
        wait = limit(options.wait if options.wait is not None else os.environ.get("DATA_WAIT") or WAIT)
        for row in datasets.fetching(names, wait, options.folder):
            say(line(row), flush=True)
            missing |= row.state == "missing"
    except ValueError as fault:
        say(str(fault))
        return 2
    except OSError as fault:
        if not (status := unprinted(fault)):
            raise
        return status
    except KeyboardInterrupt:
        say("Stopped. What has come of a file stays, and the next `make data` goes on from there.")
        return 130
    return int(missing)


def _parser():
    """Return what reads the command line."""
    parser = argparse.ArgumentParser("python -m convlab.datasets", description="Get the data of the course.")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=datasets.PUBLISHED, help="these data sets"
    )
    parser.add_argument(
        "--absent", action="store_true", help="those that are not here, and no word on others"
    )
    parser.add_argument("--from", dest="folder", type=Path, help="import copies in any form from this folder")
    parser.add_argument("--wait", metavar="S", help=f"seconds that all may take; DATA_WAIT or {WAIT}")
    return parser


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
