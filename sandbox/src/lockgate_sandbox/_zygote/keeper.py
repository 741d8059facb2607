"""The keeper: a small process between the embedding program and the zygote.

The host executes this file. It forks at once and the first half exits, so the
embedding program never has a child that it does not know; the second half

- becomes a subreaper: whatever a dying zygote or warden leaves behind is
  re-parented here, killed and reaped;
- executes the zygote, and again if it dies (the control socket is inherited, so
  requests waiting in it are not lost);
- kills workers that take too much memory while the host does not look, and says by
  the leash why;
- ends with everything below it when the leash, a socket whose other end only
  the host holds, reports the host's end.

It also removes the scratch folders of a host that could not do it any more.

A zygote that goes on in a child of its own (`_zygote.init`) says the child's process id
and waits to be killed.

``argv``: leash fd, control fd, scratch folder, folder of the codec, "1" for a
zygote with namespaces of its own, "2" for a pid namespace too.
"""

# pathlib would cost more than all of this module.
# ruff: noqa: PTH100, PTH118, PTH120

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_CHILD_SUBREAPER = 36
_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(_HERE)

_RESTARTS_LIMIT = 8
"""Zygotes that may end before the keeper gives up."""


def _on_child(_number: int, _frame: object) -> None:
    # Only there so that the signal is not ignored but wakes the poll.
    return


def _spawn_zygote(control: int, sweep: int, rest: list[str], scratch: str) -> int:
    script = os.path.join(_HERE, "zygote.py")
    argv = [sys.executable, "-I", "-S", "-B", script]
    # The folder only so that a list of processes tells whose they are.
    argv += [str(control), str(sweep), *rest, scratch]
    return os.posix_spawn(sys.executable, argv, os.environ)


def _heir(orphaned: int) -> int:
    """The process that the zygote says it goes on in; 0 if it says nothing of it."""
    try:
        words = os.read(orphaned, 65_536)
    except BlockingIOError:
        return 0
    pid = words.strip(b".\n")
    return int(pid) if pid.isdigit() else 0


def _find_package() -> None:
    """Make the package importable by its place, without running the host's __init__."""
    package = types.ModuleType("lockgate_sandbox")
    package.__path__ = [_PACKAGE]
    sys.modules[package.__name__] = package


def _keep(leash: int, control: int, scratch: str, rest: list[str]) -> None:
    _find_package()
    wake, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _on_child)
    orphaned, sweep = os.pipe2(os.O_NONBLOCK)
    os.set_inheritable(orphaned, False)
    os.set_inheritable(leash, False)
    os.set_blocking(leash, False)

    def spawn() -> int:
        return _spawn_zygote(control, sweep, rest, scratch)

    _watch_over(spawn, leash, wake, orphaned)
    os.close(control)
    from lockgate_sandbox._watch import tree
    from lockgate_sandbox._watch.scratch import remove

    while tree.children(os.getpid()):
        tree.kill_descendants()
        os.waitpid(-1, 0)
    remove(scratch)


def _watch_over(spawn: Callable[[], int], leash: int, wake: int, orphaned: int) -> None:
    """Keep a zygote until the leash is let go, or too many have ended."""
    poll = select.poll()
    for fd in (leash, wake, orphaned):
        poll.register(fd, select.POLLIN)
    zygote = spawn()
    # While it starts.
    from lockgate_sandbox._watch import tree
    from lockgate_sandbox._watch.watch import LOOK_SECONDS, Watch

    def tell(data: bytes) -> None:
        # A host that reads none of it has its own reasons, or is gone.
        try:
            os.write(leash, data)
        except OSError:
            return

    watch, restarts, due = Watch(tell), 0, time.monotonic()
    while True:
        ready = {fd for fd, _ in poll.poll(LOOK_SECONDS * 1000)}
        # However much else there is to do: workers must not be able to see to that.
        if time.monotonic() >= due:
            watch.look(zygote)
            due = time.monotonic() + LOOK_SECONDS
        if not ready:
            continue
        if leash in ready:
            return
        if wake in ready:
            os.read(wake, 65_536)
        if heir := _heir(orphaned):
            os.kill(zygote, signal.SIGKILL)
            os.waitpid(zygote, 0)  # the heir is no longer below it
            zygote = heir
        dead = [item[0] for item in tree.reap()]
        if zygote in dead:
            # Its workers are orphans now; the host has seen their sockets close.
            tree.kill_descendants()
            restarts += 1
            if restarts > _RESTARTS_LIMIT:
                return
            zygote = spawn()
        else:
            # Whatever else is a child of the keeper was left behind by a warden.
            tree.kill_descendants(frozenset({zygote}))


def _main() -> None:
    leash, control = int(sys.argv[1]), int(sys.argv[2])
    if os.fork():
        os._exit(0)
    # An embedding program may ignore or block any signal; that is inherited.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    _keep(leash, control, sys.argv[3], sys.argv[4:])


if __name__ == "__main__":
    _main()
