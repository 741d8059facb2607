"""Who is asked, one after the other, and what becomes of failures.

A plugin stands here with what its manifest says about each hook. The order
(`lockgate._order.line`) is worked out once per hook; a call then goes straight to the
plugins' seats, which know what stands behind them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from lockgate._call.answers import Answer, Answers, HookFailure, make_answers
from lockgate._call.call import Call
from lockgate._call.down import fate, leaves_call_whole
from lockgate._call.past import PastCalls
from lockgate._call.streams import Item
from lockgate._dispatch.in_process import (
    PLUGINS_MAXIMUM,
    Direct,
    QuickCall,
    quick_call,
)
from lockgate._dispatch.wrapped import Steps, Wrapping, around, run_wrapped
from lockgate._manifest.value import HookImpl
from lockgate._order.line import arrange
from lockgate._order.words import HookOrder
from lockgate._specs.spec import HookSpec, specs
from lockgate.errors import BrokenPluginError, HostClosedError, LockgateError
from lockgate.grants import Identity

__all__ = ["Asked", "Dispatcher", "Given", "LoopSeat", "Seat", "values_of"]

Asked: TypeAlias = tuple[Answer[object] | None, LockgateError | None]
"""What came of asking a plugin: its answer, if it has one, or its error."""

Given: TypeAlias = tuple[bool, LockgateError | None]
"""What came of a plugin's turn in a stream: whether it gave an item, and its error."""


class Seat(Protocol):
    """A plugin as dispatch sees it."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    @property
    def on_loop(self) -> LoopSeat | None:
        """Itself, if it sits in this process, for good: an event loop may ask it."""
        ...

    def ask(self, call: Call) -> Answer[object] | None:
        """Put the call to the plugin; None if it has no answer."""
        ...

    def direct(self, spec: HookSpec, *, alone: bool) -> Direct | None:
        """What asks it in this process, where its data is all that a call needs."""
        ...

    def stream(self, call: Call) -> Generator[object]:
        """The items of a streaming hook, each when it is wanted."""
        ...

    def begin(self, call: Call) -> Wrapping | None:
        """Run the plugin's wrapper up to its ``yield``; None if it may not wrap."""
        ...


class LoopSeat(Protocol):
    """A plugin in this process, for who calls from an event loop."""

    def awaits(self, spec: HookSpec) -> bool | None:
        """Whether its answer is made on the loop of who calls; None: not known yet."""
        ...

    def prepare(self, spec: HookSpec) -> None:
        """Have it known what `awaits` says, as far as it can be."""
        ...

    async def ask_on_loop(self, call: Call) -> Answer[object] | None:
        """`Seat.ask`, where `awaits` is true."""
        ...

    def stream_on_loop(self, call: Call) -> AsyncGenerator[object]:
        """`Seat.stream`, where `awaits` is true."""
        ...


@dataclass(frozen=True, slots=True)
class _Line:
    """The seats of one hook in their order; the first wrapper is the outermost."""

    impls: tuple[Seat, ...]
    wrappers: tuple[Seat, ...]
    in_process: bool
    """Whether all of `impls` sit in this process."""


