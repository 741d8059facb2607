"""Resource limits of one process, which its children inherit.

RLIMIT_DATA bounds memory rather than RLIMIT_AS, which counts address space that
nothing stands behind and breaks numpy and thread arenas. It counts private
writable mappings of one process: shared memory and the sum over a tree are
bounded elsewhere (seccomp, cgroup, sampling by the host). RLIMIT_AS is set all
the same, far above: it bounds the page tables, which nothing else counts.

RLIMIT_NPROC counts all tasks of the uid in its user namespace and does not bind
uid 0; whether it means anything is decided where the uid is known.
"""

from __future__ import annotations

import ctypes
import errno
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Lowered",
    "apply",
    "bound_thread_stacks",
    "largest_file",
    "raise_open_files",
    "values",
]

_STACK_BYTES = 8 * 1024 * 1024

# Reading one byte in each 2 MiB of untouched memory costs the kernel a page table
# of 4 KiB: they can take an eighth of the memory limit, at least 8 MiB.
_ADDRESS_SPACE_FACTOR = 64
_ADDRESS_SPACE_LEAST_BYTES = 4 * 1024**3

# A thread's stack counts in full against RLIMIT_DATA, touched or not. With the
# usual 8 MiB thirty threads would use up 256 MiB and fail to start.
_THREAD_STACK_BYTES = 2 * 1024 * 1024

_stacks_are_bound = False

_ATTR_BYTES = 64  # sizeof(pthread_attr_t) is 56 on x86-64, 64 on aarch64


def values(limits: Mapping[str, float]) -> list[tuple[int, int, int]]:
    """(resource, soft, hard) for limits as `Limits` names them.

    RLIMIT_NPROC is not among them: see `_seal.enforce`.
    """
    cpu = max(1, -int(-limits["cpu_seconds"] // 1))
    data = int(limits["memory_bytes"])
    space = max(_ADDRESS_SPACE_FACTOR * data, _ADDRESS_SPACE_LEAST_BYTES)
    size = largest_file(limits)
    files = int(limits["open_files"])
    return [
        # SIGXCPU first, which a process may catch; SIGKILL a second later.
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_DATA, data, data),
        (resource.RLIMIT_AS, space, space),
        (resource.RLIMIT_FSIZE, size, size),
        (resource.RLIMIT_NOFILE, files, files),
        # A core dump is a file with everything the process knew. Not 0, which a
        # core_pattern that is a pipe disregards: at 1 the kernel starts no helper,
        # which would read the memory of a hostile process as root (core(5)).
        (resource.RLIMIT_CORE, 1, 1),
        (resource.RLIMIT_STACK, _STACK_BYTES, _STACK_BYTES),
        (resource.RLIMIT_MEMLOCK, 65536, 65536),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_NICE, 0, 0),
        (resource.RLIMIT_RTPRIO, 0, 0),
        (resource.RLIMIT_SIGPENDING, 256, 256),
    ]


def raise_open_files() -> int:
    """Let this process open as many files as it may (RLIMIT_NOFILE); gives the number.

    Whatever it starts may open as many, so this is for who owns the process: one that
    embeds others' code may hold programs that use select(2), which knows 1,024 only.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def largest_file(limits: Mapping[str, float]) -> int:
    """How large one file may get, in bytes, memory files included."""
    # Standard output may be a file, even where the worker can open none.
    own = min(limits["file_bytes"], limits["disk_bytes"])
    return int(max(own, limits["output_bytes"]))


def apply(wanted: Iterable[tuple[int, int, int]]) -> None:
    """Set each limit, never above the hard limit that already holds.

    Raises:
        OSError: If the kernel refuses a limit.
    """
    for which, soft, hard in wanted:
        try:
            resource.setrlimit(which, (soft, hard))
        except ValueError:
            # Above the hard limit that already holds, which is tighter then.
            _, ceiling = resource.getrlimit(which)
            try:
                resource.setrlimit(which, (min(soft, ceiling), min(hard, ceiling)))
            except ValueError as error:  # so EPERM is told, whatever it was for
                raise PermissionError(errno.EPERM, str(error)) from error


class Lowered:
    """Soft limits of this process that are lower for a while: pairs of which and what.

    One that is lower already stays as it is.
    """

    def __init__(self, wanted: Iterable[tuple[int, int]]) -> None:
        self._wanted = wanted
        self._before: list[tuple[int, tuple[int, int]]] = []

    def __enter__(self) -> None:
        for which, most in self._wanted:
            soft, hard = resource.getrlimit(which)
            if soft == resource.RLIM_INFINITY or soft > most:
                resource.setrlimit(which, (most, hard))
                self._before.append((which, (soft, hard)))

    def __exit__(self, *_: object) -> None:
        while self._before:
            resource.setrlimit(*self._before.pop())


def bound_thread_stacks() -> None:
    """Make new threads ask for 2 MiB of stack; nothing happens without glibc.

    Holds for children too, so a zygote does it once for all of them.
    """
    global _stacks_are_bound
    if _stacks_are_bound:
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "pthread_setattr_default_np"):
        attr = ctypes.create_string_buffer(_ATTR_BYTES)
        if libc.pthread_attr_init(attr) == 0:
            size = ctypes.c_size_t(_THREAD_STACK_BYTES)
            libc.pthread_attr_setstacksize(attr, size)
            libc.pthread_setattr_default_np(attr)
            libc.pthread_attr_destroy(attr)
    _stacks_are_bound = True
