"""What no worker below system may do to its host, each with the real attack.

Every attack runs twice: it must fail with the layers on, at every tier, and it
must succeed once the layers that stop it are switched off. The second half shows
that the first one tests the layers and not a broken attack.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lockgate_sandbox import RemoteError, Tier
from lockgate_sandbox.errors import Data
from tests.support.layers import machine_filters
from tests.support.sandbox import TIERS, Lab, open_folder, policy

pytestmark = pytest.mark.kernel


@dataclass(frozen=True, slots=True)
class Host:
    """Things of the host that a worker must not reach."""

    secret: str
    secret_file: Path
    victim: subprocess.Popen[bytes]
    port: int

    def values(self) -> dict[str, Data]:
        return {
            "secret_file": str(self.secret_file),
            "written": str(self.secret_file.parent / "written"),
            "victim": self.victim.pid,
            "host": os.getpid(),
            "port": self.port,
            "elf": Path("/bin/true").read_bytes(),
        }


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    secret = secrets.token_hex(16)
    os.environ["LOCKGATE_TEST_SECRET"] = secret
    with open_folder() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        file = folder / "secret"
        file.write_text(secret)
        file.chmod(0o600)
        victim = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
        )
        try:
            yield Host(secret, file, victim, server.getsockname()[1])
        finally:
            victim.kill()
            victim.wait()
            del os.environ["LOCKGATE_TEST_SECRET"]


@dataclass(frozen=True, slots=True)
class Attack:
    """Code that raises where it is stopped, and the layers that stop it."""

    name: str
    code: str
    stoppers: tuple[str, ...]


_PTRACE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(16, victim, None, None):  # PTRACE_ATTACH
    raise OSError(ctypes.get_errno(), "ptrace")
os.waitpid(victim, 0x40000000)  # __WALL
if libc.ptrace(17, victim, None, None):  # PTRACE_DETACH
    raise OSError(ctypes.get_errno(), "detach")
result = True
"""

