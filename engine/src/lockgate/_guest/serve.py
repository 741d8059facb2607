"""What runs in a plugin's sealed worker.

The sandbox imports this module after the lock-down and calls `serve` once. A
plugin's own module is imported at the first call of a hook that it answers,
never before, and so always under the seal. Standard library only: a plugin must
find its own versions of everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lockgate._call.wrapping import METHODS
from lockgate._guest.context import Session, WorkerContext
from lockgate._guest.from_source import believe_source_only
from lockgate._guest.impls import ImplError, Impls
from lockgate._guest.wrappers import Wrappers
from lockgate._specs.spec import HookSpec, specs
from lockgate.values import Data

__all__ = ["LOAD", "Handler", "serve"]

LOAD = "load"
"""The method, which is no hook, by which the plugin is loaded and no more.

With the argument `only`, that hook's impl and wrapper."""


class Handler(Protocol):
    """What the sandbox calls for each message."""

    def __call__(self, method: str, arguments: Mapping[str, Data]) -> Any:
        """Answer `method`, with data, or what gives data when it is awaited or read."""
        ...


def serve(
    session: Session,
    *,
    plugin: str,
    hooks: Mapping[str, str],
    wrappers: Mapping[str, str],
    config: Mapping[str, Data],
    tools: list[str],
    added: Sequence[Mapping[str, Any]] = (),
    sources: Sequence[str] = (),
) -> Handler:
    """Answer the hooks of one plugin.

    `hooks` maps a hook to its impl's ``module:function``, `wrappers` to its
    wrapper's; `tools` names the machine's programs that the broker would run for
    this plugin; `added` holds the added kinds of its hooks, as data; `sources` are
    folders for whose byte code nothing vouches.
    """
    believe_source_only(sources)
    context = WorkerContext(session, plugin=plugin, config=config, tools=tools)
    impls = Impls(context)
    known = _known(added)
    around = Wrappers(impls, wrappers, known)

    def handle(method: str, arguments: Mapping[str, Data]) -> Any:
        if method == LOAD:
            only = arguments.get("only")
            for name, wanted in hooks.items():
                if only in (None, name):
                    impls.find(known[name], wanted)
            for name, wanted in wrappers.items():
                if only in (None, name):
                    impls.find(known[name], wanted, wrapper=True)
            return None
        spec, target = known.get(method), hooks.get(method)
        if spec is None or target is None:
            if method in METHODS:
                return around.handle(method, arguments)
            raise ImplError(f"no impl of {method!r}", code="impl-missing")
        return impls.answer(spec, impls.find(spec, target), arguments)

    return handle


def _known(added: Sequence[Mapping[str, Any]]) -> Mapping[str, HookSpec]:
    """Every hook that the plugin may answer."""
    if not added:
        return specs()
    from lockgate.kinds import AddedKind
    from lockgate.kinds._specs import specs_with

    return specs_with(AddedKind.from_data(kind) for kind in added)
