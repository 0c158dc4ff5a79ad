"""The memory of a browser's pages."""

import psutil
from selenium import webdriver


def megabytes(browser: webdriver.Chrome) -> float:
    """Return the megabytes of the browser's renderers, garbage collected."""
    browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    driver = psutil.Process(browser.service.process.pid)
    renderers = [one for one in driver.children(recursive=True) if "--type=renderer" in one.cmdline()]
    return sum(one.memory_info().rss for one in renderers) / 2**20
