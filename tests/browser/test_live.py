"""The live page in Chromium: its network learns in a worker, refuses what cannot be, and requests nothing.

Training is waited for by images seen, not by seconds.
"""

import functools
import http.server
import json
import threading
import time

import pytest

from coursekit.publishing import live

from .live_page import DESKTOP, PHONE, LivePage
from .renderers import megabytes

# isort: split
import web_cases as cases

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The live page's folder, without the book around it."""
    return live.alone(tmp_path_factory.mktemp("live")).parent


@pytest.fixture
def page(reader, folder):
    """The page, freshly opened, with nothing that went wrong."""
    page = LivePage(reader, folder / "live.html")
    assert page.open() == []
    return page


def test_it_trains_in_a_worker_until_most_digits_are_right(page):
    page.press("cl-start")
    best = page.until("return convlab.live.training.tests.find(one => one.seen >= 5000)?.accuracy")
    page.pause()
    assert best > 0.9
    assert page.text("cl-note") == ""  # a worker, and WebAssembly
    assert "2,000 test images are wrong" in page.text("cl-wrong-summary")
    seen = page.run("return convlab.live.seen")
    time.sleep(1)
    assert page.run("return convlab.live.seen") == seen
    assert page.faults() == []  # no request left, nothing went wrong


def test_page_begins_with_the_settings_that_held_out_digits_chose(page):
    chosen = json.loads((live.WEB / "settings.json").read_text(encoding="utf-8"))["chosen"]
    settings = page.run("return convlab.live.training.settings")
    assert {name: settings[name] for name in chosen} == chosen


def test_same_seed_gives_the_same_curve_and_another_seed_another(page):
    curves = []
    for seed in (3, 3, 4):
        page.write("#cl-seed", seed)
        page.press("cl-reset")
        for step in range(1, 6):
            page.press("cl-step")
            page.until("return convlab.live.training.curve.length === arguments[0]", step)
        curves.append(page.run("return convlab.live.training.curve.map(({seen, loss}) => [seen, loss])"))
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


WATCH_LONG_TASKS = """window.tasks = [];
    new PerformanceObserver(list => tasks.push(...list.getEntries().map(one => one.duration)))
        .observe({entryTypes: ["longtask"]});"""  # the browser lists tasks of 50 ms and more


def test_page_stays_responsive_while_it_trains(page):
    """In one of three tries no task takes 50 ms: a busy machine may stop the page now and then."""
    page.run(WATCH_LONG_TASKS)
    page.press("cl-start")
    page.until("return convlab.live.seen >= 500")
    found = []
    for _ in range(3):
        seen = page.run("window.tasks.length = 0; return convlab.live.seen")
        page.until("return convlab.live.seen >= arguments[0]", seen + 4000)
        found.append(page.run("return window.tasks"))
        if not found[-1]:
            break
    assert [] in found, found


def test_fault_a_long_task_is_found(page):
    page.run(WATCH_LONG_TASKS)
    page.run("setTimeout(() => { const end = performance.now() + 120; while (performance.now() < end); }, 0)")
    assert page.until("return window.tasks.length") >= 1


def test_layers_and_training_steps_are_pythons_in_the_browser_too(page):
    script = (cases.WEB / "tests" / "answer.js").read_text(encoding="utf-8")
    script = f"{script}; return answerCases(arguments[0])"
    asked = cases.layer_cases(seed=1, count=4)
    for case, answer in zip(asked, page.run(script, asked), strict=True):
        assert answer["wasm"] == case["wasm"]
        cases.assert_same(case, answer, cases.layer_expected(case))
    asked = cases.network_cases(seed=1)
    for case, answer in zip(asked, page.run(script, asked), strict=True):
        cases.assert_same_network(case, answer, cases.network_expected(case))


