"""What matches say about a corpus's papers: arithmetic on small, made-up answers."""

import csv
import io
from dataclasses import replace

import pytest

from linernotes.catalog.recording import Recording
from linernotes.corpus.manifest import Item
from linernotes.workflows.corpus_findings import CONFLICTS, findings_of, same_name
from linernotes.workflows.corpus_identify import COLUMNS, csv_of

ISRC_A, ISRC_B = "USS1Z9900001", "GBAYE6900001"


def item(name, *, audio=None, cluster="", **facts):
    recording = Recording(recording_id=name, **({"title": name, "artist": "Ada"} | facts))
    return Item(
        item_id=name,
        path=f"{name}.wav",
        content_sha256=name * 8,
        audio_sha256=audio or name,
        duration_s=60.0,
        sample_rate=8000,
        n_channels=1,
        coding="WAV/PCM_16",
        recording=recording,
        cluster_id=cluster or name,
    )


def match(recording_id, start=0.0, end=60.0, at=0.0):
    return {
        "recording_id": recording_id,
        "score": 50.0,
        "false_match_rate": 1e-9,
        "query_start_s": start,
        "query_end_s": end,
        "reference_start_s": at,
        "reference_end_s": at + end - start,
        "time_ratio": 1.0,
        "pitch_shift_semitones": 0.0,
    }


def answer(matches=(), overlaps=(), error=None):
    return {
        "matches": list(matches),
        "overlaps": [one | {"item_id": one["recording_id"]} for one in overlaps],
        "error": error,
    }


def catalogue(*recordings):
    return {one.recording_id: one for one in recordings}


def codes(row):
    return [one["code"] for one in row["conflicts"]]


def test_identified_unmatched_and_unusable():
    items = [item("a"), item("b"), item("c")]
    known = catalogue(Recording(recording_id="r", title="a", artist="Ada", isrc=ISRC_A))
    found = findings_of(items, [answer([match("r", 0, 45)]), answer(), answer(error="silent")], known)
    assert [row["status"] for row in found["items"]] == ["identified", "unmatched", "unusable"]
    assert found["items"][0]["covered_share"] == 0.75
    assert found["items"][0]["suggestions"] == [{"field": "isrc", "value": ISRC_A}]
    assert found["summary"]["n_conflicting"] == 0


def test_papers_that_contradict_the_sound():
    mine = item("a", title="Rain", artist="Bo", isrc=ISRC_A)
    known = catalogue(Recording(recording_id="r", title="Sun", artist="Ada", isrc=ISRC_B))
    (row,) = findings_of([mine], [answer([match("r")])], known)["items"]
    assert codes(row) == ["isrc-differs", "title-differs", "artist-differs"]
    assert all(one["next_step"] == CONFLICTS[one["code"]] for one in row["conflicts"])


def test_the_same_code_written_otherwise_is_no_conflict():
    mine = item("a", isrc="US-S1Z-99-00001")
    known = catalogue(Recording(recording_id="r", title="A (Live)", artist="The Ada", isrc=ISRC_A))
    (row,) = findings_of([mine], [answer([match("r")])], known)["items"]
    assert codes(row) == []


def test_wrong_check_digits():
    (row,) = findings_of([item("a", isrc="US-1", iswc="T-034.524.680-2")], [answer()], {})["items"]
    assert codes(row) == ["isrc-malformed", "iswc-malformed"]


def test_one_code_on_two_sounds():
    items = [item("a", isrc=ISRC_A), item("b", isrc=ISRC_A)]
    found = findings_of(items, [answer(), answer()], {})
    assert [codes(row) for row in found["items"]] == [["isrc-on-two-recordings"]] * 2


def test_one_code_on_one_sound_twice_is_a_duplicate_not_a_conflict():
    items = [item("a", isrc=ISRC_A, audio="same"), item("b", isrc=ISRC_A, audio="same")]
    found = findings_of(items, [answer(), answer()], {})
    assert [codes(row) for row in found["items"]] == [[], []]
    assert found["duplicates"] == [{"items": ["a", "b"], "same_audio": True}]
    assert found["items"][0]["duplicates"] == ["b"]


@pytest.mark.parametrize("how", ["cluster", "catalogue", "overlap"])
def test_two_codes_on_one_sound(how):
    items = [item("a", isrc=ISRC_A), item("b", isrc=ISRC_B)]
    answers = [answer(), answer()]
    if how == "cluster":
        items[1] = replace(items[1], cluster_id="a")
    elif how == "catalogue":
        answers = [answer([match("r")]), answer([match("r")])]
    else:
        answers = [answer(overlaps=[match("b", 2, 59)]), answer(overlaps=[match("a", 0, 57)])]
    found = findings_of(items, answers, {})
    assert ["one-recording-two-isrcs" in codes(row) for row in found["items"]] == [True, True]


def test_partial_overlap_is_told_once_with_its_longest_stretch():
    answers = [answer(overlaps=[match("b", 10, 25, 30)]), answer(overlaps=[match("a", 30, 44, 11)])]
    found = findings_of([item("a"), item("b")], answers, {})
    (pair,) = found["partial_overlaps"]
    assert (pair["item_id"], pair["other_id"], pair["seconds"]) == ("a", "b", 15.0)
    assert found["duplicates"] == []


def test_several_recordings_in_one_file():
    matches = [match("r", 0, 28), match("s", 29, 58), match("t", 1, 27)]  # t is another copy of r
    (row,) = findings_of([item("a")], [answer(matches)], {})["items"]
    assert row["mix"] == ["r", "s"]
    (short,) = findings_of([item("a")], [answer([match("r", 0, 50), match("s", 52, 55)])], {})["items"]
    assert short["mix"] == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Rain", "Rain - Remastered 2009", True),
        ("Déjà Vu", "deja vu", True),
        ("Rain", "Train", False),
        ("", "Rain", True),
        ("雨", "雨の歌", False),
    ],
)
def test_names(one, other, same):
    assert same_name(one, other) is same


def test_csv_has_one_line_per_item_and_survives_awkward_titles():
    items = [item("a", title='Rain, "live"\nat home'), item("b")]
    found = findings_of(items, [answer([match("r")]), answer()], {})
    rows = list(csv.DictReader(io.StringIO(csv_of(found["items"]))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2
    assert rows[0]["title"] == 'Rain, "live"\nat home'
    assert rows[0]["item_end_s"] == "60.0"
    assert rows[1]["recording_id"] == ""
