"""The host: finds plugins, seats them, asks them, and buries their workers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lockgate._call.answers import Answers
from lockgate._call.call import Call, Cancellation
from lockgate._call.face import Calls
from lockgate._call.streams import AnswerStream
from lockgate._opening import check_given
from lockgate._record.audit import AuditRecord, LogLine, Observer, Progress
from lockgate._record.journal import CallRecord
from lockgate._record.lifecycle import Lifecycle
from lockgate._record.logbook import Logbook, recorded
from lockgate._record.meter import Meter
from lockgate._record.trace import Span, current
from lockgate._sealed.open_sandbox import open_sandbox
from lockgate._seating.roster import Refreshed, Roster
from lockgate._seating.seats import Seats
from lockgate._store_place import StorePlace
from lockgate.config import Config, ControlMode, load_config
from lockgate.discovery import PluginState
from lockgate.errors import ControlError, HostClosedError, UnknownHookError, UsageError
from lockgate.installed._lease import Lease
from lockgate.inventory import found_by
from lockgate.shipped import shipped_policy

if TYPE_CHECKING:
    from lockgate._control.socket import ControlSocket
    from lockgate._dispatch.dispatch import Dispatcher
    from lockgate_sandbox import Sandbox

__all__ = ["Host"]


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
        on_state: Callable[[Lifecycle], None] | None = None,
        look: Callable[[], Sequence[PluginState]] | None = None,
    ) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None
        self._closed = False
        self._home = os.getpid()
        seats = Seats(
            self,
            config,
            shipped_policy(),
            recorded(observer or Observer(), Logbook(config.state_dir)),
            self._open_sandbox,
        )
        self._control: ControlSocket | None = None
        self._roster = Roster(
            states,
            seats,
            safe=safe,
            look=look or (lambda: states),
            told=on_state or (lambda _: None),
            lease=Lease(StorePlace(config.data_dir)),
        )
        if config.control == "always":
            self._open_control()

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
        """Find the plugins; import none.

        `config` is what `lockgate.config.load_config` gives if it is not given.
        With `safe` only the trusted base can be called. `plugins` switches single
        ones on (``acme``) or off (``no:acme``) for this host; without `autoload`
        only these and the trusted base are used. `search_path` replaces
        ``sys.path`` as the folders that plugins are looked for in. The callbacks
        are told of progress, log lines and decisions, on the calling thread;
        `on_state` of each stage that a plugin reaches, on the thread that made it.
        `control` is when the control socket opens (`Config.control`).

        Raises:
            ConfigError: If the settings can't be read.
            ControlError: If the control socket is asked for ``always``, and can't be.
            InstalledError: If the store is not sound: what is missing is unknown.
            ProjectRequiresError: If they require a plugin that is not there.
            UnknownPluginError: If `plugins` names one that is not installed.
            UsageError: If a word of `plugins` is no name, or `config` no `Config`.
        """
        check_given(config, plugins=plugins, search_path=search_path)
        settings = load_config() if config is None else config
        if plugins or autoload is not None:
            choice = settings.choice.with_words(plugins, autoload=autoload)
            settings = replace(settings, choice=choice)
        if control is not None:
            settings = replace(settings, control=control)
        folders = None if search_path is None else [str(f) for f in search_path]
        states = _look(settings, folders)
        if settings.requires:
            from lockgate._requires import check_requires

            check_requires(settings, states)
        return cls(
            states,
            settings,
            safe=safe,
            observer=Observer.of(on_progress, on_log, on_audit),
            on_state=on_state,
            look=partial(_look, settings, folders),
        )

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
        return tuple(self._roster.now(state) for state in self._roster.found)

    def lifecycles(self) -> tuple[Lifecycle, ...]:
        """The life of each plugin in this host: stages with reasons and times."""
        return self._roster.lifecycles()

    def find(self, **query: str | Sequence[str]) -> tuple[PluginState, ...]:
        """The plugins that all of `query` is true of: ``find(kind="ai", tag="arm")``.

        Raises:
            UsageError: If a field is none of `lockgate.find.FIELDS`.
        """
        from lockgate.find import find_plugins

        return tuple(find_plugins(self.plugins(), query))

    def workers(self) -> dict[str, int]:
        """The process that each plugin runs in now; those that run in none left out."""
        berths = dict(self._roster.berths)
        found = {name: berth.seat.pid for name, berth in berths.items()}
        return {name: pid for name, pid in found.items() if pid is not None}

    def calls(self, after: int = 0) -> tuple[CallRecord, ...]:
        """The latest calls (2,048 at most), those with a number above `after`."""
        return self._roster.journal.after(after)

    def meters(self) -> dict[str, Meter]:
        """What is counted of each plugin, in live numbers: read them, change none."""
        return self._roster.meters()

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that would be asked for `hook`, in order.

        Raises:
            UnknownHookError: If there is no such hook.
        """
        dispatcher = self._roster.dispatcher
        if hook not in dispatcher.specs:
            raise UnknownHookError(hook, known=dispatcher.specs)
        return dispatcher.implementers(hook)

    def reload(self, plugin: str) -> Lifecycle:
        """Change a plugin's worker for one of what is installed now.

        The new worker starts and loads the plugin beside the old one. Then it
        takes the calls; those under way end with the old one. It has the rights
        that are granted to what is installed now, and no more.

        Raises:
            UnknownPluginError: If it is not installed.
            ReloadRefusedError: If it does not load; the old one goes on running.
            HostClosedError: If the host is closed.
        """
        if self._closed:
            raise HostClosedError
        return self._roster.reload(plugin)

    def refresh(self) -> Refreshed:
        """Take in plugins that were installed, removed or replaced meanwhile.

        Those that run are reloaded; one that fails to load goes on as it was.

        Raises:
            InstalledError: If the store is not sound.
            HostClosedError: If the host is closed.
        """
        if self._closed:
            raise HostClosedError
        return self._roster.refresh()

    def release(self, plugin: str) -> None:
        """Take a plugin out of quarantine: its next call starts a fresh worker.

        Raises:
            UnknownPluginError: If it is not installed.
        """
        self._roster.release(plugin)

    def close(self) -> None:
        """Kill every worker. Calls that are under way fail; later ones raise.

        In a forked copy of the process nothing happens: all that is the other one's.
        """
        if os.getpid() != self._home:
            return
        with self._lock:
            self._closed = True
            sandbox, self._sandbox = self._sandbox, None
            control, self._control = self._control, None
        if control is not None:
            control.close()
        self._roster.close()
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

    def call_within(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        outer: Call | None,
        cancellation: Cancellation | None = None,
    ) -> Answers[Any]:
        """`call`, made inside `outer`; another thread can end it by `cancellation`.

        Raises:
            LockgateError: As `call` does.
        """
        quick = self._roster.dispatcher.quick.get(hook)
        if (
            quick is not None
            and plugin is None
            and timeout is None
            and outer is None
            and cancellation is None
            and self._config.timeout is None
            and not self._closed
        ):
            return quick(arguments)
        call = self.checked_call(hook, plugin, timeout, arguments, outer, cancellation)
        if call.spec.stream:
            message = f"the hook {hook!r} gives a stream of items"
            raise UsageError(message, hint="Use Host.stream, and iterate.")
        if current.get() is not None:
            return self._roster.dispatcher.run(call, plugin=plugin)
        token = current.set(Span())
        try:
            return self._roster.dispatcher.run(call, plugin=plugin)
        finally:
            current.reset(token)

    def stream_within(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        outer: Call | None,
        cancellation: Cancellation | None = None,
    ) -> AnswerStream[Any]:
        """`stream`, made inside `outer`; another thread can end it likewise."""
        call = self.checked_call(hook, plugin, timeout, arguments, outer, cancellation)
        return AnswerStream(call, self._roster.dispatcher.stream(call, plugin=plugin))

    @property
    def dispatcher(self) -> Dispatcher:
        """Who is asked for what, as of now."""
        return self._roster.dispatcher

    def checked_call(
        self,
        hook: str,
        plugin: str | None,
        timeout: float | None,
        arguments: Mapping[str, object],
        outer: Call | None,
        cancellation: Cancellation | None,
    ) -> Call:
        """The call that `call_within` would make, for who makes it another way.

        Raises:
            HostClosedError: If the host is closed.
            UnknownHookError: If there is no such hook.
            ArgumentError: If the arguments do not fit.
        """
        if self._closed:
            raise HostClosedError
        known = self._roster.dispatcher.specs
        spec = known.get(hook)
        if spec is None:
            raise UnknownHookError(hook, known=known)
        if plugin is not None:
            self._check_callable(hook, plugin)
        if spec.deprecated:
            self._roster.warn_of(spec)
        if timeout is None:
            timeout = self._config.timeout
        elif spec.own_timeout:
            arguments = {**arguments, "timeout": timeout}
        return Call.of(
            spec,
            arguments,
            timeout=timeout,
            fail_fast=True if plugin is not None else None,
            cancellation=cancellation,
            outer=outer,
        )

    def _check_callable(self, hook: str, plugin: str) -> None:
        """Whether the plugin that the caller named can be asked at all."""
        self._roster.check_callable(plugin)
        dispatcher = self._roster.dispatcher
        if plugin not in dispatcher.implementers(hook):
            others = ", ".join(dispatcher.implementers(hook)) or "no plugin"
            message = f"plugin {plugin!r} does not answer the hook {hook!r}"
            raise UsageError(message, hint=f"It is answered by: {others}.")

    def _open_sandbox(self) -> Sandbox:
        with self._lock:
            if self._closed:
                raise HostClosedError
            if os.getpid() != self._home:
                raise HostClosedError(copied=True)
            if self._sandbox is None:
                self._sandbox = open_sandbox(self._config)
                if self._control is None and self._config.control == "auto":
                    # To be seen is no reason to fail.
                    with suppress(ControlError):
                        self._open_control()
            return self._sandbox

    def _open_control(self) -> None:
        from lockgate._control.operations import Operations
        from lockgate._control.socket import ControlSocket

        folder = Path(self._config.runtime_folder)
        try:
            self._control = ControlSocket(folder, Operations(self._roster).answer)
        except OSError as error:
            message = f"no control socket in {folder}: {error.strerror}"
            raise ControlError(message) from error


def _look(settings: Config, folders: Sequence[str] | None) -> tuple[PluginState, ...]:
    """The plugins that are there now.

    Raises:
        InstalledError: If the store is not sound.
        UnknownPluginError: If a choice names a plugin that is not there.
    """
    found = found_by(settings, folders)
    if found.store_error is not None:
        raise found.store_error
    return found.plugins
