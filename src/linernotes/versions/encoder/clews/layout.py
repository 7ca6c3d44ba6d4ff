"""The names and shapes that a published CLEWS checkpoint has, and where each belongs in our network.

The published networks have 277 entries: the kernels of the constant-Q transform, a stem, 3 + 4 + 6 + 3 residual
blocks, pooling and a linear map to 1,024 (trained on Discogs-VI) or 2,048 values (SHS100K).

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML; code at github.com/sony/clews (MIT).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from linernotes.errors import InputError

if TYPE_CHECKING:
    from linernotes.versions.encoder.network import NetworkConfig

N_BINS, N_FFT = 84, 16384
KERNELS = ("cqt.0.lenghts", "cqt.0.cqt_kernels_real", "cqt.0.cqt_kernels_imag")  # spelt as published
DIMENSIONS = (1024, 2048)
# Ours on the left, theirs on the right; the longest that fits is taken.
PLACES = (
    ("scale.", "frontend.0."),
    ("stem.0.", "frontend.1."),
    ("stem.1.", "frontend.2."),
    ("stem.3.", "frontend.4."),
    ("pool.raw", "pool.p"),
    ("head.0.", "proj.0."),
    ("head.1.", "proj.1."),
)
INSIDE_BLOCK = (
    ("branch.0.batch.", "convs.0.bn."),
    ("branch.0.instance.", "convs.0.inst."),
    ("branch.2.", "convs.2.conv."),
    ("branch.3.", "convs.3."),
    ("branch.5.", "convs.5.conv."),
    ("skip.0.", "skip.0."),
    ("skip.2.", "skip.2.conv."),
    ("gain", "gain"),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of a checkpoint.

    Parameters
    ----------
    network : NetworkConfig
        Of the network.
    dimensions : tuple[int, ...]
        Widths of the head that are accepted.
    """

    network: NetworkConfig
    dimensions: tuple[int, ...] = DIMENSIONS


def published() -> Layout:
    """Return the layout of the published checkpoints.

    Examples
    --------
    >>> published().network.channels
    (256, 512, 1024, 2048)
    """
    from linernotes.versions.encoder.network import NetworkConfig

    channels = (256, 512, 1024, 2048)
    return Layout(NetworkConfig((128, 256), (3, 4, 6, 3), channels, (1, 2, 2, 1), DIMENSIONS[0]))


def their_name(name: str) -> str:
    """Return the published name of one of our network's entries.

    Parameters
    ----------
    name : str
        As in the state of `linernotes.versions.encoder.network.Network`.

    Examples
    --------
    >>> their_name("body.4.branch.0.instance.weight"), their_name("pool.raw")
    ('backbone.4.convs.0.inst.weight', 'pool.p')
    """
    if name.startswith("body."):
        _, number, rest = name.split(".", 2)
        ours, theirs = next(pair for pair in INSIDE_BLOCK if rest.startswith(pair[0]))
        return f"backbone.{number}.{theirs}{rest[len(ours) :]}"
    ours, theirs = next(pair for pair in PLACES if name.startswith(pair[0]))
    return theirs + name[len(ours) :]


def expected_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Return the published names and shapes for a network of these sizes.

    Parameters
    ----------
    config : NetworkConfig
        Sizes.

    Returns
    -------
    dict[str, tuple[int, ...]]
        277 entries for the published sizes.

    Examples
    --------
    >>> len(expected_shapes(published().network))
    277
    """
    import torch

    from linernotes.versions.encoder.network import Network

    with torch.device("meta"):
        state = Network(config).state_dict()
    shapes = {their_name(name): tuple(value.shape) for name, value in state.items()}
    shapes["pool.p"] = (1, 1, 1)
    shapes[KERNELS[0]] = (N_BINS,)
    shapes[KERNELS[1]] = shapes[KERNELS[2]] = (N_BINS, 1, N_FFT)
    return shapes


def matched(shapes: Mapping[str, tuple[int, ...]], layout: Layout, source: str) -> NetworkConfig:
    """Return the sizes of a checkpoint after checking every name and shape.

    Parameters
    ----------
    shapes : Mapping[str, tuple[int, ...]]
        Names and shapes found.
    layout : Layout
        Sizes expected; the width of the head is read from the checkpoint.
    source : str
        Named in errors.

    Raises
    ------
    InputError
        At the first name that is missing or unknown, or a shape that differs.
    """
    head = shapes.get("proj.1.weight", ())
    if len(head) != 2 or head[0] not in layout.dimensions:
        wanted = " or ".join(map(str, layout.dimensions))
        raise InputError(f"{source}: head of shape {tuple(head)}; expected {wanted} values per vector")
    config = replace(layout.network, dimension=head[0])
    expected = expected_shapes(config)
    for name in sorted(expected.keys() | shapes.keys()):
        if name not in shapes:
            raise InputError(
                f"{source}: no {name}; expected the {len(expected)} entries of a CLEWS checkpoint"
            )
        if name not in expected:
            raise InputError(f"{source}: unknown entry {name}; expected a CLEWS checkpoint")
        if tuple(shapes[name]) != expected[name]:
            raise InputError(
                f"{source}: {name} has shape {tuple(shapes[name])}; expected {expected[name]} (a CLEWS checkpoint)"
            )
    return config
