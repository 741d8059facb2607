"""Who made a file, as far as it was proven."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

__all__ = ["AWAITED", "UNPROVEN", "Identity", "Kind", "WheelFile", "identity_from"]

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


def identity_from(data: object) -> Identity:
    """The identity that `Identity.to_data` gave.

    Raises:
        ValueError: If it is something else.
    """
    if not isinstance(data, Mapping):
        raise ValueError("an identity is a table")
    table = cast("Mapping[str, object]", data)
    names = table.get("names", {})
    kind = next((k for k in get_args(Kind) if k == table.get("kind")), None)
    if kind is None or not table.keys() <= {"kind", "names", *_WORDS}:
        raise ValueError("an identity has a kind, and no other keys than its own")
    if not isinstance(names, Mapping):
        raise ValueError("an identity's names are a table")
    told = tuple(cast("Mapping[str, object]", names).items())
    texts = {key: table.get(key, "") for key in _WORDS}
    for key, text in (*texts.items(), *told):
        if not isinstance(text, str) or len(text) > _LIMIT_CHARS:
            raise ValueError(f"an identity's {key[:20]} is no text")
        if not text.isprintable() or not _PLAIN.fullmatch(key):
            raise ValueError("an identity is made of printable lines")
    return Identity(
        kind,
        names=cast("tuple[tuple[str, str], ...]", told),
        **cast("dict[str, str]", texts),
    )


_LIMIT_CHARS = 500
_PLAIN = re.compile(r"[a-z]{1,20}")

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
