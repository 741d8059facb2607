"""A host grant as a person writes it, on a command line or in a manifest.

::

    api.example.com                     port 443, any protocol, bytes only
    db.example.com:5432,5433
    https://api.example.com/v1/ methods=GET,HEAD bearer=API_TOKEN bytes=10M

Words behind the host: ``methods=`` ``paths=`` ``inject=HEADER:SECRET``
``bearer=SECRET`` ``bytes=`` ``requests=`` ``rate=`` (a second) ``burst=``
``seconds=`` and ``private``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grants import TOTAL, Credential, HostGrant, Quota

__all__ = ["parse_host_grant", "parse_quota", "write_host_grant", "write_quota"]

_PLACE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?P<host>\[[^\]\s]*\]|[^\s:/?#@\[\]]+)"
    r"(?::(?P<ports>[^\s/?#@]*))?(?P<path>/\S*)?"
)
_SIZE = re.compile(r"(\d+)([KMG]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_HINT = "write HOST[:PORT] or https://HOST[:PORT][/PATH/], then words like methods=GET"
_BEARER = "Bearer {}"
_QUOTA_HINT = "write bytes=512M, requests=, rate= (a second) or burst="
_QUOTA_WORDS = {
    "bytes": "bytes",
    "requests": "requests",
    "per_second": "rate",
    "burst": "burst",
}
"""How the fields of a quota are written."""


def parse_host_grant(text: str) -> HostGrant:
    """The grant that `text` means.

    Raises:
        PolicyError: If it is not exactly of the form; the hint says the way out.
    """
    place, *words = text.split()[:32] or [""]
    match = _PLACE.fullmatch(place)
    if match is None:
        raise PolicyError(f"{place!r} is no host to grant", hint=_HINT)
    fields: dict[str, Any] = {
        "host": match["host"],
        "scheme": (match["scheme"] or "").lower(),
        "ports": _ports(match["ports"], place),
        # A lone slash grants nothing less than the host.
        "paths": (match["path"],) if (match["path"] or "/") != "/" else (),
    }
    quota: dict[str, Any] = {}
    seen: set[str] = set()
    for word in words:
        name, equals, value = word.partition("=")
        if name in seen or (not equals) != (name == "private"):
            raise PolicyError(f"{word!r} is not understood here", hint=_HINT)
        seen.add(name)
        _take(name, value, fields, quota)
    return HostGrant(**fields, quota=replace(Quota(), **quota))


def _take(name: str, value: str, fields: dict[str, Any], quota: dict[str, Any]) -> None:
    if name == "private":
        fields["allow_private"] = True
    elif name == "seconds":
        fields["seconds"] = _number(name, value, float)
    elif name == "methods":
        fields["methods"] = tuple(value.split(","))
    elif name == "paths":
        fields["paths"] = (*fields["paths"], *value.split(","))
    elif name in ("inject", "bearer") and "credential" not in fields:
        fields["credential"] = _credential(name, value)
    elif not _take_amount(name, value, quota):
        raise PolicyError(f"{name!r} is not understood here", hint=_HINT)


def _take_amount(name: str, value: str, quota: dict[str, Any]) -> bool:
    if name == "bytes":
        quota["bytes"] = _size(value)
    elif name in ("requests", "burst"):
        quota[name] = _number(name, value, int)
    elif name == "rate":
        quota["per_second"] = _number(name, value, float)
    else:
        return False
    return True


def parse_quota(text: str, plain: Quota = TOTAL) -> Quota:
    """The quota that words like ``bytes=512M rate=400`` mean; the rest is `plain`'s.

    Raises:
        PolicyError: If it is not exactly of the form; the hint says the way out.
    """
    found: dict[str, Any] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        repeated = _QUOTA_FIELDS.get(name, name) in found
        if repeated or not _take_amount(name, value, found):
            raise PolicyError(f"{word!r} is not understood here", hint=_QUOTA_HINT)
    return replace(plain, **found)


_QUOTA_FIELDS = {word: name for name, word in _QUOTA_WORDS.items()}


def write_quota(quota: Quota, plain: Quota = TOTAL) -> str:
    """The words that `parse_quota` reads so: what differs from `plain`."""
    words: list[str] = []
    for name, word in _QUOTA_WORDS.items():
        amount = getattr(quota, name)
        if amount == getattr(plain, name):
            continue
        written = str(amount)
        if name == "bytes":
            written = _written_size(amount)
        elif name == "per_second":
            written = f"{amount:.6f}".rstrip("0").rstrip(".")
        words.append(f"{word}={written}")
    return " ".join(words)


def _written_size(count: int) -> str:
    for unit in "GMK":
        if count % _UNITS[unit] == 0:
            return f"{count // _UNITS[unit]}{unit}"
    return str(count)


def _ports(text: str | None, place: str) -> tuple[int, ...]:
    if text is None:
        return ()
    if not re.fullmatch(r"[1-9][0-9]{0,4}(,[1-9][0-9]{0,4})*", text):
        raise PolicyError(f"{place!r}: {text!r} is no port", hint=_HINT)
    return tuple(int(port) for port in text.split(","))


def _credential(name: str, value: str) -> Credential:
    if name == "bearer":
        return Credential("Authorization", value, _BEARER)
    header, _, secret = value.partition(":")
    return Credential(header, secret)


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        hint = "write bytes, or a number with K, M or G"
        raise PolicyError(f"{text!r} is no size", hint=hint)
    return int(match[1]) * _UNITS[match[2]]


def _number(name: str, text: str, kind: Callable[[str], float]) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        raise PolicyError(f"{name}={text} is no number", hint=_HINT)
    try:
        return kind(text)
    except ValueError:
        raise PolicyError(f"{name}={text} is no whole number", hint=_HINT) from None


def write_host_grant(grant: HostGrant) -> str:
    """The text that `parse_host_grant` reads as an equal grant.

    Raises:
        PolicyError: If there is none: the credential's form is of its own.
    """
    words = [grant.origin + (grant.paths[0] if grant.paths else "")]
    if grant.methods:
        words.append(f"methods={','.join(grant.methods)}")
    if grant.paths[1:]:
        words.append(f"paths={','.join(grant.paths[1:])}")
    if grant.credential is not None:
        words.append(_written(grant.credential))
    words += write_quota(grant.quota, Quota()).split()
    if grant.seconds != 60.0:
        words.append(f"seconds={grant.seconds:.6f}".rstrip("0").rstrip("."))
    if grant.allow_private:
        words.append("private")
    return " ".join(words)


def _written(credential: Credential) -> str:
    if credential == Credential("Authorization", credential.secret, _BEARER):
        return f"bearer={credential.secret}"
    if credential.form != "{}":
        msg = f"a credential of the form {credential.form!r} has no text"
        raise PolicyError(msg)
    return f"inject={credential.header}:{credential.secret}"
