"""Control groups: made, limited, emptied and removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate_sandbox.linux import cgroup, cgroup_parents

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def parents() -> list[tuple[str, str]]:
    found, reason = cgroup_parents.find_parents()
    if len(found) < len(cgroup.CONTROLLERS):
        pytest.skip(f"no cgroup can be made here: {reason}")
    return found


def bounds(processes: int) -> cgroup.Bounds:
    return cgroup.Bounds(processes=processes, memory_bytes=64 << 20)


def left_over() -> list[Path]:
    return list(Path("/sys/fs/cgroup").rglob(f"lockgate-{os.getpid()}-*"))


def test_looking_for_parents_leaves_nothing_behind() -> None:
    found, reason = cgroup_parents.find_parents()

    assert left_over() == []
    assert reason or {name for name, _ in found} == set(cgroup.CONTROLLERS)


def test_what_a_killed_host_leaves_is_swept_up(
    parents: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os, signal\n"
        "from lockgate_sandbox.linux import cgroup\n"
        "bounds = cgroup.Bounds(processes=4, memory_bytes=1 << 24)\n"
        f"group = cgroup.open_group({parents!r}, bounds)\n"
        "print(*group.folders, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    left = [Path(folder) for folder in done.stdout.split()]
    assert all(folder.is_dir() for folder in left)
    cgroup_parents.find_parents()  # too young: it might be a host that we can't see
    assert all(folder.is_dir() for folder in left)

    monkeypatch.setattr(cgroup_parents, "_STALE_SECONDS", -1.0)
    cgroup_parents.find_parents()

    assert not any(folder.exists() for folder in left)


def test_a_group_bounds_the_number_of_processes(parents: list[tuple[str, str]]) -> None:
    with cgroup.open_group(parents, bounds(3)) as group:
        code = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait"
        held = subprocess.Popen(
            ["/bin/sh", "-c", f"read go; {code}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        group.add(held.pid)
        assert held.stdin is not None
        held.stdin.write("go\n")
        held.stdin.close()
        assert held.stderr is not None
        assert "fork" in held.stderr.readline().lower()
        assert len(group.processes()) <= 3
        assert group.refused_processes() > 0
        group.kill()
        held.stderr.close()
        held.wait(10)
    assert left_over() == []


def test_closing_kills_what_is_inside(parents: list[tuple[str, str]]) -> None:
    group = cgroup.open_group(parents, bounds(9))
    sleeper = subprocess.Popen(["/bin/sleep", "60"])
    group.add(sleeper.pid)
    assert group.processes() == [sleeper.pid]
    assert group.memory_bytes() >= 0

    # Reaped from elsewhere, as the keeper does: a zombie still counts.
    group.kill()
    assert sleeper.wait(10) == -signal.SIGKILL
    group.close()
    group.close()

    assert left_over() == []


def test_a_forked_child_joins_by_itself(parents: list[tuple[str, str]]) -> None:
    with cgroup.open_group(parents, bounds(4)) as group:
        pid = os.fork()
        if not pid:
            cgroup.join(group.folders)
            signal.pause()
            os._exit(0)
        until = time.monotonic() + 10
        while group.processes() != [pid] and time.monotonic() < until:
            time.sleep(0.01)
        assert group.processes() == [pid]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_group_that_cannot_be_limited_is_not_left_behind(
    parents: list[tuple[str, str]],
) -> None:
    with pytest.raises(OSError, match=r"Invalid|argument|range"):
        cgroup.open_group(parents, bounds(-5))

    assert left_over() == []


_SPIN = """
import time
started, spent = time.monotonic(), time.process_time()
while time.monotonic() < started + 1.5:
    pass
print((time.process_time() - spent) / (time.monotonic() - started))
"""


def _spun(group: cgroup.Group | None) -> float:
    held = subprocess.Popen(
        [sys.executable, "-c", f"input()\n{_SPIN}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if group is not None:
        group.add(held.pid)
    out, _ = held.communicate("\n", timeout=60)
    return float(out)


def test_a_share_of_a_core_is_not_exceeded() -> None:
    parents, reason = cgroup_parents.find_parents(["cpu"])
    if not parents:
        pytest.skip(f"no cpu controller can be used here: {reason}")
    share = 0.03  # a busy machine may give no more than twice as much
    wanted = cgroup.Bounds(processes=4, memory_bytes=1 << 24, cpu_share=share)

    with cgroup.open_group(parents, wanted) as group:
        bounded = _spun(group)

    assert bounded < 2 * share
    assert _spun(None) > 2 * share
    assert left_over() == []


def _unified() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        if fields[fields.index("-") + 1] == "cgroup2" and os.access(fields[4], os.W_OK):
            return Path(fields[4])
    return None


def test_a_version_2_group_is_killed_with_all_its_forks() -> None:
    mount = _unified()
    if mount is None:
        pytest.skip("no cgroup2 that can be written to is mounted")
    folder = mount / f"lockgate-{os.getpid()}-v2"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made in {mount}: {error.strerror}")
    group = cgroup.Group([str(folder)], [])
    bomb = "while :; do (sleep 60 & sleep 60) & sleep 0.001; done"
    held = subprocess.Popen(
        ["/bin/sh", "-c", f"read go; {bomb}"], stdin=subprocess.PIPE
    )
    group.add(held.pid)
    assert held.stdin is not None
    held.stdin.write(b"go\n")
    held.stdin.close()
    until = time.monotonic() + 10
    while len(group.processes()) < 20 and time.monotonic() < until:
        time.sleep(0.01)

    group.kill()

    assert held.wait(10) == -signal.SIGKILL
    group.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("controller", "files", "expected"),
    [
        ("cpu", {"cpu.max": ""}, {"cpu.max": "25000 100000"}),
        (
            "cpu",
            {"cpu.cfs_period_us": "", "cpu.cfs_quota_us": ""},
            {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000"},
        ),
        (
            "memory",
            {"memory.max": "", "memory.swap.max": "", "memory.oom.group": ""},
            {"memory.max": "64", "memory.swap.max": "0", "memory.oom.group": "1"},
        ),
        (
            "dmem",
            {"dmem.max": "drm/0000:03:00.0/vram0 max\n"},
            {"dmem.max": "drm/0000:03:00.0/vram0 9"},
        ),
    ],
)
def test_each_version_has_files_of_its_own(
    tmp_path: Path, controller: str, files: dict[str, str], expected: dict[str, str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    wanted = cgroup.Bounds(
        processes=4, memory_bytes=64, cpu_share=0.25, gpu_memory_bytes=9
    )

    cgroup.limit(str(tmp_path), controller, wanted)

    for name, text in expected.items():
        assert (tmp_path / name).read_text().startswith(text)


def test_a_machine_without_device_memory_has_no_limit_of_it(tmp_path: Path) -> None:
    (tmp_path / "dmem.max").write_text("")
    wanted = cgroup.Bounds(processes=4, memory_bytes=64, gpu_memory_bytes=9)

    with pytest.raises(OSError, match="no driver has registered"):
        cgroup.limit(str(tmp_path), "dmem", wanted)
