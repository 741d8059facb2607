"""The wheels that come along with a plugin: what their source does beside its rights.

They run in the same worker, with the same rights. A library has code for many uses, so
nearly every one opens a socket or starts a program somewhere: what is found stops
nothing, or `--accept-undeclared` would be said for every plugin, and stop nothing
either. It is told to who is asked to agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.manifest import Manifest
from lockgate_marketplace.scan._cache import VerdictCache
from lockgate_marketplace.scan._scan import scan
from lockgate_marketplace.scan._verdict import Verdict, line_of
from lockgate_marketplace.wheel import Wheel

__all__ = ["Along", "scan_along"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Along:
    """One of them, by the name of its distribution."""

    name: str
    version: str
    verdict: Verdict

    @property
    def quiet(self) -> bool:
        """Whether its source does nothing that the plugin does not ask for."""
        return not self.verdict.undeclared and not self.verdict.opaque

    def told(self) -> list[str]:
        """For who is asked: what it does, and how much more of it there is."""
        found = self.verdict.undeclared
        lines = [f"{self.name} {self.version}: {line_of(f)}" for f in found[:_SHOWN]]
        if len(found) > _SHOWN:
            more = len(found) - _SHOWN
            lines.append(f"{self.name} {self.version}: and {more} more of that kind")
        if self.verdict.opaque:
            lines.append(f"{self.name} {self.version}: some of its code can't be read")
        return lines

    def to_data(self) -> dict[str, object]:
        """The same as ``--json`` prints it."""
        return {
            "name": self.name,
            "version": self.version,
            "undeclared": [line_of(one) for one in self.verdict.undeclared],
            "opaque": bool(self.verdict.opaque),
        }


def scan_along(
    wheels: Sequence[Wheel], manifest: Manifest, cache: VerdictCache | None = None
) -> tuple[Along, ...]:
    """Read the source of the `wheels` that come with the plugin of `manifest`."""
    return tuple(
        Along(wheel.name, wheel.version, scan(wheel, manifest, cache))
        for wheel in wheels
    )
