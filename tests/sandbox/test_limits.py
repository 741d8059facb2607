"""Each limit is reached for real and has an error of its own; off, it does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lockgate_sandbox import (
    CpuLimitError,
    DepthLimitError,
    DescriptorLimitError,
    DiskLimitError,
    FileSizeLimitError,
    InodeLimitError,
    LimitError,
    MemoryLimitError,
    MessageLimitError,
    OutputLimitError,
    Policy,
    ProcessLimitError,
    Program,
    RemoteError,
    Tier,
    WallLimitError,
)
from lockgate_sandbox.errors import Data
from tests.support.sandbox import Lab, goes_past, policy, run

pytestmark = pytest.mark.kernel

_MIB = 1 << 20


@dataclass(frozen=True)
class Reach:
    """Code that runs into one limit; `off` are the layers that hold it.

    Where none holds it but the host, `raised` are limits with which the same code
    goes `through`, or `within` is code that stays below a limit nobody can raise.
    """

    code: str
    error: type[LimitError]
    limits: dict[str, float]
    off: tuple[str, ...] = ()
    raised: dict[str, float] | None = None
    within: str = ""
    through: Data = "through"
    tier: Tier = Tier.BASIC
    programs: bool = False
    claimed: bool = False

    def policy(self, limits: dict[str, float] | None = None) -> Policy:
        """The tier's own, with this limit or the given ones."""
        programs = [Program("true", "/bin/true")] if self.programs else []
        given = policy(self.tier, limits=self.limits if limits is None else limits)
        return Policy.for_tier(self.tier, limits=given.limits, programs=programs)


_DESCRIPTORS = """
    import os
    kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    result = "through"
"""
_LARGE = """
    with open(session.scratch / "large", "wb") as file:
        for _ in range(8):
            file.write(bytes(1 << 20))
    result = "through"
"""
_SPARSE = """
    with open(session.scratch / "sparse", "wb") as file:
        file.truncate(8 << 20)
    result = "through"
"""
_FILL = """
    for number in range(8):
        (session.scratch / str(number)).write_bytes(bytes(1 << 20))
    result = "through"
"""
_MANY = """
    for number in range(200):
        (session.scratch / str(number)).touch()
    result = "through"
"""
_FOLDERS = """
    import os
    here = session.scratch
    for number in range(200):
        os.mkdir(here / str(number))
    result = "through"
"""
_LINKS = """
    import os
    for number in range(200):
        os.symlink("/nowhere", session.scratch / str(number))
    result = "through"
"""
_THREADS = """
    import threading
    stop = threading.Event()
    try:
        for _ in range(40):
            threading.Thread(target=stop.wait, daemon=True).start()
    except RuntimeError as error:
        failed = error
        raise
    result = "through"
"""
_FORKS = """
    import os, signal
    for _ in range(40):
        if not os.fork():
            signal.pause()
            os._exit(0)
    result = "through"
"""
_MAPPED = """
    import mmap
    kept = mmap.mmap(-1, 256 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    result = "through"
"""

_SPIN = """
    import time
    while time.process_time() < 1.3:
        pass
    result = "through"
"""
_NESTED = "result = None\nfor _ in range({}): result = [result]"

