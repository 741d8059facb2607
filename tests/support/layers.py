"""Cells: sealed children that run real attacks, as root and as an ordinary user.

An ordinary user may be unable to read the running interpreter or this
repository, so both are copied once per session to a folder that everybody may
enter.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import msgspec

import lockgate_sandbox
from lockgate_sandbox.grants import Device
from lockgate_sandbox.linux import credentials
from lockgate_sandbox.policy import Policy, Program
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.tiers import Tier

__all__ = [
    "ORDINARY_UID",
    "Cell",
    "Outcome",
    "cell_base",
    "machine_filters",
    "open_cell",
    "users",
]

ORDINARY_UID = 54_321
"""An uid that owns nothing; only used where the tests run as root."""

_BARE = {"scratch": "degradable", "cgroup": "degradable"}
"""A cell seals a child and no more: no warden counts, and no group is opened for it."""

_CELL = Path(__file__).with_name("layers_cell.py")
_BESIDE = ("layers_target.py", "layers_worker.py")
"""Modules that the cell and its workers import."""

_IGNORED = shutil.ignore_patterns("site-packages", "test", "idlelib", "*.opt-?.pyc")
"""Not the compiled modules: what each child had to compile would take most of a run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sealed child ended, and what it said."""

    report: Mapping[str, Any]

    @property
    def result(self) -> Any:
        """What the code left in `result`; None if it did not get so far."""
        return self.report.get("result")

    @property
    def errno(self) -> str:
        """The name of the errno that ended the code, or nothing."""
        return str(self.report.get("errno", ""))

    @property
    def signal(self) -> int:
        """The signal that killed the child, or 0."""
        return int(self.report.get("signal", 0))

    @property
    def posture(self) -> Posture:
        """The posture; fails the test with the reason if there is none."""
        assert "posture" in self.report, self.report
        return Posture.from_dict(cast("Mapping[str, object]", self.report["posture"]))


@dataclass(slots=True)
class Cell:
    """A host process that seals children; talk to it with `run`."""

    process: subprocess.Popen[str]
    host: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def root(self) -> bool:
        """Whether the host process is root."""
        return int(self.host["uid"]) == 0

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Send one job and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the cell ended"
        return cast("dict[str, Any]", json.loads(line))

    def run(self, code: str, **job: Any) -> Outcome:
        """Run `code` in a sealed child; the rest is what `job` takes."""
        return Outcome(self.ask({**self.job(**job), "code": textwrap.dedent(code)}))

    def run_many(self, codes: Sequence[str], **job: Any) -> list[Outcome | None]:
        """Run one code after another in the same sealed child.

        None for those that it did not come to, or did not survive.
        """
        texts = [textwrap.dedent(code) for code in codes]
        report = self.ask({**self.job(**job), "codes": texts})
        attempts = report.pop("attempts", {})
        found: list[Outcome | None] = []
        for number in range(len(codes)):
            told = attempts.get(str(number))
            if "layer_error" in report:
                told = {}
            found.append(None if told is None else Outcome({**report, **told}))
        return found

    def job(
        self,
        *,
        tier: Tier | str = Tier.READ_ONLY,
        off: Sequence[str] = (),
        modes: Mapping[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        programs: Sequence[str] = (),
        devices: Sequence[str] = (),
        **job: Any,
    ) -> dict[str, Any]:
        """A job for the cell: a child sealed for `tier`, with the layers `off`."""
        policy = Policy.for_tier(
            tier,
            read=read,
            write=write,
            programs=[Program(Path(path).name, path) for path in programs],
            devices=[Device(path) for path in devices],
        )
        given = replace(policy.limits, **dict(limits or {}))  # type: ignore[arg-type]
        policy = replace(policy, limits=given)
        chosen = {**_BARE, **dict.fromkeys(off, "off"), **(modes or {})}
        return {"policy": policy.to_dict(), "modes": chosen, **job}

    def capabilities(self) -> dict[str, Any]:
        """What the host process can enforce."""
        return cast("dict[str, Any]", self.ask({"probe": True})["capabilities"])


@dataclass(frozen=True, slots=True)
class Base:
    """An interpreter, our package and its codec, the cell's script: open to all."""

    python: str
    package: str
    script: str


@contextlib.contextmanager
def cell_base() -> Generator[Base]:
    """The base for `open_cell`; the interpreter is copied only where it must be."""
    with TemporaryDirectory(prefix="lockgate-base-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        package = folder / "lockgate_sandbox"
        for module, copy in (
            (lockgate_sandbox, package),
            (msgspec, folder / "msgspec"),
        ):
            shutil.copytree(Path(str(module.__file__)).parent, copy, ignore=_IGNORED)
        script = folder / "cell.py"
        shutil.copy(_CELL, script)
        for name in _BESIDE:
            shutil.copy(_CELL.with_name(name), folder / name)
        python = str(Path(sys.executable).resolve())
        if not _open_to_all(Path(python)):
            python = _relocate(folder / "python")
        _open(folder)
        yield Base(python, str(package), str(script))


def _open_to_all(path: Path) -> bool:
    """Whether everybody may read `path` and enter its parents."""
    return path.stat().st_mode & 0o004 != 0 and all(
        parent.stat().st_mode & 0o001 for parent in path.parents
    )


def _relocate(target: Path) -> str:
    """A copy of the running interpreter below `target`: its executable."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = {"base": sys.base_prefix, "installed_base": sys.base_prefix}
    (target / "bin").mkdir(parents=True)
    executable = target / "bin" / version
    shutil.copy(Path(sys.executable).resolve(), executable)
    _look_for_libraries_beside(executable)
    stdlib = Path(sysconfig.get_path("stdlib", vars=base))
    shutil.copytree(stdlib, target / "lib" / version, ignore=_IGNORED, symlinks=True)
    for library in (Path(sys.base_exec_prefix) / "lib").glob("libpython*.so*"):
        shutil.copy(library, target / "lib")
    return str(executable)


def _look_for_libraries_beside(executable: Path) -> None:
    """Make the loader look beside a copied program, not where it was built for."""
    built_for = os.fsencode(f"{sys.base_exec_prefix}/lib") + b"\0"
    beside = b"$ORIGIN/../lib\0".ljust(len(built_for), b"\0")
    if len(beside) == len(built_for):
        executable.write_bytes(executable.read_bytes().replace(built_for, beside))


def _open(folder: Path) -> None:
    """Let everybody read what was copied, whatever the umask was."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            extra = 0o055 if path.is_dir() else 0o044
            path.chmod(path.stat().st_mode | extra)


@contextlib.contextmanager
def open_cell(
    base: Base, uid: int = -1, wrap: Callable[[list[str]], list[str]] = list
) -> Generator[Cell]:
    """A cell of `uid` (-1: of whoever runs the tests); `wrap` makes it poorer."""
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    environment |= {"HOST_SECRET": "in the environment"}
    if library := Path(base.python).parent.parent / "lib":
        environment["LD_LIBRARY_PATH"] = str(library)
    process = subprocess.Popen(
        wrap([base.python, "-I", "-S", "-B", base.script, base.package, str(uid)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd="/",
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the cell did not start"
        yield Cell(process, json.loads(line)["ready"])
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def users() -> list[int]:
    """The uids that cells can be opened for here."""
    may_change = credentials.has_capability(credentials.CAP_SETUID)
    return [-1, ORDINARY_UID] if may_change else [-1]


def machine_filters() -> bool:
    """Whether the tests themselves run under a filter, as in a container.

    It may hold an attack although all our layers are off.
    """
    status = Path("/proc/self/status").read_text()
    return "Seccomp:\t0" not in status
