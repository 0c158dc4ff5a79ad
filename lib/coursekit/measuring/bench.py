"""`make bench`: what this machine can do, and what the course's code reaches of it (build/bench.json).

A table compares the rows of one task beside the speed of a plain matrix product in the same minutes. Each row
runs in a process of its own (`coursekit.measuring.benchmarks`); they take turns, and a row's median round
counts.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

from convlab.files import write_text
from convlab.machine import cores, processor
from coursekit.measuring.benchmarks import convolution, training

LIMIT = "matrix_product"
HOLDS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables that hold NumPy, or TensorFlow, and not the other to what older processors can do."""
TABLES = {
    "mlp": (
        "Training an MLP 784-256-10 (batch 128, Adam, float32)",
        ["mlp_numpy", "mlp_keras", "mlp_tf_function"],
    ),
    **convolution.tables(),
    **training.tables(),
}
"""Table -> its title and its rows, ours first: every other row shows how many times its speed ours is."""


def main(argv):
    """Measure the tables named, or all; print each, write the JSON file and return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit bench", description="Measure this machine.")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all by default")
    parser.add_argument("--rounds", type=int, default=7, help="rounds per row (default: 7)")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    chosen = parser.parse_args(argv)
    if unknown := sorted(set(chosen.tables) - set(TABLES)):
        parser.error(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    report = {"machine": machine(), "tables": {}}
    for name, value in report["machine"]["left_out"].items():
        print(f"{name}={value} is left out: it would hold back one side only\n")
    for name in chosen.tables or TABLES:
        title, rows = TABLES[name]
        figures = summary(measure([LIMIT, *rows], chosen.rounds))
        report["tables"][name] = {"title": title, "rows": figures}
        print(table(title, figures), flush=True)
    write_text(chosen.output, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return 0


def machine():
    """Return what the figures depend on: processor, cores, load before the start, versions."""
    return {
        "processor": processor(),
        "cores": cores(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "left_out": {name: os.environ[name] for name in HOLDS if name in os.environ},
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "keras")},
    }


def measure(names, rounds):
    """Return one dict per row: its description and the seconds of each round, the rows taking turns."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(Row(name)) for name in names]
        rows = [{"name": process.name, **process.describe(), "seconds": []} for process in processes]
        for _ in range(rounds):
            for process, row in zip(processes, rows):
                row["seconds"].append(process.round())
        return rows


def environment():
    """Return the variables of a row's process: this one's, without those that hold one side back."""
    kept = {name: value for name, value in os.environ.items() if name not in HOLDS}
    return {"TF_CPP_MIN_LOG_LEVEL": "2", **kept}


class Row:
    """A benchmark in a process of its own, which leaving the `with` block ends.

    RuntimeError, with the process's last words, where it ends before that.
    """

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "coursekit.measuring.benchmarks", self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            encoding="utf-8",
            errors="replace",
            env=environment(),
        )
        assert self.process.stdin and self.process.stdout  # as both are pipes
        self.requests, self.answers = self.process.stdin, self.process.stdout
        return self

    def describe(self):
        """Return the row's title, unit, items and flops, once it is ready."""
        return json.loads(self._answer())

    def round(self):
        """Return the seconds of one more round."""
        print(file=self.requests, flush=True)
        return float(self._answer())

    def _answer(self):
        line = self.answers.readline()
        if not line:
            status = self.process.wait()
            self.errors.seek(0)
            words = self.errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended early, with status {status}:\n{words}")
        return line

    def __exit__(self, *_):
        self.requests.close()
        self.process.wait()
        self.answers.close()
        self.errors.close()


def summary(rows):
    """Return the figures of a table, one dict per row: the first is the limit, the second is ours.

    Each is a median over the rounds; shares and ratios are taken round by round, between neighbours in time.
    """
    limit, ours = ([row["items"] * row["flops"] / s / 1e9 for s in row["seconds"]] for row in rows[:2])
    return [_figures(row, limit, ours) for row in rows]


def _figures(row, limit, ours):
    speeds = [row["items"] / seconds for seconds in row["seconds"]]
    gflops = [speed * row["flops"] / 1e9 for speed in speeds]
    rates = [1e3 / speed for speed in speeds] if row["unit"].startswith("ms") else speeds
    return {
        "name": row["name"],
        "title": row["title"],
        "unit": row["unit"],
        "rate": median(rates),
        "rates": rates,
        "gflops": median(gflops),
        "share_of_limit": median(mine / most for mine, most in zip(gflops, limit)),
        "ours_to_this": median(mine / this for mine, this in zip(ours, gflops)),
    }


def table(title, rows):
    """Return the figures as lines of text, the limit without a rate and without a ratio."""
    limit, *others = rows
    unit = others[0]["unit"]
    digits = 2 if unit.startswith("ms") else 0
    lines = [
        title,
        f"{'':32}{unit:>10}{'lowest … highest':>22}{'GFLOP/s':>9}{'of limit':>10}{'ours : this':>13}",
    ]
    lines.append(f"{limit['title']:32}{'':32}{limit['gflops']:9.0f}")
    for row in others:
        spread = f"{min(row['rates']):,.{digits}f} … {max(row['rates']):,.{digits}f}"
        figures = f"{row['gflops']:9.0f}{row['share_of_limit']:10.0%}{row['ours_to_this']:13.2f}"
        lines.append(f"{row['title']:32}{row['rate']:10,.{digits}f}{spread:>22}{figures}")
    return "\n".join(lines) + "\n"
