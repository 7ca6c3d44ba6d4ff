"""What a profile keeps of the phrase network is what the network says, and a search ranks by it as without it."""

import json

import numpy as np
import pytest

from linernotes.versions import profiles
from linernotes.versions.background import bundled_background
from linernotes.versions.compare import quick_log_odds
from linernotes.versions.features import Features
from linernotes.versions.glance import glance
from linernotes.versions.hypotheses import COARSE_STEP, RATIOS, SPEEDS, Piece, search, speeds
from linernotes.versions.phrases.network import PhraseNetwork
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Profile, profile


@pytest.fixture(scope="module")
def made():
    return [profile(piece) for piece in bundled_background().pieces[:6]]


@pytest.fixture(scope="module")
def kept(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("profiles")
    for at, one in enumerate(made):
        save_profile(folder / f"{at}.npz", one)
    return [load_profile(folder / f"{at}.npz") for at in range(len(made))]


def _anew(known):
    """Return the profile without what was kept of the network."""
    return Profile(known.features, known.cohort)


def test_ratios_and_their_inverses_meet_at_the_same_speeds():
    assert len(SPEEDS) == 4
    assert all(speed in SPEEDS for ratio in RATIOS for speed in speeds(ratio))
    assert [speeds(ratio)[::-1] for ratio in RATIOS] == [speeds(ratio) for ratio in RATIOS[::-1]]


def test_what_is_kept_is_what_the_network_says(made, kept):
    for one, other in zip(made, kept, strict=True):
        for speed in SPEEDS:
            stored = other.piece.embedded("overall", speed)
            for again, error in ((one.piece, 3e-3), (_anew(other).piece, 3e-3)):
                computed = again.embedded("overall", speed)
                assert len(stored) == len(computed) > 0
                np.testing.assert_allclose(stored.vectors, computed.vectors, atol=error, rtol=1e-3)
                np.testing.assert_allclose(stored.costs, computed.costs, atol=2e-2, rtol=2e-3)


def test_a_search_ranks_by_it_as_without_it(kept):
    for at, one in enumerate(kept):
        for other in kept[at:]:
            found, wanted = (
                search(*pair, "overall") for pair in ((one.piece, other.piece), _pieces(one, other))
            )
            assert (found.transposition, found.ratio) == (wanted.transposition, wanted.ratio)
            assert found.score == pytest.approx(wanted.score, rel=2e-3, abs=0.2)
            without = quick_log_odds(_anew(one), _anew(other))
            assert quick_log_odds(one, other) == pytest.approx(without, rel=2e-3, abs=2e-2)
            assert glance(one, other) == pytest.approx(glance(_anew(one), _anew(other)), rel=2e-3, abs=2e-2)


def _pieces(*known):
    return [Piece(one.features) for one in known]


def test_the_network_is_not_asked_again(kept, monkeypatch):
    monkeypatch.setattr(PhraseNetwork, "embed", None)
    assert quick_log_odds(kept[0], kept[1]) < quick_log_odds(kept[0], kept[0])
    with pytest.raises(TypeError):
        kept[0].piece.embedded("overall", 1.0, 1)


def test_all_that_was_saved_comes_back(made, kept):
    for one, other in zip(made, kept, strict=True):
        assert other.cohort == one.cohort
        assert (other.features.hop_s, other.features.duration_s) == (
            one.features.hop_s,
            one.features.duration_s,
        )
        for name in ("harmony", "melody", "bass", "rhythm"):
            stored, wanted = getattr(other.features, name), getattr(one.features, name)
            assert stored.dtype == np.float32
            assert stored.flags.c_contiguous
            np.testing.assert_array_equal(stored, wanted.astype(np.float16).astype(np.float32))


def test_vectors_of_another_network_read_as_absent(made, tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    save_profile(path, made[0])
    monkeypatch.setattr(profiles, "network_mark", lambda: "another")
    assert load_profile(path) is None


@pytest.mark.parametrize("change", [{}, {"widths": [12]}, {"lengths": "many"}, {"marks": None}, None])
def test_a_header_that_makes_no_sense_reads_as_absent(made, tmp_path, change):
    path = tmp_path / "one.npz"
    save_profile(path, made[0])
    with np.load(path) as stored:
        arrays = dict(stored)
    header = None if change is None else json.loads(arrays["header"].tobytes()) | change
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)
    assert (load_profile(path) is None) == (change != {})


def test_a_profile_of_the_revision_before_reads_as_absent(tmp_path):
    np.savez_compressed(tmp_path / "old.npz", revision=np.array([3, 4]), clock=np.array([0.25, 3.0]))
    assert load_profile(tmp_path / "old.npz") is None


def test_kept_profiles_stay_small(made, tmp_path):
    save_profile(tmp_path / "one.npz", made[0])
    n_bytes, hours = (tmp_path / "one.npz").stat().st_size, made[0].features.duration_s / 3600
    assert n_bytes / hours < 6e6


def test_a_recording_of_a_few_seconds_is_kept(made, tmp_path):
    four_s = made[0].features
    short = Features(
        *(getattr(four_s, x)[:16] for x in ("harmony", "melody", "rhythm")), 0.25, 4.0, four_s.bass[:16]
    )
    save_profile(tmp_path / "one.npz", Profile(short, made[0].cohort))
    assert len(load_profile(tmp_path / "one.npz").piece.kept["overall", SPEEDS[-1], COARSE_STEP]) == 5


def test_a_glance_puts_a_version_first(made):
    for at, one in enumerate(made):
        quicker = one.features
        turned = Features(
            *(np.roll(getattr(quicker, x), 5, axis=1) for x in ("harmony", "melody")),
            quicker.rhythm,
            quicker.hop_s,
            quicker.duration_s,
            np.roll(quicker.bass, 5, axis=1),
        )
        query = Profile(turned, one.cohort)
        assert int(np.argmax([glance(query, other) for other in made])) == at
        short = Profile(turned.excerpt(40, 120), one.cohort)
        assert int(np.argmax([glance(short, other) for other in made])) == at
