"""Workers that are ready before they are needed.

A pool keeps sealed workers whose target is built. Handing one out costs nothing
but the call that follows; the next one is asked for at the same moment and made by
the zygote and by itself, so that no thread of ours runs in the host.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from lockgate_sandbox.errors import (
    ClosedError,
    PolicyError,
    PoolBusyError,
    SandboxError,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lockgate_sandbox._start.recipe import Starting
    from lockgate_sandbox.worker import Worker

__all__ = ["WorkerPool"]


class _Lease:
    """A worker for the length of a ``with`` block, made by `WorkerPool.worker`."""

    __slots__ = ("_give_back", "_left", "_take", "_timeout", "_worker")

    def __init__(
        self,
        take: Callable[[float | None], tuple[Worker, int]],
        give_back: Callable[[Worker, int], None],
        timeout: float | None,
    ) -> None:
        self._take = take
        self._give_back = give_back
        self._timeout = timeout
        self._left = 0
        self._worker: Worker

    def __enter__(self) -> Worker:
        self._worker, self._left = self._take(self._timeout)
        return self._worker

    def __exit__(self, *_: object) -> None:
        self._give_back(self._worker, self._left - 1)


class WorkerPool:
    """Keeps `size` workers ready and never has more than `limit` of them.

    Made by `Sandbox.pool`. Thread-safe. A worker serves `leases` leases and is
    then replaced by a fresh process; one is the default, because what a plugin
    leaves behind in its process is seen by the next one.
    """

    def __init__(
        self,
        start: Callable[[bool], Starting],
        finish: Callable[[Starting], Worker],
        *,
        size: int,
        limit: int,
        leases: int,
    ) -> None:
        if not 0 < size <= limit:
            msg = f"a pool holds 1 to `limit` ready workers, not {size} of {limit}"
            raise PolicyError(msg)
        if leases < 1:
            msg = f"a worker serves at least one lease, not {leases}"
            raise PolicyError(msg)
        self.size, self.limit, self.leases = size, limit, leases
        self._start, self._finish = start, finish
        self._ready: deque[tuple[Worker, int]] = deque()
        self._starting: deque[Starting] = deque()
        self._busy = 0  # leased, being finished or being closed
        self._closed = False
        self._home = os.getpid()  # a forked copy of the host has no workers
        # The lock itself too: a condition's own `with` costs ten times as much.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._refill()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> int:
        """How many workers could be handed out without waiting."""
        self._settle()
        with self._changed:
            return len(self._ready)

    def worker(self, *, timeout: float | None = None) -> AbstractContextManager[Worker]:
        """Lease a worker for the length of a ``with`` block.

        One that died meanwhile is replaced. If `limit` workers are in use, waits
        `timeout` seconds for one to come back, without it for ever. The worker
        may be closed inside the block.

        Raises:
            PoolBusyError: If none came back in time.
            ClosedError: If the pool is closed.
            SandboxError: If a worker has to be started now and can't be.
        """
        return _Lease(self._take, self._give_back, timeout)

    def close(self) -> None:
        """Kill every worker that is not leased; a leased one ends with its lease.

        May be repeated.
        """
        if os.getpid() != self._home:
            return
        with self._changed:
            self._closed = True
            ready, starting = list(self._ready), list(self._starting)
            self._ready.clear()
            self._starting.clear()
            self._changed.notify_all()
        for worker, _ in ready:
            worker.close()
        for item in starting:
            item.discard()

    def _take(self, timeout: float | None) -> tuple[Worker, int]:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            found = item = None
            with self._lock:
                if self._closed or os.getpid() != self._home or not self._ready:
                    self._wait_for_room(deadline)
                self._busy += 1
                if self._ready:
                    found = self._ready.popleft()
                elif self._starting:
                    item = self._starting.popleft()
            try:
                if found is None:
                    return self._finish(item or self._start(False)), self.leases
                if found[0].alive:
                    return found
                found[0].close()
            except BaseException:
                self._release()
                raise
            self._release()
            self._refill()

    def _wait_for_room(self, deadline: float | None) -> None:
        while True:
            if self._closed or os.getpid() != self._home:
                msg = "the pool is closed"
                raise ClosedError(msg)
            if self._ready or self._starting or self._busy < self.limit:
                return
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise PoolBusyError(self.limit)
            self._changed.wait(left)

    def _give_back(self, worker: Worker, left: int) -> None:
        if left > 0 and not self._closed and worker.alive:
            with self._lock:
                self._busy -= 1
                self._ready.append((worker, left))
                self._changed.notify()
            return
        try:
            worker.close()
        finally:
            self._release()
        self._refill()
        self._settle()

    def _release(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify()

    def _refill(self) -> None:
        """Ask for what is missing; does not wait for it."""
        while True:
            with self._changed:
                waiting = len(self._ready) + len(self._starting)
                total = waiting + self._busy
                if self._closed or waiting >= self.size or total >= self.limit:
                    return
                self._busy += 1
            try:
                item = self._start(True)
            except (OSError, SandboxError):
                self._release()
                return  # whoever needs a worker next tries again, and is told
            with self._changed:
                self._busy -= 1
                late = self._closed
                if not late:
                    self._starting.append(item)
                self._changed.notify()
            if late:
                item.discard()

    def _settle(self) -> None:
        """Make workers of those that are built, so that a lease need not."""
        while True:
            with self._changed:
                item = next((i for i in self._starting if i.has_news()), None)
                if item is None:
                    return
                self._starting.remove(item)
                self._busy += 1
            worker = None
            with suppress(SandboxError):  # the next lease starts one and is told
                worker = self._finish(item)
            with self._changed:
                self._busy -= 1
                late = self._closed
                if worker is not None and not late:
                    self._ready.append((worker, self.leases))
                self._changed.notify()
            if worker is not None and late:
                worker.close()
