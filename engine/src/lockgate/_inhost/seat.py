"""A plugin of the trusted base: runs in the host's own process (tier system).

Only what the engine's shipped policy names gets here. It is imported at its
first call, from its own distribution's folder or not at all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, cast

from lockgate._call.answers import Answer, make_answer
from lockgate._call.blame import Blame
from lockgate._call.call import Call
from lockgate._call.past import PastCalls
from lockgate._call.wrapping import begin
from lockgate._codec.convert import to_data
from lockgate._codec.misfit import Misfit
from lockgate._dispatch.in_process import DirectImpl
from lockgate._guest.awaiting import (
    awaited,
    awaited_here,
    is_awaited,
    items_awaited,
    items_here,
)
from lockgate._guest.impls import (
    ImplError,
    checked_impl,
    import_foreign,
    lookup,
)
from lockgate._inhost.context import HostContext
from lockgate._inhost.impl import InHostImpl
from lockgate._inhost.origin import foreign_origin
from lockgate._inhost.wrapping import InHostWrapping
from lockgate._record.audit import AuditRecord, Observer
from lockgate._record.lifecycle import History
from lockgate._specs.spec import CONTEXT, HookSpec
from lockgate.errors import LockgateError
from lockgate.grants import Identity
from lockgate.values import Document

if TYPE_CHECKING:
    from lockgate._call.face import Calls
    from lockgate._data.folder import DataFolder
    from lockgate._start.admission import Admission

__all__ = ["IN_HOST_POSTURE", "InHostPlugin"]

IN_HOST_POSTURE: Document = {"layers": [], "in-host": True}


class InHostPlugin:
    """Asks one plugin of the trusted base. Thread-safe; calls run side by side."""

    quarantine = ""
    digest = ""
    pid = None

    def __init__(
        self,
        identity: Identity,
        *,
        host: Calls,
        data: DataFolder | None,
        path: Sequence[str],
        hooks: Mapping[str, str],
        wrappers: Mapping[str, str],
        config: Callable[[], Document],
        observer: Observer,
        history: History,
        admission: Admission | None = None,
        past: PastCalls | None = None,
        hears: frozenset[str] = frozenset(),
    ) -> None:
        self.identity = identity
        self.admission = admission
        self._host = host
        self._data = data
        self._path = path
        self._hooks = hooks
        self._wrappers = wrappers
        self._config = config
        self._settings: Document | None = None
        self._observer = observer
        self._history = history
        self._lock = threading.Lock()
        self._past = past or PastCalls()
        self._hears = hears
        self._heard = 0
        self._hearing = threading.RLock()
        self._found: dict[tuple[str, bool], InHostImpl] = {}

    def ask(self, call: Call) -> Answer[object] | None:
        """Run the impl here; None if it has no answer.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        if self._hears and not self._news(call):
            return None
        return self._answer(call)

    def _news(self, call: Call) -> bool:
        """Tell the plugin of the historic calls that it missed before `call`.

        Gives whether `call` itself is news to it.
        """
        with self._hearing:
            for position, past in self._past.since(self._heard, call):
                self._heard = position + 1
                if past.spec.name not in self._hears:
                    continue
                try:
                    self._answer(call.like(past))
                except LockgateError as error:
                    self._audit("history", past.spec.name, error.message, allowed=False)
            if call.position is None:
                return True
            news = call.position >= self._heard
            self._heard = max(self._heard, call.position + 1)
            return news

    def _answer(self, call: Call) -> Answer[object] | None:
        started, spec = time.monotonic(), call.spec
        found = self._found.get((spec.name, False)) or self._find(spec)
        if found.context:
            call = call.begun()
        given = self._given(found, call)
        try:
            value: object = found.impl(**given)
            if is_awaited(value):
                call = call.begun()
                value = awaited_here(value, call.seconds_left())
        except (Exception, SystemExit) as error:
            raise self._failed(call, error) from error
        return self._checked(spec, value, started)

    def _given(self, found: InHostImpl, call: Call) -> dict[str, Any]:
        """What an impl is called with, of a call that has begun if it has a context."""
        given = {name: decode(call.data[name]) for name, decode in found.wanted}
        if found.context:
            given[CONTEXT] = self._context(call)
        return given

    def _checked(
        self, spec: HookSpec, value: object, started: float
    ) -> Answer[object] | None:
        if value is None:
            return None
        try:
            value = spec.answer.checked(value)
        except Misfit as misfit:
            raise self._blame(spec).misfit(misfit) from None
        return self._made(value, started)

    def awaits(self, spec: HookSpec) -> bool | None:
        """Whether the impl of a hook is awaited on the loop of who calls.

        None if it was not imported yet. Never of a plugin that hears of the past: it is
        told of it first, one call after the other.
        """
        if self._hears:
            return False
        found = self._found.get((spec.name, False))
        return None if found is None else found.awaits

    def prepare(self, spec: HookSpec) -> None:
        """Import the impl of a hook.

        Raises:
            LockgateError: If it can't be had.
        """
        self._find(spec)

    async def ask_on_loop(self, call: Call) -> Answer[object] | None:
        """`ask`, for an impl that `awaits`: in the caller's task.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        started, call = time.monotonic(), call.begun()
        found = self._find(call.spec)
        given = self._given(found, call)
        try:
            value = await awaited(
                cast("Awaitable[object]", found.impl(**given)), call.seconds_left()
            )
        except (Exception, SystemExit) as error:
            raise self._failed(call, error) from error
        return self._checked(call.spec, value, started)

    async def stream_on_loop(self, call: Call) -> AsyncGenerator[object]:
        """`stream`, for an impl that `awaits`: in the task of who wants an item.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        spec, call = call.spec, call.begun()
        found = self._find(spec)
        given = self._given(found, call)
        try:
            made = items_awaited(found.impl(**given), call.seconds_left)
            async with aclosing(made) as items:
                async for item in items:
                    if call.seconds_left() <= 0:
                        raise self._blame(spec).timeout(call.seconds)
                    yield spec.answer.checked(item)
        except Misfit as misfit:
            raise self._blame(spec).misfit(misfit) from None
        except (Exception, SystemExit) as error:
            raise self._failed(call, error) from error

    def direct(self, spec: HookSpec, *, alone: bool) -> DirectImpl | None:
        """The impl of a hook that was asked before, for data and nothing else.

        None where more than that is needed: it was not asked yet, wants a context or
        hears of the past, or the hook gives a stream. `alone` says that nobody else
        is given the data, so that it need not be made anew of itself.
        """
        found = self._found.get((spec.name, False))
        if found is None or found.context or spec.historic or spec.stream:
            return None
        same = {a.name for a in spec.arguments if a.codec.encode is a.codec.decode}
        takes = tuple(
            (name, None if alone and name in same else decode)
            for name, decode in found.wanted
        )
        check = spec.answer.checked if spec.answer.records else spec.answer.decode
        blame, seconds = self._blame(spec), spec.options.timeout_seconds

        def blamed(error: BaseException, until: float | None) -> LockgateError:
            if until is None:
                if not isinstance(error, Misfit):
                    raise error
                return blame.misfit(error)
            if not isinstance(error, (Exception, SystemExit)):
                raise error
            late = isinstance(error, TimeoutError) and time.monotonic() >= until
            told = blame.timeout(seconds) if late else blame.raised_here(error)
            told.__cause__ = error
            return told

        return DirectImpl(found.impl, takes, check, blamed, IN_HOST_POSTURE)

    def stream(self, call: Call) -> Generator[object]:
        """The items of the impl of a streaming hook, each when it is wanted.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        spec, blame = call.spec, self._blame(call.spec)
        found = self._found.get((spec.name, False)) or self._find(spec)
        call = call.begun()
        given = self._given(found, call)
        try:
            with closing(items_here(found.impl(**given), call.seconds_left)) as items:
                for item in items:
                    if call.seconds_left() <= 0:
                        raise blame.timeout(call.seconds)
                    yield spec.answer.checked(item)
        except Misfit as misfit:
            raise blame.misfit(misfit) from None
        except (Exception, SystemExit) as error:
            raise self._failed(call, error) from error

    def _failed(self, call: Call, error: Exception | SystemExit) -> LockgateError:
        """The error of an impl that raised, or whose time is over."""
        blame = self._blame(call.spec)
        if isinstance(error, TimeoutError) and call.seconds_left() <= 0:
            return blame.timeout(call.seconds)
        return blame.raised_here(error)

    def begin(self, call: Call) -> InHostWrapping:
        """Run the plugin's wrapper up to its ``yield``.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        started, spec = time.monotonic(), call.spec
        found = self._find(spec, wrapper=True)
        given = self._given(found, call.begun() if found.context else call)
        blame = self._blame(spec)
        try:
            generator = begin(found.impl(**given))
        except (Exception, SystemExit) as error:
            raise blame.raised_here(error) from error
        return InHostWrapping(
            generator, blame, lambda value: self._made(value, started)
        )

    def _made(self, value: object, started: float) -> Answer[object]:
        who, seconds = self.identity, time.monotonic() - started
        return make_answer(
            value, who.plugin, who.version, "system", seconds, IN_HOST_POSTURE
        )

    def _blame(self, spec: HookSpec) -> Blame:
        return Blame(self.identity, spec.name)

    def _context(self, call: Call) -> HostContext:
        plugin = self.identity.plugin
        if self._settings is None:
            self._settings = self._config()
        # Each call gets its own: what one does to it is not the next one's matter.
        config = cast(Document, to_data(self._settings))
        return HostContext(self._host, plugin, config, self._data, call, self._observer)

    def release(self) -> None:
        """Nothing to release: it is never quarantined."""

    def close(self) -> None:
        """Nothing to end: it has no worker."""

    def _find(self, spec: HookSpec, *, wrapper: bool = False) -> InHostImpl:
        """The impl or wrapper of a hook, imported if need be."""
        key, targets = (spec.name, wrapper), self._wrappers if wrapper else self._hooks
        with self._lock:
            found = self._found.get(key)
            if found is None:
                if self.admission is not None:
                    self.admission.check()
                target = targets[spec.name]
                module_name, _, path = target.partition(":")
                try:
                    self._check_origin(module_name)
                    module = import_foreign(module_name)
                    file = str(getattr(module, "__file__", module_name))
                    impl = checked_impl(
                        spec, lookup(module, path), file, target, wrapper=wrapper
                    )
                except ImplError as error:
                    told = str(error), error.lockgate_details
                    raise self._blame(spec).impl(*told) from error
                found = self._found[key] = InHostImpl.of(spec, impl)
                self._audit("import", spec.name, module_name)
                reason = "it was imported into the host"
                self._history.reach("active", reason, version=self.identity.version)
        return found

    def _check_origin(self, module: str) -> None:
        """A package of that name must come from the plugin's own folder.

        Raises:
            ImplError: If another folder of ``sys.path`` would win.
        """
        origin = foreign_origin(module, self._path)
        if origin is not None:
            message = (
                f"the package {module.partition('.')[0]!r} of this plugin would be "
                f"imported from {origin or 'nowhere'}, not from its own distribution"
            )
            raise ImplError(message, code="import-refused", file=origin)

    def _audit(
        self, action: str, hook: str, detail: str, *, allowed: bool = True
    ) -> None:
        plugin, version = self.identity.plugin, self.identity.version
        record = AuditRecord(action, plugin, version, allowed, hook, detail=detail)
        self._observer.audit(record)
