"""Who made a file, as far as it was proven."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["AWAITED", "UNPROVEN", "Identity", "Kind", "WheelFile"]

Kind = Literal["attestation", "key", "none", "awaited"]

_WORDS = {
    "issuer": "the service that vouches for it",
    "subject": "the immutable id of the repository",
    "owner": "the immutable id of its owner",
    "pipeline": "the pipeline that publishes",
}


@dataclass(frozen=True, slots=True)
class WheelFile:
    """The file that is to be proven: its name and the sha256 of its bytes (hex)."""

    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same from release to release, and is compared.

    Of an attestation: the `issuer` of the certificate, the `subject` and `owner`
    (numbers that a host of repositories never gives twice, where it gives any), and
    the `pipeline` without the revision it ran at. Of a key: ``ed25519`` and the
    public key in base64. `names` are for people: they may change, and are not
    compared.
    """

    kind: Kind
    issuer: str = ""
    subject: str = ""
    owner: str = ""
    pipeline: str = ""
    names: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def differences(self, other: Identity) -> tuple[str, ...]:
        """In plain words, how `other` is not this one. Empty if it is."""
        if self.kind != other.kind:
            return (f"it was proven by {_KINDS[self.kind]}, now {_KINDS[other.kind]}",)
        if self.kind == "key" and self.subject != other.subject:
            was, now = self.describe(), other.describe()
            return (f"the key was {was}, now {now}",)
        return tuple(
            f"{words} was {was or 'not told'}, now {now or 'not told'}"
            for name, words in _WORDS.items()
            if (was := getattr(self, name)) != (now := getattr(other, name))
        )

    def describe(self) -> str:
        """One line for people."""
        if self.kind == "none":
            return "nobody (no proof)"
        if self.kind == "awaited":
            return "whoever proves the next one"
        if self.kind == "key":
            return f"the holder of the key ed25519:{self.subject}"
        named = dict(self.names)
        where = named.get("repository") or named.get("account") or self.subject
        return f"{where} ({self.issuer.removeprefix('https://')})"

    def to_data(self) -> dict[str, str | dict[str, str]]:
        """The identity as plain data, as it is stored and printed."""
        return {
            "kind": self.kind,
            "issuer": self.issuer,
            "subject": self.subject,
            "owner": self.owner,
            "pipeline": self.pipeline,
            "names": dict(self.names),
        }


_KINDS = {
    "attestation": "an attestation",
    "key": "a key",
    "none": "nothing",
    "awaited": "nothing",
}

UNPROVEN = Identity("none")
"""Nothing was proven."""

AWAITED = Identity("awaited")
"""The owner expects another identity: the next one that is proven is it."""
