"""A fresh virtual environment that lockgate is installed into, as its users do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["base_python", "fresh_environment", "install_projects"]


def base_python() -> str:
    """The Python that this environment was made from: what ``python3`` is outside."""
    return str(Path(sys.base_prefix, "bin", "python3"))


def fresh_environment(folder: Path, *, borrowed: Path) -> Path:
    """Make one without pip; gives its Python.

    The libraries that lockgate, pytest and hatchling need come from this environment,
    by links in `borrowed`. No plugin does: a .pth would lead back to this
    environment's own plugins.
    """
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    borrowed.mkdir()
    for entry in _libraries():
        (borrowed / entry.name).symlink_to(entry)
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    return folder / "bin" / "python"


def install_projects(python: Path, *projects: Path) -> None:
    """Install from local folders, as wheels, without asking an index."""
    words = [str(project) for project in projects]
    command = [*_installer(python), "--no-build-isolation", "--no-deps"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _installer(python: Path) -> list[str]:
    """Uv if it is there, else pip: neither is to ask an index."""
    here = Path(sys.executable).parent
    uv = shutil.which("uv", path=f"{here}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is not None:
        return [uv, "pip", "install", "--offline", "--quiet", "--python", str(python)]
    for pip in ([sys.executable, "-m", "pip"], [shutil.which("pip3") or ""]):
        command = [*pip, "--python", str(python), "install", "--no-index"]
        if (
            pip[0]
            and subprocess.run([*pip, "--version"], capture_output=True).returncode == 0
        ):
            return command
    pytest.skip("neither uv nor pip is installed")


def _libraries() -> list[Path]:
    """What this environment holds, plugins and their metadata left out."""
    site = Path(next(p for p in sys.path if p.endswith("site-packages")))
    return [
        entry
        for entry in site.iterdir()
        if not entry.name.lower().startswith(
            ("lockgate", "_lockgate", "_editable", "__")
        )
        and entry.suffix != ".pth"
    ]
