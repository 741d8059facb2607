"""Is the configured index fit to install from, and the store fit to keep wheels?"""

from __future__ import annotations

import ipaddress
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from lockgate.owned import foreign_writer

__all__ = ["Check", "check_index", "check_store"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``lockgate doctor``."""

    name: str
    state: Literal["ok", "warning", "problem"]
    message: str
    hint: str = ""


_INDEX = "marketplace.index"
_STORE = "marketplace.store"


def check_index(url: str) -> Check:
    """Judge the index's address, without connecting to it."""
    if not url:
        message = "no index is configured: plugins are installed with pip"
        return Check(_INDEX, "ok", message)
    hint = "set it to an https URL like https://index.example/simple/"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises if it is no number
    except ValueError as error:
        return Check(_INDEX, "problem", f"the index is no URL: {error}", hint)
    if parts.scheme not in ("https", "http") or not host:
        return Check(_INDEX, "problem", f"the index is no web address: {url!r}", hint)
    if parts.username is not None or parts.password is not None:
        message = "the index's URL carries a password, which logs and errors repeat"
        return Check(_INDEX, "problem", message, "keep it in the secret store")
    if parts.query or parts.fragment:
        message = "the index's URL has a query or a fragment"
        return Check(_INDEX, "problem", message, hint)
    if parts.scheme == "http" and not _is_loopback(host):
        message = f"{host} is reached without TLS: anyone on the way can swap wheels"
        return Check(_INDEX, "problem", message, hint)
    return Check(_INDEX, "ok", f"plugins come from {host}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_store(folder: str) -> Check:
    """Judge the store's folder: ours alone to write, all the way up."""
    if not folder:
        return Check(_STORE, "ok", "no store is configured: nothing is kept")
    path = Path(folder)
    if not path.is_absolute():
        message = f"the store is no absolute path: {folder!r}"
        return Check(_STORE, "problem", message, "give the whole path")
    try:
        found = path.lstat()
    except FileNotFoundError:
        message = f"{path} does not exist yet"
        return Check(_STORE, "warning", message, f"mkdir -m 700 {path}")
    except (OSError, ValueError) as error:
        message = f"{path} cannot be looked at: {error}"
        return Check(_STORE, "problem", message, "choose a folder of your own")
    if not stat.S_ISDIR(found.st_mode):
        message = f"{path} is no folder"
        return Check(_STORE, "problem", message, "choose a folder")
    return _check_writers(path)


def _check_writers(path: Path) -> Check:
    """Whoever may write to the folder, or to one above it, can swap a wheel."""
    other = foreign_writer(path)
    if other is not None:
        return Check(_STORE, "problem", str(other), other.hint)
    return Check(_STORE, "ok", f"{path} is writable by its owner only")
