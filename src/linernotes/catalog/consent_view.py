"""For one recording and day: each rights layer and each performer, what was decided, and by what.

`explain` finds everything that a recording is called (its codes, works, releases, owners, performers), asks
the consent engine layer by layer and performer by performer, and adds what only the registry knows: owners
who were not heard, performers or works that nobody named, a giver who is no owner.

Conventions
-----------
A layer is answered once per right in it: the master once, publishing once per work, performer and
voice-likeness once per credited performer. A use is allowed when every answer that it needs is ``allow``;
with ``accept_terms`` also where it is ``conditional`` and somebody who may do so has agreed.

Known limits
------------
A group's consent covers no member who is credited by name. Without credits nobody can be asked: the layer
stays ``unknown``, and the gap says so. For a recording tagged ``instrumental`` no voice is looked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from linernotes.catalog.authority import LAYERS_NEEDED, SINGLE_LAYERS
from linernotes.catalog.consent_asking import Asked
from linernotes.catalog.consent_decision import Answer, Decision
from linernotes.catalog.consent_engine import ConsentIndex
from linernotes.catalog.consent_record import USES
from linernotes.catalog.links import Links
from linernotes.catalog.registry import Registry
from linernotes.errors import InputError

__all__ = ["Answer", "Explanation", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every answer for one recording, use and day; ``allowed`` when all that are needed say so."""

    recording_id: str
    use: str
    on: str
    territory: str
    allowed: bool
    answers: tuple[Answer, ...]

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)


def explain(
    registry: Registry,
    recording: str,
    *,
    use: str,
    on: dt.date,
    territory: str = "",
    layers: Collection[str] | None = None,
    locations: Collection[str] = (),
    accept_terms: bool = False,
    recorded: Mapping[str, str] | None = None,
    links: Links | None = None,
    index: ConsentIndex | None = None,
) -> Explanation:
    """Say for one recording what was agreed to, layer by layer and performer by performer.

    Parameters
    ----------
    registry : Registry
        Everything known.
    recording : str
        Recording id or ISRC.
    use : str
        One of `linernotes.catalog.consent_record.USES`.
    on : datetime.date
        Day of the use.
    territory : str
        Where; empty is the world.
    layers : collection of str, optional
        Layers that are needed, in place of those of `LAYERS_NEEDED`.
    locations : collection of str
        Addresses from which the recording was taken, for signals bound to them.
    accept_terms : bool
        Whether consent under terms counts as allowed.
    recorded : dict of str to str, optional
        See `decide`.
    links, index : optional
        Made once for many recordings.

    Raises
    ------
    InputError
        If the recording, the use or a layer is unknown.

    Examples
    --------
    >>> from linernotes.catalog.recording import Recording
    >>> known = Registry(recordings=(Recording(recording_id="rain", title="Rain", artist="Ada"),))
    >>> found = explain(known, "rain", use="generative-training", on=dt.date(2026, 1, 1))
    >>> found.allowed, [(answer.layer, answer.decision.value) for answer in found.answers][:2]
    (False, [('master', 'unknown'), ('publishing', 'unknown')])
    """
    if use not in USES:
        raise InputError(f"use '{use}': expected one of {', '.join(USES)}")
    needed = tuple(layers) if layers is not None else LAYERS_NEEDED[use]
    unknown = set(needed) - set(SINGLE_LAYERS)
    if unknown or not needed:
        raise InputError(
            f"layers {', '.join(sorted(unknown)) or '(none)'}: expected {', '.join(SINGLE_LAYERS)}"
        )
    links = links or Links(registry)
    found = links.find_recording(recording)
    if found is None:
        known = ", ".join(f"'{name}'" for name in sorted(links.recordings)[:3]) or "none"
        raise InputError(
            f"recording '{recording}': not in the registry, or its code is claimed for several; expected a "
            f"recording id, such as {known}"
        )
    asked = Asked(links, index or ConsentIndex(registry.consents), found, use, on, territory, recorded)
    answers = tuple(
        replace(answer, needed=layer in needed)
        for layer in SINGLE_LAYERS
        for answer in asked.layer(layer, locations)
    )
    wanted = [answer for answer in answers if answer.needed]  # none: nobody could be asked, which is no yes
    return Explanation(
        recording_id=found.recording_id,
        use=use,
        on=on.isoformat(),
        territory=territory,
        allowed=bool(wanted) and all(_is_yes(answer.decision, accept_terms) for answer in wanted),
        answers=answers,
    )


def _is_yes(decision: Decision, accept_terms: bool) -> bool:
    return decision.value == "allow" or (
        accept_terms and decision.value == "conditional" and decision.granted
    )
