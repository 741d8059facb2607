"""What a host is opened with, looked at before any of it is used.

A text is a sequence of texts to Python, and to type checkers: as a list of folders,
``"/srv"`` would be ``/``, ``s``, ``r`` and ``v``.
"""

from __future__ import annotations

from lockgate.config import Config
from lockgate.errors import UsageError

__all__ = ["check_given"]


def check_given(config: object, **lists: object) -> None:
    """Refuse what is no `Config`, and a lone text where a list is meant.

    Raises:
        UsageError: If `config`, or one of `lists` by its name, is of the wrong kind.
    """
    if config is not None and not isinstance(config, Config):
        raise UsageError(
            f"config is a Config, not a value of type {type(config).__name__}",
            hint="replace(load_config(), timeout=20.0), of lockgate.config.",
        )
    for name, given in lists.items():
        if isinstance(given, str | bytes):
            hint = f"{name}=[{given!r}]"
            raise UsageError(f"{name} is a list, not one text: {given!r}", hint=hint)
