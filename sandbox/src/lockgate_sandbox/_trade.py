"""What a child of the zygote does, and what it practises while it waits."""

from __future__ import annotations

import _socket
import resource

from lockgate_sandbox import _child, _rehearsal, _shelf, _warden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lockgate_sandbox._shelf import Prepared

__all__ = ["rehearse", "work"]


def work(
    tree: bool, fds: tuple[int, ...], known: Prepared | None, early: bool
) -> NoReturn:
    """Become a worker, or with `tree` the warden of one; `early`: not in a hurry.

    `fds` are the channel, the life socket, three of stdio, the file with what the
    child needs, read unless it is `known`, and perhaps a ruleset.
    """
    channel, life, *stdio = fds[:5]
    plan, settings = (known.plan, known.settings) if known else _shelf.read(fds[5])
    ruleset = fds[6] if len(fds) > 6 else -1

    def become(warden: int = -1) -> NoReturn:
        _child.run(
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
        _warden.watch(become, channel, _socket.socket(fileno=life), stdio)
    become()


def rehearse() -> None:
    """Practise a start; changes nothing that could be seen."""
    _rehearsal.rehearse(_child.CHANNEL)
