"""A policy and its broker as given: which is meant, and whether they fit together."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.explain import right_phrase
from lockgate_sandbox.policy import Policy

if TYPE_CHECKING:
    from lockgate_sandbox.broker import Broker

__all__ = ["check_broker", "check_sandbox", "policy_of"]

_BROKERED = ("hosts", "files", "devices", "secrets", "tools")
"""The fields of a policy that a broker carries out."""

_TOLD = 4
"""Grants that a refusal names; more would not be read."""


def policy_of(given: object) -> Policy:
    """The policy that is meant by one, a tier or a tier's name.

    Raises:
        PolicyError: If `given` is none of them.
    """
    if isinstance(given, Policy):
        return given
    if isinstance(given, str):
        if "/" in given or given.endswith(".json"):
            msg = f"policy is a Policy or a tier's name, not a file's: {given!r}"
            hint = f"lockgate_sandbox.policy_file.read_policy({given!r})"
            raise PolicyError(msg, hint=hint)
        return _of_tier(str(given))
    msg = f"policy is a Policy or a tier's name, not a {type(given).__name__}"
    raise PolicyError(msg, hint="Policy.for_tier('basic', limits={...})")


@cache
def _of_tier(name: str) -> Policy:
    # One value for all who name it: what is remembered goes by the policy's id.
    return Policy.for_tier(name)


def check_broker(policy: Policy, broker: Broker | None) -> None:
    """Refuse a broker that gives a worker more, or something else, than its policy.

    A worker is offered all that its broker carries out, so what `policy` does not say
    is nothing that the broker may have.

    Raises:
        PolicyError: If the broker grants what the policy does not, or the policy
            wants one and has none of its own.
    """
    own = None if broker is None else getattr(broker, "policy", None)
    if broker is not None and not isinstance(own, Policy):
        msg = f"broker is a Broker, not a value of type {type(broker).__name__}"
        raise PolicyError(msg, hint="lockgate_sandbox.broker.Broker(policy)")
    if own is policy or own == policy:
        return
    if own is not None and (beyond := _beyond(own, policy)):
        told = "; ".join(beyond[:_TOLD]) + "; ..." * (len(beyond) > _TOLD)
        raise PolicyError(
            f"the broker would let the worker do what its policy does not: {told}",
            hint="grant it in the policy, and make the broker of that: Broker(policy)",
        )
    if policy.brokered:
        raise PolicyError(
            "the policy grants what only a broker of its own can carry out",
            hint="pass broker=Broker(policy)",
        )


def check_sandbox(given: object) -> None:
    """Refuse what opens no processes, like a pool of workers that are there already.

    Raises:
        PolicyError: If `given` is neither None nor a sandbox.
    """
    if given is not None and not hasattr(given, "run_program"):
        msg = f"sandbox is an open Sandbox, not a value of type {type(given).__name__}"
        raise PolicyError(msg, hint="Sandbox.open()")


def _beyond(own: Policy, policy: Policy) -> list[str]:
    """What the broker's `own` policy grants by it and `policy` does not, in words."""
    return [
        right_phrase(name, item)
        for name in _BROKERED
        for item in getattr(own, name)
        if item not in getattr(policy, name)
    ]
