"""What the pid namespace holds with every other layer off, and without it not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import Policy, Sandbox
from lockgate_sandbox.errors import Data
from lockgate_sandbox.posture import LAYERS
from tests.sandbox.attacks.families.orphans import ORPHAN
from tests.support.confine import command
from tests.support.layers import ORDINARY_UID, Base
from tests.support.sandbox import (
    Lab,
    alive,
    open_folder,
    outside,
    parent_of,
    policy,
    run,
    wait_until,
)

pytestmark = pytest.mark.kernel

_LAYER = "pid-namespace"


@pytest.fixture
def victim() -> Iterator[int]:
    """A process of the host's user, outside the sandbox."""
    with subprocess.Popen(["/bin/sleep", "600"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def alone(lab_without: Callable[..., Lab]) -> Lab:
    """A sandbox with this layer only; skips where it can't be had.

    The zygote enters its other namespaces with it: they hold none of this.
    """
    lab = lab_without(*(name for name in LAYERS if name != _LAYER))
    with lab.worker(policy()) as worker:
        layer = worker.posture[_LAYER]
    if layer.state != "active":
        pytest.skip(layer.detail)
    return lab


@pytest.fixture
def bare(lab_without: Callable[..., Lab]) -> Lab:
    """A sandbox without any layer."""
    return lab_without(*LAYERS)


_REACHES = {
    "signal": "import os, signal\nos.kill(victim, signal.SIGCONT)\nresult = True",
    "look up": "import os\nos.stat(f'/proc/{victim}')\nresult = True",
    "open": "import os\nos.close(os.pidfd_open(victim))\nresult = True",
    "read its priority": (
        "import os\nos.getpriority(os.PRIO_PROCESS, victim)\nresult = True"
    ),
    "find": (
        "import os, contextlib\n"
        "result = False\n"
        "for n in filter(str.isdigit, os.listdir('/proc')):\n"
        "    with contextlib.suppress(OSError):\n"  # others come and go meanwhile
        "        result |= open(f'/proc/{n}/comm').read().strip() == 'sleep'"
    ),
}


@pytest.mark.parametrize("how", _REACHES)
def test_no_process_outside_can_be_named(
    alone: Lab, bare: Lab, victim: int, how: str
) -> None:
    code = f"""
        space = {{"victim": victim}}
        try:
            exec({_REACHES[how]!r}, space)
            result = space["result"]
        except OSError:
            result = False
    """
    with alone.worker(policy()) as held, bare.worker(policy()) as free:
        assert run(held, code, victim=victim) is False
        assert run(free, code, victim=victim) is True


@pytest.mark.parametrize("held", [True, False])
def test_nothing_outlives_the_zygote(
    lab_without: Callable[..., Lab], alone: Lab, held: bool
) -> None:
    """The keeper, which would end the rest, is stopped."""
    off = [name for name in LAYERS if not (held and name == _LAYER)]
    with open_folder() as folder, Sandbox.open(layers=dict.fromkeys(off, "off")) as own:
        worker = Lab(own, folder).worker(policy())
        inner = run(worker, ORPHAN)
        assert isinstance(inner, int)
        escaped = outside(worker, inner)
        zygote = parent_of(parent_of(worker.pid))
        keeper = parent_of(zygote)
        assert alive(escaped)
        os.kill(keeper, signal.SIGSTOP)
        try:
            # Nor does its warden.
            os.kill(parent_of(worker.pid), signal.SIGSTOP)
            os.kill(zygote, signal.SIGKILL)
            assert wait_until(lambda: not alive(escaped), 10 if held else 1) is held
        finally:
            os.kill(keeper, signal.SIGCONT)
        assert wait_until(lambda: not alive(escaped))


def test_orphans_of_a_killed_warden_end(alone: Lab) -> None:
    with alone.worker(policy()) as worker:
        inner = run(worker, ORPHAN)
        assert isinstance(inner, int)
        escaped = outside(worker, inner)
        warden = parent_of(worker.pid)
        zygote = parent_of(warden)
        os.kill(warden, signal.SIGKILL)
        assert wait_until(lambda: not alive(escaped) and not alive(worker.pid))
    # Reaped too: no dead process is left as a child of the zygote.
    assert wait_until(lambda: not Path(f"/proc/{escaped}").exists())
    assert alone.run(policy(), "result = 1") == 1
    assert alive(zygote)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives uids of their own")
def test_workers_of_two_sandboxes_have_different_uids() -> None:
    found: list[tuple[Data, int]] = []
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        for _ in range(2):
            sandbox = stack.enter_context(Sandbox.open())
            worker = stack.enter_context(Lab(sandbox, folder).worker(policy()))
            if worker.posture[_LAYER].state != "active":
                pytest.skip(worker.posture[_LAYER].detail)
            assert worker.posture["uid"].state == "active"
            pid = run(worker, "import os\nresult = os.getpid()")
            assert worker.posture.uid % 2**22 == worker.pid
            found.append((pid, worker.posture.uid))

    (pid, uid), (other_pid, other_uid) = found
    assert pid == other_pid  # which is why it can't come from there
    assert uid != other_uid


def test_the_host_and_the_worker_know_it_by_different_numbers(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        if worker.posture[_LAYER].state != "active":
            pytest.skip(worker.posture[_LAYER].detail)
        inner = run(worker, "import os\nresult = os.getpid()")
        assert isinstance(inner, int)
        assert inner != worker.pid
        assert outside(worker, inner) == worker.pid


def test_a_granted_file_of_proc_can_be_read(lab: Lab) -> None:
    given = Policy.for_tier("read-only", read=["/proc/meminfo"])
    code = "result = open('/proc/meminfo').read().startswith('MemTotal')"

    assert lab.run(given, code) is True


def test_it_can_be_switched_off(lab_without: Callable[..., Lab]) -> None:
    with lab_without(_LAYER).worker(policy()) as worker:
        assert worker.posture[_LAYER].state == "off"
        assert run(worker, "import os\nresult = os.getpid()") == worker.pid


_POSTURE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from lockgate_sandbox import LayerMissingError, Policy, Sandbox
from lockgate_sandbox.interpreter import Interpreter
found = {}
for mode in ("degradable", "strict"):
    with Sandbox.open(layers={"pid-namespace": mode}) as sandbox:
        try:
            with Interpreter.open(Policy.for_tier("basic"), sandbox=sandbox) as python:
                layer = python.posture["pid-namespace"]
                found[mode] = [layer.state, layer.detail, layer.remedy]
        except LayerMissingError as error:
            found[mode] = [error.code, str(error), error.hint]
print(json.dumps(found))
"""

_COVERED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20000) == 0
assert libc.mount(b"none", b"/", 0, 0x44000, 0) == 0
assert libc.mount(b"none", b"/proc/tty", b"tmpfs", 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""

_IDS = [(0, ORDINARY_UID, 1), (1000, 1000, 1)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can play a runtime")
@pytest.mark.parametrize(
    ("machine", "covered", "state", "words"),
    [
        ({"refuse": {}, "uid": ORDINARY_UID}, False, "active", ""),
        ({"refuse": {}, "ids": _IDS}, False, "active", ""),
        ({"refuse": {}, "uid": ORDINARY_UID}, True, "missing", "nothing covered"),
        ({"container": True}, False, "missing", "unshare and mount"),
        ({"container": True, "uid": ORDINARY_UID}, False, "missing", "unshare"),
        ({"refuse": {"mount": "EPERM"}}, False, "missing", "unshare and mount"),
    ],
    ids=["user", "root of a namespace", "covered", "container", "its user", "mounts"],
)
def test_where_it_cannot_be_had_the_posture_says_why(
    base: Base, machine: dict[str, Any], covered: bool, state: str, words: str
) -> None:
    folder = str(Path(base.package).parent)
    argv = command([base.python, "-c", _POSTURE, folder], **machine)
    if covered:
        argv = [sys.executable, "-c", _COVERED, *argv]
    library = str(Path(base.python).parent.parent / "lib")
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd="/",
        env={**os.environ, "LD_LIBRARY_PATH": library, "HOME": "/"},
    )

    found = json.loads(done.stdout)
    assert found["degradable"][0] == state
    assert words in found["degradable"][2]
    if state == "missing":
        code, text, hint = found["strict"]
        assert (code, "'pid-namespace'" in text) == ("layer-missing", True)
        assert words in hint
    else:
        assert found["strict"][0] == "active"
