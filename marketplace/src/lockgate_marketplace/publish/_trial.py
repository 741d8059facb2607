"""A wheel on trial before it goes out: its hooks, and a load, as an installer does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate.config import Config
from lockgate.manifest import Manifest
from lockgate_marketplace.errors import ContractError, WheelError
from lockgate_marketplace.install import Terms, check_needs, needs_of, try_out
from lockgate_marketplace.levels import CheckName, Levels
from lockgate_marketplace.publish._prepare import Ready, verdict_of
from lockgate_marketplace.wheel import (
    Surroundings,
    Target,
    Wheel,
    WheelName,
    open_wheel,
)

__all__ = ["tried"]

_PROVIDED = ("lockgate",)
_CHECKS: Mapping[CheckName, str] = {"contract": "hooks", "load": "load"}
"""By the check's name: what its verdict is called beside a wheel."""


def tried(ready: Ready, at_hand: Iterable[Path], terms: Terms) -> Ready:
    """The same wheel with what its hooks and its load came to.

    What it needs is looked for among the files `at_hand`. A wheel without a plugin is
    not tried, nor is what runs in the host; one for another machine can't be loaded
    here, which is noted.

    Raises:
        ContractError: ``contract-broken``, ``contract-load-…``, or ``contract-needs``
            if it can't be loaded for want of what it needs.
        WheelError: If the gate refuses a wheel that it needs.
    """
    manifest, levels = ready.manifest, terms.levels
    if manifest is None or manifest.tier == "system":
        return ready
    wheels, notes = [ready.wheel], list[str]()
    if levels.made("load"):
        elsewhere = _elsewhere(ready.wheel)
        if elsewhere:
            levels = levels.without("load")
            notes.append(f"load: it was not loaded: {elsewhere}")
        else:
            wheels += _needed(ready.wheel, at_hand)
            _check_needs(wheels)
    notes += _tried(wheels, manifest, levels, terms.config)
    told = {name: [n for n in notes if n.startswith(f"{name}: ")] for name in _CHECKS}
    verdicts = tuple(
        verdict_of(said, [note.removeprefix(f"{name}: ") for note in told[name]])
        for name, said in _CHECKS.items()
        if terms.levels.made(name)
    )
    return replace(
        ready, verdicts=ready.verdicts + verdicts, notes=(*ready.notes, *notes)
    )


def _tried(
    wheels: Sequence[Wheel], manifest: Manifest, levels: Levels, config: Config
) -> tuple[str, ...]:
    """Try it out as an installer does; its author is told another way out."""
    try:
        return try_out(wheels, manifest, levels, config)
    except ContractError as error:
        if error.code == "contract-load-unavailable":
            raise
        hint = "Nobody could install it. `lockgate check` in its project shows more."
        raise ContractError(
            error.code, error.message, where=error.where, hint=hint, **error.fields
        ) from None


def _elsewhere(wheel: Wheel) -> str:
    """Why it can't be loaded by this Python on this machine, or ``""``."""
    here = Target.running()
    try:
        here.check_tags(WheelName.parse(wheel.filename))
        here.check_python(wheel.requires_python)
    except WheelError as error:
        return error.message
    return ""


def _needed(own: Wheel, at_hand: Iterable[Path]) -> Sequence[Wheel]:
    """What it needs, and what that needs: the newest at hand that fits, of each."""
    offered = _offered(at_hand)
    chosen: dict[str, Wheel] = {}
    left = [own]
    while left:
        for need in needs_of(left.pop()):
            name = canonicalize_name(need.name)
            if name in chosen or name == own.name or name in _PROVIDED:
                continue
            path = _newest(need, offered.get(name, {}))
            if path is not None:
                chosen[name] = open_wheel(path, around=Surroundings())
                left.append(chosen[name])
    return tuple(chosen.values())


def _offered(at_hand: Iterable[Path]) -> Mapping[str, Mapping[WheelName, Path]]:
    """The wheels for this machine, by what their names say."""
    here, found = Target.running(), dict[str, dict[WheelName, Path]]()
    for path in at_hand:
        try:
            name = WheelName.parse(path.name)
            here.check_tags(name)
        except WheelError:
            continue
        found.setdefault(name.name, {})[name] = path
    return found


def _newest(need: Requirement, offered: Mapping[WheelName, Path]) -> Path | None:
    fits = [n for n in offered if need.specifier.contains(n.version, prereleases=True)]
    return offered[max(fits, key=lambda n: Version(n.version))] if fits else None


def _check_needs(wheels: Sequence[Wheel]) -> None:
    try:
        check_needs(wheels, {name: version(name) for name in _PROVIDED})
    except ContractError as error:
        hint = (
            "It is loaded once, as whoever installs it will. Put the wheels that it "
            "needs beside it, or name their folder by --needs; --no-load does without."
        )
        raise ContractError(
            error.code, error.message, where=error.where, hint=hint
        ) from None
