"""The option by which an owner says how firmly layers are held."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, cast

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.layers import MODES, TIERS, too_loose
from lockgate_sandbox.posture import LAYERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockgate_sandbox.layers import Layers, Mode

__all__ = ["add_layer_option", "layers_of"]

_HOW = "write LAYER=strict, LAYER=degradable, or TIER:LAYER=... for one tier"


def add_layer_option(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the option that `layers_of` reads."""
    parser.add_argument(
        "--layer",
        metavar="[TIER:]LAYER=MODE",
        action="append",
        default=[],
        help="strict: refuse to start without this layer; degradable: start and report "
        "it; may be repeated",
    )


def layers_of(args: argparse.Namespace) -> Layers:
    """The modes that parsed arguments ask for.

    Raises:
        PolicyError: If one is written otherwise, names no layer, is written twice, or
            lets go of a layer that no tier goes without.
    """
    everywhere: dict[str, Mode] = {}
    own: dict[str, dict[str, Mode]] = {}
    for text in cast("Sequence[str]", args.layer):
        place, equals, said = text.partition("=")
        tier, colon, layer = place.rpartition(":")
        mode: Mode | None = next((known for known in MODES if known == said), None)
        if not (equals and layer) or mode is None or (colon and tier not in TIERS):
            raise PolicyError(f"--layer {text}: names no layer and mode", hint=_HOW)
        if layer not in LAYERS:  # a tier's name would be lost where that has its own
            msg = f"--layer {text}: no layer {layer!r}; known: {', '.join(LAYERS)}"
            raise PolicyError(msg, hint=_HOW)
        if why := too_loose(layer, mode):
            raise PolicyError(f"--layer {text}: {why}", hint=_HOW)
        table = own.setdefault(tier, {}) if colon else everywhere
        if table.setdefault(layer, mode) != mode:
            msg = f"--layer {text}: {place} has another mode already"
            raise PolicyError(msg, hint="keep one of them")
    return {**everywhere, **own}
