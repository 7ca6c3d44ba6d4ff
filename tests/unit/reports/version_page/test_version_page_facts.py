"""What the page of a comparison says, and that it refuses to say less."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.errors import InputError
from linernotes.evidence.versions import VersionMatch
from linernotes.reports.version_page.contents import Removal
from linernotes.reports.version_page.facts import page_facts
from linernotes.reports.version_page.listing import listing_facts, write_listing
from linernotes.reports.version_page.page import render_version_page, write_version_page
from linernotes.reports.version_page.schema import checked
from linernotes.reports.version_page.wording import headline, standing

GOLDEN = Path(__file__).parents[3] / "golden" / "version_page"
UPDATE = "LINERNOTES_UPDATE_GOLDEN"  # set it to write the golden text anew, then read the difference
FORBIDDEN = ("copied", "stolen", "infring", "plagiar", "proves")


@pytest.fixture(scope="module")
def facts(scene):
    return page_facts(scene.page)


def test_golden(facts):
    path = GOLDEN / "facts.json"
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, indent=2) + "\n"
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_headline_says_what_is_shared(facts):
    assert facts["headline"] == "These two very probably share musical substance: melody."
    assert "Of 100 pairs with evidence like this, about 97 share substance" in facts["probability_words"]
    chances = [one["probability"] for one in facts["other_priors"]]
    assert chances[0] < facts["relation"]["probability"] < chances[1]


def test_a_four_chord_loop_is_common_and_not_evidence(facts):
    harmony = facts["relation"]["segments"][2]
    assert harmony["standing"] == "common"
    assert harmony["standing_words"] == "common, not evidence by itself"
    assert (
        "4 of 55 reference pieces hold as good a match: loop by ada, loop by bo, loop by cy and loop by di"
        in harmony["words"]
    )
    assert "I-V-vi-IV, is in 40 % of 560 songs" in harmony["words"]


def test_chance_is_said_in_numbers(facts):
    rows = {one["dimension"]: one for one in facts["dimensions"]}
    reference = "by chance in a collection of 1000 unrelated recordings"
    assert rows["melody"]["expected_words"] == f"we expect 0.003 such matches {reference}"
    assert (
        rows["rhythm"]["expected_words"]
        == f"we expect 24 such matches {reference}, so by itself it says little"
    )
    assert facts["relation"]["segments"][3]["standing"] == "weak"


def test_a_decisive_span_is_named(facts):
    assert [one["decisive"] for one in facts["removals"]] == [True, False]
    assert facts["removals"][0]["words"] == (
        "Without 0:04.0–0:12.0 of A (whole and melody) the probability falls from 97 % to 20 %: the finding rests on these "
        "seconds."
    )


def test_common_material_alone_is_no_finding():
    assert "what much music has in common" in headline(0.95, ["harmony"], ["common"])


@given(
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1e6),
    st.none() | st.floats(0, 1),
)
def test_nothing_common_or_weak_is_ever_called_uncommon(found, expected, share):
    figure = None if share is None else {"name": "x", "share": share, "n_songs": 10}
    said = standing({"commonplace": found, "e_value": expected, "figure": figure})
    if (found or 0) >= 0.3 or (share or 0) >= 0.1:
        assert said == "common"
    elif expected is not None and expected >= 10:
        assert said == "weak"
    elif said == "uncommon":
        assert (found or 0) < 0.1


def test_without_figures_it_still_speaks(scene):
    bare = VersionMatch(a_id="a", b_id="b", score=0.0, probability=None, segments=(), method="m/1")
    facts = page_facts(replace(scene.page, match=bare, removals=(), melodies=()))
    assert "no calibrated probability" in facts["headline"]
    assert "nothing to compare by ear" in facts["relation"]["words"]
    assert [one["dimension"] for one in facts["dimensions"]] == ["overall", "melody", "harmony", "rhythm"]
    page = render_version_page(facts, scene.a, scene.b)
    assert "no aligned span above the threshold" in page


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("scope",), " ", "scope"),
        (("limits",), None, "limits"),
        (("a", "sha256"), "xyz", "a.sha256"),
        (("relation", "probability"), 1.2, "relation.probability"),
        (("relation", "probability"), float("nan"), "relation.probability"),
        (("relation", "segments", 0, "standing"), "damning", "relation.segments.0.standing"),
        (("relation", "segments", 0, "e_value"), -1.0, "relation.segments.0.e_value"),
        (("relation", "segments", 0, "path"), [[4.0, 6.0], [3.0, 7.0]], "relation.segments.0"),
        (("relation", "segments", 0, "number"), 7, "page"),
        (("removals", 0, "segments"), [9], "page"),
        (("followed",), [0, 1, 2], "page"),
        (("b", "windows"), [[5.0, 4.0]], "b"),
        (("a", "heard"), False, "a"),
        (("prior",), 0.0, "prior"),
        (("remark",), "hello", "remark"),
    ],
)
def test_less_than_all_is_refused(facts, place, value, named):
    broken = copy.deepcopy(facts)
    at = broken
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    with pytest.raises(InputError, match=f"version page field '{named}'"):
        checked(broken)


def test_titles_cannot_break_out_of_the_page(scene):
    evil = '</script><img src=x onerror=alert(1)>"'
    page = replace(scene.page, a=replace(scene.page.a, title=evil, artist=evil, name=evil))
    text = render_version_page(page_facts(page), scene.a, scene.b)
    assert "<img src=x" not in text
    assert text.count("</script>") == 3
    assert "http" not in text.replace("http-equiv", "")


def test_a_page_and_its_twin(scene, tmp_path, facts):
    path = write_version_page(scene.page, tmp_path / "folder", scene.a, scene.b)
    assert path == tmp_path / "folder" / "index.html"
    assert json.loads(path.with_suffix(".json").read_text("utf-8")) == facts
    text = path.read_text("utf-8")
    assert not any(word in text.casefold() for word in FORBIDDEN)
    assert facts["scope"].split(";")[0] in text
    again = write_version_page(scene.page, tmp_path / "again.html", scene.a, scene.b)
    assert again.with_suffix(".json").read_bytes() == path.with_suffix(".json").read_bytes()
    assert sorted(one.name for one in tmp_path.rglob("*.*")) == [
        "again.html",
        "again.json",
        "index.html",
        "index.json",
    ]


def test_what_may_not_be_heard_is_not_in_the_page(scene):
    page = replace(
        scene.page, b=replace(scene.page.b, heard=False, windows=()), removals=(Removal((0,), 0.5),)
    )
    text = render_version_page(page_facts(page), scene.a, scene.b)
    assert 'id="sound-a"' in text
    assert 'id="sound-b"' not in text
    assert "nothing of B, which may not be passed on" in text


def test_a_list_of_results(tmp_path):
    results = [
        {"recording_id": "r1", "title": "One", "artist": "Ada", "score": 3.0, "probability": 0.9, "shares": ["melody"],
         "segments": [{}]},
        {"recording_id": "r2", "title": "", "artist": "", "score": 0.1, "probability": None, "segments": []},
    ]  # fmt: skip
    answers = [
        {"query": "/music/q.wav", "results": results, "skipped": [{"recording_id": "r3", "reason": "silent"}]}
    ]
    path = write_listing(answers, {("/music/q.wav", "r1"): "1-q-r1.html"}, tmp_path / "out")
    text = path.read_text("utf-8")
    assert 'href="1-q-r1.html"' in text
    assert "1 of the 2 first results probably shares substance with it" in text
    twin = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert twin["queries"][0]["query"] == "q.wav"
    assert twin["queries"][0]["results"][0]["words"] == "90 %: melody; 1 aligned span"
    with pytest.raises(InputError, match="queries"):
        listing_facts([], {})
