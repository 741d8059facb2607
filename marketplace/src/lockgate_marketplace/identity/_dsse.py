"""Signatures of publishers' keys: DSSE envelopes around an in-toto statement.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md (v1.0),
https://in-toto.io/Statement/v1. The key is part of the envelope (``keyid``): a first
use pins it, and from then on only that key counts.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity._values import Identity, WheelFile

__all__ = ["SIGNATURE_LIMIT_BYTES", "key_identity", "sign", "verify_signature"]

SIGNATURE_LIMIT_BYTES = 64 * 1024
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "urn:lockgate:publish:1"
_PREFIX = "ed25519:"
_SIGNATURES_LIMIT = 4


def sign(file: WheelFile, key: Ed25519PrivateKey) -> bytes:
    """The envelope that says: whoever holds `key` published this file."""
    subject = {"name": file.filename, "digest": {"sha256": file.sha256}}
    statement: dict[str, object] = {
        "_type": _STATEMENT,
        "subject": [subject],
        "predicateType": _PREDICATE,
        "predicate": {},
    }
    payload = json.dumps(statement, separators=(",", ":"), sort_keys=True).encode()
    identity = key_identity(key.public_key())
    envelope = {
        "payloadType": _PAYLOAD_TYPE,
        "payload": _encoded(payload),
        "signatures": [
            {
                "keyid": f"{_PREFIX}{identity.subject}",
                "sig": _encoded(key.sign(_authenticated(payload))),
            }
        ],
    }
    return json.dumps(envelope, indent=1, sort_keys=True).encode() + b"\n"


def key_identity(key: Ed25519PublicKey) -> Identity:
    """Who holds that key."""
    return Identity("key", "ed25519", _encoded(key.public_bytes_raw()))


def verify_signature(file: WheelFile, envelope: bytes) -> tuple[Identity, ...]:
    """Whose keys signed `file`. Every signature of the envelope must hold.

    Raises:
        IdentityError: `identity-malformed`, or `identity-invalid` if a signature
            does not hold or is about another file.
    """
    where = f"the signature of {file.filename}"
    document = _json(envelope, SIGNATURE_LIMIT_BYTES, where)
    payload = _decoded(document.get("payload"), where)
    signatures = document.get("signatures")
    if document.get("payloadType") != _PAYLOAD_TYPE or not isinstance(signatures, list):
        raise IdentityError("identity-malformed", "it is no DSSE envelope", where=where)
    entries = cast("list[object]", signatures)
    if not 1 <= len(entries) <= _SIGNATURES_LIMIT:
        message = f"it has {len(entries)} signatures, not 1 to {_SIGNATURES_LIMIT}"
        raise IdentityError("identity-malformed", message, where=where)
    identities = tuple(_signer(entry, payload, where) for entry in entries)
    _check_statement(_json(payload, SIGNATURE_LIMIT_BYTES, where), file, where)
    return identities


def _signer(entry: object, payload: bytes, where: str) -> Identity:
    fields = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
    key_id = fields.get("keyid")
    if not isinstance(key_id, str) or not key_id.startswith(_PREFIX):
        message = f"a signature whose key is no {_PREFIX}…"
        raise IdentityError("identity-malformed", message, where=where)
    raw = _decoded(key_id.removeprefix(_PREFIX), where)
    signature = _decoded(fields.get("sig"), where)
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
        key.verify(signature, _authenticated(payload))
    except (ValueError, InvalidSignature):
        message = f"the signature of {key_id} does not hold"
        raise IdentityError("identity-invalid", message, where=where) from None
    return key_identity(key)


def _check_statement(statement: dict[str, Any], file: WheelFile, where: str) -> None:
    """Whether the statement says of this file that it was published."""
    if (statement.get("_type"), statement.get("predicateType")) != (
        _STATEMENT,
        _PREDICATE,
    ):
        message = "its statement is not about publishing a file"
        raise IdentityError("identity-invalid", message, where=where)
    expected = [{"name": file.filename, "digest": {"sha256": file.sha256}}]
    if statement.get("subject") != expected:
        message = "it does not hold: it is the signature of another file"
        raise IdentityError("identity-invalid", message, where=where)


def _authenticated(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    kind = _PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: object, where: str) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        pass
    raise IdentityError("identity-malformed", "it holds no base64", where=where)


def _json(data: bytes, limit: int, where: str) -> dict[str, Any]:
    if len(data) > limit:
        message = f"it is larger than {limit} bytes"
        raise IdentityError("identity-malformed", message, where=where)
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        message = "it is no JSON"
        raise IdentityError("identity-malformed", message, where=where) from None
    if not isinstance(document, dict):
        raise IdentityError("identity-malformed", "it is no object", where=where)
    return cast("dict[str, Any]", document)
