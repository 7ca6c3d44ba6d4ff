"""Dimension labels, localisation and the table of the version benchmark."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DIMENSIONS = ("melody", "harmony", "rhythm")


@pytest.fixture(scope="module", autouse=True)
def bench():
    """The benchmarks lie beside the package, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        patch.delenv("LINERNOTES_BENCH_CACHE", raising=False)
        yield


def piece(name, tier, work, kind, **more):
    from benchmarks.versions.data.pool import Piece

    row = {"id": name, "tier": tier, "work": work, "kind": kind, "programs": [], "font": "", "quotes": []}
    row |= {
        "shares": dict.fromkeys(DIMENSIONS, work),
        "artist": "",
        "map": [[0, 0], [60, 120]],
        "duration_s": 60,
    }
    row |= {"sections": [[0.0, 60.0, 0.0, 120.0]]}
    return Piece(row | more, Path())


def material():
    melody = {"melody": "s1", "harmony": "s2", "rhythm": None}
    quote = {"of": "s1", "start_s": 20.0, "end_s": 30.0, "source_start": 40.0, "source_end": 60.0}
    return [
        piece("s1-v0", "arranged", "s1", "full"),
        piece(
            "s1-v1", "arranged", "s1", "melody", shares=dict.fromkeys(DIMENSIONS, "s1") | {"harmony": None}
        ),
        piece("s2-v0", "arranged", "s2", "full"),
        piece("mix", "controlled", "mix-1", "melody kept", of="s1", shares=melody),
        piece("s3-like-s1", "controlled", "s3", "unrelated", of="s1", matched_to="s1-v0"),
        piece("s4-quotes-s1", "quoted", "s4", "4 bars quoted", quotes=[quote]),
    ]


def test_pairs_carry_their_truth_per_dimension():
    from benchmarks.versions.matches import pairs

    found = {(pair.a.name, pair.b.name, pair.role): pair.truth for pair in pairs(material(), n_unrelated=20)}
    mixed = found["mix", "s1-v0", "melody kept"]
    assert mixed == {"melody": True, "harmony": False, "rhythm": None}
    assert found["s1-v1", "s1-v0", "arranged version"] == {"melody": True, "harmony": None, "rhythm": None}
    assert not any(found["s3-like-s1", "s1-v0", "unrelated"].values())
    assert found["s4-quotes-s1", "s1-v0", "4 bars quoted"]["harmony"]
    drawn = [key for key in found if key[2] == "unrelated at random"]
    assert drawn
    assert all(not any(found[key].values()) for key in drawn)


def match(shares=(), segments=(), probability=0.9):
    rows = [{"dimension": d, "score": 1.0, "probability": 0.9 if d in shares else 0.1} for d in DIMENSIONS]
    return {
        "shares": list(shares),
        "dimensions": rows,
        "segments": list(segments),
        "probability": probability,
    }


def test_labels_tell_recall_from_cross_talk():
    from benchmarks.versions.matches import labels, pairs

    wanted = [pair for pair in pairs(material(), 0) if "quoted" not in pair.role]
    said = {"melody kept": ("melody", "harmony"), "unrelated": (), "arranged version": ("melody",)}
    figures = labels(wanted, [match(said[pair.role]) for pair in wanted])["dimensions"]
    assert figures["melody"]["recall"] == 1.0
    assert figures["melody"]["auc"] == 1.0
    assert figures["harmony"]["cross_talk"] == 1.0  # the kept melody was called a shared harmony
    assert figures["harmony"]["false_rate"] == 0.0
    assert figures["rhythm"]["n_shared"] == 0


@pytest.mark.parametrize(("shift", "within"), [(0.0, 1.0), (0.8, 1.0), (1.5, 0.0)])
def test_a_quotation_is_found_when_its_span_points_within_a_second(shift, within):
    from benchmarks.versions.matches import pairs, places

    wanted = [pair for pair in pairs(material(), 0) if "quoted" in pair.role]
    segment = {"dimension": "overall", "score": 3.0, "path": [[22.0, 22.0 + shift], [28.0, 28.0 + shift]]}
    segment |= {"a_start_s": 22.0, "a_end_s": 28.0, "b_start_s": 22.0 + shift, "b_end_s": 28.0 + shift}
    figures = places(wanted, [match(segments=[segment])])["4 bars quoted"]
    assert figures["within_1_s"] == figures["strongest_within_1_s"] == within
    assert figures["mean_overlap"] == pytest.approx(0.6 * within)


def test_probabilities_are_judged_on_versions_and_unrelated_pairs():
    from benchmarks.versions.matches import certainty, pairs

    wanted = pairs(material(), 10)
    found = [match(probability=1.0 if pair.role.endswith("version") else 0.0) for pair in wanted]
    figures = certainty(wanted, found)
    assert figures["expected_calibration_error"] == pytest.approx(0)
    assert (figures["n_related"], figures["n_unrelated"]) == (1, 11)
    assert figures["strangers_above_half"] == 0.0


def test_a_part_keeps_together_what_belongs_together():
    from benchmarks.versions.data.part import Sizes, part

    recordings = [piece(f"r{i}", "transformed", f"r{i}", "original") for i in range(4)]
    recordings += [piece(f"r{i}-up", "transformed", f"r{i}", "+2 semitones", of=f"r{i}") for i in range(4)]
    kept = {p.name for p in part(material() + recordings, Sizes(1, 1, 0, 1, 2, 0, 0))}
    assert kept == {"s1-v0", "mix", "s3-like-s1", "s4-quotes-s1", "r0", "r0-up", "r1"}
    assert len(part(material(), None)) == 6


def test_the_table_shows_every_system_and_every_figure():
    from benchmarks.versions.data.pool import Query
    from benchmarks.versions.evaluate import Answers, by_group, quoted
    from benchmarks.versions.matches import certainty, labels, pairs, places
    from benchmarks.versions.table import as_markdown

    truth = np.array([True, False, False])
    query = Query(material()[0], np.arange(3), truth, "arranged")
    asked = Query(material()[5], np.arange(3), truth, "4 bars quoted", {"quote": {"of": "s1"}})
    alone = Query(material()[4], np.arange(3), np.zeros(3, bool), "no quotation", {"quote": None})
    scores = np.array([2.0, 1.0, 0.0])
    rows = {
        "whole": by_group(Answers([query], [scores], 0.5)),
        "excerpt": {},
        "changed": by_group(Answers([Query(material()[0], np.arange(3), truth, "8 kHz")], [scores], 0.5)),
        "quoted": quoted(Answers([asked, alone], [scores, scores - 3], 0.5)),
        "strangers_above_limit": 0.25,
        "ms_per_comparison": 0.5,
        "queries_per_group_at_most": None,
    }
    wanted = pairs(material(), 5)
    found = [match(("melody",)) for _ in wanted]
    full = {"labels": labels(wanted, found), "places": places(wanted, found)}
    full |= {"certainty": certainty(wanted, found), "ms_per_full_comparison": 40.0}
    report = {
        "split": "dev",
        "n_pieces": 6,
        "n_references": 4,
        "systems": {"Qmax": rows},
        "full_comparisons": full,
    }
    text = as_markdown(report)
    assert "| Qmax | 1.000 [1.000, 1.000], 1.0, 1.0, 1.00 (n 1) |" in text
    assert "0.250" in text
    assert "| melody kept | 1 | 1.00 | 0.00 | 0.00 |" in text
    assert "40 CPU-ms" in text
