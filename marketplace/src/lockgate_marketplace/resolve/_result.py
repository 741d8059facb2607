"""What a resolution gives: the versions, and a reason against each other one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate_marketplace.errors import MarketplaceError, ResolutionError
from lockgate_marketplace.simple import IndexFile
from lockgate_marketplace.wheel import Wheel

__all__ = ["Pinned", "Rejected", "Resolution", "Why", "summary", "way_out"]

_SHOWN = 3
_WAIT = "Wait: most attacks are found within days."


@dataclass(frozen=True, slots=True)
class Pinned:
    """A wheel to install."""

    name: str
    version: str
    index: str
    file: IndexFile
    metadata: bytes = field(repr=False)
    """What was resolved with; see `check`."""
    extras: frozenset[str] = frozenset()
    requires: tuple[str, ...] = ()
    """Names of those of its dependencies that hold here."""
    wanted_by: tuple[str, ...] = ()
    """Names that require it; ``""`` stands for whoever asked."""
    status: str = ""
    """What its index says of the whole project, if it is not active."""
    young: str = ""
    """That it was uploaded only just now, where that stops nothing."""

    def check(self, wheel: Wheel) -> None:
        """See that the wheel that came has the metadata that were resolved with.

        Raises:
            ResolutionError: If not: the index showed something else.
        """
        if wheel.metadata != self.metadata:
            message = (
                "METADATA in the wheel is not what the index showed before the "
                "download: what it needs may have been hidden"
            )
            raise ResolutionError(
                "resolve-metadata-differs", message, where=self.file.filename
            )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A version that is not used, and why."""

    name: str
    version: str
    index: str
    code: str
    """``yanked``, ``cooldown``, ``python``, ``tags``, ``hook-api``, ``host``,
    ``pre-release``, ``no-wheel``, ``metadata``, ``requirement`` or ``conflict``."""
    reason: str
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """What is known about a name after a resolution."""

    name: str
    chosen: Pinned | None
    rejected: tuple[Rejected, ...]

    def text(self) -> str:
        """For a person: what was chosen, by whom, and what spoke against others."""
        lines: list[str] = []
        if self.chosen is None:
            lines.append(f"{self.name}: no version was chosen")
        else:
            by = [name or "you" for name in self.chosen.wanted_by]
            lines.append(
                f"{self.name} {self.chosen.version} from {self.chosen.index}, "
                f"wanted by {', '.join(by) or 'you'}"
            )
            if self.chosen.status:
                lines.append(f"  its index says that it is {self.chosen.status}")
        lines += [f"  not {r.version or 'any'}: {r.reason}" for r in self.rejected]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A set of wheels that fit together."""

    pinned: tuple[Pinned, ...]
    """By name."""
    rejected: tuple[Rejected, ...]
    warnings: tuple[str, ...] = ()

    def why(self, name: str) -> Why:
        """What was chosen for `name`, and what spoke against others, newest first."""
        key = canonicalize_name(name)
        chosen = next((p for p in self.pinned if p.name == key), None)
        left = [r for r in self.rejected if r.name == key]
        left.sort(key=lambda r: Version(r.version), reverse=True)
        return Why(key, chosen, tuple(left))


def summary(name: str, rejected: Iterable[Rejected]) -> str:
    """Why there is no candidate, in one sentence."""
    reasons = [f"{r.version}: {r.reason}" for r in rejected if r.name == name]
    if not reasons:
        return f"the index lists no wheel of {name}"
    shown = "; ".join(reasons[:_SHOWN])
    more = len(reasons) - _SHOWN
    return f"no version of {name} can be used: {shown}" + (
        f"; and {more} more" if more > 0 else ""
    )


def way_out(
    name: str, rejected: Iterable[Rejected], *, needed: bool, firm: bool = False
) -> str:
    """What to do about `summary`, by what speaks against the newest version.

    `needed`: it is another's dependency; `firm`: no option shortens the cooldown.
    ``""`` if there is nothing to say.
    """
    left = [r for r in rejected if r.name == name]
    if not left:
        return ""
    newest = max(left, key=lambda r: Version(r.version))
    if newest.code == "cooldown" and firm:
        return f"{_WAIT} Your settings leave no other way: `cooldown` is required."
    if newest.code == "cooldown" and not needed:
        return f"{_WAIT} If it has to be now: --no-cooldown"
    if newest.code == "cooldown":
        return (
            f"{_WAIT} If it has to be now, set "
            f"`cooldown-days` of the index {newest.index}."
        )
    if newest.code == "yanked" and not needed:
        exact = f"{name}=={newest.version}"
        return f"Its author took it back. If you want it all the same, say so: {exact}"
    if newest.code == "pre-release" and not needed:
        return "If that is what you want: --pre"
    if newest.code in ("hook-api", "host"):
        return "Upgrade lockgate, or ask for an older version of the plugin."
    return ""


def rejected_of(error: MarketplaceError) -> tuple[Rejected, ...]:
    """The reasons against each version that a failed resolution carries along."""
    rows = cast("Sequence[Mapping[str, str]]", error.fields.get("rejected", ()))
    return tuple(Rejected(**row) for row in rows)
