"""A plugin of the trusted base: runs in the host's own process (tier system).

Only what the engine's shipped policy names gets here. It is imported at its
first call, from its own distribution's folder or not at all.
"""

from __future__ import annotations

import importlib
import inspect
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate._answers import Answer
from lockgate._audit import AuditRecord, LogLine, Observer, Progress
from lockgate._blame import Blame
from lockgate._call import Call
from lockgate._codec import Misfit
from lockgate._inhost_wrapping import InHostWrapping
from lockgate._specs import CONTEXT, HookSpec
from lockgate._worker_impls import (
    ImplError,
    checked_impl,
    import_foreign,
    lookup,
)
from lockgate._wrapping import begin
from lockgate.grants import Identity
from lockgate.values import Data, Document, ProgramRun, PythonRun, Tree

if TYPE_CHECKING:
    from lockgate._calls import Calls

__all__ = ["HostContext", "InHostPlugin"]

_POSTURE: Document = {"layers": [], "in-host": True}


class HostContext:
    """`lockgate.plugin.Context` for the trusted base, with the host itself."""

    scratch = None
    """A plugin in the host has no private folder."""

    def __init__(
        self, host: Calls, plugin: str, config: Document, hook: str, observer: Observer
    ) -> None:
        self.host = host
        self.plugin = plugin
        self.config = config
        self._hook = hook
        self._observer = observer

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Tell the owner how far the work is."""
        self._observer.progress(Progress(self.plugin, self._hook, message, fraction))

    def log(self, level: str, message: str, **fields: Data) -> None:
        """Write one structured line to the host's log."""
        self._observer.log(LogLine(self.plugin, self._hook, level, message, fields))

    def has_program(self, name: str) -> bool:  # noqa: ARG002 - part of the protocol
        """Never: programs belong into a sealed worker."""
        return False

    def run_program(
        self,
        name: str,  # noqa: ARG002 - part of the protocol, like all below
        arguments: Sequence[str],  # noqa: ARG002
        *,
        stdin: bytes = b"",  # noqa: ARG002
        tree: Tree | None = None,  # noqa: ARG002
        collect: Sequence[str] = (),  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
    ) -> ProgramRun:
        """Refused: call a hook of a sealed plugin instead."""
        raise PermissionError(_NO_PROGRAMS)

    def http_transport(self) -> Any:
        """Refused: call a hook of a sealed plugin instead."""
        raise PermissionError(_NO_BROKER)

    def secret(self, name: str) -> str:  # noqa: ARG002 - part of the protocol
        """Refused: call a hook of a sealed plugin instead."""
        raise PermissionError(_NO_BROKER)

    def open_device(self, path: str) -> int:  # noqa: ARG002 - part of the protocol
        """Refused: call a hook of a sealed plugin instead."""
        raise PermissionError(_NO_BROKER)

    def run_python(
        self,
        tree: Tree,  # noqa: ARG002
        entry: str,  # noqa: ARG002
        arguments: Document | None = None,  # noqa: ARG002
        *,
        cpu_seconds: float = 10.0,  # noqa: ARG002
        wall_seconds: float = 20.0,  # noqa: ARG002
        memory_bytes: int = 256 * 1024 * 1024,  # noqa: ARG002
    ) -> PythonRun:
        """Refused: call a hook of a sealed plugin instead."""
        raise PermissionError(_NO_PROGRAMS)


_NO_BROKER = (
    "a plugin of the trusted base has no broker; it calls hooks of sealed plugins "
    "(context.host)"
)

_NO_PROGRAMS = (
    "a plugin of the trusted base starts no programs; it calls hooks of sealed "
    "plugins (context.host)"
)


@dataclass(frozen=True, slots=True)
class _Impl:
    """A plugin's function for a hook, and what it is called with.

    `wanted` holds the arguments that it takes and how each is made of the call's
    data: anew for each plugin, so that none sees what another did to them.
    """

    impl: Callable[..., object]
    wanted: tuple[tuple[str, Callable[[object], Any]], ...]
    context: bool

    @classmethod
    def of(cls, spec: HookSpec, impl: Callable[..., object]) -> _Impl:
        wants = frozenset(inspect.signature(impl).parameters)
        wanted = [(a.name, a.codec.decode) for a in spec.arguments if a.name in wants]
        return cls(impl, tuple(wanted), CONTEXT in wants)


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
        path: Sequence[str],
        hooks: Mapping[str, str],
        wrappers: Mapping[str, str],
        config: Callable[[], Document],
        observer: Observer,
    ) -> None:
        self.identity = identity
        self._host = host
        self._path = path
        self._hooks = hooks
        self._wrappers = wrappers
        self._config = config
        self._observer = observer
        self._lock = threading.Lock()
        self._found: dict[tuple[str, bool], _Impl] = {}

    def ask(self, call: Call) -> Answer[object] | None:
        """Run the impl here; None if it has no answer.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        started = time.monotonic()
        spec, data = call.spec, call.data
        found = self._found.get((spec.name, False)) or self._find(spec)
        given = {name: decode(data[name]) for name, decode in found.wanted}
        if found.context:
            given[CONTEXT] = self._context(spec.name)
        try:
            value: object = found.impl(**given)
        except (Exception, SystemExit) as error:
            raise self._blame(spec).raised_here(error) from error
        if value is None:
            return None
        try:
            value = spec.answer.checked(value)
        except Misfit as misfit:
            raise self._blame(spec).misfit(misfit) from None
        return self._made(value, started)

    def begin(self, call: Call) -> InHostWrapping:
        """Run the plugin's wrapper up to its ``yield``.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        started, spec = time.monotonic(), call.spec
        found = self._find(spec, wrapper=True)
        given = {name: decode(call.data[name]) for name, decode in found.wanted}
        if found.context:
            given[CONTEXT] = self._context(spec.name)
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
        # By position: a quarter less time.
        return Answer(
            value, who.plugin, who.version, "system", seconds, _POSTURE, (), ""
        )

    def _blame(self, spec: HookSpec) -> Blame:
        return Blame(self.identity, spec.name)

    def _context(self, hook: str) -> HostContext:
        plugin, config = self.identity.plugin, self._config()
        return HostContext(self._host, plugin, config, hook, self._observer)

    def release(self) -> None:
        """Nothing to release: it is never quarantined."""

    def close(self) -> None:
        """Nothing to end: it has no worker."""

    def _find(self, spec: HookSpec, *, wrapper: bool = False) -> _Impl:
        """The impl or wrapper of a hook, imported if need be."""
        key, targets = (spec.name, wrapper), self._wrappers if wrapper else self._hooks
        with self._lock:
            found = self._found.get(key)
            if found is None:
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
                found = self._found[key] = _Impl.of(spec, impl)
                self._audit_import(spec.name, module_name)
        return found

    def _check_origin(self, module: str) -> None:
        """A package of that name must come from the plugin's own folder.

        Raises:
            ImplError: If another folder of ``sys.path`` would win.
        """
        importlib.invalidate_caches()
        package = module.partition(".")[0]
        spec = PathFinder.find_spec(package)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or not any(
            origin.is_relative_to(Path(folder).resolve()) for folder in self._path
        ):
            message = (
                f"the package {package!r} of this plugin would be imported from "
                f"{origin or 'nowhere'}, not from its own distribution"
            )
            raise ImplError(message, code="import-refused", file=str(origin or ""))

    def _audit_import(self, hook: str, module: str) -> None:
        plugin, version = self.identity.plugin, self.identity.version
        record = AuditRecord("import", plugin, version, True, hook, detail=module)
        self._observer.audit(record)
