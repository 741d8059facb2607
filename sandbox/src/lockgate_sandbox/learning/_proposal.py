"""One grant that would allow what code was denied, for its owner to give or not."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox.explain import WORDS, right_key
from lockgate_sandbox.grants import Device, HostGrant
from lockgate_sandbox.policy import Policy, Program
from lockgate_sandbox.terminal import quoted
from lockgate_sandbox.tiers import Limits, Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockgate_sandbox.results import Denial

__all__ = ["Item", "Proposal", "ProposedRight", "host_within"]

ProposedRight: TypeAlias = Literal[
    "read", "write", "scratch", "env", "hosts", "programs", "devices", "path"
]
Item: TypeAlias = str | HostGrant | Program | Device

_SCRATCH = Limits.for_tier(Tier.BASIC)
"""The least that any tier with a scratch folder gives to it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One grant, and the denials that made somebody think of it.

    `right` is a policy's field, ``scratch`` (a scratch folder, which tier ``basic``
    has), or ``path`` (a folder to import from, which goes beside a policy). `item` is
    what is granted: a path, the name of a variable, whose value is the host's, or a
    value of `lockgate_sandbox.grants`. `wider` is the same for the folder, or the whole
    host. The names are printable and lead to where they say, through no link.
    """

    right: ProposedRight
    item: Item
    denials: tuple[Denial, ...] = ()
    wider: Proposal | None = None

    @property
    def phrase(self) -> str:
        """What it would let code do, in words; names are quoted for a terminal."""
        if self.right == "scratch":
            return "fill a scratch folder of its own, which vanishes with it"
        if self.right == "path":
            return f"import from {_place(str(self.item))}"
        told = WORDS[self.right].format(_told(self.item))
        written = self.right == "env"
        return f"{told}, whose value of now the policy keeps" if written else told

    @property
    def tier(self) -> Tier:
        """The least tier that can carry it."""
        least = {"read": Tier.READ_ONLY, "env": Tier.READ_ONLY, "path": Tier.READ_ONLY}
        return least.get(
            self.right, Tier.BASIC if self.right == "scratch" else Tier.ELEVATED
        )

    @property
    def key(self) -> tuple[str, object]:
        """What makes a grant the same one, however it was thought of."""
        if isinstance(self.item, str):
            return self.right, self.item
        return self.right, right_key(self.right, self.item)

    def added_to(self, policy: Policy) -> Policy:
        """`policy` with this grant: the same where it holds already.

        The tier is raised where the grant needs it; the limits stay what they were,
        but for those that would be zero. A path below one that is granted anew goes:
        it is allowed as before, and nobody can put a link there that is followed.

        Raises:
            PolicyError: If no policy can have it.
        """
        match self.right, self.item:
            case "path", _:
                return policy
            case "scratch", _:
                return _raised(policy, Tier.BASIC, _SCRATCH_LIMITS)
            case "read", str(path):
                return _with_read(policy, path)
            case "write", str(path):
                return _with_write(policy, path)
            case "env", str(name):
                return _with_variable(policy, name)
            case _, item:
                return _with_entry(policy, self.right, item)

    def clash(self, policy: Policy, path: Sequence[str] = ()) -> str:
        """Why it may not stand beside `policy` and `path`; empty if it may.

        Whoever may write to a folder decides where the names in it lead. So no program
        and no folder to import from lies below one: the next time a link may stand in
        its place.
        """
        if self.right == "write":
            programs = policy.programs
            below = [*(one.path for one in programs), *map(os.path.realpath, path)]
            below += [place for one in programs for place in one.read]
            folders: Sequence[str] = [str(self.item)]
        else:
            item = self.item
            below = [item.path if isinstance(item, Program) else str(item)]
            fixed = self.right in ("programs", "path")
            folders = [os.path.realpath(one) for one in policy.write] if fixed else []
        for place in below:
            if any(place != one and is_among(place, [one]) for one in folders):
                return f"{quoted(place)} would lie where it may write"
        return ""

    def covers(self, other: Proposal) -> bool:
        """Whether whoever has this has what `other` would grant, too."""
        if isinstance(self.item, HostGrant) and isinstance(other.item, HostGrant):
            return host_within(other.item, self.item)
        rights = {self.right, "read"} if self.right == "write" else {self.right}
        if "path" in rights:
            rights |= {"read"}
        if other.right not in rights:
            return False
        if self.right in ("read", "write", "path"):
            return is_among(str(other.item), [str(self.item)])
        return self.key == other.key

    def to_dict(self) -> dict[str, object]:
        """Plain data: the right, the grant and its words, and what was tried."""
        item = self.item
        named = item if isinstance(item, str) else _name(item)
        return {
            "right": self.right,
            "what": named,
            "text": self.phrase,
            "tried": [[one.right, one.what] for one in self.denials],
        }


def host_within(inner: HostGrant, outer: HostGrant) -> bool:
    """Whether `inner` reaches nothing that `outer` does not; quotas left out."""
    if inner.host != outer.host or not set(inner.ports) <= set(outer.ports):
        return False
    if outer.scheme and inner.scheme != outer.scheme:
        return False
    if inner.allow_private and not outer.allow_private:
        return False
    methods, paths = set(inner.methods), inner.paths
    if outer.methods and not (methods and methods <= set(outer.methods)):
        return False
    below = all(any(_below(one, item) for item in outer.paths) for one in paths)
    return not outer.paths or (bool(paths) and below)


def _below(path: str, prefix: str) -> bool:
    # As the broker reads a prefix: it ends where a segment ends.
    return path == prefix or path.startswith(f"{prefix.rstrip('/')}/")


_SCRATCH_LIMITS = ("file_bytes", "disk_bytes", "inodes")


def _place(path: str) -> str:
    below = " and everything below" if os.path.isdir(path) else ""  # noqa: PTH112
    return f"{quoted(path)}{below}"


def _told(item: Item) -> str:
    if isinstance(item, str):
        return _place(item) if item.startswith("/") else quoted(item)
    if isinstance(item, Program):
        return f"{quoted(item.name)} ({quoted(item.path)})"
    return item.describe() if isinstance(item, HostGrant) else quoted(item.path)


def _name(item: HostGrant | Program | Device) -> str:
    return item.describe() if isinstance(item, HostGrant) else item.path


def _raised(policy: Policy, tier: Tier, limits: tuple[str, ...] = ()) -> Policy:
    """`policy` at `tier` or above, with `limits` of their least where they are zero."""
    least = {
        name: getattr(_SCRATCH, name)
        for name in limits
        if not getattr(policy.limits, name)
    }
    return replace(
        policy,
        tier=max(policy.tier, tier, key=lambda one: one.rank),
        limits=replace(policy.limits, **least),
    )


def _without(paths: tuple[str, ...], folder: str) -> tuple[str, ...]:
    return tuple(path for path in paths if not is_among(path, [folder]))


def _with_read(policy: Policy, path: str) -> Policy:
    if is_among(path, (*policy.read, *policy.write)):
        return policy
    return replace(policy, read=(*_without(policy.read, path), path))


def _with_write(policy: Policy, path: str) -> Policy:
    if is_among(path, policy.write):
        return policy
    held = _raised(policy, Tier.ELEVATED, ("file_bytes",))
    return replace(
        held,
        read=_without(held.read, path),
        write=(*_without(held.write, path), path),
    )


def _with_variable(policy: Policy, name: str) -> Policy:
    known = dict(policy.env)
    if name in known:
        return policy
    return replace(policy, env=tuple({**known, name: os.environ[name]}.items()))


def _with_entry(policy: Policy, field: str, item: Item) -> Policy:
    """`policy` with `item`; a host in the place of one with the same rules."""
    known: tuple[Item, ...] = getattr(policy, field)
    if item in known:
        return policy
    if isinstance(item, HostGrant):
        key = right_key(field, item)
        known = tuple(one for one in known if right_key(field, one) != key)
    changed = {field: (*known, item)}
    return replace(_raised(policy, Tier.ELEVATED), **changed)  # type: ignore[arg-type]
