"""The smaller facilities: limits, credentials, namespaces, descriptors, filters."""

from __future__ import annotations

import os
import resource
import struct
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.linux import credentials, namespaces, rlimits, seccomp
from lockgate_sandbox.tiers import Limits

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_limits_become_resources() -> None:
    limits = asdict(Limits.for_tier("basic")) | {"cpu_seconds": 1.2}

    values = {which: (soft, hard) for which, soft, hard in rlimits.values(limits)}

    assert values[resource.RLIMIT_CPU] == (2, 3)
    assert values[resource.RLIMIT_DATA] == (256 << 20, 256 << 20)
    # Address space is bounded for the page tables' sake: far above the memory.
    assert values[resource.RLIMIT_AS] == (16 << 30, 16 << 30)
    assert values[resource.RLIMIT_FSIZE] == (64 << 20, 64 << 20)
    assert values[resource.RLIMIT_CORE] == (1, 1)
    assert resource.RLIMIT_NPROC not in values


def test_a_worker_without_disk_may_still_print_into_a_file() -> None:
    limits = asdict(Limits.for_tier("read-only"))

    values = {which: soft for which, soft, _ in rlimits.values(limits)}

    assert values[resource.RLIMIT_FSIZE] == limits["output_bytes"]


@given(
    slots=st.lists(st.integers(0, 9), unique=True, max_size=4),
    pid=st.integers(1, 1 << 22),
)
def test_the_process_id_goes_into_its_slots_only(slots: list[int], pid: int) -> None:
    program = b"".join(struct.pack("=HBBI", 0x15, 1, 2, 7) for _ in range(10))

    made = seccomp.Filter(program, slots)
    made.name(pid)

    for index, (*rest, constant) in enumerate(struct.iter_unpack("=HBBI", made.code)):
        assert rest == [0x15, 1, 2]
        assert constant == (pid if index in slots else 7)


@as_root
def test_a_uid_range_is_mapped_and_above_what_users_have() -> None:
    ids = credentials.own_uid_range()

    if ids is None:
        pytest.skip("too few ids are mapped in this container")
    first, count = ids
    assert first >= 20_000
    assert count >= 40_000
    assert first <= credentials.adopt_uid(first, count, 4_194_304) < first + count


@as_root
def test_reach_is_asked_as_the_other_uid(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    inner = closed / "inner"
    inner.mkdir()
    ids = credentials.own_uid_range()
    if ids is None or not credentials.has_capability(credentials.CAP_SETUID):
        pytest.skip("no uid to take")

    blocked = credentials.unreachable(
        ids[0], [("/usr", os.R_OK | os.X_OK), ("/nowhere", os.R_OK), (str(inner), 4)]
    )

    assert blocked == str(inner)
    assert credentials.unreachable(ids[0], [("/usr", os.R_OK | os.W_OK)]) == "/usr"
    # And the caller is itself again.
    assert inner.stat().st_uid == os.geteuid()
    (inner / "file").touch()
    assert (inner / "file").stat().st_uid == os.geteuid()


def test_the_topmost_closed_parent_is_found(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    inner = outer / "inner" / "deep"
    inner.mkdir(parents=True)
    for folder in (tmp_path, outer, inner.parent):
        folder.chmod(0o755)

    open_already = namespaces.closed_parent(str(inner))
    outer.chmod(0o700)
    inner.parent.chmod(0o700)
    closed = namespaces.closed_parent(str(inner))

    assert closed in (open_already or str(outer), str(outer))
    assert namespaces.closed_parent("/nowhere/at/all") == ""
