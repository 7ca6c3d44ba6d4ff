"""The dossier in a real browser, opened from a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linernotes.reports.dossier import audio_files, build_dossier
from linernotes.reports.html import write_dossier

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--autoplay-policy=no-user-gesture-required",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)"),
]


def wait_until(page: Any, expression: str, seconds: int = 60) -> None:
    """Poll an expression; the page's policy forbids the browser to compile one that polls itself."""
    for _ in range(seconds * 10):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never became true: {expression}")


@pytest.fixture(scope="module")
def page(scene: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev'")
    folder: Path = tmp_path_factory.mktemp("browser") / "dossier"
    address = write_dossier(build_dossier(scene.inputs), folder, audio_files(scene.inputs)).as_uri()
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.heard = []
        page.asked = []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        yield page
        browser.close()


def test_fits_a_phone(page: Any) -> None:
    for width in (320, 390, 820, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 390, "height": 844})


def test_plays_from_the_keyboard_and_moves_the_head(page: Any) -> None:
    page.locator("#sound-1 button.play").focus()
    page.keyboard.press("Enter")
    wait_until(page, "document.querySelector('#sound-1 audio').currentTime > 0.2")
    assert page.locator("#sound-1 button.play").get_attribute("aria-label") == "Pause output 1"
    page.keyboard.press("Enter")
    wait_until(page, "document.querySelector('#sound-1 audio').paused")
    assert float(page.locator("#head-1").evaluate("e => parseFloat(e.style.left)")) > 0


def test_starting_one_player_stops_the_other_and_a_span_stops_at_its_end(page: Any) -> None:
    page.locator("#a-1-1-1 button.play").click()
    wait_until(page, "document.querySelector('#a-1-1-1 audio').currentTime > 0")
    span = page.locator("[data-span]").first
    start, end = map(float, span.get_attribute("data-span").split())
    span.click()
    wait_until(page, "document.querySelector('#a-1-1-1 audio').paused")
    wait_until(page, f"document.querySelector('#sound-1 audio').currentTime >= {end}", 120)
    wait_until(page, "document.querySelector('#sound-1 audio').paused")
    assert page.evaluate("document.querySelector('#sound-1 audio').currentTime") < end + 2
    assert start < end


def test_mapped_seconds_are_heard_on_both_sides(page: Any) -> None:
    first = page.locator("#where-1 ~ .pair").first
    here, there = (first.locator("tbody tr").first.locator("button.seek").nth(side) for side in (0, 1))
    assert here.get_attribute("aria-label") == "Play 0:02.0–0:03.0 of the output"
    for button, sound in ((here, "sound-1"), (there, "where-1-1-1")):
        start, end = map(float, button.get_attribute("data-span").split())
        assert button.get_attribute("data-of") == sound
        button.focus()
        page.keyboard.press("Enter")
        wait_until(page, f"document.querySelector('#{sound} audio').currentTime >= {end}", 120)
        wait_until(page, f"document.querySelector('#{sound} audio').paused")
        assert start < page.evaluate(f"document.querySelector('#{sound} audio').currentTime") < end + 2


def test_a_map_is_drawn_in_its_frame_and_larger_where_stronger(page: Any) -> None:
    svg = page.locator("svg.map").first
    frame = svg.evaluate("e => e.getBoundingClientRect().toJSON()")
    squares = svg.locator("rect.full, rect.hollow").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().toJSON())"
    )
    assert len(squares) > 100
    for square in squares:
        assert frame["left"] <= square["left"] <= square["right"] <= frame["right"]
        assert frame["top"] <= square["top"] <= square["bottom"] <= frame["bottom"]
    mark = svg.locator("rect.mark").first.evaluate("e => e.getBoundingClientRect().toJSON()")
    largest = max(squares, key=lambda one: one["width"])
    assert abs(largest["left"] - mark["left"]) < 2
    assert svg.locator("rect.full").first.evaluate("e => getComputedStyle(e).fill") != "none"


def test_headings_of_the_new_sections_can_be_reached(page: Any) -> None:
    for name in ("where", "retested", "groups"):
        assert page.locator(f"h4#{name}-1").is_visible()
    assert page.get_by_role("table", name="Claims of the ranking by tracin").count() == 1
    assert page.get_by_role("img", name="seconds of the output from top to bottom").count() == 2


def test_every_button_and_slider_has_a_name(page: Any) -> None:
    nameless = (
        "[...document.querySelectorAll('button, input')].filter(e => !e.getAttribute('aria-label')).length"
    )
    assert page.evaluate(nameless) == 0


def test_asks_for_nothing_and_complains_of_nothing(page: Any) -> None:
    assert page.heard == []
    assert [url for url in page.asked if not url.startswith(("data:", "file:"))] == []
    assert sum(url.startswith("file:") for url in page.asked) == 1
