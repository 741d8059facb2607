"""What a script tried that its policy does not allow, told to the host as it goes.

An audit hook inside the sealed process: it sees honest code's attempts and serves
explanations ("denied: grant X would allow it"), nothing else. Hostile code can
silence or forge it; the kernel refuses with or without it.
"""

from __future__ import annotations

import os
import sys

from lockgate_sandbox._spelling.beneath import is_among
from lockgate_sandbox._watch.claims import NOTES_LIMIT
from lockgate_sandbox.linux.landlock import WRITE_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


__all__ = ["attempts", "install"]

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_AF_UNIX = 1
_OURS = os.path.realpath(__file__).rpartition("/")[0].rpartition("/")[0]
"""A traceback through our frames asks for their lines; nobody should grant that."""

_LIBRARY = os.path.dirname(os.__file__)  # noqa: PTH120
_ON_THE_WAY = (__file__, os.__file__, "<frozen os>", "<frozen _collections_abc>")
"""Where a look-up in `os.environ` passes."""

_CHANGES = frozenset(
    {
        "os.chmod",
        "os.chown",
        "os.link",
        "os.mkdir",
        "os.symlink",
        "os.truncate",
        "os.utime",
    }
)
_TAKES_AWAY = frozenset({"os.remove", "os.rename", "os.rmdir"})
"""Calls that change the folder of what they name: a right to the file is not enough."""

_HERE = -1
"""What an event says instead of the folder's descriptor, where none was given."""

_STARTS = frozenset({"os.exec", "os.posix_spawn", "os.system", "subprocess.Popen"})


def _asked_by_code() -> bool:
    """Whether other code than the standard library's asked the environment."""
    frame = sys._getframe(2)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename in _ON_THE_WAY:
        frame = frame.f_back
    file = frame.f_code.co_filename
    if file.startswith("<frozen ") or is_among(file, (_OURS,)):
        return False
    return not is_among(file, (_LIBRARY,)) or "/site-packages/" in file


def _folder(path: object, at: object, *, there: bool = True) -> str | None:
    """Where a name stands; the name itself may be a link, which is not followed.

    None as `_named` says, or if nothing is `there`: the kernel calls that missing, and
    not denied.
    """
    name = _named(path, at)
    if name is None or (there and not os.path.lexists(name)):
        return None
    return os.path.dirname(name.rstrip("/")) or "."  # noqa: PTH120


