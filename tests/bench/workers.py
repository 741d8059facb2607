"""The worker that every row starts: a small module that echoes its arguments."""

from __future__ import annotations

import compileall
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lockgate_sandbox import Sandbox
from tests.support.sandbox import open_folder

__all__ = ["HEAVY", "echo_sandbox", "open_compiled", "open_echo", "site_folder"]

HEAVY = "pydantic.main"
"""What is preloaded: the part of pydantic that takes time."""

_HEAVY_FILES = (
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions.py",
    "typing_inspection",
)

_TARGET = "def build(session):\n    return lambda method, arguments: arguments\n"


@contextmanager
def echo_sandbox() -> Generator[tuple[Sandbox, str]]:
    """A sandbox and the folder of a module ``echo`` with a target ``build``."""
    with open_echo() as folder, Sandbox.open() as sandbox:
        yield sandbox, folder


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
