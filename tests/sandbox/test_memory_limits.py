"""Memory beyond one process's own: shared, nameless, or of many together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from lockgate_sandbox import MemoryLimitError, Policy, Program, RemoteError, Tier, probe
from tests.support.sandbox import TIERS, Lab, policy

pytestmark = pytest.mark.kernel

_MIB = 1 << 20


def _without(limits: Mapping[str, float]) -> Policy:
    return policy(Tier.ELEVATED, limits=limits)


def _with_programs(limits: Mapping[str, float]) -> Policy:
    return replace(_without(limits), programs=(Program("true", "/bin/true"),))


_HIDING = {
    "memfd": "import os; os.memfd_create('x')",
    "a segment of System V": "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
    "if libc.shmget(0, 4096, 0o1600) < 0: raise OSError(ctypes.get_errno(), 'shmget')",
    "a file in memory": "open('/dev/shm/lockgate-test', 'w')",
}


@pytest.mark.parametrize("tier", [*TIERS, "programs"])
@pytest.mark.parametrize("name", _HIDING)
def test_memory_that_nothing_counts_is_refused(lab: Lab, name: str, tier: str) -> None:
    given = _with_programs({}) if tier == "programs" else policy(tier)
    with pytest.raises(RemoteError) as caught:
        lab.run(given, _HIDING[name])
    assert caught.value.type == "PermissionError"


_SHARED = """
    import mmap
    kept = mmap.mmap(-1, 256 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    for at in range(0, len(kept), 4096):
        kept[at] = 1
    result = "through"
"""


@pytest.mark.parametrize("off", [(), ("cgroup",)])
@pytest.mark.parametrize("programs", [False, True])
def test_shared_memory_is_counted_or_refused(
    lab_without: Callable[..., Lab], off: tuple[str, ...], programs: bool
) -> None:
    """A group counts it; where there is none, or one process, it is refused."""
    less, more = {"memory_bytes": 64 * _MIB}, {"memory_bytes": 512 * _MIB}
    make = _with_programs if programs else _without
    counts = programs and not off and probe().can("cgroup")
    expected = MemoryLimitError if counts else RemoteError
    with pytest.raises(expected) as caught:
        lab_without(*off).run(make(less), _SHARED)
    if isinstance(caught.value, MemoryLimitError):
        assert not caught.value.claimed
        assert lab_without(*off).run(make(more), _SHARED) == "through"
    else:
        assert isinstance(caught.value, RemoteError)
        assert caught.value.type == "PermissionError"


@pytest.mark.parametrize("off", [(), ("cgroup",)])
def test_memory_of_many_processes_counts_together(
    lab_without: Callable[..., Lab], off: tuple[str, ...]
) -> None:
    code = """
        import os, time
        for _ in range(6):
            if not os.fork():
                kept = bytearray(b"x") * (24 << 20)
                time.sleep(60)
                os._exit(0)
        time.sleep(60)
    """
    given = _with_programs({"memory_bytes": 96 * _MIB})
    with pytest.raises(MemoryLimitError) as caught:
        lab_without(*off).run(given, code)
    assert not caught.value.claimed
