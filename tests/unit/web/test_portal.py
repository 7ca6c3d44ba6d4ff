from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from linernotes.auditlog import Receipt, VerifyingKey
from linernotes.errors import CorpusError
from linernotes.web.app import ADDRESSES, create_app
from linernotes.workspace import Workspace

FORBIDDEN = re.compile(r"\b(copied|stolen|proves|detected)\b", re.IGNORECASE)


def every_address(site: Any) -> list[str]:
    ids = {
        "item_id": site.item_ids[1],
        "query_id:path": "first take",
        "statement_id": site.statement_id,
        "index": "1",
    }
    found = []
    for address, _, _ in ADDRESSES:
        for name, value in ids.items():
            address = address.replace("{" + name + "}", value)
        found.append(address)
    return found


def test_every_page_has_its_json_twin(client: Any, site: Any) -> None:
    for address in every_address(site):
        page, twin = client.get(address), client.get(f"{address}.json")
        assert page.status_code == 200, address
        assert page.headers["content-type"].startswith("text/html")
        assert twin.status_code == 200, address
        assert isinstance(twin.json(), dict)
    assert client.get("/index.json").json() == client.get("/.json").json()


def test_page_links_to_its_twin_and_to_nothing_dead(client: Any, site: Any) -> None:
    seen: set[str] = set()
    queue = ["/"]
    while queue:
        address = queue.pop()
        seen.add(address)
        response = client.get(address)
        assert response.status_code == 200, address
        if not response.headers["content-type"].startswith("text/html"):
            continue
        for link in re.findall(r'(?:href|src)="([^"]+)"', response.text):
            if link.startswith("/") and link not in seen:
                queue.append(link)
    assert len(seen) > 25


def test_nothing_is_loaded_from_elsewhere_and_headers_forbid_it(client: Any, site: Any) -> None:
    for address in [*every_address(site), "/nothing"]:
        response = client.get(address)
        for loaded in re.findall(r'<(?:script|img|audio|link)[^>]+(?:src|href)="([^"]+)"', response.text):
            assert loaded.startswith("/")
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "style=" not in response.text, "the policy forbids inline style"


def test_pages_say_what_the_workspace_holds(client: Any, site: Any) -> None:
    overview = client.get("/.json").json()
    assert overview["corpus"]["root"] == site.root
    assert overview["corpus"]["n_items"] == 4
    assert (overview["n_outputs"], overview["n_rankings"], overview["n_statements"]) == (2, 4, 1)
    assert overview["log"]["size"] == 2
    assert [row["method"] for row in overview["reliability"]] == ["tracin", "similarity"]


def test_figures_carry_interval_reliability_and_limits(client: Any, site: Any) -> None:
    page = client.get("/outputs/first take").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "40 %" in page
    assert "95 % interval 20 to 60 %" in page
    assert "LDS 0.30 (95 % interval 0.20 to 0.40); ceiling 0.60, random 0.00, similarity 0.10" in page
    assert "cannot find recordings nobody disclosed" in page
    item = client.get(f"/corpus/{site.item_ids[0]}.json").json()
    assert item["credits"][0]["reliability_line"].startswith("LDS")
    assert item["limits"]
    assert "Nobody in particular" in client.get("/outputs/second.take").text


def test_forbidden_words_are_nowhere(client: Any, site: Any) -> None:
    for address in every_address(site):
        text = re.sub(r"<[^>]+>", " ", client.get(address).text)
        assert not FORBIDDEN.search(text), address


def test_titles_are_text_not_markup(client: Any, site: Any) -> None:
    page = client.get(f"/corpus/{site.item_ids[0]}").text
    assert "<b>Bold</b> & proud" not in page
    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; proud" in page


def test_what_is_not_there_says_so_in_house_style(client: Any) -> None:
    for address in ("/nothing", "/corpus/ghost", "/outputs/ghost", "/statements/ghost", "/log/99", "/log/-1"):
        page = client.get(address)
        assert page.status_code == 404
        assert "/style.css" in page.text
        assert "Not in these notes" in page.text
        twin = client.get(f"{address}.json")
        assert twin.status_code == 404
        assert twin.json()["error"]["status"] == 404


@pytest.mark.parametrize(
    "address",
    [
        "/corpus/..%2F..%2F..%2Fetc%2Fpasswd/audio",
        "/corpus/%2e%2e/audio",
        "/corpus/../../../etc/passwd",
        "/style.css/../../pages.py",
        "/outputs/../../../../etc/passwd",
        "/log/..%2f..%2fkeys%2flog.key",
        "/log/1/../../keys/log.key/receipt",
        "/corpus/%00/audio",
    ],
)
def test_no_address_leads_out(client: Any, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert "root:" not in response.text


def test_only_shows(client: Any) -> None:
    for method in ("post", "put", "delete", "patch"):
        assert getattr(client, method)("/corpus").status_code == 405


def test_audio_is_the_file_with_ranges(client: Any, site: Any) -> None:
    with Workspace.open(site.workspace) as workspace:
        corpus = workspace.corpus()
    path = corpus.audio_path(corpus.items[2])
    whole = client.get(f"/corpus/{site.item_ids[2]}/audio")
    assert whole.content == path.read_bytes()
    assert whole.headers["content-type"] == "audio/ogg"
    part = client.get(f"/corpus/{site.item_ids[2]}/audio", headers={"Range": "bytes=4-9"})
    assert part.status_code == 206
    assert part.content == path.read_bytes()[4:10]


def test_receipt_verifies(client: Any, site: Any) -> None:
    response = client.get("/log/1/receipt")
    assert 'filename="receipt-1.json"' in response.headers["content-disposition"]
    key = VerifyingKey.load(site.workspace / "keys" / "log.pub")
    assert Receipt.from_bytes(response.content).verify(key).kind == "statement"


def test_favicon_style_and_script(client: Any) -> None:
    types = [
        client.get(a).headers["content-type"].split(";")[0]
        for a in ("/favicon.ico", "/style.css", "/page.js")
    ]
    assert types == ["image/svg+xml", "text/css", "text/javascript"]


def test_refuses_to_be_addressed_by_another_name(site: Any) -> None:
    from fastapi.testclient import TestClient

    local = TestClient(create_app(site.workspace, ["127.0.0.1", "localhost"]), base_url="http://evil.example")
    assert local.get("/").status_code == 400


def test_an_empty_workspace_has_pages_too(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    Workspace.create(tmp_path / "ws").close()
    client = TestClient(create_app(tmp_path / "ws"))
    for address in ("/", "/corpus", "/gaps", "/outputs", "/statements", "/log"):
        assert client.get(address).status_code == 200
        assert client.get(f"{address}.json").status_code == 200
    assert "linernotes corpus seal" in client.get("/").text
    assert client.get("/corpus/x/audio").status_code == 404
    assert client.get("/log/0").status_code == 404


def test_no_workspace_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such workspace"):
        create_app(tmp_path / "absent")


def test_a_workspace_damaged_while_serving_is_said_on_the_page(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    Workspace.create(tmp_path / "ws").close()
    client = TestClient(create_app(tmp_path / "ws"), raise_server_exceptions=False)
    (tmp_path / "ws" / "workspace.sqlite").write_bytes(b"no database at all" * 400)
    response = client.get("/")
    assert response.status_code == 500
    assert "workspace.sqlite" in response.text
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(tmp_path / "ws" / "workspace.sqlite").execute(
            "select 1 from sqlite_master"
        ).fetchone()
