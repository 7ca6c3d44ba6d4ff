"""Sentences drawn from figures, so that no page says more than its numbers do.

Idea
----
Each function takes measured values and returns plain English. The thresholds are here, in one place,
and are printed in the method page; a sentence never names a cause, only what was measured.

Conventions
-----------
Shares and rates are fractions in [0, 1] on the way in and per cent on the way out.

Known limits
------------
"Better" compares an interval's lower end with a baseline's point estimate, because baselines come
without an interval of their own; it is a reading aid and not a test of significance.
"""

from __future__ import annotations

from collections.abc import Sequence

from linernotes.evidence.reliability import CalibrationNote, Reliability

COMMON = 0.10
USUAL = 0.30

VERDICT_WORDS = {
    "better": "Predicts retraining better than plain similarity does.",
    "unclear": "Not shown to be better than plain similarity: the interval reaches the similarity baseline.",
    "not-better": (
        "No better than plain similarity at predicting retraining: read it as likeness, not as influence."
    ),
    "not-beyond-chance": "Not distinguishable from chance: its ranking should not be relied on.",
    "no-baseline": "Better than chance; no similarity baseline was measured beside it.",
}


def per_cent(share: float) -> str:
    """Return a fraction as per cent, with no more digits than it deserves.

    Examples
    --------
    >>> per_cent(0.1234), per_cent(0.004), per_cent(0.0), per_cent(0.0003), per_cent(1)
    ('12 %', '0.4 %', '0 %', 'under 0.1 %', '100 %')
    """
    if share == 0:
        return "0 %"
    if abs(share) < 0.001:
        return "under 0.1 %"
    return f"{share * 100:.0f} %" if abs(share) >= 0.0995 else f"{share * 100:.1f} %"


def per_cent_range(low: float, high: float) -> str:
    """Return an interval of fractions as per cent.

    Examples
    --------
    >>> per_cent_range(0.13, 0.334), per_cent_range(0.0, 0.0), per_cent_range(-0.02, 0.004)
    ('13 to 33 %', '0 to 0 %', '-2.0 to 0.4 %')
    """
    return f"{per_cent(low).removesuffix(' %')} to {per_cent(high)}"