_PROCESS_VM_READ = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
start = int(open(f"/proc/{victim}/maps").readline().split("-")[0], 16)
class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
room = ctypes.create_string_buffer(4)
mine = Iovec(ctypes.cast(room, ctypes.c_void_p), 4)
theirs = Iovec(start, 4)
args = (victim, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
if libc.process_vm_readv(*args) != 4:
    raise OSError(ctypes.get_errno(), "process_vm_readv")
assert room.raw == b"\\x7fELF"
result = True
"""

# The exec alone where no fork is possible: it would replace the worker.
_MEMFD_EXEC = """
import os
fd = os.memfd_create("x")
os.write(fd, elf)
if not alone:
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
        result = True
if alone or not pid:
    os.execve(fd, ["x"], {})
"""

_NAMESPACES = (
    "network-namespace",
    "ipc-namespace",
    "mount-namespace",
    "pid-namespace",
)
# Looking into another process of the same uid: each of these alone stops it.
_TRACING = (
    "landlock",
    "seccomp",
    "uid",
    "capabilities",
    "no-new-privs",
    "user-namespace",
    *_NAMESPACES,
)

ATTACKS = [
    Attack(
        "reads a secret file of the host",
        "result = open(secret_file).read()",
        ("landlock", "uid"),
    ),
    Attack(
        "reads the host's environment from /proc",
        "result = 'LOCKGATE_TEST_SECRET' in open(f'/proc/{victim}/environ').read()\n"
        "assert result",
        _TRACING,
    ),
    Attack(
        "connects to a TCP port of the host",
        "import socket\n"
        "socket.create_connection(('127.0.0.1', port), 5).close()\n"
        "result = True",
        ("landlock", "seccomp", *_NAMESPACES),
    ),
    Attack(
        "opens a UDP socket",
        "import socket\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()\nresult = True",
        ("seccomp",),
    ),
    Attack(
        "opens a netlink socket",
        "import socket\n"
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()\nresult = True",
        ("seccomp",),
    ),
    Attack(
        "writes into a folder of the host",
        "import os\nos.mkdir(written)\nos.rmdir(written)\nresult = True",
        ("landlock", "uid", "capabilities"),
    ),
    Attack(
        "changes the mode of a host file",
        "import os\nos.chmod(secret_file, 0o600)\nresult = True",
        ("seccomp", "uid"),
    ),
    Attack(
        "signals a process of the host",
        "import os, signal\nos.kill(victim, signal.SIGCONT)\nresult = True",
        ("landlock", "seccomp", "uid", *_NAMESPACES),
    ),
    Attack("traces a process of the host", _PTRACE, _TRACING),
    Attack(
        "reads the memory of a process of the host",
        _PROCESS_VM_READ,
        _TRACING,
    ),
    Attack(
        "forks",
        "import os\npid = os.fork()\nif not pid: os._exit(0)\n"
        "os.waitpid(pid, 0)\nresult = True",
        ("seccomp",),
    ),
    Attack(
        "starts a program of the host",
        "import subprocess\nsubprocess.run(['/bin/true'], check=True)\nresult = True",
        ("seccomp", "landlock"),
    ),
    Attack("executes a memory file", _MEMFD_EXEC, ("seccomp", "landlock", "rlimits")),
]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_stopped_at_every_tier(
    lab: Lab, host: Host, attack: Attack, tier: Tier
) -> None:
    with pytest.raises(RemoteError) as caught:
        lab.run(policy(tier), attack.code, alone=True, **host.values())
    allowed = {"PermissionError", "FileNotFoundError", "OSError", "BlockingIOError"}
    assert caught.value.type in allowed, caught.value.traceback


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_succeeds_with_its_layers_off(
    lab_without: Callable[..., Lab], host: Host, attack: Attack
) -> None:
    lab = lab_without(*attack.stoppers, "process-limit")
    code = attack.code
    try:
        result = lab.run(policy(Tier.BASIC), code, alone=False, **host.values())
    except RemoteError:
        if not machine_filters():
            raise
        pytest.skip("the container's own filter may hold it as well")
    assert result is True or result == host.secret
    host.victim.send_signal(signal.SIGCONT)
    assert host.victim.poll() is None


@pytest.mark.parametrize("tier", TIERS)
def test_environment_holds_nothing_of_the_host(
    lab: Lab, host: Host, tier: Tier
) -> None:
    code = "import os\nresult = dict(os.environ)"
    found = lab.run(policy(tier), code)
    assert isinstance(found, dict)
    assert host.secret not in found.values()
    assert set(found) <= {"HOME", "LANG", "LC_ALL", "PATH", "TMPDIR"}


def test_environment_of_keeper_and_zygote_holds_nothing_of_the_host(
    lab_without: Callable[..., Lab], host: Host
) -> None:
    lab = lab_without(*_TRACING, "process-limit")
    code = """
        import os
        def environ(pid):
            with open(f"/proc/{pid}/environ", "rb") as file:
                return file.read()
        def parent(pid):
            with open(f"/proc/{pid}/stat") as file:
                return int(file.read().rpartition(")")[2].split()[1])
        zygote = parent(os.getppid())  # the worker has a warden here
        result = [environ("self"), environ(zygote), environ(parent(zygote))]
    """
    found = lab.run(policy(Tier.BASIC), code)
    assert isinstance(found, list)
    plain = b"HOME=/\0LANG=C.UTF-8\0LC_ALL=C.UTF-8\0PATH=/usr/bin:/bin\0"
    assert all(item == plain for item in found)


@pytest.mark.parametrize("tier", TIERS)
def test_worker_has_no_descriptor_but_its_own(lab: Lab, tier: Tier) -> None:
    code = """
        import os
        found = []
        for fd in range(200):
            try:
                os.fstat(fd)
            except OSError:
                continue
            found.append(fd)
        result = found
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(server.fileno(), True)
        found = lab.run(policy(tier), code)
    assert isinstance(found, list)
    assert found[:3] == [0, 1, 2]
    assert len(found) == 4  # and the channel
