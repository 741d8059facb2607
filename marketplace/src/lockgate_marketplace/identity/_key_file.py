"""A publisher's ed25519 key: made, kept in a PEM file, and written in text."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from lockgate.owned import NotOwnedError, read_owned
from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.identity._dsse import key_identity
from lockgate_marketplace.identity._values import Identity

__all__ = ["load_key", "make_key", "parse_key"]

_LIMIT_BYTES = 16 * 1024
_PREFIX = "ed25519:"


def make_key(path: Path, passphrase: str = "") -> Identity:
    """Make a key and keep it in the new file `path` (mode 600); give its identity.

    Raises:
        PublishError: `publish-key` if there is a file already, or it can't be written.
    """
    key = Ed25519PrivateKey.generate()
    protection = (
        BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    _make_folder(path.parent)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        message = "a file is there already"
        hint = "Take another name: a key is never overwritten."
        raise PublishError("publish-key", message, where=str(path), hint=hint) from None
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        hint = "Name a file in a folder that you may write to."
        raise PublishError("publish-key", message, where=str(path), hint=hint) from None
    return key_identity(key.public_key())


def _make_folder(folder: Path) -> None:
    """Make the folder of a key, for its owner alone, if there is none.

    Raises:
        PublishError: `publish-key` if it can't be made: one above it may be a file.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"its folder cannot be made: {error.strerror}"
        hint = "Name a file in a folder that you may write to."
        where = str(folder)
        raise PublishError("publish-key", message, where=where, hint=hint) from None


def load_key(path: Path, passphrase: str = "") -> Ed25519PrivateKey:
    """The key in the file `path`, which must be its owner's alone.

    Raises:
        PublishError: `publish-key` if it is not, or holds no such key.
    """
    where = str(path)
    try:
        pem = read_owned(path, _LIMIT_BYTES)
        key = load_pem_private_key(pem, passphrase.encode() or None)
    except NotOwnedError as error:
        raise PublishError(
            "publish-key", str(error), where=where, hint=error.hint
        ) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise PublishError("publish-key", message, where=where) from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = f"holds no key that this passphrase opens: {error}"
        raise PublishError("publish-key", message, where=where) from None
    if not isinstance(key, Ed25519PrivateKey):
        message = f"holds a key of another kind ({type(key).__name__}), not ed25519"
        raise PublishError("publish-key", message, where=where)
    return key


def parse_key(text: str) -> Identity:
    """The identity that ``ed25519:BASE64`` writes down.

    Raises:
        ValueError: If it does not.
    """
    try:
        if text.startswith(_PREFIX):
            raw = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
            return key_identity(Ed25519PublicKey.from_public_bytes(raw))
    except (binascii.Error, ValueError):
        pass
    message = f"a publisher's key is written {_PREFIX}BASE64, not {text!r:.80}"
    raise ValueError(message)
