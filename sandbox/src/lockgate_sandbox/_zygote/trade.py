"""What a child of the zygote does, and what the zygote practises for all of them."""

from __future__ import annotations

import _socket
import os
import resource

from msgspec import msgpack

from lockgate_sandbox._seal.sealplan import SealPlan
from lockgate_sandbox._zygote import child, rehearsal
from lockgate_sandbox._zygote.warden import watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["practise", "work"]


_decode = msgpack.Decoder().decode


def work(tree: bool, fds: tuple[int, ...], early: bool) -> NoReturn:
    """Become a worker, or with `tree` the warden of one; `early`: not in a hurry.

    `fds` are the channel, the life socket, three of stdio, the memory file with the
    child's settings, and perhaps a ruleset.
    """
    channel, life, *stdio = fds[:5]
    settings: dict[str, Any] = _decode(os.pread(fds[5], os.fstat(fds[5]).st_size, 0))
    plan = SealPlan.from_data(settings["plan"])
    ruleset = fds[6] if len(fds) > 6 else -1

    def become(warden: int = -1) -> NoReturn:
        child.run(
            plan,
            settings,
            channel,
            stdio,
            ruleset=ruleset,
            warden=warden,
            early=early,
        )

    if tree:
        if plan.tree_bytes:  # for the keeper to see
            resource.setrlimit(resource.RLIMIT_DATA, (plan.tree_bytes, plan.tree_bytes))
        watch(become, channel, _socket.socket(fileno=life), stdio)
    become()


def practise() -> None:
    """Practise a start; changes nothing that could be seen."""
    rehearsal.practise(child.CHANNEL)
