"""The settings that a host can be in: root or an ordinary user, with namespaces or not.

`open_host` starts a process in one of them that does what a test tells it, with the
real sandbox: it calls functions of the tests' own modules, which it has copies of.
What a setting says is not believed but looked at, in the posture of a worker there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import tests
from tests.support.confine import command
from tests.support.layers import Base, users

__all__ = ["NAMESPACES", "Host", "Setting", "open_host", "settings", "there"]

NAMESPACES = (
    "network-namespace",
    "ipc-namespace",
    "mount-namespace",
    "pid-namespace",
)
"""The layers that a setting has or has not. The user namespace is a means to them;
root has no use for one."""

_REFUSED = {
    **dict.fromkeys(
        (
            *("unshare", "setns", "mount", "umount2", "pivot_root"),
            *("open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr"),
        ),
        "EPERM",
    ),
    "clone3": "ENOSYS",
}
"""What a machine refuses that lets nobody make namespaces, and nothing more."""

_COPIED = ("__init__.py", "support", "sandbox/__init__.py", "sandbox/attacks")
"""The tests' modules that a host may be told to call, below `tests`."""

_COMPILED = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True, slots=True)
class Setting:
    """Whose process a host is (-1: whoever runs the tests), and what it may make."""

    uid: int
    namespaces: bool

    def __str__(self) -> str:
        who = "root" if self.root else "user"
        return f"{who}-{'namespaces' if self.namespaces else 'none'}"

    @property
    def root(self) -> bool:
        """Whether the host is root."""
        return (os.geteuid() if self.uid < 0 else self.uid) == 0


def settings() -> list[Setting]:
    """The settings that can be had here, as far as users go."""
    return [Setting(uid, had) for uid in users() for had in (True, False)]


@dataclass(slots=True)
class Host:
    """A process in a setting; tell it what to call with `call`.

    `home` is the only folder that it may write to: what it leaves is there.
    """

    setting: Setting
    process: subprocess.Popen[str]
    home: Path

    def call(self, function: str, *arguments: Any) -> Any:
        """What ``function(*arguments)`` gives there (``module:name``, JSON both ways).

        Raises:
            AssertionError: With its traceback, if it raises.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        job = {"call": function, "arguments": arguments}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the host ended"
        answer = cast("dict[str, Any]", json.loads(line))
        assert "raised" not in answer, answer["raised"]
        return answer["value"]

    def postures(self) -> dict[str, dict[str, dict[str, str]]]:
        """The layers of a worker of each tier there, by tier and name."""
        found = self.call("tests.support.everywhere_host:postures")
        return {
            tier: {layer["name"]: layer for layer in posture["layers"]}
            for tier, posture in found.items()
        }


def there(argv: list[str], setting: Setting) -> list[str]:
    """The command as it runs in `setting`."""
    return command(
        argv,
        refuse={} if setting.namespaces else _REFUSED,
        uid=setting.uid,
        capabilities=setting.uid < 0,
    )


@contextlib.contextmanager
def open_host(base: Base, setting: Setting) -> Generator[Host]:
    """A host in `setting`, on a machine that is as poor as it says."""
    folder = Path(base.package).parent
    _copy_tests(folder)
    with TemporaryDirectory(prefix="home-", dir=folder) as name:
        home = Path(name)
        home.chmod(0o777)
        process = subprocess.Popen(
            there([base.python, "-B", "-m", "tests.support.everywhere_host"], setting),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(base, folder, home),
            cwd=folder,
            start_new_session=True,
        )
        try:
            yield Host(setting, process, home)
        finally:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    assert pipe is not None
                    pipe.close()
            process.wait(60)


def _environment(base: Base, folder: Path, home: Path) -> Mapping[str, str]:
    return {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(folder),
        "LD_LIBRARY_PATH": str(Path(base.python).parent.parent / "lib"),
    }


def _copy_tests(folder: Path) -> None:
    """Put what a host may call beside the package, open to everybody."""
    source, copy = Path(str(tests.__file__)).parent, folder / "tests"
    if copy.exists():
        return
    for name in _COPIED:
        path = source / name
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, copy / name, ignore=_COMPILED)
        else:
            shutil.copy(path, copy / name)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
