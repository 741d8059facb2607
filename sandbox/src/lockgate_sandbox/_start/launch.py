"""Starting a keeper: what the host hands down and, above all, what it does not."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import msgspec

from lockgate_sandbox import _platform
from lockgate_sandbox._line import copies
from lockgate_sandbox.errors import StartError

__all__ = ["channel_pair", "launch"]

_KEEPER = Path(__file__).resolve().parents[1] / "_zygote" / "keeper.py"
_ENVIRONMENT = {
    "HOME": "/",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
}
"""The whole environment of keeper and zygote, and so what ``/proc`` could show.

That of most workers, which then have nothing to change.
"""

_DEBUG = "LOCKGATE_SANDBOX_DEBUG"
"""Set to anything, keeper and zygote write to the host's standard error."""

_QUICK = struct.pack("ll", 0, 2_000)
"""struct timeval: how long a call just waits before it begins to look around."""


def _interpreter() -> str:
    # A program that embeds Python may call itself sys.executable.
    for candidate in (sys.executable, getattr(sys, "_base_executable", "")):
        if candidate and "python" in Path(candidate).name.lower():
            return candidate
    msg = f"no Python interpreter is known, sys.executable is {sys.executable!r}"
    raise StartError("keeper", msg, hint="set sys.executable to a Python interpreter")


def launch(
    base: str, *, namespaces: bool, pids: bool
) -> tuple[socket.socket, socket.socket]:
    """Start a keeper that removes the folder `base` at its end.

    `namespaces`: its zygote enters some of its own, with `pids` one of process ids
    too.

    Gives the leash, which keeps it alive and by which it says whom it killed, and the
    control socket of the zygote.

    Raises:
        StartError: If it can't be started.
    """
    _platform.require()
    leash, leash_end = copies.pair(socket.SOCK_SEQPACKET)
    control, control_end = copies.pair(socket.SOCK_SEQPACKET)
    codec = str(Path(msgspec.__file__).resolve().parent)
    ends = (leash_end.fileno(), control_end.fileno())
    start = [_interpreter(), "-I", "-S", "-B", str(_KEEPER)]
    argv = [*start, *map(str, ends), base, codec]
    argv.append("0" if not namespaces else "2" if pids else "1")
    try:
        # The first half of the keeper exits as soon as the second one runs, so
        # that no child of the embedding program outlives this call.
        status = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if _DEBUG in os.environ else subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            pass_fds=ends,
            start_new_session=True,
            check=False,
        ).returncode
    except OSError as error:
        leash.close()
        control.close()
        raise StartError("keeper", f"{argv[0]}: {error.strerror}") from error
    finally:
        leash_end.close()
        control_end.close()
    if status:
        leash.close()
        control.close()
        hint = f"set {_DEBUG}=1 to see why"
        raise StartError("keeper", f"it ended with status {status}", hint=hint)
    return leash, control


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """A worker's socket pair: (the host's end with its timeouts, the worker's)."""
    mine, theirs = copies.pair(socket.SOCK_SEQPACKET)
    # The kernel waits, so that a quick call needs no poll(2).
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _QUICK)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _QUICK)
    return mine, theirs
