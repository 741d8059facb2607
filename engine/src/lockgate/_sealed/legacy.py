"""Plugins without a manifest: loaded by stevedore, or by path, inside a worker.

Two kinds: a distribution with a classic entry point (``lockgate.generator`` and
its like), and a single ``.py`` file in a configured plugin folder. Which hooks
they answer is known only after their code ran, so their worker is asked, at the
first call that might concern them and never for a list. They run at tier
read-only, without rights.

What an entry point names may be a module, a class (called without arguments) or
an object; every attribute of it that is marked with `lockgate.plugin.hookimpl`
and carries a hook's name is an impl.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from lockgate._call.answers import Answer
from lockgate._call.blame import Blame
from lockgate._call.call import Call
from lockgate._sealed.running import Running, Target
from lockgate._sealed.seat import SealedPlugin
from lockgate._specs.spec import specs
from lockgate.discovery import PluginState
from lockgate.values import Document
from lockgate_sandbox.profiles import restricted_locations

if TYPE_CHECKING:
    from lockgate_sandbox import Reply

__all__ = ["LegacyPlugin", "legacy_hooks", "legacy_target"]

SERVE = "lockgate._guest.legacy:serve"


def legacy_hooks(state: PluginState) -> tuple[str, ...]:
    """The hooks that such a plugin might answer: those of its entry points' kinds.

    A single file might answer any but the host's own (``service``).
    """
    kinds = set(state.kinds) or {s.kind for s in specs().values()} - {"service"}
    return tuple(spec.name for spec in specs().values() if spec.kind in kinds)


def legacy_target(
    state: PluginState, config: Document, profile: str = "plain"
) -> Target:
    """What the worker of such a plugin runs; `profile` is how a file is compiled.

    Raises:
        StartError: If the profile is ``restricted`` and its compiler is missing.
    """
    parts = list(restricted_locations()) if profile == "restricted" else []
    return Target(
        SERVE,
        {
            "plugin": state.name,
            "distribution": state.distribution,
            "entries": [[group, value] for group, value in state.entries],
            "config": dict(config),
            "restricted": parts,
            "driver": state.driver,
        },
    )


class LegacyPlugin(SealedPlugin):
    """A sealed plugin that has to be asked which hooks it answers."""

    _offered: frozenset[str] | None = None

    def ask(self, call: Call) -> Answer[object] | None:
        """Put `call` to the plugin; None if it does not answer this hook.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        if self._offered is None:
            self._offered = self._hooks(call)
        return super().ask(call) if call.spec.name in self._offered else None

    def _prove(self, running: Running, call: Call, blame: Blame) -> None:
        self._offered = _named(self._exchange(running, call, blame, "hooks", {}))

    def stream(self, call: Call) -> Generator[object]:
        """The items of a streaming hook; none if it does not answer this one.

        Raises:
            LockgateError: If it fails, in whatever way: naming plugin and hook.
        """
        if self._offered is None:
            self._offered = self._hooks(call)
        if call.spec.name in self._offered:
            yield from super().stream(call)

    def _hooks(self, call: Call) -> frozenset[str]:
        blame = Blame(self.identity, call.spec.name)
        return _named(self.exchange(call, blame, "hooks", {}))


def _named(reply: Reply) -> frozenset[str]:
    names = reply.value if isinstance(reply.value, list) else []
    return frozenset(name for name in names if isinstance(name, str))
