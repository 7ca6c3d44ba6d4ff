"""Claims tested by means that we control: outcomes, stopping, matching, cost."""

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus
from linernotes.errors import InputError
from linernotes.evaluation.sequential import evidence
from linernotes.evaluation.verification import Means, VerifyConfig, matched_recordings, verify_claims
from linernotes.generators.base import Segments

N_ITEMS = 30


@pytest.fixture(scope="module")
def corpus():
    """Thirty recordings of one to three segments; the even ones are calm, the odd ones fast."""
    sizes = [1 + number % 3 for number in range(N_ITEMS)]
    owners = np.repeat(np.arange(N_ITEMS), sizes)
    conditions = torch.zeros(len(owners), 2)
    conditions[torch.arange(len(owners)), torch.from_numpy(owners % 2)] = 1.0
    segments = Segments(
        torch.zeros(len(owners), 2, 1),
        torch.ones(len(owners), 2, dtype=torch.bool),
        conditions,
        tuple(0.0 for _ in owners),
    )
    return EncodedCorpus(tuple(f"item-{number:02d}" for number in range(N_ITEMS)), segments, owners, "ab")


class Oracle:
    """Means whose answer is the item's true influence and a little noise that a repeat shares."""

    def __init__(self, truth, noise=0.0):
        self.truth, self.noise, self.calls = truth, noise, []

    def __call__(self, trials):
        self.calls.append(list(trials))
        rows = []
        for trial in trials:
            random = np.random.default_rng([trial.item, trial.repeat])
            rows.append([self.truth[trial.item] + self.noise * random.standard_normal()])
        return np.array(rows)


def means(measure):
    return Means("oracle", "asking the oracle", measure, "loss", {"questions": 1, "steps": 7})


def ids(rows):
    return [f"item-{row:02d}" for row in rows]


ORDER = ids(range(N_ITEMS))


def test_true_claims_are_confirmed_and_false_ones_are_not(corpus):
    truth = np.zeros(N_ITEMS)
    truth[0], truth[1] = 1.0, -1.0
    oracle = Oracle(truth)
    first, second = verify_claims(corpus, ORDER, 2, means(oracle))
    assert (first.outcome, first.rank, first.item_id) == ("confirmed", 1, "item-00")
    assert first.win_rate == 1.0
    assert first.e_value >= 20
    assert first.p_value <= 0.05
    assert first.effect == pytest.approx(1.0)
    assert first.win_interval[0] > 0.5
    assert (second.outcome, second.win_rate) == ("not confirmed", 0.0)
    assert second.e_value_against >= 20
    assert second.n_repeats < first.n_repeats < 32, "a refuted claim stops sooner"
    assert first.cost == {"questions": 2 * first.n_repeats, "steps": 14 * first.n_repeats}
    assert "asking the oracle" in first.scope
    assert "not proof of copying" in first.scope
    assert first.e_value == evidence(first.n_repeats, 0, 0.75)


def test_nothing_to_tell_apart_stays_undecided_at_the_cap(corpus):
    config = VerifyConfig(max_repeats=9, repeats_per_look=4)
    [one] = verify_claims(corpus, ORDER, 1, means(Oracle(np.zeros(N_ITEMS))), config)
    assert (one.outcome, one.n_repeats, one.win_rate) == ("undecided", 9, 0.5)
    assert one.p_value == 1.0
    assert one.effect == 0.0


def test_a_middling_recording_is_not_confirmed(corpus):
    """It beats half of the others; above the median is not what a claim at the top of a ranking means."""
    truth = np.linspace(1, 0, N_ITEMS)
    order = ids([15, *(row for row in range(N_ITEMS) if row != 15)])
    outcomes = [
        verify_claims(corpus, order, 1, means(Oracle(truth)), VerifyConfig(seed=seed, max_repeats=100))[
            0
        ].outcome
        for seed in range(5)
    ]
    assert "confirmed" not in outcomes
    assert "not confirmed" in outcomes


def test_pairs_share_their_repeat_and_draw_their_opponents_anew(corpus):
    oracle = Oracle(np.zeros(N_ITEMS), noise=1.0)
    verify_claims(
        corpus, ORDER, 1, means(oracle), VerifyConfig(max_repeats=20, repeats_per_look=5, n_matched=10)
    )
    for call in oracle.calls:
        for claim, other in zip(call[::2], call[1::2], strict=True):
            assert claim.item == 0
            assert claim.repeat == other.repeat
            assert other.item >= 3, "nobody from the first tenth"
            assert other.item % 2 == 0, "matched in words"
    repeats = [trial.repeat for call in oracle.calls for trial in call[::2]]
    assert repeats == list(range(len(repeats)))
    assert len({trial.item for call in oracle.calls for trial in call[1::2]}) > 3


def test_asked_again_it_says_the_same(corpus):
    truth = np.random.default_rng(0).standard_normal(N_ITEMS)
    runs = [verify_claims(corpus, ORDER, 3, means(Oracle(truth, noise=0.5))) for _ in range(2)]
    assert runs[0] == runs[1]
    json = runs[0][0].as_json()
    assert json["win_interval"] == list(runs[0][0].win_interval)
    assert json["outcome"] in ("confirmed", "not confirmed", "undecided")


def test_matches_are_alike_in_words_then_in_length(corpus):
    found = matched_recordings(corpus, 0, range(1, N_ITEMS), 5).tolist()
    assert all(row % 2 == 0 for row in found)
    assert found == [6, 12, 18, 24, 4], "first those with one segment as well, then the nearest"
    assert len(matched_recordings(corpus, 0, range(1, N_ITEMS), 100)) == N_ITEMS - 1


def test_too_few_recordings_to_compare_with(corpus):
    for n_claims in (0, 29, 30):
        with pytest.raises(InputError, match="recordings further down to compare with"):
            verify_claims(corpus, ORDER, n_claims, means(Oracle(np.zeros(N_ITEMS))))
    for bad in ({"level": 1.0}, {"alpha": 0.0}, {"max_repeats": 0}, {"keep_from_top": 1.0}):
        with pytest.raises(InputError):
            VerifyConfig(**bad)
