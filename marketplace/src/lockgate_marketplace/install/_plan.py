"""Judging: everything before the first byte is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from lockgate.config import Config
from lockgate.errors import UsageError
from lockgate.manifest import Manifest
from lockgate_marketplace.errors import ContractError
from lockgate_marketplace.install._fits import manifest_of
from lockgate_marketplace.install._needs import check_needs
from lockgate_marketplace.install._trial import try_out
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.scan import Verdict, VerdictCache, check_verdict, scan
from lockgate_marketplace.store import check_judged
from lockgate_marketplace.wheel import Wheel

__all__ = ["Plan", "Terms", "judge"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plugin is judged by: how firm each check is, and the engine's settings."""

    config: Config
    levels: Levels = field(default_factory=Levels)


@dataclass(frozen=True, slots=True)
class Plan:
    """Wheels that may be installed, the plugin's own first."""

    wheels: tuple[Wheel, ...]
    manifest: Manifest
    verdict: Verdict
    notes: tuple[str, ...] = ()
    """What does not stop it, and may be of interest."""

    @property
    def plugin(self) -> Wheel:
        """The wheel of the plugin itself."""
        return self.wheels[0]


def judge(
    wheels: Sequence[Wheel],
    terms: Terms,
    *,
    provided: Sequence[str] = ("lockgate",),
) -> Plan:
    """Judge one environment: wheels that the gate let in, the plugin's own first.

    Whatever wants to get into the store, from wherever it comes, passes here; what a
    wheel takes of others' names was the gate's to see (`surroundings`).

    Raises:
        MarketplaceError: Of the step that refuses.
        UsageError: If a distribution is given twice.
    """
    _check_names(wheels)
    own = wheels[0]
    manifest = manifest_of(own)
    check_needs(wheels, {name: version(name) for name in provided})
    check_judged(wheels)
    verdict = _scanned(own, manifest, terms)
    notes = [*verdict.told(), *try_out(wheels, manifest, terms.levels, terms.config)]
    return Plan(tuple(wheels), manifest, verdict, tuple(notes))


def _scanned(wheel: Wheel, manifest: Manifest, terms: Terms) -> Verdict:
    levels = terms.levels
    if not levels.made("undeclared") and not levels.made("opaque"):
        return Verdict()
    cache = VerdictCache.below(Path(terms.config.data_dir))
    verdict = scan(wheel, manifest, cache)
    check_verdict(
        verdict,
        wheel,
        undeclared=not levels.stops("undeclared"),
        opaque=not levels.stops("opaque"),
    )
    return verdict


def _check_names(wheels: Sequence[Wheel]) -> None:
    own = [wheel for wheel in wheels if wheel.manifest is not None]
    if len(own) != 1:
        message = (
            f"{len(own)} of the wheels hold a plugin, and an environment has one"
            if own
            else f"{wheels[0].name} is no plugin of lockgate: it holds no manifest"
        )
        where = ", ".join(wheel.filename for wheel in own or wheels)
        raise ContractError("contract-manifest", message, where=where)
    if own[0] is not wheels[0]:
        message = f"the plugin is in {own[0].name}, which only comes along"
        raise ContractError("contract-manifest", message, where=wheels[0].filename)
    names = [wheel.name for wheel in wheels]
    for position, wheel in enumerate(wheels):
        if wheel.name in names[:position]:
            message = f"{wheel.name} is given twice"
            raise UsageError(message, where=wheel.filename)
