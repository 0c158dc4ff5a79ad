"""Run a lesson in a plain Python, with its exercises answered: `lite_lesson.py LESSON.ipynb [values]`.

`values` are parameters of the lesson, as JSON. It imports the standard library alone, and
lessons 00 to 06 what they need, so that it runs where Python is WebAssembly.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

os.environ["MPLBACKEND"] = "agg"


def main(path: str, values: str = "{}") -> None:
    """Run the lesson and print how many cells and exercises there were, and the seconds that it took."""
    begun, names = time.perf_counter(), {"__name__": "__main__"}
    lesson = json.loads(Path(path).read_text(encoding="utf-8"))
    cells = [cell for cell in lesson["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        code = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        exec(compile(code, cell["id"], "exec"), names)
        if "parameters" in cell["metadata"].get("tags", []):
            names.update(json.loads(values))
    checked = answer(Path(path).name[:2])
    seconds = time.perf_counter() - begun
    where = f"Python {sys.version.split()[0]} on {sys.platform}"
    print(f"{len(cells)} cells, {checked} exercises, {seconds:.0f} seconds, {where}")


def answer(number: str) -> int:
    """Check the reference answer and the mistakes of each exercise; return how many exercises there are."""
    catalogue = importlib.import_module("convlab.exercises.catalogue")
    progress = importlib.import_module("convlab.exercises.progress")
    items = catalogue.exercises()[f"lesson_{number}"]
    for item in items:
        for mistake in item.mistakes:
            item.check(mistake.answer)
        row = next(row for row in progress.table().rows if row[0] == f"lesson {number}")
        assert row[1] == items.index(item), f"a mistake of {item.name} was taken for right"
        item.check(item.reference)
    row = next(row for row in progress.table().rows if row[0] == f"lesson {number}")
    assert row[1] == len(items), f"{row[1]} of {len(items)} right answers were recognised and stored"
    return len(items)


if __name__ == "__main__":
    main(*sys.argv[1:])