class Dispatcher:
    """The registry of a host. Filled once, then only read: thread-safe."""

    def __init__(
        self,
        owner: Mapping[str, HookOrder] | None = None,
        past: PastCalls | None = None,
        known: Mapping[str, HookSpec] | None = None,
    ) -> None:
        self.specs = specs() if known is None else known
        self._owner = owner or {}
        self._past = past or PastCalls()
        self._seats: dict[str, Seat] = {}
        self._impls: dict[tuple[str, bool], dict[str, HookImpl]] = {}
        self._lines: dict[str, _Line] = {}
        self.quick: dict[str, QuickCall] = {}
        """Hooks that run in this process alone: what calls them."""

    def add(self, seat: Seat, impls: Iterable[HookImpl]) -> None:
        """Register a plugin and the hooks that it answers or wraps."""
        plugin = seat.identity.plugin
        self._seats[plugin] = seat
        for impl in impls:
            if impl.hook in self.specs:
                self._impls.setdefault((impl.hook, impl.wrapper), {})[plugin] = impl
        self._lines.clear()

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that answer `hook`, in the order in which they are asked."""
        return tuple(seat.identity.plugin for seat in self._line(hook).impls)

    def _line(self, hook: str) -> _Line:
        line = self._lines.get(hook)
        if line is None:
            impls, wrappers = self._placed(hook, False), self._placed(hook, True)
            here = bool(impls) and all(seat.on_loop is not None for seat in impls)
            line = _Line(impls, wrappers, here)
            self._lines[hook] = line
        return line

    def _placed(self, hook: str, wrapper: bool) -> tuple[Seat, ...]:
        impls = self._impls.get((hook, wrapper), {})
        places = arrange(impls, self._owner.get(hook, HookOrder()))
        return tuple(self._seats[place.plugin] for place in places)

    def run(self, call: Call, *, plugin: str | None = None) -> Answers[Any]:
        """Ask every plugin that answers the hook, or only `plugin`.

        The hook's wrappers run around the asking in either case. A call of a historic
        hook is kept for who becomes active later, unless it is for `plugin` only.

        Raises:
            LockgateError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: If plugins failed and the policy is ``collect``.
            HistoryFullError: If no more calls of historic hooks can be kept.
        """
        if not call.spec.historic or plugin is not None:
            return self._run(call, plugin)
        with self._past.turn:
            self._past.keep(call)
            return self._run(call, plugin)

    def _run(self, call: Call, plugin: str | None) -> Answers[Any]:
        line = self._line(call.spec.name)
        if not line.wrappers:
            answers = self._ask(call, line.impls, plugin)
            if line.in_process and call.spec.name not in self.quick:
                self._quicken(call.spec, line)
            return answers
        return run_wrapped(
            call, line.wrappers, lambda: self._ask(call, line.impls, plugin)
        )

    def _quicken(self, spec: HookSpec, line: _Line) -> None:
        """Have the hook called the quick way from now on, if all its plugins can be."""
        if spec.historic or spec.stream or spec.own_timeout:
            return
        alone = len(line.impls) == 1
        found = [seat.direct(spec, alone=alone) for seat in line.impls]
        asks = [direct for direct in found if direct is not None]
        if len(asks) != len(found) or len(asks) > PLUGINS_MAXIMUM:
            return
        names = tuple(seat.identity.plugin for seat in line.impls)

        def rest(
            call: Call, number: int, error: LockgateError, items: list[Answer[Any]]
        ) -> Answers[Any]:
            call.asked.extend(names[: number + 1])
            self._failed(call, line.impls[number].identity, error, None)
            return self._ask(call, line.impls[number + 1 :], None, items)

        self.quick[spec.name] = quick_call(spec, asks, rest)

    def _ask(
        self,
        call: Call,
        seats: Iterable[Seat],
        plugin: str | None,
        before: Iterable[Answer[Any]] = (),
    ) -> Answers[Any]:
        """Ask `seats`; `before` was answered by others already."""
        steps = self._asking(call, seats, plugin, before)
        try:
            seat = next(steps)
            while True:
                seat = steps.send(_asked(seat, call))
        except StopIteration as end:
            answers: Answers[Any] = end.value
            return answers

    def asking(
        self, call: Call, plugin: str | None
    ) -> Generator[Seat, Asked, Answers[Any]]:
        """Who is to be asked next; is sent what came of it, and returns all of it.

        For hooks of which `on_loop` is true. It raises what `run` does.
        """
        return self._asking(call, self._line(call.spec.name).impls, plugin)

    def _asking(
        self,
        call: Call,
        seats: Iterable[Seat],
        plugin: str | None,
        before: Iterable[Answer[Any]] = (),
    ) -> Generator[Seat, Asked, Answers[Any]]:
        spec, asked, failed = call.spec, call.asked, call.failed
        items: list[Answer[Any]] = [*before]
        for seat in seats:
            who = seat.identity
            if plugin is not None and who.plugin != plugin:
                continue
            asked.append(who.plugin)
            answer, error = yield seat
            if error is not None:
                self._failed(call, who, error, plugin)
            elif answer is not None:
                items.append(call.completed(answer))
                if spec.options.firstresult:
                    break
        _raise_collected(call)
        return make_answers(spec.name, tuple(items), tuple(failed), tuple(asked))

    def on_loop(self, hook: str) -> bool:
        """Whether a plugin in this process may answer `hook` with what is awaited.

        Not of a historic hook: its calls hold a lock, which is a thread's.
        """
        spec = self.specs.get(hook)
        if spec is None or spec.historic:
            return False
        here = [seat.on_loop for seat in self._line(hook).impls]
        return any(seat is not None and seat.awaits(spec) is not False for seat in here)

    def wrapping(self, call: Call) -> Steps | None:
        """What is to be done around `asking`; None if nothing wraps the hook."""
        wrappers = self._line(call.spec.name).wrappers
        return around(call, wrappers) if wrappers else None

    def _failed(
        self, call: Call, who: Identity, error: LockgateError, plugin: str | None
    ) -> None:
        """Note a plugin's failure and go on, or raise it."""
        if isinstance(error, HostClosedError):
            raise error
        if isinstance(error, BrokenPluginError):
            if plugin is not None:
                raise error
            call.asked.pop()  # none of its hooks answers: as if it were not there
            call.failed.append(HookFailure(who.plugin, who.version, error))
            return
        what = fate(call, error, named=plugin is not None)
        if what == "raise":
            raise error
        if what == "note":
            call.failed.append(HookFailure(who.plugin, who.version, error))

    def stream(self, call: Call, *, plugin: str | None = None) -> Generator[Item[Any]]:
        """The items of a call, plugin after plugin, each when it is wanted.

        Raises:
            LockgateError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: At the end, if plugins failed and it is ``collect``.
        """
        line = self._line(call.spec.name)
        if line.wrappers:  # they see all answers before anybody else does
            for answer in self.run(call, plugin=plugin):
                yield Item(answer.plugin, answer.value)
            return
        turns = self.turns(call, plugin)
        seat = next(turns, None)
        while seat is not None:
            given, failure = False, None
            try:
                with closing(values_of(seat, call)) as values:
                    for value in values:
                        given = True
                        yield Item(seat.identity.plugin, value)
            except LockgateError as error:
                failure = error
            try:
                seat = turns.send((given, failure))
            except StopIteration:
                return

    def turns(self, call: Call, plugin: str | None) -> Generator[Seat, Given, None]:
        """Whose turn in a stream is next; is sent whether it gave any, and its error.

        It raises what `stream` does.
        """
        for seat in self._line(call.spec.name).impls:
            who = seat.identity
            if plugin is not None and who.plugin != plugin:
                continue
            call.asked.append(who.plugin)
            given, error = yield seat
            if error is not None:
                self._failed(call, who, error, plugin)
            if given and call.spec.firstresult:
                break
        _raise_collected(call)


def _asked(seat: Seat, call: Call) -> Asked:
    try:
        return seat.ask(call), None
    except LockgateError as error:
        return None, error


def values_of(seat: Seat, call: Call) -> Generator[object]:
    """What a plugin gives, item by item; of a plain hook its answer."""
    if call.spec.stream:
        yield from seat.stream(call)
    elif answer := seat.ask(call):
        yield call.completed(answer).value


def _raise_collected(call: Call) -> None:
    """Under the policy ``collect``, raise what failed."""
    if call.failed and call.spec.failure == "collect":
        errors = [one.error for one in call.failed if not leaves_call_whole(one.error)]
        if errors:
            raise ExceptionGroup(f"the hook {call.spec.name!r} failed", errors)
