"""The sandbox: one keeper, one zygote, and the workers forked from it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate_sandbox import program
from lockgate_sandbox._nursery import Nursery
from lockgate_sandbox._spares import Forked, Spares
from lockgate_sandbox.callbacks import Callbacks
from lockgate_sandbox.errors import Data, PolicyError
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.worker import Worker

if TYPE_CHECKING:
    from lockgate_sandbox._enforce import LayerModes
    from lockgate_sandbox.broker import Broker
    from lockgate_sandbox.program import ProgramResult, RunResult

__all__ = ["Sandbox"]


class Sandbox:
    """Starts sealed workers and programs. Thread-safe; close it when done.

    It owns one keeper process with a zygote below it and one folder for scratch
    space. Everything ends with `close`, at the latest with the host process.
    """

    def __init__(self, layers: LayerModes) -> None:
        self._nursery = Nursery(layers)
        self._spares = Spares(self._nursery)
        self._lock = threading.Lock()
        self._open: set[Worker] = set()

    @classmethod
    def open(cls, *, layers: LayerModes | None = None) -> Sandbox:
        """Start a keeper.

        `layers` changes how firmly a layer is held; switching one off is for
        tests of the other layers.

        Raises:
            StartError: If the keeper can't be started.
        """
        return cls(dict(layers or {}))

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill every worker, end the keeper, remove all scratch. May be repeated."""
        with self._lock:
            workers = list(self._open)
        self._spares.close()
        for worker in workers:
            worker.close()
        self._nursery.close()

    def worker(
        self,
        policy: Policy,
        *,
        target: str,
        path: Sequence[str] = (),
        arguments: Mapping[str, Data] | None = None,
        callbacks: Callbacks | None = None,
        broker: Broker | None = None,
        name: str = "worker",
    ) -> Worker:
        """Fork a worker, seal it, and build `target` (``module:callable``) in it.

        `path` are folders for ``sys.path`` behind the standard library; ``.pth``
        files in them are never processed. The target is called as
        ``callable(session, **arguments)`` and gives ``handler(method, arguments)``.
        `broker` carries out what the policy grants beyond the kernel's rights; it
        stays the caller's to close.

        Raises:
            LayerMissingError: If a strict layer can't be had.
            StartError: If the target can't be imported or built.
            LimitError: If that reaches a limit.
            PolicyError: If an argument makes no sense.
        """
        module, colon, names = target.partition(":")
        if not (module and colon and names):
            msg = f"a target is written module:callable, not {target!r}"
            raise PolicyError(msg)
        if policy.brokered and (broker is None or broker.policy != policy):
            raise PolicyError(
                "the policy grants what only a broker of its own can carry out",
                hint="pass broker=Broker(policy)",
            )
        folders = [str(Path(folder).absolute()) for folder in path]
        job: dict[str, Any] = {
            "kind": "target",
            "target": target,
            "path": folders,
            "arguments": dict(arguments or {}),
            "programs": {item.name: item.path for item in policy.programs},
            "tier": str(policy.tier),
            "name": name,
            "brokered": broker is not None,
        }
        asked: Callbacks = callbacks or {}
        if broker is not None:
            asked = {**asked, **broker.callbacks}
        child = self._spares.take(policy, folders)
        first = child.send(job)
        # The rest while the child is busy.
        worker = self._adopt(child, asked, name)
        self._spares.restock(policy, folders)
        worker.finish(first)
        return worker

    def run_program(
        self,
        policy: Policy,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        executable: Sequence[str] = (),
        collect: Sequence[str] = (),
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> ProgramResult:
        """Run a program of this machine in a sandbox of its own and wait for it.

        Its working folder is fresh and holds `files`. `executable` are folders
        and files that it may read and execute besides itself and the system's
        libraries. `collect` are globs (``*``, ``?``, ``**``) of the files to read
        back, at most the policy's `disk_bytes`. The wall limit is the policy's.

        Raises:
            PolicyError: If the policy's tier can't have programs, or an argument
                makes no sense.
            StartError: If the program does not exist or can't be executed.
            LimitError: If a limit was reached.
            LayerMissingError: If a strict layer can't be had.
        """
        return program.run_program(
            self._nursery,
            policy,
            argv,
            files=files or {},
            executable=executable,
            collect=collect,
            stdin=stdin,
            env=env or {},
        )

    def run_file(
        self,
        policy: Policy,
        script: str | os.PathLike[str],
        argv: Sequence[str] = (),
        *,
        path: Sequence[str] = (),
        stdio: tuple[int, int, int] = (0, 1, 2),
    ) -> RunResult:
        """Run one Python file as ``__main__`` and wait for it.

        The three descriptors of `stdio` become its own; nothing is captured. It
        may read itself; `path` are folders to import from.

        Raises:
            StartError: If it can't be started.
            LayerMissingError: If a strict layer can't be had.
        """
        return program.run_file(
            self._nursery, policy, script, argv, path=path, stdio=stdio
        )

    def _adopt(self, child: Forked, callbacks: Callbacks, name: str) -> Worker:
        process = child.process()
        worker = Worker(
            process,
            child.channel,
            child.output,
            policy=child.ground.policy,
            callbacks=callbacks,
            name=name,
            ground=child.ground,
            released=lambda worker: self._released(worker, child.undo),
        )
        with self._lock:
            self._open.add(worker)
        return worker

    def _released(self, worker: Worker, keep: ExitStack) -> None:
        with self._lock:
            self._open.discard(worker)
        keep.close()
