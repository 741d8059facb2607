"""What is granted at this moment, who uses it, and the record of each decision.

Every service of the broker asks here first. A grant that is revoked is gone for the
next request, and whatever is registered as using it is closed at once.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TypeAlias

from lockgate_sandbox._watch import descriptors
from lockgate_sandbox.broker._audit import AuditLog
from lockgate_sandbox.broker._quota import Meter, Meters, QuotaError
from lockgate_sandbox.broker._refusal import RefusedError, RevokedError
from lockgate_sandbox.errors import HostDescriptorsError, PolicyError
from lockgate_sandbox.grant_text import write_host_grant, write_quota
from lockgate_sandbox.grants import Device, HostGrant, PathGrant, Quota
from lockgate_sandbox.policy import Policy, Program

__all__ = ["Advice", "Gate", "Grant", "Secret", "Use", "new_number"]

Advice: TypeAlias = Callable[[str, str], str]
"""(right, resource) -> what a person does to allow it: a command, or code.

Beside the rights of an `AuditRecord` there are ``total``, whose resource is the words
of the quota that all hosts share (`grant_text.write_quota`), and ``value``: of a secret
that is granted.
"""


class Secret(str):
    """A secret's name, as a grant of its own."""

    __slots__ = ()


Grant: TypeAlias = HostGrant | PathGrant | Device | Program | Secret

_RIGHTS: dict[type, str] = {
    HostGrant: "net",
    PathGrant: "path",
    Device: "device",
    Program: "tool",
    Secret: "secret",
}


class Use:
    """Something open under a grant; `close` ends it from any thread."""

    __slots__ = ("_close", "grant", "revoked")

    def __init__(self, grant: Grant, close: Callable[[], object]) -> None:
        self.grant = grant
        self.revoked = False
        self._close = close

    def end(self) -> None:
        """Close it because its grant is gone."""
        self.revoked = True
        with suppress(OSError):
            self._close()

    def check(self) -> None:
        """Raise if the grant was taken back.

        Raises:
            RevokedError: If so.
        """
        if self.revoked:
            msg = f"the grant for {name_of(self.grant)} was taken back"
            raise RevokedError(msg)


def name_of(grant: Grant) -> str:
    """How a grant is called in records and messages."""
    if isinstance(grant, HostGrant):
        try:
            return write_host_grant(grant)
        except PolicyError:  # a credential of a form that has no text
            return grant.origin
    if isinstance(grant, PathGrant):
        return grant.path
    return grant.name if isinstance(grant, Device | Program) else str(grant)


