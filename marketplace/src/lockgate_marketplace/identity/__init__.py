"""Who made a file, and whether that is who made the ones before it.

`check` verifies an attestation (PEP 740, by Sigstore) or the signature of a
publisher's key, and compares what it proves with what `Trust` remembers. Pinned are
ids that a host of repositories never gives twice, not names: a name can be taken
over when its owner has gone.
"""

from __future__ import annotations

from lockgate_marketplace.identity._check import Evidence, Finding, check
from lockgate_marketplace.identity._dsse import (
    SIGNATURE_LIMIT_BYTES,
    key_identity,
    sign,
    verify_signature,
)
from lockgate_marketplace.identity._key_file import load_key, make_key, parse_key
from lockgate_marketplace.identity._provenance import (
    PROVENANCE_LIMIT_BYTES,
    verify_provenance,
)
from lockgate_marketplace.identity._trust import FILES, Pin, Trust
from lockgate_marketplace.identity._values import (
    AWAITED,
    UNPROVEN,
    Identity,
    WheelFile,
    identity_from,
)

__all__ = [
    "AWAITED",
    "FILES",
    "PROVENANCE_LIMIT_BYTES",
    "SIGNATURE_LIMIT_BYTES",
    "UNPROVEN",
    "Evidence",
    "Finding",
    "Identity",
    "Pin",
    "Trust",
    "WheelFile",
    "check",
    "identity_from",
    "key_identity",
    "load_key",
    "make_key",
    "parse_key",
    "sign",
    "verify_provenance",
    "verify_signature",
]
