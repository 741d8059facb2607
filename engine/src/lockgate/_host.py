"""The host: finds plugins, seats them, asks them, and buries their workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lockgate._answers import Answers
from lockgate._audit import AuditRecord, LogLine, Observer, Progress
from lockgate._call import Call, Cancellation
from lockgate._calls import Calls
from lockgate._dispatch import Dispatcher
from lockgate._inhost import InHostPlugin
from lockgate._sealed import SealedPlugin
from lockgate._seats import Seats
from lockgate._specs import specs
from lockgate.config import Config, load_config
from lockgate.discovery import PluginState, discover
from lockgate.errors import (
    HostClosedError,
    PluginUnavailableError,
    SandboxUnavailableError,
    UnknownHookError,
    UnknownPluginError,
    UsageError,
)
from lockgate.shipped import shipped_policy

if TYPE_CHECKING:
    from lockgate_sandbox import Sandbox

__all__ = ["Host", "open_sandbox"]


class Host(Calls):
    """Finds plugins, asks them, and keeps them in their place.

    Make one with `Host.open`; use it as a context manager, or `close` it. Every
    method may be called from any thread: calls to different plugins run side by
    side, calls to one plugin wait in line.
    """

    def __init__(
        self,
        states: Sequence[PluginState],
        config: Config,
        *,
        safe: bool = False,
        observer: Observer | None = None,
    ) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None
        self._closed = False
        self._found = tuple(states)
        # Several may claim one name (shadowed, duplicate): the usable one has it.
        self._states = {
            state.name: state for state in sorted(states, key=lambda one: one.usable)
        }
        self._seats: dict[str, SealedPlugin | InHostPlugin] = {}
        self._dispatcher = Dispatcher(config.hooks)
        self._specs = specs()
        self._safe = safe
        self._fill(states, observer or Observer())

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
    ) -> Self:
        """Find the plugins; import none.

        `config` is what `lockgate.config.load_config` gives if it is not given.
        With `safe` only the trusted base can be called. `plugins` switches single
        ones on (``acme``) or off (``no:acme``) for this host; without `autoload`
        only these and the trusted base are used. `search_path` replaces
        ``sys.path`` as the folders that plugins are looked for in. The callbacks
        are told of progress, log lines and decisions, on the calling thread.

        Raises:
            ConfigError: If the settings can't be read.
            UnknownPluginError: If `plugins` names one that is not installed.
            UsageError: If a word of `plugins` is no plugin's name.
        """
        settings = load_config() if config is None else config
        if plugins or autoload is not None:
            choice = settings.choice.with_words(plugins, autoload=autoload)
            settings = replace(settings, choice=choice)
        found = discover(
            None if search_path is None else [str(folder) for folder in search_path],
            cache_dir=settings.cache_dir,
            plugin_folders=settings.plugin_folders,
            disabled=settings.disabled,
            hooks=settings.hooks,
            choice=settings.choice,
        )
        settings.choice.check(found.names)
        observer = Observer.of(on_progress, on_log, on_audit)
        return cls(found.plugins, settings, safe=safe, observer=observer)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def config(self) -> Config:
        """The settings in force."""
        return self._config

    def plugins(self) -> tuple[PluginState, ...]:
        """Every plugin that was found, broken ones too, as it is now."""
        return tuple(self._now(state) for state in self._found)

    def workers(self) -> dict[str, int]:
        """The process that each plugin runs in now; those that run in none left out."""
        found = {name: seat.pid for name, seat in self._seats.items()}
        return {name: pid for name, pid in found.items() if pid is not None}

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that would be asked for `hook`, in order.

        Raises:
            UnknownHookError: If there is no such hook.
        """
        if hook not in specs():
            raise UnknownHookError(hook, known=specs())
        return self._dispatcher.implementers(hook)

    def release(self, plugin: str) -> None:
        """Take a plugin out of quarantine: its next call starts a fresh worker.

        Raises:
            UnknownPluginError: If it is not installed.
        """
        if plugin not in self._states:
            raise UnknownPluginError(plugin, known=self._states)
        seat = self._seats.get(plugin)
        if seat is not None:
            seat.release()

    def close(self) -> None:
        """Kill every worker. Calls that are under way fail; later ones raise."""
        with self._lock:
            self._closed = True
            sandbox, self._sandbox = self._sandbox, None
        for seat in self._seats.values():
            seat.close()
        if sandbox is not None:
            sandbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- calling ------------------------------------------------------------------

    def _call(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
    ) -> Answers[Any]:
        return self.call_cancellable(hook, plugin, timeout, arguments, None)

    def call_cancellable(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        cancellation: Cancellation | None,
    ) -> Answers[Any]:
        """`call`, so that another thread can end it: what `AsyncHost` uses."""
        if self._closed:
            raise HostClosedError
        spec = self._specs.get(hook)
        if spec is None:
            raise UnknownHookError(hook, known=self._specs)
        if plugin is not None:
            self._check_callable(hook, plugin)
        if timeout is None:
            timeout = self._config.timeout
        elif spec.own_timeout:
            arguments = {**arguments, "timeout": timeout}
        call = Call.of(
            spec,
            arguments,
            timeout=timeout,
            fail_fast=True if plugin is not None else None,
            cancellation=cancellation,
        )
        return self._dispatcher.run(call, plugin=plugin)

    def _check_callable(self, hook: str, plugin: str) -> None:
        """Whether the plugin that the caller named can be asked at all."""
        state = self._states.get(plugin)
        if state is None:
            raise UnknownPluginError(plugin, known=self._states)
        seat = self._seats.get(plugin)
        if seat is None:
            now = self._now(state)
            raise PluginUnavailableError(
                plugin, state=now.state, reason=now.reason, hint=now.hint
            )
        if plugin not in self._dispatcher.implementers(hook):
            others = ", ".join(self._dispatcher.implementers(hook)) or "no plugin"
            message = f"plugin {plugin!r} does not answer the hook {hook!r}"
            raise UsageError(message, hint=f"It is answered by: {others}.")

    # -- plugins --------------------------------------------------------------------

    def _fill(self, states: Sequence[PluginState], observer: Observer) -> None:
        """Give every usable plugin a seat."""
        seats = Seats(
            self, self._config, shipped_policy(), observer, self._open_sandbox
        )
        for state in sorted(states, key=lambda one: one.name):
            if not state.usable or state.name in self._seats:
                continue
            seat, impls = seats.seat(state)
            if self._safe and not isinstance(seat, InHostPlugin):
                continue
            self._seats[state.name] = seat
            self._dispatcher.add(seat, impls)

    def _now(self, state: PluginState) -> PluginState:
        seat = self._seats.get(state.name)
        if not state.usable:
            return state
        if seat is None:
            reason = "safe mode: only the trusted base can be called"
            return state.with_state("disabled", reason)
        if not seat.quarantine:
            return state
        return state.with_state("broken", seat.quarantine, "See its output and log.")

    def _open_sandbox(self) -> Sandbox:
        with self._lock:
            if self._closed:
                raise HostClosedError
            if self._sandbox is None:
                self._sandbox = open_sandbox(self._config)
            return self._sandbox


def open_sandbox(config: Config) -> Sandbox:
    """A sandbox as the settings want it.

    Raises:
        SandboxUnavailableError: If it can't be started.
    """
    from lockgate_sandbox import Sandbox, SandboxError

    try:
        return Sandbox.open(layers=dict(config.layers) or None)
    except SandboxError as error:
        raise SandboxUnavailableError(
            str(error), cause=error.code, hint=error.hint
        ) from error
    except ValueError as error:
        raise SandboxUnavailableError(str(error), cause="layers") from error
