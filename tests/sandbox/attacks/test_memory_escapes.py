"""Memory that RLIMIT_DATA does not count, taken by real attacks.

Each limit is 64 MiB and each attack is bounded: the machine survives a hole.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from lockgate_sandbox import (
    CpuLimitError,
    MemoryLimitError,
    Policy,
    Program,
    RemoteError,
    Tier,
    probe,
)
from tests.sandbox.attacks.families.memory import MAPPING
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = pytest.mark.kernel

_LIMIT = 64 << 20

_MAPS = (
    MAPPING
    + """
def stack_that_grows(size):  # private anonymous memory, MAP_GROWSDOWN
    address = checked(libc.mmap(None, size, 3, 0x122, -1, 0))
    ctypes.memset(address, 1, size)
def own_stack(size):  # a page that nobody uses yet becomes as large as wanted
    name = ctypes.c_char_p.in_dll(libc, "__progname")  # at the stack's upper end
    page = (ctypes.cast(name, ctypes.c_void_p).value & ~4095) - (3 << 20)
    ctypes.memset(page, 1, 1)
    address = checked(libc.mremap(page, 4096, size, 1))  # MREMAP_MAYMOVE
    return lambda: ctypes.memset(address, 1, size)
"""
)

_PAGE_TABLES = """
size = 6 << 30
address = checked(libc.mmap(None, size, 1, 0x4022, -1, 0))
libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), 15)  # no huge pages
for offset in range(0, size, 2 << 20):
    ctypes.string_at(address + offset, 1)
result = True
"""


def _small(tier: Tier = Tier.READ_ONLY) -> Policy:
    return policy(tier, limits={"memory_bytes": _LIMIT})


def _code(text: str) -> str:
    return _MAPS + textwrap.dedent(text)


def test_memory_that_counts_as_stack_is_refused(lab: Lab) -> None:
    with pytest.raises(RemoteError) as caught:
        lab.run(_small(), _code("stack_that_grows(2 * (64 << 20))"))
    assert caught.value.type == "PermissionError"


def test_memory_that_counts_as_stack_passes_the_limit_without_seccomp(
    lab_without: Callable[..., Lab],
) -> None:
    # Mapped and not touched: the host, which samples, would see that.
    code = _code("""
        address = checked(libc.mmap(None, 2 * (64 << 20), 3, 0x122, -1, 0))
        libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(2 * (64 << 20)))
        result = True
    """)
    lab = lab_without("seccomp", "process-limit")
    assert lab.run(_small(), code) is True


def test_page_tables_are_bounded(lab: Lab) -> None:
    with pytest.raises(MemoryLimitError) as caught:
        lab.run(_small(), _code(_PAGE_TABLES))
    assert "no memory for the attack" in str(caught.value.__cause__)


def test_page_tables_are_not_bounded_without_rlimits(
    lab_without: Callable[..., Lab],
) -> None:
    assert lab_without("rlimits").run(_small(), _code(_PAGE_TABLES)) is True


_LATER = """
fill = own_stack(200 << 20)
def later():
    time.sleep(0.3)
    fill()
threading.Thread(target=later, daemon=True).start()
"""


def test_a_worker_that_nobody_waits_for_is_killed_for_its_memory(lab: Lab) -> None:
    with lab.worker(_small()) as worker:
        run(worker, _code(_LATER))
        assert wait_until(lambda: not alive(worker.pid))
        with pytest.raises(MemoryLimitError):
            run(worker, "result = 1")


def test_a_worker_that_nobody_waits_for_is_left_alone_within_its_limits(
    lab: Lab,
) -> None:
    code = """
        import threading, time
        kept = []
        def later():
            for _ in range(20):
                kept.append(bytearray(1 << 20))
                time.sleep(0.05)
        threading.Thread(target=later, daemon=True).start()
    """
    with lab.worker(_small()) as worker:
        run(worker, code)
        time.sleep(0.8)
        assert run(worker, "result = 1") == 1


def test_a_flood_of_requests_does_not_keep_the_host_from_looking(lab: Lab) -> None:
    code = """
        threading.Thread(target=own_stack(200 << 20), daemon=True).start()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            session.call_host("echo", {})
    """
    with (
        lab.worker(_small(), callbacks={"echo": lambda _: 1}) as worker,
        pytest.raises(MemoryLimitError),
    ):
        run(worker, _code(code))
    assert not alive(worker.pid)


_HIDDEN = """
size, many = 16 << 20, 16  # four times the limit, a quarter of it at a time
for _ in range(many):
    address = checked(libc.mmap(None, size, 3, 0x21, -1, 0))
    ctypes.memset(address, 1, size)
    libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), 4)  # MADV_DONTNEED
result = "through"
"""


def _tree() -> Policy:
    limits = policy(Tier.ELEVATED, limits={"memory_bytes": _LIMIT}).limits
    programs = [Program("true", "/bin/true")]
    return Policy.for_tier(Tier.ELEVATED, limits=limits, programs=programs)


def test_memory_that_no_process_shows_is_refused_where_no_group_counts(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("cgroup")
    with pytest.raises(RemoteError) as caught:
        lab.run(_tree(), _code(_HIDDEN))
    assert caught.value.type == "PermissionError"


def test_memory_that_no_process_shows_passes_every_look(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("cgroup", "seccomp")
    assert lab.run(_tree(), _code(_HIDDEN)) == "through"


def test_a_group_counts_memory_that_no_process_shows(lab: Lab) -> None:
    if not probe().cgroup_parents:
        pytest.skip("no control group can be made here")
    with pytest.raises(MemoryLimitError):
        lab.run(_tree(), _code(_HIDDEN))


def test_a_tree_that_nobody_waits_for_is_killed_for_its_time(lab: Lab) -> None:
    given = Policy.for_tier(Tier.ELEVATED, programs=[Program("true", "/bin/true")])
    given = replace(given, limits=replace(given.limits, cpu_seconds=4))
    code = """
        import os
        for _ in range(4):
            if not os.fork():
                while True:
                    pass
    """
    with lab.worker(given) as worker:
        run(worker, code)
        # Each is far from its own limit when all together are over it.
        assert wait_until(lambda: not alive(worker.pid), 60)
        with pytest.raises(CpuLimitError):
            run(worker, "result = 1")
