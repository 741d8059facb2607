"""Workers that would kill, run or write beside themselves."""

from __future__ import annotations

import contextlib
import textwrap

import pytest

from lockgate_sandbox import DescriptorLimitError, SandboxError, Tier, WorkerDiedError
from tests.sandbox.attacks.misbehaviour import ELEVATED
from tests.support.sandbox import Lab, policy, run

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("next_worker_works")]


def test_kill_of_everything_hits_nobody_else(lab: Lab) -> None:
    with lab.worker(policy()) as other:
        code = """
            import os, signal
            try:
                os.kill(-1, signal.SIGKILL)
            except OSError as error:
                result = type(error).__name__
        """
        with lab.worker(ELEVATED) as worker, contextlib.suppress(WorkerDiedError):
            run(worker, code)
        assert run(other, "result = 1") == 1


def test_kill_of_the_zygote_and_siblings_is_refused(lab: Lab) -> None:
    with lab.worker(policy()) as other:
        code = """
            import os, signal
            refused = []
            for pid in pids or [os.getppid()]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    refused.append(pid)
            result = len(refused)
        """
        assert lab.run(policy(), code, pids=[other.pid]) == 1
        assert lab.run(policy(), code, pids=[]) == 1
        assert lab.run(ELEVATED, code, pids=[other.pid]) == 1
        assert run(other, "result = 1") == 1


def test_start_up_files_in_the_plugin_folder_never_run(lab: Lab) -> None:
    lab.write("sitecustomize", "print('sitecustomize ran')")
    lab.write("usercustomize", "print('usercustomize ran')")
    (lab.folder / "evil.pth").write_text("import sys; sys.evil = True\n/tmp\n")
    code = """
        import sys
        result = [hasattr(sys, "evil"), "sitecustomize" in sys.modules,
                  "usercustomize" in sys.modules, "/tmp" in sys.path]
    """
    with lab.worker(policy()) as worker:
        reply = worker.call(textwrap.dedent(code), {})
    assert reply.value == [False, False, False, False]
    assert "ran" not in reply.output


def test_plugin_code_is_imported_after_the_seal(lab: Lab) -> None:
    lab.write(
        "early",
        """
        try:
            open("/etc/passwd")
            READ = True
        except OSError:
            READ = False
        def build(session):
            return lambda method, arguments: READ
        """,
    )
    with lab.worker(policy(), target="early:build") as worker:
        assert worker.call("x").value is False


def test_scratch_is_bounded_in_bytes_and_files(lab: Lab) -> None:
    small = policy(Tier.BASIC, limits={"disk_bytes": 1 << 20, "inodes": 50})
    with pytest.raises(SandboxError) as caught:
        lab.run(
            small,
            """
            import time
            for index in range(1000):
                (session.scratch / str(index)).touch()
            time.sleep(60)
        """,
        )
    assert caught.value.code == "inode-limit"
    with pytest.raises(SandboxError) as caught:
        lab.run(
            small,
            """
            import time
            for index in range(40):
                (session.scratch / str(index)).write_bytes(bytes(1 << 18))
            time.sleep(60)
        """,
        )
    assert caught.value.code == "disk-limit"


def test_rlimits_can_not_be_raised(lab: Lab) -> None:
    code = """
        import resource
        refused = 0
        for name in ("RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_NOFILE"):
            try:
                resource.setrlimit(getattr(resource, name), (1 << 40, 1 << 40))
            except (OSError, ValueError):
                refused += 1
        result = refused
    """
    assert lab.run(policy(), code) == 3


def test_open_files_are_limited(lab: Lab) -> None:
    code = "import os\nwhile True: os.dup(0)"
    with pytest.raises(DescriptorLimitError):
        lab.run(policy(), code)
