"""A virtual board as an open device: its serial port can be read and written.

The firmware must not run in this process, which may have a real device open.
So nothing runs between two calls: a session is the list of what was sent when,
and each call plays it from reset in a worker of its own. Virtual time makes
that exact, and fast enough for talking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockgate.values import Reason, Tree
from lockgate_devices._foreign import as_mapping
from lockgate_devices.simulation import (
    BENCH,
    ContractError,
    PythonBroker,
    bench_tree,
    checked,
    source_of,
)

__all__ = ["SessionEnded", "VirtualSession"]

_TIME_LIMIT_US = 600_000_000
_WRITES_LIMIT = 10_000
_READ_LIMIT_BYTES = 1 << 20
_CPU_SECONDS = 10.0


class SessionEnded(Exception):  # noqa: N818 - a state of the session
    """The board runs no more, or the session is over its limits."""


class VirtualSession:
    """Firmware on the virtual board, as it is after all that was sent to it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take `tree` (path -> text) and `contract` from the options of open.

        Raises:
            ContractError: If one of them is missing or wrong.
        """
        self._contract = checked(_mapping(options, "contract"))
        tree = _tree(_mapping(options, "tree"))
        source = source_of(tree, self._contract, "micropython")
        if source is None:
            reason = Reason(
                "artifact-missing",
                "options.contract.artifacts.micropython",
                "the contract names no MicroPython firmware",
            )
            raise ContractError((reason,))
        self._path, self._firmware = source
        self._bench = bench_tree()
        self._writes: list[dict[str, int | bytes]] = []
        self._now_us = 0
        self._taken = 0

    def write(self, data: bytes) -> int:
        """Put `data` on the board's wire, now.

        Raises:
            SessionEnded: If it took as many writes as it takes.
        """
        if len(self._writes) >= _WRITES_LIMIT:
            message = f"a session takes {_WRITES_LIMIT} writes; close and open again"
            raise SessionEnded(message)
        self._writes.append({"at_us": self._now_us, "data": bytes(data)})
        return len(data)

    def read(self, size: int, timeout: float, broker: PythonBroker) -> bytes:
        """Let `timeout` virtual seconds pass, or less if bytes come sooner.

        Raises:
            SessionEnded: If its time is over, or the firmware has ended.
        """
        until = self._now_us + int(max(timeout, 0.0) * 1_000_000)
        if until > _TIME_LIMIT_US:
            message = "a session lasts ten minutes of the board's time"
            raise SessionEnded(message)
        run = broker.run_python(
            self._bench,
            f"{BENCH}.entry:replay_virtual",
            {
                "firmware": self._firmware,
                "path": self._path,
                "contract": self._contract,
                "writes": list(self._writes),
                "taken": self._taken,
                "size": max(0, min(size, _READ_LIMIT_BYTES)),
                "until_us": until,
                "cpu_seconds": _CPU_SECONDS,
            },
            cpu_seconds=_CPU_SECONDS,
        )
        if run.error:
            raise SessionEnded(f"{run.error}: {run.message}"[:300])
        return self._accept(run.value, until)

    def _accept(self, value: Any, until: int) -> bytes:
        """Take over what the worker says; it is foreign data."""
        try:
            data, now, stopped = value["data"], value["now_us"], value["stopped"]
            sound = isinstance(data, bytes) and self._now_us <= now <= until + 1_000_000
        except (TypeError, KeyError):
            sound, data, now, stopped = False, b"", 0, ""
        if not sound:
            message = "answer-invalid: the worker did not answer in the agreed form"
            raise SessionEnded(message)
        if stopped and not data:
            raise SessionEnded(str(stopped)[:300])
        self._now_us = now
        self._taken += len(data)
        return bytes(data)


def _tree(files: Mapping[str, Any]) -> Tree:
    try:
        for path, text in files.items():
            if not isinstance(text, (str, bytes)):
                message = f"{path!r:.80} must be text"
                raise ValueError(message)
        return Tree.of(files)
    except ValueError as error:
        reason = Reason("tree-invalid", "options.tree", str(error)[:200])
        raise ContractError((reason,)) from error


def _mapping(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = as_mapping(options.get(name))
    if value is None:
        reason = Reason(
            "option-missing",
            f"options.{name}",
            "is needed to open the virtual board",
            "tree maps paths to texts; contract is the generation's",
        )
        raise ContractError((reason,))
    return value
