"""The broker of a worker: does what the worker may not do itself, and logs it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from lockgate_sandbox._wire.remedy import is_too_much
from lockgate_sandbox.broker._addresses import Pins, Resolve
from lockgate_sandbox.broker._audit import AuditLog, AuditSink
from lockgate_sandbox.broker._begun import Begun, Callback
from lockgate_sandbox.broker._devices import Claims, Devices
from lockgate_sandbox.broker._files import Files
from lockgate_sandbox.broker._gate import Advice, Gate, Grant, Secret
from lockgate_sandbox.broker._secret import Secrets, Source
from lockgate_sandbox.broker._sockets import Sockets
from lockgate_sandbox.broker._tools import Runner, Tools
from lockgate_sandbox.errors import ClosedError, Data, PolicyError
from lockgate_sandbox.policy import Policy

if TYPE_CHECKING:
    from lockgate_sandbox.broker._web import Web

__all__ = ["Broker"]


class Broker:
    """Carries out the grants of `policy` that the kernel can't. Thread-safe.

    Hand it to ``Sandbox.worker(policy, broker=...)``; it serves one worker after
    the other, or several at a time (a pool's), which share its quotas, its pinned
    addresses and its record. These last as long as it does. The caller closes it.

    `secrets` gives values by name. `audit` gets an `AuditRecord` for each decision
    and `audit_file` a line of JSON; a decision that can't be recorded is not taken.
    `advice` says how a person allows something. `resolve` and `trust` replace the
    system's resolver and the roots that TLS believes. `claims` is told which devices
    are open, and says who has one that is busy. `look` is called before each decision,
    from whatever thread: what it revokes does not hold for it any more.

    Raises:
        PolicyError: If hosts are granted but httpx is not installed, or the audit
            file can't be had.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        secrets: Source | None = None,
        audit: AuditSink | None = None,
        audit_file: str | os.PathLike[str] | None = None,
        worker: str = "worker",
        advice: Advice | None = None,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        claims: Claims | None = None,
        look: Callable[[], object] | None = None,
    ) -> None:
        self.policy = policy
        self._home = os.getpid()
        self._log = AuditLog(audit, audit_file)
        self._gate = Gate(policy, self._log, worker, advice or _advice, look)
        self._secrets = Secrets(self._gate, secrets or {}, self._log)
        self._pins = Pins(resolve)
        self._devices = Devices(self._gate, claims)
        # Whatever may fail comes before what must be closed.
        self._web = self._open_web(trust) if policy.hosts else None
        self._files = Files(self._gate)
        self._sockets = Sockets(self._gate, self._pins)

    def _open_web(self, trust: ssl.SSLContext | None) -> Web:
        try:
            from lockgate_sandbox.broker._web import Web
        except ModuleNotFoundError as error:
            raise PolicyError(
                f"hosts are granted, but {error.name} is not installed",
                hint="pip install 'httpx>=0.28,<1'",
            ) from error
        return Web(self._gate, self._pins, self._secrets.for_header, trust)

    def __enter__(self) -> Broker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def callbacks(
        self, runner: Runner | None = None, begun: ExitStack | None = None
    ) -> dict[str, Callback]:
        """What one worker may ask of this broker; `Sandbox.worker` offers it.

        `runner` starts the programs of the machine that are granted. What still runs
        for the worker is ended by `begun`, for whoever sees the worker's end.

        Raises:
            ClosedError: If this is a forked copy of the host, whose connections are
                its parent's: each could be given the other's answer.
        """
        if os.getpid() != self._home:
            msg = "the broker belongs to the process that this one was forked from"
            raise ClosedError(msg, hint="make one in the process that is to use it")
        found: dict[str, Callback] = {
            **self._secrets.callbacks,
            **self._sockets.callbacks,
            **self._files.callbacks,
            **self._devices.callbacks,
        }
        parts: dict[str, Sockets | Web] = {"broker.net.open": self._sockets}
        if self._web is not None:
            found |= self._web.callbacks
            parts["broker.http.open"] = self._web
        else:
            found["broker.http.open"] = self._no_hosts
        if runner is not None:
            tools = Tools(self._gate, self.policy, runner)
            if begun is not None:
                begun.callback(tools.close)
            found |= tools.callbacks
        if begun is not None:
            for name, part in parts.items():
                noted = Begun(part.give_up, part.holds)
                found[name] = noted.noting(found[name])
                begun.callback(noted.end)
        return found

    def telling(self, sink: AuditSink) -> AbstractContextManager[None]:
        """Inside the ``with`` block `sink` gets each record, too."""
        return self._log.telling(sink)

    def _no_hosts(self, arguments: dict[str, Data]) -> object:
        parts = [arguments.get(name) for name in ("scheme", "host", "port")]
        place = "{}://{}:{}/".format(*map(str, parts))
        # What is granted by it is one host: more words would be more of a grant.
        one = len(place.split()) == 1 and place.isprintable() and place.isascii()
        why = "no grant names this host and port"
        raise self._gate.refuse("net", place, why, wanted=None if one else "")

    def revoke(self, grant: Grant | str) -> bool:
        """Take a grant back at once; False if it did not hold.

        What is open under it is closed: connections and requests under way. `grant`
        is a value of the policy, or the name of a secret. A descriptor that was
        passed (a file, a device) is the worker's until the worker ends, and what
        the kernel carries out (the policy's `read`, `write`, `programs`) can only
        be taken back by starting a new worker under a new policy.
        """
        return self._gate.revoke(Secret(grant) if isinstance(grant, str) else grant)

    def close(self) -> None:
        """Revoke everything and close what is open. May be repeated.

        In a forked copy of the host nothing happens: what is open is its parent's.
        """
        if os.getpid() != self._home:
            return
        self._gate.close()
        self._sockets.close()
        self._files.close()
        if self._web is not None:
            self._web.close()
        self._log.close()


_FIELDS = {
    "net": "hosts=({!r},)",
    "path": "files=(PathGrant({!r}),)",
    "device": "devices=(Device({!r}),)",
    "secret": "secrets=({!r},)",
    "tool": "tools=(Program({!r}, PATH),)",
    "total": "total={!r}",
}


def _advice(right: str, resource: str) -> str:
    if right == "value":
        return f"Broker(policy, secrets={{{resource!r}: VALUE}})"
    if right == "path" and is_too_much(resource):
        return ""
    return f"{_FIELDS[right].format(resource)} in the policy"
