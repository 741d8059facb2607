"""A host whose ``/proc`` hides what it may not trace (hidepid, proc(5)).

Such a host could not see its own workers if they closed themselves to their uid: it
would measure nothing and end nothing of what they leave behind.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import crowd

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user"),
]

_MANY = crowd(4, 100, 1)
"""Four processes, each within its limit, hold twice what all of them may."""

_LEFT = """
import os, time
if not os.fork():
    if not os.fork():
        os.setsid()
        time.sleep(2)
    os._exit(0)
os.wait()
"""

_DRIVER = """
import json, signal, sys, time
from dataclasses import replace
from lockgate_sandbox import Policy, Program, Sandbox, SandboxError
from lockgate_sandbox._seal import plan
from lockgate_sandbox._watch import sample

if "off" in sys.argv:
    found = plan.probe()
    seen = replace(found, reasons={**found.reasons, "sight_of_workers": ""})
    plan.probe = lambda: seen
    from lockgate_sandbox._start import nursery
    nursery.probe = plan.probe
    if "blind" not in sys.argv:
        sample._is_hidden = lambda pid: False

told = {}
elevated = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
elevated = replace(elevated, limits=replace(elevated.limits, memory_bytes=200 << 20))
with Sandbox.open() as sandbox:
    for name in sys.argv[1].split("+"):
        before = time.monotonic()
        try:
            done = sandbox.run_file(elevated, f"{name}.py")
            error = done.error
            told["no-new-privs"] = done.posture["no-new-privs"].detail
        except SandboxError as refused:
            error = refused
        told[name] = [error.code if error else "", time.monotonic() - before]
print(json.dumps(told))
"""

_FILES = {"many.py": _MANY, "left.py": _LEFT, "driver.py": _DRIVER}
_LEFT_SECONDS = 2


def _driven(base: Base, *words: str, container: bool = True) -> dict[str, Any]:
    done = run_as_ordinary(
        base, ["driver.py", *words], _FILES, container=container, hidepid=2
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("container", [False, True], ids=["namespaces", "none"])
def test_a_host_sees_and_ends_its_workers(base: Base, container: bool) -> None:
    told = _driven(base, "many+left", container=container)

    assert told["many"][0] == "memory-limit"
    assert told["left"][0] == ""
    assert told["left"][1] < _LEFT_SECONDS
    assert "may trace it" in told["no-new-privs"]


def test_a_hidden_worker_would_use_what_it_likes_and_leave_others_behind(
    base: Base,
) -> None:
    told = _driven(base, "many+left", "off")

    assert told["many"][0] == ""
    assert told["left"][1] > _LEFT_SECONDS


def test_a_worker_that_is_hidden_all_the_same_is_killed(base: Base) -> None:
    told = _driven(base, "many", "off", "blind")

    assert told["many"][0] == "layer-missing"
