"""``lockgate-sandbox run`` with a script, as its user starts it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

__all__ = ["run"]


def run(
    folder: Path, code: str, *options: str, argv: tuple[str, ...] = (), stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `code` from a file of `folder`, in `folder`."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "lockgate_sandbox", "run", *options]
    return subprocess.run(
        [*command, str(script), *argv],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
    )
