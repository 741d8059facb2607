"""A file is by whom its name has been by, or it is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity import (
    AWAITED,
    UNPROVEN,
    Evidence,
    Identity,
    Pin,
    Trust,
    WheelFile,
    check,
    key_identity,
    sign,
)

FILE = WheelFile("acme-2.0-py3-none-any.whl", "cd" * 32)
KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n in (1, 2))
AUTHOR, STRANGER = key_identity(KEY.public_key()), key_identity(OTHER.public_key())
SIGNED, BY_STRANGER = (Evidence(signature=sign(FILE, key)) for key in (KEY, OTHER))
REPOSITORY = Identity(
    "attestation",
    "https://token.actions.githubusercontent.com",
    "772247423",
    "2314423",
    ".github/workflows/release.yml",
    (("repository", "https://github.com/acme/lamp"),),
)


def pinned(identity: Identity, version: str = "1.0") -> Pin:
    return Pin("main", "acme", identity, version, "2026-01-02T03:04:05+00:00")


def stopped(evidence: Evidence, pin: Pin | None, **options: bool) -> IdentityError:
    with pytest.raises(IdentityError) as caught:
        check(FILE, evidence, pin, **options)
    return caught.value


def test_a_first_use_is_told() -> None:
    found = check(FILE, SIGNED, None)

    assert (found.identity, found.known, found.gained) == (AUTHOR, False, False)
    assert "first time" in found.describe()


def test_a_first_use_without_proof_is_told() -> None:
    found = check(FILE, Evidence(), None)

    assert found.identity == UNPROVEN
    assert "no proof" in found.describe()


def test_an_index_may_demand_proof() -> None:
    error = stopped(Evidence(), None, proof_required=True)

    assert error.code == "identity-unproven"
    assert check(FILE, SIGNED, None, proof_required=True).identity == AUTHOR


def test_the_same_one_passes() -> None:
    found = check(FILE, SIGNED, pinned(AUTHOR))

    assert found.known
    assert "as before" in found.describe()


def test_somebody_else_is_stopped() -> None:
    error = stopped(BY_STRANGER, pinned(AUTHOR))

    assert error.code == "identity-changed"
    assert AUTHOR.subject in error.message
    assert STRANGER.subject in error.message
    assert "trust rotate" in error.hint


def test_a_lost_proof_is_stopped() -> None:
    error = stopped(Evidence(), pinned(AUTHOR))

    assert error.code == "identity-lost"
    assert "acme 1.0" in error.message


def test_a_key_pinned_before_any_version_was_nobodys_yet() -> None:
    error = stopped(Evidence(), pinned(AUTHOR, version=""))

    assert "acme of the index main is pinned to" in error.message
    assert "was by" in stopped(Evidence(), pinned(AUTHOR)).message


def test_a_gained_proof_passes_and_is_told() -> None:
    found = check(FILE, SIGNED, pinned(UNPROVEN))

    assert found.gained
    assert found.identity == AUTHOR
    assert check(FILE, Evidence(), pinned(UNPROVEN)).known


def test_a_rotation_takes_the_next_proven_one_and_none_without() -> None:
    assert check(FILE, BY_STRANGER, pinned(AWAITED)).identity == STRANGER
    assert stopped(Evidence(), pinned(AWAITED)).code == "identity-lost"


def test_a_key_does_not_stand_in_for_an_attestation() -> None:
    error = stopped(SIGNED, pinned(REPOSITORY))

    assert error.code == "identity-changed"
    assert "attestation" in error.message


def test_evidence_that_does_not_hold_is_stopped_whatever_is_pinned() -> None:
    bad = Evidence(signature=sign(WheelFile(FILE.filename, "00" * 32), KEY))

    for pin in (None, pinned(AUTHOR), pinned(UNPROVEN)):
        assert stopped(bad, pin).code == "identity-invalid"


def test_a_name_taken_over_by_another_repository_is_another_identity() -> None:
    """The names are the same; the numbers are not given twice."""
    again = Identity(
        REPOSITORY.kind,
        REPOSITORY.issuer,
        "999999999",
        "888888888",
        REPOSITORY.pipeline,
        REPOSITORY.names,
    )

    differences = REPOSITORY.differences(again)

    assert len(differences) == 2
    assert any("immutable id of the repository" in line for line in differences)


def test_a_renamed_repository_is_the_same() -> None:
    renamed = Identity(
        REPOSITORY.kind,
        REPOSITORY.issuer,
        REPOSITORY.subject,
        REPOSITORY.owner,
        REPOSITORY.pipeline,
        (("repository", "https://github.com/acme-inc/lamp"),),
    )

    assert REPOSITORY.differences(renamed) == ()


class TestTrust:
    @pytest.fixture
    def trust(self, tmp_path: Path) -> Trust:
        return Trust.below(tmp_path)

    def test_a_pin_comes_back_whatever_the_spelling(self, trust: Trust) -> None:
        pin = trust.pin("main", "Acme_Lamp", REPOSITORY, "1.0")

        assert trust.get("main", "acme-lamp") == pin
        assert trust.get("main", "acme-lamp").identity.names == REPOSITORY.names  # type: ignore[union-attr]
        assert trust.get("other", "acme-lamp") is None
        assert trust.pins() == (pin,)

    def test_since_stays_while_the_identity_does(self, trust: Trust) -> None:
        first = trust.pin("main", "acme", AUTHOR, "1.0")
        later = trust.pin("main", "acme", AUTHOR, "1.1")

        assert (later.version, later.since) == ("1.1", first.since)

    def test_what_is_forgotten_is_gone(self, trust: Trust) -> None:
        trust.pin("main", "acme", AUTHOR, "1.0")

        assert trust.forget("main", "ACME") is not None
        assert trust.get("main", "acme") is None
        assert trust.forget("main", "acme") is None

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"{}",
            b'{"schema": 2, "publishers": []}',
            b'{"schema": 1, "publishers": [1]}',
            b'{"schema": 1, "publishers": [{"index": "a"}]}',
            b'{"schema": 1, "publishers": {"a": 1}}',
            b"[" * 100_000,
        ],
    )
    def test_an_unsound_file_stops_everything(
        self, trust: Trust, content: bytes
    ) -> None:
        trust.path.parent.mkdir()
        trust.path.write_bytes(content)
        trust.path.chmod(0o600)

        with pytest.raises(IdentityError) as reading:
            trust.get("main", "acme")
        with pytest.raises(IdentityError) as writing:
            trust.pin("main", "acme", AUTHOR, "1.0")
        assert reading.value.code == writing.value.code == "identity-pins-unsound"
        assert trust.path.read_bytes() == content

    def test_a_file_that_others_may_write_is_not_believed(self, trust: Trust) -> None:
        trust.pin("main", "acme", AUTHOR, "1.0")
        trust.path.chmod(0o666)

        with pytest.raises(IdentityError, match="others may write") as caught:
            trust.get("main", "acme")
        assert "chmod" in caught.value.hint

    def test_a_link_is_not_followed(self, trust: Trust, tmp_path: Path) -> None:
        trust.path.parent.mkdir()
        trust.path.symlink_to(tmp_path / "elsewhere.json")

        with pytest.raises(IdentityError):
            trust.get("main", "acme")
