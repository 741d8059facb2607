"""From the impls of a hook to one flat function that calls them.

What pluggy looks up at each call (which arguments an impl takes, whether it is a
wrapper, whether the first result counts) is settled once, when the set of impls
changes, and written down as Python source. That source is made of positions,
fixed text and the hook spec's own argument names; nothing in it comes from a
plugin but names that are checked to be identifiers. Equal shapes share one code
object.

The semantics are those of pluggy 1.7's ``_multicall``; what is rare or deprecated
(hooks without spec, old-style wrappers) is left to it: then there is no function.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import lru_cache
from keyword import iskeyword
from types import CodeType
from typing import Any, NoReturn, Protocol, TypeAlias

import pluggy

__all__ = ["HAS_DEFAULTS", "Method", "compiled"]

Method: TypeAlias = Callable[..., Any]
"""A ``__call__`` of a caller: takes it, and the call's keyword arguments."""

HAS_DEFAULTS = hasattr(pluggy.HookCaller, "_apply_defaults")
"""Whether arguments with defaults take part in calls: since pluggy 1.7."""

_IMPLS_MAXIMUM = 512
"""More than this are called by pluggy's loop: the source would get long."""


class Spec(Protocol):
    """A hook spec of pluggy's, which names no public type for it."""

    argnames: tuple[str, ...]
    kwargnames: tuple[str, ...]
    opts: pluggy.HookspecOpts


def compiled(spec: Spec, impls: Sequence[pluggy.HookImpl]) -> Method | None:
    """A method that calls `impls` (in pluggy's order: the last one first).

    None if some of them need pluggy's own loop. A call that lacks an argument is
    pluggy's to report: the method hands it to the caller's own ones.
    """
    optional = tuple(spec.kwargnames) if HAS_DEFAULTS else ()
    known = {name: f"a{i}" for i, name in enumerate((*spec.argnames, *optional))}
    if len(impls) > _IMPLS_MAXIMUM or not all(_plain(name) for name in known):
        return None
    if any(one.hookwrapper or not _covered(one, known) for one in impls):
        return None
    asked = list(reversed(impls))
    source = _source(
        tuple(spec.argnames),
        optional,
        tuple(one.wrapper for one in asked),
        tuple(_arguments(one, known) for one in asked),
        bool(spec.opts.get("firstresult")),
    )
    own: Mapping[str, object] = getattr(spec, "kwargdefaults", {})
    defaults = [own[name] for name in optional]
    make = _maker(source)
    return make(_misused, _leave, defaults, [one.function for one in asked])


def _plain(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)


def _covered(impl: pluggy.HookImpl, known: Mapping[str, str]) -> bool:
    """Whether each argument that the impl is given is one of the spec's."""
    return all(name in known for name in (*impl.argnames, *_by_name(impl)))


def _by_name(impl: pluggy.HookImpl) -> tuple[str, ...]:
    return tuple(impl.kwargnames) if HAS_DEFAULTS else ()


def _arguments(impl: pluggy.HookImpl, known: Mapping[str, str]) -> str:
    by_name = [f"{name}={known[name]}" for name in _by_name(impl)]
    return ", ".join([*(known[name] for name in impl.argnames), *by_name])


def _source(
    required: tuple[str, ...],
    optional: tuple[str, ...],
    wrappers: tuple[bool, ...],
    arguments: tuple[str, ...],
    firstresult: bool,
) -> str:
    calls = [f"f{i}({given})" for i, given in enumerate(arguments)]
    around = [call for call, wraps in zip(calls, wrappers, strict=True) if wraps]
    inner = [call for call, wraps in zip(calls, wrappers, strict=True) if not wraps]
    lines = ["def make(misused, leave, defaults, functions):"]
    if calls:
        lines.append(f"    {_targets('f', len(calls))} = functions")
    if optional:
        lines.append(f"    {_targets('d', len(optional))} = defaults")
    lines += [
        "    def __call__(self, /, **kwargs):",
        "        __tracebackhide__ = True",
    ]
    lines += [f"        {line}" for line in _taken(required, optional)]
    body = _first(inner) if firstresult else _all(inner)
    lines += [
        f"        {line}" for line in (_wrapped(around, body) if around else body)
    ]
    return "\n".join([*lines, "        return result", "    return __call__", ""])


def _targets(letter: str, count: int) -> str:
    return "".join(f"{letter}{i}, " for i in range(count)).rstrip()


