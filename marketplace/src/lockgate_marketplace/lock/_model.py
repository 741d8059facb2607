"""A lock as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field

from lockgate_marketplace.identity import UNPROVEN, Identity

__all__ = ["SCHEMA", "Lock", "LockedPlugin", "LockedWheel"]

SCHEMA = 2
"""Of the files that are written."""


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """One wheel: its file's name, and the SHA-256 (hexadecimal) of its bytes.

    `index` is where it was got from (empty: a file), `identity` by whom it was proven
    to be. Both are a record: whoever installs proves anew what can be proven.
    """

    name: str
    version: str
    filename: str
    sha256: str
    index: str = ""
    identity: Identity = UNPROVEN


@dataclass(frozen=True, slots=True)
class LockedPlugin:
    """A distribution, the plugins in it, and all wheels of its environment.

    `rights` are those that its owner had granted when the lock was written: a record
    for who reads it. They give nothing; rights are given on each machine. `granted_at`
    (RFC 3339) and `granted_for` (a SHA-256) say which of the engine's grants that was:
    when, and for which files. `hook_api` is what the plugin asks of its host,
    `manifest` the SHA-256 of its manifest, `scan` the id of the verdict on its source.
    Empty is what nobody knows.
    """

    distribution: str
    version: str
    plugins: tuple[str, ...]
    wheels: tuple[LockedWheel, ...]
    rights: tuple[str, ...] = ()
    hook_api: str = ""
    manifest: str = ""
    scan: str = ""
    granted_at: str = ""
    granted_for: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """All that is installed, by distribution, in their order."""

    entries: tuple[LockedPlugin, ...] = ()
    schema: int = field(default=SCHEMA, compare=False)
    """Of the file that it was read from: one of 1 says nothing of origins."""

    def get(self, distribution: str) -> LockedPlugin | None:
        """The entry of a distribution, by its normalised name."""
        return next((e for e in self.entries if e.distribution == distribution), None)
