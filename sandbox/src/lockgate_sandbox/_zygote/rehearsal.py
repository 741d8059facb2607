"""What a child practises while it waits for its job.

Forking copies no memory; a page is copied when it is first written to, and that
takes longer than what is written. A child that has time goes through the motions
of a start, so that the pages that one needs are its own already.
"""

from __future__ import annotations

import _socket
import sys

from lockgate_sandbox._inside.serve_direct import answer_plain
from lockgate_sandbox._inside.session import Session
from lockgate_sandbox._inside.stage import UNKNOWN, Stage
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox._wire.wire import Channel
from lockgate_sandbox._zygote.importing import Ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lockgate_sandbox._wire.guest_end import GuestChannel

__all__ = ["look_into", "practise", "rehearse"]

_PIECE = "def build(session):\n    return lambda method, arguments: arguments\n"
_MODULE = "colorsys"
"""A small module of the standard library that imports nothing."""

_CALL, _CANCEL, _REPLY = int(Kind.CALL), int(Kind.CANCEL), int(Kind.REPLY)
_ID = b"rehearse"
_LIMIT_BYTES = 1 << 20
_TIMES = 12
"""After eight runs CPython 3.11 adapts bytecode, which its children then need not."""


def practise(channel: GuestChannel, stage: Stage | None = None) -> None:
    """Do beforehand what each child of this process would have to do for itself.

    Changes nothing that could be seen.
    """
    # What it forgets now no child has to forget, one name after the other.
    forget = getattr(sys, "_clear_type_cache", None)
    if forget is not None:
        forget()
    for _ in range(_TIMES):
        rehearse(channel, lambda: False, stage)


def rehearse(
    channel: GuestChannel, wanted: Callable[[], bool], stage: Stage | None = None
) -> None:
    """Touch what a start will touch, until it is `wanted`.

    Changes nothing that could be seen. With a `stage` what answers the calls of a
    target practises too.
    """
    parts = (_compile, _import, lambda: _answer(channel, stage))
    for part in parts:
        if wanted():
            return
        try:
            part()
        except OSError:  # no descriptor is left: the start itself will tell
            return


def _compile() -> None:
    space: dict[str, object] = {}
    exec(compile(_PIECE, "<rehearsal>", "exec"), space)  # noqa: S102


def _import() -> None:
    if _MODULE not in sys.modules:
        Ahead().load(_MODULE)
        del sys.modules[_MODULE]


def _answer(channel: GuestChannel, stage: Stage | None) -> None:
    mine, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    own, channel.socket = channel.socket, mine
    try:
        _converse(Channel(theirs, _LIMIT_BYTES), channel, stage)
    finally:
        channel.socket = own
        mine.close()
        theirs.close()


def _converse(host: Channel, channel: GuestChannel, stage: Stage | None) -> None:
    """Answer a few calls that this process itself asks."""
    session = stage.session if stage else Session(channel, UNKNOWN)
    for size in (20, 5):
        host.send([_CALL, _ID, "method", {"text": ["x" * 20] * size}])
        if stage is not None:
            host.send([_CALL, _ID, "method", {}])
            host.send([_CANCEL, _ID])
            stage.server.begin(lambda _, arguments: arguments)
            answer_plain(stage.server)
        else:
            session.begin(channel.receive()[1])
            session.finish([_REPLY, _ID, None])


def look_into(path: list[str]) -> None:
    """List the import folders, so that an import need not. Only under the seal."""
    for folder in path:
        finder = sys.path_importer_cache.get(folder) or _new_finder(folder)
        if finder is not None:
            finder.find_spec("lockgate_rehearsal")


def _new_finder(folder: str) -> Any:
    for hook in sys.path_hooks:
        try:
            finder = hook(folder)
        except ImportError:
            continue
        sys.path_importer_cache[folder] = finder
        return finder
    return None
