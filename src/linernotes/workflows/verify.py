"""What can be asked of a finished ranking: whether its first claims are true, and where they lie.

`verify_rankings` tests the first claims again, by tail-patch or by retraining; `locate` draws the segment maps of
the first recordings and, where claims are verified too, leaves out the claimed seconds to see whether they mattered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.encoding import DisclosedGenerator, candidates
from linernotes.attribution.where.localise import (
    LocaliseConfig,
    fisher_diagonal,
    localise,
    token_loss_generator,
)
from linernotes.attribution.where.maps import SegmentMap, draw_maps
from linernotes.audio.files import read_audio
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import InputError, UnsupportedGenerator
from linernotes.evaluation.localisation import MaskCheck, masked_check
from linernotes.evaluation.retrain_check import RetrainWithoutPass
from linernotes.evaluation.tail_patch import TailPatchConfig, tail_patch
from linernotes.evaluation.verification import Means, Verification, VerifyConfig, n_apart, verify_claims
from linernotes.folds import Runner
from linernotes.generators.reference.adapter import ReferenceGenerator, training_items
from linernotes.workspace.runs import RunFolder

MEANS = ("tail-patch", "retrain")
VERIFIED = "verify.json"
WHERE = "where.json"
N_MAPPED = 3
N_CELLS = 3


@dataclass(frozen=True, slots=True)
class Checks:
    """What is asked of a ranking beyond itself, and all settings of it.

    Parameters
    ----------
    n_verified : int >= 0
        How many claims to test, from the top.
    by : str
        ``tail-patch`` or ``retrain``.
    where : bool
        Whether to tell which seconds.
    """

    n_verified: int = 0
    by: str = "tail-patch"
    where: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_verified < 0:
            raise InputError(f"--verify {self.n_verified}: expected how many claims to test, 0 or more")
        if self.by not in MEANS:
            raise InputError(f"--verify-by {self.by}: expected one of {', '.join(MEANS)}")

    @property
    def verify(self) -> VerifyConfig:
        """Return when a claim counts as confirmed; retraining is dear, so it looks often and stops early."""
        if self.by == "retrain":
            return VerifyConfig(seed=self.seed, max_repeats=16, repeats_per_look=1)
        return VerifyConfig(seed=self.seed)

    @property
    def tail_patch(self) -> TailPatchConfig:
        """Return the settings of a tail-patch."""
        return TailPatchConfig(seed=self.seed)

    @property
    def localise(self) -> LocaliseConfig:
        """Return the settings of the maps."""
        return LocaliseConfig(seed=self.seed)

    def settings(self) -> dict[str, Any]:
        """Return every setting that the checks depend on, for ``run.toml``."""
        found: dict[str, Any] = {}
        if self.n_verified:
            found["verifying"] = asdict(self.verify) | {"by": self.by}
        if self.n_verified and self.by == "tail-patch":
            found["tail_patch"] = asdict(self.tail_patch)
        if self.where:
            found["localising"] = asdict(self.localise)
        return found


@dataclass(frozen=True)
class Subject:
    """What rankings were made of: generator, sealed corpus, its tokens, and the outputs with their lengths."""

    generator: DisclosedGenerator
    sealed: SealedCorpus
    corpus: EncodedCorpus
    queries: Sequence[Query]
    durations_s: Sequence[float]


def refuse_what_cannot_be_checked(
    generator: DisclosedGenerator, corpus: SealedCorpus, checks: Checks
) -> None:
    """Say before any work is done that generator or corpus lack what the checks need.

    Raises
    ------
    UnsupportedGenerator
        If seconds are asked of a generator without ``token_losses``, or retraining of one that is not ours.
    InputError
        If the corpus is too small to have matched recordings for so many claims.
    """
    if checks.n_verified:
        n_apart(len(candidates(generator, corpus)), checks.n_verified, checks.verify)
    if checks.where:
        token_loss_generator(generator)
    if checks.n_verified and checks.by == "retrain":
        _retrainable(generator)


def verify_rankings(
    subject: Subject, orders: Sequence[Sequence[str]], checks: Checks, run: Runner
) -> list[list[Verification]]:
    """Test the first claims of each ranking.

    Parameters
    ----------
    orders : sequence of sequences of str
        For each query the item ids of its ranking, best first.

    Raises
    ------
    InputError
        If a corpus is too small to have matched recordings for so many claims.
    UnsupportedGenerator
        If retraining is asked of a generator whose recipe we do not have.
    """
    prepare = _by_retraining if checks.by == "retrain" else _by_tail_patch
    return [
        verify_claims(
            subject.corpus, order, checks.n_verified, prepare(subject, query, checks, run), checks.verify
        )
        for query, order in zip(subject.queries, orders, strict=True)
    ]


def locate(
    subject: Subject,
    orders: Sequence[Sequence[str]],
    checks: Checks,
    run: Runner,
    folder: RunFolder,
) -> list[dict[str, Any]]:
    """Map the first recordings of each ranking, draw the maps into the run folder, and return them as JSON."""
    fisher = fisher_diagonal(subject.generator, subject.corpus, run, checks.localise)
    answers = []
    for number, (query, order) in enumerate(zip(subject.queries, orders, strict=True), start=1):
        maps = localise(
            subject.generator, subject.corpus, query, order[:N_MAPPED], fisher, run, checks.localise
        )
        tested = [_masked(subject, query, one, checks, run) for one in maps[: checks.n_verified]]
        shown = [_clipped(subject, one, number) for one in maps]
        picture = f"where-{number:02d}.png"
        draw_maps(shown, folder.path / picture)
        rows = [one.as_json() for one in shown]
        for row, check in zip(rows, tested, strict=False):
            row["masked"] = check.as_json() if check else None
        answers.append({"query": query.query_id, "picture": picture, "maps": rows})
    return answers


def where_rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the best cells of each map: the short form that goes into a ranking's JSON."""
    return [
        {"item_id": row["item_id"], "unit": row["unit"], "cells": row["best"][:N_CELLS], "masked": row.get("masked")}
        for row in answer["maps"]
    ]  # fmt: skip


