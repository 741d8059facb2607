"""A policy under which denied code would have gone on, within bounds of its owner."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lockgate_sandbox._spelling.arguments import check_lists, entries_of
from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox._spelling.paths import absolutes
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grant_text import parse_host_grant
from lockgate_sandbox.grants import HostGrant
from lockgate_sandbox.learning._proposal import Proposal, host_within
from lockgate_sandbox.learning._propose import propose
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.results import Denial

__all__ = ["Bounds", "Suggested", "suggest"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be granted unasked: whatever lies within, and nothing else.

    `read` and `write` are absolute paths with all below them, looked up when this is
    made; what may be written may be read. `hosts` are as `Policy.for_tier` takes them:
    a grant within one gets its quota. `env` are names of variables.

    Raises:
        PolicyError: If one of them makes no sense, or a host carries a credential.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    hosts: tuple[HostGrant | str, ...] = ()
    env: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("read", "write"):
            places = absolutes(name, getattr(self, name))
            put(self, name, tuple(os.path.realpath(place) for place in places))
        hosts = entries_of("hosts", self.hosts, (HostGrant, str), "{!r}")
        put(self, "hosts", tuple(_host(item) for item in hosts))
        check_lists(env=self.env)
        put(self, "env", tuple(self.env))

    def __bool__(self) -> bool:
        """Whether anything lies within."""
        return bool(self.read or self.write or self.hosts or self.env)

    def narrowed(self, proposal: Proposal) -> Proposal | None:
        """`proposal` as it may be granted unasked; None if it may not."""
        item = proposal.item
        if isinstance(item, HostGrant):
            for outer in self._host_grants():
                if host_within(item, outer):
                    kept = replace(item, quota=outer.quota, seconds=outer.seconds)
                    return replace(proposal, item=kept, wider=None)
            return None
        places = {
            "read": (*self.read, *self.write),
            "path": (*self.read, *self.write),
            "write": self.write,
        }
        if proposal.right in places:
            inside = is_among(str(item), places[proposal.right])
        else:
            inside = proposal.right == "env" and item in self.env
        return replace(proposal, wider=None) if inside else None

    def _host_grants(self) -> Iterable[HostGrant]:
        return (item for item in self.hosts if isinstance(item, HostGrant))


def _host(item: HostGrant | str) -> HostGrant:
    grant = parse_host_grant(item) if isinstance(item, str) else item
    if grant.credential is not None:
        raise PolicyError(
            "a bound adds no credential to requests", hint="grant it beforehand"
        )
    return grant


@dataclass(frozen=True, slots=True)
class Suggested:
    """A policy that allows more, and what makes the difference.

    `policy` allows all of `added`, and `path` are the folders to import from that go
    beside it. `left` are the denials that it does not help against; their `grant` says
    why. `policy.diff` and `explain` put it in words.
    """

    policy: Policy
    added: tuple[Proposal, ...]
    left: tuple[Denial, ...]
    path: tuple[str, ...] = ()


def suggest(
    denials: Iterable[Denial],
    policy: Policy,
    *,
    within: Bounds | None = None,
    script: str | os.PathLike[str] = "",
    path: Sequence[str] = (),
    guarded: Sequence[str | os.PathLike[str]] = (),
) -> Suggested:
    """The least that `policy` has to allow besides, for `denials` not to happen again.

    The denials are the words of code that nobody trusts: show `added` to its owner
    before anything runs under it, or give `within`, beyond which nothing is added.
    `script`, `path` and `guarded` are as `propose` takes them.
    """
    found = propose(denials, policy, script=script, path=path, guarded=guarded)
    added: list[Proposal] = []
    left, folders = list(found.left), list(path)
    for one in found.wanted:
        given = one if within is None else within.narrowed(one)
        why = "it is not within the bounds"
        if given is not None:
            why, policy = _with(given, policy, folders)
        if why or given is None:
            left += [replace(item, grant=f"none: {why}") for item in one.denials]
            continue
        added.append(given)
        folders += [str(given.item)] * (given.right == "path")
    return Suggested(policy, tuple(added), tuple(left), tuple(folders[len(path) :]))


def _with(given: Proposal, policy: Policy, path: Sequence[str]) -> tuple[str, Policy]:
    """`policy` with `given`, or as it is and why not."""
    if why := given.clash(policy, path):
        return why, policy
    try:
        return "", given.added_to(policy)
    except PolicyError as error:  # not together with what was added before
        return str(error), policy
