"""The typed face of a hook call: one overload per hook, for the synchronous host.

Hooks that give a stream have theirs at `Calls.stream`, all others at `Calls.call`.

The specs in `lockgate.hookspecs` are the authority; a test holds each overload to
its spec. The last overload is for names that are known only at run time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, overload

from lockgate._call.answers import Answers
from lockgate._call.call import Call
from lockgate._call.streams import AnswerStream
from lockgate.discovery import PluginState
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

__all__ = ["Calls"]


class Calls(ABC):
    """The typed `call` of `lockgate.host.Host`."""

    @overload
    def call(
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
    def call(
        self,
        hook: Literal["generator_targets"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[str, ...]]: ...
    @overload
    def call(
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
    def call(
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
    def call(
        self,
        hook: Literal["discover_devices"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[Device, ...]]: ...
    @overload
    def call(
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
    def call(
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
    def call(
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
    def call(
        self,
        hook: Literal["close_device"],
        /,
        *,
        handle: DeviceHandle,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[bool]: ...
    @overload
    def call(
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
    def call(
        self,
        hook: Literal["list_models"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[ModelInfo, ...]]: ...
    @overload
    def call(
        self,
        hook: Literal["can_handle"],
        /,
        *,
        task: Task,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[float]: ...
    @overload
    def call(
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
    def call(
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
    def call(
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
    def call(
        self,
        hook: Literal["check_pipeline"],
        /,
        *,
        pipeline: Document,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[str, ...]]: ...
    @overload
    def call(
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
    def call(
        self,
        hook: Literal["diagnose"],
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
    ) -> Answers[tuple[Document, ...]]: ...
    @overload
    def call(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
        **arguments: object,
    ) -> Answers[Any]: ...

    def call(
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
        return self.call_within(hook, plugin, timeout, arguments, None)

    @abstractmethod
    def plugins(self) -> tuple[PluginState, ...]:
        """Every plugin that was found, broken ones too, as it is now."""

    @abstractmethod
    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that would be asked for `hook`, in order.

        Raises:
            UnknownHookError: If there is no such hook.
        """

    @abstractmethod
    def call_within(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        outer: Call | None,
    ) -> Answers[Any]:
        """`call`, made inside `outer`: it ends with it."""
        ...

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
    ) -> AnswerStream[bytes]: ...
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
    ) -> AnswerStream[str]: ...
    @overload
    def stream(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = ...,
        timeout: float | None = ...,
        **arguments: object,
    ) -> AnswerStream[Any]: ...

    def stream(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = None,
        timeout: float | None = None,
        **arguments: object,
    ) -> AnswerStream[Any]:
        """Call a hook and take its items one by one: pairs of plugin and value.

        Of a hook that gives a stream they are the items that plugins make, of
        another one the plugins' answers, each as it comes. The plugins are asked
        one after the other; of a hook that takes the first answer the first plugin
        that gives an item is the only one. `timeout` and the errors are those of
        `call`; a plugin's failure is raised when its turn comes.

        Raises:
            UnknownHookError: If there is no such hook.
            ArgumentError: If an argument is missing, unknown or does not fit.
            UnknownPluginError: If `plugin` is not installed.
            PluginUnavailableError: If `plugin` is broken, disabled, quarantined.
            HostClosedError: If the host is closed.
        """
        return self.stream_within(hook, plugin, timeout, arguments, None)

    @abstractmethod
    def stream_within(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        outer: Call | None,
    ) -> AnswerStream[Any]:
        """`stream`, made inside `outer`: it ends with it."""
        ...