def _named(path: object, at: object) -> str | None:
    """`path` as text; None where it is no path, or stands in the folder open as `at`.

    What that folder is called is not known here, and where we stand is another one.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    name = os.fsdecode(path)  # pyright: ignore[reportUnknownArgumentType]
    return name if at == _HERE or name[:1] == "/" else None


class _Variables(dict[bytes, bytes]):
    """What `os.environ` looks in; `missed` is told what it does not find."""

    def __init__(
        self, known: dict[bytes, bytes], missed: Callable[[bytes], None]
    ) -> None:
        super().__init__(known)
        self._missed = missed

    def __missing__(self, name: bytes) -> bytes:
        self._missed(name)
        raise KeyError(name)


class _Observer:
    def __init__(
        self,
        tell: Callable[[str, str], None],
        read: Sequence[str],
        write: Sequence[str],
        programs: bool,
        net: bool,
    ) -> None:
        self._net = net
        self._tell = tell
        self._read = [*read, *write]
        self._write = write
        self._programs = programs
        self._told: set[tuple[str, str]] = set()
        self._busy = False

    def forget(self) -> None:
        self._told.clear()

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        self._note(lambda: self._attempt(event, args))

    def missed(self, name: bytes) -> None:
        """A variable was asked for that is not there."""
        if _asked_by_code():
            self._note(lambda: ("env", os.fsdecode(name)))

    def _note(self, look: Callable[[], tuple[str, str] | None]) -> None:
        if self._busy or len(self._told) >= NOTES_LIMIT:
            return
        self._busy = True
        try:
            attempt = look()
            if attempt is not None and attempt not in self._told:
                self._told.add(attempt)
                right, what = attempt
                # A name need not be text, and nothing else may cross.
                self._tell(right, what.encode("utf-8", "backslashreplace").decode())
        except Exception:  # noqa: S110 - an explanation must never break a script
            pass
        finally:
            self._busy = False

    def _attempt(self, event: str, args: tuple[object, ...]) -> tuple[str, str] | None:
        if event == "open":
            flags = args[2] if isinstance(args[2], int) else 0
            writes = bool(flags & _WRITING)
            return self._path(args[0], writes=writes) or self._mode(args[0], writes)
        if event in ("os.listdir", "os.scandir"):
            if args[0] in sys.path:
                return None  # an import that looks around: not the file's own wish
            return self._path(args[0], writes=False)
        if event == "sqlite3.connect":
            return self._database(args[0])
        if event in _CHANGES:
            # A link is made at its second name; a folder's descriptor comes last.
            at = _HERE if event == "os.truncate" else args[-1]
            named = _named(args[event in ("os.link", "os.symlink")], at)
            return self._path(named, writes=True)
        if event in _TAKES_AWAY:
            return self._taken_away(args, event == "os.rename")
        if not self._net and event.startswith("socket."):
            return None  # the broker tells of it
        if event == "socket.getaddrinfo":
            host, port = str(args[0]), args[1]
            return "net", f"{host}:{port}" if isinstance(port, int) else host
        if event == "socket.__new__" and args[1] != _AF_UNIX:
            return "net", f"a socket of family {args[1]!s}"
        if event in _STARTS and not self._programs:
            told = args[0]
            return "program", os.fsdecode(told) if type(told) is bytes else str(told)
        if event in ("os.fork", "os.forkpty") and not self._programs:
            return "process", "fork"
        return None

    def _taken_away(
        self, args: tuple[object, ...], moved: bool
    ) -> tuple[str, str] | None:
        old = _folder(args[0], args[2 if moved else 1])
        found = self._path(old, writes=True)
        if found is None and moved and old is not None:  # it changes both
            found = self._path(_folder(args[1], args[3], there=False), writes=True)
        return found

    def _database(self, place: object) -> tuple[str, str] | None:
        if not isinstance(place, str | bytes | os.PathLike):
            return None
        name = os.fsdecode(place)  # pyright: ignore[reportUnknownArgumentType]
        if name in ("", ":memory:") or name.startswith("file:"):
            return None  # of no file, or as its own words say
        # One that is there may be opened for reading alone.
        return self._path(name, writes=not os.path.lexists(name))

    def _path(self, path: object, *, writes: bool) -> tuple[str, str] | None:
        if isinstance(path, int) or path is None:
            return None  # a descriptor: it was opened before; or where we are
        real = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type] # pyright: ignore
        if writes:
            return None if is_among(real, self._write) else ("write", real)
        # What does not exist is not denied but missing, as the kernel sees it.
        if is_among(real, (*self._read, _OURS)) or not os.path.lexists(real):
            return None
        return "read", real

    def _mode(self, path: object, writes: bool) -> tuple[str, str] | None:
        """What is granted, and the file's own mode refuses it."""
        if isinstance(path, int) or path is None:
            return None
        real = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type] # pyright: ignore
        if is_among(real, (_LIBRARY, _OURS)):
            return None
        there = os.path.lexists(real)
        if not writes:
            readable = not there or os.access(real, os.R_OK)
            return None if readable else ("read", real)
        place = real if there else os.path.dirname(real)  # noqa: PTH120
        if os.access(place, os.W_OK) or not os.path.lexists(place):
            return None
        return "write", real


def install(
    tell: Callable[[str, str], None],
    *,
    read: Sequence[str],
    write: Sequence[str],
    programs: bool,
    net: bool,
) -> Callable[[], None]:
    """Call ``tell(right, what)`` once for each different attempt beyond a right.

    Gives a function that forgets what was told, so that it is told again.
    """
    observer = _Observer(tell, read, write, programs, net)
    sys.addaudithook(observer.hook)
    environ: Any = os.environ
    environ._data = _Variables(environ._data, observer.missed)  # noqa: SLF001
    environb: Any = os.environb
    environb._data = environ._data  # noqa: SLF001
    return observer.forget


def attempts(
    session: Any, tell: Callable[[str, str], None], *, net: bool
) -> Callable[[], None]:
    """`install` for the code of a worker, whose `session` knows its rights.

    `net`: tell also of attempts to reach a host, which a broker tells by itself.
    """
    rules, scratch = session.places
    write = [path for path, rights in rules if rights & WRITE_FILE]
    if scratch is not None:
        write.append(scratch)
    return install(
        tell,
        read=[path for path, _ in rules],
        write=write,
        programs=bool(session.programs),
        net=net,
    )