def clock(seconds: float) -> str:
    """Return seconds as whole minutes and seconds, as a player shows them.

    Examples
    --------
    >>> clock(0), clock(65.9), clock(3725)
    ('0:00', '1:05', '1:02:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def clock_range(start_s: float, end_s: float) -> str:
    """Return a stretch of a second or so, with tenths of seconds.

    Examples
    --------
    >>> clock_range(3.07, 4.096), clock_range(59.97, 61)
    ('0:03.1–0:04.1', '1:00.0–1:01.0')
    """
    return f"{_tenths(start_s)}–{_tenths(end_s)}"


def _tenths(seconds: float) -> str:
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths // 10:02d}.{tenths % 10}"


def long_time(seconds: float) -> str:
    """Return a duration in words.

    Examples
    --------
    >>> long_time(42), long_time(600), long_time(7300)
    ('42 seconds', '10 minutes', '2 h 2 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "recording"), count(3, "recording"), count(0, "entry", "entries")
    ('1 recording', '3 recordings', '0 entries')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str]) -> str:
    """Return names as an English list.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def similarity_baseline(baselines: dict[str, float]) -> float | None:
    """Return the strongest baseline that is some kind of similarity, or None."""
    found = [value for name, value in baselines.items() if "similar" in name]
    return max(found) if found else None


def verdict(reliability: Reliability) -> str:
    """Return which sentence of `VERDICT_WORDS` the figures support.

    Examples
    --------
    >>> facts = dict(method="m", generator_id="g", corpus_root="r", ceiling=0.6)
    >>> verdict(Reliability(lds=0.4, interval=(0.3, 0.5), baselines={"similarity": 0.2}, **facts))
    'better'
    >>> verdict(Reliability(lds=0.4, interval=(0.3, 0.5), baselines={"similarity": 0.35}, **facts))
    'unclear'
    >>> verdict(Reliability(lds=0.4, interval=(0.3, 0.5), baselines={"similarity": 0.41}, **facts))
    'not-better'
    >>> verdict(Reliability(lds=0.1, interval=(-0.1, 0.3), **facts))
    'not-beyond-chance'
    """
    low = reliability.interval[0]
    if low <= max(0.0, reliability.baselines.get("random", 0.0)):
        return "not-beyond-chance"
    likeness = similarity_baseline(reliability.baselines)
    if likeness is None:
        return "no-baseline"
    if reliability.lds <= likeness:
        return "not-better"
    return "better" if low > likeness else "unclear"


def reliability_line(reliability: Reliability | None) -> str:
    """Return the measured trust on one line, to stand beside every figure it concerns.

    Examples
    --------
    >>> reliability_line(None)
    'reliability not measured: treat this ranking as unverified'
    """
    if reliability is None:
        return "reliability not measured: treat this ranking as unverified"
    low, high = reliability.interval
    beside = [f"ceiling {reliability.ceiling:.2f}"]
    beside += [
        f"{name.replace('_', ' ')} {value:.2f}" for name, value in sorted(reliability.baselines.items())
    ]
    return f"LDS {reliability.lds:.2f} (95 % interval {low:.2f} to {high:.2f}); " + ", ".join(beside)


def commonplace_words(commonplace: float | None) -> str:
    """Say how easily an equally good match is found by chance.

    Examples
    --------
    >>> commonplace_words(0.02)
    'uncommon: an equally good match turns up in 2.0 % of unrelated pieces'
    >>> commonplace_words(None)
    'not compared with unrelated pieces, so it may be common property'
    """
    if commonplace is None:
        return "not compared with unrelated pieces, so it may be common property"
    if commonplace == 0:
        return "no equally good match turned up in the unrelated pieces that were tried"
    rate = f"an equally good match turns up in {per_cent(commonplace)} of unrelated pieces"
    if commonplace < COMMON:
        return f"uncommon: {rate}"
    return f"fairly common: {rate}" if commonplace < USUAL else f"common property: {rate}"


def agreement_words(spearman: float | None, overlap: int, top_k: int, by_chance: float) -> str:
    """Say how alike two methods rank one output.

    Examples
    --------
    >>> agreement_words(0.82, 4, 5, 0.4)[:76]
    'The two methods largely agree: 4 of their top 5 are the same (0.4 expected b'
    """
    if spearman is None:
        return f"One of the methods does not rank; {overlap} of the top {top_k} are the same."
    degree = "largely agree" if spearman >= 0.6 else "agree in part" if spearman >= 0.3 else "disagree"
    return (
        f"The two methods {degree}: {overlap} of their top {top_k} are the same "
        f"({by_chance:.1f} expected by chance), rank correlation {spearman:.2f}."
    )


def calibration_words(note: CalibrationNote) -> str:
    """Say what chances and effects rest on, and how well they held.

    Examples
    --------
    >>> calibration_words(CalibrationNote(confidence=0.9, coverage=0.91, effect_unit="rise of the loss", noise=0.012,
    ...                                   matters=0.02, n_queries=24, n_removals=20, n_seeds=3))[:76]
    'Chances and effects are calibrated: the generator was trained again without '
    """
    return (
        "Chances and effects are calibrated: the generator was trained again without "
        f"{count(note.n_removals, 'set')} of recordings, {count(note.n_seeds, 'time')} each, and "
        f"{count(note.n_queries, 'output')} scored under all of it. An effect is the {note.effect_unit} had the recording "
        f"been left out; its {per_cent(note.confidence)} interval held {per_cent(note.coverage)} of the outcomes that the "
        f"fit had not seen. The chance is that the effect is above {note.matters:.2g}, what retraining noise (standard "
        f"deviation {note.noise:.2g}) seldom reaches. Leaving out a single recording was not measured: statements about "
        "one rest on effects adding up."
    )


def cluster_words(rule: str) -> str:
    """Say how near-duplicates share credit.

    Examples
    --------
    >>> cluster_words("members of a cluster share its credit equally")[:61]
    'Near-duplicates are a cluster: members of a cluster share its'
    """
    return f"Near-duplicates are a cluster: {rule}. A chance or an effect stated of one is that of leaving out all of them."


CONSENT_WORDS = {
    "consent-refused": "Refused.",
    "consent-unknown": "Unknown: nobody was asked, or nobody answered.",
    "consent-after-training": "Given only after training; it does not reach back.",
    "consent-by-licence-only": "Public licence; a licence to share is not consent to training.",
    "consent-expired": "Had ended by the day of training.",
    "consent-no-evidence": "Claimed, without evidence.",
    "consent-undated": "Claimed, without a date.",
}


def consent_words(doubt: str | None) -> str:
    """Say what is on file, by its honest name.

    Examples
    --------
    >>> consent_words("consent-by-licence-only")
    'Public licence; a licence to share is not consent to training.'
    >>> consent_words("consent-after-training")
    'Given only after training; it does not reach back.'
    """
    if doubt is not None:
        return CONSENT_WORDS.get(doubt, f"Does not count: {doubt.replace('-', ' ')}.")
    return "Consent on file, dated and evidenced."
