"""The same jobs as a sealed child's, but in workers of a real `Sandbox`.

Imported by the process of `layers_cell`, which is their host: keeper, zygote,
warden and worker are those of the product, by whatever user the cell is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from lockgate_sandbox._seal import plan
from lockgate_sandbox._start import nursery
from lockgate_sandbox.broker import Broker
from lockgate_sandbox.errors import (
    LayerMissingError,
    LimitError,
    SandboxError,
    WorkerDiedError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.sandbox import Sandbox
from lockgate_sandbox.worker import Worker

__all__ = ["Workers"]

_LINGER_SECONDS = 5.0
"""How long a worker may go on that holds too much: looks come every 0.25 s."""


class Workers:
    """A sandbox for each choice of layers that was asked for, until `close`."""

    def __init__(
        self, host: dict[str, Any], folder: str, restore: Callable[[], None]
    ) -> None:
        self._host = host
        self._restore = restore
        self._folder = folder
        self._stack = ExitStack()
        self._open: dict[str, Sandbox] = {}

    def close(self) -> None:
        """End them all."""
        self._stack.close()

    def answer(self, job: dict[str, Any]) -> dict[str, Any]:
        """Start a worker as `job` says, have it run the code, tell how it went."""
        policy = Policy.from_dict(job["policy"])
        with ExitStack() as stack:
            if "abi" in job:
                stack.enter_context(_older(job["abi"]))
            broker = None
            if policy.brokered:
                broker = stack.enter_context(Broker(policy))
            return self._answer(job, policy, broker)

    def _answer(
        self, job: dict[str, Any], policy: Policy, broker: Broker | None
    ) -> dict[str, Any]:
        try:
            worker = self._sandbox(job["modes"], job.get("abi")).worker(
                policy,
                target="layers_target:build",
                path=[self._folder],
                arguments={"host": self._host},
                preload=job.get("preload", ()),
                broker=broker,
            )
        except LayerMissingError as error:
            return {"layer_error": {"layer": error.layer, "detail": error.detail}}
        with worker:
            report: dict[str, Any] = {"posture": worker.posture.to_dict()}
            if "codes" not in job:
                report |= _told(worker, job["code"])
                if job.get("linger") and "result" in report:
                    report |= _lingers(worker)
                return report
            attempts = report["attempts"] = {}
            for number, code in enumerate(job["codes"]):
                self._restore()
                told = _told(worker, code)
                if "result" not in told and not worker.alive:
                    break  # this one and those behind it get a worker each
                attempts[str(number)] = told
            return report

    def _sandbox(self, modes: dict[str, Any], abi: int | None) -> Sandbox:
        key = json.dumps([modes, abi], sort_keys=True)
        if key not in self._open:
            opened = Sandbox.open(layers=modes)
            self._open[key] = self._stack.enter_context(opened)
        return self._open[key]


@contextmanager
def _older(abi: int) -> Generator[None]:
    """Have the machine's Landlock look as if it were of `abi`."""
    found = replace(plan.probe(), landlock_abi=abi)
    with ExitStack() as stack:
        for module in (plan, nursery):
            stack.enter_context(patch.object(module, "probe", lambda: found))
        yield


def _told(worker: Worker, code: str) -> dict[str, Any]:
    """How one attempt ended: what the worker says of it, or what ended the worker."""
    try:
        told = worker.call(code).value
    except WorkerDiedError as error:
        ended = {"status": error.status, "signal": error.signal}
        return {name: value for name, value in ended.items() if value is not None}
    except LimitError as error:
        return {"limit": error.code}
    except SandboxError as error:
        return {"error": type(error).__name__, "trace": str(error)}
    assert isinstance(told, dict)
    return told


def _lingers(worker: Worker) -> dict[str, Any]:
    """The limit that ends a worker which leaves things as they are, if one does."""
    end = time.monotonic() + _LINGER_SECONDS
    while worker.alive and time.monotonic() < end:
        time.sleep(0.05)
    return {} if worker.alive else _told(worker, "result = True")
