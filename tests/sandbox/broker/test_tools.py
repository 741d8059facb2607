"""Programs of the machine and secrets by name, through the broker."""

from __future__ import annotations

import resource
import time
from typing import Any

import pytest

from lockgate_sandbox import Program, WallLimitError, WorkerDiedError
from lockgate_sandbox.broker import _tools
from tests.sandbox.broker.conftest import MakeBench
from tests.support.sandbox import Lab, run, task_count, wait_until

pytestmark = pytest.mark.kernel

SHELL = Program("sh", "/bin/sh", ("/usr/bin",))
SORT = Program("sort", "/usr/bin/sort")


def test_a_granted_program_runs_in_a_sandbox_of_its_own(bench: MakeBench) -> None:
    at = bench(tier="admin", tools=[SORT, SHELL])
    code = """
        first = session.run_tool("sort", ["-r"], stdin=b"a\\nb\\n")
        second = session.run_tool(
            "sh", ["-c", "cat in; echo x > out; cat /etc/shadow"],
            files={"in": b"given"}, collect=["out"])
        result = [first["status"], first["stdout"], second["stdout"],
                  second["files"], b"shadow" in second["stderr"]]
    """
    assert at.run(code) == [0, b"b\na\n", b"given", {"out": b"x\n"}, True]
    assert at.records[0].resource == "sort -r"


def test_a_program_that_is_not_granted_is_not_run(bench: MakeBench) -> None:
    at = bench(tier="admin", tools=[SORT])
    code = """
        try:
            session.run_tool(name)
        except PermissionError as error:
            result = str(error)
    """
    for name in ("sh", "/usr/bin/sort", "sort ", ""):
        assert "refused" in at.run(code, name=name)
    assert "tools=(Program('sh', PATH),) in the policy" in at.denials()[0].grant


@pytest.mark.parametrize("given", [{"arguments": ["a\0b"]}, {"files": {"a\0b": b""}}])
def test_what_no_program_can_be_given_is_told(
    bench: MakeBench, given: dict[str, Any]
) -> None:
    """Before, it ended with the status of a child of ours that had failed."""
    at = bench(tier="admin", tools=[SORT])
    code = """
        try:
            result = session.run_tool("sort", **given)["status"]
        except session.HostCallError as error:
            result = [error.code, str(error)]
    """
    code, told = at.run(code, given=given)
    assert code == "start-failed"
    assert "ValueError" in told


def test_a_slow_program_does_not_hold_up_the_calls_deadline(bench: MakeBench) -> None:
    at = bench(tier="admin", tools=[Program("sleep", "/bin/sleep")])
    started = time.monotonic()
    with pytest.raises(WallLimitError):
        at.worker.call("session.run_tool('sleep', ['60'], timeout=30)", {}, timeout=1)
    assert time.monotonic() - started < 20


def test_a_program_has_a_deadline_of_its_own(bench: MakeBench) -> None:
    at = bench(tier="admin", tools=[Program("sleep", "/bin/sleep")])
    code = """
        try:
            session.run_tool("sleep", ["20"], timeout=0.5)
        except session.HostCallError as error:
            result = error.code
    """
    assert at.run(code) == "wall-limit"


_LEAVE_BEHIND = """
import os, time
asked = dict(stdin=b"", files={}, collect=[], timeout=60.0)
for _ in range(4):
    session.call_host("broker.tool.run", dict(asked, name="sleep", arguments=[mark]))
time.sleep(0.5)
os._exit(3)
"""


def _left(bench: MakeBench, mark: str) -> int:
    """How many programs go on when the worker that started them has ended."""
    at = bench(tier="admin", tools=[Program("sleep", "/bin/sleep")])
    with pytest.raises(WorkerDiedError):
        at.run(_LEAVE_BEHIND, mark=mark)
    wait_until(lambda: not task_count(mark), 2)
    left = task_count(mark)
    at.close()
    assert wait_until(lambda: not task_count(mark))
    return left


