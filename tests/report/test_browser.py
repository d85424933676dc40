"""The page in a real browser: nothing fails to load, nothing overflows, nothing hostile runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium. Where it is missing the tests skip, except on CI, where they fail."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        missing = "chromium or chromedriver is missing: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options=options, service=Service(driver))
    yield running
    running.quit()


def show(browser: webdriver.Chrome, page: Path, width: int, scheme: str = "light") -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.resolve().as_uri())


def test_results_table_is_found_and_a_screenshot_taken(browser: webdriver.Chrome, site: Path, tmp_path: Path) -> None:
    show(browser, site, 1400)
    table = browser.find_element(By.ID, "scores-caption")
    assert table.is_displayed()
    rows = table.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert len(rows) == 5
    assert rows[0].text.startswith("soft_prompt_smollm2")
    shot = tmp_path / "report.png"
    assert browser.save_screenshot(str(shot))
    assert shot.stat().st_size > 20_000, "more than a blank page"


def test_everything_loads_and_hostile_text_does_not_run(browser: webdriver.Chrome, site: Path) -> None:
    show(browser, site, 1400)
    browser.execute_script("document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; });")
    pending = "return Promise.all([...document.images].map(image => image.decode().then(() => 1, () => 0)));"
    loaded = browser.execute_script(pending)
    assert len(loaded) > 10
    assert all(loaded)
    assert browser.title == f"{browser.find_element(By.TAG_NAME, 'h1').text} – radtune"
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert browser.get_log("browser") == [], "no console message"
    assert browser.execute_script("return getComputedStyle(document.querySelector('nav ol')).listStyleType;") == "none"


@pytest.mark.parametrize("width", [400, 1400])
def test_only_tables_scroll_sideways(browser: webdriver.Chrome, site: Path, width: int) -> None:
    show(browser, site, width)
    browser.execute_script("document.querySelectorAll('details').forEach(details => { details.open = true; });")
    content, visible = browser.execute_script("const e = document.documentElement; return [e.scrollWidth, e.clientWidth];")
    assert width - 20 <= visible <= width, "the window has the width asked for, less a scroll bar"
    assert content <= visible


def test_dark_scheme_is_legible(browser: webdriver.Chrome, site: Path) -> None:
    lightness = (
        "const c = getComputedStyle(document.body)[arguments[0]].match(/\\d+/g).map(Number); return (c[0] + c[1] + c[2]) / 3;"
    )
    for scheme, dark in (("light", False), ("dark", True)):
        show(browser, site, 1400, scheme)
        paper, ink = (browser.execute_script(lightness, name) for name in ("backgroundColor", "color"))
        assert (paper < 60, ink > 180) == (dark, dark)
