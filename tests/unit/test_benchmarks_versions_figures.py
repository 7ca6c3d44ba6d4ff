"""The figures of the version benchmark, its peers, and what counts as true."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("slow_qmax", ROOT / "tests/oracles/slow_qmax.py")
assert _spec is not None
assert _spec.loader is not None
slow_qmax = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(slow_qmax)
RATE = 22050


@pytest.fixture(scope="module", autouse=True)
def bench():
    """The benchmarks lie beside the package, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        patch.delenv("LINERNOTES_BENCH_CACHE", raising=False)
        yield


@given(st.integers(0, 1000), st.integers(12, 30), st.integers(12, 30))
@settings(max_examples=15, deadline=None)
def test_qmax_is_the_papers_formula(seed, n_a, n_b):
    from benchmarks.versions.peers import qmax

    random = np.random.default_rng(seed)
    a, b = (random.random((n, 12)).astype(np.float32) for n in (n_a, n_b))
    plot = qmax.recurrence(a, b, 0.2)
    assert np.array_equal(plot, slow_qmax.recurrence(a.astype(float), b.astype(float), 9, 0.2))
    dense = random.random((n_a, n_b)) < 0.4
    assert qmax.longest_path(dense) == pytest.approx(slow_qmax.longest_path(dense, 0.5, 0.5))


def test_peers_prefer_the_same_music_in_another_key():
    from benchmarks.versions.peers.dtw import subsequence_dtw
    from benchmarks.versions.peers.fourier import fourier_vector
    from benchmarks.versions.peers.qmax import qmax

    random = np.random.default_rng(4)
    steps = np.repeat(np.eye(12, dtype=np.float32)[random.integers(0, 12, 40)], 4, axis=0)
    other = np.repeat(np.eye(12, dtype=np.float32)[random.integers(0, 12, 40)], 4, axis=0)
    version = np.roll(steps, 5, axis=1) + 0.2 * random.random(steps.shape).astype(np.float32)
    assert qmax(steps, version) > 2 * qmax(steps, other)
    assert subsequence_dtw(steps, version) > subsequence_dtw(steps, other)
    query, same, stranger = (fourier_vector(x) for x in (steps, version, other))
    assert query @ same > query @ stranger


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12))
def test_ranks_are_those_of_the_worst_order_of_equals(pairs):
    from benchmarks.versions.measures.ranking import ranks

    if not any(is_version for _, is_version in pairs):
        pairs = [*pairs, (3, True)]
    found = ranks(np.array([s for s, _ in pairs], float), np.array([v for _, v in pairs]))
    order = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))
    places = [i + 1 for i, (_, is_version) in enumerate(order) if is_version]
    precisions = [(n + 1) / place for n, place in enumerate(places)]
    assert found.average_precision == pytest.approx(sum(precisions) / len(places))
    assert (found.first, found.mean) == (places[0], pytest.approx(sum(places) / len(places)))


def test_a_query_without_versions_has_no_rank():
    from benchmarks.versions.measures.ranking import ranks

    with pytest.raises(ValueError, match="at least one version"):
        ranks(np.array([1.0]), np.array([False]))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=200), st.floats(0, 0.5))
def test_no_more_than_the_stated_rate_is_above_the_threshold(scores, rate):
    from benchmarks.versions.measures.rates import threshold

    values = np.array(scores)
    limit = threshold(values, rate)
    assert np.mean(values > limit) <= rate + 1e-9
    assert limit in values


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=20), st.lists(st.integers(0, 6), min_size=1, max_size=20)
)
def test_area_under_roc_counts_pairs(true, false):
    from benchmarks.versions.measures.rates import area_under_roc

    slow = np.mean([[1.0 if t > f else 0.5 if t == f else 0.0 for f in false] for t in true])
    assert area_under_roc(np.array(true, float), np.array(false, float)) == pytest.approx(slow)


def test_calibration_error_of_honest_and_of_boastful_probabilities():
    from benchmarks.versions.measures.calibration import expected_calibration_error

    random = np.random.default_rng(8)
    honest = random.random(50_000)
    outcomes = random.random(50_000) < honest
    assert expected_calibration_error(honest, outcomes) < 0.01
    assert expected_calibration_error(np.full(1000, 0.9), np.arange(1000) < 500) == pytest.approx(0.4)
    # Half the pairs are related, but the probabilities speak of one in ten.
    thinned = np.array([0.1] * 1000)
    assert expected_calibration_error(thinned, np.arange(1000) < 500, prior=0.1) == pytest.approx(0, abs=1e-9)


