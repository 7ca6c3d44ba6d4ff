"""Contradiction leads: an output holds music that the disclosed corpus does not list.

Idea
----
An output is compared with reference recordings of a catalogue. Where it holds one that the sealed corpus lacks under
every key that could be compared, the disclosure and the output do not sit together, and somebody may ask why. That
is a *lead*: a reason to ask. It carries the false-match rate of what was observed, what controls showed, the keys that
were compared, and the part of the output for which attribution is refused, because a ranking can name disclosed
recordings only.

Conventions
-----------
`decide` looks at one output and one reference. The order of its refusals is fixed: disclosed, not comparable, common
pattern, seen in controls. The first that holds is the reason why no lead is raised. A control counts when it shows the
same reference with at least half the evidence (the logarithm of the false-match rate): a loop that reads nearly the
same backwards says little, a weak chance find beside a long passage takes nothing away from it.

References
----------
Elias and Gygi (2007), "Target-decoy search strategy", Nature Methods 4: a search is trusted as far as it finds
nothing in decoys that resemble the targets.

Known limits
------------
A lead says nothing of how the music came into the output: a shared sample, a re-recording, a reference that was
wrongly labelled, and chance at the stated rate all remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from linernotes.disclosure.leads_keys import KEY_WORDS, KeyCheck, checked_words, is_absent, is_present
from linernotes.errors import InputError

FORMAT = "linernotes-lead-v1"
GAP_CODE = "contradiction-lead"
REFUSAL = "cannot be attributed: reference is not in the disclosed corpus"
NEXT_STEP = (
    "Ask the provider about this recording ('linernotes requests open' gives the question a clock), or correct the "
    "catalogue or the corpus if one of them is incomplete."
)
SCOPE_LEAD = (
    "A reason to ask, and no more. The output and a reference recording agree in the stated seconds, and the sealed "
    "corpus lists the reference under none of the keys named here. How the music came into the output is not shown: "
    "a sample that both use, another recording of the same music, a disclosed recording under another name, or "
    "chance at the stated rate remain possible. It is not a legal conclusion."
)
Kind = Literal["fingerprint", "passage", "version"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadConfig:
    """When an observation is strong enough to ask about.

    Parameters
    ----------
    max_false_match_rate : float in (0, 1)
        Highest chance, per output and for the whole catalogue, of an observation where there is nothing.
    least_s : float > 0
        Shorter observations of sound are not looked at.
    versions : bool
        Whether music played otherwise is looked for, too.
    least_probability : float in (0, 1)
        Of a version match.
    max_commonplace : float in [0, 1)
        A version match whose every span is found in a larger share of unrelated pieces is a common pattern.
    n_controls : int >= 0
        Excerpts of unrelated recordings that are searched in the same way.
    seed : int
        Of their choice.
    """

    max_false_match_rate: float = 1e-3
    least_s: float = 2.0
    versions: bool = True
    least_probability: float = 0.9
    max_commonplace: float = 0.05
    n_controls: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("max_false_match_rate", "least_probability"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: expected a number above 0 and below 1")
        if not 0 <= self.max_commonplace < 1:
            raise InputError(f"max_commonplace {self.max_commonplace}: expected 0 up to, not including, 1")
        if not self.least_s > 0:
            raise InputError(f"least_s {self.least_s}: expected seconds above 0")
        if self.n_controls < 0:
            raise InputError(f"{self.n_controls} controls: expected 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one kind of comparison saw of one reference in one output.

    Parameters
    ----------
    kind : {"fingerprint", "passage", "version"}
        The same recording, a stretch of its sound (also altered), or the same music played otherwise.
    query, reference : (float, float)
        Seconds of the output and of the reference.
    false_match_rate : float or None
        Chance per output of such an observation where there is none, for the whole catalogue; None for versions.
    probability, commonplace : float or None
        Of a version: chance of shared substance, and the share of unrelated pieces with an equally good match.
    control_rank : (int, int) or None
        Of a version: how many of how many recordings by others fit the output as well or better.
    facts : dict
        Further figures of the method, as they came.
    """

    kind: Kind
    query: tuple[float, float]
    reference: tuple[float, float]
    method: str
    false_match_rate: float | None = None
    probability: float | None = None
    commonplace: float | None = None
    control_rank: tuple[int, int] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Seconds of the output."""
        return self.query[1] - self.query[0]

    def as_json(self, n_outputs: int = 1) -> dict[str, Any]:
        """Return the fields of the record; a batch of outputs multiplies the chance of a false match."""
        rate = self.false_match_rate
        return {
            "kind": self.kind,
            "query_start_s": self.query[0],
            "query_end_s": self.query[1],
            "reference_start_s": self.reference[0],
            "reference_end_s": self.reference[1],
            "method": self.method,
            "false_match_rate": rate,
            "false_match_rate_in_batch": None if rate is None else min(1.0, rate * n_outputs),
            "probability": self.probability,
            "commonplace": self.commonplace,
            "control_rank": list(self.control_rank) if self.control_rank else None,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a lead is raised, and the reason where not.

    ``code`` is one of ``raised``, ``disclosed``, ``not-comparable``, ``common-pattern``, ``seen-in-controls``.
    """

    raised: bool
    code: str
    words: str
    observations: tuple[Observation, ...] = ()


