"""Is a file by whom its name has been by so far?"""

from __future__ import annotations

from dataclasses import dataclass

from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity._dsse import verify_signature
from lockgate_marketplace.identity._provenance import verify_provenance
from lockgate_marketplace.identity._trust import FILES, Pin
from lockgate_marketplace.identity._values import UNPROVEN, Identity, WheelFile

__all__ = ["Evidence", "Finding", "check"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the index gave beside the file; what it did not give is empty.

    `provenance` is PEP 740's JSON, `signature` the envelope of a publisher's key.
    """

    provenance: bytes = b""
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Finding:
    """Who made the file, and how that compares with the pin.

    `known` is true if it is whom the pin names, and `gained` if nobody was proven
    before and somebody is now. On a first use both are false.
    """

    identity: Identity
    known: bool = False
    gained: bool = False

    def describe(self) -> str:
        """One line for whoever is asked to agree."""
        who = self.identity.describe()
        if self.known and self.identity.kind == "none":
            return "by nobody (no proof, as before)"
        if self.known:
            return f"by {who}, as before"
        if self.gained:
            return f"by {who}; earlier versions proved nothing"
        if self.identity.kind == "none":
            return "by nobody (no proof): whoever runs the index could have made it"
        return f"by {who}; seen for the first time, and remembered from now on"


def check(
    file: WheelFile,
    evidence: Evidence,
    pin: Pin | None,
    *,
    proof_required: bool = False,
) -> Finding:
    """Verify all evidence of `file` and compare it with the pin of its name.

    With `proof_required` a file that proves nothing is refused on a first use too.

    Raises:
        IdentityError: If any evidence does not hold, or it is not by whom it was.
    """
    proven: tuple[Identity, ...] = ()
    if evidence.provenance:
        proven += verify_provenance(file, evidence.provenance)
    if evidence.signature:
        proven += verify_signature(file, evidence.signature)
    where = file.filename
    if not proven and proof_required:
        message = "nothing proves who made it, and its index is set to demand a proof"
        raise IdentityError("identity-unproven", message, where=where)
    if pin is None:
        return Finding(proven[0] if proven else UNPROVEN)
    if pin.identity.kind == "awaited" and proven:
        return Finding(proven[0])
    if pin.identity.kind == "none":
        if not proven:
            return Finding(UNPROVEN, known=True)
        return Finding(proven[0], gained=True)
    return _compare(where, proven, pin)


def _so_far(pin: Pin) -> str:
    """What is remembered of a name; a key can be pinned before any version came."""
    place = "of a file" if pin.index == FILES else f"of the index {pin.index}"
    name = f"{pin.name} {pin.version}".rstrip()
    if pin.identity.kind == "awaited":
        return f"{name} {place} is to be by a publisher who proves it"
    word = "was by" if pin.version else "is pinned to"
    return f"{name} {place} {word} {pin.identity.describe()} (since {pin.since[:10]})"


def _compare(where: str, proven: tuple[Identity, ...], pin: Pin) -> Finding:
    was, before = pin.identity.describe(), _so_far(pin)
    named = f"{pin.name} --index {pin.index}"
    if not proven:
        message = (
            f"nothing proves who made this file, and {before}: the author forgot, or "
            "it is not the author"
        )
        hint = (
            "Stay with the version you have, and ask the author by another way than "
            f"the index. If it is right: lockgate trust forget {named}"
        )
        raise IdentityError("identity-lost", message, where=where, was=was, hint=hint)
    for identity in proven:
        if not pin.identity.differences(identity):
            return Finding(identity, known=True)
    # The nearest: of one kind, if there is such.
    other = next((i for i in proven if i.kind == pin.identity.kind), proven[0])
    now, differences = other.describe(), pin.identity.differences(other)
    message = (
        f"this file is by {now}, but {before}: a new publisher, or somebody who took "
        "over the account or the index"
    )
    if not pin.identity.kind == other.kind == "key":  # those are told already
        message += f" ({'; '.join(differences)})"
    hint = (
        "Stay with the version you have, and ask the author by another way than the "
        f"index. If it is right: lockgate trust rotate {named}"
    )
    raise IdentityError(
        "identity-changed",
        message,
        where=where,
        hint=hint,
        was=was,
        now=now,
        differences=list(differences),
    )
