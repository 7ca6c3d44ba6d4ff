"""The page of a comparison in a real browser: the change of sides lands on the corresponding moment."""

from __future__ import annotations

import json
import shutil

import pytest

from linernotes.reports.version_page.page import write_version_page
from linernotes.reports.version_page.warp import across

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


def wait_until(page, expression, seconds=20):
    """Poll an expression; the page's policy forbids the browser to compile one that polls itself."""
    for _ in range(seconds * 20):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never became true: {expression}")


def at(page, side):
    return page.evaluate(f"document.getElementById('sound-{side}').currentTime")


def paused(page, side):
    return page.evaluate(f"document.getElementById('sound-{side}').paused")


def seek(page, second):
    page.locator("#seeker").evaluate(
        "(e, s) => { e.value = s; e.dispatchEvent(new Event('input')); }", second
    )


@pytest.fixture(scope="module")
def written(scene, tmp_path_factory):
    path = write_version_page(scene.page, tmp_path_factory.mktemp("version") / "page", scene.a, scene.b)
    return path, json.loads(path.with_suffix(".json").read_text("utf-8"))


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev'")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, written):
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    heard, asked = [], []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(written[0].as_uri())
    wait_until(page, "['a', 'b'].every((s) => document.getElementById(`sound-${s}`).readyState >= 1)")
    yield page
    assert heard == []
    assert [url for url in asked if not url.startswith("data:")] == [written[0].as_uri()]
    page.close()


@pytest.mark.parametrize("second", [5.0, 10.5, 16.0, 2.0, 22.0])
def test_a_change_of_sides_lands_on_the_corresponding_second(page, written, second):
    seek(page, second)
    wait_until(page, f"Math.abs(document.getElementById('sound-a').currentTime - {second}) < 0.01")
    page.locator("[data-side=b]").click()
    expected = across(written[1]["relation"]["segments"], second, "a").second
    wait_until(page, f"Math.abs(document.getElementById('sound-b').currentTime - {expected}) < 0.2")
    assert page.locator("[data-side=b]").get_attribute("aria-pressed") == "true"
    page.locator("[data-side=a]").click()
    back = across(written[1]["relation"]["segments"], expected, "b").second
    wait_until(page, f"Math.abs(document.getElementById('sound-a').currentTime - {back}) < 0.2")


def test_while_it_plays_the_change_keeps_its_place(page, written):
    seek(page, 5.0)
    page.locator("#go").click()
    wait_until(page, "document.getElementById('sound-a').currentTime > 5.3")
    left, right, since = page.evaluate(
        """() => new Promise((done) => {
            const a = document.getElementById('sound-a'), b = document.getElementById('sound-b');
            const left = a.currentTime;
            document.querySelector('[data-side=b]').click();
            b.addEventListener('playing', () => { const t = performance.now();
                setTimeout(() => done([left, b.currentTime, (performance.now() - t) / 1000]), 300); }, { once: true });
        })"""
    )
    expected = across(written[1]["relation"]["segments"], left, "a").second
    assert abs(right - since - expected) < 0.2
    wait_until(page, "document.getElementById('sound-a').paused")
    assert not paused(page, "b")
    page.locator("#go").click()
    wait_until(page, "document.getElementById('sound-b').paused")


def test_a_span_jumps_both_sides_and_stops_at_its_end(page, written):
    page.locator(".ribbon").nth(3).click()  # rhythm, two seconds long
    wait_until(page, "!document.getElementById('sound-a').paused")
    assert abs(at(page, "b") - 20.0) < 0.2
    assert 1.0 <= at(page, "a") < 3.0
    wait_until(page, "document.getElementById('sound-a').paused")
    assert 3.0 <= at(page, "a") < 3.5


def test_a_repeated_span_begins_again(page):
    page.locator(".play-span").nth(3).click()
    page.locator("#loop").click()
    assert page.locator("#loop").get_attribute("aria-pressed") == "true"
    wait_until(page, "document.getElementById('sound-a').currentTime > 2.5")
    wait_until(page, "document.getElementById('sound-a').currentTime < 1.8")
    assert not paused(page, "a")
    page.locator("#go").click()


