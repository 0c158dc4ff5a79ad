"""Measure the live page in Chromium, and write web/measured.json and the table of web/README.md.

`python tests/live_figures.py` takes four minutes on two cores that do nothing else; `--memory 10` trains
ten minutes more. It measures images a second, in turns with ConvNetJS; accuracy on the page's test digits
over the seconds since Start; frames and long tasks while it trains. npm brings ConvNetJS into
build/live-figures, for the measurement alone.
"""

import argparse
import gzip
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from browser.live_page import LivePage
from browser.reading import Reader
from browser.renderers import megabytes

from convlab import machine
from convlab.files import write_text
from coursekit.lessons import ROOT
from coursekit.publishing import live

MEASURED, README = live.WEB / "measured.json", live.WEB / "README.md"
BUILD = ROOT / "build" / "live-figures"
CONVNETJS = "convnetjs@0.3.0"  # of 2014, the newest that npm has
SEEDS = (0, 1, 2)
GOALS = (0.97, 0.98)
SETTLED = 40_000  # images after which the memory is watched
WARM = 1000  # images after which frames are counted: before, the page loads its digits
WATCH = """const measured = globalThis.measured = { tests: [], tasks: [], gaps: [], training: 0 };
    const own = convlab.live, shown = own.on_report.bind(own), tested = own.on_evaluated.bind(own);
    let seen = 0, last = null;
    own.on_report = (report) => {
        if (report.speed) measured.training += (report.seen - seen) / report.speed;
        seen = report.seen;
        shown(report);
    };
    own.on_evaluated = (report) => {
        const clock = (performance.now() - measured.begun) / 1000;
        measured.tests.push([report.seen, report.accuracy, clock, measured.training]);
        tested(report);
    };
    new PerformanceObserver((list) => {
        if (seen >= arguments[0]) measured.tasks.push(...list.getEntries().map((one) => one.duration));
    }).observe({ entryTypes: ["longtask"] });
    const frame = (now) => {
        if (last !== null && seen >= arguments[0]) measured.gaps.push(now - last);
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    measured.begun = performance.now();
    document.getElementById("cl-start").click();"""
COMPARE = """const [sources, options] = arguments, names = convlab.parts.map((part) => part.name);
    const given = `{ ...${JSON.stringify(options)}, now: () => performance.now() }`;
    const call = `compareSpeed(convlab, convnetjs, ${given})`;
    const engine = convlab.script(names.slice(0, names.indexOf("trainer") + 1));
    const text = ["var window = self;", engine, ...sources, `postMessage(${call});`].join("\\n");
    const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    window.compared = null;
    worker.onmessage = ({ data }) => { window.compared = data; worker.terminate(); };
    worker.onerror = ({ message }) => { window.compared = message; };"""


def main(argv: list[str]) -> int:
    """Measure, write both files, print the table; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--memory", type=float, metavar="MINUTES", help="train so long for the memory, too")
    parser.add_argument("--images", type=int, default=100_000, help="train so many for each seed")
    options = parser.parse_args(argv)
    load = os.getloadavg()[0]
    if load > 0.3:
        print(
            f"Other programs keep {load:.1f} cores busy: these seconds will not be those of an idle machine."
        )
    before = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    with Reader(program("chromium"), program("chromedriver")) as reader:
        page = LivePage(reader, live.alone(BUILD))
        found = {
            "machine": f"{machine.processor()}, {machine.cores()} cores",
            "browser": "Chromium " + reader.browser.capabilities["browserVersion"],
            "load": round(load, 1),
            "weight": weight(),
            "speed": {
                name: speed(page, name, images) for name, images in {"small": 2048, "lecture": 96}.items()
            },
            "training": [training(page, seed, options.images) for seed in SEEDS],
            "memory": memory(page, options.memory) if options.memory else before.get("memory"),
        }
    write_text(MEASURED, json.dumps(found, indent=1) + "\n")
    write_text(README, with_table(README.read_text(encoding="utf-8"), found))
    print(table(found))
    return 0


def program(name: str) -> str:
    """Return the path of a program; `SystemExit` if it is missing."""
    if path := shutil.which(name):
        return path
    raise SystemExit(f"{name} is missing; on Debian and Ubuntu: apt-get install chromium chromium-driver npm")


# --- what is measured


def weight() -> dict:
    """Return kilobytes as they are and compressed, of the page's scripts and style and of its digits."""
    files, scripts = live.files(), json.loads((live.WEB / "scripts.json").read_text(encoding="utf-8"))
    names = [f"{name}.js" for part in ("engine", "live") for name in scripts[part]]
    texts = {"page": "".join(files[name] for name in [*names, "live.css"]), "digits": files["mnist.js"]}
    sizes = {name: (text.encode(), gzip.compress(text.encode())) for name, text in texts.items()}
    return {name: [round(len(one) / 1000) for one in pair] for name, pair in sizes.items()}


def speed(page: LivePage, network: str, images: int) -> dict:
    """Return images a second by engine, medians of three rounds in turns, and the least and largest ratio."""
    page.open()
    sources = [
        script.read_text(encoding="utf-8") for script in (convnetjs(), live.WEB / "tests" / "speed.js")
    ]
    page.run(COMPARE, sources, {"network": network, "images": images, "rounds": 3})
    while (rounds := page.run("return window.compared")) is None:
        time.sleep(1)
    if isinstance(rounds, str):
        raise SystemExit(f"the engines could not be compared: {rounds}")
    ratios = sorted(one["wasm"] / one["convnetjs"] for one in rounds)
    found = {name: median(one[name] for one in rounds) for name in rounds[0]}
    return found | {"ratios": [round(ratios[0], 1), round(ratios[-1], 1)]}


