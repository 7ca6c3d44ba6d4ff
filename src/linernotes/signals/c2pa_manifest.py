"""A C2PA manifest store as the C2PA library reports it: who signed, whether it holds, what it asserts.

The library checks signatures and hashes and reports in JSON; here that JSON becomes a typed value, and what it says
about training becomes consent records. A manifest that does not hold says nothing.

Conventions
-----------
``state`` is ``trusted`` (the signer is on a list that the reader trusts), ``signer-untrusted`` (all hashes and the
signature hold, but nobody vouches for the signer), or ``invalid``. The library calls the second "Valid"; we do not.
Only the active manifest binds the file; what its ingredients say is about them, and is reported.

References
----------
C2PA Technical Specification 2.4; IPTC NewsCodes "Digital Source Type"; CAWG training and data mining 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from linernotes.catalog.registry import Imported, Registry
from linernotes.errors import InputError
from linernotes.signals import cawg
from linernotes.signals.origin import Origin, remark
from linernotes.signals.wire import json_of

FORMAT = "C2PA (specification 2.4)"
State = Literal["trusted", "signer-untrusted", "invalid"]
_STATES: dict[str, State] = {"Trusted": "trusted", "Valid": "signer-untrusted", "Invalid": "invalid"}
SYNTHETIC_SOURCES = frozenset(
    [
        *("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"),
        *("algorithmicMedia", "algorithmicallyEnhanced"),
    ]
)
"""Digital source types that say: a machine made it, or had a part in it."""
MAX_MANIFESTS = 1000


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion: its label and what it says."""

    label: str
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One manifest of a store.

    Parameters
    ----------
    label : str
        Its name in the store.
    title, generator : str
        Of the asset, and of the program that made the claim.
    issuer, common_name, serial_number, signed_at : str
        Of the signing certificate; the time only where a time-stamping authority gave it.
    assertions : tuple of Assertion
    ingredients : tuple of str
        Labels of the manifests that it was made from.
    """

    label: str
    title: str = ""
    generator: str = ""
    issuer: str = ""
    common_name: str = ""
    serial_number: str = ""
    signed_at: str = ""
    assertions: tuple[Assertion, ...] = ()
    ingredients: tuple[str, ...] = ()

    @property
    def signer(self) -> str:
        """Name of the signer as the certificate gives it."""
        return ", ".join(part for part in (self.common_name, self.issuer) if part) or "unnamed signer"

    def named(self, label: str) -> list[Assertion]:
        """Return the assertions of a label, repeated ones (``label__1``) included."""
        return [one for one in self.assertions if re.sub(r"__[0-9]+$", "", one.label) == label]

    def source_types(self) -> tuple[str, ...]:
        """Return the digital source types that its actions name, without their address."""
        found = []
        for one in self.assertions:
            if one.label.startswith("c2pa.actions") and isinstance(one.data, Mapping):
                for action in _list(one.data.get("actions")):
                    kind = action.get("digitalSourceType") if isinstance(action, Mapping) else None
                    if isinstance(kind, str):
                        found.append(kind.rstrip("/").rpartition("/")[2])
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestStore:
    """A store: the active manifest, the others, and whether it holds.

    Parameters
    ----------
    state : {"trusted", "signer-untrusted", "invalid"}
    active : Manifest
    others : tuple of Manifest
    faults : tuple of (str, str)
        Codes and explanations of failed checks.
    """

    state: State
    active: Manifest
    others: tuple[Manifest, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def holds(self) -> bool:
        """Whether signature and hashes hold, whoever signed."""
        return self.state != "invalid"

    @property
    def synthetic_sources(self) -> tuple[str, ...]:
        """Source types anywhere in the store that tell of a machine."""
        kinds = [kind for one in (self.active, *self.others) for kind in one.source_types()]
        return tuple(dict.fromkeys(kind for kind in kinds if kind in SYNTHETIC_SOURCES))

    def as_json(self) -> dict[str, Any]:
        """Return the store as JSON-ready values."""
        return {
            "state": self.state,
            "signer": self.active.signer,
            "signed_at": self.active.signed_at,
            "generator": self.active.generator,
            "title": self.active.title,
            "active_manifest": self.active.label,
            "assertions": [{"label": one.label, "data": one.data} for one in self.active.assertions],
            "ingredients": list(self.active.ingredients),
            "digital_source_types": list(self.active.source_types()),
            "synthetic_sources": list(self.synthetic_sources),
            "faults": [{"code": code, "explanation": text} for code, text in self.faults],
        }


def parse_manifest_store(data: bytes | str) -> ManifestStore:
    """Read the JSON report of a manifest store.

    Raises
    ------
    InputError
        If it is no such report.

    Examples
    --------
    >>> text = '{"active_manifest": "m", "manifests": {"m": {"title": "Rain"}}, "validation_state": "Valid"}'
    >>> found = parse_manifest_store(text)
    >>> found.active.title, found.state
    ('Rain', 'signer-untrusted')
    """
    found = json_of(data, "C2PA manifest store")
    manifests = found.get("manifests") if isinstance(found, dict) else None
    active = found.get("active_manifest") if isinstance(found, dict) else None
    if not isinstance(manifests, dict) or not isinstance(active, str) or active not in manifests:
        raise InputError(
            "C2PA manifest store: expected an object with 'manifests' and one 'active_manifest' of them"
        )
    if len(manifests) > MAX_MANIFESTS:
        raise InputError(f"C2PA manifest store: {len(manifests)} manifests; expected at most {MAX_MANIFESTS}")
    read = {label: _manifest(label, body) for label, body in manifests.items()}
    faults = tuple(_faults(found))
    stated = found.get("validation_state")
    # a report without a state (older libraries) is trusted only as far as its list of faults goes
    state = _STATES.get(stated, "invalid") if isinstance(stated, str) else _state_of(faults)
    return ManifestStore(
        state=state,
        active=read[active],
        others=tuple(one for label, one in read.items() if label != active),
        faults=faults,
    )


def imported(store: ManifestStore, origin: Origin) -> Imported:
    """Return what the active manifest says about training as consent records.

    A store that does not hold yields none. That a machine had a part in it, and what ingredients say, are problems
    to look at.

    Examples
    --------
    >>> said = Assertion("cawg.training-mining", {"entries": {"cawg.ai_training": {"use": "notAllowed"}}})
    >>> store = ManifestStore(state="invalid", active=Manifest(label="m", assertions=(said,)))
    >>> found = imported(store, Origin(name="a.wav", target="rain"))
    >>> found.registry.consents, [one.code for one in found.problems]
    ((), ['invalid-credential'])
    """
    problems = []
    if not store.holds:
        value = "; ".join(f"{code}: {text}" for code, text in store.faults) or "not stated"
        problem = remark(
            origin,
            "invalid-credential",
            value,
            "a manifest whose signature and hashes hold",
            "Do not rely on it: obtain the file anew from its publisher.",
            "high",
        )
        return Imported(Registry(), (problem,))
    if store.state == "signer-untrusted":
        problems.append(
            remark(
                origin,
                "signer-untrusted",
                store.active.signer,
                "a signer on a trust list",
                "Find out who signs under this certificate before you rely on a permission; heed a refusal.",
                "low",
            )
        )
    if store.synthetic_sources:
        problems.append(
            remark(
                origin,
                "synthetic-upstream",
                ", ".join(store.synthetic_sources),
                "no machine-made part",
                "Enter the generator that made it in 'synthetic_from', and link its training summary.",
            )
        )
    evidence = f"{FORMAT}, manifest {store.active.label}, {store.state}"
    found = Imported(Registry(), tuple(problems))
    for one in _preferences(store.active):
        try:
            entries = cawg.entries_of(one.data)
        except InputError as error:
            found = found.merge(Imported(Registry(), (_malformed(origin, str(error)),)))
            continue
        found = found.merge(cawg.imported(entries, origin, granted_by=store.active.signer, evidence=evidence))
    for other in store.others:
        if _preferences(other):
            found = found.merge(Imported(Registry(), (_ingredient(origin, other),)))
    return found


def _preferences(manifest: Manifest) -> list[Assertion]:
    return [one for one in manifest.assertions if cawg.is_label(one.label)]


def _malformed(origin: Origin, why: str) -> Any:
    return remark(
        origin,
        "malformed-preference",
        why,
        cawg.FORMAT,
        "Ask the signer what is meant; it was not counted.",
        "high",
    )


def _ingredient(origin: Origin, manifest: Manifest) -> Any:
    return remark(
        origin,
        "ingredient-preference",
        f"{manifest.title or manifest.label}, signed by {manifest.signer}",
        "no preference on an ingredient",
        "Read what the ingredient's signer says about training: it binds that part of the music.",
    )


def _manifest(label: str, body: Any) -> Manifest:
    if not isinstance(body, dict):
        raise InputError(f"C2PA manifest store: manifest '{label[:80]}' is no object")
    stated = body.get("signature_info")
    signature: dict[str, Any] = stated if isinstance(stated, dict) else {}
    makers = [one for one in _list(body.get("claim_generator_info")) if isinstance(one, dict)]
    maker = " ".join(str(makers[0].get(name, "")) for name in ("name", "version")) if makers else ""
    return Manifest(
        label=label,
        title=_text(body.get("title")),
        generator=maker.strip() or _text(body.get("claim_generator")),
        issuer=_text(signature.get("issuer")),
        common_name=_text(signature.get("common_name")),
        serial_number=_text(signature.get("cert_serial_number")),
        signed_at=_text(signature.get("time")),
        assertions=tuple(
            Assertion(one["label"], one.get("data"))
            for one in _list(body.get("assertions"))
            if isinstance(one, dict) and isinstance(one.get("label"), str)
        ),
        ingredients=tuple(
            _text(one.get("active_manifest")) or _text(one.get("title"))
            for one in _list(body.get("ingredients"))
            if isinstance(one, dict)
        ),
    )


def _faults(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    results = found.get("validation_results")
    active = results.get("activeManifest") if isinstance(results, dict) else None
    failures = active.get("failure") if isinstance(active, dict) else found.get("validation_status")
    for one in _list(failures):
        if isinstance(one, dict) and isinstance(one.get("code"), str):
            yield one["code"], _text(one.get("explanation"))


def _state_of(faults: tuple[tuple[str, str], ...]) -> State:
    codes = {code for code, _ in faults}
    return "signer-untrusted" if codes <= {"signingCredential.untrusted"} else "invalid"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
