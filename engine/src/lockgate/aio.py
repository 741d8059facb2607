"""The host for asyncio: the same calls, awaited.

::

    async with AsyncHost.open() as host:
        answers = await host.call("analyze", tree=tree)
        async for plugin, text in host.stream("complete_stream", task=task):
            print(text, end="")

A worker is asked on a thread, which does its own input and output; so is an impl in
the host that blocks. One that is awaited (``async def``) runs in the task that calls. A
call that is cancelled is really over: the worker that it waits for is killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lockgate._call.answers import Answers
from lockgate._call.async_face import AsyncCalls
from lockgate._call.async_streams import AsyncAnswerStream
from lockgate._call.call import Cancellation
from lockgate._dispatch.async_dispatch import (
    ask_on_loop,
    on_thread,
    pulled,
    stream_on_loop,
)
from lockgate._host import Host
from lockgate._record.audit import AuditRecord, LogLine, Progress
from lockgate._record.journal import CallRecord
from lockgate._record.lifecycle import Lifecycle
from lockgate._record.meter import Meter
from lockgate._seating.roster import Refreshed
from lockgate.config import Config, ControlMode
from lockgate.discovery import PluginState
from lockgate.errors import HostClosedError

__all__ = ["AsyncHost"]

CALLS_MAXIMUM = 64
"""Calls at a time, over all plugins; more wait. A waiting thread costs little."""


class AsyncHost(AsyncCalls):
    """A `lockgate.host.Host` whose calls are awaited. Open it with `AsyncHost.open`."""

    def __init__(self, host: Host) -> None:
        self._host = host
        # Not asyncio's default executor: a host must not starve its embedder.
        self._threads = ThreadPoolExecutor(CALLS_MAXIMUM, "lockgate-call")

    @classmethod
    def open(
        cls,
        config: Config | None = None,
        *,
        safe: bool = False,
        plugins: Sequence[str] = (),
        autoload: bool | None = None,
        search_path: Sequence[str | Path] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_log: Callable[[LogLine], None] | None = None,
        on_audit: Callable[[AuditRecord], None] | None = None,
        on_state: Callable[[Lifecycle], None] | None = None,
        control: ControlMode | None = None,
    ) -> Self:
        """As `lockgate.host.Host.open`; the callbacks run on the call's thread."""
        return cls(
            Host.open(
                config,
                safe=safe,
                plugins=plugins,
                autoload=autoload,
                search_path=search_path,
                on_progress=on_progress,
                on_log=on_log,
                on_audit=on_audit,
                on_state=on_state,
                control=control,
            )
        )

    def plugins(self) -> tuple[PluginState, ...]:
        """Every plugin that was found, broken ones too, as it is now."""
        return self._host.plugins()

    def workers(self) -> dict[str, int]:
        """The process that each plugin runs in now."""
        return self._host.workers()

    def lifecycles(self) -> tuple[Lifecycle, ...]:
        """The life of each plugin in this host: stages with reasons and times."""
        return self._host.lifecycles()

    def calls(self, after: int = 0) -> tuple[CallRecord, ...]:
        """The latest calls (2,048 at most), those with a number above `after`."""
        return self._host.calls(after)

    def meters(self) -> dict[str, Meter]:
        """What is counted of each plugin, in live numbers: read them, change none."""
        return self._host.meters()

    async def reload(self, plugin: str) -> Lifecycle:
        """Change a plugin's worker for one of what is installed now.

        Raises:
            UnknownPluginError: If it is not installed.
            ReloadRefusedError: If it does not load; the old one goes on running.
            HostClosedError: If the host is closed.
        """
        return await asyncio.to_thread(self._host.reload, plugin)

    async def refresh(self) -> Refreshed:
        """Take in plugins that were installed, removed or replaced meanwhile.

        Raises:
            HostClosedError: If the host is closed.
        """
        return await asyncio.to_thread(self._host.refresh)

    async def close(self) -> None:
        """Kill every worker. Calls that are under way fail; later ones raise."""
        await asyncio.to_thread(self._host.close)
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _call(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
    ) -> Answers[Any]:
        host, threads = self._host, self._threads
        if host.closed:
            raise HostClosedError
        cancellation, dispatcher = Cancellation(), host.dispatcher
        if dispatcher.on_loop(hook) and not dispatcher.specs[hook].stream:
            call = host.checked_call(
                hook, plugin, timeout, arguments, None, cancellation
            )
            return await ask_on_loop(dispatcher, call, plugin, threads)
        return await on_thread(
            threads,
            cancellation,
            lambda: host.call_within(
                hook, plugin, timeout, arguments, None, cancellation
            ),
        )

    def _stream(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
    ) -> AsyncAnswerStream[Any]:
        host, threads = self._host, self._threads
        cancellation, dispatcher = Cancellation(), host.dispatcher
        call = host.checked_call(hook, plugin, timeout, arguments, None, cancellation)
        if dispatcher.on_loop(hook):
            on_loop = stream_on_loop(dispatcher, call, plugin, threads)
            return AsyncAnswerStream(call, on_loop)
        items = dispatcher.stream(call, plugin=plugin)
        return AsyncAnswerStream(call, pulled(items, cancellation, threads))
