"""The host's hold on one child: its sockets, its pids, its end.

`Process` knows nothing of calls; it starts, waits, kills and tells how the child
ended. One thread uses it at a time, but for `kill`, which any thread may call.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate_sandbox._line import copies
from lockgate_sandbox._line.ground import SettingsFile
from lockgate_sandbox._watch import tree
from lockgate_sandbox._watch.deaths import likely
from lockgate_sandbox._watch.limits import reached
from lockgate_sandbox._watch.suspicion import suspicion
from lockgate_sandbox._wire.life import COUNTED, EXIT, FAILED, RUNS
from lockgate_sandbox.errors import (
    ClosedError,
    CpuLimitError,
    MemoryLimitError,
    SandboxError,
    StartError,
    WorkerDiedError,
)
from lockgate_sandbox.tiers import Limits

if TYPE_CHECKING:
    from lockgate_sandbox._line.verdicts import Verdicts
    from lockgate_sandbox.errors import SandboxError

__all__ = [
    "AT_ONCE",
    "Exit",
    "Process",
    "cause",
    "pids_of",
    "receive_fds",
    "spawn",
    "wait_readable",
    "was_full",
]

_START_SECONDS = 30.0
"""How long a zygote may take to fork: it may be starting up on a busy machine."""

_REAP_SECONDS = 5.0
"""How long to wait for the word that a killed tree is dead and reaped."""


_PIDFD_GET_INFO = 0xC040FF0B
"""``_IOWR(0xFF, 11, struct pidfd_info)``, include/uapi/linux/pidfd.h."""

_NOBODY = 1 << 22
"""The pid of who is gone: PID_MAX_LIMIT, which no process has. To the kernel's calls
-1 and 0 are other processes, the caller among them.
"""

_INFO_BYTES = 64  # PIDFD_INFO_SIZE_VER0
_INFO_PIDS = struct.Struct("3I")
_INFO_PIDS_AT = 16

# As plain ints: to combine flags of an enumeration takes longer than what they are for.
_CLOSE_ON_EXEC = int(socket.MSG_CMSG_CLOEXEC)
AT_ONCE = int(socket.MSG_DONTWAIT)
"""For `receive_fds`: raise `BlockingIOError` rather than wait."""


_DYING_SECONDS = 0.05
"""How long a process may take from closing its channel to being dead."""

_ENDING_SECONDS = 2.0
"""How long it may take if it is seen to be ending."""

_NEAR = 0.95
"""A process killed with this part of its memory limit in use was killed for it."""

_SOFTWARE = 70
"""EX_SOFTWARE (sysexits.h): what our own code in a child ends with when it fails."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended; `cpu_seconds` and `peak_kib` are of its whole tree.

    `refused` are the limits, as `Limits` names them, that its warden refused
    something for.
    """

    status: int | None
    signal: int | None
    cpu_seconds: float = 0.0
    peak_kib: int = 0
    refused: frozenset[str] = frozenset()


class Process:
    """A child of the zygote, or of a warden of its own, that was asked for.

    Before `wait_started` has returned nothing of it is known. Then `pid` is the
    child's, `root` the pid whose descendants (and itself) are the whole tree: the
    warden's where there is one. `reap_seconds` is how long to wait for the word that
    it is dead and reaped.
    """

    pid = root = -1
    has_warden = False

    def __init__(
        self, life: socket.socket, reap_seconds: float = _REAP_SECONDS
    ) -> None:
        self._reap_seconds = reap_seconds
        self._asked = time.monotonic()
        self._life = life
        self._pidfds: list[int] = []
        self._exit: Exit | None = None
        # A number that is closed may soon name another worker's pidfd.
        self._lock = threading.Lock()

    def wait_started(self) -> None:
        """Wait until the child runs.

        Raises:
            StartError: If it could not be forked; the life socket is closed then.
        """
        life = self._life
        try:
            try:  # it was most often forked ahead
                data, fds = receive_fds(life, 2, AT_ONCE)
            except BlockingIOError:
                if not wait_readable(life.fileno(), _START_SECONDS):
                    msg = f"no answer from the zygote within {_START_SECONDS:g} s"
                    raise StartError("zygote", msg) from None
                data, fds = receive_fds(life, 2)
            if data.startswith(RUNS) and fds:
                self._meet(fds)
                return
            for fd in fds:
                os.close(fd)
            if data.startswith(FAILED):
                raise StartError("fork", data[1:].decode(errors="replace"))
            raise StartError("zygote", "it ended before the worker was forked")
        except BaseException:
            life.close()
            raise

    def _meet(self, pidfds: list[int]) -> None:
        """Hold it by these: its own, and that of its warden if there is one."""
        self._pidfds = pidfds
        self.pid = _pid_of(pidfds[0])
        self.has_warden = len(pidfds) > 1
        self.root = _pid_of(pidfds[-1]) if self.has_warden else self.pid

    def life_fd(self) -> int:
        """The descriptor that becomes readable when the child has ended."""
        return self._life.fileno()

    def kill(self) -> None:
        """Kill the child at once and its tree right after. Does not wait."""
        with self._lock, suppress(OSError):
            if self._pidfds:
                # The direct way first; it fails where only the zygote may.
                with suppress(OSError):
                    signal.pidfd_send_signal(self._pidfds[0], signal.SIGKILL)
                self._life.shutdown(socket.SHUT_WR)
                if self.has_warden:  # which its worker may have stopped
                    signal.pidfd_send_signal(self._pidfds[-1], signal.SIGCONT)

    def disown(self) -> None:
        """Let go of it, alive as it is: this is a forked copy of the host."""
        self._lock = threading.Lock()
        self._exit = Exit(None, None)
        self._life.close()
        while self._pidfds:
            os.close(self._pidfds.pop())

    def ended(self) -> bool:
        """Whether the child is dead, without waiting."""
        return (
            self._exit is not None
            or not self._pidfds
            or wait_readable(self._pidfds[0], 0)
        )

    def wait_dead(self, seconds: float) -> bool:
        """Whether the child is dead within `seconds`; it may not be reaped yet."""
        return bool(self._exit or wait_readable(self._pidfds[0], seconds))

    def wait_dying(self) -> bool:
        """Whether the child, which has closed its channel, is dead.

        What the kernel does for a process that ends takes its time on a busy machine.
        """
        deadline = time.monotonic() + _ENDING_SECONDS
        while not self.wait_dead(_DYING_SECONDS):
            if not tree.is_ending(self.pid) or time.monotonic() > deadline:
                return self.wait_dead(0)
        return True

    def wait(self) -> Exit:
        """How the child ended; all unknown if no word comes in time."""
        deadline = time.monotonic() + self._reap_seconds
        while self._exit is None:
            left = deadline - time.monotonic()
            if left < 0 or not wait_readable(self._life.fileno(), left):
                return Exit(None, None)
            data = self._life.recv(256)
            if not data:  # the zygote itself is gone
                self._exit = Exit(None, None)
            elif len(data) == EXIT.size:
                self._exit = _exit(*EXIT.unpack(data)[1:])
        return self._exit

    def killed_for(self, verdicts: Verdicts, limits: Limits) -> SandboxError | None:
        """The limit that the keeper killed it for, if it did."""
        return verdicts.on({self.pid, self.root}, limits, since=self._asked)

    def close(self) -> Exit:
        """Kill what lives, wait until it is reaped, release every descriptor."""
        self.kill()
        ended = self.wait()
        with self._lock:
            if self._exit is None and self.has_warden and self._pidfds:
                # It does not do its work; then the keeper does, when it is gone.
                with suppress(OSError):
                    signal.pidfd_send_signal(self._pidfds[-1], signal.SIGKILL)
            self._life.close()
            while self._pidfds:
                os.close(self._pidfds.pop())
        return ended


def _exit(status: int, cpu: float, peak: int, bits: int) -> Exit:
    refused = frozenset(n for i, n in enumerate(COUNTED) if bits >> i & 1)
    if os.WIFSIGNALED(status):
        return Exit(None, os.WTERMSIG(status), cpu, peak, refused)
    # Of any other status nothing is known; a zygote with foreign code may say one.
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    return Exit(code, None, cpu, peak, refused)


def cause(
    ended: Exit,
    limits: Limits,
    memory_kills: int = 0,
    killed_for: SandboxError | None = None,
    said: str = "",
) -> SandboxError:
    """What killed a child that we did not kill: a limit of the kernel's, or not.

    `memory_kills` is how often the kernel killed for the control group's memory,
    `killed_for` what the keeper says that it killed for, `said` what it printed last.
    """
    number = ended.signal
    if killed_for is not None and number in (None, signal.SIGKILL):
        return killed_for
    if number == signal.SIGXCPU:
        # The kernel counts by ticks here and exactly in what it reports.
        used = max(limits.cpu_seconds, ended.cpu_seconds)
        return CpuLimitError(limits.cpu_seconds, used, "s")
    if number == signal.SIGXFSZ:
        return reached("file_bytes", limits)
    if number == signal.SIGKILL:
        # Behind the soft CPU limit comes SIGKILL; the kernel's own memory killer
        # and a memory cgroup use it too.
        if ended.cpu_seconds >= limits.cpu_seconds:
            return CpuLimitError(limits.cpu_seconds, ended.cpu_seconds, "s")
        if memory_kills:
            return MemoryLimitError(limits.memory_bytes, limits.memory_bytes, "bytes")
        if was_full(ended, limits):
            peak = ended.peak_kib * 1024
            return MemoryLimitError(limits.memory_bytes, peak, "bytes")
        if "disk_bytes" in ended.refused:  # a warden looks when nobody else does
            return reached("disk_bytes", limits)
    if ended.status == _SOFTWARE and was_full(ended, limits):
        # It had not even the memory to say that it has none.
        return reached("memory_bytes", limits, claimed=True)
    suspects, hint = suspicion(said if ended.status != 0 else "", limits)
    if number == signal.SIGSYS:
        suspects, hint = (), ""
    hint = hint or likely(ended.status, number)
    died = WorkerDiedError(ended.status, number, hint=hint)
    died.suspects = suspects
    return died


def was_full(ended: Exit, limits: Limits) -> bool:
    """Whether its memory was used up at some time, or nearly."""
    return ended.peak_kib * 1024 >= limits.memory_bytes * _NEAR


def wait_readable(fd: int, seconds: float) -> bool:
    """Whether `fd` has something to read, or its end, within `seconds`."""
    # Not select(2): an embedding program may have more than 1,024 descriptors.
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _pid_of(pidfd: int) -> int:
    """The pid in our own namespace, wherever the child lives."""
    pid = pids_of(pidfd)[0]
    if pid:
        return pid
    fd = os.open(f"/proc/self/fdinfo/{pidfd}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        after = os.read(fd, 1024).partition(b"\nPid:")[2]
    finally:
        os.close(fd)
    pid = int(after.split(None, 1)[0]) if after else 0
    return pid if pid > 0 else _NOBODY  # -1: it is dead and reaped


def pids_of(pidfd: int) -> tuple[int, int]:
    """The pids of a process and of its parent in our own namespace, by one question.

    0 where the kernel does not say: before Linux 6.13, or if it is dead and reaped.
    """
    info = bytearray(_INFO_BYTES)
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info)
    except OSError:
        return 0, 0
    pid, _, parent = _INFO_PIDS.unpack_from(info, _INFO_PIDS_AT)
    return pid, parent


def spawn(
    control: socket.socket,
    channel: socket.socket,
    stdio: list[int],
    file: SettingsFile,
    *,
    tree: bool,
    later: bool = False,
) -> socket.socket:
    """Ask the zygote for a child; gives the host's end of its life socket.

    `channel`, `stdio` and `file` stay the caller's.
    With `later` it is forked when nothing else is to do. Any number of threads may ask.

    Raises:
        ClosedError: If the keeper and the zygote are gone.
        StartError: If too many descriptors are under way.
    """
    mine, theirs = copies.pair(socket.SOCK_SEQPACKET)
    fds = [channel.fileno(), theirs.fileno(), *stdio, *file.descriptors()]
    packed = struct.pack(f"{len(fds)}i", *fds)
    kind = b"T" if tree else b"W"
    request = kind.lower() if later else kind
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)]
    try:
        control.sendmsg([request], ancillary, socket.MSG_NOSIGNAL)
    except OSError as error:
        mine.close()
        if error.errno == errno.ETOOMANYREFS:
            # The worker of the same user that holds them has a limit as high as ours.
            hint = (
                "let this process open more files (ulimit -n) than any of its workers"
            )
            raise StartError(
                "fork", os.strerror(errno.ETOOMANYREFS), hint=hint
            ) from None
        msg = f"the sandbox's keeper is gone: {error.strerror}"
        raise ClosedError(msg, hint="open a new sandbox") from None
    finally:
        theirs.close()
    return mine


def receive_fds(
    sock: _socket.socket, count: int, flags: int = 0
) -> tuple[bytes, list[int]]:
    """One message of a trusted peer and the descriptors that came with it.

    Not `socket.recv_fds`, which drops its flags and so leaves the descriptors
    open for every program that the host starts.
    """
    room = socket.CMSG_SPACE(count * 4)
    data, ancillary, _, _ = sock.recvmsg(256, room, flags | _CLOSE_ON_EXEC)
    fds: list[int] = []
    for level, kind, packed in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds += struct.unpack(f"{len(packed) // 4}i", packed)
    return data, fds
