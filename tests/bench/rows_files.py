"""What it costs that the warden is asked before a file is made in scratch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal, cast

from lockgate_sandbox import Policy, Sandbox, Worker
from tests.bench.harness import Row, paired, pinned
from tests.support.sandbox import open_folder

__all__ = ["ROWS"]

_FILES = """
import os, time
def build(session):
    folder = str(session.scratch)
    kept = f"{folder}/kept"
    open(kept, "w").close()
    def make():
        for _ in range(500):
            os.close(os.open(f"{folder}/file", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            os.unlink(f"{folder}/file")
    def reopen():
        for _ in range(500):
            os.close(os.open(kept, os.O_WRONLY))
    def handler(method, arguments):
        started = time.perf_counter()
        make() if method == "make" else reopen()
        return (time.perf_counter() - started) / 500
    return handler
"""


def _row(method: str, target: float) -> Callable[[str], Row]:
    """Files in a folder whose inodes the warden counts, against one it leaves alone.

    In memory, where making a file is cheapest and so the question dearest.
    """

    def measured(name: str) -> Row:
        with ExitStack() as stack:
            placement = stack.enter_context(pinned())
            folder = stack.enter_context(open_folder())
            (folder / "files.py").write_text(_FILES)
            base, tempfile.tempdir = tempfile.tempdir, "/dev/shm"
            stack.callback(setattr, tempfile, "tempdir", base)
            sides: list[Callable[[], float]] = []
            for off in (("mount-namespace",), ("scratch", "uid")):
                layers: dict[str, Literal["off"]] = dict.fromkeys(off, "off")
                sandbox = stack.enter_context(Sandbox.open(layers=layers))
                worker = sandbox.worker(
                    Policy.for_tier("basic"), target="files:build", path=[str(folder)]
                )
                sides.append(_told_by(worker, method))
            return paired(
                name,
                *sides,
                peer_name="the same, not counted",
                target=target,
                rounds=11,
                placement=placement,
            )

    return measured


def _told_by(worker: Worker, method: str) -> Callable[[], float]:
    return lambda: cast("float", worker.call(method).value)


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-file-counted-make": _row("make", target=4.0),
    "sandbox-file-counted-open": _row("reopen", target=1.25),
}
