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
from lockgate_sandbox.grants import Credential, HostGrant, Quota

__all__ = ["parse_host_grant", "write_host_grant"]

_PLACE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?P<host>\[[^\]\s]*\]|[^\s:/?#@\[\]]+)"
    r"(?::(?P<ports>[^\s/?#@]*))?(?P<path>/\S*)?"
)
_SIZE = re.compile(r"(\d+)([KMG]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_HINT = "write HOST[:PORT] or https://HOST[:PORT][/PATH/], then words like methods=GET"
_BEARER = "Bearer {}"


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
    elif name == "bytes":
        quota["bytes"] = _size(value)
    elif name in ("requests", "burst"):
        quota[name] = _number(name, value, int)
    elif name == "rate":
        quota["per_second"] = _number(name, value, float)
    else:
        raise PolicyError(f"{name!r} is not understood here", hint=_HINT)


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
    plain = Quota()
    words = [grant.origin + (grant.paths[0] if grant.paths else "")]
    if grant.methods:
        words.append(f"methods={','.join(grant.methods)}")
    if grant.paths[1:]:
        words.append(f"paths={','.join(grant.paths[1:])}")
    if grant.credential is not None:
        words.append(_written(grant.credential))
    for name, word in (
        ("bytes", "bytes"),
        ("requests", "requests"),
        ("burst", "burst"),
    ):
        if getattr(grant.quota, name) != getattr(plain, name):
            words.append(f"{word}={getattr(grant.quota, name)}")
    if grant.quota.per_second != plain.per_second:
        words.append(f"rate={grant.quota.per_second:.6f}".rstrip("0").rstrip("."))
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
