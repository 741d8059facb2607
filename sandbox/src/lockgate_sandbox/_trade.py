"""What a child of the zygote does, and what it practises while it waits.

Forking copies no memory; a page is copied when it is first written to, and that
takes longer than what is written. A spare child has time: it goes through the
motions of a start, so that the pages that one needs are its own already.
"""

from __future__ import annotations

import _socket
import os
import sys
from importlib.machinery import PathFinder

from lockgate_sandbox import _child, _warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["rehearse", "work"]

_PIECE = "def build(session):\n    return lambda method, arguments: arguments\n"


def work(tree: bool, channel: int, life: int, stdio: list[int]) -> NoReturn:
    """Become a worker, or with `tree` the warden of one."""
    if tree:
        _warden.watch(_child.run, channel, _socket.socket(fileno=life), stdio)
    _child.run(channel, stdio)


def rehearse() -> None:
    """Touch what a start will touch; changes nothing that could be seen."""
    space: dict[str, object] = {}
    exec(compile(_PIECE, "<rehearsal>", "exec"), space)  # noqa: S102
    PathFinder.find_spec("lockgate_rehearsal", [*sys.path, "/"])
    os.environ["LC_ALL"] = os.environ.get("LC_ALL", "C.UTF-8")
    _child.rehearse()
