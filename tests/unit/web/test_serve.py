from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linernotes.cli.main import main
from linernotes.errors import InputError, MissingExtra
from linernotes.workflows import serve

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def running(site: Any) -> Iterator[tuple[str, Any]]:
    """Start the real program on a free port."""
    command = [
        sys.executable,
        "-m",
        "linernotes",
        "serve",
        "--workspace",
        site.workspace,
        "--port",
        "0",
        "--json",
    ]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    text = ""
    while not text.rstrip().endswith("}"):
        line = program.stdout.readline()
        if not line:
            raise AssertionError(program.stderr.read())
        text += line
    yield json.loads(text)["url"], program
    if program.poll() is None:
        program.kill()
    program.communicate()


def test_serves_on_this_machine_alone(running: Any, site: Any) -> None:
    url, _ = running
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{url}corpus.json") as answer:  # noqa: S310
        assert json.load(answer)["corpus"]["root"] == site.root


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")
def test_in_a_browser(running: Any, site: Any) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev'")
    url, _ = running
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
    ]
    arguments += [
        "--autoplay-policy=no-user-gesture-required",
        "--no-first-run",
        "--disable-component-update",
    ]
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        heard: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for address in ("", "corpus", "gaps", "outputs", "outputs/first take", "statements", "log", "log/1"):
            page.goto(url + address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        page.goto(f"{url}outputs/first take")
        assert page.get_by_role("img", name="seconds of the output from top to bottom").is_visible()
        page.locator("button.seek").first.click()
        for _ in range(600):
            if page.evaluate("document.querySelector('#where-1-1 audio').currentTime > 3.2"):
                break
            page.wait_for_timeout(100)
        assert page.evaluate("document.querySelector('#where-1-1 audio').currentTime") > 3.2
        page.goto(f"{url}corpus/{site.item_ids[1]}")
        page.locator("button.play").click()
        for _ in range(600):
            if page.evaluate("document.querySelector('audio').currentTime > 0.2"):
                break
            page.wait_for_timeout(100)
        assert page.evaluate("document.querySelector('audio').currentTime") > 0.2
        browser.close()
    assert heard == []
    assert all(one.startswith(url) for one in asked)


def test_ends_quietly_on_interrupt(running: Any) -> None:
    _, program = running
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=60)
    assert program.returncode == 0
    assert errors.strip().endswith("closed")


def test_a_taken_port_is_named(site: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}: cannot be listened on"):
            serve.serve_workspace(site.workspace, port=port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_an_impossible_port_is_named(site: Any, port: int) -> None:
    with pytest.raises(InputError, match=f"port {port}: expected 0 to 65535"):
        serve.serve_workspace(site.workspace, port=port)


def test_without_the_extra_says_what_to_install(
    site: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtra, match=r"pip install 'linernotes\[web\]'"):
        serve.serve_workspace(site.workspace)
    assert main(["serve", "--workspace", str(site.workspace)]) == 4
    assert "pip install 'linernotes[web]'" in capsys.readouterr().err


def test_no_workspace_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--workspace", str(tmp_path / "absent")]) == 3
    assert "no such workspace" in capsys.readouterr().err
