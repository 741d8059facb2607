"""What a session of tests leaves on the machine: nothing, and here is who looks.

Other sessions may run beside this one, so only what bears our mark counts: folders
that this process made, processes that run our files or have an id that only workers
get and whose parents are gone, and whatever else is named lockgate and whose maker
is dead. `Residue` looks once before and compares after.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import lockgate_sandbox
from tests.__main__ import BESIDE
from tests.support.sandbox import wait_until

__all__ = ["Residue"]

_PACKAGE = str(Path(lockgate_sandbox.__file__).parent).encode()
_OURS = (b"_zygote/keeper.py", b"_zygote/zygote.py")


class Residue:
    """Counts what is left; `record` is entered for the time of the session."""

    def __init__(self) -> None:
        self._folders: list[str] = []
        self._before = self._found()

    @contextlib.contextmanager
    def record(self) -> Generator[None]:
        """Remember every temporary folder that this process makes."""
        make: Callable[..., Any] = tempfile.mkdtemp

        def remember(*args: Any, **kwargs: Any) -> Any:
            made = make(*args, **kwargs)
            self._folders.append(os.fsdecode(made))
            return made

        tempfile.mkdtemp = remember
        try:
            yield
        finally:
            tempfile.mkdtemp = make

    def left(self, seconds: float = 15.0) -> list[str]:
        """What has come since and does not go away by itself within `seconds`."""
        wait_until(lambda: not self._new(), seconds)
        return sorted(self._new())

    def _new(self) -> set[str]:
        return self._found() - self._before

    def _found(self) -> set[str]:
        found = {f"folder {path}" for path in self._folders if _ours(path)}
        found |= {f"folder {path}" for path in _cells()}
        places = (_PACKAGE, *map(str.encode, self._folders))
        running = _processes(places)
        found |= {f"process {told}" for told in running if self._whose(told)}
        found |= {
            f"mount {line}" for line in _lines("/proc/self/mountinfo") if _named(line)
        }
        found |= {f"control group {path}" for path in _groups()}
        found |= {
            f"socket {line}" for line in _lines("/proc/net/unix") if self._lost(line)
        }
        found |= {f"key {line}" for line in _lines("/proc/keys") if _named(line)}
        found |= {f"segment {item}" for item in self._segments()}
        return found | {f"queue {line}" for line in _queues()}

    def _segments(self) -> list[str]:
        """What is left in shared memory, but for folders of tests that run beside."""
        found = _named_files("/dev/shm")
        if BESIDE not in os.environ:
            return found
        return [name for name in found if not name.startswith("lockgate-test-")]

    def _whose(self, told: str) -> bool:
        """Whether a process of this checkout can be of this session.

        Where others of the same checkout run beside it, the folder that a keeper and
        a zygote are started with tells them apart.
        """
        if BESIDE not in os.environ or "/_zygote/" not in told:
            return True
        return any(path in told for path in self._folders)

    def _lost(self, line: str) -> bool:
        """Whether a unix socket's name is one of ours and nobody owns it."""
        name = line.split()[-1]
        if name.startswith("@lockgate-"):
            return not _alive(name.rpartition("-")[2])
        return any(name.startswith(f"{folder}/") for folder in self._folders)


def _cells() -> list[str]:
    """Folders of cells (`layers_cell`) that have ended."""
    folders = Path(tempfile.gettempdir()).glob("lockgate-cell-*")
    return [str(path) for path in folders if not _alive(path.name.split("-")[2])]


def _ours(path: str) -> bool:
    # pytest's own folders are kept on purpose, for whoever looks into a failure.
    return Path(path).name.startswith("lockgate-") and Path(path).exists()


def _named(line: str) -> bool:
    return "lockgate" in line.replace(_PACKAGE.decode(), "")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


def _named_files(folder: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [path.name for path in Path(folder).iterdir() if _named(path.name)]
    return []


def _alive(pid: str) -> bool:
    return pid.isdigit() and Path("/proc", pid).exists()


def _groups() -> list[str]:
    """Control groups that a host made which is dead or is this process."""
    found: list[str] = []
    for folder, folders, _ in os.walk("/sys/fs/cgroup"):
        for name in folders:
            maker = name.split("-")[1] if name.startswith("lockgate-") else ""
            if maker and (maker == str(os.getpid()) or not _alive(maker)):
                found.append(f"{folder}/{name}")
    return found


def _processes(places: tuple[bytes, ...]) -> list[str]:
    """Keepers, zygotes and workers of the code in `places`, and orphans with their ids.

    The code is this checkout's, or a copy that was made of it.
    """
    found: list[str] = []
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            command = (path / "cmdline").read_bytes()
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            uid = path.stat().st_uid
        except OSError:
            continue
        files = [word for word in command.split(b"\0") if word.startswith(places)]
        ours = any(word.endswith(_OURS) for word in files)
        orphan = parent == "1" and _only_a_workers(uid)
        if ours or orphan:
            found.append(f"{path.name} {command.replace(bytes(1), b' ').decode()}")
    return found


def _only_a_workers(uid: int) -> bool:
    return 0x7000_0000 <= uid < 0x7800_0000  # see `linux.credentials`


def _queues() -> list[str]:
    """System V objects whose makers are dead."""
    found: list[str] = []
    for kind, place in (("shm", 4), ("msg", 5), ("sem", -1)):
        for line in _lines(f"/proc/sysvipc/{kind}")[1:]:
            fields = line.split()
            if place < 0 or not _alive(fields[place]):
                found.append(f"{kind} {fields[0]} {fields[1]}")
    return found