def test_a_program_ends_with_the_worker_that_started_it(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _left(bench, "58.123") == 0
    monkeypatch.setattr(_tools.Tools, "close", lambda _: None)  # pyright: ignore
    assert _left(bench, "58.321") == 4


def test_what_ran_under_a_revoked_grant_says_nothing(bench: MakeBench) -> None:
    import threading

    at = bench(tier="admin", tools=[SHELL])
    thread = threading.Timer(0.3, at.broker.revoke, [at.broker.policy.tools[0]])
    thread.start()
    code = """
        try:
            result = session.run_tool("sh", ["-c", "sleep 1; echo late"])
        except PermissionError as error:
            result = str(error)
    """
    assert "taken back" in at.run(code)
    thread.join()


def test_no_more_is_collected_than_a_message_may_hold(bench: MakeBench) -> None:
    """The host would hold it: four times a gigabyte for each worker."""
    at = bench(tier="admin", tools=[SHELL])
    code = """
        try:
            session.run_tool(
                "sh", ["-c", "head -c 40M /dev/zero | tee a b >c"], collect=["*"])
        except session.HostCallError as error:
            result = [error.code, str(error)]
    """
    before = _peak_mib()
    kind, told = at.run(code)
    assert kind == "message-limit"
    assert "bytes to collect" in told
    assert _peak_mib() - before < 100


def _peak_mib() -> int:
    """What this process held at most since the last time, nearly."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def test_another_worker_of_the_broker_can_not_name_a_program(
    bench: MakeBench, lab: Lab
) -> None:
    at = bench(tier="admin", tools=[SHELL])
    start = """
        asked = dict(name="sh", arguments=["-c", "echo secret"], stdin=b"", files={},
                     collect=[], timeout=9.0)
        result = session.call_host("broker.tool.run", asked)
    """
    fetch = """
        result = 0
        for number in [*range(100), told]:
            try:
                while session.call_host("broker.tool.wait", {"id": number}) is None:
                    pass
                result += 1
            except session.HostCallError:
                pass
    """
    number = at.run(start)
    with lab.sandbox.worker(
        at.broker.policy,
        target="lab_target:build",
        path=[str(lab.folder)],
        broker=at.broker,
    ) as other:
        assert run(other, fetch, told=number) == 0
    assert at.run(fetch, told=number) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"arguments": "x"},
        {"arguments": [1]},
        {"files": {"/abs": b""}},
        {"files": {"../up": b""}},
        {"files": {"a": "text"}},
        {"stdin": "text"},
        {"collect": None},
    ],
    ids=str,
)
def test_a_forged_run_is_refused(bench: MakeBench, change: dict[str, object]) -> None:
    at = bench(tier="admin", tools=[SORT])
    code = """
        asked = dict(name="sort", arguments=[], stdin=b"", files={}, collect=[],
                     timeout=1.0)
        asked.update(change)
        try:
            number = session.call_host("broker.tool.run", asked)
            while session.call_host("broker.tool.wait", {"id": number}) is None:
                pass
            result = "ran"
        except session.HostCallError as error:
            result = error.code
    """
    assert at.run(code, change=change) in ("callback-failed", "policy-invalid")


def test_a_granted_secret_is_told_and_on_record_without_its_value(
    bench: MakeBench,
) -> None:
    asked: list[str] = []

    def source(name: str) -> str | None:
        asked.append(name)
        return {"TOKEN": "hunter2hunter2"}.get(name)

    at = bench(secrets_known=["TOKEN", "GONE"], secrets=source)
    assert at.run("result = session.secret('TOKEN')") == "hunter2hunter2"
    code = """
        try:
            session.secret(name)
        except PermissionError as error:
            result = str(error)
    """
    assert "no value" in at.run(code, name="GONE")
    assert "secrets=('OTHER',) in the policy" in at.run(code, name="OTHER")
    # A denied name never reaches the source, and no record tells a value.
    assert asked == ["TOKEN", "GONE"]
    at.run(code.replace("secret(name)", "secret(name)"), name="hunter2hunter2")
    assert "hunter2" not in repr(at.records)
    assert at.broker.revoke("TOKEN")
    assert "not granted" in at.run(code, name="TOKEN")
