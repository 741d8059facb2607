"""The worker's `socket` module, made to connect through the host's broker.

A worker has no sockets of the network. A TCP socket that its code makes is one half
of a socket pair instead; `connect` puts the host's relay in its place. So `requests`,
`urllib`, `aiohttp` and the like run unchanged, for grants of host, port and bytes.

A name gets an address of 198.18.0.0/15 (RFC 2544, never routed) that stands for it:
the host resolves names itself, and only when they are granted. This serves honest
clients; what it leaves open the kernel refuses (policies/sockets.json).
"""

from __future__ import annotations

import _socket
import _thread
import errno
import os
import sys

from lockgate_sandbox._inside import shim_methods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from lockgate_sandbox._inside.session import Session

__all__ = ["install"]

_KIND_BITS = 0xF
"""SOCK_NONBLOCK and SOCK_CLOEXEC lie above (socket(2))."""

_TCP_FAMILIES = (_socket.AF_INET, _socket.AF_INET6)
_FIRST_FAKE = 0xC6120002  # 198.18.0.2; .1 is ourselves
_FAKES_LIMIT = 1 << 16
_CONNECT_SECONDS = 30.0
_SERVICES = {"http": 80, "https": 443, "ftp": 21, "smtp": 25, "ssh": 22, "domain": 53}


def install(session: Session) -> None:
    """Change `socket` and `asyncio` as soon as they are imported."""
    net = Net(session)
    later = {"socket": net.into_socket, "asyncio.selector_events": net.into_asyncio}
    for name, change in list(later.items()):
        if name in sys.modules:
            change(sys.modules[name])
            del later[name]
    sys.meta_path.insert(0, _AfterImport(later))  # type: ignore[arg-type]


class _AfterImport:
    """A finder that lets others find, and changes what they loaded."""

    def __init__(self, changes: dict[str, Callable[[ModuleType], None]]) -> None:
        self._changes = changes

    def find_spec(self, name: str, *_: Any, **__: Any) -> Any:
        """The import system's hook (importlib.abc.MetaPathFinder)."""
        if name not in self._changes:
            return None
        change = self._changes.pop(name)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            change(module)

        spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec


class _Fake:
    """What is known of a socket that only looks like one of TCP."""

    __slots__ = ("holders", "number", "options", "peer")

    def __init__(self, number: int) -> None:
        self.holders = 0
        self.number = number
        self.options: dict[tuple[int, int], Any] = {}
        self.peer: tuple[Any, ...] | None = None


