"""Running the command line as its users do: another process, a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.dists import SitePackages
from tests.support.forked import forkable, run_forked


@dataclass
class Result:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """A home, a working folder, and a folder of plugins on the search path."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.work = root / "work"
        self.work.mkdir(parents=True)
        self.home.mkdir()
        self.site = SitePackages(root / "site")
        self.env = {
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "PYTHONPATH": self.site.path,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "lockgate", *arguments]

    def run(self, *arguments: str, **environ: str) -> Result:
        env = self.env | environ
        if forkable(env):
            done = run_forked(arguments, cwd=self.work, env=env, timeout=120)
        else:
            command = self.command(*arguments)
            done = subprocess.run(
                command, cwd=self.work, env=env, capture_output=True, timeout=120
            )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def python(self, code: str, *arguments: str) -> Result:
        """Run `code` in a Python that sees what the command line sees."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.work,
            env=self.env,
            capture_output=True,
            timeout=120,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def names(self, arguments: Sequence[str] = ()) -> dict[str, str]:
        plugins = self.run("list", "--json", *arguments).json["plugins"]
        return {plugin["name"]: plugin["state"] for plugin in plugins}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