REFUSED = [  # field of which layer, value, what the page says
    ("kernel of layer 1, Conv2D", "29", "kernel of 29 does not fit an input of 28 with padding valid"),
    ("stride of layer 1, Conv2D", "0", "stride must be a whole number of at least 1, not 0"),
    ("filters of layer 1, Conv2D", "", "filters must be a whole number of at least 1"),
    ("filters of layer 1, Conv2D", "2.5", "filters must be a whole number of at least 1, not 2.5"),
    ("filters of layer 1, Conv2D", "100000", "MB of memory; a page may use 200 MB"),
    ("size of layer 6, MaxPool2D", "9", "kernel of 9 does not fit an input of 8"),
    ("units of layer 8, Dense", "9", "the last layer gives 9, but there are 10 classes"),
]


@pytest.mark.parametrize("field, value, said", REFUSED)
def test_impossible_network_is_refused_with_the_reason_and_cannot_start(page, field, value, said):
    selector = f"[aria-label='{field}']"
    before = page.run("return document.querySelector(arguments[0]).value", selector)
    page.write(selector, value)
    assert said in page.text("cl-network-error")
    assert page.is_disabled("cl-start")
    page.write(selector, before)
    assert page.text("cl-network-error") == ""
    assert not page.is_disabled("cl-start")


@pytest.mark.parametrize("value", ["", "-0.1", "0", "1000000000"])
def test_learning_rate_that_cannot_be_is_refused(page, value):
    page.write("#cl-learningRate", value)
    assert "the learning rate is a number above 0 and at most 100" in page.text("cl-settings-error")
    assert page.is_disabled("cl-start")


def test_learning_rate_that_is_too_high_is_reported_and_stops(page):
    # without its ReLU the dense network has nothing that stops the growth
    page.write("#cl-preset", "dense")
    page.run("document.querySelector('[aria-label=\"Remove layer 3\"]').click()")
    page.write("#cl-rule", "SGD")
    page.write("#cl-learningRate", 100)
    page.press("cl-start")
    page.until("return document.getElementById('cl-status').textContent.includes('no longer a number')")
    assert page.text("cl-start") == "Start"


def test_layers_are_added_moved_and_removed_and_sizes_follow(page):
    page.write("#cl-kind", "Dense")
    page.write("#cl-after", 7)
    page.press("cl-add")
    names = "return [...document.querySelectorAll('.cl-layers tbody th')].map(one => one.textContent)"
    assert page.run(names)[6:] == ["7 Flatten", "8 Dense", "9 Dense"]
    assert page.text("cl-network-error") == ""
    page.run("document.querySelector('[aria-label=\"Move layer 8 up\"]').click()")
    assert page.run(names)[6:] == ["7 Dense", "8 Flatten", "9 Dense"]
    assert "Dense takes one row of numbers, not a map of 4×4×16" in page.text("cl-network-error")
    page.run("document.querySelector('[aria-label=\"Remove layer 7\"]').click()")
    assert page.text("cl-network-error") == ""
    total = page.run(
        "return [...document.querySelectorAll('.cl-layers tfoot td')].map(one => one.textContent)"
    )
    assert total[2:4] == ["5,994", "322,560"]


def test_layers_can_be_changed_while_it_trains(page):
    page.press("cl-start")
    page.until("return convlab.live.seen > 0")
    page.write("#cl-preset", "norm")
    assert page.run("return convlab.live.seen") == 0
    assert page.text("cl-start") == "Start"
    page.train(500)
    assert page.run("return convlab.live.training.tests.length") > 0
    assert page.faults() == []


def test_drawn_figures_in_colour_are_learned_too(page):
    page.write("#cl-data", "drawn")
    page.write("#cl-preset", "colour")
    assert "They are not CIFAR-10" in page.text("cl-data-note")
    assert page.run("return document.querySelector('.cl-output').textContent") == "32×32×16"
    page.train(600)
    assert page.run("return convlab.live.data.names[1]") == "ring"
    assert page.run("return convlab.live.data.shape") == [32, 32, 3]
    assert page.faults() == []


