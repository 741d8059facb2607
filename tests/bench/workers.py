"""The worker that every row starts: a small module that echoes its arguments."""

from __future__ import annotations

import compileall
import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate_sandbox import Policy, Sandbox, Worker
from tests.bench.harness import compiled
from tests.support.sandbox import open_folder

__all__ = [
    "HEAVY",
    "echo_sandbox",
    "echo_worker",
    "open_compiled",
    "open_echo",
    "seqpacket",
    "site_folder",
]

HEAVY = "pydantic.main"
"""What is preloaded: the part of pydantic that takes time."""

_HEAVY_FILES = (
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions.py",
    "typing_inspection",
)

_TRIPS = "5000"

_TARGET = "def build(session):\n    return lambda method, arguments: arguments\n"


@contextmanager
def echo_sandbox() -> Generator[tuple[Sandbox, str]]:
    """A sandbox and the folder of a module ``echo`` with a target ``build``."""
    with open_echo() as folder, Sandbox.open() as sandbox:
        yield sandbox, folder


def echo_worker(stack: ExitStack) -> Worker:
    """A worker of that target, which ends with `stack`."""
    sandbox, folder = stack.enter_context(echo_sandbox())
    policy = Policy.for_tier("read-only")
    return sandbox.worker(policy, target="echo:build", path=[folder])


def seqpacket(stack: ExitStack, data: str) -> Callable[[], float]:
    """A side: a round trip of so many bytes between two C programs, by SEQPACKET."""
    folder = stack.enter_context(TemporaryDirectory())
    source = Path(__file__).with_name("seqpacket_echo.c")
    argv = [compiled(source, Path(folder)), _TRIPS, str(len(data))]

    def side() -> float:
        done = subprocess.run(argv, capture_output=True, check=True)
        return int(done.stdout) / 1e9

    return side


@contextmanager
def open_echo() -> Generator[str]:
    """The folder of that module alone."""
    with open_folder() as folder:
        (folder / "echo.py").write_text(_TARGET)
        yield str(folder)


def site_folder() -> str:
    """The folder that pydantic is imported from."""
    import pydantic

    return str(Path(pydantic.__file__).parent.parent)


@contextmanager
def open_compiled() -> Generator[str]:
    """A folder with what `HEAVY` is made of, compiled as pip leaves it.

    A Python that has compiled its modules itself keeps megabytes of holes in its heap,
    and whether it has to depends on who imported them before, and on the environment.
    """
    with open_folder() as folder:
        for name in _HEAVY_FILES:
            source, copy = Path(site_folder(), name), folder / name
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                shutil.copyfile(source, copy)
        compileall.compile_dir(folder, quiet=1)
        yield str(folder)