def convnetjs() -> Path:
    """Return the file of ConvNetJS, which npm brings."""
    path = BUILD / "node_modules" / "convnetjs" / "build" / "convnet.js"
    if not path.exists():
        command = [program("npm"), "install", "--silent", "--no-save", "--prefix", str(BUILD), CONVNETJS]
        subprocess.run(command, check=True)
    return path


def training(page: LivePage, seed: int, images: int) -> dict:
    """Return how a training of the page's first network went, and how smooth the page was meanwhile.

    `tests` lists (images seen, accuracy, seconds since Start, seconds in training steps alone).
    """
    assert page.open() == []
    page.write("#cl-seed", seed)
    page.run(WATCH, WARM)
    for seen in [*range(10_000, images, 10_000), images]:  # each wait has a limit
        page.until("return convlab.live.training.tests.at(-1)?.seen >= arguments[0]", seen)
    page.pause()
    assert page.faults() == []  # no request left, nothing went wrong
    found = page.run("return measured")
    gaps = found["gaps"]
    return {
        "seed": seed,
        "tests": [[seen, *(round(value, 4) for value in rest)] for seen, *rest in found["tests"]],
        "frames_a_second": round(1000 * len(gaps) / sum(gaps), 1),
        "late_frames": sum(gap > 25 for gap in gaps)
        / len(gaps),  # after more than one and a half of a sixtieth
        "longest_gap": round(max(gaps)),
        "long_tasks": [round(task) for task in found["tasks"]],
    }


def memory(page: LivePage, minutes: float) -> dict:
    """Return megabytes of the browser's renderers during minutes of training, from `SETTLED` images on."""
    assert page.open() == []
    page.press("cl-start")
    page.until("return convlab.live.seen >= arguments[0]", SETTLED)
    end, readings = time.monotonic() + 60 * minutes, []
    while time.monotonic() < end:
        readings.append(round(megabytes(page.reader.browser)))
        time.sleep(10)
        if page.text("cl-start") == "Start":  # it pauses by itself
            page.press("cl-start")
    return {"minutes": minutes, "images": page.run("return convlab.live.seen"), "megabytes": readings}


# --- what is said of it


def reached(tests: list, goal: float) -> list | None:
    """Return the first test with this accuracy, None without one."""
    return next((one for one in tests if one[1] >= goal), None)


def stays(tests: list, goal: float) -> list | None:
    """Return the first test from which on all have this accuracy, None without one."""
    held = list(itertools.takewhile(lambda one: one[1] >= goal, reversed(tests)))
    return held[-1] if held else None


def table(found: dict) -> str:
    """Return what was measured as a table in Markdown."""
    rows = [("what", "result", "how"), ("--", "--", "--")]
    where = f"{found['browser']}, {found['machine']}, load before {found['load']}"
    names = {
        "small": "two convolutions of 5×5, 8 and 16 filters",
        "lecture": "lesson 08's network, 3×3 with 32, 64, 128 filters",
    }
    for name, what in names.items():
        one = found["speed"][name]
        slower = f"without WebAssembly {one['javascript']:,.0f}; ConvNetJS {one['convnetjs']:,.0f}"
        result = f"{one['wasm']:,.0f} images a second; {slower}"
        low, high = one["ratios"]
        rows.append(
            (f"speed, {what}", f"{result}: {low:.0f} to {high:.0f} times", f"{where}; in turns, three rounds")
        )
    runs, images = found["training"], found["training"][0]["tests"][-1][0]
    for goal in GOALS:
        for what, when in (("first", reached), ("for good", stays)):
            each = [when(one["tests"], goal) for one in runs]
            said = "; ".join(
                "not reached" if one is None else f"{one[3]:.1f} s ({one[2]:.1f} s, {one[0]:,})"
                for one in each
            )
            how = "seconds in training steps; in brackets since Start, with all that it shows, and images"
            rows.append((f"{100 * goal:.0f} % on 2,000 test digits, {what}", said, f"seeds 0, 1, 2; {how}"))
    ends = ", ".join(f"{100 * one['tests'][-1][1]:.2f} %" for one in runs)
    rows.append((f"accuracy after {images:,} images", ends, "the same"))
    rates = ", ".join(f"{one['frames_a_second']:.0f}" for one in runs)
    late = ", ".join(f"{100 * one['late_frames']:.1f} %" for one in runs)
    longest = ", ".join(f"{one['longest_gap']} ms" for one in runs)
    rows.append(
        (
            "frames a second while it trains",
            f"{rates}; late by half a frame: {late}; longest: {longest}",
            "the same",
        )
    )
    tasks = ", ".join(f"{len(one['long_tasks'])}" for one in runs)
    rows.append(("tasks of 50 ms or more", tasks, "the same"))
    if kept := found["memory"]:
        first, last, most = kept["megabytes"][0], kept["megabytes"][-1], max(kept["megabytes"])
        how = f"{kept['minutes']:.0f} minutes, {kept['images']:,} images; all renderers, garbage collected"
        rows.append(
            ("memory", f"{first} MB after {SETTLED:,} images, {last} MB at the end, at most {most} MB", how)
        )
    sizes = found["weight"]
    said = "scripts and style {} kB ({} kB gzipped), digits {} kB ({} kB gzipped)".format(
        *sizes["page"], *sizes["digits"]
    )
    rows.append(("size of the page", said, "digits are read on Start"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(text: str, found: dict) -> str:
    """Return README.md with the table between its marks."""
    new = f"<!-- measured -->\n\n{table(found)}\n\n<!-- /measured -->"
    return re.sub(r"<!-- measured -->.*<!-- /measured -->", lambda _: new, text, flags=re.DOTALL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
