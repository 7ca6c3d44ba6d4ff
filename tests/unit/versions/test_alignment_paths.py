import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions.alignment import best_path, best_score, strike_out, variant_scores
from linernotes.versions.features import Features, centred
from linernotes.versions.hypotheses import Piece, search
from linernotes.versions.projection import in_every_key, resampled
from linernotes.versions.spans import stretches


def _piece(seed, n, repeats=3):
    """A random tune over random chords, a new one every *repeats* frames."""
    random = np.random.default_rng(seed)
    n_notes = n // repeats + 1
    notes = np.eye(12, dtype=np.float32)[random.integers(0, 12, n_notes)]
    roots = random.integers(0, 12, n_notes // 2 + 1)
    chords = np.repeat(np.stack([np.roll([1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0], r) for r in roots]), 2, axis=0)
    bass = np.repeat(np.eye(12, dtype=np.float32)[roots], 2, axis=0)
    rhythm = random.normal(0, 1, (n_notes, 32)).astype(np.float32)
    parts = [
        centred(np.repeat(x[:n_notes].astype(np.float32), repeats, axis=0)[:n])
        for x in (chords, notes, rhythm, bass)
    ]
    return Features(*parts[:3], 0.25, n * 0.25, parts[3])


def _joined(*pieces):
    parts = [
        np.concatenate([getattr(p, name) for p in pieces]) for name in ("harmony", "melody", "rhythm", "bass")
    ]
    return Features(*parts[:3], 0.25, len(parts[0]) * 0.25, parts[3])


def _changed(piece, semitones=0, speed=1.0):
    def turned(x):
        return np.ascontiguousarray(np.roll(resampled(x, speed), semitones, axis=1))

    harmony, melody, bass = (turned(x) for x in (piece.harmony, piece.melody, piece.bass))
    return Features(harmony, melody, resampled(piece.rhythm, speed), 0.25, piece.duration_s / speed, bass)


def test_a_quotation_is_found_where_it_was_put():
    quoted = _piece(1, 240).excerpt(80, 160)
    a, b = _piece(1, 240), _joined(_piece(2, 90), _changed(quoted, 3), _piece(3, 100))
    chosen = search(Piece(a), Piece(b), "overall")
    assert chosen.transposition == 3
    found = next(iter(stretches(Piece(a), Piece(b), "overall", chosen, 1)))
    for span, start, end in ((found.a, 20, 40), (found.b, 22.5, 42.5)):
        assert span.start_s == pytest.approx(start, abs=1)
        assert span.end_s == pytest.approx(end, abs=1)
    assert found.ratio == pytest.approx(1, abs=0.05)


def test_disjoint_stretches_are_found_one_after_another():
    first, second = _piece(4, 80), _piece(5, 80)
    a = _joined(_piece(6, 60), first, _piece(7, 60), second)
    b = _joined(second, _piece(8, 60), first)
    one, other = list(stretches(Piece(a), Piece(b), "harmony", search(Piece(a), Piece(b), "harmony"), 2))
    starts = sorted([one.b.start_s, other.b.start_s])
    assert starts == pytest.approx([0, 35], abs=4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(-5, 6), st.sampled_from([-2, -1, 0, 1, 2]))
def test_transposition_and_tempo_are_read_off(seed, semitones, quarter_octaves):
    piece = _piece(seed, 200)
    changed = _changed(piece, semitones, 2 ** (quarter_octaves / 4))
    found = search(Piece(piece), Piece(changed), "overall")
    assert found.transposition == semitones
    assert found.ratio == pytest.approx(2 ** (-quarter_octaves / 4))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 120), st.integers(30, 120))
def test_swapping_the_sides_swaps_the_hypothesis(seed, n, m):
    a, b = Piece(_piece(seed, n)), Piece(_piece(seed + 1, m))
    for dimension in ("overall", "melody", "harmony"):
        there, back = search(a, b, dimension), search(b, a, dimension)
        assert there.score == pytest.approx(back.score, rel=1e-3, abs=1e-2)
        if there.score > 1:
            assert there.contrast == pytest.approx(back.contrast, abs=0.02)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 11))
def test_a_key_change_of_one_side_turns_the_scores(seed, semitones):
    a, b = Piece(_piece(seed, 80)), Piece(_piece(seed + 1, 80))
    moved = Piece(_changed(b.features, semitones))
    assert search(a, b, "melody").score == pytest.approx(search(a, moved, "melody").score, rel=1e-3, abs=1e-2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
def test_paths_rise_on_both_sides_and_stay_inside(seed, n, m):
    s = np.random.default_rng(seed).normal(0, 1, (n, m)).astype(np.float32)
    path = best_path(s, 0.1)
    assert len(path.a) == len(path.b)
    if len(path.a):
        assert set(np.diff(path.a)) <= {1, 2}
        assert set(np.diff(path.b)) <= {1, 2}
        assert 0 <= path.a[0] <= path.a[-1] < n
        assert 0 <= path.b[0] <= path.b[-1] < m
        cost = 0.1 * int((np.diff(path.a) != np.diff(path.b)).sum())
        assert path.score == pytest.approx(float(s[path.a, path.b].sum()) - cost, abs=1e-3)
        strike_out(s, path)
        again = best_path(s, 0.1)
        inside = (again.a >= path.a[0]) & (again.a <= path.a[-1])
        inside &= (again.b >= path.b[0]) & (again.b <= path.b[-1])
        assert not inside.any()


def test_every_key_is_the_same_music_turned():
    x = np.random.default_rng(0).normal(0, 1, (5, 24)).astype(np.float32)
    keys = in_every_key(x).reshape(12, 5, 24)
    again = in_every_key(keys[7])[5 * 5 : 6 * 5]
    np.testing.assert_allclose(again, x)


def test_nothing_alike_is_no_evidence():
    x = np.full((6, 12), -1.0, np.float32)
    none = np.zeros(6, np.float32)
    assert variant_scores(x, none, none).tolist() == [0.0, 0.0]
    assert best_score(x, 0.1) == 0
    assert len(best_path(x, 0.1).a) == 0
