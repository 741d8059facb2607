"""The kinds that a package adds, compiled from the hook specs in its source.

A kind is a class whose methods are marked `lockgate.plugin.hookspec`, written as
lockgate's own specs are (`lockgate.hookspecs`)::

    class Audio(Protocol):
        "Sound in, sound out."

        @hookspec("audio", timeout_seconds=30)
        def process_audio(self, clip: Clip, gain: float = 1.0) -> Clip | None:
            "Change a clip."
            ...

Nothing is imported: what is not written out can't be compiled, and is a problem.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lockgate._hook.api import numbers
from lockgate._manifest.kind_names import BUILT_IN
from lockgate._manifest.rules import misnamed_argument, misnamed_hook
from lockgate._specs.names import hook_kinds
from lockgate._specs.spec import CONTEXT
from lockgate.contract._modules import Module, SourceError, Sources
from lockgate.contract._names import dotted_of
from lockgate.contract._problems import Problem
from lockgate.kinds import AddedHook, AddedKind
from lockgate.project._marked import modules_of
from lockgate.project._spec_types import (
    Schema,
    SpecTypes,
    TypeRefusedError,
    constant,
    unquoted,
    with_default,
)

__all__ = ["Specified", "specified_in"]

_HOOKSPEC = frozenset({"lockgate.plugin.hookspec", "lockgate.hookspecs.hookspec"})
_OPTIONS: dict[str, type | tuple[type, ...]] = {
    "firstresult": bool,
    "timeout_seconds": (int, float),
    "failure": str,
    "historic": bool,
    "since": str,
    "deprecated": str,
    "instead": str,
    "removed": str,
}
_KIND = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_HOOK = re.compile(r"(?!.{65})[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_STREAMS = frozenset(
    f"{owner}.{name}"
    for owner in ("collections.abc", "typing")
    for name in ("Iterator", "AsyncIterator")
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Specified:
    """The kinds that are written down, and what is wrong with them.

    `places` tells ``file:line`` of each kind and each hook, by name.
    """

    kinds: tuple[AddedKind, ...]
    problems: tuple[Problem, ...]
    places: dict[str, str] = field(default_factory=dict[str, str])


def specified_in(root: Path, package: str, distribution: str) -> Specified:
    """The kinds that `package`, below `root`, adds."""
    import time

    from lockgate_sandbox.parsing import batch

    def work() -> Specified:
        sources = Sources([str(root)], time.time_ns())
        return _Specs(sources, distribution).read(modules_of(root, package))

    return batch(work)


class _Specs:
    def __init__(self, sources: Sources, distribution: str) -> None:
        self._sources = sources
        self._distribution = distribution
        self._problems: list[Problem] = []
        self._places: dict[str, str] = {}

    def read(self, modules: Sequence[str]) -> Specified:
        kinds: list[AddedKind] = []
        for name in modules:
            for module, node, marked in self._classes(name):
                try:
                    kind = self._kind(module, node, marked)
                except TypeRefusedError as refused:
                    self._problem(str(refused), refused)
                    continue
                except SourceError as error:
                    place = TypeRefusedError(str(error), error.file, error.line, "")
                    self._problem(str(error), place)
                    continue
                if wrong := self._sound(kind, [one.name for one in kinds]):
                    self._problem(wrong, _at(module, node, wrong))
                    continue
                kinds.append(kind)
        return Specified(tuple(kinds), tuple(self._problems), self._places)

    def _problem(self, message: str, at: TypeRefusedError) -> None:
        place = self._distribution, at.file, at.line
        self._problems.append(Problem("kind-spec", message, at.hint, *place))

    def _classes(
        self, name: str
    ) -> Iterator[tuple[Module, ast.ClassDef, list[tuple[Function, ast.expr]]]]:
        """Each class of a module with the methods that are marked."""
        try:
            module = self._sources.module(name)
        except SourceError:
            return  # told by who looks for the impls
        for bound in module.bound.values() if module is not None else ():
            node = bound[-1].node
            if module is None or not isinstance(node, ast.ClassDef):
                continue
            marked = [
                (part, mark)
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
                for mark in part.decorator_list
                if self._is_mark(module, mark)
            ]
            if marked:
                yield module, node, marked

    def _is_mark(self, module: Module, node: ast.expr) -> bool:
        named = node.func if isinstance(node, ast.Call) else node
        return dotted_of(self._sources, module, named).dotted in _HOOKSPEC

    def _kind(
        self,
        module: Module,
        node: ast.ClassDef,
        marked: Sequence[tuple[Function, ast.expr]],
    ) -> AddedKind:
        types = SpecTypes(self._sources)
        hooks: list[AddedHook] = []
        names: set[str] = set()
        for function, mark in marked:
            kind, options = self._options(module, mark)
            names.add(kind)
            hooks.append(self._hook(module, types, function, options))
            self._places.setdefault(hooks[-1].name, f"{module.file}:{function.lineno}")
        if len(names) > 1:
            message = f"{node.name} has hooks of the kinds {', '.join(sorted(names))}"
            raise _at(module, node, message, "One class, one kind.")
        (name,) = names
        self._places.setdefault(name, f"{module.file}:{node.lineno}")
        about = inspect.cleandoc(ast.get_docstring(node) or "").partition("\n\n")[0]
        return AddedKind(
            name,
            tuple(hooks),
            " ".join(about.split()),
            _version(module, node),
            types.defs,
        )

    def _options(self, module: Module, mark: ast.expr) -> tuple[str, dict[str, Any]]:
        """The kind, and what else ``hookspec(...)`` is given; all written out."""
        call = mark if isinstance(mark, ast.Call) else ast.Call(mark, [], [])
        words = {one.arg or "": one.value for one in call.keywords}
        if len(call.args) == 1:
            words["kind"] = call.args[0]
        found: dict[str, Any] = {}
        for word, value in words.items():
            wanted = str if word == "kind" else _OPTIONS.get(word)
            said = value.value if isinstance(value, ast.Constant) else None
            if wanted is None or not isinstance(said, wanted):
                message = f"hookspec: {word or 'kind'} is not written out"
                raise _at(module, value, message, "A literal of the right type.")
            found[word] = said
        kind = found.pop("kind", "")
        if not _KIND.match(str(kind)):
            message = f"{str(kind)[:40]!r} is no name for a kind"
            raise _at(module, mark, message, 'For example @hookspec("audio").')
        if "timeout_seconds" in found:
            found["timeout_seconds"] = float(found["timeout_seconds"])
        return str(kind), found

    def _hook(
        self,
        module: Module,
        types: SpecTypes,
        function: Function,
        options: dict[str, Any],
    ) -> AddedHook:
        if not _HOOK.match(function.name):
            message = f"{function.name!r} is no name for a hook"
            raise _at(module, function, message, "Lower-case words, joined by _.")
        if function.name in hook_kinds():
            message = f"there is a hook named {function.name!r} already"
            raise _at(module, function, message, "Give it another name.")
        if (wrong := misnamed_hook(function.name)) is not None:
            raise _at(module, function, *wrong)
        answer, stream = self._answer(module, function)
        return AddedHook(
            name=function.name,
            answer=types.schema(module, answer),
            arguments=dict(self._arguments(module, types, function)),
            doc=inspect.cleandoc(ast.get_docstring(function) or ""),
            stream=stream,
            **options,
        )

    def _answer(self, module: Module, function: Function) -> tuple[ast.expr, bool]:
        """The answer's annotation without None, of a stream that of its items."""
        node = function.returns
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = unquoted(module, node)
        if isinstance(node, ast.BinOp) and _is_none(node.right):
            node = node.left
        if node is None or _is_none(node):
            message = f"{function.name} is not annotated with what it answers"
            raise _at(module, function, message, "For example -> str | None.")
        if isinstance(node, ast.Subscript):
            base = dotted_of(self._sources, module, node.value).dotted
            if base in _STREAMS:
                return node.slice, True
        return node, False

    def _arguments(
        self, module: Module, types: SpecTypes, function: Function
    ) -> Iterator[tuple[str, Schema]]:
        given = function.args
        if given.posonlyargs or given.vararg or given.kwarg:
            message = f"{function.name} takes arguments that have no one name"
            raise _at(module, function, message, "Arguments are given by name.")
        plain = given.args[1:]  # without self
        defaults: list[ast.expr | None] = [*given.defaults]
        before: list[ast.expr | None] = [None] * (len(plain) - len(defaults))
        pairs = [
            *zip(
                plain, [*before, *defaults][-len(plain) :] if plain else (), strict=True
            ),
            *zip(given.kwonlyargs, given.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            if argument.arg == CONTEXT:
                continue  # every impl may have it
            if (wrong := misnamed_argument(argument.arg)) is not None:
                raise _at(module, argument, *wrong)
            if argument.annotation is None:
                message = f"{function.name}: {argument.arg} is not annotated"
                raise _at(module, argument, message)
            schema = types.schema(module, argument.annotation)
            yield argument.arg, _argument(module, argument, default, schema)

    def _sound(self, kind: AddedKind, before: Sequence[str]) -> str:
        """What is wrong with a kind as a whole; empty if nothing is."""
        from lockgate.kinds._schema import SchemaError
        from lockgate.kinds._specs import hook_specs

        if kind.name in BUILT_IN or kind.name in before:
            return f"there is a kind named {kind.name!r} already"
        try:
            hook_specs(kind)
        except (SchemaError, ValueError) as error:
            where = ".".join(getattr(error, "where", ()))
            return f"{where}: {error}" if where else str(error)
        return ""


def _argument(
    module: Module, argument: ast.arg, default: ast.expr | None, schema: Schema
) -> Schema:
    if default is None:
        return schema
    try:
        value = constant(default)
    except (ValueError, TypeError, RecursionError):
        value = None
    if value is None:
        message = f"the default of {argument.arg} can't be data"
        hint = "A literal other than None: a caller leaves the argument out."
        raise _at(module, argument, message, hint)
    return with_default(schema, value)


def _version(module: Module, node: ast.ClassDef) -> str:
    """The class's ``API_VERSION``; ``1.0`` where it has none."""
    for part in node.body:
        target: ast.expr | None = None
        if isinstance(part, ast.Assign) and len(part.targets) == 1:
            target = part.targets[0]
        elif isinstance(part, ast.AnnAssign):
            target = part.target
        if isinstance(target, ast.Name) and target.id == "API_VERSION":
            value = cast("ast.Assign | ast.AnnAssign", part).value
            said = value.value if isinstance(value, ast.Constant) else None
            try:
                numbers(str(said))
            except ValueError as error:
                hint = 'API_VERSION = "1.1"'
                raise _at(module, part, str(error), hint) from None
            return str(said)
    return "1.0"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _at(
    module: Module, node: ast.AST, message: str, hint: str = ""
) -> TypeRefusedError:
    return TypeRefusedError(message, module.file, getattr(node, "lineno", 0), hint)
