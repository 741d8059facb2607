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

from lockgate._answers import Answer, Answers, HookFailure
from lockgate._async_streams import AsyncAnswerStream
from lockgate._audit import AuditRecord, LogLine, Progress
from lockgate._codec import to_data
from lockgate._host import Host
from lockgate._journal import CallRecord
from lockgate._lifecycle import Lifecycle, StageChange
from lockgate._meter import HookMeter, Meter
from lockgate._roster import Refreshed
from lockgate._streams import AnswerStream, Item
from lockgate._trace import Span, tracing
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