def test_file_that_is_not_cifar_is_refused(page, tmp_path):
    page.write("#cl-data", "cifar")
    page.press("cl-start")
    page.until("return document.getElementById('cl-status').textContent.includes('data_batch_1.bin')")
    (tmp_path / "wrong.bin").write_bytes(bytes(5000))
    page.run("return document.getElementById('cl-cifar')").send_keys(str(tmp_path / "wrong.bin"))
    page.until("return convlab.live.source.bytes?.length === 5000")
    page.press("cl-start")
    page.until("return document.getElementById('cl-status').textContent.includes('5000 bytes')")
    assert page.text("cl-start") == "Start"


def test_cifar_file_of_the_reader_is_taken(page, tmp_path):
    record = bytes([7]) + bytes([200]) * 1024 + bytes([100]) * 1024 + bytes([50]) * 1024
    (tmp_path / "data_batch_1.bin").write_bytes(record * 1500)
    page.write("#cl-data", "cifar")
    page.run("return document.getElementById('cl-cifar')").send_keys(str(tmp_path / "data_batch_1.bin"))
    page.until("return convlab.live.source.bytes?.length === 1500 * 3073")
    page.press("cl-step")
    page.until("return convlab.live.data?.test.count === 1000")
    page.until("return convlab.live.training.tests.length === 1")
    pixels = page.run("return [...convlab.live.data.test.images.slice(0, 4)]")
    assert pixels == [200, 100, 50, 200]


def test_without_workers_the_page_itself_trains_and_says_so(page):
    page.run("window.Worker = class { constructor() { throw new Error('refused'); } }")
    page.train(64)
    assert "refuses workers" in page.text("cl-note")


def test_page_fits_a_phone(reader, folder):
    page = LivePage(reader, folder / "live.html")
    assert page.open(PHONE) == []
    page.press("cl-step")
    page.until("return document.querySelectorAll('#cl-inside-layers canvas').length === 9")
    page.until("return document.querySelectorAll('#cl-wrong-box canvas').length > 0")
    assert page.run("return document.documentElement.scrollWidth") <= PHONE[0]


def test_page_without_its_digits_says_so(reader, tmp_path):
    page = LivePage(reader, live.alone(tmp_path))
    (tmp_path / "_static" / "web" / "mnist.js").unlink()
    page.open()
    page.press("cl-start")
    page.until("return document.getElementById('cl-status').textContent.includes('missing')")


def test_it_trains_over_http_with_no_other_request(chromium, folder):
    from selenium import webdriver

    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium[0]
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options, webdriver.ChromeService(chromium[1]))
    try:
        browser.set_window_size(*DESKTOP)
        browser.get(f"http://127.0.0.1:{server.server_port}/live.html")
        browser.execute_script("document.getElementById('cl-start').click()")
        end = time.time() + 200
        while browser.execute_script("return convlab.live.seen") < 500:
            assert time.time() < end, browser.execute_script("return document.body.innerText")
            time.sleep(0.2)
        names = "return performance.getEntriesByType('resource').map(one => new URL(one.name).host)"
        hosts = set(browser.execute_script(names))
        assert {host for host in hosts if host} == {f"127.0.0.1:{server.server_port}"}
    finally:
        browser.quit()
        server.shutdown()


def test_memory_stays_flat_while_it_trains(page):
    """12,000 images later the page and its worker hold no more than 30 MB more."""
    page.write("#cl-preset", "norm")
    assert grown(page, 12000) < 30


def test_fault_a_page_that_holds_one_array_per_report_is_found(page):
    page.run("""window.held = [];
        const show = convlab.live.on_report.bind(convlab.live);
        convlab.live.on_report = report => { held.push(new Float32Array(1e6).fill(1)); show(report); };""")
    assert grown(page, 12000) > 30


def grown(page, images):
    """Return by how many megabytes the browser's memory grows during so many images."""
    page.press("cl-start")
    page.until("return convlab.live.seen >= 3000")
    before = megabytes(page.reader.browser)
    page.until("return convlab.live.seen >= arguments[0]", 3000 + images)
    after = megabytes(page.reader.browser)
    page.press("cl-start")
    return after - before
