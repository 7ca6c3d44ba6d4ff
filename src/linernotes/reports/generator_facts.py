"""The part of a dossier that speaks of the generator: what it is, and how good it is, in words from figures.

Conventions
-----------
The card is the generator's own (``card.json``). Its ``evaluation`` may hold ``held_out_loss`` (smaller
is better) and ``frechet`` distances to real music (smaller is nearer), each with a 95 % interval.

Known limits
------------
A Fréchet distance compares means and spreads of one feature space; it does not hear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError

GENERATOR_LIMITS = (
    "What the card says of its training is the provider’s word. Quality figures hold for the held-out "
    "recordings they were measured on."
)
FRECHET_NAMES = {
    "held_out": "Real music, held out",
    "training": "Recordings it was trained on",
    "generated": "This generator",
    "noise": "Noise",
}


def generator_facts(card: Mapping[str, Any], corpus: SealedCorpus) -> dict[str, Any]:
    """Return the card with its measured quality in words.

    Raises
    ------
    CorpusError
        If the card says that the generator was trained on another corpus.
    InputError
        If the card names no generator.
    """
    if not card.get("generator_id"):
        raise InputError("generator card: no 'generator_id'; expected the card.json of a generator folder")
    trained_on = card.get("trained_on") or {}
    root = trained_on.get("corpus_root") or ""
    if root and root != corpus.root:
        raise CorpusError(
            f"generator {card['generator_id']}: trained on corpus {root[:12]}…, the dossier is about "
            f"{corpus.root[:12]}…; give the generator that was trained on this corpus"
        )
    evaluation = card.get("evaluation") or {}
    loss = evaluation.get("held_out_loss")
    frechet = evaluation.get("frechet") or {}
    recipe = dict(card.get("recipe") or {})
    return {
        "generator_id": card["generator_id"],
        "weights_sha256": card.get("weights_sha256", ""),
        "same_corpus": True if root else None,
        "seed": recipe.get("seed"),
        "recipe": recipe,
        "n_trained_items": len(trained_on.get("items") or ()),
        "card": {key: value for key, value in card.items() if key not in ("trained_on", "vocabulary")},
        "held_out_loss": loss,
        "held_out_words": _loss_words(loss) if loss else "",
        "frechet": _frechet_rows(frechet),
        "frechet_words": _frechet_words(frechet),
        "limits": GENERATOR_LIMITS,
    }


def _loss_words(loss: Mapping[str, Any]) -> str:
    trained, mean, linear = loss["trained"], loss["mean_predictor"], loss.get("linear_predictor")
    text = f"On {loss['n_segments']:.0f} held-out segments the generator’s loss is {trained:.3f}; "
    text += f"an untrained one’s is {loss['untrained']:.3f}, guessing the mean {mean:.3f}"
    text += f", the best linear guess {linear:.3f}" if linear is not None else ""
    text += ". Smaller is better. "
    if trained >= mean:
        return text + "It is no better than guessing the mean: its outputs say little about its corpus."
    if linear is not None and trained >= linear:
        return text + "It is better than guessing the mean, and no better than the best linear guess."
    best, name = (mean, "guessing the mean") if linear is None else (min(mean, linear), "the better guess")
    return text + f"That is {100 * (1 - trained / best):.0f} % below {name}."


def _frechet_rows(frechet: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": label,
            "value": frechet[name]["value"],
            "interval": list(frechet[name].get("interval") or ()),
            "space": frechet.get("space", "unnamed feature space"),
        }
        for name, label in FRECHET_NAMES.items()
        if name in frechet
    ]


def _frechet_words(frechet: Mapping[str, Any]) -> str:
    if not {"generated", "held_out", "noise"} <= frechet.keys():
        return ""
    made, real, noise = (frechet[name]["value"] for name in ("generated", "held_out", "noise"))
    if made >= noise:
        return "By this distance the outputs are no nearer to real music than noise is."
    if made <= real:
        return "By this distance the outputs are as near to real music as other real music is."
    times = f", {made / real:.1f} times as far from the reference as other real music is" if real > 0 else ""
    return f"By this distance the outputs lie between noise and real music{times}. Smaller is nearer."
