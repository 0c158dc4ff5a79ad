"""The service's page in a real browser: log in, draw a 7, see 7 and its evidence; the docs page."""

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from convlab.serving import MISSING, missing

from .reading import FLAGS

if ABSENT := missing():
    pytest.skip(MISSING.format(", ".join(ABSENT)), allow_module_level=True)

SEVEN = [(70, 60), (210, 60), (120, 230)]  # a stroke over a pad of 280x280
ORANGE = """
    const canvas = document.getElementById("heat");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) count += data[at] > data[at + 2] + 60;
    return count / (data.length / 4);
"""


@pytest.fixture(scope="module")
def running():
    """A service that runs on this machine."""
    from convlab.serving.local import Local

    with Local() as service:
        yield service


@pytest.fixture
def browser(chromium):
    """A Chromium that reaches this machine and nothing else; at its end, nothing may stand in its console."""
    program, driver = chromium
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS.replace("<-loopback>", "127.0.0.1").split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield chrome
        said = [entry["message"] for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
        assert not [line for line in said if "401" not in line]
    finally:
        chrome.quit()


def wait(browser, condition):
    """Wait until a function of the browser gives something, and return it."""
    return WebDriverWait(browser, 120, poll_frequency=0.1).until(condition)


def text(browser, name):
    return browser.find_element(By.ID, name).text


def log_in(browser, running, password):
    browser.get(running.url)
    browser.find_element(By.ID, "user").send_keys("admin")
    browser.find_element(By.ID, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "#login button").click()


def test_who_has_logged_in_draws_a_7_and_sees_7_and_the_evidence(running, browser):
    log_in(browser, running, "wrong password")
    wait(browser, lambda browser: "is wrong" in text(browser, "message"))
    assert not browser.find_element(By.ID, "pad").is_displayed()
    log_in(browser, running, running.password)
    pad = wait(browser, lambda browser: browser.find_element(By.ID, "pad"))
    wait(browser, lambda _: pad.is_displayed())
    assert browser.execute_script(ORANGE) == 0
    pen = ActionChains(browser)
    places = [(x - 140, y - 140) for x, y in SEVEN]  # from the middle of the pad
    pen.move_to_element_with_offset(pad, *places[0]).click_and_hold()
    for x, y in places[1:]:
        pen.move_to_element_with_offset(pad, x, y)
    pen.release().perform()
    wait(browser, lambda browser: text(browser, "label"))
    assert text(browser, "label") == "7"
    assert len(browser.find_elements(By.CSS_SELECTOR, "#shares tr")) == 10
    assert 0.01 < browser.execute_script(ORANGE) < 0.9
    stored = browser.execute_script("return [document.cookie, localStorage.length, sessionStorage.length]")
    assert stored == ["", 0, 0]
    browser.find_element(By.ID, "logout").click()
    wait(browser, lambda _: not pad.is_displayed())


def test_keys_draw_too(running, browser):
    log_in(browser, running, running.password)
    pad = browser.find_element(By.ID, "pad")
    wait(browser, lambda _: pad.is_displayed())
    up, down = "\ue013", "\ue015"
    pad.send_keys(*up * 8, " ", *down * 16, " ")
    wait(browser, lambda browser: text(browser, "label"))
    assert text(browser, "label") == "1"


def test_docs_show_every_address_without_a_network(running, browser):
    browser.get(f"{running.url}/docs")
    wait(browser, lambda browser: browser.find_elements(By.CSS_SELECTOR, ".opblock"))
    shown = {one.text for one in browser.find_elements(By.CSS_SELECTOR, ".opblock-summary-path")}
    assert {"/login", "/predict", "/uploads", "/models"} <= shown
