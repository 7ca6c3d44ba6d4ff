"""Which names an item of the corpus stands under: columns of the seal, or labels of the rights registry."""

from types import SimpleNamespace

import pytest

from linernotes.catalog.entities import Release
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.errors import CorpusError
from linernotes.workflows.group_scores import group_rows, holders_of


def _corpus(**artists: str) -> SimpleNamespace:
    items = [
        SimpleNamespace(
            item_id=f"item-{name}", recording=Recording(recording_id=name, title=name, artist=artist)
        )
        for name, artist in artists.items()
    ]
    return SimpleNamespace(items=items)


REGISTRY = Registry(
    releases=(
        Release(release_id="a", title="Weather", label="North", recordings=("rain", "sun")),
        Release(release_id="b", title="Best of", label="South", recordings=("rain",)),
        Release(release_id="c", title="Again", label="North", recordings=("rain", "elsewhere")),
        Release(release_id="d", title="Private", recordings=("wind",)),
    )
)


def test_labels_come_from_the_releases_that_carry_a_recording():
    corpus = _corpus(rain="Ada", sun="Ada", wind="Bo")
    assert holders_of(corpus, "label", REGISTRY) == {
        "item-rain": ["North", "South"],
        "item-sun": ["North"],
        "item-wind": [],
    }


def test_artists_come_from_the_seal_and_an_empty_name_is_nobody():
    assert holders_of(_corpus(rain="Ada", sun=""), "artist", Registry()) == {
        "item-rain": ["Ada"],
        "item-sun": [],
    }


def test_without_a_label_there_is_one_clear_error():
    with pytest.raises(CorpusError, match=r"none of the 4 releases .* 'linernotes rights import'"):
        holders_of(_corpus(hail="Cy"), "label", REGISTRY)


def test_a_recording_under_two_labels_counts_for_both():
    influences = [
        {"item_id": "item-rain", "score": 3.0, "share": 0.6},
        {"item_id": "item-sun", "score": 1.0, "share": 0.2},
        {"item_id": "item-wind", "score": 9.0, "share": 0.2},
    ]
    answer = {"query": "q", "method": "unlearning", "unit": "nats", "influences": influences}
    rows = group_rows(
        answer, holders_of(_corpus(rain="Ada", sun="Ada", wind="Bo"), "label", REGISTRY), "label"
    )
    assert [(row["name"], row["score"], row["n_items"]) for row in rows] == [
        ("North", 4.0, 2),
        ("South", 3.0, 1),
    ]
    assert [row["share"] for row in rows] == pytest.approx([0.8, 0.6])
