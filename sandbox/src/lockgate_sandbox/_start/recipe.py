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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Raw, msgpack

from lockgate_sandbox._given import check_broker, policy_of
from lockgate_sandbox._line.late import Late
from lockgate_sandbox._spelling.arguments import check_lists
from lockgate_sandbox._start.preloads import check
from lockgate_sandbox._start.spares import Kind
from lockgate_sandbox._wire.buffers import is_flat
from lockgate_sandbox._wire.frame import Kind as FrameKind
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.worker import Worker

if TYPE_CHECKING:
    from lockgate_sandbox._start.spares import Forked
    from lockgate_sandbox.broker import Broker, Runner
    from lockgate_sandbox.callbacks import Callbacks
    from lockgate_sandbox.data import Given
    from lockgate_sandbox.tiers import Tier

__all__ = [
    "Order",
    "Recipe",
    "Recipes",
    "Starting",
    "recipe",
    "wait_for_call",
]

_START = int(FrameKind.START)
_LENGTH = struct.Struct("<I")
_COUNT = struct.Struct("i")
_KNOWN_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes one worker like another; `job` is encoded, without arguments."""

    kind: Kind
    name: str
    job: Raw
    brokered: bool


@dataclass(frozen=True, slots=True)
class Order:
    """One worker that was asked for, with what may differ from others."""

    recipe: Recipe
    arguments: dict[str, Any]
    callbacks: Callbacks
    broker: Broker | None
    runner: Runner

    def send(self, child: Forked, *, unhurried: bool = False) -> bytes:
        """Give `child` its job; gives the id of the START.

        Raises:
            SandboxError: As `Forked.send` does.
        """
        return child.send(
            self.recipe.job,
            self.arguments,
            brokered=self.broker is not None,
            unhurried=unhurried,
        )

    def start_of(self, child: Forked) -> Callable[[bytes], list[Any]]:
        """What makes the START of an id."""
        job, brokered = child.job(self.recipe.job), self.broker is not None
        return lambda ident: [_START, ident, job, self.arguments, brokered, False]

    def worker(self, child: Forked, released: Callable[[Worker], None]) -> Worker:
        """The host's half of a worker whose process is `child`.

        Raises:
            StartError: If the process could not be forked.
            ClosedError: If the broker is of another process.
        """
        child.process()
        callbacks, begun = self.callbacks, ExitStack()
        if self.broker is not None:
            try:
                own = self.broker.callbacks(self.runner, begun)
            except BaseException:
                child.discard()
                raise
            callbacks = {**callbacks, **own}

        def release(worker: Worker) -> None:
            released(worker)
            begun.close()
            child.undo.close()

        return Worker(
            child.line,
            policy=self.recipe.kind.policy,
            callbacks=callbacks,
            name=self.recipe.name,
            released=release,
            folders=self.recipe.kind.path,
        )


class Recipes:
    """Makes recipes, and remembers those that were asked for last. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Recipe] = {}

    def order(
        self,
        policy: Policy | Tier | str,
        target: str,
        path: Sequence[str],
        *,
        arguments: Mapping[str, Given] | None,
        callbacks: Callbacks | None,
        broker: Broker | None,
        preload: Sequence[str],
        name: str,
        runner: Runner,
        packages: Mapping[str, str] | None = None,
    ) -> Order:
        """What `Sandbox.worker` was asked for, checked; `runner` is that sandbox.

        Raises:
            PolicyError: If the target is not written ``module:callable``, `path` or
                `preload` is one text, a package
                is no folder's of that name, the policy has grants that only a broker
                can carry out, the broker has others, or `preload` may not be had.
        """
        check_lists(path=path, preload=preload)
        policy = policy_of(policy)
        lone = tuple(packages.items()) if packages else ()
        # A policy that is remembered lives on, so its id is no other's.
        asked = id(policy), target, tuple(path), tuple(preload), lone, name
        made = self._known.get(asked)
        if made is None or made.brokered or broker is not None:
            check_broker(policy, broker)
        if made is None:
            made = recipe(policy, target, path, preload, name, packages or {})
            # What is relative is relative to the working folder of this moment.
            if all(type(part) is str and part[:1] == "/" for part in asked[2]):
                if len(self._known) >= _KNOWN_LIMIT:
                    self._known.clear()
                self._known[asked] = made
        return Order(made, dict(arguments or {}), callbacks or {}, broker, runner)


def recipe(
    policy: Policy,
    target: str,
    path: Sequence[str],
    preload: Sequence[str],
    name: str,
    packages: Mapping[str, str],
) -> Recipe:
    """What makes workers of this kind, checked.

    Raises:
        PolicyError: As `Recipes.order` does.
    """
    module, colon, names = target.partition(":")
    if not (module and colon and names):
        msg = f"a target is written module:callable, not {target!r}"
        raise PolicyError(msg)
    check(policy, preload, target, packages)
    folders = tuple([_absolute(os.fspath(folder)) for folder in path])
    lone = {name: _package(name, folder) for name, folder in packages.items()}
    job: dict[str, Any] = {
        "kind": "target",
        "target": target,
        "path": list(folders),
        "packages": lone,
        "programs": {item.name: item.path for item in policy.programs},
        "tier": str(policy.tier),
        "name": name,
    }
    try:
        packed = Raw(msgpack.encode(job))
    except (TypeError, ValueError) as error:
        raise PolicyError(f"what a worker is told can't cross: {error}") from None
    kind = Kind(policy, (*folders, *lone.values()), tuple(preload))
    return Recipe(kind, name, packed, policy.brokered)


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


def wait_for_call(
    order: Order,
    child: Forked,
    adopted: Callable[[Worker], None],
    released: Callable[[Worker], None],
) -> Worker:
    """A worker that is sealed and gets its job with its first call.

    Raises:
        SandboxError: If it has no process or no seal.
    """
    worker = order.worker(child, released)
    adopted(worker)
    worker.meet(child.posture, child.peak_kib)
    wall = order.recipe.kind.policy.limits.wall_seconds
    Late(child.line, order.start_of(child), wall, flat=is_flat(order.arguments))
    return worker


class Starting:
    """A child that has its job and builds its target, or has built it.

    `unhurried`: so that the first call is quick rather than the start.
    """

    __slots__ = ("_child", "_first", "_order")

    def __init__(self, order: Order, child: Forked, *, unhurried: bool = False) -> None:
        self._order = order
        self._child = child
        self._first = order.send(child, unhurried=unhurried)

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
        worker = self._order.worker(self._child, released)
        adopted(worker)
        if meanwhile is not None:
            meanwhile()
        worker.finish(self._first, self._child.posture, self._child.peak_kib)
        return worker

    def discard(self) -> None:
        """Kill the child and release everything."""
        self._child.discard()
