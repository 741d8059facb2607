"""The embedding API: open a host, call hooks, read typed answers.

::

    from lockgate.host import Host

    with Host.open() as host:
        answers = host.call("generate", spec={"device_name": "lamp"})
        print(answers.first.tree)

Opening a host finds the plugins and imports none of them. A plugin's worker
starts at its first call and is killed when the host closes.
"""

from __future__ import annotations

from lockgate._call.answers import Answer, Answers, HookFailure
from lockgate._call.async_streams import AsyncAnswerStream
from lockgate._call.streams import AnswerStream, Item
from lockgate._codec.convert import to_data
from lockgate._host import Host
from lockgate._record.audit import AuditRecord, LogLine, Progress
from lockgate._record.journal import CallRecord
from lockgate._record.lifecycle import Lifecycle, StageChange
from lockgate._record.meter import HookMeter, Meter
from lockgate._record.trace import Span, tracing
from lockgate._seating.roster import Refreshed
from lockgate.aio import AsyncHost
from lockgate.discovery import PluginState

__all__ = [
    "Answer",
    "AnswerStream",
    "Answers",
    "AsyncAnswerStream",
    "AsyncHost",
    "AuditRecord",
    "CallRecord",
    "HookFailure",
    "HookMeter",
    "Host",
    "Item",
    "Lifecycle",
    "LogLine",
    "Meter",
    "PluginState",
    "Progress",
    "Refreshed",
    "Span",
    "StageChange",
    "to_data",
    "tracing",
]
