"""Key files: for their owner alone, and never overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.identity import (
    WheelFile,
    load_key,
    make_key,
    parse_key,
    sign,
    verify_signature,
)

FILE = WheelFile("acme-1.0-py3-none-any.whl", "ab" * 32)


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_a_key_that_was_made_signs(tmp_path: Path, passphrase: str) -> None:
    path = tmp_path / "key.pem"
    identity = make_key(path, passphrase)

    envelope = sign(FILE, load_key(path, passphrase))

    assert verify_signature(FILE, envelope) == (identity,)
    assert parse_key(f"ed25519:{identity.subject}") == identity
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("mine")

    with pytest.raises(PublishError, match="there already"):
        make_key(path)
    assert path.read_text() == "mine"


def test_the_folder_of_a_key_is_made_and_the_owners_alone(tmp_path: Path) -> None:
    make_key(tmp_path / "new" / "key.pem")

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("below", ["key.pem", "new/key.pem"])
def test_a_folder_that_is_a_file_is_told_as_such(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("mine")

    with pytest.raises(PublishError, match="folder cannot be made") as caught:
        make_key(tmp_path / "taken" / below)
    assert "overwritten" not in str(caught.value.hint)
    assert (tmp_path / "taken").read_text() == "mine"


def _rsa() -> bytes:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [b"", b"no key", _rsa()], ids=["", "text", "rsa"])
def test_what_is_no_such_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(PublishError) as caught:
        load_key(path)
    assert caught.value.code == "publish-key"


def test_a_wrong_passphrase_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    make_key(path, "right")

    for wrong in ("", "wrong"):
        with pytest.raises(PublishError, match="passphrase"):
            load_key(path, wrong)


def test_a_key_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    make_key(path)
    path.chmod(0o666)

    with pytest.raises(PublishError, match="others may write"):
        load_key(path)


@pytest.mark.parametrize(
    "text", ["", "rsa:AAAA", "ed25519:", "ed25519:%%", "ed25519:AAAA"]
)
def test_what_is_no_key_in_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ed25519:BASE64"):
        parse_key(text)
