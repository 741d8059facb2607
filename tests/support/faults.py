"""Kill a process at its N-th write, or have the disk refuse it: by the kernel itself.

`run` forks a child that puts itself under a seccomp filter: each system call that
writes, makes, renames, removes or syncs anything stops until the parent has answered
(seccomp_unotify(2)). So every one is a point of failure, those in C code too, and
nothing of the code under test is replaced.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from lockgate_sandbox.bpf.compile import Filter, Rule, compile_filter
from lockgate_sandbox.linux import _syscalls, seccomp
from lockgate_sandbox.linux._libc import AUDIT_ARCH
from lockgate_sandbox.policies import TABLES, parse

__all__ = ["KILL", "Ended", "call_number", "points", "run"]

KILL = -1
"""The fault that is a SIGKILL; any other is an errno."""

# include/uapi/linux/seccomp.h, as in `lockgate_sandbox._seal.counter`.
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_REQUEST = struct.Struct("=QIIi")
_ANSWER = struct.Struct("=QqiI")
_GO_ON = 1
_SAID_BYTES = 64 * 1024

_POLICY = """{"schema": 1, "entries": [
  {"calls": ["openat"], "when": [{"arg": 2, "op": "any-bits", "value": "0x40",
   "width": 32}], "action": "NOTIFY", "reason": "O_CREAT makes a file."},
  {"calls": ["open"], "when": [{"arg": 1, "op": "any-bits", "value": "0x40",
   "width": 32}], "action": "NOTIFY", "reason": "O_CREAT makes a file."},
  {"calls": ["write", "writev", "pwrite64", "copy_file_range", "sendfile", "ftruncate",
   "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir",
   "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fsync",
   "fdatasync", "sync", "syncfs", "flock"],
   "action": "NOTIFY", "reason": "Changes something, or waits until it is changed."}
]}"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: at how many points it stopped, and what came of it.

    `status` is its exit status (0: the work is done, 1: it raised `refusal`, 2: it
    raised something else), or minus the signal that ended it. `calls` are the calls'
    numbers.
    """

    status: int
    calls: tuple[int, ...]
    said: str


@cache
def _program() -> bytes:
    machine = os.uname().machine
    rules: dict[int, list[Rule]] = {}
    for entry in parse(_POLICY, "faults"):
        for call in entry.calls:
            if call in TABLES[machine]:
                number = TABLES[machine][call]
                rules.setdefault(number, []).append(
                    Rule(entry.action, entry.conditions)
                )
    return compile_filter(Filter(AUDIT_ARCH[machine], _syscalls.NEWEST, rules)).code


def points(work: Callable[[], object], refusal: type[Exception]) -> Iterator[int]:
    """The number of each point at which `work` may fail, beginning with 1.

    It is run once, to count them.
    """
    ended = run(work, refusal)
    assert ended.status == 0, ended.said
    yield from range(1, len(ended.calls) + 1)


def run(
    work: Callable[[], object],
    refusal: type[Exception],
    *,
    at: int = 0,
    fault: int = KILL,
    lasting: bool = False,
) -> Ended:
    """Run `work` in a child that fails at its point `at` (0: nowhere).

    With `lasting` every later point fails too, as on a disk that stays full; calls
    that free room go on.
    """
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        here.close()
        _child(work, refusal, there)
    there.close()
    with here:
        _, descriptors, _, _ = socket.recv_fds(here, 1, 1)
        try:
            calls = _serve(descriptors[0], child, at, fault, lasting=lasting)
            _, status = os.waitpid(child, 0)
        finally:
            os.close(descriptors[0])
        said = here.recv(_SAID_BYTES).decode()
    return Ended(os.waitstatus_to_exitcode(status), tuple(calls), said)


def _child(
    work: Callable[[], object], refusal: type[Exception], there: socket.socket
) -> None:
    status, said = 2, ""
    try:
        listener = seccomp.listen(_program())
        socket.send_fds(there, [b"x"], [listener])
        os.close(listener)
        work()
        status = 0
    except refusal as error:
        status, said = 1, f"{type(error).__name__}: {error}"
    except BaseException:
        said = traceback.format_exc()
    finally:
        there.send(said.encode()[-_SAID_BYTES:])  # no `write`, so no point
        os._exit(status)


def _serve(
    listener: int, child: int, at: int, fault: int, *, lasting: bool
) -> list[int]:
    calls: list[int] = []
    waiting = os.pidfd_open(child)
    freeing = {call_number(name) for name in ("unlink", "unlinkat", "rmdir", "flock")}
    try:
        while True:
            ready, _, _ = select.select([listener, waiting], [], [], 60)
            assert ready, "the child hangs"
            if waiting in ready:  # it has ended; the listener then is readable for ever
                return calls
            request = bytearray(80)
            try:
                fcntl.ioctl(listener, _RECEIVE, request)
            except OSError as error:
                if error.errno == errno.ENOENT:  # it is gone
                    continue
                raise
            number, _, _, call = _REQUEST.unpack_from(request)
            calls.append(call)
            hit = len(calls) == at or (lasting and at and len(calls) > at)
            if hit and fault == KILL:
                os.kill(child, signal.SIGKILL)
                return calls
            refused = fault if hit and not (lasting and call in freeing) else 0
            answer = _ANSWER.pack(number, 0, -refused, 0 if refused else _GO_ON)
            try:
                fcntl.ioctl(listener, _SEND, array.array("B", answer))
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
    finally:
        os.close(waiting)


def call_number(name: str) -> int:
    """The number of a system call on this machine; -1 if it has none."""
    return TABLES[os.uname().machine].get(name, -1)
