"""The bookkeeping of the identification benchmark: who is right, what counts, what is kept."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.stats import binom

ROOT = Path(__file__).parents[3]
RATE = 16000


@pytest.fixture(scope="module", autouse=True)
def bench():
    """The benchmarks lie beside the package, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        patch.delenv("LINERNOTES_BENCH_CACHE", raising=False)
        yield


def noise(seed, seconds):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Two recordings: one is a loop of four seconds, the other the same loop after three seconds of other sound."""
    folder = tmp_path_factory.mktemp("music")
    loop = noise(1, 4)
    soundfile.write(folder / "ada__loop.wav", np.tile(loop, 4), RATE)
    soundfile.write(folder / "ada__cut.wav", np.concatenate([noise(2, 3), loop, loop, noise(3, 2)]), RATE)
    soundfile.write(folder / "bo__other.wav", noise(4, 16), RATE)
    return folder


@pytest.fixture
def judge(music):
    from benchmarks.identify.judge import Judge

    return Judge({path.stem: path for path in music.iterdir()}, {})


def asked(recording="ada__loop", start=1.0, condition="clean"):
    from benchmarks.identify.queries import Query

    return Query("q", "clean", condition, 3, recording, "ada", start)


def answered(recording="ada__loop", query_s=1.0, reference_s=2.0):
    from benchmarks.identify.systems import Answer

    return Answer(recording, query_s, reference_s, 1.0, accepted=True)


def test_right_is_the_recording_at_the_place(judge):
    assert judge.right(answered(), asked())
    assert judge.right(answered(reference_s=2.9), asked())
    assert not judge.right(answered("bo__other"), asked())
    assert not judge.right(answered(reference_s=3.4), asked())


def test_another_turn_of_a_loop_is_right(judge):
    assert judge.right(answered(reference_s=6.0), asked())
    assert judge.right(answered("ada__cut", reference_s=5.0), asked())  # the same samples in a cut
    assert not judge.right(answered("ada__cut", reference_s=6.4), asked())


def test_a_version_is_named_and_right_at_its_place(music):
    from benchmarks.identify.judge import Judge

    grouped = Judge(
        {path.stem: path for path in music.iterdir()},
        {"bo__other": "vg1", "ada__loop": "vg1", "ada__cut": "vg2"},
    )
    assert grouped.right(answered("bo__other"), asked())
    assert grouped.named(answered("bo__other", reference_s=9.0), asked())
    assert not grouped.right(answered("bo__other", reference_s=9.0), asked())
    assert not grouped.named(answered("ada__cut"), asked())


def test_the_place_follows_tempo_and_embedding(judge):
    faster = asked(start=2.0, condition="tempo +20 %")
    assert faster.reference_s(2.0) == pytest.approx(4.4)
    inside = asked(start=2.0, condition="embedded")
    assert inside.reference_s(4.0) == pytest.approx(3.0)  # a second into the excerpt, which begins at 3 s


def row(kind, score, *, seconds=10, accepted=True, right=True, name="clean"):
    answer = None if score is None else {"score": score, "accepted": accepted}
    return {"kind": kind, "row": name, "seconds": seconds, "answer": answer, "right": right, "named": right}


def test_the_threshold_is_the_highest_unrelated_score_of_that_length():
    from benchmarks.identify.grid import table

    rows = [row("unrelated", 5), row("unrelated", 7, accepted=False), row("unrelated", 99, seconds=3)]
    rows += [row("known", 7), row("known", 8), row("known", 9, right=False), row("known", None)]
    own = next(cell for cell in table(rows, own=True) if cell["seconds"] == 10)
    above = next(cell for cell in table(rows, own=False) if cell["seconds"] == 10)
    assert own == {
        "row": "clean", "seconds": 10, "queries": 4, "found": 2, "named": 2, "wrong": 1, "unrelated": 2, "false": 1,
    }  # fmt: skip
    assert (above["found"], above["wrong"], above["false"]) == (1, 1, 0)


@pytest.mark.parametrize(("events", "trials"), [(0, 30_000), (2, 500), (17, 100)])
def test_the_upper_bound_is_exact(events, trials):
    from benchmarks.identify.grid import upper_bound

    bound = upper_bound(events, trials)
    assert binom.cdf(events, trials, bound) == pytest.approx(0.05, rel=1e-6)
    assert upper_bound(3, 3) == 1


def test_a_journal_survives_an_interruption(tmp_path):
    from benchmarks.identify.journal import Journal

    first = Journal(tmp_path, "ours 1", "all")
    first.add([{"query": "a", "n": 1}, {"query": "b", "n": 2}])
    with first.path.open("a", encoding="utf-8") as stream:
        stream.write('{"query": "c", "n"')  # the machine stopped here
    again = Journal(tmp_path, "ours 1", "all")
    assert set(again.known) == {"a", "b"}
    again.add([{"query": "c", "n": 3}])
    assert Journal(tmp_path, "ours 1", "all").known["c"] == {"query": "c", "n": 3}
    assert not Journal(tmp_path, "ours 2", "all").known


def test_silence_gives_no_excerpt(tmp_path):
    from benchmarks.identify.material import Source, excerpts

    soundfile.write(tmp_path / "a__half.wav", np.concatenate([np.zeros(8 * RATE), noise(1, 8)]), RATE)
    soundfile.write(tmp_path / "a__none.wav", np.zeros(16 * RATE), RATE)
    chosen = [Source(path, "a") for path in sorted(tmp_path.iterdir())]
    found = list(excerpts(chosen, 3, 12, seed=1))
    assert len(found) == 12
    assert all(source.path.stem == "a__half" and start > 7 for source, start, _ in found)


def test_queries_are_made_once(tmp_path, music):
    from benchmarks.identify.material import Source
    from benchmarks.identify.queries import Plan, prepare

    chosen = [Source(music / "ada__loop.wav", "ada"), Source(music / "bo__other.wav", "bo")]
    plan = Plan("dev", ("clean", "tempo ±20 %", "embedded"), {3: 4}, 1)
    cells = prepare(plan, 3, chosen, chosen, tmp_path)
    clean, tempo, embedded = cells
    assert [len(cell.queries) for cell in cells] == [4] * 3
    assert [query.condition for query in tempo.queries] == ["tempo +20 %", "tempo -20 %"] * 2
    assert len(clean.samples(0)) == len(tempo.samples(1)) == 3 * RATE
    assert len(embedded.samples(0)) == 9 * RATE
    assert [(q.recording_id, q.start_s) for q in clean.queries] == [
        (q.recording_id, q.start_s) for q in tempo.queries
    ]
    made = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "dev-n4-s1" / "3s").iterdir()}
    (tmp_path / "dev-n4-s1" / "3s" / "clean.json").unlink()  # as an interruption leaves it
    again = prepare(plan, 3, chosen, chosen, tmp_path)
    assert np.array_equal(again[0].samples(2), clean.samples(2))
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "dev-n4-s1" / "3s").iterdir()}
    assert {name for name in made if after[name] != made[name]} == {"clean.json", "clean.npy"}


def test_the_best_alignment_of_chromaprint_is_the_one_with_fewest_bits():
    from benchmarks.identify.peers import best_alignment

    rng = np.random.default_rng(1)
    prints = rng.integers(0, 1 << 32, 300, dtype=np.uint32)
    starts = np.array([0, 100, 180, 300])
    query = prints[120:150].copy()
    query[3] ^= np.uint32(0b10110)
    assert best_alignment(query, prints, starts) == (120, 3)
    crossing = prints[90:110].copy()  # over the end of a recording: no place for it
    place, errors = best_alignment(crossing, prints, starts)
    bits = [bin(int(word)).count("1") for word in crossing ^ prints[place : place + 20]]
    assert errors == sum(bits) > 200


def test_growth_is_a_line():
    from benchmarks.identify.growth import model

    figures = [
        {"recordings": n, "bytes": 5e6 + 80e3 * n, "exact_cpu_s": {"median": 0.02 + 1e-7 * n},
         "all_searches_cpu_s": {"median": 0.05 + 2e-7 * n}} for n in (1000, 10_000, 100_000)
    ]  # fmt: skip
    found = model(figures)
    assert found["bytes"]["per_recording"] == pytest.approx(80e3)
    assert found["exact_cpu_s"]["fixed"] == pytest.approx(0.02)
    assert found["all_searches_cpu_s"]["at_100_million"] == pytest.approx(20.05)
    assert found["bytes"]["exponent"] == pytest.approx(1, abs=0.01)


def test_made_recordings_are_unlike_one_another_and_the_same_again():
    from benchmarks.identify.multiply import LONGEST_S, SHORTEST_S, Peaks, made

    rng = np.random.default_rng(1)
    real = Peaks.of(
        [
            (
                np.sort(rng.integers(0, 3750, 1080)).astype(np.int32),
                rng.integers(0, 96, 1080).astype(np.int32),
                3750,
            )
        ]
        * 3
    )
    (times, bands, n_frames), (others, _, _) = made(real, 1, seed=0), made(real, 2, seed=0)
    assert SHORTEST_S <= n_frames * 0.016 <= LONGEST_S
    assert len(times) / (n_frames * 0.016) == pytest.approx(18, rel=0.15)
    assert (np.diff(times) >= 0).all()
    assert ((bands >= 0) & (bands < 96)).all()
    again = made(real, 1, seed=0)
    assert np.array_equal(times, again[0])
    assert np.array_equal(bands, again[1])
    assert not np.array_equal(times[:100], others[:100])


def test_a_planted_passage_is_judged_by_place_and_overlap(judge):
    from benchmarks.identify.finders import Found
    from benchmarks.identify.passages import Plant, _hit
    from benchmarks.identify.passages_report import summary

    plant = Plant(asked(start=1.0), begins_s=10.0)
    good = Found("ada__loop", 10.1, 12.8, 1.1, 3.8)
    before = Found("ada__loop", 3.0, 6.0, 1.0, 4.0)
    other = Found("bo__other", 10.0, 13.0, 1.0, 4.0)
    assert _hit(plant, [other, before, good], judge) == good
    assert _hit(plant, [other, before], judge) is None
    rows = [
        {"kind": "in place", "seconds": 5, "plants": [{"begins_s": 10.0, "seconds": 3}], "others": [], "cpu_s": 0.1,
         "hits": [{"begins_s": 10.1, "ends_s": 13.6}], "n_answers": 1},
        {"kind": "none", "seconds": 0, "plants": [], "hits": [], "others": [{}], "cpu_s": 0.1, "n_answers": 1},
    ]  # fmt: skip
    found = summary(rows)
    assert found["table"][0]["found"] == 1
    assert found["table"][0]["both_ends_within"] == 0  # the end is late by 0.6 s
    assert found["hosts"]["flagged"] == 1


def test_rates_of_unrelated_queries_are_counted():
    from benchmarks.identify.negatives import summary

    rates = [None] * 96 + [0.009, 0.0005, 0.00001, 0.0]
    rows = [
        {
            "seconds": 10,
            "condition": "clean",
            "side": 2 + k % 2,
            "query": "q",
            "cpu_s": 0.1,
            "rate": rate,
            "answer": "a",
        }
        for k, rate in enumerate(rates)
    ]
    found = summary(rows)["all"]
    assert found["answered_at"] == {"0.01": 4, "0.001": 3, "0.0001": 2}
    assert found["expected_at"]["0.01"] == 1
    assert json.dumps(found)
