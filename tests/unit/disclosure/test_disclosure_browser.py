"""The pages in a real browser, opened from files, at the width of a phone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linernotes.disclosure.bundle import build
from linernotes.reports.disclosure_pages import PAGES, disclosure_pages

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def page(scene: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev'")
    folder: Path = tmp_path_factory.mktemp("disclosure")
    text = scene.provider_text.replace("Example Music Lab", "Example " + "Musiklaboratorium" * 6)
    texts = build(scene.facts(level="full", provider=scene.provider(text))).texts()
    documents = {name: json.loads(text) for name, text in texts.items() if name.endswith(".json")}
    for name, written in (texts | disclosure_pages(documents)).items():
        (folder / name).write_text(written, encoding="utf-8")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.folder, page.heard, page.asked = folder, [], []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        yield page
        browser.close()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_fits_a_phone_and_calls_nobody(page: Any, name: str) -> None:
    page.goto((page.folder / name).as_uri())
    for width in (320, 390, 820, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.heard == []
    assert [url for url in page.asked if not url.startswith("file:")] == []
    assert page.evaluate("document.querySelectorAll('h1').length") == 1


def test_light_and_dark_are_told_apart(page: Any) -> None:
    page.goto((page.folder / "index.html").as_uri())
    colours = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] != colours[1]


def test_every_section_and_document_can_be_reached(page: Any) -> None:
    page.goto((page.folder / "index.html").as_uri())
    for anchor in page.locator("nav.contents a").evaluate_all("all => all.map(a => a.getAttribute('href'))"):
        assert page.locator(anchor).is_visible()
    links = page.locator("#documents dt a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert "article53.html" in links
    page.locator("#documents dt a", has_text="completeness.html").click()
    assert page.url.endswith("completeness.html")
    page.get_by_role("link", name="The overview").click()
    assert page.url.endswith("index.html")


def test_consent_bars_say_in_words_what_they_draw(page: Any) -> None:
    page.goto((page.folder / "index.html").as_uri())
    bar = page.get_by_role("img", name="3 of 6 agreed, 1 refused, 2 not known.")
    widths = bar.locator("rect").evaluate_all(
        "all => all.map(e => [e.className.baseVal, +e.getAttribute('width')])"
    )
    assert widths == [["full", 50], ["no", 16.667], ["none", 33.333]]
