"""What the host reports while it works: progress, log lines, audit records.

Frozen values, given to the callbacks that the embedding program passed to
`Host.open`. They are called on the thread that made the hook call; of hosts,
devices and secrets also on threads of the broker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lockgate._record.lifecycle import utc_now
from lockgate._record.trace import current_trace_id
from lockgate.values import Data, Document

__all__ = ["AuditRecord", "LogLine", "Observer", "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a plugin says it is; `fraction` from 0 to 1, None if unknown."""

    plugin: str
    hook: str
    message: str
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One structured line from a plugin: its words, not ours."""

    plugin: str
    hook: str
    level: str
    message: str
    fields: Document = field(default_factory=dict[str, Data])
    trace: str = field(default_factory=current_trace_id, compare=False)
    at: str = field(default_factory=utc_now, compare=False)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One decision of the host about a plugin.

    `action`: ``start`` (a worker), ``import`` (into the host), ``run_tool``,
    ``run_python``, ``program``, ``crash``, ``quarantine``; ``broker``, ``refuse``
    and ``end`` of hosts, devices and secrets. `grant` is the command
    that would allow what was refused.
    """

    action: str
    plugin: str
    version: str
    allowed: bool
    hook: str = ""
    right: str = ""
    detail: str = ""
    grant: str = ""
    trace: str = field(default_factory=current_trace_id, compare=False)
    at: str = field(default_factory=utc_now)

    def to_dict(self) -> dict[str, Data]:
        """The record as plain data, one line of an audit log."""
        return {
            "at": self.at,
            "action": self.action,
            "plugin": self.plugin,
            "version": self.version,
            "hook": self.hook,
            "allowed": self.allowed,
            "right": self.right,
            "detail": self.detail,
            "grant": self.grant,
            "trace": self.trace,
        }


def _ignore(_: object) -> None:
    """Nobody listens."""


def _unheard(plugin: str, version: str, hook: str, output: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Who is told; by default nobody."""

    progress: Callable[[Progress], None] = _ignore
    log: Callable[[LogLine], None] = _ignore
    audit: Callable[[AuditRecord], None] = _ignore
    printed: Callable[[str, str, str, str], None] = _unheard
    """Told of plugin, version, hook and the text that the plugin printed."""

    @classmethod
    def of(
        cls,
        progress: Callable[[Progress], None] | None,
        log: Callable[[LogLine], None] | None,
        audit: Callable[[AuditRecord], None] | None,
    ) -> Observer:
        """An observer of the callbacks that are there."""
        return cls(progress or _ignore, log or _ignore, audit or _ignore)
