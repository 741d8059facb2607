"""A plugin's functions in its worker: found, checked, called.

Everything that goes wrong here is raised with ``lockgate_details``, plain data
that the host reads as a claim by the worker, never as a fact. Standard library
only: a plugin must find its own versions of everything else.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, cast

from lockgate._call.way_out import (
    CORRECT_NAME,
    MARK,
    NAMED_MODULE,
    TAKE_ARGUMENTS,
    WRAPPER_AGREES,
    brings,
)
from lockgate._codec.convert import codec
from lockgate._codec.misfit import Misfit
from lockgate._codec.own_types import own_types
from lockgate._guest.awaiting import is_awaited, items_of, plain_items
from lockgate._guest.denials import denial_in, place_of
from lockgate._specs.spec import CONTEXT, HookSpec
from lockgate.plugin import IMPL_ATTRIBUTE, Context, RefusedError
from lockgate.values import Data, Reason

__all__ = [
    "ImplError",
    "Impls",
    "WorkerFault",
    "checked_impl",
    "import_foreign",
    "lookup",
    "misfit_fault",
    "telling",
]

_REASONS = codec(tuple[Reason, ...])


class WorkerFault(Exception):  # noqa: N818 - a carrier of data, told apart by them
    """Something that the host shall know in fields; `lockgate_details` holds them."""

    def __init__(
        self, message: str, *, cause: BaseException | None = None, **details: Data
    ) -> None:
        super().__init__(message)
        self.lockgate_details: dict[str, Data] = details
        self.lockgate_cause = cause
        """Whose traceback the owner is shown; ours would tell them nothing."""


class ImplError(WorkerFault):
    """An impl can't be had: its module fails, it is missing, or it does not match."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        file: str = "",
        line: int = 0,
        hint: str = "",
        cause: BaseException | None = None,
    ) -> None:
        details: dict[str, Data] = {"code": code, "file": file, "line": line}
        super().__init__(message, cause=cause, kind="impl", hint=hint, **details)


class Impls:
    """The plugin's functions: found once, called often."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found: dict[tuple[str, bool], Callable[..., object]] = {}
        self._wants: dict[Callable[..., object], frozenset[str]] = {}
        self._own: dict[Callable[..., object], Mapping[str, Callable[[Any], Any]]] = {}

    def find(
        self, spec: HookSpec, target: str, *, wrapper: bool = False
    ) -> Callable[..., object]:
        """The impl of `spec` at ``module:function``, imported if need be.

        Raises:
            ImplError: If it can't be had.
        """
        key = spec.name, wrapper
        found = self._found.get(key)
        if found is None:
            module_name, _, path = target.partition(":")
            module = import_foreign(module_name)
            file = str(getattr(module, "__file__", target))
            found = self._found[key] = checked_impl(
                spec, lookup(module, path), file, target, wrapper=wrapper
            )
        return found

    def given(
        self,
        spec: HookSpec,
        impl: Callable[..., object],
        arguments: Mapping[str, Data],
    ) -> dict[str, object]:
        """What `impl` is called with: those of the hook's arguments that it takes."""
        wants = self._wants.get(impl)
        if wants is None:
            wants = self._wants[impl] = frozenset(inspect.signature(impl).parameters)
        given: dict[str, object] = {
            argument.name: argument.codec.decode(arguments[argument.name])
            for argument in spec.arguments
            if argument.name in wants
        }
        if spec.added:
            self._as_own(impl, given)
        if CONTEXT in wants:
            given[CONTEXT] = self._context
        return given

    def _as_own(self, impl: Callable[..., object], given: dict[str, object]) -> None:
        """Give the plugin's own dataclasses where `impl` is annotated with them."""
        own = self._own.get(impl)
        if own is None:
            own = self._own[impl] = own_types(impl)
        for name, made in own.items():
            if name in given:
                given[name] = made(given[name])

    def answer(
        self,
        spec: HookSpec,
        impl: Callable[..., object],
        arguments: Mapping[str, Data],
    ) -> Any:
        """Call `impl` and give its answer as plain data; None is no answer.

        Of a coroutine function it is a coroutine, of a streaming hook a generator
        of items, plain or asynchronous: the worker's loop knows what to do.
        """
        given = self.given(spec, impl, arguments)
        try:
            value = impl(**given)
        except BaseException as error:
            told = telling(error)
            if told is error:
                raise
            raise told from error
        if spec.stream:
            return (
                _items_later(spec, value) if is_awaited(value) else _items(spec, value)
            )
        if is_awaited(value):
            return _later(spec, value)
        return _encoded(spec, value)


def _encoded(spec: HookSpec, value: object) -> Data:
    if value is None:
        return None
    try:
        return spec.answer.encode(value)
    except Misfit as error:
        raise misfit_fault(error) from error


async def _later(spec: HookSpec, value: Any) -> Data:
    """The answer of a coroutine."""
    try:
        answer = await value
    except BaseException as error:
        told = telling(error)
        if told is error:
            raise
        raise told from error
    return _encoded(spec, answer)


