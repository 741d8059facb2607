"""Who is asked, one after the other, and what becomes of failures.

A plugin stands here with what its manifest says about each hook. The order
(`lockgate._order`) is worked out once per hook; a call then goes straight to the
plugins' seats, which know what stands behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lockgate._answers import Answer, Answers, HookFailure
from lockgate._call import Call
from lockgate._config_values import HookOrder
from lockgate._manifest_values import HookImpl
from lockgate._order import arrange
from lockgate._specs import specs
from lockgate._wrapped import Wrapping, run_wrapped
from lockgate.errors import HostClosedError, LockgateError
from lockgate.grants import Identity

__all__ = ["Dispatcher", "Seat"]


class Seat(Protocol):
    """A plugin as dispatch sees it."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    def ask(self, call: Call) -> Answer[object] | None:
        """Put the call to the plugin; None if it has no answer."""
        ...

    def begin(self, call: Call) -> Wrapping | None:
        """Run the plugin's wrapper up to its ``yield``; None if it may not wrap."""
        ...


@dataclass(frozen=True, slots=True)
class _Line:
    """The seats of one hook in their order; the first wrapper is the outermost."""

    impls: tuple[Seat, ...]
    wrappers: tuple[Seat, ...]


class Dispatcher:
    """The registry of a host. Filled once, then only read: thread-safe."""

    def __init__(self, owner: Mapping[str, HookOrder] | None = None) -> None:
        self._owner = owner or {}
        self._seats: dict[str, Seat] = {}
        self._impls: dict[tuple[str, bool], dict[str, HookImpl]] = {}
        self._lines: dict[str, _Line] = {}

    def add(self, seat: Seat, impls: Iterable[HookImpl]) -> None:
        """Register a plugin and the hooks that it answers or wraps."""
        plugin = seat.identity.plugin
        self._seats[plugin] = seat
        for impl in impls:
            if impl.hook in specs():
                self._impls.setdefault((impl.hook, impl.wrapper), {})[plugin] = impl
        self._lines.clear()

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that answer `hook`, in the order in which they are asked."""
        return tuple(seat.identity.plugin for seat in self._line(hook).impls)

    def _line(self, hook: str) -> _Line:
        line = self._lines.get(hook)
        if line is None:
            line = _Line(self._placed(hook, False), self._placed(hook, True))
            self._lines[hook] = line
        return line

    def _placed(self, hook: str, wrapper: bool) -> tuple[Seat, ...]:
        impls = self._impls.get((hook, wrapper), {})
        places = arrange(impls, self._owner.get(hook, HookOrder()))
        return tuple(self._seats[place.plugin] for place in places)

    def run(self, call: Call, *, plugin: str | None = None) -> Answers[Any]:
        """Ask every plugin that answers the hook, or only `plugin`.

        The hook's wrappers run around the asking in either case.

        Raises:
            LockgateError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: If plugins failed and the policy is ``collect``.
        """
        line = self._line(call.spec.name)
        if not line.wrappers:
            return self._ask(call, line.impls, plugin)
        return run_wrapped(
            call, line.wrappers, lambda: self._ask(call, line.impls, plugin)
        )

    def _ask(
        self, call: Call, seats: Iterable[Seat], plugin: str | None
    ) -> Answers[Any]:
        spec, asked, failed = call.spec, call.asked, call.failed
        items: list[Answer[Any]] = []
        for seat in seats:
            who = seat.identity
            if plugin is not None and who.plugin != plugin:
                continue
            asked.append(who.plugin)
            try:
                answer = seat.ask(call)
                if answer is None:
                    continue
                items.append(call.completed(answer))
            except HostClosedError:
                raise
            except LockgateError as error:
                if call.fail_fast:
                    raise
                failed.append(HookFailure(who.plugin, who.version, error))
                continue
            if spec.options.firstresult:
                break
        if failed and spec.failure == "collect":
            message = f"the hook {spec.name!r} failed"
            raise ExceptionGroup(message, [failure.error for failure in failed])
        return Answers(spec.name, tuple(items), tuple(failed), tuple(asked))
