"""What lies beside a wheel on the disk to prove who made it."""

from __future__ import annotations

import os
from pathlib import Path

from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity import (
    PROVENANCE_LIMIT_BYTES,
    SIGNATURE_LIMIT_BYTES,
    Evidence,
)

__all__ = ["evidence_beside"]


def evidence_beside(wheel: Path) -> Evidence:
    """``X.whl.provenance`` and ``X.whl.signature`` beside ``X.whl``, if there are any.

    Raises:
        IdentityError: ``identity-malformed`` if one can't be read, or is too large.
    """
    return Evidence(
        _beside(wheel, ".provenance", PROVENANCE_LIMIT_BYTES),
        _beside(wheel, ".signature", SIGNATURE_LIMIT_BYTES),
    )


def _beside(wheel: Path, suffix: str, limit: int) -> bytes:
    path = wheel.with_name(wheel.name + suffix)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        return b""
    except (OSError, ValueError) as error:
        message = getattr(error, "strerror", None) or str(error)
        raise IdentityError("identity-malformed", message, where=str(path)) from None
    if len(content) > limit:
        message = f"it is larger than {limit:,} bytes"
        raise IdentityError("identity-malformed", message, where=str(path))
    if not content:  # not the word that there is none
        raise IdentityError("identity-malformed", "it is empty", where=str(path))
    return content
