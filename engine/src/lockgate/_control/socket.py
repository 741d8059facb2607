"""A running host's control socket: to be seen and steered from another terminal.

A socket of the file system in a folder that only its owner may enter; who connects
must have the same user id (``SO_PEERCRED``, unix(7)). A worker can't reach it: it has
neither sockets nor the folder. One small thread serves one request at a time; what
starts plugins may take as long as a plugin likes, and has a thread of its own.
"""

from __future__ import annotations

import os
import secrets
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from lockgate._control.wire import REQUEST_LIMIT_BYTES, Request, encode, parse_request
from lockgate.errors import ControlError, LockgateError

__all__ = ["ControlSocket", "address", "checked_folder", "peer_uid"]

PATIENCE_SECONDS = 2.0
"""What a client may take for its one line."""
SLOW_MAXIMUM = 8
"""Requests that wait for plugins to start; they take turns."""

_UCRED = struct.Struct("3i")


def peer_uid(connection: socket.socket) -> int:
    """The user who has the other end."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(raw)
    return int(uid)


def checked_folder(folder: Path, *, make: bool = False) -> int:
    """An open descriptor of the folder of the sockets.

    Raises:
        OSError: If it is not there (or can't be made).
        ControlError: If it is somebody else's, or open to others.
    """
    if make:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags)
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        os.close(descriptor)
        message = f"the folder {folder} is not its owner's alone"
        raise ControlError(message, hint=f"Look at it, then: chmod 700 {folder}")
    return descriptor


def address(folder: int, name: str) -> str:
    """An address in an open folder: a path may be too long for one (108 bytes)."""
    return f"/proc/self/fd/{folder}/{name}"


class ControlSocket:
    """Serves `answer` to this user's own processes until it is closed.

    `answer` may raise a `LockgateError`, which is told the client. It is called on
    the socket's thread, or one of its own for what `Request.slow` says.
    """

    def __init__(
        self, folder: Path, answer: Callable[[Request], dict[str, Any]]
    ) -> None:
        """Begin to serve.

        Raises:
            OSError: If the socket can't be made.
            ControlError: If the folder is not the owner's alone.
        """
        self._answer = answer
        self._owner = os.getpid()
        self._closed = False
        self._slow = threading.BoundedSemaphore(SLOW_MAXIMUM)
        self._folder = checked_folder(folder, make=True)
        self.name = f"{self._owner}-{secrets.token_hex(4)}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        aside = f".{self.name}"
        try:
            self._socket.bind(address(self._folder, aside))
            os.chmod(aside, 0o600, dir_fd=self._folder)
            self._socket.listen(8)
            # Under its name it listens already: one that refuses is a dead one.
            os.rename(
                aside, self.name, src_dir_fd=self._folder, dst_dir_fd=self._folder
            )
        except OSError:
            self._socket.close()
            os.close(self._folder)
            raise
        self._thread = threading.Thread(
            target=self._serve, name="lockgate-control", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Take the socket away. May be repeated; nothing in a forked copy."""
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        with suppress(OSError):
            os.unlink(self.name, dir_fd=self._folder)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        if threading.current_thread() is not self._thread:
            self._thread.join(PATIENCE_SECONDS)
        self._socket.close()
        os.close(self._folder)

    def _serve(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if self._closed:
                    return
                time.sleep(0.05)  # out of descriptors, perhaps
                continue
            with suppress(OSError):
                self._attend(connection)

    def _attend(self, connection: socket.socket) -> None:
        with ExitStack() as ours:
            ours.enter_context(connection)
            connection.settimeout(PATIENCE_SECONDS)
            try:
                raw = _line(connection)  # unread bytes would break off the reply
                if peer_uid(connection) != os.geteuid():
                    message = "this host answers its own user only"
                    raise ControlError(message)
                request = parse_request(raw)
                if request.slow and not self._slow.acquire(blocking=False):
                    message = f"{SLOW_MAXIMUM} requests wait for plugins to start"
                    raise ControlError(message, hint="`lockgate ps` shows them.")
            except ControlError as error:
                connection.sendall(encode({"error": error.to_dict()}))
                return
            if not request.slow:
                self._reply(connection, request)
                return
            slow = ours.pop_all()
            slow.callback(self._slow.release)
            thread = threading.Thread(
                target=self._reply_slowly, args=(slow, connection, request), daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # no more threads: the client sees the end
                slow.close()

    def _reply_slowly(
        self, held: ExitStack, connection: socket.socket, request: Request
    ) -> None:
        with held, suppress(OSError):
            self._reply(connection, request)

    def _reply(self, connection: socket.socket, request: Request) -> None:
        try:
            reply = self._answer(request)
        except LockgateError as error:
            reply = {"error": error.to_dict()}
        except Exception as error:  # a bug must not end the thread
            told = ControlError(f"the host failed: {type(error).__name__}: {error}")
            reply = {"error": told.to_dict()}
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(encode(reply))


def _line(connection: socket.socket) -> bytes:
    """The client's one line, or more than it may send."""
    end = time.monotonic() + PATIENCE_SECONDS
    raw = bytearray()
    while b"\n" not in raw and len(raw) <= REQUEST_LIMIT_BYTES:
        left = end - time.monotonic()
        if left <= 0:
            message = "the request did not come in time"
            raise ControlError(message)
        connection.settimeout(left)
        data = connection.recv(4096)
        if not data:
            break
        raw += data
    return bytes(raw).partition(b"\n")[0] if b"\n" in raw else bytes(raw)
