"""A small corpus made of facts alone: six recordings of several sources, a registry, and a filled provider file."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Credit
from linernotes.catalog.entities import Party, Work
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.corpus.checks import find_gaps
from linernotes.corpus.consent import Consent
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus, seal_items
from linernotes.corpus.source import Source
from linernotes.disclosure.facts import LogFacts, Material, gather
from linernotes.disclosure.provider import parse_provider

SECRET = bytes(range(32))
SEALED = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)
TRAINING = dt.date(2026, 3, 1)
PROVIDER = """
[summary]
status = "voluntary"
last_update = 2026-03-05
[provider]
name = "Example Music Lab"
contact = "rights@example.org"
representative = { not_applicable = "based in the EU" }
small = true
requests = "rights@example.org"
answer_days = 30
[model]
names = ["Example Music 1.2"]
base_models = [{ name = "Base 3" }]
[content]
other_modalities = [{ modality = "video", amount = "200 hours" }]
continuous = false
languages = ["English"]
personal_information = { yes = "Voices." }
[public]
datasets = [{ name = "Open Set", version = "2", link = "https://example.org/open" }]
[user_data]
interactions = false
other_services = { unknown = "the player team has not answered" }
[crawled]
behaviour = "robots.txt is obeyed; nothing behind a login is read."
"""
AGREED = Consent(status="yes", date="2026-01-05", evidence="contract 7")
SECRET_WORDS = ("Hidden Title", "Hidden Artist", "Hidden Owner", "hidden-file")


def make_item(n: int, **changes: Any) -> Item:
    name = f"hidden-file-{n}"
    recording = Recording(
        recording_id=name,
        title=f"Hidden Title {n}",
        artist="Hidden Artist",
        rightsholder="Hidden Owner",
        licence="contract",
        isrc=f"GBAYE26{n:05}",
        iswc="T0345246801",
        tags=("electronic", "calm") if n % 2 else ("electronic",),
    )
    fields: dict[str, Any] = {
        "item_id": name,
        "path": f"{name}.wav",
        "content_sha256": f"{n:064x}",
        "audio_sha256": f"{n + 2**128:064x}",
        "duration_s": 360.0,
        "sample_rate": 44100,
        "n_channels": 2,
        "coding": "WAV/PCM_16",
        "recording": recording,
        "consent": AGREED,
        "cluster_id": name,
        "source": Source(source_class="licensed", name="Label X", collected_until="2025-12-31"),
    }
    return Item(**(fields | changes))


def crawled(n: int, host: str, **changes: Any) -> Item:
    source = Source(
        source_class="crawled",
        url=f"https://www.{host}/{n}.mp3",
        collected_from="2025-01-10",
        collected_until="2025-06-20",
    )
    return make_item(n, source=source, **changes)


def sealed(items: list[Item], **changes: Any) -> SealedCorpus:
    given: dict[str, Any] = {"training_date": TRAINING, "secret": SECRET, "now": SEALED} | changes
    day = given["training_date"] or given["now"].date()
    return seal_items(items, find_gaps(items, day), audio_dir="/audio", **given)


def standard_items() -> list[Item]:
    return [
        make_item(1),
        make_item(2, consent=Consent(status="no")),
        make_item(3, consent=Consent(status="yes", date="2026-04-01", evidence="letter")),
        make_item(4, source=Source(source_class="public", name="Open Set", url="https://example.org/open")),
        crawled(5, "music.example.net"),
        make_item(
            6, source=None, consent=None, recording=dataclasses.replace(make_item(6).recording, isrc=None)
        ),
    ]


def standard_registry() -> Registry:
    """The song of item 1 and its singer agreed, each for their own layer."""
    said: dict[str, Any] = {"use": "generative-training", "given_on": "2026-01-02", "evidence": "letter 3"}
    return Registry(
        works=(Work(work_id="w1", title="Song", recordings=("hidden-file-1",)),),
        parties=(Party(party_id="ada", name="Ada Ling", kind="person"),),
        credits=(
            Credit(subject_kind="recording", subject_id="hidden-file-1", party_id="ada", role="vocalist"),
        ),
        consents=(
            ConsentRecord(
                record_id="c-pub",
                subject_kind="work",
                subject="w1",
                layer="publishing",
                value="allow",
                authority="publisher",
                granted_by="Song House",
                **said,
            ),
            ConsentRecord(
                record_id="c-perf",
                subject_kind="party",
                subject="ada",
                layer="performer",
                value="allow",
                authority="performer",
                granted_by="Ada Ling",
                **said,
            ),
        ),
    )


def make_material(**changes: Any) -> Material:
    given: dict[str, Any] = {
        "corpus": sealed(standard_items()),
        "registry": standard_registry(),
        "provider": parse_provider(PROVIDER.encode()),
        "log": LogFacts(
            origin="example.org/log", n_witnesses=0, seal_index=0, seal_time="2026-02-01T12:00:00Z"
        ),
    }
    return Material(**(given | changes))


class Scene:
    """What tests take from here, as one fixture, since conftest modules are not imported by name."""

    make_item = staticmethod(make_item)
    crawled = staticmethod(crawled)
    sealed = staticmethod(sealed)
    items = staticmethod(standard_items)
    registry = staticmethod(standard_registry)
    material = staticmethod(make_material)
    provider_text = PROVIDER
    secret_words = SECRET_WORDS
    day = TRAINING

    @staticmethod
    def facts(level: Any = "aggregate", **changes: Any) -> Any:
        return gather(make_material(**changes), level=level)

    @staticmethod
    def provider(text: str) -> Any:
        return parse_provider(text.encode())


@pytest.fixture(scope="session")
def scene() -> type[Scene]:
    return Scene
