"""The sandbox's broker as one plugin has it: its grants, secrets, words and records.

The value of the secret ``api-token`` is the variable ``LOCKGATE_SECRET_API_TOKEN`` of
the host's environment, which no worker sees.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lockgate._rights.claims import ClaimBook, Pause
from lockgate._settings.secrets import SecretWithheldError
from lockgate.grants import Consent, Identity, grant_command
from lockgate_sandbox import (
    Device,
    HostGrant,
    Policy,
    PolicyError,
    Quota,
    parse_host_grant,
)
from lockgate_sandbox.grant_text import write_quota
from lockgate_sandbox.grants import TOTAL

if TYPE_CHECKING:
    from lockgate_sandbox.broker import AuditRecord, Broker

__all__ = [
    "checked_device",
    "checked_host",
    "checked_secret",
    "open_services",
    "secret_value",
    "settings_secret",
]


_MANIFEST = 'Its author has to ask for it: [rights] secrets = ["{}"].'


def variable_of(secret: str) -> str:
    """The variable that holds a secret's value."""
    return f"LOCKGATE_SECRET_{secret.upper().replace('-', '_')}"


def checked_host(value: str, environ: Mapping[str, str]) -> HostGrant:
    """The host that a ``net`` right names.

    Raises:
        ValueError: If it is malformed, or can't be carried out here.
    """
    grant = parse_host_grant(value)
    if find_spec("httpx") is None:
        from lockgate._installer import pip_command

        command = pip_command("install", "httpx>=0.28,<1")
        raise ValueError(f"httpx is not installed: {command}")
    if grant.credential is not None:
        checked_secret(grant.credential.secret, environ)
    return grant


def checked_device(value: str, shared: bool = False) -> Device:
    """The device that a ``device`` right names.

    Raises:
        ValueError: If it lies elsewhere than below ``/dev``, or is not there.
    """
    device = Device(value, shared=shared)
    if not os.path.lexists(device.path):
        message = f"{value} does not exist"
        raise ValueError(message)
    return device


def checked_secret(name: str, environ: Mapping[str, str]) -> str:
    """The name of a secret that has a value.

    Raises:
        ValueError: If it has none.
    """
    if not environ.get(variable_of(name)):
        message = f"the variable {variable_of(name)} is not set"
        raise ValueError(message)
    return name


def secret_value(secret: str) -> str:
    """A secret's value.

    Raises:
        LookupError: If it has none.
    """
    value = os.environ.get(variable_of(secret))
    if not value:
        message = f"it is granted, but the variable {variable_of(secret)} is not set"
        raise LookupError(message)
    return value


def settings_secret(
    identity: Identity, consent: Consent, policy: Policy
) -> Callable[[str], str]:
    """The values of secrets that a plugin's settings name.

    Only of those that it may know anyway: a name in the settings adds no right.
    """

    def value(name: str) -> str:
        if name in policy.secrets:
            return secret_value(name)
        plugin, key = identity.plugin, f"secret:{name}"
        if not any(right.key == key for right in consent.asked):
            message = f"{plugin}'s manifest asks for no secret {name!r}"
            raise SecretWithheldError(message, hint=_MANIFEST.format(name))
        tiers = [key for key in consent.missing if key.startswith("tier:")]
        raise SecretWithheldError(
            f"{plugin} may not know the secret {name!r}: it is not granted",
            hint=f"To allow it: {grant_command(plugin, key, *tiers)}",
        )

    return value


def open_services(
    policy: Policy,
    identity: Identity,
    consent: Consent,
    audit: Callable[[AuditRecord], None],
    *,
    claims: str = "",
    pause: Pause | None = None,
    look: Callable[[], None] | None = None,
) -> Broker | None:
    """The broker of one worker, None where its plugin asks for nothing of the kind.

    `claims` is the folder that says who has which device; `pause` waits for a busy one;
    `look` revokes what was taken back meanwhile.

    Raises:
        PolicyError: If it can't be opened.
    """
    kinds = {asked.key.partition(":")[0] for asked in consent.asked}
    if not policy.brokered and not kinds & {"net", "device", "secret"}:
        return None
    from lockgate_sandbox.broker import Broker

    tiers = [key for key in consent.missing if key.startswith("tier:")]

    def advice(right: str, resource: str) -> str:
        if right == "total":
            quota = write_quota(TOTAL, Quota(1, 1, 1, 1))
            return f"none: all hosts of a plugin together have {quota}"
        for asked in consent.asked:
            kind, _, value = asked.key.partition(":")
            if kind == right and not consent.has(asked.key) and _is(value, resource):
                return grant_command(identity.plugin, asked.key, *tiers)
        return _asking(resource) if right == "net" else ""

    return Broker(
        policy,
        secrets=secret_value,
        audit=audit,
        worker=identity.plugin,
        advice=advice,
        claims=ClaimBook(claims, identity.plugin, pause) if claims else None,
        look=look,
    )


def _asking(host: str) -> str:
    """What has to come before a grant that the manifest does not ask for."""
    try:
        parse_host_grant(host)
    except PolicyError:
        return ""
    return f"its author has to ask for it: [rights] net = [{json.dumps(host)}]"


def _is(value: str, resource: str) -> bool:
    """Whether the right `value` is about `resource`, as the broker calls it."""
    if value == resource:
        return True
    try:
        return parse_host_grant(value).host == parse_host_grant(resource).host
    except PolicyError:
        return False
