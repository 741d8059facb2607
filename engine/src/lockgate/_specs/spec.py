"""The hook specs as values: what each hook is asked and answers.

Read by introspection from `lockgate.hookspecs`, so that the typed Python there
is the only place where a hook is written down. Standard library only: the
worker reads the same specs.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import cast

from lockgate import hookspecs
from lockgate._codec.annotations import hints
from lockgate._codec.convert import Codec, codec
from lockgate._hook.api import HOOK_API_VERSION, Life
from lockgate._hook.options import SPEC_ATTRIBUTE, Failure, HookOptions
from lockgate.hookspecs import Kind

__all__ = [
    "CONTEXT",
    "KINDS",
    "Argument",
    "HookSpec",
    "is_there",
    "spec_classes",
    "specs",
]

CONTEXT = "context"
"""The argument that whoever runs an impl gives; no caller passes it."""

KINDS: tuple[Kind, ...] = typing.get_args(Kind)

_EMPTY_IF_OMITTED: Mapping[str, object] = MappingProxyType(
    {
        "contract": {},
        "files": {},
        "inputs": {},
        "model": "",
        "options": {},
        "targets": (),
    }
)
"""Arguments that a caller may leave out, and the data they then stand for."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a hook; `default` is None where it must be given.

    `annotation` is its type as it is written in the spec.
    """

    name: str
    annotation: str
    codec: Codec
    default: object = None

    @property
    def required(self) -> bool:
        """Whether a caller must give it."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class HookSpec:
    """One hook: its arguments without `context`, and its answer without None.

    `parameters` holds every parameter name in the spec's order, `context` too;
    `annotation` is the answer's type as it is written; `own_timeout` says whether
    an argument of its own is called ``timeout``. Of a `stream` (the spec returns an
    ``Iterator``) `answer` is one item; `added` says that a plugin adds the hook,
    `deprecated` that it is so in the version at hand.
    """

    name: str
    options: HookOptions
    arguments: tuple[Argument, ...]
    parameters: tuple[str, ...]
    answer: Codec
    annotation: str
    doc: str
    own_timeout: bool = False
    stream: bool = False
    added: bool = False
    deprecated: bool = False

    @property
    def kind(self) -> str:
        """The plugin kind that it belongs to."""
        return self.options.kind

    @property
    def firstresult(self) -> bool:
        """Whether the first answer ends the asking."""
        return self.options.firstresult

    @property
    def timeout_seconds(self) -> float:
        """How long one plugin may take by default."""
        return self.options.timeout_seconds

    @property
    def historic(self) -> bool:
        """Whether its calls are kept for who becomes active later."""
        return self.options.historic

    @property
    def life(self) -> Life:
        """In which versions it is there; of an added hook, of its kind."""
        return self.options.life

    @property
    def failure(self) -> Failure:
        """What a failing plugin means for the others."""
        return self.options.failure


@cache
def spec_classes() -> tuple[type, ...]:
    """The Protocol classes of `lockgate.hookspecs`, in its order."""
    found = [
        member
        for member in vars(hookspecs).values()
        if inspect.isclass(member)
        and member.__module__ == hookspecs.__name__
        and any(hasattr(item, SPEC_ATTRIBUTE) for item in vars(member).values())
    ]
    return tuple(found)


@cache
def specs() -> Mapping[str, HookSpec]:
    """Every hook of this hook API by its name, in the order of `lockgate.hookspecs`."""
    found: dict[str, HookSpec] = {}
    for cls in spec_classes():
        for name, function in vars(cls).items():
            options = getattr(function, SPEC_ATTRIBUTE, None)
            if isinstance(options, HookOptions) and is_there(options.life):
                found[name] = _read(name, cast(Callable[..., object], function))
    return MappingProxyType(found)


def is_there(life: Life, api: str = HOOK_API_VERSION) -> bool:
    """Whether a hook of that life can be called in version `api`."""
    return life.at(api) in ("current", "deprecated")


def _read(name: str, function: Callable[..., object]) -> HookSpec:
    types = hints(function)
    parameters = tuple(inspect.signature(function).parameters)[1:]
    arguments = tuple(
        Argument(
            parameter,
            str(function.__annotations__[parameter]),
            codec(types[parameter]),
            _EMPTY_IF_OMITTED.get(parameter),
        )
        for parameter in parameters
        if parameter != CONTEXT
    )
    answer = _without_none(types["return"])
    options = cast(HookOptions, getattr(function, SPEC_ATTRIBUTE))
    stream = typing.get_origin(answer) in (Iterator, AsyncIterator)
    return HookSpec(
        name=name,
        options=options,
        arguments=arguments,
        parameters=parameters,
        answer=codec(typing.get_args(answer)[0] if stream else answer),
        annotation=str(function.__annotations__["return"]),
        doc=inspect.getdoc(function) or "",
        own_timeout="timeout" in parameters,
        stream=stream,
        deprecated=options.life.at(HOOK_API_VERSION) == "deprecated",
    )


def _without_none(annotation: object) -> object:
    """`T` of ``T | None``: None is no answer, so no answer is ever None."""
    arguments = typing.get_args(annotation)
    if type(None) not in arguments:
        return annotation
    inner = [item for item in arguments if item is not type(None)]
    return inner[0] if len(inner) == 1 else annotation
