"""A start in two halves: the job is sent, and later the target is built.

Between the halves a host has nothing to do: a single worker's start uses the time
for preparing the next one, a pool leaves the second half to whoever needs it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.worker import Worker

if TYPE_CHECKING:
    from lockgate_sandbox._spares import Forked
    from lockgate_sandbox.broker import Broker, Runner
    from lockgate_sandbox.callbacks import Callbacks
    from lockgate_sandbox.errors import Data

__all__ = ["Recipe", "Starting", "recipe"]

_LENGTH = struct.Struct("<I")
_COUNT = struct.Struct("i")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes one worker like another: policy, folders to read, job, callbacks."""

    policy: Policy
    path: tuple[str, ...]
    job: dict[str, Any]
    callbacks: Callbacks = field(default_factory=dict[str, Any])

    def worker(self, child: Forked, released: Callable[[Worker], None]) -> Worker:
        """The host's half of a worker whose process is `child`.

        Raises:
            StartError: If the process could not be forked.
        """
        process = child.process()

        def release(worker: Worker) -> None:
            released(worker)
            child.undo.close()

        return Worker(
            process,
            child.channel,
            child.output,
            policy=self.policy,
            callbacks=self.callbacks,
            name=self.job["name"],
            ground=child.ground,
            released=release,
        )


def check_broker(policy: Policy, broker: Broker | None) -> None:
    """Refuse a policy that wants a broker and has none of its own.

    Raises:
        PolicyError: If so.
    """
    if policy.brokered and (broker is None or broker.policy != policy):
        raise PolicyError(
            "the policy grants what only a broker of its own can carry out",
            hint="pass broker=Broker(policy)",
        )


def recipe(
    policy: Policy,
    target: str,
    path: Sequence[str],
    arguments: Mapping[str, Data] | None,
    callbacks: Callbacks | None,
    broker: Broker | None,
    name: str,
    runner: Runner,
    packages: Mapping[str, str] | None = None,
) -> Recipe:
    """What `Sandbox.worker` was asked for, checked; `runner` is that sandbox.

    Raises:
        PolicyError: If the target is not written ``module:callable``, a package
            is no folder's of that name, or the policy has grants that only a broker
            can carry out.
    """
    module, colon, names = target.partition(":")
    if not (module and colon and names):
        msg = f"a target is written module:callable, not {target!r}"
        raise PolicyError(msg)
    check_broker(policy, broker)
    folders = tuple([_absolute(os.fspath(folder)) for folder in path])
    lone = {name: _package(name, folder) for name, folder in (packages or {}).items()}
    job: dict[str, Any] = {
        "kind": "target",
        "target": target,
        "path": list(folders),
        "packages": lone,
        "arguments": dict(arguments or {}),
        "programs": {item.name: item.path for item in policy.programs},
        "tier": str(policy.tier),
        "name": name,
        "brokered": broker is not None,
    }
    served: Callbacks = callbacks or {}
    if broker is not None:
        served = {**served, **broker.callbacks(runner)}
    return Recipe(policy, (*folders, *lone.values()), job, served)


def _package(name: str, folder: str) -> str:
    """The absolute folder of a package that is imported without its neighbours.

    Raises:
        PolicyError: If it can't be that package.
    """
    where = _absolute(os.fspath(folder))
    if not name.isidentifier() or os.path.basename(where) != name:  # noqa: PTH119
        msg = f"{where!r} is no folder of a package called {name!r}"
        raise PolicyError(msg)
    return where


def _absolute(folder: str) -> str:
    # As pathlib does it, which takes as long as all the rest of a recipe.
    if folder[:1] == "/" and "//" not in folder and "/." not in folder:
        return folder.rstrip("/") or "/"
    return str(Path(folder).absolute())


class Starting:
    """A child that has its job and builds its target, or has built it."""

    __slots__ = ("_child", "_first", "_recipe")

    def __init__(self, recipe: Recipe, child: Forked) -> None:
        self._recipe = recipe
        self._child = child
        self._first = child.send(recipe.job)

    def has_news(self) -> bool:
        """Whether it is built, asks for something or failed, without waiting."""
        # Of its seal it has told long ago: is there more than that?
        sock = self._child.channel.socket
        try:
            head = sock.recv(_LENGTH.size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        if len(head) < _LENGTH.size:
            return True  # closed
        waiting = fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(_COUNT.size))
        told = _LENGTH.unpack(head)[0] + _LENGTH.size
        return _COUNT.unpack(waiting)[0] > told or not self._child.is_ready()

    def finish(
        self,
        adopted: Callable[[Worker], None],
        released: Callable[[Worker], None],
        meanwhile: Callable[[], None] | None = None,
    ) -> Worker:
        """Wait until the target is built; `meanwhile` is done before that.

        Raises:
            SandboxError: If anything is in the way; the worker is dead then.
        """
        worker = self._recipe.worker(self._child, released)
        adopted(worker)
        if meanwhile is not None:
            meanwhile()
        worker.finish(self._first, self._child.posture)
        return worker

    def discard(self) -> None:
        """Kill the child and release everything."""
        self._child.discard()