def _masked(subject: Subject, query: Query, one: SegmentMap, checks: Checks, run: Runner) -> MaskCheck | None:
    if one.cells.shape[1] < 2 or not (one.cells > 0).any():
        return None
    return masked_check(
        subject.generator,
        subject.corpus,
        query,
        one,
        run,
        checks.localise.window_tokens,
        config=checks.tail_patch,
    )


def _clipped(subject: Subject, one: SegmentMap, number: int) -> SegmentMap:
    return one.clipped(subject.durations_s[number - 1], subject.sealed.item(one.item_id).duration_s)


def _by_tail_patch(subject: Subject, query: Query, checks: Checks, run: Runner) -> Means:
    config = checks.tail_patch
    return Means(
        "tail-patch",
        f"a few training steps ({config.n_steps} on it, {config.n_steps} away from it)",
        lambda trials: tail_patch(subject.generator, subject.corpus, query, trials, run, config),
        f"loss after forgetting minus after learning, {subject.generator.loss_unit}",
        {"patches": 1, "training_steps": 2 * config.n_steps},
    )


def _by_retraining(subject: Subject, query: Query, checks: Checks, run: Runner) -> Means:
    generator = _retrainable(subject.generator)
    items = candidates(generator, subject.sealed)
    recordings = [
        (
            item.item_id,
            read_audio(subject.sealed.audio_path(item), generator.sample_rate, allow_silence=True),
            " ".join(item.recording.tags),
        )
        for item in items
    ]
    fold = RetrainWithoutPass(
        tuple(training_items(generator.representation, generator.vocabulary, recordings)),
        generator.network.config,
        replace(generator.recipe),
        query.segments,
        generator.noise_draws(64, checks.seed + 500),
        checks.seed,
    )
    return Means(
        "retrain",
        "training without it",
        lambda trials: run(fold, list(trials), name="retraining without"),
        f"loss without it, {generator.loss_unit}",
        {"retrainings": 1, "training_steps": generator.recipe.n_steps},
    )


def _retrainable(generator: DisclosedGenerator) -> ReferenceGenerator:
    if not isinstance(generator, ReferenceGenerator):
        raise UnsupportedGenerator(
            f"generator {generator.generator_id}: retraining needs the recipe of the reference generator; "
            "use --verify-by tail-patch"
        )
    return generator
