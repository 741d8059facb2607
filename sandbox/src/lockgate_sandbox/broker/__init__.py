"""What a worker may not do itself, done for it by the host, checked and on record.

::

    policy = Policy.for_tier("elevated", hosts=["https://api.example.com/v1/"])
    with Sandbox.open() as sandbox, Broker(policy, audit=print) as broker:
        worker = sandbox.worker(policy, target="plugin:build", broker=broker)

One module per resource; all of them ask `gate` first. Nothing of this is imported
by a zygote or a worker.
"""

from __future__ import annotations

from lockgate_sandbox.broker._audit import AuditLog, AuditRecord, denials_into
from lockgate_sandbox.broker._broker import Broker
from lockgate_sandbox.broker._devices import Claims
from lockgate_sandbox.broker._refusal import RefusedError, RevokedError
from lockgate_sandbox.broker._tools import Runner

__all__ = [
    "AuditLog",
    "AuditRecord",
    "Broker",
    "Claims",
    "RefusedError",
    "RevokedError",
    "Runner",
    "denials_into",
]
