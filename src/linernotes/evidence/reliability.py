"""How far can a ranking be trusted? Measured on retrainings: the scores of a method, and its statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How well one method's scores predict what retraining does, for one generator and corpus.

    Parameters
    ----------
    method, generator_id, corpus_root : str
        What was measured; a figure never travels to another method, generator or corpus.
    lds : float in [-1, 1]
        Linear datamodelling score: mean Spearman correlation over queries.
    interval : (float, float)
        95 % bootstrap interval over subsets and queries.
    ceiling : float
        What a perfect method could reach: retraining noise bounds it.
    baselines : dict of str to float
        The same figure for random, label-only and embedding-similarity scorers.
    """

    method: str
    generator_id: str
    corpus_root: str
    lds: float
    interval: tuple[float, float]
    ceiling: float
    baselines: dict[str, float] = field(default_factory=dict)
    n_subsets: int = 0
    n_seeds: int = 0
    n_queries: int = 0
    alpha: float = 0.5

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "lds": self.lds,
            "interval": list(self.interval),
            "ceiling": self.ceiling,
            "baselines": dict(self.baselines),
            "n_subsets": self.n_subsets,
            "n_seeds": self.n_seeds,
            "n_queries": self.n_queries,
            "alpha": self.alpha,
            "method": self.method,
            "generator_id": self.generator_id,
            "corpus_root": self.corpus_root,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationNote:
    """What the statements of a ranking rest on: retrainings without somebody, and how often they came true.

    Parameters
    ----------
    confidence : float in (0, 1)
        What part of outcomes the effect intervals are made to hold.
    coverage : float in [0, 1]
        What part they did hold, for removals and queries left out of the fit.
    effect_unit : str
        What an effect is measured in.
    noise : float >= 0
        Standard deviation of a measured effect when nothing but the seed of the training changes.
    matters : float >= 0
        Rise of the loss above which a removal counts as having mattered.
    n_queries, n_removals, n_seeds : int
        Outputs, sets removed, and retrainings per set.
    """

    confidence: float
    coverage: float
    effect_unit: str
    noise: float
    matters: float
    n_queries: int
    n_removals: int
    n_seeds: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "confidence": self.confidence,
            "coverage": self.coverage,
            "effect_unit": self.effect_unit,
            "noise": self.noise,
            "matters": self.matters,
            "n_queries": self.n_queries,
            "n_removals": self.n_removals,
            "n_seeds": self.n_seeds,
        }
