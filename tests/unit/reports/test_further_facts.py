"""Seconds, tests and groups on a dossier: what is said, what is refused, what is absent."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from linernotes.errors import InputError
from linernotes.evidence.reliability import CalibrationNote
from linernotes.reports.dossier import DossierInputs, build_dossier
from linernotes.reports.further import FurtherEvidence
from linernotes.reports.group_facts import grouping_facts
from linernotes.reports.retest_facts import retest_facts
from linernotes.reports.schema import checked
from linernotes.reports.where_facts import MOST_COLUMNS, MOST_ROWS, drawable, where_facts


@pytest.fixture(scope="module")
def best(scene: Any) -> dict[str, Any]:
    """Return the facts of the ranking that was asked everything."""
    return build_dossier(scene.inputs)["outputs"][0]["rankings"][0]


def with_further(inputs: DossierInputs, further: FurtherEvidence, method: str = "tracin") -> DossierInputs:
    return replace(inputs, outputs=(replace(inputs.outputs[0], further={method: further}),))


def grouped(names_shares: list[tuple[str, float, int]], n_items: int, unattributed: float) -> dict[str, Any]:
    rows = [
        {"by": "artist", "name": name, "rank": i, "score": share, "share": share, "n_items": n, "how": "sum"}
        for i, (name, share, n) in enumerate(names_shares, start=1)
    ]
    return grouping_facts(
        rows, n_items=n_items, unattributed_share=unattributed, reliability_line="LDS", scope="Ranks."
    )


def test_what_was_asked_is_there_and_what_was_not_names_its_option(scene: Any, best: Any) -> None:
    march, night, _ = build_dossier(scene.inputs)["outputs"]
    assert best["method"] == "tracin"
    assert (len(best["where"]["maps"]), len(best["verification"]), len(best["groups"])) == (2, 1, 1)
    assert march["not_asked"] == []
    assert [one["option"] for one in night["not_asked"]] == ["--where", "--verify K", "--group-by artist"]
    for one in night["not_asked"]:
        assert one["words"].startswith("Not asked for. 'linernotes attribute FILE")
    for ranking in night["rankings"]:
        assert (ranking["where"], ranking["verification"], ranking["groups"]) == (None, [], [])


def test_a_map_says_its_strongest_seconds_and_whether_they_were_tested(best: Any) -> None:
    first, second = best["where"]["maps"]
    assert first["words"].startswith(
        "Strongest: 0:02.0–0:03.0 of the output with 0:03.0–0:04.0 of the recording"
    )
    assert "9.0 standard errors above zero; the largest of 240 cells" in first["words"]
    assert [len(one["cells"]) for one in (first, second)] == [3, 3]
    assert "in 11 of 12 pairs" in first["masked_words"]
    assert first["masked_words"].startswith("Borne out")
    assert "'--verify K'" in second["masked_words"]
    assert "proof of copying" in best["where"]["scope"]


def test_a_map_without_a_positive_cell_says_so() -> None:
    spans = [[0.0, 1.0]]
    one = {
        "item_id": "a",
        "unit": "u",
        "query_spans_s": spans,
        "item_spans_s": spans,
        "cells": [[-1.0]],
        "best": [],
        "additivity_gap": 0.0,
        "masked": None,
    }
    facts = where_facts([one], nobody=True)
    assert facts["maps"][0]["words"] == "No seconds stand out: no cell of this map is positive."
    assert "not as credit" in facts["words"]


def test_best_cells_alone_have_no_picture(scene: Any) -> None:
    further = scene.inputs.outputs[0].further["tracin"]
    short = tuple(
        {"item_id": row["item_id"], "unit": row["unit"], "cells": row["best"][:3], "masked": row["masked"]}
        for row in further.where
    )
    dossier = build_dossier(with_further(scene.inputs, FurtherEvidence.of({"where": list(short)})))
    for one in dossier["outputs"][0]["rankings"][0]["where"]["maps"]:
        assert one["grid"] is None
        assert len(one["cells"]) == 3


@given(
    arrays.arrays(
        "float64",
        st.tuples(st.integers(1, 60), st.integers(1, 210)),
        elements=st.floats(-1, 1, allow_subnormal=False),
        fill=st.just(0.5),
    )
)
def test_a_map_is_made_small_enough_and_nothing_is_lost(cells: Any) -> None:
    n_rows, n_columns = cells.shape
    found = drawable(
        {
            "query_spans_s": [[float(i), float(i + 1)] for i in range(n_rows)],
            "item_spans_s": [[float(i), float(i + 1)] for i in range(n_columns)],
            "cells": cells.tolist(),
        }
    )
    assert len(found["cells"]) == len(found["query_spans_s"]) <= MOST_ROWS
    assert {len(row) for row in found["cells"]} == {len(found["item_spans_s"])}
    assert len(found["item_spans_s"]) <= MOST_COLUMNS
    assert (found["query_spans_s"][-1][1], found["item_spans_s"][-1][1]) == (n_rows, n_columns)
    assert sum(map(sum, found["cells"])) == pytest.approx(cells.sum(), abs=1e-8)


def test_each_claim_says_outcome_evidence_and_cost(best: Any) -> None:
    [tested] = best["verification"]
    assert [claim["outcome"] for claim in tested["claims"]] == ["confirmed", "not confirmed", "undecided"]
    confirmed, refuted, undecided = tested["claims"]
    assert confirmed["words"].startswith(
        "Confirmed: it moved this output more than the matched recording in 14 of 14"
    )
    assert "e-value 22.6 against “wins at most 75 %”" in confirmed["evidence_words"]
    assert "p at most 0.044" in confirmed["evidence_words"]
    assert (
        confirmed["done"]
        == "14 repeats, each beside one of 5 matched recordings drawn anew; 28 patches, 224 training steps in all"
    )
    assert "not the same as no influence" in refuted["words"]
    assert "neither way" in undecided["words"]
    assert "of 3 claims, up to 0.15 would be confirmed falsely" in tested["words"]
    assert "local" in tested["limits"]


def test_retraining_and_unknown_means_have_words(best: Any) -> None:
    claim = copy.deepcopy(best["verification"][0]["claims"][0])
    by_retraining = retest_facts([claim | {"by": "retrain", "cost": {"retrainings": 4}, "p_value": 1e-5}])
    assert "trained again without the recording" in by_retraining["words"]
    assert "4 retrainings in all" in by_retraining["claims"][0]["done"]
    assert "p below 0.001" in by_retraining["claims"][0]["evidence_words"]
    assert retest_facts([claim | {"by": "prayer"}], nobody=True)["words"].startswith(
        "By prayer. Tested one by one"
    )


def test_groups_add_up_and_say_that_they_do_not_overlap(scene: Any, best: Any) -> None:
    [by_artist] = best["groups"]
    artists = {item.recording.artist for item in scene.inputs.corpus.items}
    assert {row["name"] for row in by_artist["rows"]} == artists
    total = by_artist["unattributed_share"] + sum(row["share"] for row in by_artist["rows"])
    assert total == pytest.approx(1)
    assert by_artist["overlapping"] is False
    assert "do not overlap" in by_artist["overlap_words"]
    assert by_artist["reliability_line"] == best["reliability_line"]
    assert "not for groups" in by_artist["limits"]


def test_groups_that_overlap_are_never_added() -> None:
    facts = grouped([("Ada", 0.5, 2), ("Bo", 0.4, 2)], n_items=3, unattributed=0.4)
    assert facts["overlapping"] is True
    assert "must not be added up" in facts["overlap_words"]
    assert (facts["n_without_group"], facts["share_without_group"]) == (None, None)


def test_recordings_without_a_name_are_left_over() -> None:
    facts = grouped([("Ada", 0.5, 2)], n_items=3, unattributed=0.4)
    assert facts["n_without_group"] == 1
    assert facts["share_without_group"] == pytest.approx(0.1)
    assert "1 recording names no artist, with 10 % of the influence" in facts["overlap_words"]


def test_nobody_in_particular_holds_for_groups_too() -> None:
    assert grouped([("Ada", 0.0, 2)], n_items=2, unattributed=1.0)["words"].startswith("Nobody in particular")


def test_a_calibrated_ranking_says_what_its_chances_rest_on(scene: Any) -> None:
    output = scene.inputs.outputs[0]
    ranking = output.rankings["tracin"]
    note = CalibrationNote(
        confidence=0.9,
        coverage=0.91,
        effect_unit="rise of the output's loss, as a part of that loss",
        noise=0.012,
        matters=0.02,
        n_queries=24,
        n_removals=20,
        n_seeds=3,
    )
    stated = tuple(
        replace(one, probability=0.25, effect=0.01, effect_interval=(-0.01, 0.03), cluster_id="c")
        for one in ranking.influences
    )
    rankings = {"tracin": replace(ranking, influences=stated, calibration=note, cluster_rule="members share")}
    facts = build_dossier(replace(scene.inputs, outputs=(replace(output, rankings=rankings),)))
    [found] = facts["outputs"][0]["rankings"]
    assert "trained again without 20 sets of recordings, 3 times each" in found["calibration_words"]
    assert "90 % interval held 91 %" in found["calibration_words"]
    assert found["cluster_words"].startswith("Near-duplicates are a cluster: members share.")
    assert found["influences"][0]["effect_interval"] == [-0.01, 0.03]


def test_evidence_of_another_ranking_is_refused(scene: Any) -> None:
    further = scene.inputs.outputs[0].further["tracin"]
    with pytest.raises(InputError, match="'similarities', which has no ranking"):
        build_dossier(with_further(scene.inputs, further, "similarities"))
    with pytest.raises(InputError, match="was tested at place 1, and stands at place"):
        build_dossier(with_further(scene.inputs, further, "similarity"))
    ghost = replace(further, where=({"item_id": "ghost"},))
    with pytest.raises(InputError, match="names item 'ghost'"):
        build_dossier(with_further(scene.inputs, ghost))


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("where", lambda one: one["maps"][0]["grid"]["cells"].pop(), "one row of cells per stretch"),
        ("where", lambda one: one["maps"][0]["grid"]["cells"][0].pop(), "one cell per stretch"),
        ("where", lambda one: one["maps"][0]["cells"][0].update(query_end_s=0.0), "ends before it starts"),
        ("where", lambda one: one.update(limits=" "), "limits"),
        (
            "verification",
            lambda one: one[0]["claims"][0].update(outcome="undecided"),
            "e-values say confirmed",
        ),
        ("verification", lambda one: one[0]["claims"][0].update(e_value=1.0), "e-values say undecided"),
        ("groups", lambda one: one[0]["rows"][0].update(share=0.9), "expected 1"),
        ("groups", lambda one: one[0].pop("overlap_words"), "overlap_words"),
    ],
)
def test_facts_that_do_not_fit_are_refused(scene: Any, section: str, change: Any, said: str) -> None:
    dossier = copy.deepcopy(build_dossier(scene.inputs))
    change(dossier["outputs"][0]["rankings"][0][section])
    with pytest.raises(InputError, match=said):
        checked(dossier)
