"""Signatures of publishers' keys."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Key  # type: ignore[attr-defined]

from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity import (
    SIGNATURE_LIMIT_BYTES,
    WheelFile,
    key_identity,
    sign,
    verify_signature,
)

FILE = WheelFile("acme-1.0-py3-none-any.whl", "ab" * 32)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ENVELOPE = sign(FILE, KEY)


def refused(envelope: bytes, file: WheelFile = FILE) -> IdentityError:
    with pytest.raises(IdentityError) as caught:
        verify_signature(file, envelope)
    return caught.value


def edited(**fields: Any) -> bytes:
    return json.dumps({**json.loads(ENVELOPE), **fields}).encode()


def test_what_is_signed_is_proven() -> None:
    assert verify_signature(FILE, ENVELOPE) == (key_identity(KEY.public_key()),)


def test_another_implementation_reads_it() -> None:
    document = json.loads(ENVELOPE)
    key_id = document["signatures"][0]["keyid"]
    public = KEY.public_key().public_bytes_raw().hex()
    key = Key.from_dict(
        key_id,
        {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}},
    )
    envelope: Any = Envelope
    accepted = envelope.from_dict(document).verify([key], 1)

    assert set(accepted) == {key_id}


def test_another_file_is_not_signed() -> None:
    for other in (
        WheelFile("acme-1.1-py3-none-any.whl", FILE.sha256),
        WheelFile(FILE.filename, "ac" + FILE.sha256[2:]),
    ):
        error = refused(ENVELOPE, other)
        assert error.code == "identity-invalid"
        assert "another file" in error.message


def test_every_signature_must_hold() -> None:
    signatures = json.loads(ENVELOPE)["signatures"]
    stranger = Ed25519PrivateKey.generate().public_key()
    forged = {**signatures[0], "keyid": f"ed25519:{key_identity(stranger).subject}"}

    assert refused(edited(signatures=[*signatures, forged])).code == "identity-invalid"


def test_a_statement_about_something_else_proves_nothing() -> None:
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:x"}
    payload = json.dumps(statement).encode()
    kind = "application/vnd.in-toto+json"
    signed = KEY.sign(
        b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    )
    signatures = json.loads(ENVELOPE)["signatures"]
    signatures[0]["sig"] = base64.b64encode(signed).decode()

    error = refused(
        edited(payload=base64.b64encode(payload).decode(), signatures=signatures)
    )

    assert error.code == "identity-invalid"
    assert "not about publishing" in error.message


@pytest.mark.parametrize(
    "envelope",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        edited(signatures=[]),
        edited(signatures=json.loads(ENVELOPE)["signatures"] * 5),
        edited(signatures=[{"keyid": "rsa:x", "sig": ""}]),
        edited(signatures=["x"]),
        edited(payload="%%"),
        edited(payload=None),
        edited(payloadType="text/plain"),
        b" " * (SIGNATURE_LIMIT_BYTES + 1),
    ],
)
def test_what_is_no_envelope_is_refused(envelope: bytes) -> None:
    error = refused(envelope)

    assert error.code == "identity-malformed"
    assert FILE.filename in error.where


@given(position=st.integers(0, len(ENVELOPE) - 1), byte=st.integers(0, 255))
def test_no_changed_byte_makes_another_signer(position: int, byte: int) -> None:
    changed = bytearray(ENVELOPE)
    changed[position] = byte

    try:
        identities = verify_signature(FILE, bytes(changed))
    except IdentityError:
        return
    assert identities == (key_identity(KEY.public_key()),)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_refusal(envelope: bytes) -> None:
    assert refused(envelope).code == "identity-malformed"
