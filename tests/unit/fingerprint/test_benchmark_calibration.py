"""The fit of the tail of chance: it finds constants that are known, and doubts them where artists differ."""

import math
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
RATE, LOG_K, SIZES = 1.4, 5.0, {"1 h": 36_000.0, "5,000 h": 1.8e8}


@pytest.fixture(scope="module")
def calibrate():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.identify import calibrate

        yield calibrate


def draws(calibrate, louder, n=120):
    """Scores of the law itself, for eight artists; *louder* is added to the score of every other one."""
    random = np.random.default_rng(2)
    mode = (LOG_K + math.log(36_000.0)) / RATE
    return [
        calibrate.Draw(
            search="exact", query_s=10.0, catalogue_s=3600.0,
            score=mode + louder * (artist % 2) - math.log(-math.log(random.random())) / RATE,
            deviations=0.0, surplus=0.0, nats=0.0, n_peaks=20, query=f"artist-{artist}__piece", recording="r",
        )
        for artist in range(8)
        for _ in range(n)
    ]  # fmt: skip


def test_the_law_that_made_the_scores_is_found(calibrate):
    model, _ = calibrate.fit(draws(calibrate, 0.0, n=1000), 0.5)
    assert model.rate == pytest.approx(RATE, rel=0.06)
    assert calibrate.limit(model, 36_000.0, 1e-4) == pytest.approx(
        (LOG_K + math.log(36_000.0) - math.log(1e-4)) / RATE, abs=0.5
    )


def test_other_artists_ask_for_more_and_for_much_more_where_artists_differ(calibrate, monkeypatch):
    monkeypatch.setattr(calibrate, "_RESAMPLED", 20)

    def margins(louder):
        drawn = draws(calibrate, louder)
        model, _ = calibrate.fit(drawn, 0.5)
        upper = calibrate.resampled(drawn, 0.5, SIZES, 1e-4)
        return [upper[name] - calibrate.limit(model, size, 1e-4) for name, size in SIZES.items()]

    alike, different = margins(0.0), margins(2.0)
    assert min(alike) > 0
    assert all(more > less for more, less in zip(different, alike, strict=True))
