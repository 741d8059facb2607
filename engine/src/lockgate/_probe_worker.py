"""What a worker runs that is only started to see how it is sealed.

``lockgate doctor`` learns a tier's posture from a real worker of that tier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lockgate.values import Data

__all__ = ["TARGET", "start"]

TARGET = "lockgate._probe_worker:start"


def start(session: object) -> Callable[[str, Mapping[str, Data]], Data]:
    """Begin; the worker answers every call with None."""
    del session
    return _answer


def _answer(method: str, arguments: Mapping[str, Data]) -> Data:
    del method, arguments
    return None