def _items(spec: HookSpec, value: object) -> Iterator[Data]:
    """The items of a function or a generator, each encoded as it is wanted."""
    try:
        for item in plain_items(value):
            yield spec.answer.encode(item)
    except Misfit as misfit:
        raise misfit_fault(misfit) from misfit
    except GeneratorExit:
        raise
    except BaseException as error:
        told = telling(error)
        if told is error:
            raise
        raise told from error


async def _items_later(spec: HookSpec, value: object) -> AsyncIterator[Data]:
    """The items of a coroutine function or an async generator."""
    try:
        async with aclosing(items_of(value)) as items:
            async for item in items:
                yield spec.answer.encode(item)
    except Misfit as misfit:
        raise misfit_fault(misfit) from misfit
    except GeneratorExit:
        raise
    except BaseException as error:
        told = telling(error)
        if told is error:
            raise
        raise told from error


def telling(error: BaseException) -> BaseException:
    """What the host is told for `error`: itself, or a fault that says it in fields."""
    if isinstance(error, RefusedError):
        reasons = _REASONS.encode(error.reasons)
        return WorkerFault(str(error), kind="refused", reasons=reasons)
    if isinstance(error, Exception):
        _tell_denial(error)
    elif isinstance(error, SystemExit | KeyboardInterrupt | GeneratorExit):
        # These would end the worker's loop; to the host they are failures.
        message = f"{type(error).__name__}: {error}"
        return WorkerFault(message, cause=error, kind="exit")
    return error


def misfit_fault(misfit: Misfit) -> WorkerFault:
    """The fault of an answer that does not fit the spec."""
    return WorkerFault(
        str(misfit),
        kind="answer-invalid",
        where=misfit.where,
        expected=misfit.expected,
        found=misfit.found,
    )


def _tell_denial(error: Exception) -> None:
    """Let the host say the way out, if the kernel refused a path or a call."""
    details = {} if hasattr(error, "lockgate_details") else denial_in(error)
    if details:
        try:
            error.lockgate_details = details  # type: ignore[attr-defined]
        except AttributeError:  # a class with slots
            return


def import_foreign(name: str) -> Any:
    """Import a module that is not ours; whatever it does is an `ImplError`."""
    try:
        return importlib.import_module(name)
    except BaseException as error:
        message = f"importing {name!r} failed: {type(error).__name__}: {error}"
        file, line = place_of(error)
        fault = ImplError(
            message,
            code="import-failed",
            file=file or name,
            line=line,
            hint=_import_hint(name, error),
            cause=error,
        )
        fault.lockgate_details["raised"] = type(error).__name__
        fault.lockgate_details["denied"] = denial_in(error)
        raise fault from error


def _import_hint(name: str, error: BaseException) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is None:
        return ""
    if name == missing or name.startswith(f"{missing}."):
        return NAMED_MODULE
    return brings(missing.partition(".")[0])


def lookup(module: object, path: str) -> object:
    """The object at the dotted `path` of `module`, None if there is none."""
    found: object = module
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def checked_impl(
    spec: HookSpec, found: object, file: str, target: str, *, wrapper: bool = False
) -> Callable[..., object]:
    """`found` if it is an impl of `spec`.

    Raises:
        ImplError: If it is missing, not marked with `hookimpl`, marked for
            another hook or as the other of impl and wrapper, or takes an argument
            that the spec does not give.
    """
    if not callable(found):
        message = f"there is no function {target!r} for the hook {spec.name!r}"
        raise ImplError(message, code="impl-missing", file=file, hint=CORRECT_NAME)
    line = _line(found)
    options: object = getattr(found, IMPL_ATTRIBUTE, None)
    if not isinstance(options, Mapping):
        message = f"the function for {spec.name!r} lacks the mark @hookimpl"
        raise ImplError(message, code="impl-unmarked", file=file, line=line, hint=MARK)
    mark = cast(Mapping[str, object], options)
    if bool(mark.get("wrapper")) is not wrapper:
        message = (
            f"the function for {spec.name!r} is marked "
            f"{'@hookimpl' if wrapper else '@hookimpl(wrapper=True)'}, the manifest "
            f"names {'a wrapper' if wrapper else 'an impl'}"
        )
        raise _mismatch(message, file, line, WRAPPER_AGREES)
    marked = mark.get("specname")
    if isinstance(marked, str) and marked != spec.name:
        message = f"the function for {spec.name!r} is marked for {marked!r}"
        raise _mismatch(message, file, line)
    if unknown := _wanted(found, spec):
        message = (
            f"the impl of {spec.name!r} wants {', '.join(unknown)}; "
            f"the hook gives {', '.join(spec.parameters)}"
        )
        raise _mismatch(message, file, line, TAKE_ARGUMENTS)
    return found


def _mismatch(message: str, file: str, line: int, hint: str = "") -> ImplError:
    return ImplError(message, code="impl-mismatch", file=file, line=line, hint=hint)


def _wanted(found: Callable[..., object], spec: HookSpec) -> list[str]:
    """The arguments that it can't do without, and that the spec does not give."""
    return [
        name
        for name, parameter in inspect.signature(found).parameters.items()
        if name not in spec.parameters
        and parameter.default is inspect.Parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _line(function: object) -> int:
    code = getattr(inspect.unwrap(cast(Any, function)), "__code__", None)
    return int(getattr(code, "co_firstlineno", 0))
