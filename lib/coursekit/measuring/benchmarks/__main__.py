"""Say what the row named on the command line is, then time one round per line of input."""

import importlib
import json
import sys
import time


def serve(name, questions, answers):
    """Warm up the row `name`, describe it in one JSON line, then give a round's seconds per question."""
    module, *arguments = name.split(":")
    row = importlib.import_module(f"coursekit.measuring.benchmarks.{module}")
    run = row.prepare(*arguments)
    run()
    if arguments:
        description = row.describe(*arguments)
    else:
        description = {"title": row.TITLE, "unit": row.UNIT, "items": row.ITEMS, "flops": row.FLOPS}
    print(json.dumps(description), file=answers, flush=True)
    for _ in questions:
        start = time.perf_counter()
        run()
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints must not look like an answer
    serve(sys.argv[1], sys.stdin, answers)
