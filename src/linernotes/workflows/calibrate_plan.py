"""What is asked of a calibration: the request, and everything that it names, read and checked before hours are spent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from linernotes.attribution.base import Attributor
from linernotes.attribution.encoding import DisclosedGenerator, candidates
from linernotes.audio.files import file_sha256
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError, UnsupportedGenerator
from linernotes.evaluation.left_out import (
    GROUPINGS,
    MIN_GROUPS,
    LeaveOutConfig,
    LeftOut,
    largest_groups,
)
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows.generators import load_generator
from linernotes.workflows.left_out import FILE as LOSSES
from linernotes.workflows.left_out import load_left_out
from linernotes.workflows.methods import make_method
from linernotes.workflows.question import recorded_prompt
from linernotes.workspace import Workspace

RECIPE_SIZES = ("n_steps", "batch_size")
DEFAULT = LeaveOutConfig()


@dataclass(frozen=True, slots=True)
class CalibrateRequest:
    """What to calibrate, and on what.

    Parameters
    ----------
    generator, workspace : Path
        The generator's folder, and the workspace with the corpus that it was trained on.
    methods : tuple of str
        Names of installed methods.
    outside : Path, optional
        Folder of recordings that the generator was not trained on; else such recordings of the catalogue are taken.
    outputs : tuple of Path
        Outputs of the generator; none to have them generated.
    sizes : mapping
        Fields of `LeaveOutConfig`, and ``n_steps`` and ``batch_size`` of the retraining; None keeps what was
        measured before, or the default.
    """

    generator: Path
    workspace: Path
    methods: tuple[str, ...] = ("unlearning",)
    outside: Path | None = None
    outputs: tuple[Path, ...] = ()
    sizes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A request with everything that it names, read and checked before hours are spent."""

    request: CalibrateRequest
    generator: DisclosedGenerator
    corpus: SealedCorpus
    methods: tuple[Attributor, ...]
    group_of: tuple[str, ...]
    config: LeaveOutConfig
    stored: LeftOut | None
    output_hashes: dict[str, str]


def read_plan(request: CalibrateRequest) -> Plan:
    """Read and check what a request names; nothing dear is done."""
    if not request.methods:
        raise InputError("no method to calibrate; name at least one with --methods")
    methods = tuple(make_method(name) for name in dict.fromkeys(request.methods))
    generator = load_generator(request.generator)
    with Workspace.open(request.workspace) as opened:
        corpus = opened.corpus()
    _refuse_other_corpus(generator, corpus)
    hashes = _output_hashes(request.outputs, generator)
    stored = load_left_out(request.generator, generator)
    if stored is None and not isinstance(generator, ReferenceGenerator):
        raise UnsupportedGenerator(
            f"{request.generator}: no recipe is known for retraining {generator.generator_id} without artists; retrain "
            f"it yourself, take the losses of its outputs, and put them beside it as {LOSSES} with "
            "linernotes.workflows.left_out.save_left_out: see docs/methods/statements.md"
        )
    by = request.sizes.get("by") or (stored[1].by if stored else DEFAULT.by)
    group_of = _groups(generator, corpus, by)
    config = _config(
        request, generator, stored[1] if stored else None, len({n for n in group_of if n.strip()})
    )
    if stored is not None and stored[2] != hashes:
        raise CorpusError(
            f"{request.generator / LOSSES}: losses of {_told(stored[2])}; asked was about {_told(hashes)}: "
            "name the same with --output, or remove the file to retrain"
        )
    if stored is None:
        largest_groups(group_of, config.n_groups)
    return Plan(request, generator, corpus, methods, group_of, config, stored[0] if stored else None, hashes)


def _refuse_other_corpus(generator: DisclosedGenerator, corpus: SealedCorpus) -> None:
    trained = {entry.content_sha256 for entry in generator.trained}
    sealed = {item.content_sha256 for item in corpus.items}
    if trained != sealed:
        raise CorpusError(
            f"generator {generator.generator_id}: trained on {len(trained)} files, of which {len(trained & sealed)} "
            f"are among the {len(sealed)} of the sealed corpus; statements are calibrated on exactly the training "
            "set: seal that, or train a generator on this corpus"
        )


def _groups(generator: DisclosedGenerator, corpus: SealedCorpus, by: str) -> tuple[str, ...]:
    if by not in GROUPINGS:
        raise InputError(f"--by {by}: expected {' or '.join(GROUPINGS)}")
    group_of = tuple(getattr(item.recording, by) for item in candidates(generator, corpus))
    found = len({name for name in group_of if name.strip()})
    if found < MIN_GROUPS:
        other = "rightsholder" if by == "artist" else "artist"
        raise InputError(
            f"corpus {corpus.root[:12]}…: its recordings name {found} {by}s; statements take at least {MIN_GROUPS} "
            f"that can be left out in turn: try --by {other}, or train on a corpus by more people"
        )
    return group_of


def _config(
    request: CalibrateRequest, generator: DisclosedGenerator, stored: LeaveOutConfig | None, n_available: int
) -> LeaveOutConfig:
    """Return sizes as asked; what is not asked for is as measured before, or the default."""
    given = {name: value for name, value in request.sizes.items() if value is not None}
    base = stored
    if base is None:
        assumed = generator.recipe if isinstance(generator, ReferenceGenerator) else DEFAULT.recipe
        n_groups = min(DEFAULT.n_groups, n_available)
        base = LeaveOutConfig(n_groups=n_groups, recipe=replace(assumed, seed=0))
    recipe = replace(base.recipe, **{name: given.pop(name) for name in RECIPE_SIZES if name in given})
    if min(recipe.n_steps, recipe.batch_size) < 1:
        raise InputError(
            f"{recipe.n_steps} steps of {recipe.batch_size} segments: expected 1 or more of each"
        )
    if request.outputs:
        if given.get("n_outputs", len(request.outputs)) != len(request.outputs):
            raise InputError(
                f"{given['n_outputs']} outputs to generate and {len(request.outputs)} given; ask for one or the other"
            )
        given["n_outputs"] = len(request.outputs)
    config = replace(base, recipe=recipe, **given)
    if stored is not None and config != stored:
        differing = {
            name: (value, asdict(config)[name])
            for name, value in asdict(stored).items()
            if asdict(config)[name] != value
        }
        said = "; ".join(f"{name} {before}, not {after}" for name, (before, after) in differing.items())
        raise CorpusError(
            f"{request.generator / LOSSES}: measured with {said}; leave these options out to use it, or remove it to "
            "retrain"
        )
    return config


def _told(hashes: dict[str, str]) -> str:
    if not hashes:
        return "outputs generated for the purpose"
    return f"{len(hashes)} given outputs ({', '.join(sorted(hashes)[:3])}{', …' if len(hashes) > 3 else ''})"


def _output_hashes(outputs: Sequence[Path], generator: DisclosedGenerator) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for path in outputs:
        if path.name in hashes:
            raise InputError(f"{path}: a second output of the name {path.name}; name each output once")
        hashes[path.name] = file_sha256(path)
        recorded_prompt(path)  # refuses a damaged record
        record = path.with_name(path.name + ".json")
        made_by = json.loads(record.read_text("utf-8")).get("generator_id") if record.is_file() else None
        if made_by not in (None, generator.generator_id):
            raise InputError(
                f"{path}: made by {made_by}; outputs to calibrate {generator.generator_id} on must be its own"
            )
    return hashes
