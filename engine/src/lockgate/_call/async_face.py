"""The typed face of a hook call: one overload per hook, for the asynchronous host.

Hooks that give a stream have theirs at `AsyncCalls.stream`, all others at
`AsyncCalls.call`. The specs in `lockgate.hookspecs` are the authority; a test holds
each overload to its spec. The last overload is for names that are known only at run
time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, overload

from lockgate._call.answers import Answers
from lockgate._call.async_streams import AsyncAnswerStream
from lockgate.values import (
    AnalysisReport,
    Completion,
    Device,
    DeviceHandle,
    Document,
    Generation,
    ModelInfo,
    Simulation,
    Task,
    Transformation,
    Tree,
)

__all__ = ["AsyncCalls"]


class AsyncCalls(ABC):
    """The typed `call` of `lockgate.host.AsyncHost`."""

    @overload
    async def call(
        self,
        hook: Literal["generate"],
        /,
        *,
        spec: Document,
        targets: tuple[str, ...] = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[Generation]: ...
    @overload
    async def call(
        self,
        hook: Literal["generator_targets"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[str, ...]]: ...
    @overload
    async def call(
        self,
        hook: Literal["analyze"],
        /,
        *,
        tree: Tree,
        contract: Document = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[AnalysisReport]: ...
    @overload
    async def call(
        self,
        hook: Literal["transform"],
        /,
        *,
        tree: Tree,
        options: Document = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[Transformation]: ...
    @overload
    async def call(
        self,
        hook: Literal["discover_devices"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[Device, ...]]: ...
    @overload
    async def call(
        self,
        hook: Literal["open_device"],
        /,
        *,
        device: str,
        options: Document = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[DeviceHandle]: ...
    @overload
    async def call(
        self,
        hook: Literal["read_device"],
        /,
        *,
        handle: DeviceHandle,
        size: int,
        timeout: float,
        plugin: str | None = ...,
    ) -> Answers[bytes]: ...
    @overload
    async def call(
        self,
        hook: Literal["write_device"],
        /,
        *,
        handle: DeviceHandle,
        data: bytes,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[int]: ...
    @overload
    async def call(
        self,
        hook: Literal["close_device"],
        /,
        *,
        handle: DeviceHandle,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[bool]: ...
    @overload
    async def call(
        self,
        hook: Literal["simulate"],
        /,
        *,
        tree: Tree,
        board: str,
        contract: Document = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[Simulation]: ...
    @overload
    async def call(
        self,
        hook: Literal["list_models"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[ModelInfo, ...]]: ...
    @overload
    async def call(
        self,
        hook: Literal["can_handle"],
        /,
        *,
        task: Task,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[float]: ...
    @overload
    async def call(
        self,
        hook: Literal["complete"],
        /,
        *,
        task: Task,
        model: str = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[Completion]: ...
    @overload
    async def call(
        self,
        hook: Literal["embed"],
        /,
        *,
        texts: tuple[str, ...],
        model: str = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[tuple[float, ...], ...]]: ...
    @overload
    async def call(
        self,
        hook: Literal["run_pipeline"],
        /,
        *,
        pipeline: Document,
        inputs: Document = ...,
        files: Tree = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[Document]: ...
    @overload
    async def call(
        self,
        hook: Literal["check_pipeline"],
        /,
        *,
        pipeline: Document,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[str, ...]]: ...
    @overload
    async def call(
        self,
        hook: Literal["announce"],
        /,
        *,
        topic: str,
        message: Document,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[bool]: ...
    @overload
    async def call(
        self,
        hook: Literal["diagnose"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[Document, ...]]: ...
    @overload
    async def call(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
        **arguments: object,
    ) -> Answers[Any]: ...

    async def call(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = None,
        timeout: float | None = None,
        **arguments: object,
    ) -> Answers[Any]:
        """Call a hook: every plugin that answers it, or only `plugin`.

        An argument may be a value or the plain data of one. Arguments that
        default to empty may be left out. `timeout` is in seconds, for the whole
        call; without it each plugin may take the hook's own time. (For
        ``read_device``, `timeout` is that hook's argument: how long to wait.)

        Raises:
            UnknownHookError: If there is no such hook.
            ArgumentError: If an argument is missing, unknown or does not fit.
            UnknownPluginError: If `plugin` is not installed.
            PluginUnavailableError: If `plugin` is broken, disabled, quarantined.
            InputRefusedError: If a plugin refuses its input, with its reasons.
            HookError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: If plugins failed and the policy is ``collect``.
            SandboxUnavailableError: If a strict isolation layer is missing.
            HostClosedError: If the host is closed.
        """
        return await self._call(hook, plugin, timeout, arguments)

    @overload
    def stream(
        self,
        hook: Literal["watch_device"],
        /,
        *,
        device: str,
        options: Document = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> AsyncAnswerStream[bytes]: ...
    @overload
    def stream(
        self,
        hook: Literal["complete_stream"],
        /,
        *,
        task: Task,
        model: str = ...,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> AsyncAnswerStream[str]: ...
    @overload
    def stream(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
        **arguments: object,
    ) -> AsyncAnswerStream[Any]: ...

    def stream(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = None,
        timeout: float | None = None,
        **arguments: object,
    ) -> AsyncAnswerStream[Any]:
        """`lockgate.host.Host.stream` for ``async for``; it begins when iterated.

        Raises:
            UnknownHookError: If there is no such hook.
            ArgumentError: If an argument is missing, unknown or does not fit.
            UnknownPluginError: If `plugin` is not installed.
            PluginUnavailableError: If `plugin` is broken, disabled, quarantined.
            HostClosedError: If the host is closed.
        """
        return self._stream(hook, plugin, timeout, arguments)

    @abstractmethod
    async def _call(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
    ) -> Answers[Any]: ...

    @abstractmethod
    def _stream(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
    ) -> AsyncAnswerStream[Any]: ...
