"""A module that attacks while it is imported, and says what became of it.

Each attack is one that any package can make on ``pip install`` and ``import``. What is
attacked stands in for what a user has: a file, a process, a listening port.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

__all__ = ["ATTACKS", "Victims", "victims"]

ATTACKS = (
    "removes a file", "reads a secret", "writes a file", "starts a program", "forks",
    "connects", "kills another process",
)  # fmt: skip

_SOURCE = """
import json, os, signal, socket, subprocess

def removes_a_file(): os.unlink({precious!r})
def reads_a_secret(): assert open({secret!r}).read() == "secret"
def writes_a_file(): open({made!r}, "w").close()
def starts_a_program(): subprocess.run(["/bin/true"], check=True)
def forks():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
def connects(): socket.create_connection(("127.0.0.1", {port}), 5).close()
def kills_another_process(): os.kill({pid}, signal.SIGKILL)

told = {{}}
for attack in {attacks!r}:
    try:
        globals()[attack.replace(" ", "_")]()
        told[attack] = "done"
    except Exception as error:
        told[attack] = type(error).__name__
raise RuntimeError("told " + json.dumps(told))
"""


@dataclass
class Victims:
    """What is attacked, and the module that does it."""

    folder: Path
    process: subprocess.Popen[bytes]
    listener: socket.socket

    @property
    def source(self) -> str:
        """The module; it ends by raising what it has to tell."""
        return _SOURCE.format(
            precious=str(self.folder / "precious"),
            secret=str(self.folder / "secret"),
            made=str(self.folder / "made"),
            port=self.listener.getsockname()[1],
            pid=self.process.pid,
            attacks=ATTACKS,
        )

    def harm(self) -> set[str]:
        """What happened to them."""
        found: set[str] = set()
        if not (self.folder / "precious").exists():
            found.add("removes a file")
        if (self.folder / "made").exists():
            found.add("writes a file")
        if self.process.poll() is not None:
            found.add("kills another process")
        self.listener.setblocking(False)
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            pass
        else:
            found.add("connects")
        return found

    @staticmethod
    def told(text: str) -> dict[str, str]:
        """What the module told, out of the text of its exception."""
        found: object
        found, _ = json.JSONDecoder().raw_decode(text.rpartition("told ")[2])
        assert isinstance(found, dict)
        return cast("dict[str, str]", found)


@contextmanager
def victims() -> Generator[Victims]:
    """Fresh ones, in a folder that anybody may write to."""
    with (
        TemporaryDirectory(prefix="lockgate-test-") as name,
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen(["/bin/sleep", "300"]) as process,
    ):
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "precious").write_text("precious")
        (folder / "secret").write_text("secret")
        try:
            yield Victims(folder, process, listener)
        finally:
            process.kill()
