"""What runs in a plugin's sealed worker: `serve` and the impls it finds.

The sandbox imports this module after the lock-down and calls `serve` once. A
plugin's own module is imported at the first call of a hook that it answers,
never before, and so always under the seal. Standard library only: a plugin must
find its own versions of everything else.

Everything that goes wrong here is raised with ``lockgate_details``, plain data
that the host reads as a claim by the worker, never as a fact.
"""

from __future__ import annotations

import errno
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from lockgate._codec import Misfit, codec
from lockgate._specs import CONTEXT, HookSpec, specs
from lockgate._worker_context import Session, WorkerContext
from lockgate.plugin import IMPL_ATTRIBUTE, RefusedError
from lockgate.values import Data, Reason

__all__ = ["ImplError", "Impls", "WorkerFault", "serve"]

_REASONS = codec(tuple[Reason, ...])


class Handler(Protocol):
    """What the sandbox calls for each message."""

    def __call__(self, method: str, arguments: Mapping[str, Data]) -> Data:
        """Answer `method`."""
        ...


class WorkerFault(Exception):  # noqa: N818 - a carrier of data, told apart by them
    """Something that the host shall know in fields; `lockgate_details` holds them."""

    def __init__(self, message: str, **details: Data) -> None:
        super().__init__(message)
        self.lockgate_details: dict[str, Data] = details


class ImplError(WorkerFault):
    """An impl can't be had: its module fails, it is missing, or it does not match."""

    def __init__(
        self, message: str, *, code: str, file: str = "", line: int = 0
    ) -> None:
        super().__init__(message, kind="impl", code=code, file=file, line=line)


def serve(
    session: Session,
    *,
    plugin: str,
    hooks: Mapping[str, str],
    config: Mapping[str, Data],
    tools: list[str],
) -> Handler:
    """Answer the hooks of one plugin.

    `hooks` maps a hook to its impl's ``module:function``; `tools` names the
    machine's programs that the broker would run for this plugin.
    """
    context = WorkerContext(session, plugin=plugin, config=config, tools=tools)
    impls = Impls(context)

    def handle(method: str, arguments: Mapping[str, Data]) -> Data:
        spec, target = specs().get(method), hooks.get(method)
        if spec is None or target is None:
            raise ImplError(f"no impl of {method!r}", code="impl-missing")
        return impls.answer(spec, impls.find(spec, target), arguments)

    return handle


class Impls:
    """The plugin's functions: found once, called often."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._found: dict[str, Callable[..., object]] = {}
        self._wants: dict[str, frozenset[str]] = {}

    def find(self, spec: HookSpec, target: str) -> Callable[..., object]:
        """The impl of `spec` at ``module:function``, imported if need be.

        Raises:
            ImplError: If it can't be had.
        """
        found = self._found.get(spec.name)
        if found is None:
            module_name, _, path = target.partition(":")
            module = import_foreign(module_name)
            found = self._found[spec.name] = checked_impl(
                spec, lookup(module, path), str(getattr(module, "__file__", target))
            )
        return found

    def answer(
        self,
        spec: HookSpec,
        impl: Callable[..., object],
        arguments: Mapping[str, Data],
    ) -> Data:
        """Call `impl` and give its answer as plain data; None is no answer."""
        wants = self._wants.get(spec.name)
        if wants is None:
            wants = self._wants[spec.name] = frozenset(
                inspect.signature(impl).parameters
            )
        given: dict[str, object] = {
            argument.name: argument.codec.decode(arguments[argument.name])
            for argument in spec.arguments
            if argument.name in wants
        }
        if CONTEXT in wants:
            given[CONTEXT] = self._context
        try:
            value = impl(**given)
        except RefusedError as error:
            reasons = _REASONS.encode(error.reasons)
            raise WorkerFault(str(error), kind="refused", reasons=reasons) from error
        except OSError as error:
            _tell_denial(error)
            raise
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            # These would end the worker's loop; to the host they are failures.
            message = f"{type(error).__name__}: {error}"
            raise WorkerFault(message, kind="exit") from error
        if value is None:
            return None
        try:
            return spec.answer.encode(value)
        except Misfit as error:
            raise WorkerFault(
                str(error),
                kind="answer-invalid",
                where=error.where,
                expected=error.expected,
                found=error.found,
            ) from error


def _tell_denial(error: OSError) -> None:
    """Let the host name the missing right, if the kernel said no to a path."""
    if error.errno in (errno.EACCES, errno.EPERM) and isinstance(error.filename, str):
        details: dict[str, Data] = {"kind": "denied-path", "path": error.filename}
        if not hasattr(error, "lockgate_details"):
            error.lockgate_details = details  # type: ignore[attr-defined]


def import_foreign(name: str) -> Any:
    """Import a module that is not ours; whatever it does is an `ImplError`."""
    try:
        return importlib.import_module(name)
    except BaseException as error:
        message = f"importing {name!r} failed: {type(error).__name__}: {error}"
        file = str(getattr(error, "filename", None) or name)
        raise ImplError(message, code="import-failed", file=file) from error


def lookup(module: object, path: str) -> object:
    """The object at the dotted `path` of `module`, None if there is none."""
    found: object = module
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def checked_impl(spec: HookSpec, found: object, file: str) -> Callable[..., object]:
    """`found` if it is an impl of `spec`.

    Raises:
        ImplError: If it is missing, not marked with `hookimpl`, marked for
            another hook, or takes an argument that the spec does not give.
    """
    if not callable(found):
        message = f"there is no function for the hook {spec.name!r}"
        raise ImplError(message, code="impl-missing", file=file)
    line = _line(found)
    options: object = getattr(found, IMPL_ATTRIBUTE, None)
    if not isinstance(options, Mapping):
        message = f"the function for {spec.name!r} lacks the mark @hookimpl"
        raise ImplError(message, code="impl-unmarked", file=file, line=line)
    marked = cast(Mapping[str, object], options).get("specname")
    if isinstance(marked, str) and marked != spec.name:
        message = f"the function for {spec.name!r} is marked for {marked!r}"
        raise ImplError(message, code="impl-mismatch", file=file, line=line)
    unknown = [
        name
        for name, parameter in inspect.signature(found).parameters.items()
        if name not in spec.parameters
        and parameter.default is inspect.Parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if unknown:
        message = (
            f"the impl of {spec.name!r} wants {', '.join(unknown)}; "
            f"the hook gives {', '.join(spec.parameters)}"
        )
        raise ImplError(message, code="impl-mismatch", file=file, line=line)
    return found


def _line(function: object) -> int:
    code = getattr(inspect.unwrap(cast(Any, function)), "__code__", None)
    return int(getattr(code, "co_firstlineno", 0))