class Net:
    """The fakes of this process, by the inode of their descriptor.

    By inode, since `ssl` and `dup` make new socket objects for the same socket.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = _thread.allocate_lock()
        self._fakes: dict[int, _Fake] = {}
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._counter = 0
        self._module: Any = None

    # -- names ---------------------------------------------------------------------

    def address_of(self, host: Any) -> tuple[int, str]:
        """Family and address that stand for `host`."""
        if isinstance(host, bytes | bytearray):
            host = bytes(host).decode("ascii", "replace")
        text = str(host)
        for family in _TCP_FAMILIES:
            try:
                _socket.inet_pton(family, text.partition("%")[0])
            except OSError:
                continue
            return family, text
        name = text.rstrip(".").lower()
        with self._lock:
            known = self._addresses.get(name)
            if known is None:
                if len(self._names) >= _FAKES_LIMIT or not name:
                    raise self._unknown(text)
                number = _FIRST_FAKE + len(self._names)
                known = _socket.inet_ntoa(number.to_bytes(4, "big"))
                self._addresses[name] = known
                self._names[known] = name
        return _socket.AF_INET, known

    def name_of(self, address: str) -> str:
        """The name that `address` stands for, or itself."""
        return self._names.get(address, address)

    def _unknown(self, host: str) -> OSError:
        return _socket.gaierror(_socket.EAI_NONAME, f"{host[:80]!r} is no host name")

    def getaddrinfo(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name of the function that this stands for
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """As `socket.getaddrinfo`, without asking anybody."""
        if host is None:
            host = "0.0.0.0" if flags & _socket.AI_PASSIVE else "127.0.0.1"  # noqa: S104
        found, address = self.address_of(host)
        if flags & _socket.AI_NUMERICHOST and address in self._names:
            raise self._unknown(str(host))
        if family not in (0, found):
            raise _socket.gaierror(_socket.EAI_NONAME, "no address of that family")
        number = _port(port)
        kind = type & _KIND_BITS or _socket.SOCK_STREAM
        plain = proto or {_socket.SOCK_STREAM: 6, _socket.SOCK_DGRAM: 17}.get(kind, 0)
        end = (address, number) if found == _socket.AF_INET else (address, number, 0, 0)
        name = str(host) if flags & _socket.AI_CANONNAME else ""
        families, kinds = self._module.AddressFamily, self._module.SocketKind
        return [(families(found), kinds(kind), plain, name, end)]

    def gethostbyname(self, host: str) -> str:
        """As `socket.gethostbyname`."""
        return self.address_of(host)[1]

    def gethostbyname_ex(self, host: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`."""
        return host, [], [self.address_of(host)[1]]

    def gethostbyaddr(self, host: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`: only what was asked for before has a name."""
        address = self.address_of(host)[1]
        return self.name_of(address), [], [address]

    def getnameinfo(self, sockaddr: tuple[Any, ...], flags: int) -> tuple[str, str]:
        """As `socket.getnameinfo`."""
        host = str(sockaddr[0])
        numeric = flags & _socket.NI_NUMERICHOST
        return host if numeric else self.name_of(host), str(sockaddr[1])

    # -- sockets -------------------------------------------------------------------

    def fake(self, sock: Any) -> _Fake | None:
        """What is known of `sock`, or None if it is a socket of another kind."""
        fd = sock.fileno()
        return self._fakes.get(os.fstat(fd).st_ino) if fd >= 0 else None

    def open(self) -> int:
        """A descriptor for a socket that is not connected yet."""
        mine, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        theirs.close()
        fd = mine.detach()
        self._counter += 1
        self._fakes[os.fstat(fd).st_ino] = _Fake(self._counter)
        return fd

    def let_go(self, sock: Any) -> None:
        """One object less stands for the socket."""
        fake = self.fake(sock)
        if fake is not None:
            fake.holders -= 1
            if fake.holders <= 0:
                self._fakes.pop(os.fstat(sock.fileno()).st_ino, None)

    def connect(self, sock: Any, fake: _Fake, address: Any) -> None:
        """Put the host's relay to `address` in the place of `sock`'s descriptor."""
        if fake.peer is not None:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))
        _, shown = self.address_of(address[0])
        port = _port(address[1])
        # The timeout of a non-blocking socket is 0: its loop waits, not it.
        timeout = sock.gettimeout() or _CONNECT_SECONDS
        fd = self._dial(self.name_of(shown), port, timeout)
        mine = sock.fileno()
        old = os.fstat(mine).st_ino
        os.dup2(fd, mine, inheritable=False)
        os.close(fd)
        os.set_blocking(mine, sock.gettimeout() is None)
        more = () if sock.family == _socket.AF_INET else (0, 0)
        fake.peer = (shown, port, *more)
        self._fakes[os.fstat(mine).st_ino] = self._fakes.pop(old)

    def _dial(self, host: str, port: int, timeout: float) -> int:
        try:
            asked = {"host": host, "port": port, "timeout": timeout}
            number = self._session.call_host("broker.net.open", asked)
            while True:
                _, fds = self._session.call_host_fds("broker.net.wait", {"id": number})
                if fds:
                    return fds[0]
        except OSError as error:  # what the broker refused or could not do
            text, code = str(error), getattr(error, "code", "")
            if isinstance(error, PermissionError):
                raise PermissionError(errno.EACCES, text) from error
            if code == "name-unknown":
                raise _socket.gaierror(_socket.EAI_NONAME, text) from error
            if code == "connect-timeout":
                raise TimeoutError(errno.ETIMEDOUT, text) from error
            raise ConnectionRefusedError(errno.ECONNREFUSED, text) from error

    # -- the two modules -----------------------------------------------------------

    def into_socket(self, module: Any) -> None:
        """Change a freshly loaded `socket` module."""
        self._module = module
        for name in (
            "getaddrinfo",
            "gethostbyaddr",
            "gethostbyname",
            "gethostbyname_ex",
            "getnameinfo",
        ):
            setattr(module, name, getattr(self, name))
        shim_methods.change(module.socket, self)

    def into_asyncio(self, module: Any) -> None:
        """Connect on a thread: the event loop goes on meanwhile."""
        from contextvars import copy_context

        loops = module.BaseSelectorEventLoop
        plain = loops.sock_connect

        async def sock_connect(loop: Any, sock: Any, address: Any) -> None:
            if self.fake(sock) is None:
                await plain(loop, sock, address)
            else:
                # With the context: it says whose call this thread is for.
                connect = copy_context().run
                await loop.run_in_executor(None, connect, sock.connect, address)

        loops.sock_connect = sock_connect


def _port(port: Any) -> int:
    if port is None:
        return 0
    if isinstance(port, bytes):
        port = port.decode("ascii", "replace")
    text = str(port)
    number = int(text) if text.isdecimal() else _SERVICES.get(text, -1)
    if not 0 <= number < 65_536:
        raise _socket.gaierror(_socket.EAI_SERVICE, f"no port {text[:32]!r}")
    return number
