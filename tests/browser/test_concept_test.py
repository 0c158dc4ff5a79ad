"""The concept test in a real browser: answer a form from its file, get a file without a name, count it."""

import json

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from coursekit.teaching import concept_test
from coursekit.teaching.sheets import collected

from .reading import FLAGS
from .test_poll import serious

FORMS = concept_test.load(concept_test.ITEMS)


@pytest.fixture
def browser(chromium, tmp_path):
    """A Chromium that reaches no network and saves into the folder `answers`."""
    program, driver = chromium
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "answers")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield chrome
        assert not [entry for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
    finally:
        chrome.quit()


def test_a_form_is_filled_in_and_its_file_is_counted(browser, tmp_path):
    (tmp_path / "answers").mkdir()
    assert concept_test.main(["--out", str(tmp_path)]) == 0
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get((tmp_path / "form-B.html").as_uri())
    assert len(browser.find_elements(By.CSS_SELECTOR, "#items fieldset")) == 20
    assert serious(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    browser.find_element(By.CSS_SELECTOR, "[name=when][value=after]").click()
    code = browser.find_element(By.ID, "code").get_attribute("value")
    chosen = {item.id: item.answer for item in FORMS["B"][:-1]}  # the last one is left out
    for name, answer in chosen.items():
        browser.find_element(By.CSS_SELECTOR, f'[name="{name}"][value="{answer}"]').click()
    browser.find_element(By.CSS_SELECTOR, "button").click()
    place = tmp_path / "answers" / f"concept-B-after-{code}.json"
    WebDriverWait(browser, 120, poll_frequency=0.1).until(lambda _: place.exists())
    assert "1 of 20 left out" in browser.find_element(By.ID, "message").text
    sheets, refused = collected(tmp_path / "answers", FORMS, "convolution", concept_test.version(FORMS))
    assert refused == [] and len(code) == 6
    assert (sheets[0].form, sheets[0].when, sheets[0].code) == ("B", "after", code)
    assert sheets[0].answers == chosen | {FORMS["B"][-1].id: None}
    assert set(json.loads(place.read_text(encoding="utf-8"))) == {
        "test",
        "version",
        "form",
        "when",
        "code",
        "answers",
    }
