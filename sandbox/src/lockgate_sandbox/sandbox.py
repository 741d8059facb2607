"""The sandbox: one keeper, one zygote, and the workers forked from it."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate_sandbox import _scratch, program
from lockgate_sandbox._ground import Ground
from lockgate_sandbox._launch import channel_pair, launch
from lockgate_sandbox._output import Output
from lockgate_sandbox._plan import open_group, prepare, probe
from lockgate_sandbox._process import spawn, started
from lockgate_sandbox._wire import Channel
from lockgate_sandbox.errors import ClosedError, Data, PolicyError
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.worker import Callbacks, Worker

if TYPE_CHECKING:
    import socket

    from lockgate_sandbox._enforce import LayerModes, SealPlan
    from lockgate_sandbox.linux.cgroup import Group
    from lockgate_sandbox.program import ProgramResult, RunResult

__all__ = ["Sandbox"]

_PLANS_LIMIT = 64
_NAMESPACES = ("network-namespace", "ipc-namespace", "mount-namespace")


class Sandbox:
    """Starts sealed workers and programs. Thread-safe; close it when done.

    It owns one keeper process with a zygote below it and one folder for scratch
    space. Everything ends with `close`, at the latest with the host process.
    """

    def __init__(self, layers: LayerModes) -> None:
        self._layers = layers
        self._base = tempfile.mkdtemp(prefix="lockgate-")
        # Workers of another uid pass through it; it can't be listed by them.
        Path(self._base).chmod(0o711)
        try:
            namespaces = any(layers.get(name) != "off" for name in _NAMESPACES)
            self._leash, self._control = launch(self._base, namespaces=namespaces)
        except BaseException:
            Path(self._base).rmdir()
            raise
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._open: set[Worker] = set()
        self._counter = 0
        self._closed = False
        self._plans: dict[tuple[Policy, tuple[str, ...]], SealPlan] = {}
        _SANDBOXES.add(self)

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
            if self._closed:
                return
            self._closed = True
            workers = list(self._open)
        for worker in workers:
            worker.close()
        self._control.close()
        self._leash.close()
        os.close(self._null)
        _scratch.remove(self._base)

    def disown(self) -> None:
        """Let go without killing anything: this is a forked copy of the host."""
        self._closed = True
        self._lock = threading.Lock()
        self._leash.close()
        self._control.close()

    def worker(
        self,
        policy: Policy,
        *,
        target: str,
        path: Sequence[str] = (),
        arguments: Mapping[str, Data] | None = None,
        callbacks: Callbacks | None = None,
        name: str = "worker",
    ) -> Worker:
        """Fork a worker, seal it, and build `target` (``module:callable``) in it.

        `path` are folders for ``sys.path`` behind the standard library; ``.pth``
        files in them are never processed. The target is called as
        ``callable(session, **arguments)`` and gives ``handler(method, arguments)``.

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
        folders = [str(Path(folder).absolute()) for folder in path]
        job: dict[str, Any] = {
            "kind": "target",
            "target": target,
            "path": folders,
            "arguments": dict(arguments or {}),
            "programs": {item.name: item.path for item in policy.programs},
            "tier": str(policy.tier),
            "name": name,
        }
        worker = self._fork(policy, job, folders, callbacks or {}, name)
        worker.start(job)
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
            self,
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
        return program.run_file(self, policy, script, argv, path=path, stdio=stdio)

    def _fork(
        self,
        policy: Policy,
        job: dict[str, Any],
        path: Sequence[str],
        callbacks: Callbacks,
        name: str,
    ) -> Worker:
        with ExitStack() as undo:
            ground = undo.enter_context(self.ground(policy, path))
            job.update(ground.job())
            reader, writer = os.pipe2(os.O_CLOEXEC)
            output = Output(reader, policy.limits.output_bytes)
            undo.callback(output.close)
            try:
                mine, life = self.ask_for_child(policy, [self._null, writer, writer])
            finally:
                os.close(writer)
            undo.callback(mine.close)
            process = started(life)
            keep = undo.pop_all()
        worker = Worker(
            process,
            Channel(mine, policy.limits.message_bytes),
            output,
            policy=policy,
            callbacks=callbacks,
            name=name,
            ground=ground,
            released=lambda worker: self._released(worker, keep),
        )
        with self._lock:
            self._open.add(worker)
        return worker

    def _released(self, worker: Worker, keep: ExitStack) -> None:
        with self._lock:
            self._open.discard(worker)
        keep.close()

    def ask_for_child(
        self, policy: Policy, stdio: list[int]
    ) -> tuple[socket.socket, socket.socket]:
        """Have a child forked: (our end of its channel, its life socket).

        Raises:
            ClosedError: If the sandbox is closed or its keeper gone.
        """
        # Whoever may fork needs a warden, also where only a test lets it.
        tree = policy.may_fork or self._layers.get("seccomp") == "off"
        mine, theirs = channel_pair()
        try:
            with self._lock:  # not while `close` takes the socket away
                self._check_open()
                life = spawn(self._control, theirs, stdio, tree=tree)
        except BaseException:
            mine.close()
            raise
        finally:
            theirs.close()
        return mine, life

    def _check_open(self) -> None:
        if self._closed:
            msg = "the sandbox is closed"
            raise ClosedError(msg)

    @contextmanager
    def ground(self, policy: Policy, path: Sequence[str]) -> Generator[Ground]:
        """What one child stands on: scratch folder, control group, seal plan."""
        self._check_open()
        scratch = None
        with ExitStack() as undo:
            if policy.tier.may_write:
                scratch = self._new_folder()
                undo.callback(_scratch.remove, scratch)
            group = self._group(policy)
            if group is not None:
                undo.callback(group.close)
            plan = self._plan(policy, path, scratch, group)
            yield Ground(policy, plan, scratch, group)

    def _plan(
        self,
        policy: Policy,
        path: Sequence[str],
        scratch: str | None,
        group: Group | None,
    ) -> SealPlan:
        if scratch or group:
            return prepare(
                policy, self._layers, path=path, scratch=scratch, group=group
            )
        # Nothing in it belongs to one worker alone: a pool starts many alike.
        key = policy, tuple(path)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _PLANS_LIMIT:
                self._plans.clear()
            plan = prepare(policy, self._layers, path=path)
            self._plans[key] = plan
        return plan

    def _group(self, policy: Policy) -> Group | None:
        # One process alone is bounded well enough by its rlimits, and a group
        # takes longer to make than the worker.
        if not policy.may_fork or self._layers.get("cgroup") == "off":
            return None
        try:
            return open_group(policy, probe())
        except OSError:
            # Possible a moment ago, no longer. If the layer is strict, the seal
            # refuses for want of a group; else the posture says that it is missing.
            return None

    def _new_folder(self) -> str:
        with self._lock:
            self._counter += 1
            folder = Path(self._base, str(self._counter))
        folder.mkdir(mode=0o700)
        return str(folder)


_SANDBOXES: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _disown() -> None:
    # A forked copy of the host must not keep the keeper alive, nor use it.
    for sandbox in list(_SANDBOXES):
        sandbox.disown()


os.register_at_fork(after_in_child=_disown)
