"""A policy's document: plain data, read back strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar, cast

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grants import Credential, HostGrant, Quota
from lockgate_sandbox.tiers import OPTIONAL

__all__ = [
    "entries",
    "mapping",
    "quota",
    "read_hosts",
    "read_limits",
    "text",
    "texts",
    "write_host",
]

T = TypeVar("T")


def mapping(what: str, value: object) -> Mapping[str, object]:
    """`value` as a mapping with text keys.

    Raises:
        PolicyError: If it is none; so do all functions here.
    """
    if not isinstance(value, Mapping):
        msg = f"{what} is a mapping, not {type(value).__name__}"
        raise PolicyError(msg)
    items = cast("Mapping[object, object]", value)
    return {text(what, key): item for key, item in items.items()}


def text(what: str, value: object) -> str:
    """`value`, which is text.

    Raises:
        PolicyError: If it is not.
    """
    if not isinstance(value, str):
        msg = f"{what} holds text, not {value!r}"
        raise PolicyError(msg)
    return value


def _list(what: str, value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        msg = f"{what} is a list, not {type(value).__name__}"
        raise PolicyError(msg)
    return cast("Sequence[object]", value)


def texts(what: str, value: object) -> tuple[str, ...]:
    """`value`, which is a list of texts."""
    return tuple(text(what, item) for item in _list(what, value))


def entries(
    what: str, value: object, kind: Callable[..., T], names: Sequence[str]
) -> tuple[T, ...]:
    """Each entry of a list made a `kind` of exactly the fields `names`."""
    found: list[T] = []
    for item in _list(what, value):
        entry = _exactly(what, item, names)
        given: dict[str, Any] = {}
        for name, part in entry.items():
            given[name] = _field(f"{what} {name}", name, part)
        found.append(kind(**given))
    return tuple(found)


def _exactly(what: str, value: object, names: Sequence[str]) -> Mapping[str, object]:
    entry = mapping(what, value)
    if set(entry) != set(names):
        msg = f"an entry of {what} has {', '.join(names)}, not {sorted(entry)}"
        raise PolicyError(msg)
    return entry


_FLAGS = frozenset({"write", "shared", "allow_private"})
_LISTS = frozenset({"read", "methods", "paths"})


def _field(what: str, name: str, value: object) -> object:
    if name in _FLAGS:
        if not isinstance(value, bool):
            msg = f"{what} is true or false, not {value!r}"
            raise PolicyError(msg)
        return value
    return texts(what, value) if name in _LISTS else text(what, value)


def _number(what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{what} is a number, not {value!r}"
        raise PolicyError(msg)
    return value


def read_limits(value: object) -> dict[str, float | None]:
    """Numbers by the name of a limit; None where it need not be there."""
    return {
        name: None
        if item is None and name in OPTIONAL
        else _number(f"limit {name}", item)
        for name, item in mapping("limits", value).items()
    }


def quota(what: str, value: object) -> Quota:
    """A `Quota` from its document.

    Raises:
        PolicyError: If it is not written as one.
    """
    entry = _exactly(what, value, [field.name for field in fields(Quota)])
    found: dict[str, Any] = {}
    for name, item in entry.items():
        number = _number(f"{what} {name}", item)
        if name != "per_second" and number != int(number):
            msg = f"{what} {name} is a whole number, not {item!r}"
            raise PolicyError(msg)
        found[name] = float(number) if name == "per_second" else int(number)
    return Quota(**found)


def write_host(grant: HostGrant) -> dict[str, object]:
    """The document of a host grant."""
    return {
        **asdict(grant),
        "ports": list(grant.ports),
        "methods": list(grant.methods),
        "paths": list(grant.paths),
    }


def _read_host(value: object) -> HostGrant:
    """A `HostGrant` from its document."""
    names = [field.name for field in fields(HostGrant)]
    entry = dict(_exactly("hosts", value, names))
    credential = entry.pop("credential")
    ports = [_number("a port", item) for item in _list("ports", entry.pop("ports"))]
    amount = quota("quota", entry.pop("quota"))
    seconds = float(_number("seconds", entry.pop("seconds")))
    given: dict[str, Any] = {
        name: _field(f"hosts {name}", name, item) for name, item in entry.items()
    }
    if credential is not None:
        parts = [field.name for field in fields(Credential)]
        made = entries("credential", [credential], Credential, parts)
        given["credential"] = made[0]
    return HostGrant(
        **given,
        ports=cast("tuple[int, ...]", tuple(ports)),
        quota=amount,
        seconds=seconds,
    )


def read_hosts(value: object) -> tuple[HostGrant, ...]:
    """Each host grant of a list."""
    return tuple(_read_host(item) for item in _list("hosts", value))
