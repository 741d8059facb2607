"""A lock as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Lock", "LockedPlugin", "LockedWheel"]


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """One wheel: its file's name, and the SHA-256 (hexadecimal) of its bytes."""

    name: str
    version: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LockedPlugin:
    """A distribution, the plugins in it, and all wheels of its environment.

    `rights` are those that its owner had granted when the lock was written: a record
    for who reads it. They give nothing; rights are given on each machine.
    """

    distribution: str
    version: str
    plugins: tuple[str, ...]
    wheels: tuple[LockedWheel, ...]
    rights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """All that is installed, by distribution, in their order."""

    entries: tuple[LockedPlugin, ...] = ()

    def get(self, distribution: str) -> LockedPlugin | None:
        """The entry of a distribution, by its normalised name."""
        return next((e for e in self.entries if e.distribution == distribution), None)
