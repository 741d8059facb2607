"""A `Context` without a host: real programs and real Python in a temp folder.

It seals nothing: a plugin's library is tested through it, its confinement
through the real host.
"""

from __future__ import annotations

import ast
import importlib.metadata
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lockgate.plugin import DataFolder
from lockgate.values import Data, Document, File, ProgramRun, PythonRun, Tree

__all__ = ["LocalContext", "wheel_program"]

_DEFAULT_SECONDS = 60.0

_DRIVER = """\
import sys, importlib, traceback
folder, entry = sys.argv[1:]
import ast
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
module, name = entry.split(":")
arguments = ast.literal_eval(sys.stdin.read())
answer = getattr(importlib.import_module(module), name)(**arguments)
sys.stdout.flush()
sys.stderr.write("\\n\\x1e" + repr(answer))
"""


def wheel_program(distribution: str, file: str) -> str:
    """The path of a program that a wheel brought: `file` ends its RECORD entry.

    Raises:
        FileNotFoundError: If the distribution has no such file.
    """
    wanted = tuple(file.split("/"))
    for entry in importlib.metadata.files(distribution) or ():
        if entry.parts[-len(wanted) :] == wanted:
            return str(Path(str(entry.locate())).resolve())
    raise FileNotFoundError(f"{distribution} has no {file}")


def _write(tree: Tree, folder: Path) -> None:
    for file in tree:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        if file.executable:
            path.chmod(0o755)


def _collect(folder: Path, patterns: Sequence[str]) -> Tree:
    paths = {
        path
        for pattern in patterns
        for path in folder.glob(pattern)
        if path.is_file() and not path.is_symlink()
    }
    return Tree(
        tuple(File(str(path.relative_to(folder)), path.read_bytes()) for path in paths)
    )


@dataclass
class LocalContext:
    """What `lockgate.plugin.Context` promises, for one test.

    `programs` maps a program's name to its path; what is not in it is not
    granted. `runs` lists each program start, to count them.
    """

    programs: Mapping[str, str] = field(default_factory=dict[str, str])
    config: Document = field(default_factory=dict[str, Data])
    plugin: str = "test"
    scratch: Path | None = None
    data: DataFolder | None = None
    runs: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    messages: list[str] = field(default_factory=list[str])

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Keep the message."""
        self.messages.append(message)

    def log(self, level: str, message: str, **fields: Data) -> None:
        """Keep the line."""
        self.messages.append(f"{level}: {message} {fields}")

    def has_program(self, name: str) -> bool:
        """Whether `name` is granted and there."""
        return name in self.programs and Path(self.programs[name]).exists()

    def run_program(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        tree: Tree | None = None,
        collect: Sequence[str] = (),
        timeout: float | None = None,
    ) -> ProgramRun:
        """Run a granted program for real, in a fresh folder."""
        if name not in self.programs:
            msg = f"program {name!r} is not granted; lockgate grants grant test {name}"
            raise PermissionError(msg)
        if not Path(self.programs[name]).exists():
            raise FileNotFoundError(f"program {name!r} is not installed")
        self.runs.append((name, *arguments))
        with tempfile.TemporaryDirectory() as name_of_folder:
            folder = Path(name_of_folder)
            _write(tree or Tree(), folder)
            started = time.monotonic()
            try:
                done = subprocess.run(
                    [self.programs[name], *arguments],
                    input=stdin,
                    capture_output=True,
                    cwd=folder,
                    timeout=timeout or _DEFAULT_SECONDS,
                    check=False,
                    env={"HOME": str(folder), "PATH": "", "LC_ALL": "C.UTF-8"},
                )
            except subprocess.TimeoutExpired as error:
                raise TimeoutError(f"{name} ran longer than {timeout} s") from error
            return ProgramRun(
                done.returncode,
                done.stdout,
                done.stderr,
                _collect(folder, collect),
                time.monotonic() - started,
            )

    def http_transport(self) -> httpx.HTTPTransport:
        """To every host: there is no broker here."""
        return httpx.HTTPTransport(trust_env=False)

    def secret(self, name: str) -> str:
        """From the environment, where the host takes it from too."""
        return os.environ[f"LOCKGATE_SECRET_{name.upper().replace('-', '_')}"]

    def open_device(self, path: str) -> int:
        """Any device that we may open ourselves."""
        return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def run_python(
        self,
        tree: Tree,
        entry: str,
        arguments: Document | None = None,
        *,
        cpu_seconds: float = 10.0,
        wall_seconds: float = 20.0,
        memory_bytes: int = 256 * 1024 * 1024,
    ) -> PythonRun:
        """Run `entry` in a fresh interpreter; limits and exceptions are values."""

        def limit() -> None:
            seconds = max(1, round(cpu_seconds))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))

        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            _write(tree, Path(folder))
            try:
                done = subprocess.run(
                    [sys.executable, "-I", "-S", "-c", _DRIVER, folder, entry],
                    input=repr(_plain(arguments or {})).encode(),
                    capture_output=True,
                    timeout=wall_seconds,
                    check=False,
                    preexec_fn=limit,
                    env={},
                )
            except subprocess.TimeoutExpired:
                return PythonRun(None, "", "wall-limit", f"over {wall_seconds} s")
        return _outcome(done, time.monotonic() - started)


def _plain(value: Any) -> Any:
    """`value` in the types that `ast.literal_eval` reads."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}  # pyright: ignore
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]  # pyright: ignore
    return value


def _outcome(done: subprocess.CompletedProcess[bytes], seconds: float) -> PythonRun:
    output = done.stdout.decode("utf-8", "replace")
    stderr, mark, answer = done.stderr.decode("utf-8", "replace").rpartition("\x1e")
    if done.returncode == 0 and mark:
        output += stderr.rstrip("\n")
        return PythonRun(ast.literal_eval(answer), output, seconds=seconds)
    # Killed by SIGKILL at the hard RLIMIT_CPU; Linux sends SIGXCPU at the soft.
    error = "cpu-limit" if done.returncode in (-9, -24) else "remote-error"
    if done.returncode < 0 and error != "cpu-limit":
        error = "worker-died"
    message = answer.strip().splitlines()[-1] if answer.strip() else ""
    return PythonRun(None, output, error, message, seconds)
