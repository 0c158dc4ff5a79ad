"""What recorders share: the command line with tasks and seeds, going on, and the genuine data set."""

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from convlab import DATA_FOLDER
from convlab.datasets.published import PUBLISHED

CHECKPOINTS = Path("build/record")


def run(
    argv: list[str],
    command: str,
    about: str,
    tasks: Mapping[str, str],
    begin: Callable[[str], Callable[[int, Path, Path], str]],
) -> int:
    """Record the tasks that the command line names, each with each seed in turn; without a name, list all.

    Return 0.

    Args:
        argv: the command line, after the command.
        command: its name.
        about: a text whose first paragraph the help shows.
        tasks: the name of each task, and what the list says of it.
        begin: gets a name, loads what its task needs, and returns a function of a seed, the path of a
            checkpoint and the folder of the results, which records and returns how it went, a line.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m coursekit {command}", description=about.split("\n\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="tasks; without one, a list")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one run for each (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted recording stopped")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS, help="instead of build/record/")
    parser.add_argument("--output", type=Path, default=DATA_FOLDER, help="instead of data/")
    chosen = parser.parse_args(argv)
    if unknown := [name for name in chosen.names if name not in tasks]:
        parser.error(f"no task is called {', '.join(unknown)}: choose from {', '.join(tasks)}")
    if not chosen.names:
        print("\n".join(f"{name:28}{said}" for name, said in tasks.items()))
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in chosen.names:
        record = begin(name)
        for seed in chosen.seed:
            checkpoint = chosen.checkpoints / f"{name}-seed{seed}.npz"
            if not chosen.resume:
                checkpoint.unlink(missing_ok=True)
            print(record(seed, checkpoint, chosen.output), flush=True)
    return 0


def genuine(name: str) -> Any:
    """Return the data set `name`; SystemExit, with what to do, unless it is the published one."""
    from convlab import datasets  # not above: Keras reads its backend when it is first imported

    data, published = datasets.load(name), PUBLISHED[name]
    if not data.genuine:
        what = f"restore data/{published.file}" if published.bundled else "`make data`, or set CONVLAB_DATA"
        raise SystemExit(f"a recorded run needs the genuine {published.title}: {what}")
    return data
