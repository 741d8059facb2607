"""Memory that no limit of one process counts, or that is many processes' together.

Each limit is 64 MiB and each attack is bounded, so the machine survives it. The second
half is without the layer that refuses it, or with room for what is taken.
"""

from __future__ import annotations

from lockgate_sandbox import MemoryLimitError, RemoteError, Worker
from tests.sandbox.attacks.families.field import Attack, Field
from tests.support.sandbox import alive, run, wait_until

__all__ = [
    "AS_STACK",
    "ATTACKS",
    "FLOODS_MEANWHILE",
    "MAPS",
    "NEVER_SEEN",
    "PAGE_TABLES",
    "SHARED",
    "TOGETHER",
    "UNMAPPED",
]

TOGETHER = 2

_MIB = 1 << 20
_LIMIT, _ROOM = 64 * _MIB, 1024 * _MIB

_FORKS = ("seccomp", "process-limit")
"""What keeps a worker of most rungs from starting a process."""

MAPS = """
import ctypes, os, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3
libc.mmap.argtypes += [ctypes.c_long]
libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
def checked(address):
    if address in (None, 2**64 - 1):
        raise OSError(ctypes.get_errno(), "no memory for the attack")
    return address
def own_stack(size):  # a page that nobody uses yet becomes as large as wanted
    name = ctypes.c_char_p.in_dll(libc, "__progname")  # at the stack's upper end
    page = (ctypes.cast(name, ctypes.c_void_p).value & ~4095) - (3 << 20)
    ctypes.memset(page, 1, 1)
    address = checked(libc.mremap(page, 4096, size, 1))  # MREMAP_MAYMOVE
    return lambda: ctypes.memset(address, 1, size)
size = 96 << 20
"""
"""How attacks on memory map it, past what Python counts, and how much of it."""

AS_STACK = """
address = checked(libc.mmap(None, size, 3, 0x122, -1, 0))  # MAP_GROWSDOWN
libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))
result = True
"""

SHARED = """
import mmap
room = mmap.mmap(-1, size)
for start in range(0, size, 4096):
    room[start] = 1
result = True
"""

UNMAPPED = """
fd = os.memfd_create("x")
for _ in range(size >> 20):
    os.write(fd, bytes(1 << 20))
result = True
"""

NEVER_SEEN = """
piece = 16 << 20
for _ in range(6):
    address = checked(libc.mmap(None, piece, 3, 0x21, -1, 0))
    ctypes.memset(address, 1, piece)
    libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(piece), 4)  # MADV_DONTNEED
result = True
"""

PAGE_TABLES = """
size = 6 << 30
address = checked(libc.mmap(None, size, 1, 0x4022, -1, 0))
libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), 15)  # no huge pages
for offset in range(0, size, 2 << 20):
    ctypes.string_at(address + offset, 1)
result = True
"""

_FILLS_LATER = """
fill, done = own_stack(size), []
def later():
    time.sleep(0.2)
    fill()
    done.append(True)
threading.Thread(target=later, daemon=True).start()
session.done = done
"""

FLOODS_MEANWHILE = """
filling = threading.Thread(target=own_stack(size), daemon=True)
filling.start()
end = time.monotonic() + 20
while filling.is_alive() or rest and time.monotonic() < end:
    session.call_host("echo", {})
result = True
"""

_TREE = """
reader, writer = os.pipe()
for _ in range(6):
    if not os.fork():
        kept = bytearray(b"x") * (16 << 20)
        os.write(writer, b"x")
        time.sleep(600)
        os._exit(0)
for _ in range(6):
    os.read(reader, 1)
time.sleep(rest)
result = True
"""


def _takes(code: str, *off: str, room: bool = False) -> Attack:
    """Without the layers `off`, or where there is `room`, `code` gets through."""

    def attack(field: Field) -> bool:
        limit = _ROOM if room and not field.held else _LIMIT
        with field.worker(
            *off, callbacks={"echo": lambda _: 1}, memory_bytes=limit
        ) as worker:
            try:
                return _run(worker, code, rest=20 if field.held else 0) is True
            except MemoryLimitError:
                return False
            except RemoteError as error:
                if error.type != "PermissionError" or not field.held:
                    raise
                return False

    return attack


def _takes_while_nobody_waits(field: Field) -> bool:
    limit = _LIMIT if field.held else _ROOM
    with field.worker(memory_bytes=limit) as worker:
        _run(worker, _FILLS_LATER)
        if not field.held:
            return wait_until(lambda: run(worker, "result = session.done") == [True])
        if not wait_until(lambda: not alive(worker.pid)):
            return True
        try:
            run(worker, "result = 1")
        except MemoryLimitError:
            return False
    return True


def _run(worker: Worker, code: str, rest: float = 0) -> object:
    return run(worker, MAPS + code, rest=rest)


ATTACKS: dict[str, Attack] = {
    "memory that counts as stack": _takes(AS_STACK, *_FORKS, room=True),
    "memory that is shared": _takes(SHARED, *_FORKS, room=True),
    "memory of a file without a name": _takes(UNMAPPED, *_FORKS, "rlimits", room=True),
    "memory that no process shows": _takes(NEVER_SEEN, *_FORKS, "cgroup"),
    "page tables": _takes(PAGE_TABLES, "rlimits"),
    "memory while nobody waits": _takes_while_nobody_waits,
    "memory while requests come": _takes(FLOODS_MEANWHILE, room=True),
    "memory of many processes": _takes(_TREE, *_FORKS, room=True),
}