def test_the_keyboard_is_enough(page):
    page.locator(".ribbon").first.focus()
    page.keyboard.press("Enter")
    wait_until(page, "document.getElementById('sound-a').currentTime > 4.1")
    page.keyboard.press("b")
    wait_until(
        page, "!document.getElementById('sound-b').paused && document.getElementById('sound-a').paused"
    )
    page.keyboard.press("k")
    wait_until(page, "document.getElementById('sound-b').paused")
    before = at(page, "b")
    page.keyboard.press("ArrowRight")
    wait_until(page, f"Math.abs(document.getElementById('sound-b').currentTime - {before} - 2) < 0.1")
    page.keyboard.press("x")
    assert page.locator("[data-side=a]").get_attribute("aria-pressed") == "true"
    page.locator(".ribbon").nth(1).focus()
    page.keyboard.press(" ")
    wait_until(page, "!document.getElementById('sound-a').paused")
    page.locator("#go").click()
    assert "One" in page.locator("[data-side=a]").get_attribute("aria-label")


def test_letters_typed_elsewhere_do_nothing(page):
    page.locator("a.skip").focus()
    page.keyboard.press("b")
    assert page.locator("[data-side=a]").get_attribute("aria-pressed") == "true"


def test_both_playheads_follow(page, written):
    seek(page, 10.0)
    heads = page.evaluate(
        "['a', 'b'].map((s) => Number(document.getElementById(`head-${s}`).getAttribute('x1')))"
    )
    data = json.loads(page.locator("#alignment").evaluate("e => e.textContent"))
    there = across(written[1]["relation"]["segments"], 10.0, "a").second
    assert heads[0] == pytest.approx(data["left"] + 10.0 * data["sides"]["a"]["scale"], abs=0.5)
    assert heads[1] == pytest.approx(data["left"] + there * data["sides"]["b"]["scale"], abs=0.5)
    assert "A 0:10.0" in page.locator("#times").inner_text()
    moment = page.locator(".moment").first
    assert float(moment.get_attribute("x1")) == pytest.approx(heads[0], abs=0.5)
    assert float(moment.get_attribute("x2")) == pytest.approx(heads[1], abs=0.5)


def test_a_point_of_a_time_line_is_heard(page):
    page.locator("[data-seek=b]").click()
    wait_until(page, "Math.abs(document.getElementById('sound-b').currentTime - 12.25) < 0.2")
    assert page.locator("[data-side=b]").get_attribute("aria-pressed") == "true"


def test_a_melody_silences_the_recordings(page):
    page.locator("#go").click()
    wait_until(page, "!document.getElementById('sound-a').paused")
    page.locator("#melody-1-both button.play").click()
    wait_until(page, "!document.querySelector('#melody-1-both audio').paused")
    wait_until(page, "document.getElementById('sound-a').paused")
    page.locator("#go").click()
    wait_until(page, "document.querySelector('#melody-1-both audio').paused")
    page.locator("#go").click()


def test_fits_a_phone_and_every_control_has_a_name(page):
    for width in (320, 390, 820):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    nameless = "[...document.querySelectorAll('button, input, .ribbon')].filter(e => !e.getAttribute('aria-label')).length"
    assert page.evaluate(nameless) == 0


def test_seconds_are_read_at_a_ribbon(page):
    tip = page.locator(".lines .tip").first
    assert tip.evaluate("e => getComputedStyle(e).visibility") == "hidden"
    page.locator(".ribbon").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert tip.evaluate("e => getComputedStyle(e).visibility") == "visible"
    assert "0:04.0–0:12.0 of A with 0:06.0–0:16.0 of B" in tip.text_content()


def test_reads_without_the_script(browser, written):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(written[0].as_uri())
    assert page.locator("#sound-a").is_visible()
    assert not page.locator("#deck").is_visible()
    assert page.locator(".ribbon").count() == 4
    page.locator(".ribbon").first.click()
    assert page.url.endswith("#span-1")
    context.close()
