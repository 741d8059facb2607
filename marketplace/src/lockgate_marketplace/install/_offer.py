"""Wheels from the disk to a plugin that may be installed; nothing is installed here.

An `Offer` is judged to the end and waits for its owner's consent; `carry_out` takes it
from there. `lockgate_marketplace.install.named` makes offers from an index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockgate.discovery import PluginState
from lockgate_marketplace.identity import Pin, Trust, WheelFile
from lockgate_marketplace.install._disk import told_of_the_disk
from lockgate_marketplace.install._evidence import evidence_beside
from lockgate_marketplace.install._fits import surroundings
from lockgate_marketplace.install._origin import Origin, of_file
from lockgate_marketplace.install._plan import Plan, Terms, judge
from lockgate_marketplace.wheel import Wheel, open_wheel

__all__ = ["Offer", "from_files", "origin_of"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A plugin that may be installed, if its owner agrees."""

    plan: Plan
    origins: tuple[Origin, ...]
    """Of each wheel of the plan, in its order."""
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    """What was downloaded for it: to be discarded once it is installed."""
    status: str = ""
    """What its index says of the whole project, if it is not active."""

    @property
    def origin(self) -> Origin:
        """That of the plugin itself."""
        return self.origins[0]


def from_files(
    paths: Sequence[Path],
    trust: Trust,
    present: Sequence[PluginState],
    terms: Terms,
    *,
    index: str = "",
) -> Offer:
    """Judge the wheels at `paths`, one of which holds a plugin.

    Proofs are looked for beside each (``X.whl.provenance``, ``X.whl.signature``) and
    held against what is remembered of its name: in `index`, or in every one.

    Raises:
        MarketplaceError: Of the step that refuses.
        UsageError: If a distribution is given twice.
    """
    pins, around = trust.pins(), surroundings(present)
    found: dict[str, Origin] = {}
    wheels: list[Wheel] = []
    for path in paths:
        wheel = open_wheel(path, around=around)
        wheels.append(wheel)
        found[wheel.sha256] = origin_of(wheel, path, pins, index)
    own = [wheel for wheel in wheels if wheel.manifest is not None][:1]
    ordered = (*own, *(wheel for wheel in wheels if wheel not in own))
    with told_of_the_disk():
        plan = judge(ordered, terms)
    return Offer(plan, tuple(found[wheel.sha256] for wheel in plan.wheels))


def origin_of(wheel: Wheel, path: Path, pins: Iterable[Pin], index: str = "") -> Origin:
    """Judge who made the wheel that was read from `path`, by what lies beside it.

    Raises:
        IdentityError: If it is not by whom it was so far.
    """
    file, named = (
        WheelFile(wheel.filename, wheel.sha256),
        (wheel.name, wheel.version),
    )
    return of_file(file, named, evidence_beside(path), pins, index)
