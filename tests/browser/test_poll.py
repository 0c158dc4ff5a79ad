"""A poll in a real browser: forty phones answer, the teacher's page shows their bars; axe finds no fault."""

import functools
import json
import os
import secrets
import threading
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from coursekit.teaching.ballots import Question
from coursekit.teaching.poll_server import PollServer

from .reading import FLAGS

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FORTY = """
    const [done, answers] = [arguments[1], arguments[0]];
    const send = answer => fetch("/answer", {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ number: 1, answer }) });
    Promise.all(answers.map(send)).then(all => done(all.map(one => one.status)));
"""
BARS = """
    const rows = [...document.querySelectorAll("#bars tbody tr")].filter(row => row.checkVisibility());
    return rows.map(row => [row.cells[0].textContent, Number(row.cells[2].textContent)]);
"""
EVIL = "<img src=x onerror=document.title='broken'>"


@pytest.fixture
def server():
    with PollServer(("127.0.0.1", 0), [Question("What do nine weights see?")]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def open_browser(chromium):
    """A function that opens a Chromium with cookies of its own; no request may leave this machine."""
    program, driver = chromium
    opened = []

    def open_one(address, width, height):
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in FLAGS.replace("<-loopback>", "127.0.0.1").split():
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        opened.append(browser := webdriver.Chrome(options, webdriver.ChromeService(driver)))
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(address)
        return browser

    yield open_one
    said = [
        one["message"] for browser in opened for one in browser.get_log("browser") if one["level"] == "SEVERE"
    ]
    for browser in opened:
        browser.quit()
    assert not [line for line in said if "40" not in line]  # a refused answer is no fault of the page


def wait(browser, condition):
    return WebDriverWait(browser, 120, poll_frequency=0.1).until(lambda _: condition())


def by(browser, name):
    return browser.find_element(By.ID, name)


def bars(browser):
    """Return {label: count} as the table of the teacher's page shows it; nothing while it is hidden."""
    return dict(browser.execute_script(BARS))


def serious(browser):
    """Return what axe finds on the page that is serious."""
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script("axe.run().then(arguments[0])")["violations"]
    return [one["id"] for one in found if one["impact"] in ("serious", "critical")]


def send(address, answer):
    """Send an answer as one more phone."""
    headers = {"Content-Type": "application/json", "Cookie": f"voter={secrets.token_urlsafe(16)}"}
    body = json.dumps({"number": 1, "answer": answer}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{address}answer", body, headers)).close()


def ask(teacher, text, kind, choices=()):
    by(teacher, "text").clear()
    by(teacher, "text").send_keys(text)
    teacher.find_element(By.CSS_SELECTOR, f"[name=kind][value={kind}]").click()
    if choices:
        by(teacher, "choices").clear()
        by(teacher, "choices").send_keys("\n".join(choices))
    teacher.find_element(By.CSS_SELECTOR, "#form button").click()
    wait(teacher, lambda: by(teacher, "question").text == text)


def test_a_room_answers_and_the_teacher_sees_it(server, open_browser):
    teacher = open_browser(f"http://127.0.0.1:{server.server_port}{server.teacher_page}", 1280, 800)
    wait(teacher, lambda: by(teacher, "address").text == f"127.0.0.1:{server.server_port}")
    assert server.key not in teacher.current_url
    ask(teacher, "How large is the output?", "choice", ["3", "5", "7"])
    phone = open_browser(server.shown, 390, 844)
    wait(phone, lambda: by(phone, "question").text == "How large is the output?")
    for page in (phone, teacher):
        for scheme in ("dark", "light"):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            assert serious(page) == [], (page.title, scheme)
    assert phone.execute_script("return document.documentElement.scrollWidth") <= 390
    assert phone.execute_async_script(FORTY, ["7"] * 40) == [200] * 40  # one phone, one answer
    wait(teacher, lambda: by(teacher, "count").text == "1 answer, open")
    first = phone.find_element(By.CSS_SELECTOR, "input[value='3']")
    first.send_keys(Keys.ARROW_DOWN, Keys.ENTER)  # keys alone: the second choice, and send
    wait(phone, lambda: "Your answer: 5." in by(phone, "message").text)
    room = Counter({"5": 21, "7": 15, "3": 3})
    with ThreadPoolExecutor(39) as others:
        list(others.map(functools.partial(send, server.shown), room.elements()))
    wait(teacher, lambda: by(teacher, "count").text == "40 answers, open")
    assert bars(teacher) == {}
    by(teacher, "live").click()
    assert bars(teacher) == {"3": 3, "5": 22, "7": 15}
    by(teacher, "close").click()
    wait(teacher, lambda: by(teacher, "count").text == "40 answers, closed")
    wait(phone, lambda: "This question is closed." in by(phone, "message").text)
    assert not by(phone, "send").is_enabled()
    assert bars(teacher) == {"3": 3, "5": 22, "7": 15}

    ask(teacher, "In your words?", "text")
    wait(phone, lambda: by(phone, "question").text == "In your words?")
    phone.find_element(By.CSS_SELECTOR, "[name=answer]").send_keys(EVIL, Keys.ENTER)
    wait(phone, lambda: EVIL in by(phone, "message").text)
    by(teacher, "close").click()
    wait(teacher, lambda: bars(teacher) == {EVIL: 1})
    assert "broken" not in (phone.title, teacher.title)
    if folder := os.environ.get("CONVLAB_PICTURES"):
        for name, page in (("teacher", teacher), ("phone", phone)):
            page.save_screenshot(f"{folder}/poll-{name}.png")
    by(teacher, "stop").click()
    wait(teacher, lambda: "has ended" in by(teacher, "message").text)
