"""pluggy decides who is asked and in which order; this module asks.

Each plugin stands in pluggy's registry as a proxy that was made from its
manifest: one function per hook, with the order the manifest wants. A proxy knows
nothing of workers; it hands the call to its plugin's `Seat`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol, cast

import pluggy

from lockgate._answers import Answer, Answers, HookFailure
from lockgate._call import Call
from lockgate._diff import tree_diff
from lockgate._specs import CONTEXT, HookSpec, spec_classes, specs
from lockgate.errors import HostClosedError, LockgateError
from lockgate.grants import Identity
from lockgate.hookspecs import SPEC_ATTRIBUTE, HookOptions
from lockgate.plugin import hookimpl
from lockgate.values import Transformation, Tree

__all__ = ["Dispatcher", "Order", "Seat"]

Order = Literal["first", "last", ""]


class Seat(Protocol):
    """A plugin as dispatch sees it."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    def ask(self, call: Call) -> Answer[object] | None:
        """Put the call to the plugin; None if it has no answer."""
        ...


class _Hooks(pluggy.PluginManager):
    """pluggy, reading lockgate's own mark on a spec."""

    def parse_hookspec_opts(
        self, module_or_class: object, name: str
    ) -> pluggy.HookspecOpts | None:
        options = getattr(getattr(module_or_class, name, None), SPEC_ATTRIBUTE, None)
        if not isinstance(options, HookOptions):
            return None
        return {
            "firstresult": options.firstresult,
            "historic": False,
            "warn_on_impl": None,
            "warn_on_impl_args": None,
        }


class _Proxy:
    """A plugin in pluggy's registry: a function per hook, nothing else."""

    def __init__(self, seat: Seat, hooks: Mapping[str, Order]) -> None:
        for hook, order in hooks.items():
            setattr(self, hook, _marked(_asker(seat), order))


def _asker(seat: Seat) -> Callable[[Call], Answer[object] | None]:
    def ask(context: Call) -> Answer[object] | None:
        context.asked.append(seat.identity.plugin)
        try:
            return _completed(context, seat.ask(context))
        except HostClosedError:
            raise
        except LockgateError as error:
            if context.fail_fast:
                raise
            who = seat.identity
            context.failed.append(HookFailure(who.plugin, who.version, error))
            return None

    return ask


def _completed(call: Call, answer: Answer[object] | None) -> Answer[object] | None:
    """The answer, with what the host itself has to say in it."""
    if answer is None or not isinstance(answer.value, Transformation):
        return answer
    before = cast(Tree, call.values()["tree"])
    value = replace(answer.value, diff=tree_diff(before, answer.value.tree))
    return replace(answer, value=value)


def _marked(function: Callable[..., Any], order: Order) -> Callable[..., Any]:
    mark = hookimpl(tryfirst=order == "first", trylast=order == "last")
    return mark(function)


class Dispatcher:
    """The registry of a host. Filled once, then only read: thread-safe."""

    def __init__(self) -> None:
        self._hooks = _Hooks("lockgate")
        for cls in spec_classes():
            self._hooks.add_hookspecs(cls)
        self._proxies: dict[str, _Proxy] = {}

    def add(self, seat: Seat, hooks: Mapping[str, Order]) -> None:
        """Register a plugin; of two without a wish the later one is asked first."""
        known: dict[str, Order]
        known = {name: order for name, order in hooks.items() if name in specs()}
        proxy = _Proxy(seat, known)
        self._hooks.register(proxy, name=seat.identity.plugin)
        self._proxies[seat.identity.plugin] = proxy

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that answer `hook`, in the order in which they are asked."""
        caller: pluggy.HookCaller = getattr(self._hooks.hook, hook)
        return tuple(impl.plugin_name for impl in reversed(caller.get_hookimpls()))

    def run(self, call: Call, *, plugin: str | None = None) -> Answers[Any]:
        """Ask every plugin that answers the hook, or only `plugin`.

        Raises:
            LockgateError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: If plugins failed and the policy is ``collect``.
        """
        spec = call.spec
        given = {name: None for name in spec.parameters if name != CONTEXT}
        result: object = self._caller(spec, plugin)(**given, **{CONTEXT: call})
        found = cast("Iterable[Answer[Any]]", _listed(result))
        if call.failed and spec.failure == "collect":
            message = f"the hook {spec.name!r} failed"
            raise ExceptionGroup(message, [failure.error for failure in call.failed])
        failed, asked = tuple(call.failed), tuple(call.asked)
        return Answers(spec.name, tuple(found), failed, asked)

    def _caller(self, spec: HookSpec, plugin: str | None) -> Callable[..., object]:
        if plugin is None:
            return cast("Callable[..., object]", getattr(self._hooks.hook, spec.name))
        others = [proxy for name, proxy in self._proxies.items() if name != plugin]
        return self._hooks.subset_hook_caller(spec.name, others)


def _listed(result: object) -> list[object]:
    """A list always: for a first-result hook pluggy gives the one value."""
    if isinstance(result, list):
        return cast("list[object]", result)
    return [] if result is None else [result]
