"""A host whose ``/proc`` hides what it may not trace (hidepid, proc(5)).

Such a host could not see its own workers if they closed themselves to their uid: it
would measure nothing and end nothing of what they leave behind.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import crowd, open_folder, task_count

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

_HIDES = """
import os, time
path = os.environ["TMPDIR"] + "/unreadable"
file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o111)
os.write(file, open("/bin/sleep", "rb").read())
os.close(file)
def start(count):
    for _ in range(count):
        if not os.fork():
            os.setsid()
            os.closerange(0, 64)
            os.execv(path, [path, "6"])
        time.sleep(0.05)
"""
"""A program whose file its user may not read is hidden from that user: execve(2)."""

_DRIVER = """
import json, signal, sys, time
from dataclasses import replace
from lockgate_sandbox import Interpreter, Policy, Program, Sandbox, SandboxError
from lockgate_sandbox._seal import plan
from lockgate_sandbox._watch import tree

if "off" in sys.argv:
    found = plan.probe()
    seen = replace(found, reasons={**found.reasons, "sight_of_workers": ""})
    plan.probe = lambda: seen
    from lockgate_sandbox._start import nursery
    nursery.probe = plan.probe
    if "blind" not in sys.argv:
        tree.is_hidden = lambda pid: False

told = {}
elevated = Policy.for_tier("elevated", programs=[Program("sleep", "/bin/sleep")])
limits = replace(elevated.limits, memory_bytes=200 << 20, processes=8)
elevated = replace(elevated, limits=limits)
modes = {"process-limit": "off"} if "off" in sys.argv else {}

def left(sandbox):
    "What a text leaves: whether it is alive two seconds later, and what it says then."
    with Interpreter.open(elevated, sandbox=sandbox) as it:
        text = "start(1); os._exit(0)"
        it.run(open("hides.py").read() + f"if not os.fork(): {text}").check()
        until = time.monotonic() + 2
        while it.alive and time.monotonic() < until:
            time.sleep(0.05)
        try:
            return it.alive, it.run("1").check().text
        except SandboxError as ended:
            return it.alive, ended.code

with Sandbox.open(layers=modes) as sandbox:
    if sys.argv[1] == "later":
        told["later"] = left(sandbox)
        sys.argv[1] = "left"
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

_FILES = {
    "many.py": _MANY,
    "left.py": _LEFT,
    "hides.py": _HIDES,
    "hidden.py": f"{_HIDES}start(16)\ntime.sleep(1)",
    "driver.py": _DRIVER,
}
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


def test_a_hidden_worker_would_use_what_it_likes(base: Base) -> None:
    told = _driven(base, "many", "off")

    assert told["many"][0] == ""


def test_a_worker_that_is_hidden_all_the_same_is_killed(base: Base) -> None:
    told = _driven(base, "many", "off", "blind")

    assert told["many"][0] == "layer-missing"


# -- programs that hide themselves -----------------------------------------------------

_LASTS = 6
"""Seconds of such a program."""


@pytest.fixture
def unaware(base: Base) -> Iterator[Base]:
    """The same where nobody asks whether a process is hidden, or his own child."""
    with open_folder() as folder:
        for package in ("lockgate_sandbox", "msgspec"):
            shutil.copytree(Path(base.package).parent / package, folder / package)
        tree = folder / "lockgate_sandbox" / "_watch" / "tree.py"
        tree.write_text(
            tree.read_text() + "\n\nis_hidden = _is_own = lambda pid: False\n"
        )
        yield replace(base, package=str(folder / "lockgate_sandbox"))


def _running() -> int:
    """How many of them there are."""
    return task_count("/unreadable")


def test_a_program_that_hides_itself_is_ended_and_its_worker(base: Base) -> None:
    told = _driven(base, "hidden")

    assert told["hidden"][0] == "layer-missing"
    assert told["hidden"][1] < _LASTS
    assert not _running()


def test_a_text_that_has_answered_may_start_none_either(base: Base) -> None:
    told = _driven(base, "later")

    assert told["later"] == [False, "layer-missing"]
    assert not _running()


def test_else_they_are_as_many_as_they_like_and_stay(unaware: Base) -> None:
    told = _driven(unaware, "hidden")

    assert told["hidden"][0] == ""  # no start was refused
    assert told["hidden"][1] > _LASTS  # nobody could end them, and all waited


def test_else_the_next_text_finds_it_alive(unaware: Base) -> None:
    told = _driven(unaware, "later")

    assert told["later"] == [True, "1"]
