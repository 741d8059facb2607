"""The worker that every row starts: a small module that echoes its arguments."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from lockgate_sandbox import Sandbox
from tests.support.sandbox import open_folder

__all__ = ["echo_sandbox"]

_TARGET = "def build(session):\n    return lambda method, arguments: arguments\n"


@contextmanager
def echo_sandbox() -> Generator[tuple[Sandbox, str]]:
    """A sandbox and the folder of a module ``echo`` with a target ``build``."""
    with open_folder() as folder, Sandbox.open() as sandbox:
        (folder / "echo.py").write_text(_TARGET)
        yield sandbox, str(folder)
