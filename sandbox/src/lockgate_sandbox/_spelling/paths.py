"""Paths of a policy: absolute, plain, each once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import cast

from lockgate_sandbox.errors import PolicyError

__all__ = ["absolute", "absolutes"]


def absolute(what: str, path: object) -> str:
    """`path` without ``.`` and ``//``.

    Raises:
        PolicyError: If it is no path of text, relative, goes up with ``..``, or is no
            UTF-8.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        msg = f"{what} is a path, not a value of type {type(path).__name__}"
        raise PolicyError(msg)
    text = os.fspath(cast("str | bytes | os.PathLike[str]", path))
    if isinstance(text, bytes):
        raise PolicyError(f"{what}: {text!r} is bytes", hint="os.fsdecode(path)")
    if not text.startswith("/") or "\0" in text:
        hint = f"from here it is {os.path.abspath(text)!r}"  # noqa: PTH100
        msg = f"{what}: {text!r} is no absolute path"
        raise PolicyError(msg, hint="" if "\0" in text else hint)
    if ".." in text.split("/"):
        msg = f"{what}: {text!r} goes up with '..'; name the folder itself"
        raise PolicyError(msg)
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        msg = f"{what}: {text!r} is no UTF-8, and what workers are told is"
        raise PolicyError(msg)
    return os.path.normpath(text)


def absolutes(what: str, paths: object) -> tuple[str, ...]:
    """Each path once, in order.

    Raises:
        PolicyError: If they are no list, and as `absolute` does.
    """
    if isinstance(paths, str):
        msg = f"{what} is a list of paths, not one text"
        raise PolicyError(msg, hint=f"{what}=[{paths!r}]")
    if not isinstance(paths, Iterable):
        msg = f"{what} is a list of paths, not a value of type {type(paths).__name__}"
        raise PolicyError(msg)
    given = cast("Iterable[object]", paths)
    return tuple(dict.fromkeys(absolute(what, path) for path in given))
