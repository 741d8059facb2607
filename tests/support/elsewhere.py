"""Run code as another system would see it: a platform's name, modules, functions gone.

Executed, never imported by tests (they use `command`)::

    python elsewhere.py win32 CODE

What the standard library itself needs here is imported before anything is taken
away; what is then imported finds what that system has.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.abc
import os
import select
import signal
import socket
import sys

__all__ = ["command"]

_WORKING = (
    "argparse", "asyncio", "dataclasses", "importlib.metadata", "inspect", "json",
    "pathlib", "shutil", "subprocess", "sysconfig", "tempfile", "threading", "typing",
)  # fmt: skip
"""Modules of the standard library that work there, each in its own way."""

_MODULES = {
    "darwin": (),
    "win32": ("fcntl", "grp", "pwd", "resource", "termios"),
}
_UNIX = {
    "os": (
        "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "WIFSIGNALED", "chown",
        "fork", "getegid", "geteuid", "getpgid", "getsid", "getuid", "kill", "killpg",
        "lchown", "pipe2", "pread", "register_at_fork", "sched_yield", "set_blocking",
        "setsid", "sysconf", "uname", "wait4", "waitid", "waitpid",
    ),
    "select": ("poll", "epoll", "EPOLLIN", "POLLIN", "POLLOUT"),
    "signal": ("SIGKILL", "SIGXCPU", "SIGXFSZ", "SIG_BLOCK", "pthread_sigmask"),
    "socket": ("AF_UNIX", "SOCK_SEQPACKET", "SCM_RIGHTS", "MSG_DONTWAIT", "CMSG_SPACE"),
}  # fmt: skip
_LINUX = {
    "os": (
        "O_PATH", "O_TMPFILE", "memfd_create", "MFD_CLOEXEC", "MFD_ALLOW_SEALING",
        "pidfd_open", "pipe2", "sched_getaffinity", "sched_setaffinity", "setresuid",
        "P_PIDFD", "splice", "eventfd",
    ),
    "select": ("epoll", "EPOLLIN"),
    "socket": ("SOCK_CLOEXEC", "SOCK_SEQPACKET", "MSG_CMSG_CLOEXEC", "SCM_CREDENTIALS"),
}  # fmt: skip
_HOMES = {"os": os, "select": select, "signal": signal, "socket": socket}


def command(platform: str, code: str) -> list[str]:
    """The command line that runs `code` on that system."""
    return [sys.executable, __file__, platform, code]


class _Missing(importlib.abc.MetaPathFinder):
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(self, name: str, *_: object) -> None:
        if name in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _become(platform: str) -> None:
    for name in _WORKING:
        importlib.import_module(name)
    names = _MODULES[platform]
    for name in names:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Missing(names))
    for gone in (_LINUX, _UNIX) if platform == "win32" else (_LINUX,):
        for home, functions in gone.items():
            for function in functions:
                if hasattr(_HOMES[home], function):
                    delattr(_HOMES[home], function)
    if platform == "win32":
        load = ctypes.CDLL

        def need_name(name: str | None, *args: object, **options: object) -> object:
            if name is None:
                raise TypeError("bad argument type for built-in operation")
            return load(name, *args, **options)  # type: ignore[arg-type] # pyright: ignore

        ctypes.CDLL = need_name  # type: ignore[assignment,misc] # pyright: ignore
    sys.platform = platform


if __name__ == "__main__":
    _become(sys.argv[1])
    del sys.path[0]  # not this file's folder
    code = compile(sys.argv[2], "<elsewhere>", "exec", dont_inherit=True)
    exec(code, {"__name__": "__main__"})
