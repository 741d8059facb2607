"""A plugin behind the boundary: asks it through a worker that starts when needed.

One worker per plugin and set of grants. It starts at the first call, serves one
call at a time, and is replaced when need be (`lockgate._sealed.succession`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING

from lockgate._call.answers import Answer, make_answer
from lockgate._call.blame import Blame
from lockgate._call.call import Call
from lockgate._call.past import PastCalls
from lockgate._call.wrapping import BEGIN
from lockgate._codec.misfit import Misfit
from lockgate._guest.serve import LOAD
from lockgate._record.audit import Observer
from lockgate._record.lifecycle import History
from lockgate._sealed.running import (
    Running,
    ending,
    watch,
    wire,
)
from lockgate._sealed.succession import Succession
from lockgate._sealed.wrapping import SealedWrapping
from lockgate._specs.spec import specs
from lockgate.errors import ArgumentError, LockgateError
from lockgate.values import Data
from lockgate_sandbox import PolicyError, SandboxError

if TYPE_CHECKING:
    from lockgate_sandbox import Reply

__all__ = ["SealedPlugin"]

PROOF_SECONDS = 60.0


class SealedPlugin:
    """Asks one plugin through its `workers`. Thread-safe: calls wait in line.

    `hears` are the historic hooks that the plugin answers, `past` their calls so far.
    """

    def __init__(
        self,
        workers: Succession,
        observer: Observer,
        *,
        past: PastCalls | None = None,
        hears: frozenset[str] = frozenset(),
    ) -> None:
        self.identity = workers.identity
        self.admission = workers.admission
        self._workers = workers
        self._observer = observer
        self._past = past or PastCalls()
        self._hears = hears
        self._lock = threading.Lock()
        self._supervisor = workers.supervisor
        self._reader = 0

    @property
    def quarantine(self) -> str:
        """Why the plugin is quarantined, or the empty string."""
        return self._supervisor.quarantine

    @property
    def pid(self) -> int | None:
        """The worker's process, None while there is none."""
        running = self._workers.running
        return running.worker.pid if running is not None else None

    @property
    def digest(self) -> str:
        """Of the files that the worker was started from; empty while there is none."""
        running = self._workers.running
        return running.rights.digest if running is not None else ""

    def look(self) -> None:
        """Learn whether an earlier host put the plugin in quarantine."""
        with self._lock:
            self._supervisor.look()

    def prove(self, seconds: float = PROOF_SECONDS) -> None:
        """Start the worker and have it load the plugin, in or out of quarantine.

        Raises:
            LockgateError: If either fails, in whatever way.
        """
        blame, deadline = Blame(self.identity, LOAD), time.monotonic() + seconds
        call = Call(next(iter(specs().values())), {}, {}, seconds, deadline, True)
        with self._lock:
            self._prove(self._workers.start(call, blame, trial=True), call, blame)

    def _prove(self, running: Running, call: Call, blame: Blame) -> None:
        self._exchange(running, call, blame, LOAD, {})

    def enter_service(self, history: History) -> None:
        """The trial is over: what happens from now on is part of `history`."""
        with self._lock:
            self._supervisor.enter_service(history)

    def release(self) -> None:
        """Give a quarantined plugin a new budget."""
        with self._lock:
            self._supervisor.forgive("its owner released it")

    def ask(self, call: Call) -> Answer[object] | None:
        """Put `call` to the plugin; None if it has no answer.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        blame, started = Blame(self.identity, call.spec.name), time.monotonic()
        self._wait_in_line(call, blame)
        try:
            running = self._ready(call, blame)
            if call.position is not None and not running.hears(call.position):
                return None
            reply = self._exchange(running, call, blame, call.spec.name, call.data)
            return self._answer(running, call, blame, reply, started)
        finally:
            self._lock.release()

    def stream(self, call: Call) -> Generator[object]:
        """The items of a streaming hook, each when it is wanted.

        The plugin is busy until the last one was read, or the generator closed.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        blame = Blame(self.identity, call.spec.name)
        self._wait_in_line(call, blame)
        # Whoever reads on a thread of its own waits in line like anybody.
        self._reader = threading.get_ident() if call.cancellation is None else 0
        try:
            running = self._ready(call, blame)
            yield from self._items(running, call, blame)
        finally:
            self._reader = 0
            self._lock.release()

    def _items(self, running: Running, call: Call, blame: Blame) -> Generator[object]:
        left = self._begin(running, call, blame)
        decode = call.spec.answer.decode
        try:
            arguments = wire(call.data)
            with running.worker.stream(blame.hook, arguments, timeout=left) as stream:
                watch(call, ending(stream, running))
                for raw in stream:
                    yield decode(raw)
                reply = stream.result
        except Misfit as misfit:
            raise blame.misfit(misfit) from None
        except SandboxError as error:
            raise self._went_wrong(running, error, blame, left, call) from error
        finally:
            watch(call, None)
        self._went_well(running, reply, blame)

    def exchange(
        self, call: Call, blame: Blame, method: str, arguments: Mapping[str, Data]
    ) -> Reply:
        """Send `method`, which is no hook, to the worker on behalf of `call`.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        self._wait_in_line(call, blame)
        try:
            running = self._ready(call, blame)
            return self._exchange(running, call, blame, method, arguments)
        finally:
            self._lock.release()

    def begin(self, call: Call) -> SealedWrapping | None:
        """Run the plugin's wrapper up to its ``yield``.

        Gives None if the owner has not granted it to wrap this hook. The line is
        free again afterwards: what is asked inside may be this very plugin.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        blame, started = Blame(self.identity, call.spec.name), time.monotonic()
        if not self._workers.granted(f"wrap:{blame.hook}", blame):
            return None
        self._wait_in_line(call, blame)
        try:
            running = self._ready(call, blame)
            arguments: dict[str, Data] = {"hook": blame.hook, "arguments": call.data}
            reply = self._exchange(running, call, blame, BEGIN, arguments)
            running.held += 1
        finally:
            self._lock.release()

        def ask(call: Call, method: str, arguments: Mapping[str, Data]) -> Reply:
            return self._resume(running, call, blame, method, arguments)

        def made(value: object) -> Answer[object]:
            return self._made(value, running, started)

        return SealedWrapping(call, blame, reply.value, ask, made)

    def _resume(
        self,
        running: Running,
        call: Call,
        blame: Blame,
        method: str,
        arguments: Mapping[str, Data],
    ) -> Reply:
        """Send `method` to the worker that a wrapper began in: there, or nowhere."""
        try:
            self._wait_in_line(call, blame)
            try:
                if not running.worker.alive:
                    raise blame.lost_wrapper()
                return self._exchange(running, call, blame, method, arguments)
            finally:
                self._lock.release()
        finally:
            self._workers.let_go(running)

    def _wait_in_line(self, call: Call, blame: Blame) -> None:
        """Take the lock, waiting no longer than the call may take."""
        if self._reader == threading.get_ident():
            raise blame.busy()
        seconds = call.seconds_left()
        if seconds > 0 and self._lock.acquire(blocking=False):
            return
        began = time.monotonic()
        if seconds <= 0 or not self._lock.acquire(timeout=seconds):
            raise blame.timeout(call.seconds, call.who_took_it(self.identity.plugin))
        self._supervisor.waited(time.monotonic() - began)

    def close(self) -> None:
        """Kill the worker; from any thread, also in the middle of a call."""
        self._workers.close()

    # -- one exchange -----------------------------------------------------------

    def _exchange(
        self,
        running: Running,
        call: Call,
        blame: Blame,
        method: str,
        arguments: Mapping[str, Data],
    ) -> Reply:
        left = self._begin(running, call, blame)
        watch(call, running.kill)
        try:
            reply = running.worker.call(method, wire(arguments), timeout=left)
        except SandboxError as error:
            raise self._went_wrong(running, error, blame, left, call) from error
        finally:
            watch(call, None)
        self._went_well(running, reply, blame)
        return reply

    def _went_well(self, running: Running, reply: Reply, blame: Blame) -> None:
        self._printed(reply.output, blame)
        running.cpu_seconds += reply.usage.cpu_seconds
        self._supervisor.answered()

    def _printed(self, output: str, blame: Blame) -> None:
        if output:
            who = self.identity
            self._observer.printed(who.plugin, who.version, blame.hook, output)

    def _begin(self, running: Running, call: Call, blame: Blame) -> float:
        """Let the broker know of the call; gives the seconds that the worker has.

        Raises:
            HookTimeoutError: If nothing is.
        """
        left = min(call.seconds_left(), running.wall_seconds)
        if left <= 0:
            raise blame.timeout(call.seconds, call.who_took_it(self.identity.plugin))
        running.broker.begin(blame.hook, time.monotonic() + left)
        return left

    def _went_wrong(
        self,
        running: Running,
        error: SandboxError,
        blame: Blame,
        left: float,
        call: Call,
    ) -> LockgateError:
        """What the caller is told; `left` is what `_begin` gave."""
        self._printed(error.output, blame)
        self._workers.failed(running, error, blame)
        if isinstance(error, PolicyError):  # what it was asked can't be sent to anybody
            return ArgumentError(str(error), hook=blame.hook)
        return blame.of(
            error,
            seconds=left if left == running.wall_seconds else call.seconds,
            why=call.who_took_it(self.identity.plugin),
            consent=running.rights.consent,
            denials=running.broker.denials,
        )

    def _answer(
        self,
        running: Running,
        call: Call,
        blame: Blame,
        reply: Reply,
        started: float,
    ) -> Answer[object] | None:
        if reply.value is None:
            return None
        try:
            value = call.spec.answer.decode(reply.value)
        except Misfit as misfit:
            raise blame.misfit(misfit) from None
        return self._made(value, running, started, reply.output)

    def _made(
        self, value: object, running: Running, started: float, output: str = ""
    ) -> Answer[object]:
        return make_answer(
            value,
            self.identity.plugin,
            self.identity.version,
            running.rights.consent.tier,
            time.monotonic() - started,
            running.posture,
            running.broker.denials,
            output,
        )

    # -- the worker's life --------------------------------------------------------

    def _ready(self, call: Call, blame: Blame) -> Running:
        """The running worker, which knows of the past."""
        running = self._workers.ready(call, blame)
        if self._hears:
            self._tell_past(running, call)
        return running

    def _tell_past(self, running: Running, call: Call) -> None:
        """Before `call`, tell the worker of the historic calls that it missed.

        Raises:
            LockgateError: If its worker dies of one of them.
        """
        for position, past in self._past.since(running.heard, call):
            hook = past.spec.name
            if not running.hears(position) or hook not in self._hears:
                continue
            blame = Blame(self.identity, hook)
            try:
                self._exchange(running, call, blame, hook, past.data)
            except LockgateError as error:
                self._workers.audit("history", hook, error.message, allowed=False)
                if not running.worker.alive:
                    raise
