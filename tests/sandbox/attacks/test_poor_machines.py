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

from tests.sandbox.attacks.matrix import mistake, outcomes
from tests.support.confine import RUNTIME, RUNTIME_CAPABILITIES, command
from tests.support.layers import ORDINARY_UID, Base, Cell, open_cell

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can play a runtime"),
]

_CONTAINER: dict[str, Any] = {
    "refuse": RUNTIME,
    "keep": RUNTIME_CAPABILITIES,
    "cgroups": False,
}
_IDS = [(0, ORDINARY_UID, 1), (1000, 1000, 1)]

MACHINES: dict[str, list[dict[str, Any]]] = {
    "container as root": [_CONTAINER],
    "container as a user": [{**_CONTAINER, "uid": ORDINARY_UID}],
    "container without capabilities": [{**_CONTAINER, "capabilities": False}],
    "user namespace": [{"refuse": {}, "ids": _IDS}],
    "container in a user namespace": [{**_CONTAINER, "ids": _IDS, "cgroups": True}],
    "container in a container": [_CONTAINER, {**_CONTAINER, "cgroups": True}],
}


def wrapped(argv: list[str], machine: str) -> list[str]:
    """The command as it runs on that machine, outermost layer first."""
    for layer in reversed(MACHINES[machine]):
        argv = command(argv, **layer)
    return argv


_TRIED = [
    *((machine, "basic") for machine in MACHINES),
    ("container as root", "programs"),
    ("container as a user", "programs"),
]


@pytest.mark.parametrize(("machine", "rung"), _TRIED)
def test_nothing_succeeds_there_that_does_not_elsewhere(
    base: Base, machine: str, rung: str
) -> None:
    mistakes: dict[str, str] = {}
    with open_cell(base, wrap=lambda argv: wrapped(argv, machine)) as cell:
        for attack, outcome in outcomes(cell, rung):
            told = mistake(cell, rung, attack, outcome, filtered=True)
            if told:
                mistakes[attack.name] = told
    assert not mistakes


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


@pytest.mark.parametrize("machine", MACHINES)
def test_the_sandbox_works_there(base: Base, machine: str) -> None:
    folder = Path(base.package).parent
    script = folder / "script.py"
    script.write_text(_SCRIPT)
    script.chmod(0o644)
    reports = folder / "reports"
    reports.mkdir(exist_ok=True)
    reports.chmod(0o777)
    report = reports / f"{machine.replace(' ', '-')}.json"
    argv = [base.python, "-m", "lockgate_sandbox", "run", "--tier", "basic"]
    done = subprocess.run(
        wrapped([*argv, "--report", str(report), str(script)], machine),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "PYTHONPATH": str(folder),
            "LD_LIBRARY_PATH": str(Path(base.python).parent.parent / "lib"),
        },
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "in a thread\n" + "refused\n" * 3
    told = json.loads(report.read_text())
    layers = {layer["name"]: layer for layer in told["posture"]["layers"]}
    for name in ("landlock", "seccomp", "no-new-privs", "capabilities", "rlimits"):
        assert layers[name]["state"] == "active", layers[name]
    for layer in layers.values():
        assert layer["remedy"] or layer["state"] not in ("missing", "degraded")


@pytest.mark.parametrize("abi", [1, 2, 4, 5])
def test_an_older_landlock_lets_nothing_more_happen(cell: Cell, abi: int) -> None:
    mistakes: dict[str, str] = {}
    for attack, outcome in outcomes(cell, "read-only", abi):
        if told := mistake(cell, "read-only", attack, outcome):
            mistakes[attack.name] = told
    assert not mistakes


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
