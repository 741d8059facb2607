"""Commands as forks of one process that has imported what they import.

Most of a short command's time is importing. A fork of a process that has done nothing
else runs the same code, in a process, a folder and an environment of its own, and ends
as any interpreter ends. What is about how a command starts is no matter for this.

Executed, never imported by what it runs: ``python forked.py DESCRIPTOR MODULE…``.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

__all__ = ["forkable", "run_forked"]

_MESSAGE_BYTES = 1 << 18
_MODULES = (
    "lockgate.cli._main", "lockgate.cli._session", "lockgate.cli._output",
    "lockgate._manifest.read", "lockgate.discovery", "lockgate.host",
)  # fmt: skip
_OF_THE_START = ("PYTHON", "LC_", "LANG")
_AT_RUN = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


def forkable(env: Mapping[str, str]) -> bool:
    """Whether nothing in `env` is read only by an interpreter that starts."""
    return not any(
        name.startswith(_OF_THE_START) and name not in _AT_RUN for name in env
    )


def run_forked(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """``python -m lockgate ARGUMENTS`` with these, as `subprocess.run` gives it.

    Raises:
        subprocess.TimeoutExpired: If it takes longer than `timeout`, in s.
    """
    given = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}
    ours, theirs = socket.socketpair()
    with ours, TemporaryFile() as out, TemporaryFile() as err:
        with theirs, open(os.devnull, "rb") as none:  # noqa: PTH123
            passed = [none.fileno(), out.fileno(), err.fileno(), theirs.fileno()]
            socket.send_fds(_template(), [json.dumps(given).encode()], passed)
        ours.settimeout(timeout)
        try:
            status = int(ours.recv(16))
        except TimeoutError:
            raise subprocess.TimeoutExpired(list(arguments), timeout) from None
        texts = (os.pread(file.fileno(), 1 << 26, 0) for file in (out, err))
        return subprocess.CompletedProcess(list(arguments), status, *texts)


@cache
def _template() -> socket.socket:
    """The line to the process that is forked; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    number = str(theirs.fileno())
    process = subprocess.Popen(
        [sys.executable, __file__, number, *_MODULES],
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(20)

    atexit.register(end)
    return ours


def _serve(line: socket.socket) -> None:
    """Fork a minder for each command, until there is nobody to ask for one."""
    del sys.path[0]  # this file's folder
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.freeze()
    while True:
        message, ancillary, _, _ = line.recvmsg(
            _MESSAGE_BYTES, socket.CMSG_SPACE(4 * array.array("i").itemsize)
        )
        if not message:
            return
        given = array.array("i")
        for _, _, data in ancillary:
            given.frombytes(data)
        if not os.fork():
            line.close()
            _mind(json.loads(message), list(given))
            return
        for end in given:
            os.close(end)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _mind(given: dict[str, Any], ends: Sequence[int]) -> None:
    """Fork the command and tell its status; both come back here as what they are."""
    *streams, answer = ends
    for number, end in enumerate(streams):
        os.dup2(end, number)
        os.close(end)
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        os.write(answer, b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.close(answer)
    _become(**given)


def _become(arguments: list[str], cwd: str, env: dict[str, str]) -> None:
    """Be ``python -m lockgate ARGUMENTS``; does not return before that has ended."""
    os.chdir(cwd)
    gc.enable()
    os.environ.clear()
    # An interpreter that starts without a locale sets one (PEP 538).
    os.environ.update(env, LC_CTYPE="C.UTF-8")
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = [cwd, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv[:] = ["lockgate", *arguments]
    try:
        runpy.run_module("lockgate", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        _leave_with[:] = [int(ended.code or 0)]
        raise


_leave_with = [1]
"""The status; Python does not tell it to what runs at exit."""


def _leave() -> None:
    """End, as the last of what is to run at exit.

    All that is left is to take apart what the template has imported, which takes
    longer than most commands.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(*_leave_with)


if __name__ == "__main__":
    atexit.register(_leave)
    gc.disable()
    with socket.socket(fileno=int(sys.argv[1])) as told:
        _serve(told)