class Gate:
    """The grants of one policy, with their meters. Thread-safe."""

    def __init__(
        self,
        policy: Policy,
        log: AuditLog,
        worker: str,
        advice: Advice,
        look: Callable[[], object] | None = None,
    ) -> None:
        self._look = look or _nothing
        self._log = log
        self._worker = worker
        self._advice = advice
        self._lock = threading.Lock()
        self._uses: set[Use] = set()
        self._total = Meter(policy.total, "all hosts")
        self._meters: Mapping[HostGrant, Meter] = {
            grant: Meter(grant.quota, grant.origin) for grant in policy.hosts
        }
        secrets = tuple(Secret(name) for name in policy.secrets)
        self._live: list[Grant] = [
            *policy.hosts,
            *policy.files,
            *policy.devices,
            *policy.tools,
            *secrets,
        ]
        self._closed = False

    def hosts(self) -> Iterator[HostGrant]:
        """The host grants that hold now."""
        self._look()
        return iter([item for item in self._live if isinstance(item, HostGrant)])

    def paths(self) -> Iterator[PathGrant]:
        """The path grants that hold now."""
        self._look()
        return iter([item for item in self._live if isinstance(item, PathGrant)])

    def named(self, kind: type[Device | Program | Secret], name: str) -> Grant | None:
        """The grant of this kind and name that holds now."""
        self._look()
        for item in list(self._live):
            if isinstance(item, kind) and name_of(item) == name:
                return item
        return None

    def meters(self, grant: HostGrant) -> Meters:
        """What a use of `grant` counts against."""
        return Meters(self._meters[grant], self._total)

    def allow(
        self, grant: Grant, resource: str, *, reason: str = "", end: int | None = None
    ) -> None:
        """Record that something is done, or has ended after `end` bytes.

        Raises:
            OSError: If it can't be recorded: then it may not be done.
        """
        self._log.write(
            self._worker,
            _RIGHTS[type(grant)],
            resource,
            "allow" if end is None else "end",
            reason=reason,
            bytes=end or 0,
            grant=name_of(grant),
        )

    def refuse(
        self,
        right: str,
        resource: str,
        reason: str,
        *,
        wanted: str | None = None,
        lacking: str = "",
    ) -> RefusedError:
        """Record a denial; gives the error to raise.

        `wanted` is the grant that would allow it, "" if none would; by default
        it is the resource itself. `lacking` is what it lacks instead of the right.
        """
        asked = resource if wanted is None else wanted
        hint = self._advice(lacking or right, asked) if asked else ""
        self._log.write(
            self._worker, right, resource, "deny", reason=reason, grant=hint
        )
        # Only what is told is cut here: the log redacts first, and half a secret
        # is none that it knows.
        told = f"{_short(resource)} is refused: {_short(reason, 1000)}"
        return RefusedError(told, hint=hint)

    def out_of(self, error: QuotaError, grant: HostGrant, resource: str) -> QuotaError:
        """Record that what may be used of `grant` is used up; gives what to raise.

        That says, as the record does, which larger grant would allow it.
        """
        hint = "" if error.larger is None else self._larger(error, grant, error.larger)
        self._log.write(
            self._worker, "net", resource, "deny", reason=error.reason, grant=hint
        )
        return error.helped_by(hint)

    def _larger(self, error: QuotaError, grant: HostGrant, quota: Quota) -> str:
        if error.meter is self._total:
            return self._advice("total", write_quota(quota))
        try:
            text = write_host_grant(replace(grant, quota=quota))
        except PolicyError:  # a credential of a form that has no text
            words = write_quota(quota, Quota())
            return f"a quota of {words} in the grant for {grant.origin}"
        return self._advice("net", text)

    @contextmanager
    def room_for(self, need: int, right: str, resource: str) -> Generator[None]:
        """Open up to `need` descriptors for a worker inside the ``with`` block.

        Raises:
            HostDescriptorsError: If the host has too few left; that is recorded.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(descriptors.room_for(need, resource))
            except HostDescriptorsError as error:
                self.refuse(right, resource, str(error), wanted="")
                raise
            yield

    def hold(self, grant: Grant, close: Callable[[], object]) -> Use:
        """Register something that is open under `grant`.

        Raises:
            RevokedError: If the grant is gone meanwhile.
        """
        use = Use(grant, close)
        with self._lock:
            if not self._closed and grant in self._live:
                self._uses.add(use)
                return use
        use.revoked = True
        use.check()
        return use

    def release(self, use: Use) -> None:
        """Forget something that has ended."""
        with self._lock:
            self._uses.discard(use)

    def revoke(self, grant: Grant) -> bool:
        """Take a grant back; False if it did not hold."""
        with self._lock:
            if grant not in self._live:
                return False
            self._live.remove(grant)
            ended = [use for use in self._uses if use.grant == grant]
            self._uses.difference_update(ended)
        for use in ended:
            use.end()
        resource = name_of(grant)
        self._log.write(
            self._worker, _RIGHTS[type(grant)], resource, "deny", reason="revoked"
        )
        return True

    def close(self) -> None:
        """End every use; nothing holds any more."""
        with self._lock:
            self._closed = True
            self._live.clear()
            ended = list(self._uses)
            self._uses.clear()
        for use in ended:
            use.end()


def new_number() -> int:
    """What a worker calls something of its own by, and no other worker can guess.

    One broker may serve several at a time, as a pool's does.
    """
    return secrets.randbits(62)


def _nothing() -> None:
    """Nobody else says what holds."""


def _short(text: str, characters: int = 200) -> str:
    return text if len(text) <= characters else f"{text[:characters]}..."
