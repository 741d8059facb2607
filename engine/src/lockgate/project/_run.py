"""Run a project's tests, with the Python that the project is developed with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lockgate._installer import pip_command
from lockgate.errors import ProjectError
from lockgate.project._folder import Project

__all__ = ["python_of", "run_tests"]

_PROBE = "import pytest, lockgate.testing"


def python_of(project: Project) -> str:
    """The interpreter of the project's ``.venv``, or this one where it has none."""
    own = project.folder / ".venv" / "bin" / "python"
    return str(own) if own.is_file() else sys.executable


def run_tests(project: Project, arguments: Sequence[str], *, quiet: bool) -> int:
    """Run pytest with the kit; gives its exit status.

    With `quiet`, what it prints goes to standard error.

    Raises:
        ProjectError: If that Python lacks pytest or lockgate.
    """
    python = python_of(project)
    probe = subprocess.run(
        [python, "-c", _PROBE], capture_output=True, cwd=project.folder, check=False
    )
    if probe.returncode:
        told = probe.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ProjectError(
            f"{python} can't run the tests: {told}",
            file=str(Path(project.folder, "pyproject.toml")),
            hint=pip_command("install", "-e", ".", "pytest", python=python),
        )
    command = [python, "-m", "pytest", "-p", "lockgate.testing", *arguments]
    done = subprocess.run(
        command, cwd=project.folder, stdout=sys.stderr if quiet else None, check=False
    )
    return done.returncode
