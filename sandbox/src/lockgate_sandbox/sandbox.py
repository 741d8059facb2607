"""The sandbox: one keeper, one zygote, and the workers forked from it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lockgate_sandbox import program
from lockgate_sandbox._given import check_broker, policy_of
from lockgate_sandbox._start.nursery import Nursery
from lockgate_sandbox._start.preloads import Preloads
from lockgate_sandbox._start.recipe import Recipes, Starting, wait_for_call
from lockgate_sandbox._start.spares import Forked, Kind, Spares, fork
from lockgate_sandbox.callbacks import Callbacks
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.layers import Modes
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.pool import WorkerPool
from lockgate_sandbox.profiles import Profile
from lockgate_sandbox.tiers import Tier
from lockgate_sandbox.worker import Worker

if TYPE_CHECKING:
    from lockgate_sandbox.broker import Broker
    from lockgate_sandbox.data import Given
    from lockgate_sandbox.layers import Layers, Mode
    from lockgate_sandbox.replies import Reply
    from lockgate_sandbox.results import ProgramResult, RunResult

__all__ = ["Sandbox"]


class Sandbox:
    """Starts sealed workers and programs. Thread-safe; close it when done.

    It owns one keeper process with a zygote below it and one folder for scratch
    space. Everything ends with `close`, at the latest with the host process.
    """

    def __init__(self, layers: Layers, *, follow_links: bool = True) -> None:
        self._nursery = Nursery(Modes(layers), follow_links=follow_links)
        self._preloads = Preloads(self._nursery)
        self._spares = Spares(self._fork, self._nursery.hurry)
        self._recipes = Recipes()
        self._lock = threading.Lock()
        self._home = os.getpid()
        self._open: set[Worker] = set()
        self._pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()

    @classmethod
    def open(
        cls, *, layers: Layers | None = None, follow_links: bool = True
    ) -> Sandbox:
        """Start a keeper.

        `layers` changes how firmly a layer is held (see `layers`): at every tier by
        the layer's name, at one by the tier's, ``{"admin": {"cgroup": "strict"}}``.
        Switching one off is for tests of the other layers.

        A symbolic link in a path that is granted is followed when a worker starts,
        unless it lies where some policy of this process lets workers write. Without
        `follow_links` none is: for a host that looks paths up when they are granted,
        and whose policies hold what it found. Such a path that has become a link
        opens nothing.

        Raises:
            StartError: If the keeper can't be started.
            PolicyError: If `layers` names no layer or tier, or no mode.
        """
        return cls(layers or {}, follow_links=follow_links)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill every worker, end the keeper, remove all scratch. May be repeated.

        In a forked copy of the host it only lets go.
        """
        if os.getpid() != self._home:
            self._nursery.close()
            return
        for pool in list(self._pools):
            pool.close()
        with self._lock:
            workers = list(self._open)
        self._spares.close()
        for worker in workers:
            worker.close()
        self._preloads.close()
        self._nursery.close()

    def modes(self, tier: Tier | str) -> dict[str, Mode]:
        """How firmly each layer is held at `tier`, on this machine.

        Raises:
            PolicyError: If that tier is not sandboxed.
            StartError: If the machine cannot be probed.
        """
        wanted = Tier(tier)
        if wanted is Tier.SYSTEM:
            raise PolicyError("tier system is not sandboxed: no layer holds it")
        return self._nursery.modes(wanted)

    def worker(
        self,
        policy: Policy | Tier | str,
        *,
        target: str,
        path: Sequence[str] = (),
        arguments: Mapping[str, Given] | None = None,
        callbacks: Callbacks | None = None,
        broker: Broker | None = None,
        preload: Sequence[str] = (),
        packages: Mapping[str, str] | None = None,
        name: str = "worker",
        lazy: bool = False,
    ) -> Worker:
        """Fork a worker, seal it, and build `target` (``module:callable``) in it.

        `path` are folders for ``sys.path`` behind the standard library; ``.pth``
        files in them are never processed. `packages` are single packages by name,
        each with its own folder: they can be imported, what lies beside them can
        not even be read. The target is called as
        ``callable(session, **arguments)`` and gives ``handler(method, arguments)``.
        `policy` may be a tier, or its name, too. `broker` carries out what it grants
        beyond the kernel's rights, and nothing else; it stays the caller's to close.

        With `lazy` this returns as soon as the worker is sealed, and the target is
        built by the first call, which is sent along: the quickest way to one answer.
        What keeps the target from being built is raised by that call then, which has
        the policy's wall seconds for both.

        Raises:
            LayerMissingError: If a strict layer can't be had.
            StartError: If the target can't be imported or built.
            LimitError: If that reaches a limit.
            PolicyError: If an argument makes no sense.
        """
        order = self._recipes.order(
            policy,
            target,
            path,
            arguments=arguments,
            callbacks=callbacks,
            broker=broker,
            preload=preload,
            name=name,
            runner=self,
            packages=packages,
        )
        self._nursery.check_open()  # what waits may be a forked copy's too
        kind, job = order.recipe.kind, order.recipe.job
        child = self._spares.take(kind, job)
        if lazy:
            worker = wait_for_call(order, child, self._opened, self._released)
            self._spares.want(kind, job)
            return worker
        starting = Starting(order, child)

        def next_one() -> None:
            self._spares.want(kind, job)

        return starting.finish(self._opened, self._released, next_one)

    def call_once(
        self,
        policy: Policy | Tier | str,
        method: str,
        arguments: Mapping[str, Given] | None = None,
        *,
        target: str,
        path: Sequence[str] = (),
        target_arguments: Mapping[str, Given] | None = None,
        callbacks: Callbacks | None = None,
        broker: Broker | None = None,
        preload: Sequence[str] = (),
        name: str = "worker",
        timeout: float | None = None,
    ) -> Reply:
        """One call in a worker of its own, which is gone when this returns.

        The same as ``worker(..., lazy=True)``, `Worker.call` and `Worker.close`:
        `target_arguments` are what the target is built with. The policy's wall
        seconds, or `timeout` if that is less, are those of building it and of the
        call together, and so is the reply's usage.

        Raises:
            LayerMissingError: If a strict layer can't be had.
            StartError: If the target can't be imported or built.
            SandboxError: As `Worker.call` does.
        """
        with self.worker(
            policy,
            target=target,
            path=path,
            arguments=target_arguments,
            callbacks=callbacks,
            broker=broker,
            preload=preload,
            name=name,
            lazy=True,
        ) as worker:
            return worker.call(method, arguments, timeout=timeout)

    def pool(
        self,
        policy: Policy | Tier | str,
        *,
        target: str,
        path: Sequence[str] = (),
        arguments: Mapping[str, Given] | None = None,
        callbacks: Callbacks | None = None,
        broker: Broker | None = None,
        preload: Sequence[str] = (),
        name: str = "worker",
        size: int = 2,
        limit: int | None = None,
        leases: int = 1,
    ) -> WorkerPool:
        """A pool that keeps `size` workers ready, each as `worker` makes one.

        `limit` is how many there may be at once, leased ones included; without it
        four times `size`. After `leases` leases a worker is replaced.

        Raises:
            PolicyError: If an argument makes no sense.
            ClosedError: If the sandbox is closed.
        """
        order = self._recipes.order(
            policy,
            target,
            path,
            arguments=arguments,
            callbacks=callbacks,
            broker=broker,
            preload=preload,
            name=name,
            runner=self,
        )
        self._nursery.check_open()  # a copy would wait for a thread of its parent's

        def start(later: bool) -> Starting:
            child = self._fork(order.recipe.kind, later)
            return Starting(order, child, unhurried=later)

        made = WorkerPool(
            start,
            lambda starting: starting.finish(self._opened, self._released),
            size=size,
            limit=4 * size if limit is None else limit,
            leases=leases,
        )
        self._pools.add(made)
        return made

    def run_program(
        self,
        policy: Policy | Tier | str,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        executable: Sequence[str] = (),
        collect: Sequence[str] = (),
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> ProgramResult:
        """Run a program of this machine in a sandbox of its own and wait for it.

        Its working folder is fresh and holds `files`. `executable` are folders
        and files that it may read and execute besides itself and the system's
        libraries. `collect` are globs (``*``, ``?``, ``**``) of the files to read
        back, at most the policy's `disk_bytes` and `message_bytes`. The wall limit is
        the policy's.

        `stop`, set by another thread, ends the program.

        Raises:
            PolicyError: If the policy's tier can't have programs, or an argument
                makes no sense.
            StartError: If the program does not exist or can't be executed.
            CancelledError: If `stop` was set.
            LimitError: If a limit was reached.
            LayerMissingError: If a strict layer can't be had.
        """
        return program.run_program(
            self._nursery,
            policy_of(policy),
            argv,
            files=files or {},
            executable=executable,
            collect=collect,
            stdin=stdin,
            env=env or {},
            stop=stop,
        )

    def run_file(
        self,
        policy: Policy | Tier | str,
        script: str | os.PathLike[str],
        argv: Sequence[str] = (),
        *,
        path: Sequence[str] = (),
        stdio: tuple[int, int, int] = (0, 1, 2),
        broker: Broker | None = None,
        profile: Profile | str = Profile.PLAIN,
        source: bytes | None = None,
    ) -> RunResult:
        """Run one Python file as ``__main__`` and wait for it.

        The three descriptors of `stdio` become its own; nothing is captured. To a
        file it writes through a pipe, as much as one file may have: what stood there
        stays. The script may read itself; `path` are folders to import from. With a
        `broker` its sockets connect to granted hosts, and ``from lockgate_session
        import session`` gives it what a worker has. `profile` is how it is compiled:
        ``plain`` or ``restricted`` (no boundary, see `profiles`). Where there is a
        `source`, that is run; `script` is only what it is called.

        Raises:
            PolicyError: If the policy grants what only a broker can carry out, the
                broker grants something else, or a socket of `stdio` has no peer.
            StartError: If it can't be started.
            LayerMissingError: If a strict layer can't be had.
            OSError: If a file of `stdio` takes no more, as on a full disk.
        """
        policy = policy_of(policy)
        check_broker(policy, broker)
        with ExitStack() as begun:
            return program.run_file(
                self._nursery,
                policy,
                script,
                argv,
                path=path,
                stdio=stdio,
                callbacks=broker.callbacks(self, begun) if broker is not None else None,
                profile=Profile(profile),
                source=source,
            )

    def _fork(self, kind: Kind, later: bool) -> Forked:
        if kind.preload:
            return self._preloads.fork(kind)
        return fork(self._nursery, kind.policy, kind.path, later=later)

    def _opened(self, worker: Worker) -> None:
        with self._lock:
            self._open.add(worker)

    def _released(self, worker: Worker) -> None:
        with self._lock:
            self._open.discard(worker)
        self._spares.restock()
