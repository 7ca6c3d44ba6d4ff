"""What stands in the fields, and where it comes from."""

import dataclasses

import pytest

from linernotes.corpus.source import Source
from linernotes.disclosure.answers53 import answers53, audio_band
from linernotes.disclosure.bundle import build
from linernotes.disclosure.fields53 import FIELD_BY_ID, FIELDS_53
from linernotes.disclosure.sources import n_domains_to_list
from linernotes.disclosure.wide_gaps import wide_checks
from linernotes.errors import CorpusError, InputError, VerificationError


@pytest.fixture(scope="module")
def answers(scene):
    return answers53(scene.facts())


def test_every_field_of_the_form_has_an_answer(answers):
    assert list(answers) == [one.field_id for one in FIELDS_53]
    assert len(FIELD_BY_ID) == len(FIELDS_53) == 52
    assert all(one.gate in FIELD_BY_ID for one in FIELDS_53 if one.gate)


def test_what_the_seal_knows_is_computed(answers):
    assert answers["1.3.b"].value[0]["band"] == "less than 10,000 hours"
    assert answers["1.3.b"].value[0]["amount"] == "0.60 hours in 6 sealed recordings"
    assert answers["2.1.a"].state == "computed"
    assert answers["2.1.a"].value is True
    assert answers["2.2.1.a"].value is True
    assert answers["2.3.e"].value == "01/2025 to 06/2025"
    assert answers["2.3.h"].value == ["music.example.net"]
    assert answers["1.3.g"].value["sampling rates in Hz, by recordings"] == {"44100": 6}
    assert answers["0"].value["version"] == 1


def test_a_public_dataset_is_listed_with_what_the_provider_adds(answers):
    (row,) = answers["2.1.c"].value
    assert row["name"] == "Open Set"
    assert row["recordings"] == 1
    assert row["version"] == "2"
    assert row["link"] == "https://example.org/open"


def test_what_nobody_says_is_unknown_with_a_reason(answers):
    assert answers["2.4.b"].state == "unknown"
    assert answers["2.4.b"].reason.startswith("the player team has not answered")
    assert answers["2.5.a"].state == "unknown"
    assert "1 of 6 recordings without a stated source" in answers["2.5.a"].reason


def test_a_no_closes_the_fields_behind_it(scene):
    answers = answers53(scene.facts(provider=scene.provider("[other]\nused = false\n")))
    assert answers["2.6.b"].state == "not-applicable"
    assert "2.6.a" in answers["2.6.b"].reason


def test_where_every_source_is_stated_absence_is_computed(scene):
    corpus = scene.sealed([scene.make_item(1), scene.make_item(2)])
    answers = answers53(scene.facts(corpus=corpus, provider=scene.provider("")))
    assert (answers["2.3.a"].state, answers["2.3.a"].value) == ("computed", False)
    assert answers["2.3.h"].state == "not-applicable"


def test_a_contradiction_between_seal_and_provider_is_named(scene):
    answers = answers53(scene.facts(provider=scene.provider("[crawled]\nused = false\n")))
    assert answers["2.3.a"].value is True
    assert answers["2.3.a"].reason.endswith("provider.toml says no")
    assert answers["2.3.h"].state == "computed"


@pytest.mark.parametrize(
    ("n_domains", "small", "expected"),
    [(1, False, 1), (10, False, 1), (11, False, 2), (40, True, 2), (41, True, 3), (50_000, True, 1000)],
)
def test_how_many_domains_are_listed(n_domains, small, expected):
    assert n_domains_to_list(n_domains, small) == expected


def test_domains_stand_in_order_of_their_hours(scene):
    items = [scene.crawled(n, f"site{n % 20}.example.org", duration_s=60.0 * (1 + n % 20)) for n in range(40)]
    large = answers53(scene.facts(corpus=scene.sealed(items), provider=scene.provider("")))["2.3.h"]
    assert large.value == ["site19.example.org", "site18.example.org"]
    assert large.reason.startswith("2 of 20 domains")
    small = answers53(
        scene.facts(corpus=scene.sealed(items), provider=scene.provider("[provider]\nsmall = true\n"))
    )
    assert small["2.3.h"].value == ["site19.example.org"]


def test_small_datasets_are_not_listed_but_described(scene):
    big = [scene.make_item(n, source=Source(source_class="public", name="Big")) for n in range(1, 50)]
    little = scene.make_item(50, source=Source(source_class="public", name="Little"))
    answers = answers53(scene.facts(corpus=scene.sealed([*big, little]), provider=scene.provider("")))
    assert [one["name"] for one in answers["2.1.c"].value] == ["Big"]
    assert answers["2.1.d"].value == "smaller datasets: 1, together 0.10 hours"


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ("", "not stated"),
        (", contains_audio = false", "none"),
        (", contains_audio = true, audio_hours = 90", "90 hours, not part of the audio above"),
    ],
)
def test_sound_inside_video_is_asked_for(scene, video, expected):
    text = f'[content]\nother_modalities = [{{ modality = "video", amount = "100 hours"{video} }}]\n'
    rows = answers53(scene.facts(provider=scene.provider(text)))["1.3.b"].value
    assert rows[1]["sound_inside"] == expected


@pytest.mark.parametrize(
    ("hours", "band"),
    [
        (0, "less than"),
        (9999.99, "less than"),
        (10_000, "10,000 hours to"),
        (1e6, "10,000 hours to"),
        (1e6 + 1, "more than"),
    ],
)
def test_bands(hours, band):
    assert audio_band(hours).startswith(band)


def test_a_changed_manifest_an_empty_one_and_a_strange_level_are_refused(scene):
    corpus = scene.sealed(scene.items())
    changed = dataclasses.replace(corpus, items=(*corpus.items[:-1], scene.make_item(9)))
    with pytest.raises(VerificationError, match="not what was sealed"):
        scene.facts(corpus=changed)
    with pytest.raises(CorpusError, match="no recording"):
        scene.facts(corpus=dataclasses.replace(corpus, items=()))
    with pytest.raises(InputError, match="aggregate, identifiers, full"):
        scene.facts(level="titles")


def test_stems_metadata_and_signals_of_the_table_are_told(scene):
    stem = Source(source_class="licensed", stem_of="hidden-file-2", metadata_used=("title", "tags"))
    played = Source(source_class="licensed", behaviour_used=("skips",), is_multitrack=True)
    corpus = scene.sealed([scene.make_item(1, source=stem), scene.make_item(2, source=played)])
    answers = answers53(scene.facts(corpus=corpus, provider=scene.provider("")))
    assert answers["1.3.f"].value == {
        "stems": 1,
        "multitracks": 1,
        "metadata used": ["tags (1)", "title (1)"],
        "behavioural signals used": ["skips (1)"],
    }
    assert (answers["2.4.b"].state, answers["2.4.b"].value) == ("computed", True)
    denied = scene.provider("[user_data]\nother_services = false\n")
    facts = scene.facts(corpus=corpus, provider=denied)
    assert answers53(facts)["2.4.b"].reason == "behavioural signals: skips (1); provider.toml says no"
    found = [one for one in wide_checks(facts).gaps if one.code == "other-service-user-data"]
    assert [one.detail for one in found] == ["signals in the sealed table: skips (1)"]
    assert build(facts).page.beside["stems"] == 1
