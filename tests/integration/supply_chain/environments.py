"""Environments that are thrown away, and installs into them by pip and by uv."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from uv import find_uv_bin

from tests.integration.supply_chain.rows import Tool

__all__ = ["Environment", "Installed", "versions"]

_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PATIENCE_SECONDS = 300


def versions() -> dict[str, str]:
    """The versions of the tools that are measured."""
    return {
        "pip": version("pip"),
        "uv": version("uv"),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


@dataclass(frozen=True)
class Installed:
    """How an install ended."""

    status: int
    output: str


class Environment:
    """A virtual environment in `base`, deep enough that ``../`` stays in `base`."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.folder = base / "a" / "b" / "c" / "environment"
        command = [sys.executable, "-m", "venv", "--without-pip", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)

    @property
    def site(self) -> Path:
        return self.folder / "lib" / _PYTHON / "site-packages"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / _PYTHON

    def place(self, planted: str) -> Path:
        """Where ``site/…``, ``bin/…``, ``prefix/…`` or an absolute path is."""
        area, _, rest = planted.partition("/")
        roots = {
            "site": self.site,
            "bin": self.folder / "bin",
            "prefix": self.folder,
            "": Path("/"),
        }
        return roots[area] / rest

    def outside(self, name: str) -> list[Path]:
        """Files of that name in `base` but not in the environment."""
        found = self.base.rglob(name)
        return [path for path in found if not path.is_relative_to(self.folder)]

    def command(
        self, tool: Tool, *arguments: str | Path, cache: str = ""
    ) -> tuple[list[str], dict[str, str]]:
        """What installs with pip or uv, without network or configuration; its environ.

        Nothing is cached, but in `cache` by uv if it is given.
        """
        words = [str(word) for word in arguments]
        python, cache = str(self.python), cache or str(self.base / "cache")
        commands: dict[str, str] = {
            "pip": f"{sys.executable} -m pip --python {python} --isolated install "
            "--disable-pip-version-check --no-input --no-cache-dir --no-deps",
            "uv": f"{find_uv_bin()} pip install --python {python} --no-config "
            f"--no-deps --color=never --cache-dir {cache}",
        }
        keep = ("PATH", "HOME", "TMPDIR", "LANG")
        environment = {key: os.environ[key] for key in keep if key in os.environ}
        environment["PIP_CONFIG_FILE"] = os.devnull
        return [*commands[tool].split(), *words], environment

    def install(self, tool: Tool, *arguments: str | Path, cache: str = "") -> Installed:
        """Install with pip or uv, as `command` says."""
        command, environment = self.command(tool, *arguments, cache=cache)
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        return Installed(done.returncode, done.stdout + done.stderr)

    def start(self) -> str:
        """What the environment's Python prints when it is started for nothing."""
        command = [str(self.folder / "bin" / "python"), "-c", ""]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout
