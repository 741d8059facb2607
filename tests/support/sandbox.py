"""Workers that run whatever code a test hands them, and what a test looks at."""

from __future__ import annotations

import contextlib
import os
import textwrap
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate_sandbox import Policy, Sandbox, Tier, Worker
from lockgate_sandbox.errors import Data, LimitError

__all__ = [
    "TIERS",
    "Lab",
    "alive",
    "crowd",
    "goes_past",
    "open_folder",
    "outside",
    "parent_of",
    "policy",
    "run",
    "task_count",
    "wait_until",
]

TIERS = [tier for tier in Tier if tier is not Tier.SYSTEM]

_TARGET = '''
def build(session, **arguments):
    """Runs the code it is given; what that calls `result` is the answer."""

    def handler(method, arguments):
        space = {"session": session, **arguments}
        exec(compile(method, "<test>", "exec"), space)
        return space.get("result")

    return handler
'''


def policy(
    tier: Tier | str = Tier.READ_ONLY, *, limits: Mapping[str, float] | None = None
) -> Policy:
    """The tier's own policy with some limits changed."""
    plain = Policy.for_tier(tier)
    return replace(plain, limits=replace(plain.limits, **dict(limits or {})))  # type: ignore[arg-type]


@contextlib.contextmanager
def open_folder() -> Generator[Path]:
    """A folder that a worker of another uid may read, unlike pytest's own."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


class Lab:
    """A sandbox and a folder with a target that runs code."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.write("lab_target", _TARGET)

    def write(self, module: str, source: str) -> None:
        """Put a module beside the target."""
        (self.folder / f"{module}.py").write_text(textwrap.dedent(source))

    def worker(
        self,
        policy: Policy,
        *,
        target: str = "lab_target:build",
        callbacks: Mapping[str, Callable[[dict[str, Data]], object]] | None = None,
    ) -> Worker:
        """A worker; the sandbox closes it."""
        return self.sandbox.worker(
            policy, target=target, path=[str(self.folder)], callbacks=callbacks
        )

    def run(self, policy: Policy, code: str, **values: Data) -> Data:
        """Run `code` in a fresh worker and give its `result`."""
        with self.worker(policy) as worker:
            return run(worker, code, **values)


def goes_past(lab: Lab, policy: Policy, code: str, expected: Data) -> bool:
    """Whether `code` gets past its limit to its `expected` result.

    The host's own look, which comes later, may end it, but not before.
    """
    try:
        return lab.run(policy, code) == expected
    except LimitError as error:
        return not error.claimed and error.used > error.limit


def crowd(count: int, each_mib: int, seconds: float) -> str:
    """A program of `count` processes that hold as much for `seconds`, all together."""
    return textwrap.dedent(f"""
        import os, time
        for _ in range({count}):
            if not os.fork():
                held = bytearray(b"x") * ({each_mib} << 20)
                time.sleep({seconds})
                os._exit(0)
        for _ in range({count}):
            os.wait()
    """)


def run(worker: Worker, code: str, **values: Data) -> Data:
    """Run `code` in a worker and give its `result`."""
    return worker.call(textwrap.dedent(code), values).value


def outside(worker: Worker, inner: int) -> int:
    """The process id here of what `worker` calls `inner`; 0 if there is none.

    They differ where the sandbox has a pid namespace.
    """
    space = Path(f"/proc/{worker.pid}/ns/pid").readlink()
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (path / "status").read_text().partition("\nNSpid:")[2]
                names = fields.partition("\n")[0].split()
                inside = (path / "ns/pid").readlink() == space
                if inside and int(names[-1]) == inner:
                    return int(path.name)
    return 0


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def parent_of(pid: int) -> int:
    """The process whose child it is."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def task_count(marker: str) -> int:
    """How many processes have `marker` among their arguments."""
    count = 0
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            with contextlib.suppress(OSError):
                count += marker.encode() in (path / "cmdline").read_bytes()
    return count


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether `condition` becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
