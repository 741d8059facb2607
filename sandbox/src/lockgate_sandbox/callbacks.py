"""What a host offers to its workers: callbacks by name, and what they may answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from lockgate_sandbox.errors import Data

__all__ = ["Callbacks", "Passed"]

Callbacks: TypeAlias = Mapping[str, Callable[[dict[str, Data]], object]]
"""What a worker may ask of the host, by name."""

_PASSED_LIMIT = 16
"""Descriptors in one answer; the kernel's own limit is 253 (SCM_MAX_FD)."""


class Passed:
    """A callback's answer that comes with open file descriptors.

    The worker gets them from ``session.call_host_fds``. This object owns them:
    they are closed here once they are sent, or could not be.

    Raises:
        ValueError: If there are none, or more than 16.
    """

    __slots__ = ("fds", "value")

    def __init__(self, value: Data, fds: Sequence[int]) -> None:
        if not 0 < len(fds) <= _PASSED_LIMIT:
            msg = (
                f"between 1 and {_PASSED_LIMIT} descriptors are passed, not {len(fds)}"
            )
            raise ValueError(msg)
        self.value = value
        self.fds = list(fds)

    def close(self) -> None:
        """Close the descriptors. May be repeated."""
        while self.fds:
            os.close(self.fds.pop())
