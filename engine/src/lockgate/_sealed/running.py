"""A worker that is up: what it runs, with which rights, and the broker behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lockgate._call.call import Call
from lockgate._codec.convert import to_data
from lockgate._data.folder import DataFolder
from lockgate._record.audit import Observer
from lockgate._rights.policy import Plan
from lockgate._sealed.broker import Broker, TakenBack
from lockgate.grants import Consent, Identity
from lockgate.values import Data, Document

if TYPE_CHECKING:
    from lockgate_sandbox import Data as WireData
    from lockgate_sandbox import Sandbox, Stream, Worker

__all__ = [
    "Rights",
    "Running",
    "Target",
    "ending",
    "start",
    "watch",
    "why_active",
    "wire",
]


@dataclass(frozen=True, slots=True)
class Target:
    """What the worker runs: ``module:callable`` and its keyword arguments."""

    name: str
    arguments: Mapping[str, Data]


@dataclass(frozen=True, slots=True)
class Rights:
    """What the plugin has at this moment, and what that means for its worker.

    `stamp` changes whenever the grants might have.
    """

    stamp: object
    consent: Consent
    plan: Plan
    digest: str = ""
    """Of the files that this is about; empty where nobody knows."""
    claims: str = ""
    """The folder that says who has which device; empty: nobody is told."""
    data: DataFolder | None = None
    """What the plugin keeps from one worker to the next."""


@dataclass(slots=True)
class Running:
    """A worker that is up, and the broker behind it."""

    worker: Worker
    broker: Broker
    rights: Rights
    posture: Document
    cpu_seconds: float = 0.0
    held: int = 0
    """Wrappers that have begun in it and not ended."""
    heard: int = 0
    """How much of the history it was told."""
    stopped: bool = False
    """Whether it was killed from here: how it ends is not its plugin's doing then."""

    def hears(self, position: int) -> bool:
        """Whether the call at `position` of the history is news; then no longer."""
        news, self.heard = position >= self.heard, max(self.heard, position + 1)
        return news

    @property
    def wall_seconds(self) -> float:
        """What a call of it may take."""
        return self.rights.plan.policy.limits.wall_seconds

    @property
    def worn(self) -> bool:
        """Whether half of the CPU seconds of its life are used."""
        return self.cpu_seconds * 2 > self.rights.plan.policy.limits.cpu_seconds

    def kill(self) -> None:
        """End the worker and what runs on its behalf; from any thread."""
        self.stopped = True
        self.worker.kill()
        self.broker.interrupt()

    def end(self) -> None:
        """End it and let go of what it had."""
        self.kill()
        self.worker.close()
        self.broker.close()


def start(
    identity: Identity,
    rights: Rights,
    target: Target,
    sandbox: Callable[[], Sandbox],
    observer: Observer,
    now: Callable[[object], Rights | None],
) -> Running:
    """Start a worker of `target` with `rights`, and its broker.

    `now` gives the rights that hold later, if they changed since the stamp it is given.

    Raises:
        SandboxError: If it can't be started; nothing of it is left then.
    """
    with ExitStack() as undo:
        broker = Broker(
            identity,
            rights.consent,
            rights.plan,
            sandbox=sandbox,
            observer=observer,
            claims=rights.claims,
            data=rights.data,
            taken_back=_changes(rights, now),
        )
        undo.callback(broker.close)
        worker = sandbox().worker(
            rights.plan.policy,
            target=target.name,
            path=rights.plan.path,
            packages=rights.plan.packages,
            arguments=wire(target.arguments),
            callbacks=broker.callbacks,
            broker=broker.services,
            name=identity.plugin,
        )
        undo.pop_all()
    # The layers of a worker are what they are: nothing changes them later.
    posture = cast(Document, to_data(worker.posture.to_dict()))
    return Running(worker, broker, rights, posture)


def _changes(rights: Rights, now: Callable[[object], Rights | None]) -> TakenBack:
    """The consent and the plan that hold now, if they changed since the last look."""
    stamp = rights.stamp

    def changed() -> tuple[Consent, Plan] | None:
        nonlocal stamp
        fresh = now(stamp)
        if fresh is None:
            return None
        stamp = fresh.stamp
        return fresh.consent, fresh.plan

    return changed


def why_active(running: Running) -> str:
    """Why a plugin is active, and which rights it does without."""
    lacking = ", ".join(running.rights.consent.missing)
    without = f"; asked for, not granted: {lacking}" if lacking else ""
    return f"worker {running.worker.pid} runs{without}"


def watch(call: Call, kill: Callable[[], None] | None) -> None:
    """What ends the call's waiting, if another thread cancels it."""
    if call.cancellation is not None:
        call.cancellation.watch(kill)


def ending(stream: Stream, running: Running) -> Callable[[], None]:
    """Ends a stream from another thread: kindly at first, then for good."""
    asked = False

    def end() -> None:
        nonlocal asked
        if asked:
            running.kill()
        else:
            asked = True
            stream.cancel()

    return end


def wire(arguments: Mapping[str, Data]) -> Mapping[str, WireData]:
    """The same data: ours are lists and dicts already, only typed more widely."""
    return cast("Mapping[str, WireData]", arguments)
