"""The other end of the control sockets: every running host of this user."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lockgate._control.socket import address, checked_folder, peer_uid
from lockgate._control.wire import REPLY_LIMIT_BYTES, Request, decode, encode
from lockgate.errors import ControlError

__all__ = ["RunningHost", "ask", "ask_all", "running_hosts"]

PATIENCE_SECONDS = 90.0
"""A reload starts a worker, which may take its time."""


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A host that runs: its process and the name of its socket."""

    pid: int
    socket: str


def running_hosts(folder: Path) -> tuple[RunningHost, ...]:
    """Every socket in the folder, by process; dead ones are swept when asked.

    Raises:
        ControlError: If the folder is not the owner's alone.
    """
    try:
        os.close(checked_folder(folder))
        names = sorted(path.name for path in folder.glob("[!.]*.sock"))
    except OSError:
        return ()
    found = [
        RunningHost(int(name.partition("-")[0]), name)
        for name in names
        if name.partition("-")[0].isdecimal()
    ]
    return tuple(sorted(found, key=lambda host: host.pid))


def ask(
    folder: Path, host: RunningHost, request: Request, timeout: float = PATIENCE_SECONDS
) -> dict[str, Any] | None:
    """A host's answer; None if it is dead (then its socket is swept away).

    Raises:
        ControlError: If what answers is not this user's, or says no JSON.
        OSError: If it does not answer.
    """
    descriptor = checked_folder(folder)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            try:
                connection.connect(address(descriptor, host.socket))
            except (ConnectionRefusedError, FileNotFoundError):
                with suppress(OSError):
                    os.unlink(host.socket, dir_fd=descriptor)
                return None
            if peer_uid(connection) != os.geteuid():
                message = f"the socket of process {host.pid} is another user's"
                raise ControlError(message)
            connection.sendall(encode(asdict(request)))
            raw = _all(connection)
    finally:
        os.close(descriptor)
    return decode(raw, REPLY_LIMIT_BYTES) if raw else None


def ask_all(
    folder: Path, request: Request, *, pid: int = 0
) -> Iterator[tuple[RunningHost, dict[str, Any]]]:
    """Each running host (or the one of process `pid`) with its answer.

    A host that does not answer is left out: its error is in its place.

    Raises:
        ControlError: If the folder is not the owner's alone.
    """
    for host in running_hosts(folder):
        if pid and host.pid != pid:
            continue
        try:
            answer = ask(folder, host, request)
        except OSError as error:
            told = ControlError(f"process {host.pid} does not answer: {error}")
            answer = {"error": told.to_dict()}
        if answer is not None:
            yield host, answer


def _all(connection: socket.socket) -> bytes:
    raw = bytearray()
    while len(raw) <= REPLY_LIMIT_BYTES:
        try:
            data = connection.recv(65_536)
        except ConnectionResetError:
            break
        if not data:
            break
        raw += data
    return bytes(raw)
