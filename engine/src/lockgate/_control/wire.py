"""What travels over a host's control socket: one line of JSON each way.

A line has a largest length, a value a greatest depth, a request a closed set of keys.
What is wrong is a `ControlError` that names it; nothing of it is acted on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias, cast

from lockgate.errors import ControlError

__all__ = [
    "REPLY_LIMIT_BYTES",
    "REQUEST_LIMIT_BYTES",
    "VERBS",
    "Request",
    "Verb",
    "decode",
    "encode",
    "parse_request",
]

REQUEST_LIMIT_BYTES = 16 * 1024
REPLY_LIMIT_BYTES = 8 * 1024 * 1024
DEPTH_LIMIT = 12

Verb: TypeAlias = Literal["ps", "calls", "reload", "refresh", "release"]
VERBS = frozenset(("ps", "calls", "reload", "refresh", "release"))


@dataclass(frozen=True, slots=True)
class Request:
    """What a host is asked: of which plugin, and what came `after` a number."""

    verb: Verb
    plugin: str = ""
    after: int = 0

    @property
    def slow(self) -> bool:
        """Whether it waits for a plugin, which takes as long as that likes."""
        return self.verb in ("reload", "refresh", "release")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def decode(raw: bytes, limit: int) -> dict[str, Any]:
    """The object in one line.

    Raises:
        ControlError: If it is too long, too deep, or no JSON object.
    """
    if len(raw) > limit:
        message = f"the line is longer than {limit} bytes"
        raise ControlError(message)
    try:
        value: object = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = f"the line is no JSON: {error}"
        raise ControlError(message[:200]) from None
    if not isinstance(value, dict):
        message = "the line is no JSON object"
        raise ControlError(message)
    _check_depth(cast("object", value))
    return cast("dict[str, Any]", value)


def _check_depth(value: object) -> None:
    layer: list[object] = [value]
    for _ in range(DEPTH_LIMIT + 1):
        below: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                below.extend(cast("dict[str, object]", item).values())
            elif isinstance(item, list):
                below.extend(cast("list[object]", item))
        if not below:
            return
        layer = below
    message = f"the line is nested deeper than {DEPTH_LIMIT}"
    raise ControlError(message)


def encode(value: dict[str, Any]) -> bytes:
    """One line that holds `value`."""
    return json.dumps(value, ensure_ascii=True).encode("ascii") + b"\n"


def parse_request(raw: bytes) -> Request:
    """What is asked in one line.

    Raises:
        ControlError: If it is no request.
    """
    table = decode(raw, REQUEST_LIMIT_BYTES)
    unknown = sorted(table.keys() - {"verb", "plugin", "after"})
    verb: Any = table.get("verb")
    plugin, after = table.get("plugin", ""), table.get("after", 0)
    if unknown:
        message = f"the request has unknown keys: {', '.join(unknown)}"
        raise ControlError(message[:200])
    if not isinstance(verb, str) or verb not in VERBS:
        message = f"there is no such verb; known: {', '.join(sorted(VERBS))}"
        raise ControlError(message)
    if not isinstance(plugin, str):
        message = "`plugin` is no text"
        raise ControlError(message)
    if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**63:
        message = "`after` is no number of a call"
        raise ControlError(message)
    if verb in ("reload", "release") and not plugin:
        message = f"{verb} needs a plugin"
        raise ControlError(message)
    checked: Any = verb  # it is one of the known
    return Request(checked, plugin, after)
