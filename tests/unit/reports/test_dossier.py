from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from linernotes.errors import CorpusError, InputError, VerificationError
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.reports.agreement import agreement
from linernotes.reports.dossier import DossierInputs, build_dossier
from linernotes.reports.schema import checked


def changed(inputs: DossierInputs, **fields: Any) -> DossierInputs:
    return replace(inputs, outputs=(replace(inputs.outputs[0], **fields), *inputs.outputs[1:]))


def test_says_the_same_twice_and_is_plain_json(scene: Any) -> None:
    first, second = build_dossier(scene.inputs), build_dossier(scene.inputs)
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)


def test_holds_no_place_on_a_machine(scene: Any) -> None:
    text = json.dumps(build_dossier(scene.inputs))
    assert str(scene.workspace.parent) not in text


def test_orders_methods_by_reliability_and_names_nobody(scene: Any) -> None:
    march, _, lullaby = build_dossier(scene.inputs)["outputs"]
    assert [ranking["method"] for ranking in march["rankings"]] == ["tracin", "unlearning", "similarity"]
    assert not march["rankings"][0]["nobody_in_particular"]
    assert lullaby["headline"] == "Nobody in particular."
    assert all(ranking["nobody_in_particular"] for ranking in lullaby["rankings"])


def test_reliability_in_words_follows_the_figures(scene: Any) -> None:
    verdicts = {one["method"]: one["verdict"] for one in build_dossier(scene.inputs)["reliability"]}
    assert verdicts == {"tracin": "better", "unlearning": "unclear", "similarity": "not-better"}


def test_without_reliability_says_so_beside_the_figure(scene: Any) -> None:
    rankings = {
        name: replace(one, reliability=None) for name, one in scene.inputs.outputs[0].rankings.items()
    }
    inputs = replace(
        scene.inputs, outputs=(replace(scene.inputs.outputs[0], rankings=rankings),), reliability={}
    )
    dossier = build_dossier(inputs)
    assert "not measured" in dossier["outputs"][0]["rankings"][0]["reliability_line"]
    assert dossier["reliability_words"].startswith("No method’s reliability was measured")


def test_consent_is_named_honestly(scene: Any) -> None:
    corpus = build_dossier(scene.inputs)["corpus"]
    words = [item["consent"]["words"] for item in corpus["items"]]
    assert words.count("Consent on file, dated and evidenced.") == 1
    assert words.count("Unknown: nobody was asked, or nobody answered.") == 1
    assert words.count("Public licence; a licence to share is not consent to training.") == 6
    assert corpus["n_without_consent"] == 7
    said = "consent to training 1; a public licence alone 6; nothing on file that counts 1"
    assert said in corpus["consent_words"]
    assert "No day of training was stated" in corpus["stage_words"]


def test_identification_distinguishes_unmatched_from_not_asked(scene: Any) -> None:
    found = build_dossier(scene.inputs)["identification"]
    assert len(found["identified"]) == 1
    assert len(found["unmatched"]) == 1
    assert "1 of 2 items matched in a catalogue of 75" in found["limits"]


@pytest.mark.parametrize("missing", ["limits", "scope", "reliability_line"])
@pytest.mark.parametrize("how", ["gone", "empty"])
def test_refuses_a_ranking_without(scene: Any, missing: str, how: str) -> None:
    dossier = copy.deepcopy(build_dossier(scene.inputs))
    ranking = dossier["outputs"][0]["rankings"][0]
    if how == "gone":
        del ranking[missing]
    else:
        ranking[missing] = " "
    with pytest.raises(InputError, match=rf"outputs\.0\.rankings\.0\.{missing}"):
        checked(dossier)


@pytest.mark.parametrize(
    ("field", "value"), [("interval", None), ("share", 1.2), ("score", float("nan")), ("rank", 0)]
)
def test_refuses_an_influence_with_bad(scene: Any, field: str, value: Any) -> None:
    dossier = copy.deepcopy(build_dossier(scene.inputs))
    dossier["outputs"][0]["rankings"][0]["influences"][0][field] = value
    with pytest.raises(InputError, match=field):
        checked(dossier)


def test_refuses_shares_that_do_not_add_up(scene: Any) -> None:
    dossier = copy.deepcopy(build_dossier(scene.inputs))
    dossier["outputs"][0]["rankings"][0]["unattributed_share"] = 0.1
    with pytest.raises(InputError, match="expected 1"):
        checked(dossier)


