"""The methods of `socket.socket` that a brokered socket answers itself."""

from __future__ import annotations

import _socket
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["change"]

_KIND_BITS = 0xF
_TCP_FAMILIES = (_socket.AF_INET, _socket.AF_INET6)
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - what a client binds to
_SIZES = (_socket.SO_SNDBUF, _socket.SO_RCVBUF)
"""A worker may not change them: their memory counts against none of its limits."""

_OURSELVES = "198.18.0.1"
_FIRST_PORT = 32_768


def change(kind: Any, net: Any) -> None:
    """Let `kind` (`socket.socket`) make and use brokered sockets of a `_shim.Net`."""
    for replacing in (_life, _connecting, _names, _serving, _options):
        for name, method in replacing(kind, net).items():
            setattr(kind, name, method)


def _life(kind: Any, net: Any) -> dict[str, Any]:
    """Making and closing."""
    begin, end, detach = kind.__init__, kind._real_close, kind.detach  # noqa: SLF001

    def init(
        self: Any,
        family: int = -1,
        type: int = -1,  # noqa: A002 - the constructor's own names
        proto: int = -1,
        fileno: int | None = None,
    ) -> None:
        wanted = _socket.AF_INET if family == -1 else family
        sort = _socket.SOCK_STREAM if type == -1 else type
        tcp = wanted in _TCP_FAMILIES and sort & _KIND_BITS == _socket.SOCK_STREAM
        if fileno is not None or not tcp:
            begin(self, family, type, proto, fileno)
        else:
            begin(self, wanted, _socket.SOCK_STREAM, max(proto, 0), net.open())
            if sort & _socket.SOCK_NONBLOCK:
                self.setblocking(False)
        fake = net.fake(self)
        if fake is not None:
            fake.holders += 1

    def _real_close(self: Any, *arguments: Any) -> None:
        net.let_go(self)
        end(self, *arguments)

    def detach_(self: Any) -> int:
        net.let_go(self)
        fd: int = detach(self)
        return fd

    return {"__init__": init, "_real_close": _real_close, "detach": detach_}


def _connecting(kind: Any, net: Any) -> dict[str, Any]:
    """Connecting: the host does it."""
    connect, connect_ex = kind.connect, kind.connect_ex

    def connect_(self: Any, address: Any) -> None:
        fake = net.fake(self)
        if fake is None:
            connect(self, address)
        else:
            net.connect(self, fake, address)

    def connect_ex_(self: Any, address: Any) -> int:
        if net.fake(self) is None:
            number: int = connect_ex(self, address)
            return number
        try:
            self.connect(address)
        except OSError as error:
            return error.errno or errno.ECONNREFUSED
        return 0

    return {"connect": connect_, "connect_ex": connect_ex_}


def _names(kind: Any, net: Any) -> dict[str, Any]:
    """Both ends' names."""
    peer, name = kind.getpeername, kind.getsockname

    def getpeername(self: Any) -> Any:
        fake = net.fake(self)
        if fake is None:
            return peer(self)
        if fake.peer is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return fake.peer

    def getsockname(self: Any) -> Any:
        fake = net.fake(self)
        if fake is None:
            return name(self)
        more = () if self.family == _socket.AF_INET else (0, 0)
        if fake.peer is None:
            return ("::" if more else "0.0.0.0", 0, *more)  # noqa: S104
        port = _FIRST_PORT + fake.number % 28_000
        return (f"::ffff:{_OURSELVES}" if more else _OURSELVES, port, *more)

    return {"getpeername": getpeername, "getsockname": getsockname}


def _serving(kind: Any, net: Any) -> dict[str, Any]:
    """What only a server does."""
    bind, listen = kind.bind, kind.listen

    def bind_(self: Any, address: Any) -> None:
        if net.fake(self) is None:
            bind(self, address)
        elif address[0] not in _ANYWHERE or address[1]:
            raise PermissionError(errno.EPERM, "a brokered socket only connects")

    def listen_(self: Any, *backlog: int) -> None:
        if net.fake(self) is not None:
            raise PermissionError(errno.EPERM, "a brokered socket only connects")
        listen(self, *backlog)

    return {"bind": bind_, "listen": listen_}


def _options(kind: Any, net: Any) -> dict[str, Any]:
    """Options of TCP and IP are remembered: the host's connection has its own."""
    put, get = kind.setsockopt, kind.getsockopt

    def setsockopt(self: Any, level: int, option: int, *value: Any) -> None:
        fake = net.fake(self)
        if fake is None or (level == _socket.SOL_SOCKET and option not in _SIZES):
            put(self, level, option, *value)
        else:
            fake.options[level, option] = value[0]

    def getsockopt(self: Any, level: int, option: int, *length: int) -> Any:
        fake = net.fake(self)
        if fake is None or (level == _socket.SOL_SOCKET and option not in _SIZES):
            return get(self, level, option, *length)
        value = fake.options.get((level, option), 0)
        if not length:
            return value
        data = value if isinstance(value, bytes) else value.to_bytes(4, "little")
        return data[: length[0]]

    return {"getsockopt": getsockopt, "setsockopt": setsockopt}