def test_the_interval_is_wider_when_pieces_hang_together():
    from benchmarks.versions.measures.bootstrap import interval

    values = np.repeat(np.random.default_rng(1).random(20), 10)
    apart = interval(values, [str(i) for i in range(200)])
    together = interval(values, [str(i // 10) for i in range(200)])
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_a_match_inside_a_quotation_is_placed_through_beats():
    from benchmarks.versions.measures.places import place_error_s

    quote = {"start_s": 20.0, "end_s": 30.0, "source_start": 40.0, "source_end": 60.0}
    sections = [[0.0, 50.0, 0.0, 100.0], [50.0, 60.0, 40.0, 60.0]]  # the bars come twice, at 20 s and 50 s
    assert place_error_s([(20, 20), (30, 30)], quote, sections) == pytest.approx(0)
    assert place_error_s([(22, 52.5), (28, 58.5)], quote, sections) == pytest.approx(0.5)
    assert place_error_s([(0, 0), (10, 10)], quote, sections) == float("inf")


def rows():
    shared = {"programs": [], "font": "", "quotes": [], "sections": [], "map": [[0.0, 0.0], [60.0, 120.0]]}
    shared |= {"duration_s": 60.0, "audio": "x.flac"}

    def row(name, tier, work, kind, **more):
        return shared | {"id": name, "tier": tier, "work": work, "kind": kind} | more

    late = {"map": [[0.0, 100.0], [60.0, 220.0]]}
    return [
        row("s1-v0", "arranged", "s1", "full"),
        row("s1-v1", "arranged", "s1", "pad"),
        row("s1-v2", "arranged", "s1", "melody", **late),
        row("s2-v0", "arranged", "s2", "full"),
        row("s3-no-quote", "quoted", "s3", "no quotation"),
        row("s3-quotes-s1", "quoted", "s3", "4 bars quoted", quotes=[{"of": "s1"}]),
        row("s3-like-s1", "controlled", "s3", "unrelated", matched_to="s1-v0"),
        row("mix", "controlled", "mix-1", "melody kept"),
        row("r", "transformed", "r", "original"),
        row("r-up", "transformed", "r", "+2 semitones", of="r"),
    ]


def test_questions_ask_for_what_is_there_to_find():
    from benchmarks.versions.data.pool import Piece
    from benchmarks.versions.evaluate import questions

    pieces = [Piece(row, Path()) for row in rows()]
    references = [piece for piece in pieces if piece.is_reference]
    assert [p.name for p in references] == [
        "s1-v0",
        "s1-v1",
        "s1-v2",
        "s2-v0",
        "s3-no-quote",
        "s3-like-s1",
        "r",
    ]
    asked = questions(pieces, references)

    def right(task):
        return {q.piece.name: [references[i].name for i in q.candidates[q.truth]] for q in asked[task]}

    assert right("whole")["s1-v0"] == ["s1-v1", "s1-v2"]
    assert "s2-v0" not in right("whole")  # nothing to find
    assert right("excerpt") == {"s1-v0": ["s1-v1"], "s1-v1": ["s1-v0"]}  # the late version plays other bars
    assert right("changed") == {"r-up": ["r"]}
    assert right("quoted") == {"s3-quotes-s1": ["s1-v0"], "s3-no-quote": []}
    quoting = next(q for q in asked["quoted"] if q.piece.name == "s3-quotes-s1")
    assert [references[i].name for i in quoting.candidates] == ["s1-v0", "s2-v0"]
    assert right("strangers") == {"s3-like-s1": []}


def test_answers_are_kept_and_figures_follow(tmp_path):
    from benchmarks.versions.data.pool import Piece
    from benchmarks.versions.evaluate import ask, by_group, questions

    class Names:
        name = "same first letters"
        calls = 0

        def prepare(self, piece):
            return piece.name

        def scores(self, query, candidates):
            self.calls += 1
            return np.array([float(query[:2] == other[:2]) for other in candidates])

    pieces = [Piece(row, Path()) for row in rows()]
    references = [piece for piece in pieces if piece.is_reference]
    queries = questions(pieces, references)["whole"]
    system = Names()
    figures = by_group(ask(system, "whole", queries, references, tmp_path))
    assert figures["arranged"]["map"] == 1.0
    assert figures["arranged"]["mr1"] == 1.0
    before = system.calls
    again = ask(system, "whole", queries, references, tmp_path)
    assert system.calls == before
    assert by_group(again) == figures


def test_a_quotation_is_seamless_and_as_loud_as_its_host():
    from benchmarks.versions.data.quoted import spliced

    random = np.random.default_rng(2)
    host = random.normal(0, 0.1, 4 * RATE).astype(np.float32)
    quote = random.normal(0, 0.02, RATE).astype(np.float32)
    out = spliced(host, quote, 2.0)
    assert len(out) == 5 * RATE
    assert np.array_equal(out[: 2 * RATE], host[: 2 * RATE])
    assert out[int(2.1 * RATE) : int(2.9 * RATE)].std() == pytest.approx(0.1, rel=0.05)
    resumed = host[int(2.1 * RATE) : -RATE]  # 40 ms early: the seam is played once
    first = int(2.1 * RATE) + RATE - round(0.04 * RATE)
    assert np.allclose(out[first : first + len(resumed)], resumed, atol=1e-6)


@pytest.mark.parametrize("at", range(8))
def test_a_change_does_what_its_name_says(at):
    from benchmarks.versions.data.changes import CHANGES

    change = CHANGES[at]
    time = np.arange(3 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    out = change.make(tone)
    assert len(out) / RATE == pytest.approx(3 * change.slower, abs=0.06)
    middle = out[len(out) // 2 - RATE // 2 : len(out) // 2 + RATE // 2]
    hz = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax() * RATE / len(middle)
    assert 12 * np.log2(hz / 440) == pytest.approx(change.semitones, abs=0.1)


def test_the_ledger_resumes_and_names_only_what_stands(tmp_path):
    from benchmarks.versions.data.ledger import Ledger

    ledger = Ledger(tmp_path / "dev")
    ledger.add({"id": "a", "tier": "arranged"}, np.zeros(RATE, np.float32))
    again = Ledger(tmp_path / "dev")
    assert again.ids() == {"a"}
    (row,) = again.rows()
    assert row["duration_s"] == 1.0
    assert (again.folder / row["audio"]).is_file()
    assert not list(again.folder.rglob("*.partial"))
