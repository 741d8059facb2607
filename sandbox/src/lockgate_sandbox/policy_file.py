"""A policy in a JSON file, as people write one: what is left out is the tier's own.

::

    {"tier": "elevated", "read": ["/srv/data"], "limits": {"wall_seconds": 20},
     "hosts": ["https://api.example.com/v1/ methods=GET"]}

``lockgate-sandbox policy show --json`` writes the whole of it, ``learn`` what differs
from the tier's own.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import cast

from lockgate_sandbox._form.policy import write_host
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grant_text import (
    parse_host_grant,
    parse_quota,
    write_host_grant,
)
from lockgate_sandbox.grants import HostGrant
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.tiers import Limits, Tier

__all__ = ["parse_policy", "policy_text", "read_policy"]

_SIZE_LIMIT_BYTES = 1 << 20


def read_policy(path: str | os.PathLike[str]) -> Policy:
    """The policy in the JSON file at `path`.

    Raises:
        PolicyError: If the file can't be read, is no JSON, or is no policy; the
            message begins with the path.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        hint = "check the path"
        raise PolicyError(f"{path}: {error.strerror}", hint=hint) from error
    if len(data) > _SIZE_LIMIT_BYTES:
        raise PolicyError(f"{path}: larger than {_SIZE_LIMIT_BYTES:,} bytes")
    try:
        return parse_policy(data)
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}", hint=error.hint) from error


def parse_policy(text: str | bytes) -> Policy:
    """The policy that a JSON text describes.

    Raises:
        PolicyError: If it is no JSON, a key is unknown or written twice, or the
            policy makes no sense.
    """
    try:
        data = json.loads(text, object_pairs_hook=partial(_once, text))
    except json.JSONDecodeError as error:
        msg = f"line {error.lineno}, column {error.colno}: no JSON: {error.msg}"
        raise PolicyError(msg, hint=_HINT) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise PolicyError(f"no JSON: {error}", hint=_HINT) from None
    if not isinstance(data, dict):
        raise PolicyError("a policy is a JSON object", hint=_HINT)
    given = cast("dict[str, object]", data)
    whole = _tier_policy(given).to_dict()
    unknown = sorted(set(given) - set(whole))
    if unknown:
        hint = f"a policy has {', '.join(whole)}"
        where = _line_of(unknown[0], text, 1)
        raise PolicyError(f"{where}{unknown[0]!r} is no part of a policy", hint=hint)
    limits = given.get("limits", {})
    if not isinstance(limits, dict):
        raise PolicyError("limits is an object of numbers", hint=_HINT)
    named = cast("dict[str, object]", limits)
    if unknown := sorted(set(named) - {field.name for field in fields(Limits)}):
        where = _line_of(unknown[0], text, 1)
        hint = f"a limit is one of {', '.join(field.name for field in fields(Limits))}"
        raise PolicyError(f"{where}limits: no such limit: {unknown[0]!r}", hint=hint)
    own = cast("dict[str, object]", whole["limits"])
    whole |= given
    whole["limits"] = {**own, **named}
    whole["hosts"] = _hosts(whole["hosts"])
    if isinstance(whole["total"], str):
        whole["total"] = asdict(parse_quota(whole["total"]))
    return Policy.from_dict(whole)


def policy_text(policy: Policy) -> str:
    """The shortest JSON text that `parse_policy` reads as `policy`, for a person.

    It holds what differs from the tier's own, values of variables too; hosts stand
    there as on a command line, where they have such a text.
    """
    plain = Policy.for_tier(policy.tier).to_dict()
    told: dict[str, object] = {"tier": str(policy.tier)}
    for name, value in policy.to_dict().items():
        if name == "limits":
            own = asdict(Policy.for_tier(policy.tier).limits)
            given = asdict(policy.limits)
            value = {key: given[key] for key in given if given[key] != own[key]}
            if value:
                told[name] = value
        elif name == "hosts" and policy.hosts:
            told[name] = [_host_text(item) for item in policy.hosts]
        elif value != plain[name]:
            told[name] = value
    return json.dumps(told, indent=2) + "\n"


def _host_text(grant: HostGrant) -> object:
    try:
        text = write_host_grant(grant)
        return text if parse_host_grant(text) == grant else write_host(grant)
    except PolicyError:  # its credential's form, or a number, has no text
        return write_host(grant)


_HINT = "`lockgate-sandbox policy show --json` prints one to begin with"


def _hosts(value: object) -> object:
    """Hosts as documents; text is read as on a command line."""
    if not isinstance(value, list):
        return value
    items = cast("list[object]", value)
    return [
        write_host(parse_host_grant(item)) if isinstance(item, str) else item
        for item in items
    ]


def _line_of(key: str, text: str | bytes, times: int) -> str:
    """``line N: `` of the last of so many places of a key, if it has no others."""
    said = text if isinstance(text, str) else text.decode(errors="replace")
    found = [*re.finditer(rf"{re.escape(json.dumps(key))}\s*:", said)]
    if len(found) != times:
        return ""
    return f"line {said.count(chr(10), 0, found[-1].start()) + 1}: "


def _once(text: str | bytes, pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            where = _line_of(name, text, 2)
            msg = f"{where}{name!r} is written twice"
            raise PolicyError(msg, hint="keep one of them")
        found[name] = value
    return found


def _tier_policy(given: dict[str, object]) -> Policy:
    """The policy of the tier that `given` names, without any grant."""
    name = given.get("tier")
    known = [str(tier) for tier in Tier if tier is not Tier.SYSTEM]
    if name not in known:
        said = "names no tier" if name is None else f"names the tier {name!r}"
        hint = f'write "tier": one of {", ".join(known)}'
        raise PolicyError(f"the policy {said}", hint=hint)
    return Policy.for_tier(str(name))
