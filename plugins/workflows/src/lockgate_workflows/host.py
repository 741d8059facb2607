"""What the runner needs of a host: one call, and the names of the plugins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from lockgate.values import Data

__all__ = ["Answer", "Answers", "Host", "Plugin"]


class Answer(Protocol):
    """One plugin's answer or failure, as plain data."""

    def to_dict(self) -> dict[str, Data]:
        """At least ``plugin``; of an answer also ``value``, ``tier`` and the rest."""
        ...


class Answers(Protocol):
    """What one call gave, in the order in which the plugins were asked."""

    @property
    def items(self) -> Sequence[Answer]:
        """The answers."""
        ...

    @property
    def failed(self) -> Sequence[Answer]:
        """The failures of a hook whose policy is to go on."""
        ...


class Plugin(Protocol):
    """An installed plugin, whatever its state."""

    @property
    def name(self) -> str:
        """The name that a call may ask for."""
        ...


class Host(Protocol):
    """The part of `lockgate.host.Host` that runs a pipeline.

    `call` is used from several threads at once.
    """

    def call(
        self,
        hook: str,
        /,
        *,
        plugin: str | None = None,
        timeout: float | None = None,
        **arguments: Any,
    ) -> Answers:
        """Call `hook`; `timeout` in seconds, None for the hook's own."""
        ...

    def plugins(self) -> Iterable[Plugin]:
        """Everything that is installed."""
        ...
