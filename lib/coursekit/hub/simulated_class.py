"""Try a hub with a class of simulated students: `python -m coursekit hub-class`.

Each logs in, starts a server, opens lesson 01, writes an answer, runs the lesson from top to bottom, and some
run lesson 08 too. Then they leave, the hub's idle culler ends their servers, and they come back: the answer
is still there. The record says what each server and kernel has cost.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psutil
from tabulate import tabulate

from convlab import machine
from convlab.files import write_text
from coursekit.hub import start
from coursekit.hub.student import ANSWER, Cost, Student
from coursekit.lessons import ROOT, CourseError, find, select, source

LIGHT, HEAVY = "01", "08"
RECORD = ROOT / "deploy" / "hub" / "class.json"
CULL_LIMIT = 3600  # seconds until a student who waits for the culler gives up
SIZES = (30, 120, 1000)  # classes to which the figures are extrapolated
NODE = 64e3  # MB of a machine


def main(argv: list[str]) -> int:
    """Run a class, or show the table of a record; return 0 if all went well for every student."""
    parser = argparse.ArgumentParser(prog="python -m coursekit hub-class", description=__doc__)
    parser.add_argument("--students", type=int, default=2, help="how many (default: 2)")
    parser.add_argument("--heavy", type=int, default=0, metavar="N", help="so many run lesson 08, too")
    parser.add_argument("--at-once", type=int, default=2, help="how many work at the same time (default: 2)")
    parser.add_argument("--idle", type=int, default=60, help="seconds until the culler ends a server")
    parser.add_argument("--port", type=int, default=8200)
    parser.add_argument("--data", type=Path, help="a folder of data sets for all (default: CONVLAB_DATA)")
    parser.add_argument("--folder", type=Path, default=start.FOLDER / "class", help="for homes and log")
    parser.add_argument("--record", type=Path, default=start.FOLDER / "class.json", help="what is written")
    parser.add_argument("--resume", action="store_true", help="go on with the students not in the record")
    parser.add_argument("--table", type=Path, nargs="?", const=RECORD, help="show a record, run nothing")
    options = parser.parse_args(argv)
    if options.table:
        print(table(json.loads(options.table.read_text(encoding="utf-8"))))
        return 0
    if platform.system() != "Linux":
        raise CourseError("the costs of a class are read from /proc, which Linux has")
    start.set_up()
    asked = options.data or os.environ.get("CONVLAB_DATA")
    data = Path(asked).absolute() if asked else None
    settings = start.Settings(options.folder.absolute(), options.port, data, options.idle)
    record = hold(settings, options.students, options.heavy, options.at_once, options.record, options.resume)
    print(table(record))
    return int(any(row["error"] for row in record["students"]))


def hold(
    settings: start.Settings, students: int, heavy: int, at_once: int, path: Path, resume: bool = False
) -> dict:
    """Run a class on a hub of its own; return the record, which is also written to `path` as it grows.

    Args:
        settings: of the hub.
        students: how many there are.
        heavy: how many of them run lesson 08 after lesson 01.
        at_once: how many work at the same time; the others wait, or have left and wait for the culler.
        path: the file of the record.
        resume: go on with the record in `path`, with the students who have not come to its end.
    """
    record: dict = {"sittings": [], "at_once": at_once, "idle": settings.idle, "students": []}
    if resume:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["students"] = [row for row in record["students"] if not row["error"]]
    there = {row["name"] for row in record["students"]}
    sitting = _machine()
    record["sittings"].append(sitting)
    writing, places = threading.Lock(), threading.Semaphore(at_once)
    # the hub within the pool: at Ctrl-C it ends first, and with it what the students wait for
    with ThreadPoolExecutor(students) as pool, start.running(settings) as hub:

        def one(number: int) -> None:
            student = Student(settings.url, f"student-{number}", settings.password)
            lessons = [LIGHT, HEAVY] if number <= heavy else [LIGHT]
            row = take_part(student, lessons, places, settings)
            with writing:
                record["students"].append(row)
                sitting["ended"], sitting["load_at_end"] = _now(), _load()
                sitting["hub"] = _of_hub(hub)
                write_text(path, json.dumps(record, indent=1) + "\n")
                print(row["name"], row["error"] or "has come back", flush=True)

        list(pool.map(one, [n for n in range(1, students + 1) if f"student-{n}" not in there]))
    return record


def take_part(
    student: Student, lessons: list[str], places: threading.Semaphore, settings: start.Settings
) -> dict:
    """Let a student work, leave, be culled and come back; return a row of the record.

    The row's `error` says what went wrong; `culled` and `came_back` are what was seen.
    """
    row: dict = {"name": student.name, "lessons": lessons, "culled": False, "came_back": False, "error": ""}
    slugs = [lesson.slug for lesson in select(find(), lessons)]
    try:
        with places:
            student.log_in()
            student.start_server()
            student.write(slugs[0], *ANSWER)
            for slug in slugs:
                student.run(slug)
        _wait_until_culled(student)
        row["culled"] = True
        with places:
            student.start_server()
            came_back(student, slugs[0], settings.folder / "homes" / student.name)
            student.stop_server()
        row["came_back"] = True
    except Exception as error:  # one student's trouble ends nobody else's class, and stands in the record
        row["error"] = f"{type(error).__name__}: {error}"
    row["costs"] = {name: cost.rounded() for name, cost in student.costs.items()}
    return row


def came_back(student: Student, slug: str, home: Path) -> None:
    """Raise `CourseError` unless a student's answer and progress are where they were left."""
    identity, text = ANSWER
    [cell] = [cell for cell in student.open(slug)["cells"] if cell.get("id") == identity]
    if source(cell) != text:
        raise CourseError(f"{student.name} came back, and the answer is lost: {source(cell)!r}")
    progress = json.loads((home / ".convlab" / "progress.json").read_text(encoding="utf-8"))
    if "right" not in str(progress):
        raise CourseError(f"{student.name} came back, and the progress is lost: {progress}")


