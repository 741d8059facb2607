"""Where a wheel came from and by whom, held against what is remembered of its name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lockgate_marketplace.consent import Coming
from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity import (
    FILES,
    Evidence,
    Finding,
    Pin,
    Trust,
    WheelFile,
    check,
)
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.sources import Index

__all__ = ["Origin", "of_file", "of_index", "remember", "unproven"]


@dataclass(frozen=True, slots=True)
class Origin:
    """A wheel's origin. `index` is empty for a file.

    Two plugins may bring different wheels of one name, so `sha256` says which it is.
    """

    index: str
    name: str
    version: str
    finding: Finding
    sha256: str
    remembered: tuple[str, ...] = ()
    """The indexes in whose name the finding is to be remembered."""
    new: bool = False
    """Whether nothing of its name came from this index before."""
    moved: tuple[str, ...] = ()
    """The indexes that its name came from so far, if it is new to this one."""
    held: tuple[Pin, ...] = ()
    """The pins that it was held against."""
    only: str = ""
    """The one index whose pins count for it; empty if those of every one do."""

    @property
    def coming(self) -> Coming:
        """What was found out of it, as a consent policy looks at it."""
        return Coming(self.sha256, self.index, self.finding.identity)

    def check_since(self, pins: Iterable[Pin]) -> None:
        """Hold it against `pins`, of which some may be newer than the judgement.

        Raises:
            IdentityError: ``identity-changed`` if its name is somebody else's by now.
        """
        known = [(pin.index, pin.identity) for pin in self.held]
        mine = self.finding.identity
        for pin in pins:
            counts = pin.name == self.name and self.only in ("", pin.index)
            if not counts or (pin.index, pin.identity) in known:
                continue
            awaited = pin.identity.kind == "awaited" and self.index in ("", pin.index)
            proven = pin.identity.kind in ("attestation", "key")
            if (awaited and mine.kind == "none") or (
                proven and pin.identity.differences(mine)
            ):
                message = f"{self.name} is by {pin.identity.describe()} by now"
                raise IdentityError("identity-changed", message, where=self.name)

    def describe(self) -> str:
        """One line for whoever is asked to agree."""
        line = self.finding.describe()
        if self.index:
            line = f"from the index {self.index}, {line}"
        elif self.finding.identity.kind == "none":
            line = "from a file, by nobody (no proof)"
        else:
            line = f"from a file, {line}"
        if self.moved:
            line += f"; so far it came from {', '.join(self.moved)}"
        return line


def of_index(
    file: WheelFile,
    named: tuple[str, str],
    index: Index,
    evidence: Evidence,
    pins: Iterable[Pin],
    *,
    plugin: bool,
    levels: Levels,
) -> Origin:
    """Judge who made a file of an index; `named` is its name and version.

    An installed plugin answers to one name, whichever index it comes from, so a
    `plugin` has to be by whom it was proven to be in every index. What it needs is
    held against its own index only. Whether it has to be proven is the word of the
    index's settings, else of the `levels`.

    Raises:
        IdentityError: If it is not by whom it was so far.
    """
    name, version = named
    held = [p for p in pins if p.name == name and (plugin or p.index == index.name)]
    known = {pin.index: pin for pin in held}
    here = known.pop(index.name, None)
    required = levels.stops("proof") if index.proof is None else index.proof
    finding = check(file, evidence, here, proof_required=required)
    moved: tuple[str, ...] = ()
    if plugin:
        for pin in known.values():
            if pin.identity.kind in ("attestation", "key"):
                finding = check(file, evidence, pin)
        if here is None:
            moved = tuple(sorted("a file" if name == FILES else name for name in known))
    return Origin(
        index.name,
        name,
        version,
        finding,
        file.sha256,
        (index.name,),
        here is None,
        moved,
        held=tuple(held),
        only="" if plugin else index.name,
    )


def unproven(origin: Origin, index: Index, levels: Levels) -> tuple[str, ...]:
    """That nothing proves who made it, if the owner wants that told."""
    noted = index.proof is None and levels.of("proof") == "note"
    if not noted or origin.finding.identity.kind != "none":
        return ()
    return (f"nothing proves who made {origin.name} {origin.version}",)


def of_file(
    file: WheelFile,
    named: tuple[str, str],
    evidence: Evidence,
    pins: Iterable[Pin],
    index: str = "",
) -> Origin:
    """Judge who made a file that somebody chose, by all that is known of its name.

    With `index` only what is remembered of that one counts. A first file is
    remembered only if it proves something.

    Raises:
        IdentityError: If it is not by whom it was so far.
    """
    name, version = named
    known = [p for p in pins if p.name == name and index in ("", p.index)]
    findings = [check(file, evidence, pin) for pin in known]
    if not findings:
        first = check(file, evidence, None)
        remembered = (index or FILES,) if first.identity.kind != "none" else ()
        return Origin("", name, version, first, file.sha256, remembered, only=index)
    where = tuple(pin.index for pin in known)
    known_as = next((one for one in findings if one.known), findings[0])
    held = tuple(known)
    return Origin(
        "", name, version, known_as, file.sha256, where, held=held, only=index
    )


def remember(trust: Trust, origins: Sequence[Origin]) -> None:
    """Pin all of them, in one write: their owner has agreed.

    Each is held against the pins once more, also one of which nothing is remembered.

    Raises:
        IdentityError: If somebody else was pinned meanwhile, or it can't be written.
    """

    def check_again(pins: Collection[Pin]) -> None:
        for one in origins:
            one.check_since(pins)

    seen = (
        (index, one.name, one.finding.identity, one.version)
        for one in origins
        for index in one.remembered
    )
    trust.pin_all(seen, before=check_again)
