"""How firmly each layer is held: at each tier by itself, and as an owner asks.

::

    Sandbox.open(layers={"cgroup": "strict"})                      # at every tier
    Sandbox.open(layers={"admin": {"pid-namespace": "strict"}})    # at one
    Sandbox.open(layers={"uid": "strict", "basic": {"uid": "degradable"}})

A ``strict`` layer that is missing stops the worker before its first foreign byte, a
``degradable`` one is told by the posture, and one that is ``off`` is not tried, which
is for testing the others. What is asked for one tier counts more there than what is
asked for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, cast

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.posture import INHERITED, LAYERS
from lockgate_sandbox.tiers import Tier

__all__ = [
    "ALWAYS_STRICT",
    "MODES",
    "STRICT_FROM",
    "STRICT_WHERE_HAD",
    "TIERS",
    "LayerModes",
    "Layers",
    "Mode",
    "Modes",
    "by_default",
    "too_loose",
]

Mode: TypeAlias = Literal["strict", "degradable", "off"]
LayerModes: TypeAlias = Mapping[str, Mode]
"""Modes by the names of layers."""

Layers: TypeAlias = Mapping[str, Mode | LayerModes]
"""What an owner asks for: a mode by a layer's name, or modes by a tier's name."""

MODES: tuple[Mode, ...] = ("strict", "degradable", "off")

TIERS = tuple(tier for tier in Tier if tier is not Tier.SYSTEM)
"""The tiers that layers hold."""

ALWAYS_STRICT = frozenset(
    {
        "fds",
        "session",
        "capabilities",
        "no-new-privs",
        "rlimits",
        "process-limit",
        "landlock",
        "seccomp",
    }
)
"""What no tier goes without: the baseline, which a plain container permits too."""

STRICT_FROM = {"scratch": Tier.BASIC, "cgroup": Tier.ELEVATED}
"""Layers that are strict from a tier on, where that has something for them to hold.

`basic` brings a folder that is limited in bytes and files: one that nobody counts is
none. `elevated` brings trees of processes, which share their limits.
"""

STRICT_WHERE_HAD = frozenset({"cgroup"})
"""Of those, what a plain container forbids: strict where this machine has it, so that
no failure of the moment takes it away unseen, and degradable elsewhere."""


def by_default(tier: Tier | str, *, grouped: bool) -> dict[str, Mode]:
    """The mode of each layer at `tier` when nobody asks for another.

    `grouped`: whether a control group can bound the memory of a tree of processes here.
    """
    wanted = Tier(tier)
    found: dict[str, Mode] = dict.fromkeys(LAYERS, "degradable")
    found |= dict.fromkeys(ALWAYS_STRICT, "strict")
    for name, first in STRICT_FROM.items():
        if wanted >= first and (grouped or name not in STRICT_WHERE_HAD):
            found[name] = "strict"
    return found


def too_loose(layer: str, mode: str) -> str:
    """Why a person's settings may not give `layer` this `mode`, or an empty text.

    Settings can hold a layer firmer, and let go of those that a tier can do without.
    Only code that tests the layers can do more.
    """
    if mode == "off":
        return "no setting switches a layer off"
    if mode == "degradable" and layer in ALWAYS_STRICT:
        return "no tier goes without this layer"
    return ""


class Modes:
    """The modes that an owner asks for, looked up by tier.

    Raises:
        PolicyError: If a name is neither a layer's nor a tier's, a mode is none, or
            a namespace that all workers share is off at some tiers only.
    """

    __slots__ = ("_asked",)

    def __init__(self, asked: Layers | None = None) -> None:
        everywhere: dict[str, Mode] = {}
        own: dict[Tier, dict[str, Mode]] = {tier: {} for tier in TIERS}
        for name, given in (asked or {}).items():
            if name in LAYERS:
                everywhere[name] = _mode(name, given)
            else:
                tier = _tier(name)
                own[tier] = _table(tier, given)
        self._asked: dict[Tier, LayerModes] = {
            tier: {**everywhere, **own[tier]} for tier in TIERS
        }
        for name in INHERITED:
            if self.is_off(name) is None:
                raise PolicyError(
                    f"layer {name}: all workers share one namespace, so it is off at "
                    "every tier or at none",
                    hint=f"switch it off for all, or hold {name} degradable",
                )

    def at(self, tier: Tier) -> LayerModes:
        """What is asked for at `tier`."""
        return self._asked[tier]

    def is_off(self, layer: str) -> bool | None:
        """Whether `layer` is off at every tier; None if only at some."""
        off = {modes.get(layer) == "off" for modes in self._asked.values()}
        return off.pop() if len(off) == 1 else None


def _tier(name: str) -> Tier:
    if name in TIERS:
        return Tier(name)
    if name == Tier.SYSTEM:
        raise PolicyError("tier system is not sandboxed: no layer holds it")
    raise PolicyError(
        f"no layer {name!r}; known: {', '.join(LAYERS)}",
        hint=f"or a tier, with modes of its own: {', '.join(TIERS)}",
    )


def _table(tier: str, given: object) -> dict[str, Mode]:
    if not isinstance(given, Mapping):
        raise PolicyError(
            f"tier {tier}: its layers and their modes, not {given!r}",
            hint=f'write {{"{tier}": {{"cgroup": "strict"}}}}',
        )
    found: dict[str, Mode] = {}
    for layer, mode in cast("Mapping[str, object]", given).items():
        if layer not in LAYERS:
            msg = f"tier {tier}: no layer {layer!r}; known: {', '.join(LAYERS)}"
            raise PolicyError(msg)
        found[layer] = _mode(layer, mode)
    return found


def _mode(layer: str, given: object) -> Mode:
    for mode in MODES:
        if given == mode:
            return mode
    msg = f"layer {layer}: mode is strict, degradable or off, not {given!r}"
    raise PolicyError(msg)