def _taken(required: Sequence[str], optional: Sequence[str]) -> list[str]:
    """The call's arguments as locals."""
    lines: list[str] = []
    if required:
        lines += ["try:"]
        lines += [f"    a{i} = kwargs[{name!r}]" for i, name in enumerate(required)]
        # Here and not in a function of its own: pluggy's warnings count frames. Not
        # in the handler: what is raised later has nothing to do with the KeyError.
        lines += [
            "except KeyError:",
            "    given = self.filled(kwargs)",
            "else:",
            "    given = None",
            "if given is not None:",
            "    self._verify_all_args_are_provided(given)",
            "    return self.call_loop(given)",
        ]
    for i, name in enumerate(optional):
        lines.append(f"a{len(required) + i} = kwargs.get({name!r}, d{i})")
    return lines


def _all(calls: Sequence[str]) -> list[str]:
    """Each asked; what answered None is left out.

    Compared by identity, one by one: ``None in results`` would run an answer's
    own ``__eq__``.
    """
    if not calls:
        return ["result = []"]
    names = [f"r{i}" for i in range(len(calls))]
    got = ", ".join(names)
    return [
        *(f"{name} = {call}" for name, call in zip(names, calls, strict=True)),
        f"if {' or '.join(f'{name} is None' for name in names)}:",
        f"    result = [r for r in ({got},) if r is not None]",
        "else:",
        f"    result = [{got}]",
    ]


def _first(calls: Sequence[str]) -> list[str]:
    """Each asked only if those before it gave nothing."""
    lines = [f"result = {calls[0] if calls else None}"]
    # Flat, however many there are: a nested `if` for each would go too deep.
    for call in calls[1:]:
        lines += ["if result is None:", f"    result = {call}"]
    return lines


def _wrapped(calls: Sequence[str], body: Sequence[str]) -> list[str]:
    """`body` inside of the wrappers `calls`, the outermost first."""
    lines = ["result = exception = None", "entered = 0", "try:"]
    for i, call in enumerate(calls):
        lines += [
            f"    g{i} = {call}",
            "    try:",
            f"        next(g{i})",
            "    except StopIteration:",
            f"        misused(g{i}, 'did not yield')",
            f"    entered = {i + 1}",
        ]
    lines += [f"    {line}" for line in body]
    lines += ["except BaseException as error:", "    exception = error"]
    for i in reversed(range(len(calls))):
        lines += [
            f"if entered > {i}:",
            "    if exception is None:",
            "        try:",
            f"            g{i}.send(result)",
            "        except StopIteration as ended:",
            "            result = ended.value",
            "        except BaseException as error:",
            "            exception = error",
            "        else:",
            f"            result, exception = leave(g{i}, result, None)",
            "    else:",
            f"        result, exception = leave(g{i}, result, exception)",
        ]
    return [*lines, "if exception is not None:", "    raise exception"]


@lru_cache(maxsize=1024)
def _maker(source: str) -> Callable[..., Method]:
    space: dict[str, Any] = {}
    # The source is ours, word for word: see the module's docstring.
    exec(compile(source, "<lockgate.inprocess>", "exec"), space)  # noqa: S102
    made: Callable[..., Method] = space["make"]
    return made


_Wrapper: TypeAlias = "Generator[None, object, object]"


def _leave(
    wrapper: _Wrapper, result: object, exception: BaseException | None
) -> tuple[object, BaseException | None]:
    """Throw `exception` into a wrapper, and see to it that it has ended.

    Gives the outcome that the wrapper makes of it.
    """
    __tracebackhide__ = True
    try:
        if exception is not None:
            try:
                wrapper.throw(exception)
            except RuntimeError as error:
                # PEP 479: a generator cannot hand on a StopIteration as it is.
                if (
                    isinstance(exception, StopIteration)
                    and error.__cause__ is exception
                ):
                    wrapper.close()
                    return result, exception
                raise
        wrapper.close()
    except StopIteration as ended:
        return ended.value, None
    except BaseException as error:
        return result, error
    return _misused(wrapper, "has second yield")


def _misused(wrapper: _Wrapper, what: str) -> NoReturn:
    code: CodeType = getattr(wrapper, "gi_code")  # noqa: B009 - typed as any generator
    place = f"{code.co_name!r} {code.co_filename}:{code.co_firstlineno}"
    raise RuntimeError(f"wrap_controller at {place} {what}")
