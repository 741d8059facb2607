"""The attacks where the machine offers less: containers, user namespaces, old kernels.

A container's runtime is played by a filter of our own assembler, the capabilities
that it leaves and no_new_privs (`tests.support.confine`). Nothing may succeed there
that does not elsewhere, and the sandbox has to work.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import probe
from tests.sandbox.attacks.catalogue import RUNGS
from tests.sandbox.attacks.matrix import mistake, outcomes
from tests.support.confine import CONTAINER_CAPABILITIES, command
from tests.support.layers import ORDINARY_UID, Base, open_cell

pytestmark = pytest.mark.kernel

_ROOT = os.geteuid() == 0

_CONTAINER: dict[str, Any] = {
    "container": True,
    "keep": CONTAINER_CAPABILITIES if _ROOT else None,
    "cgroups": False,
}
_USER = {"uid": ORDINARY_UID} if _ROOT else {}
_IDS = [(0, ORDINARY_UID, 1), (1000, 1000, 1)] if _ROOT else [(0, os.geteuid(), 1)]

MACHINES: dict[str, list[dict[str, Any]]] = {
    "container as a user": [{**_CONTAINER, **_USER}],
    "user namespace": [{"ids": _IDS}],
    "container in a user namespace": [{**_CONTAINER, "ids": _IDS, "cgroups": True}],
    "container in a container": [_CONTAINER, {**_CONTAINER, "cgroups": True}],
}
if _ROOT:
    MACHINES["container as root"] = [_CONTAINER]
    MACHINES["container without capabilities"] = [{**_CONTAINER, "capabilities": False}]
    MACHINES["user namespace of a user"] = [{**_USER, "ids": [(0, ORDINARY_UID, 1)]}]

_LIKE_OTHERS = (
    "user namespace of a user",
    "container in a user namespace",
    "container in a container",
)


def wrapped(argv: list[str], machine: str) -> list[str]:
    """The command as it runs on that machine, outermost layer first."""
    for layer in reversed(MACHINES[machine]):
        argv = command(argv, **layer)
    return argv


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    """One of the machines; skips where this one can't play it."""
    name: str = request.param
    if "user namespace" in name and not probe().can("user_namespace"):
        pytest.skip(f"no user namespaces: {probe().reasons['user_namespace']}")
    return name


_TRIED = [
    (machine, rung)
    for machine in MACHINES
    for rung in (("basic", "programs") if machine in _LIKE_OTHERS else RUNGS)
]


@pytest.mark.parametrize(("machine", "rung"), _TRIED, indirect=["machine"])
def test_nothing_succeeds_there_that_does_not_elsewhere(
    base: Base, machine: str, rung: str
) -> None:
    mistakes: dict[str, str] = {}
    count = 0
    with open_cell(base, wrap=lambda argv: wrapped(argv, machine)) as cell:
        for attack, outcome in outcomes(cell, rung):
            count += 1
            told = mistake(cell, rung, attack, outcome, filtered=True)
            if told:
                mistakes[attack.name] = told
    assert not mistakes
    assert count >= 200


_SCRIPT = """
import os, pathlib, threading
pathlib.Path(os.environ["TMPDIR"], "made").write_text("x" * 1000)
thread = threading.Thread(target=print, args=("in a thread",))
thread.start()
thread.join()
for path in ("/etc/passwd", "/proc/self/mem", "/"):
    try:
        os.open(path, os.O_RDONLY)
    except OSError:
        print("refused")
"""


def _run(base: Base, machine: str, script: str, given: dict[str, Any]) -> Any:
    """What `lockgate-sandbox run` prints for `script` there, and its layers."""
    folder = Path(base.package).parent / "scripts" / machine.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    for name, text in (("script.py", script), ("policy.json", json.dumps(given))):
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    options = ["--policy", "policy.json", "--report", "report.json"]
    argv = [base.python, "-m", "lockgate_sandbox", "run", *options, "script.py"]
    done = subprocess.run(
        wrapped(argv, machine),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "PYTHONPATH": str(Path(base.package).parent),
            "LD_LIBRARY_PATH": str(Path(base.python).parent.parent / "lib"),
        },
    )
    assert done.returncode == 0, done.stderr
    report = folder / "report.json"
    told = json.loads(report.read_text())
    report.unlink()
    layers = {layer["name"]: layer for layer in told["posture"]["layers"]}
    for layer in layers.values():
        assert layer["remedy"] or layer["state"] not in ("missing", "degraded")
    return done.stdout, layers


def test_the_sandbox_works_there(base: Base, machine: str) -> None:
    told, layers = _run(base, machine, _SCRIPT, {"tier": "basic"})

    assert told == "in a thread\n" + "refused\n" * 3
    for name in ("landlock", "seccomp", "no-new-privs", "capabilities", "rlimits"):
        assert layers[name]["state"] == "active", layers[name]


_STARTER = """
import os, signal, subprocess
print(subprocess.run(["/bin/echo", "a program"], stdout=subprocess.PIPE).stdout)
children = []
try:
    while len(children) < 100:
        child = os.fork()
        if not child:
            signal.pause()
            os._exit(0)
        children.append(child)
except OSError:
    print(len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_programs_start_and_are_counted_there(base: Base, machine: str) -> None:
    given: dict[str, Any] = {
        "tier": "elevated",
        "programs": [{"name": "echo", "path": "/bin/echo", "read": []}],
        "limits": {"processes": 16},
    }
    told, layers = _run(base, machine, _STARTER, given)

    printed, started = told.splitlines()
    assert printed == "b'a program\\n'"
    assert layers["process-limit"]["state"] == "active"
    assert 1 < int(started) < 16


def test_a_sandbox_inside_a_sandbox_says_what_it_lacks(base: Base) -> None:
    code = f"""
        import subprocess
        done = subprocess.run(
            [{base.python!r}, "-m", "lockgate_sandbox", "run", host["script"]],
            capture_output=True, text=True, env={{"PYTHONPATH": host["package"]}},
        )
        result = [done.returncode, done.stderr]
    """
    folder = str(Path(base.package).parent)
    script = Path(folder, "inner.py")
    script.write_text("print('ran')")
    script.chmod(0o644)
    text = code.replace('host["script"]', repr(str(script)))
    with open_cell(base) as cell:
        outcome = cell.run(
            text.replace('host["package"]', repr(folder)),
            tier="elevated",
            scratch=True,
            read=[folder],
            programs=[base.python],
        )
    assert outcome.result, outcome.report
    status, errors = outcome.result
    assert status == 125, errors
    assert "no folder for temporary files" in errors
    assert "[start-failed]" in errors
