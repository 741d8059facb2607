"""Asking the kernel what it permits, from a fresh and single-threaded process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal, cast

from lockgate_sandbox.errors import StartError

__all__ = ["ask_kernel"]

_SECONDS = 30

# Importing the package by its folder alone: its __init__ wants third-party code
# that -S does not see.
_SCRIPT = """
import importlib, json, sys, types
package = types.ModuleType("lockgate_sandbox")
package.__path__ = [sys.argv[1]]
sys.modules["lockgate_sandbox"] = package
module = importlib.import_module("lockgate_sandbox.linux." + sys.argv[2])
sys.stdout.write(json.dumps(getattr(module, sys.argv[3])()))
"""


def ask_kernel(
    module: Literal["probe", "features"], function: str
) -> dict[str, object]:
    """What `function` of ``lockgate_sandbox.linux.MODULE`` finds out.

    Raises:
        StartError: If that process fails.
    """
    command = [sys.executable, "-I", "-S", "-B", "-c", _SCRIPT]
    try:
        done = subprocess.run(
            [*command, str(Path(__file__).parents[1]), module, function],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        return cast("dict[str, object]", json.loads(done.stdout))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        detail = f"probing the kernel: {error}"
        if isinstance(error, subprocess.CalledProcessError):
            detail += f": {cast('bytes', error.stderr).decode(errors='replace')}"
        raise StartError("probe", detail) from error
