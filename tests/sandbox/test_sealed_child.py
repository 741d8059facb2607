"""What a sealed child finds: its ids, its folder, its programs, its kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.lacking import need
from tests.support.layers import Cell

pytestmark = pytest.mark.kernel


def test_no_capability_is_left_in_any_set(cell: Cell) -> None:
    code = """
        result = {}
        for line in open("/proc/self/status"):
            name, _, value = line.partition(":")
            if name.startswith("Cap") or name in ("NoNewPrivs", "Seccomp"):
                result[name] = int(value, 16)
    """

    # Landlock hides /proc, and a process that is not dumpable has a closed one.
    outcome = cell.run(code, off=["landlock"])

    seen = outcome.result
    if "no right to empty the bounding set" in outcome.posture["capabilities"].detail:
        seen["CapBnd"] = 0  # no_new_privs keeps what it would allow from being had
    assert seen == {
        "CapInh": 0,
        "CapPrm": 0,
        "CapEff": 0,
        "CapBnd": 0,
        "CapAmb": 0,
        "NoNewPrivs": 1,
        "Seccomp": 2,
    }


def test_each_worker_leads_a_session_of_its_own(cell: Cell) -> None:
    code = "import os; result = os.getsid(0) == os.getpgid(0) == os.getpid()"

    assert cell.run(code).result is True


def test_ordinary_code_runs_in_the_strictest_tier(cell: Cell) -> None:
    code = """
        import asyncio, concurrent.futures, datetime, hashlib, json, random, zlib
        import sqlite3, ssl, threading, zoneinfo, decimal, socket, tempfile

        async def wait():
            await asyncio.sleep(0)
            return await asyncio.to_thread(lambda: 21)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            total = sum(pool.map(lambda n: n * n, range(100)))
        data = sqlite3.connect(":memory:").execute("select 20 + 1").fetchone()
        ours, theirs = socket.socketpair()
        ours.sendall(b"hello")
        result = [asyncio.run(wait()), total, data[0], theirs.recv(9).decode(),
                  len(hashlib.sha256(random.randbytes(9)).hexdigest())]
    """

    outcome = cell.run(code)

    assert outcome.result == [21, 328350, 21, "hello", 64], outcome.report


def test_thirty_threads_fit_into_the_default_memory(cell: Cell) -> None:
    code = """
        import threading
        done = threading.Event()
        made = [threading.Thread(target=done.wait) for _ in range(30)]
        for thread in made:
            thread.start()
        done.set()
        result = len(made)
    """

    assert cell.run(code).result == 30


def test_scratch_is_writable_and_nothing_else_is(cell: Cell) -> None:
    code = """
        import os, shutil, tempfile
        path = os.path.join(scratch, "a")
        open(path, "w").write("x")
        os.mkdir(path + "d")
        os.rename(path, path + "d/b")
        with tempfile.NamedTemporaryFile(dir=scratch) as file:
            file.write(b"y")
        result = sorted(os.listdir(scratch))
        try:
            open(host["granted"] + "/new", "w")
        except PermissionError:
            result.append("nothing else")
    """

    outcome = cell.run(code, tier="basic", scratch=True)

    assert outcome.result == ["ad", "nothing else"], outcome.report


@pytest.mark.parametrize("zygote", [True, False])
def test_scratch_is_bounded_in_bytes_and_inodes(cell: Cell, zygote: bool) -> None:
    code = """
        import errno, os
        files = size = 0
        try:
            for _ in range(100):
                open(f"{scratch}/{files}", "w").close()
                files += 1
        except OSError as error:
            assert error.errno == errno.ENOSPC
        os.unlink(f"{scratch}/0")
        try:
            with open(f"{scratch}/big", "wb", buffering=0) as file:
                for _ in range(40):
                    size += file.write(bytes(1 << 16))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        result = [files, size >> 16]
    """
    need(cell, "mount_namespace")
    limits = {"inodes": 16, "disk_bytes": 1 << 20, "output_bytes": 1 << 24}

    held = cell.run(code, tier="basic", scratch=True, limits=limits, zygote=zygote)
    free = cell.run(
        code,
        tier="basic",
        scratch=True,
        limits=limits,
        off=["scratch", "rlimits", "uid"],
    )

    assert held.posture["scratch"].state == "active"
    assert held.result == [16, 16], held.report
    assert free.result == [100, 40], free.report


def test_scratch_without_mounts_is_a_plain_folder_and_says_so(cell: Cell) -> None:
    outcome = cell.run(
        "open(scratch + '/a', 'w').write('x'); result = 1",
        tier="basic",
        scratch=True,
        break_mounts=True,
    )

    assert outcome.result == 1, outcome.report
    # Nobody counts its files here: a cell has no warden.
    assert outcome.posture["scratch"].state == "missing"
    assert "measured by the host" in outcome.posture["scratch"].detail


def test_a_zygote_in_namespaces_has_no_network_even_without_seccomp(cell: Cell) -> None:
    need(cell, "mount_namespace")
    code = """
        import socket
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        result = made.sendto(b"x", ("127.0.0.1", host["udp"]))
    """

    outcome = cell.run(code, zygote=True, off=["seccomp"])

    assert outcome.posture["network-namespace"].state == "active"
    assert outcome.errno == "ENETUNREACH"


@pytest.mark.host("root")
def test_folders_behind_a_closed_one_are_shown_alone(cell: Cell) -> None:
    need(cell, "mount_namespace")
    closed = cell.host["closed"]
    code = """
        import os
        closed = host["closed"]
        result = [os.path.exists(f"{closed}/{name}") for name in
                  ("inner", "other", "hidden")]
        result.append(open(f"{closed}/inner/file").read())
        result.append(open(f"{closed}/other/file").read())
    """

    outcome = cell.run(
        code,
        zygote=True,
        uncover=[f"{closed}/inner"],
        read=[f"{closed}/inner", f"{closed}/other"],
    )

    assert outcome.result == [True, True, False, "inner", "other"], outcome.report
    assert outcome.posture["uid"].state == "active"
    assert Path(closed, "hidden", "file").read_text() == "hidden"


def test_a_cgroup_bounds_the_memory_of_a_whole_tree(cell: Cell) -> None:
    if not cell.capabilities()["cgroup_parents"]:
        pytest.skip("no cgroup can be made here")
    code = """
        import os, time
        statuses = []
        reader, writer = os.pipe()
        for _ in range(4):
            if not os.fork():
                data = bytearray(40 << 20)
                data[::4096] = b"x" * len(data[::4096])
                os.read(reader, 1)
                os._exit(0)
        time.sleep(0.5)
        os.write(writer, b"xxxx")
        result = sum(os.waitstatus_to_exitcode(os.wait()[1]) == 0 for _ in range(4))
    """
    limits = {"memory_bytes": 96 << 20}

    held = cell.run(
        code, tier="elevated", programs=["/bin/true"], limits=limits, group=True
    )
    free = cell.run(code, tier="elevated", programs=["/bin/true"], limits=limits)

    assert held.posture["cgroup"].state == "active"
    assert held.result is None or held.result < 4
    assert free.result == 4, free.report


@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5, 6, 7])
def test_older_kernels_keep_the_promises_they_can(cell: Cell, abi: int) -> None:
    code = """
        import os
        result = {}
        def attempt(name, act):
            try:
                act()
                result[name] = "done"
            except OSError as error:
                result[name] = "held"
        attempt("read", lambda: open(host["secret"]))
        attempt("truncate", lambda: os.truncate(host["granted"] + "/public", 0))
        flags = os.O_RDONLY | os.O_TRUNC
        attempt("o_trunc", lambda: os.open(host["granted"] + "/public", flags))
        attempt("kill", lambda: os.kill(host["pid"], 23))
    """

    outcome = cell.run(code, abi=abi, read=[cell.host["granted"]])

    assert outcome.posture.abi == abi
    assert set(outcome.result.values()) == {"held"}, outcome.result
    assert Path(cell.host["granted"], "public").read_text() == "public"


# A cell has no warden: without a uid to take nothing counts its processes.
UNCOUNTED = {"process-limit": "degradable"}


def test_an_old_kernel_says_that_programs_may_signal(cell: Cell) -> None:
    posture = cell.run(
        "result = 1", tier="elevated", programs=["/bin/true"], abi=5, modes=UNCOUNTED
    ).posture

    assert posture["landlock"].state == "degraded"
    assert "signals" in posture["landlock"].detail


def test_programs_run_and_inherit_the_seal(cell: Cell) -> None:
    code = """
        import subprocess
        run = lambda *argv: subprocess.run(argv, capture_output=True, text=True)
        done = run("/bin/cat", host["granted"] + "/public")
        refused = run("/bin/cat", host["secret"])
        result = [done.stdout, refused.returncode, "denied" in refused.stderr]
        try:
            run("/bin/echo", "not granted")
        except PermissionError:
            result.append("not granted")
    """

    outcome = cell.run(
        code,
        tier="elevated",
        programs=["/bin/cat"],
        read=[cell.host["granted"]],
        modes=UNCOUNTED,
    )

    assert outcome.result == ["public", 1, True, "not granted"], outcome.report


def test_nothing_of_a_sealed_child_is_left(cell: Cell) -> None:
    before = Path("/proc/self/mountinfo").read_text()

    outcome = cell.run("result = 1", tier="basic", scratch=True, zygote=True)

    assert outcome.result == 1
    assert Path("/proc/self/mountinfo").read_text() == before
    assert not Path(f"/proc/{outcome.report['pid']}").exists()
    pid = cell.host["pid"]
    assert not list(Path("/sys/fs/cgroup").glob(f"*/lockgate-{pid}-*"))