REACHES = {
    "cpu": Reach(_SPIN, CpuLimitError, {"cpu_seconds": 1}, raised={}),
    "wall": Reach(
        "import time; time.sleep(0.6); result = 'through'",
        WallLimitError,
        {"wall_seconds": 0.2},
        raised={},
    ),
    "heap": Reach(
        "kept = bytearray(256 << 20); result = 'through'",
        MemoryLimitError,
        {"memory_bytes": 64 * _MIB},
        raised={"memory_bytes": 512 * _MIB},
        claimed=True,
    ),
    "memory": Reach(
        _MAPPED,
        MemoryLimitError,
        {"memory_bytes": 64 * _MIB},
        off=("rlimits",),
        claimed=True,
    ),
    "threads": Reach(
        _THREADS,
        ProcessLimitError,
        {"processes": 16},
        off=("process-limit", "uid", "user-namespace"),
        claimed=True,
    ),
    "processes": Reach(
        _FORKS,
        ProcessLimitError,
        {"processes": 16},
        off=("process-limit", "cgroup", "uid", "user-namespace"),
        tier=Tier.ELEVATED,
        programs=True,
        claimed=True,
    ),
    "open-files": Reach(
        _DESCRIPTORS,
        DescriptorLimitError,
        {"open_files": 64},
        off=("rlimits",),
        claimed=True,
    ),
    "file-size": Reach(
        _LARGE,
        FileSizeLimitError,
        {"file_bytes": 2 * _MIB},
        off=("rlimits",),
        claimed=True,
    ),
    "sparse-file": Reach(
        _SPARSE,
        FileSizeLimitError,
        {"file_bytes": 2 * _MIB},
        off=("rlimits",),
        claimed=True,
    ),
    "disk": Reach(
        _FILL,
        DiskLimitError,
        {"disk_bytes": 4 * _MIB},
        off=("scratch", "uid"),
        claimed=True,
    ),
    "inodes": Reach(
        _MANY, InodeLimitError, {"inodes": 100}, off=("scratch", "uid"), claimed=True
    ),
    "folders": Reach(
        _FOLDERS, InodeLimitError, {"inodes": 100}, off=("scratch", "uid"), claimed=True
    ),
    "links": Reach(
        _LINKS, InodeLimitError, {"inodes": 100}, off=("scratch", "uid"), claimed=True
    ),
    "output": Reach(
        # A flood: more than is kept is dropped, and only much more than that ends it.
        "for _ in range(300): print('x' * 9999)\nresult = 'through'",
        OutputLimitError,
        {"output_bytes": 1000},
        raised={"output_bytes": _MIB},
    ),
    "message": Reach(
        "result = 'through' * 30_000",
        MessageLimitError,
        {"message_bytes": 100_000},
        raised={},
        through="through" * 30_000,
        claimed=True,
    ),
    "nodes": Reach(
        "result = [None] * 1_100_000",
        MessageLimitError,
        {},
        within="result = [None] * 900_000",
        through=list[Data]([None]) * 900_000,
        claimed=True,
    ),
    "depth": Reach(
        _NESTED.format(100),
        DepthLimitError,
        {},
        within=_NESTED.format(3),
        through=[[[None]]],
        claimed=True,
    ),
}


@pytest.mark.parametrize("name", REACHES)
def test_a_limit_has_an_error_of_its_own(lab: Lab, name: str) -> None:
    reach = REACHES[name]
    with lab.worker(reach.policy()) as worker:
        with pytest.raises(LimitError) as caught:
            run(worker, reach.code)
        error = caught.value
        assert type(error) is reach.error
        assert error.claimed is reach.claimed
        assert error.used >= error.limit
        assert error.hint
        assert worker.alive is reach.claimed


@pytest.mark.parametrize("name", [name for name, reach in REACHES.items() if reach.off])
def test_without_its_layer_the_limit_does_not_hold(
    lab_without: Callable[..., Lab], name: str
) -> None:
    reach = REACHES[name]
    assert goes_past(lab_without(*reach.off), reach.policy(), reach.code, "through")


@pytest.mark.parametrize(
    "name", [name for name, reach in REACHES.items() if not reach.off]
)
def test_with_the_limit_raised_the_same_code_goes_through(lab: Lab, name: str) -> None:
    reach = REACHES[name]
    given = reach.policy(reach.raised)
    assert lab.run(given, reach.within or reach.code) == reach.through


def test_a_claim_remembers_what_was_raised(lab: Lab) -> None:
    reach = REACHES["open-files"]
    with pytest.raises(DescriptorLimitError) as caught:
        lab.run(reach.policy(), reach.code)
    told = caught.value.__cause__
    assert isinstance(told, RemoteError)
    assert told.type == "OSError"
    assert "<test>" in told.traceback
    assert "the worker says" in str(caught.value)


