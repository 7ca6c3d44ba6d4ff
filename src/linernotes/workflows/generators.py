"""Reading a generator folder with the adapter that its card names, ours or a third party's.

``card.json`` of a folder may say ``"name": "theirs"``; the adapter is then the class that an installed package
offers under that name in the entry-point group ``linernotes.generators``. Without a name it is ``reference``.
The class reads the folder by its class method ``load(folder)``.
"""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from linernotes.attribution.encoding import DisclosedGenerator
from linernotes.errors import InputError, UnsupportedGenerator
from linernotes.generators.reference.adapter import ReferenceGenerator

GROUP = "linernotes.generators"
CARD = "card.json"
REFERENCE = "reference"


def generator_names() -> list[str]:
    """Return the names of all installed adapters, sorted.

    Examples
    --------
    >>> "reference" in generator_names()
    True
    """
    return sorted({point.name for point in entry_points(group=GROUP)})


def load_generator(folder: Path | str) -> DisclosedGenerator:
    """Read a generator folder with the adapter that its card names.

    Raises
    ------
    InputError
        If the folder is no generator's.
    UnsupportedGenerator
        If no installed package offers the adapter, or the adapter lacks what attribution needs.
    """
    folder = Path(folder)
    name = adapter_name(folder)
    generator = _adapter(folder, name).load(folder)
    if not isinstance(generator, DisclosedGenerator):
        raise UnsupportedGenerator(
            f"{folder}: the adapter '{name}' ({type(generator).__name__}) lacks {', '.join(_missing(generator))}; "
            "attribution needs every member of Generator and DisclosedGenerator: see docs/methods/where.md"
        )
    return generator


def load_reference(folder: Path | str, purpose: str) -> ReferenceGenerator:
    """Read a folder of the reference generator, for what only that one can do.

    Raises
    ------
    InputError
        If the folder is no generator's.
    UnsupportedGenerator
        If it is another adapter's; the message says for which purpose that is not enough.
    """
    name = adapter_name(Path(folder))
    if name != REFERENCE:
        raise UnsupportedGenerator(
            f"{folder}: a generator of the adapter '{name}'; {purpose} works with the reference generator only"
        )
    return ReferenceGenerator.load(Path(folder))


def adapter_name(folder: Path) -> str:
    """Return the adapter that a folder's card names; ``reference`` where it names none.

    Raises
    ------
    InputError
        If the name is not a word.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return REFERENCE  # its loader says best what is wrong with the folder
    name = card.get("name", REFERENCE) if isinstance(card, dict) else REFERENCE
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{folder / CARD}: name is {name!r}; expected the name of an installed adapter")
    return name


def _adapter(folder: Path, name: str) -> Any:
    for point in entry_points(group=GROUP):
        if point.name == name:
            return _loaded(folder, point)
    raise UnsupportedGenerator(
        f"{folder}: made by the adapter '{name}', which no installed package offers; install the package that "
        f"registers '{name}' in the entry-point group {GROUP} (installed: {', '.join(generator_names())})"
    )


def _loaded(folder: Path, point: EntryPoint) -> Any:
    try:
        adapter = point.load()
    except (ImportError, AttributeError) as error:
        raise UnsupportedGenerator(
            f"{folder}: the adapter '{point.name}' ({point.value}) cannot be imported ({error}); "
            "install its package again"
        ) from error
    if not callable(getattr(adapter, "load", None)):
        raise UnsupportedGenerator(
            f"{folder}: the adapter '{point.name}' ({point.value}) has no class method load(folder)"
        )
    return adapter


def _missing(generator: object) -> list[str]:
    members = (
        "paper licence weights_licence trained_on revision loss_unit generator_id sample_rate segment_s network "
        "encode noise_draws losses null_losses updatable generate trained weights_sha256"
    )
    return [name for name in members.split() if not hasattr(generator, name)]