def decide(
    observations: Sequence[Observation],
    checks: Sequence[KeyCheck],
    config: LeadConfig = LeadConfig(),
    *,
    control_rates: Sequence[float] = (),
    n_controls: int = 0,
) -> Verdict:
    """Decide on one output and one reference.

    Parameters
    ----------
    observations : sequence of Observation
        Those that passed the limits of their own methods.
    checks : sequence of KeyCheck
        The reference against the sealed corpus.
    config : LeadConfig
        Limits.
    control_rates : sequence of float
        False-match rates of the control searches in which the same reference turned up.
    n_controls : int
        Control searches in all.

    Returns
    -------
    Verdict
        With the observations that a lead rests on.

    Examples
    --------
    >>> seen = Observation(kind="passage", query=(2.0, 8.0), reference=(10.0, 16.0), method="m", false_match_rate=1e-9)
    >>> decide([seen], [KeyCheck("isrc", "absent", 4), KeyCheck("fingerprint", "absent", 4)]).code
    'raised'
    >>> decide([seen], [KeyCheck("isrc", "present", 4, ("rain",))]).words
    'the corpus lists it under ISRC (rain)'
    """
    if is_present(checks):
        return Verdict(False, "disclosed", _disclosed_words(checks))
    if not is_absent(checks):
        return Verdict(
            False,
            "not-comparable",
            f"its sound could not be compared with the corpus; {checked_words(checks)}",
        )
    strong = tuple(one for one in observations if _is_strong(one, config))
    if not strong:
        return Verdict(False, "common-pattern", _pattern_words(observations, config))
    as_strong = _as_strong(strong, control_rates)
    if as_strong:
        return Verdict(
            False,
            "seen-in-controls",
            f"{as_strong} of {n_controls} control searches show this reference nearly as well: that says little about "
            "this output",
        )
    return Verdict(True, "raised", "raised", strong)


def refused_parts(observations: Sequence[Observation]) -> list[dict[str, Any]]:
    """Return the seconds of an output that no ranking may be given for, joined where they overlap.

    Examples
    --------
    >>> spans = [Observation(kind="passage", query=q, reference=(0.0, 1.0), method="m") for q in ((1.0, 3.0), (2.0, 5.0))]
    >>> [(part["start_s"], part["end_s"]) for part in refused_parts(spans)]
    [(1.0, 5.0)]
    """
    joined: list[list[float]] = []
    for start, end in sorted(one.query for one in observations):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return [{"start_s": start, "end_s": end, "words": REFUSAL} for start, end in joined]


def lead_words(
    title: str, artist: str, observations: Sequence[Observation], checks: Sequence[KeyCheck]
) -> str:
    """Say in one paragraph what was seen and why that is a reason to ask.

    Examples
    --------
    >>> seen = Observation(kind="passage", query=(2.0, 8.0), reference=(10.0, 16.0), method="m", false_match_rate=1e-9)
    >>> lead_words("Rain", "Ada", [seen], [KeyCheck("isrc", "absent", 4)])[:60]
    "Seconds 2.0 to 8.0 of the output agree with 'Rain' by Ada (a"
    """
    best = max(observations, key=lambda one: (one.kind != "version", one.duration_s))
    named = f"'{title}' by {artist}" if artist else f"'{title}'"
    how = {
        "fingerprint": "as the same recording",
        "passage": "as a stretch of its sound",
        "version": "as the same music, played otherwise",
    }[best.kind]
    if best.false_match_rate is not None:
        rate = f"false-match rate {best.false_match_rate:.1g} per output"
    else:
        rate = (
            f"probability {best.probability or 0:.2f} of shared substance, "
            f"commonplace in {best.commonplace or 0:.0%} of pieces"
        )
    return (
        f"Seconds {best.query[0]:.1f} to {best.query[1]:.1f} of the output agree with {named} ({how}; {rate}). "
        f"The sealed corpus does not list that recording ({checked_words(checks)}). That is a reason to ask about it."
    )


def _as_strong(strong: Sequence[Observation], control_rates: Sequence[float]) -> int:
    """Return how many controls have at least half the evidence, in the logarithm of the false-match rate."""
    best = min((one.false_match_rate for one in strong if one.false_match_rate is not None), default=1.0)
    return sum(rate <= max(best, 1e-300) ** 0.5 for rate in control_rates)


def _is_strong(one: Observation, config: LeadConfig) -> bool:
    if one.kind != "version":
        rate = one.false_match_rate
        return rate is not None and rate <= config.max_false_match_rate and one.duration_s >= config.least_s
    if one.probability is None or one.probability < config.least_probability or one.commonplace is None:
        return False
    first = one.control_rank is not None and one.control_rank[0] == 0
    return first and one.commonplace <= config.max_commonplace


def _disclosed_words(checks: Sequence[KeyCheck]) -> str:
    found = [
        f"{KEY_WORDS[one.kind]} ({', '.join(one.item_ids[:3])})" for one in checks if one.status == "present"
    ]
    return f"the corpus lists it under {', '.join(found)}"


def _pattern_words(observations: Sequence[Observation], config: LeadConfig) -> str:
    versions = [one for one in observations if one.kind == "version"]
    if not versions:
        return "what was seen is shorter or less certain than the limits ask for"
    best = max(versions, key=lambda one: one.probability or 0.0)
    if best.commonplace is not None and best.commonplace > config.max_commonplace:
        return f"a common pattern: {best.commonplace:.0%} of unrelated pieces hold an equally good match"
    if best.control_rank is not None and best.control_rank[0]:
        return f"{best.control_rank[0]} of {best.control_rank[1]} recordings by others fit the output as well"
    return "the musical relation is too weak to ask about"