def test_refuses_a_ranking_of_another_corpus(scene: Any) -> None:
    rankings = dict(scene.inputs.outputs[0].rankings)
    rankings["tracin"] = replace(rankings["tracin"], corpus_root="ff" * 32, reliability=None)
    with pytest.raises(CorpusError, match="ranks corpus ffffffffffff"):
        build_dossier(changed(scene.inputs, rankings=rankings))


def test_refuses_a_reliability_that_travelled(scene: Any) -> None:
    rankings = dict(scene.inputs.outputs[0].rankings)
    rankings["tracin"] = replace(rankings["tracin"], generator_id="another")
    with pytest.raises(InputError, match="never travels"):
        build_dossier(changed(scene.inputs, rankings=rankings))


def test_refuses_an_undisclosed_item(scene: Any) -> None:
    ranking = InfluenceRanking(
        query_id="march",
        method="tracin",
        unit="nats",
        generator_id="reference-0123456789ab",
        corpus_root=scene.inputs.corpus.root,
        seed=0,
        influences=(Influence(item_id="ghost", score=1.0, share=1.0, interval=(1.0, 1.0), rank=1),),
        unattributed_share=0.0,
    )
    with pytest.raises(CorpusError, match="'ghost'"):
        build_dossier(changed(scene.inputs, rankings={"tracin": ranking}))


def test_refuses_a_generator_of_another_corpus(scene: Any) -> None:
    card = scene.inputs.generator_card | {"trained_on": {"corpus_root": "ee" * 32, "items": []}}
    with pytest.raises(CorpusError, match="trained on corpus eeeeeeeeeeee"):
        build_dossier(replace(scene.inputs, generator_card=card))


def test_refuses_a_changed_statement(scene: Any) -> None:
    statement = copy.deepcopy(scene.inputs.statement)
    statement["lines"][0]["amount_minor"] += 1
    with pytest.raises(VerificationError):
        build_dossier(replace(scene.inputs, statement=statement))


def test_refuses_no_output_and_a_name_used_twice(scene: Any) -> None:
    with pytest.raises(InputError, match="0 outputs"):
        build_dossier(replace(scene.inputs, outputs=()))
    with pytest.raises(InputError, match="used twice"):
        build_dossier(replace(scene.inputs, outputs=scene.inputs.outputs * 2))


def test_a_bare_dossier_says_what_it_lacks(scene: Any) -> None:
    output = replace(scene.inputs.outputs[0], rankings={}, versions=(), further={})
    bare = DossierInputs(
        title="Bare",
        corpus=scene.inputs.corpus,
        identification={},
        catalogue_size=0,
        generator_card={"generator_id": "g"},
        outputs=(output,),
    )
    dossier = build_dossier(bare)
    assert dossier["outputs"][0]["headline"] == "Not yet attributed."
    assert dossier["generator"]["same_corpus"] is None
    assert "none has been attributed" in dossier["summary"]


def test_a_weak_generator_is_called_weak(scene: Any) -> None:
    evaluation = {
        "held_out_loss": {"trained": 0.9, "untrained": 1.0, "mean_predictor": 0.83, "n_segments": 9},
        "frechet": {
            name: {"value": value} for name, value in [("generated", 9), ("held_out", 1), ("noise", 8)]
        },
    }
    generator = build_dossier(
        replace(scene.inputs, generator_card=scene.inputs.generator_card | {"evaluation": evaluation})
    )["generator"]
    assert "no better than guessing the mean" in generator["held_out_words"]
    assert "no nearer to real music than noise" in generator["frechet_words"]


def test_agreement_of_a_ranking_with_itself_is_full(scene: Any) -> None:
    ranking = scene.inputs.outputs[0].rankings["tracin"]
    found = agreement(ranking, ranking)
    assert found["spearman"] == 1.0
    assert found["top5_overlap"] == 5
    assert found["overlap_by_chance"] == 25 / 8


@pytest.mark.parametrize(
    ("trained", "said"),
    [
        (0.65, "7 % below the better guess"),
        (0.75, "no better than the best linear guess"),
        (0.9, "the mean:"),
    ],
)
def test_the_generator_is_judged_by_the_strongest_guess(scene: Any, trained: float, said: str) -> None:
    card = copy.deepcopy(scene.inputs.generator_card)
    card["evaluation"]["held_out_loss"]["trained"] = trained
    words = build_dossier(replace(scene.inputs, generator_card=card))["generator"]["held_out_words"]
    assert said in words