def _wait_until_culled(student: Student) -> None:
    """Return once the hub has no server of this student."""
    deadline = time.monotonic() + CULL_LIMIT
    while student.has_server():
        if time.monotonic() > deadline:
            raise CourseError(f"the server of {student.name} has not been culled in {CULL_LIMIT} seconds")
        time.sleep(10)


def _machine() -> dict:
    """Return what the class runs on, and what else this machine does."""
    return {
        "begun": _now(),
        "processor": machine.processor(),
        "cores": machine.cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "python": platform.python_version(),
        "load_at_begin": _load(),
    }


def _load() -> float:
    return round(os.getloadavg()[2], 1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _of_hub(hub: subprocess.Popen) -> dict[str, dict[str, float]]:
    """Return what the hub, its proxy and its culler have cost."""
    found = {}
    for process in _own(psutil.Process(hub.pid)):
        cost = Cost()
        cost.look(process)
        culler = "jupyterhub_idle_culler" in process.cmdline()
        found["idle-culler" if culler else process.name()] = cost.rounded()
    return found


def _own(hub: psutil.Process) -> Iterator[psutil.Process]:
    """Yield the hub and the processes that it has started for itself."""
    yield hub
    for process in hub.children():
        try:
            if not process.environ().get("JUPYTERHUB_USER"):
                yield process
        except psutil.Error:  # a server that has ended
            continue


def table(record: dict) -> str:
    """Return the figures of a record as text, and what they mean for larger classes, with the sums."""
    return "\n\n".join([_measured(record), _sums(record)])


def _measured(record: dict) -> str:
    """Return the median and the largest of each figure over students; the hub's are of the last sitting."""
    rows = []
    for sitting in record.get("sittings", [])[-1:]:
        for name, cost in sitting["hub"].items():
            used, own = f"{cost['seconds']:.0f}", f"{cost['private']:.0f}"
            rows.append([name, 1, used, used, "-", own, own, f"{cost['peak_rss']:.0f}"])
    for name, costs in _costs(record).items():
        seconds, private, peak = ([cost[one] for cost in costs] for one in ("seconds", "private", "peak_rss"))
        longest = "-" if name == "server" else f"{max(cost['longest'] for cost in costs):.0f}"
        rows.append(
            [
                *(name, len(costs), f"{statistics.median(seconds):.0f}", f"{max(seconds):.0f}"),
                *(longest, f"{statistics.median(private):.0f}", f"{max(private):.0f}"),
                f"{max(peak):.0f}",
            ]
        )
    heads = ["process", "measured", "processor s, median", "largest", "longest cell, s"]
    heads += ["own memory MB, median", "largest", "largest resident MB"]
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True)


def _costs(record: dict) -> dict[str, list[dict]]:
    """Return the costs of all students by server and lesson."""
    found: dict[str, list[dict]] = {}
    for row in record["students"]:
        for name, cost in row["costs"].items():
            if not row["error"]:
                found.setdefault(name, []).append(cost)
    return found


def _sums(record: dict) -> str:
    """Return memory and cores for larger classes, each as a sum that a reader can follow."""
    costs = _costs(record)
    if not costs:
        return "No student has come to the end."
    server = statistics.median(cost["private"] for cost in costs.pop("server"))
    minutes = {lesson.slug: lesson.header["minutes"] for lesson in find()}
    rows = []
    for slug, of_lesson in costs.items():
        private, longest = (max(cost[name] for cost in of_lesson) for name in ("private", "longest"))
        seconds = statistics.median(cost["seconds"] for cost in of_lesson)
        shared = max(cost["peak_rss"] - cost["private"] for cost in of_lesson)
        for size in SIZES:
            memory = (size * (server + private) + shared) / 1e3
            cores = size * seconds / (60 * minutes[slug])
            on_one = int((NODE - shared) // (server + private))
            rows.append(
                [
                    *(
                        slug,
                        size,
                        f"{size} x ({server:.0f} + {private:.0f}) + {shared:.0f} MB = {memory:.0f} GB",
                    ),
                    f"{size} / {on_one} -> {-(-size // on_one)}",
                    f"{size} x {seconds:.0f} s / {minutes[slug]} min = {cores:.1f}",
                    f"{size} x {longest:.1f} s = {size * longest:.0f} s",
                ]
            )
    heads = [
        "lesson",
        "students at once",
        "memory",
        "machines of 64 GB",
        "cores, on average",
        "all run the longest cell at once",
    ]
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True)
