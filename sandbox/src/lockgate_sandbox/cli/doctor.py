"""``lockgate-sandbox doctor``: what of the security model holds on this machine.

Status 0 if every tier can be had; 1 with ``--strict`` if a layer is weaker than it
can be; 125 if a tier is refused, as `run` would refuse it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from lockgate_sandbox import _platform
from lockgate_sandbox.cli._complaint import REFUSED, complain
from lockgate_sandbox.cli._layers import add_layer_option, layers_of
from lockgate_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from lockgate_sandbox.doctor import Examination, TierState

__all__ = ["ABOUT", "add_arguments", "main"]

ABOUT = (
    "Try every layer on this machine and start a worker of each tier. Exit status: 0 "
    "if every tier can be had; 1 with --strict if a layer is weaker than it can be; "
    "125 if a tier would be refused."
)
"""What ``--help`` says."""

_WEAK = 1
_NO = "NO"
_STRICT = "*"
"""Behind a layer's state: without it no worker of that tier starts."""

_NAMES = {"own_uid": "uid per worker"}
"""A facility is for root only; the layer `uid` is active for an ordinary user, too."""

_HOLDS = {"held": "", "weak": "WEAK: ", "open": "NOT HELD"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``doctor``."""
    text = "status 1 if any layer is degraded or missing"
    parser.add_argument("--strict", action="store_true", help=text)
    add_layer_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    text = "print what is promised on no machine, and what to do instead"
    parser.add_argument("--not-promised", action="store_true", help=text)


def main(args: argparse.Namespace) -> int:
    """Examine the machine; gives the exit status."""
    if args.not_promised:
        _tell_not_promised(as_json=args.json)
        return 0
    try:
        _platform.require()
        from lockgate_sandbox.doctor import examine

        found = examine(layers_of(args))
    except SandboxError as error:
        complain(error, as_json=args.json)
        return REFUSED
    if args.json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        print("\n".join(_lines(found)))
    if found.refused:
        return REFUSED
    return _WEAK if args.strict and found.degraded else 0


def _tell_not_promised(*, as_json: bool) -> None:
    from lockgate_sandbox.security import NOT_PROMISED

    if as_json:
        told = [asdict(item) for item in NOT_PROMISED]
        print(json.dumps({"not_promised": told}, indent=2))
        return
    for item in NOT_PROMISED:
        print(fill(item.text, initial_indent="- ", subsequent_indent="  "))
        print(fill(item.instead, initial_indent="  instead: ", subsequent_indent="  "))


def _lines(found: Examination) -> Iterator[str]:
    machine = found.capabilities
    yield (
        f"Linux {machine.kernel} on {machine.machine}, uid {machine.uid}, "
        f"Landlock ABI {machine.landlock_abi}"
    )
    yield from _verdict(found)
    yield ""
    yield from _table("what this kernel permits", _facilities(found))
    yield ""
    yield from _table("Landlock", _abis(found))
    yield ""
    yield from _table(f"layers ({_STRICT} held strict at that tier)", _layers(found))
    yield ""
    yield from _table("the code cannot ..., held by", _promises(found))
    yield ""
    yield "What is promised nowhere, and what to do instead: doctor --not-promised"


def _verdict(found: Examination) -> Iterator[str]:
    for state in found.refused:
        if state.error is not None:
            yield f"REFUSED {state.name}: {state.error}"
            yield f"  to have it: {state.error.hint}"
    weak = False
    for remedy, lines in _weak(found).items():
        weak = True
        yield from lines
        if remedy:
            yield f"  to have {'it' if len(lines) == 1 else 'these'}: {remedy}"
    if weak:
        yield _weakened(found)
    if found.refused:
        return
    if weak:
        yield "Every tier can be had, and every other layer of it is active."
    else:
        lacking = [name for name, have, _ in _facilities(found) if have == _NO]
        if lacking:
            # No layer of these tiers rests on it; a policy that asks for it would.
            yield "Every layer that the tiers need is active."
            yield f"Not to be had here, see below: {', '.join(lacking)}."
        else:
            yield "Every layer of every tier is active."


def _weak(found: Examination) -> dict[str, list[str]]:
    """What is weaker than it can be, by what would help: one thing is said once."""
    weak: dict[tuple[str, str, str, str], list[TierState]] = {}
    for state in found.tiers:
        for layer in state.posture.weak if state.posture else ():
            key = layer.name, layer.state, layer.detail, layer.remedy
            weak.setdefault(key, []).append(state)
    lines: dict[str, list[str]] = {}
    for (name, how, detail, remedy), tiers in weak.items():
        told = f"{how.upper()} {name} ({_which(tiers, found)}): {detail}"
        lines.setdefault(remedy, []).append(told)
    return lines


def _weakened(found: Examination) -> str:
    """Which promises are held less for it: what a reader wants to know first."""
    less: dict[str, None] = {}
    for state in found.tiers:
        for promise, how, _ in state.promises():
            if how != "held":
                less[promise.text] = None
    if not less:
        return "No promise is weaker for it: other layers hold each, see below."
    return f"Weaker here, see below: {'; '.join(less)}."


def _facilities(found: Examination) -> Iterator[Sequence[str]]:
    from lockgate_sandbox.doctor import FEATURES

    machine = found.capabilities
    for name, why in machine.reasons.items():
        text = why
        if name == "cgroup" and machine.cgroup_parents:
            text = f"{_cgroups(machine.cgroup_parents)}{'; ' * bool(why)}{why}"
        have = bool(machine.cgroup_parents) if name == "cgroup" else not why
        yield _NAMES.get(name) or name.replace("_", " "), _yes(have), text
    for name, why in found.features.items():
        kernel, use = FEATURES[name]
        told = f"{use} (since {kernel})" + (f": {why}" if why else "")
        yield name.replace("_", " "), _yes(not why), told


def _cgroups(parents: Sequence[tuple[str, str]]) -> str:
    told: list[str] = []
    for controller, folder in parents:
        version = 2 if Path(folder, "cgroup.controllers").exists() else 1
        told.append(f"{controller}: version {version} in {folder}")
    return ", ".join(told)


def _yes(have: bool) -> str:
    return "yes" if have else _NO


def _abis(found: Examination) -> Iterator[Sequence[str]]:
    from lockgate_sandbox.security import ABIS

    here = found.capabilities.landlock_abi
    for abi in ABIS:
        have = abi.number <= here
        if have:
            text = abi.adds
        else:
            text = f"{abi.adds} (kernel {abi.kernel}); without it: {abi.without}"
        yield f"ABI {abi.number}", _yes(have), text


def _layers(found: Examination) -> Iterator[Sequence[str]]:
    from lockgate_sandbox.posture import LAYERS

    yield "", *(state.name for state in found.tiers)
    for name in LAYERS:
        states = [_state(state, name) for state in found.tiers]
        yield name, *states


def _state(state: TierState, layer: str) -> str:
    if state.posture is None:
        return "refused"
    told = {item.name: item.state for item in state.posture.layers}.get(layer, "-")
    if told == "unneeded":
        return told
    mark = _STRICT if state.modes.get(layer) == "strict" else ""
    return (told if told == "active" else told.upper()) + mark


def _promises(found: Examination) -> Iterator[Sequence[str]]:
    told: dict[str, dict[str, list[TierState]]] = {}
    for state in found.tiers:
        for promise, how, layers in state.promises():
            text = f"{_HOLDS[how]}{', '.join(layers)}"
            told.setdefault(promise.text, {}).setdefault(text, []).append(state)
    for what, ways in told.items():
        parts = [
            text if len(ways) == 1 else f"{text} ({_which(states, found)})"
            for text, states in ways.items()
        ]
        yield what, "; ".join(parts)


def _which(states: Sequence[TierState], found: Examination) -> str:
    """Which tiers `states` are, in as few words as can be."""
    if len(states) == len(found.tiers):
        return "every tier"
    if len({state.programs for state in states}) == 1:
        programs = states[0].programs
        if sum(state.programs == programs for state in found.tiers) == len(states):
            return "with programs" if programs else "without programs"
    return ", ".join(state.name for state in states)


def _table(title: str, rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the last one as long as it is."""
    cells = [list(row) for row in rows]
    yield title
    if not cells:
        return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        yield f"  {'  '.join(padded)}".rstrip()