@pytest.mark.parametrize(
    "details",
    [
        "{'kind': 'limit', 'limit': 'cpu_seconds'}",
        "{'kind': 'limit', 'limit': '__class__'}",
        "{'kind': 'limit', 'limit': [1]}",
        "{'kind': 'limit'}",
    ],
)
def test_only_what_is_held_inside_can_be_claimed(lab: Lab, details: str) -> None:
    code = f"error = ValueError()\nerror.lockgate_details = {details}\nraise error"
    with lab.worker(policy()) as worker:
        with pytest.raises(RemoteError):
            run(worker, code)
        assert worker.alive


@pytest.mark.parametrize(
    "code",
    [
        "raise OSError(28, 'no space', '/somewhere')",  # the scratch folder has room
        "raise BlockingIOError(11, 'nothing to read')",  # a thread can be started
        "raise OSError(2, 'missing')",
        "raise RuntimeError('something')",
    ],
)
def test_an_honest_error_is_no_claim(lab: Lab, code: str) -> None:
    with pytest.raises(RemoteError):
        lab.run(policy(Tier.BASIC), code)


def test_a_limit_that_is_reached_while_the_target_is_built(lab: Lab) -> None:
    lab.write("greedy", "kept = bytearray(1 << 30)\ndef build(session): ...\n")
    with pytest.raises(MemoryLimitError) as caught:
        lab.worker(policy(), target="greedy:build")
    assert caught.value.claimed


_SCRIPTS = {
    name: (reach.code.replace("session.scratch", "here"), reach)
    for name, reach in REACHES.items()
    if reach.off and not reach.programs
}


@pytest.mark.parametrize("name", _SCRIPTS)
def test_a_script_that_runs_into_a_limit_says_so(
    lab: Lab, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, reach = _SCRIPTS[name]
    script = lab.folder / "script.py"
    start = (
        "if True:\n    import os, pathlib; here = pathlib.Path(os.environ['TMPDIR'])\n"
    )
    script.write_text(start + code)
    done = lab.sandbox.run_file(reach.policy(), script)
    assert type(done.error) is reach.error, capfd.readouterr()
    assert isinstance(done.error, LimitError)
    assert done.error.claimed
    assert done.status == 1


def test_a_script_that_handles_it_has_run_into_nothing(lab: Lab) -> None:
    script = lab.folder / "script.py"
    script.write_text("try:\n    bytearray(1 << 40)\nexcept MemoryError:\n    pass\n")
    done = lab.sandbox.run_file(policy(Tier.BASIC), script)
    assert (done.status, done.error) == (0, None)


def _sh(lab: Lab, script: str, limits: dict[str, float]) -> None:
    given = policy(Tier.ADMIN, limits={"wall_seconds": 60, **limits})
    lab.sandbox.run_program(
        given, ["sh", "-c", script], executable=["/bin", "/usr/bin"]
    )


@pytest.mark.parametrize(
    ("script", "limits", "error"),
    [
        ("exec head -c 8M /dev/zero >large", {"file_bytes": _MIB}, FileSizeLimitError),
        ("head -c 8M /dev/zero >a", {"disk_bytes": 2 * _MIB}, DiskLimitError),
        ("for n in $(seq 200); do : >$n; done", {"inodes": 100}, InodeLimitError),
        (
            "for n in $(seq 40); do sleep 60 & done; exit 1",
            {"processes": 16},
            ProcessLimitError,
        ),
    ],
)
def test_a_program_that_fails_at_a_limit(
    lab: Lab, script: str, limits: dict[str, float], error: type[LimitError]
) -> None:
    with pytest.raises(error) as caught:
        _sh(lab, script, limits)
    assert not caught.value.claimed


def test_a_program_that_fails_at_a_limit_that_only_the_kernel_knows(
    lab_without: Callable[..., Lab],
) -> None:
    """Without a group: RLIMIT_NPROC, of which nobody but the shell is told."""
    lab = lab_without("cgroup")
    with pytest.raises(ProcessLimitError) as caught:
        _sh(lab, "for n in $(seq 40); do sleep 60 & done; exit 1", {"processes": 16})
    assert not caught.value.claimed
    _sh(lab, "for n in $(seq 12); do sleep 60 & done; exit 1", {"processes": 16})
    _sh(lab, "for n in $(seq 40); do sleep 60 & done; exit 0", {"processes": 64})
