"""How the live page's measurement reads its curves, and the table that web/README.md shows of it."""

import json

import live_figures
import pytest

TESTS = [  # images, accuracy, seconds since Start, seconds in steps
    [1000, 0.96, 1.0, 0.5],
    [2500, 0.971, 2.0, 1.0],
    [5000, 0.965, 3.0, 1.5],
    [7500, 0.98, 4.0, 2.0],
    [10000, 0.975, 5.0, 2.5],
]


@pytest.mark.parametrize(
    "goal, first, for_good", [(0.95, 1000, 1000), (0.97, 2500, 7500), (0.98, 7500, None), (0.99, None, None)]
)
def test_goal_is_reached_at_its_first_test_and_for_good_after_the_last_miss(goal, first, for_good):
    found = live_figures.reached(TESTS, goal), live_figures.stays(TESTS, goal)
    assert [one and one[0] for one in found] == [first, for_good]


def measured():
    """Return figures in the form of web/measured.json."""
    speed = {"convnetjs": 100, "javascript": 300, "wasm": 5000, "ratios": [48.2, 52.0]}
    run = {"frames_a_second": 59.9, "late_frames": 0.012, "longest_gap": 33, "long_tasks": [51]}
    return {
        "machine": "a machine",
        "browser": "Chromium 1",
        "load": 0.1,
        "weight": {"page": [215, 71], "digits": [1500, 1140]},
        "speed": {"small": speed, "lecture": speed},
        "training": [run | {"seed": seed, "tests": TESTS} for seed in live_figures.SEEDS],
        "memory": {"minutes": 10, "images": 400000, "megabytes": [446, 448, 435]},
    }


def test_table_says_what_was_measured():
    said = live_figures.table(measured())
    assert "5,000 images a second; without WebAssembly 300; ConvNetJS 100: 48 to 52 times" in said
    assert "| 98 % on 2,000 test digits, first | 2.0 s (4.0 s, 7,500);" in said
    assert "| 98 % on 2,000 test digits, for good | not reached; not reached; not reached |" in said
    assert "60, 60, 60; late by half a frame: 1.2 %, 1.2 %, 1.2 %; longest: 33 ms, 33 ms, 33 ms" in said
    assert "446 MB after 40,000 images, 435 MB at the end, at most 448 MB" in said


def test_page_weighs_what_its_files_weigh():
    found = live_figures.weight()
    assert found["page"][0] > found["page"][1] > 20 and found["digits"][0] > found["digits"][1] > 500


@pytest.mark.skipif(not live_figures.MEASURED.exists(), reason="not measured yet: make bench-live")
def test_readme_shows_the_table_of_what_was_measured():
    """If not: `make bench-live` measures and writes both."""
    found = json.loads(live_figures.MEASURED.read_text(encoding="utf-8"))
    readme = live_figures.README.read_text(encoding="utf-8")
    assert live_figures.table(found) in readme
    assert live_figures.with_table(readme, found) == readme


def test_fault_another_figure_in_the_readme_is_found():
    found, marks = measured(), "<!-- measured -->\n<!-- /measured -->"
    readme = live_figures.with_table(marks, found)
    assert live_figures.with_table(readme, found) == readme
    found["speed"]["small"]["wasm"] += 100
    assert live_figures.with_table(readme, found) != readme
