"""What a worker gets that asked for more than it has."""

from __future__ import annotations

__all__ = ["RefusedError", "RevokedError"]


class RefusedError(PermissionError):
    """The broker refused: the message says what and why, `hint` which grant helps.

    Both reach the worker. `code` is ``permission-denied``.
    """

    code = "permission-denied"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}. To allow it: {hint}" if hint else message)
        self.hint = hint


class RevokedError(RefusedError):
    """The grant was taken back while it was in use."""

    code = "grant-revoked"
