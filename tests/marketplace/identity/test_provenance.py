"""Real attestations verify offline; altered ones fail with the reason."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity import (
    PROVENANCE_LIMIT_BYTES,
    WheelFile,
    verify_provenance,
)
from tests.support.attestations import REASON, Attested, attested, present

needs_real = pytest.mark.skipif(not present(), reason=REASON)


def refused(file: WheelFile, provenance: bytes) -> IdentityError:
    with pytest.raises(IdentityError) as caught:
        verify_provenance(file, provenance)
    return caught.value


def real(kind: str) -> tuple[WheelFile, Attested]:
    found = attested()[kind]
    return WheelFile(found.filename, found.sha256), found


@needs_real
def test_a_repositorys_numbers_are_the_identity() -> None:
    file, found = real("GitHub")

    (identity,) = verify_provenance(file, found.provenance)

    assert identity.issuer == "https://token.actions.githubusercontent.com"
    assert (identity.subject, identity.owner) == ("772247423", "2314423")
    assert identity.pipeline == ".github/workflows/release.yml"
    names = dict(identity.names)
    assert names["repository"] == "https://github.com/trailofbits/pypi-attestations"


@needs_real
@pytest.mark.parametrize(
    ("kind", "issuer", "subject"),
    [
        (
            "Google",
            "https://accounts.google.com",
            "919436158236-compute@developer.gserviceaccount.com",
        ),
        (
            "CircleCI",
            "https://oidc.circleci.com",
            "fdd9283f-e619-46af-8f9c-851f7d3e8b2b",
        ),
    ],
)
def test_other_publishers_have_ids_of_their_own(
    kind: str, issuer: str, subject: str
) -> None:
    file, found = real(kind)

    (identity,) = verify_provenance(file, found.provenance)

    assert (identity.issuer, identity.subject) == (issuer, subject)


@needs_real
def test_another_file_is_not_attested() -> None:
    file, found = real("GitHub")
    appended = Attested(file.filename, found.content + b"\0", found.provenance)
    renamed = WheelFile(file.filename.replace("0.0.19", "0.0.20"), file.sha256)

    changed = refused(WheelFile(file.filename, appended.sha256), found.provenance)
    other = refused(renamed, found.provenance)

    assert changed.code == other.code == "identity-invalid"
    assert "digest" in changed.message
    assert "name" in other.message
    assert file.filename in changed.where


def _edit(found: Attested, change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(found.provenance)
    change(document["attestation_bundles"][0])
    return json.dumps(document).encode()


def _other_repository(bundle: dict[str, Any]) -> None:
    bundle["publisher"]["repository"] = "mallory/pypi-attestations"


def _other_workflow(bundle: dict[str, Any]) -> None:
    bundle["publisher"]["workflow"] = "nightly.yml"


def _other_signature(bundle: dict[str, Any]) -> None:
    envelope = bundle["attestations"][0]["envelope"]
    raw = bytearray(base64.b64decode(envelope["signature"]))
    raw[-1] ^= 1
    envelope["signature"] = base64.b64encode(raw).decode()


def _other_statement(bundle: dict[str, Any]) -> None:
    envelope = bundle["attestations"][0]["envelope"]
    raw = base64.b64decode(envelope["statement"]).replace(b"0.0.19", b"0.0.18")
    envelope["statement"] = base64.b64encode(raw).decode()


def _other_time(bundle: dict[str, Any]) -> None:
    material = bundle["attestations"][0]["verification_material"]
    entry = material["transparency_entries"][0]
    entry["integratedTime"] = str(int(entry["integratedTime"]) + 86_400)


def _no_log(bundle: dict[str, Any]) -> None:
    material = bundle["attestations"][0]["verification_material"]
    del material["transparency_entries"][0]["inclusionProof"]


@needs_real
@pytest.mark.parametrize(
    "change",
    [
        _other_repository,
        _other_workflow,
        _other_signature,
        _other_statement,
        _other_time,
        _no_log,
    ],
)
def test_an_altered_attestation_does_not_hold(
    change: Callable[[dict[str, Any]], None],
) -> None:
    file, found = real("GitHub")

    error = refused(file, _edit(found, change))

    assert error.code == "identity-invalid"
    assert error.message
    assert error.hint


@needs_real
def test_every_attestation_must_hold() -> None:
    """One that is right does not cover for one that is not."""
    file, found = real("GitHub")
    document = json.loads(found.provenance)
    (bundle,) = document["attestation_bundles"]
    forged = json.loads(json.dumps(bundle))
    forged["publisher"]["repository"] = "mallory/pypi-attestations"
    document["attestation_bundles"].append(forged)

    error = refused(file, json.dumps(document).encode())

    assert error.code == "identity-invalid"


@needs_real
@settings(max_examples=40)
@given(position=st.integers(0, 9_000), byte=st.integers(0, 255))
def test_no_changed_byte_makes_another_identity(position: int, byte: int) -> None:
    file, found = real("GitHub")
    (expected,) = verify_provenance(file, found.provenance)
    changed = bytearray(found.provenance)
    changed[position % len(changed)] = byte

    try:
        identities = verify_provenance(file, bytes(changed))
    except IdentityError:
        return
    assert identities == (expected,)


FILE = WheelFile("acme-1.0-py3-none-any.whl", "0" * 64)


@pytest.mark.parametrize(
    "provenance",
    [
        b"",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"version": 1, "attestation_bundles": []}',
        b'{"version": 2, "attestation_bundles": []}',
        b" " * (PROVENANCE_LIMIT_BYTES + 1),
    ],
    ids=["empty", "null", "object", "deep", "no bundle", "version", "large"],
)
def test_what_is_no_provenance_is_refused(provenance: bytes) -> None:
    assert refused(FILE, provenance).code == "identity-malformed"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_refusal(provenance: bytes) -> None:
    assert refused(FILE, provenance).code == "identity-malformed"


def test_without_the_extra_nothing_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypi_attestations", None)

    refusal = refused(WheelFile("echo-1.0-py3-none-any.whl", "ab" * 32), b"{}")

    assert refusal.code == "identity-unsupported"
    assert "attestations" in refusal.hint
