"""A host that is an ordinary user, whoever runs the tests (root only)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.confine import command
from tests.support.layers import ORDINARY_UID, Base

__all__ = ["run_as_ordinary"]


def run_as_ordinary(
    base: Base,
    arguments: Sequence[str],
    files: Mapping[str, str],
    *,
    container: bool = False,
    hidepid: int = 0,
) -> subprocess.CompletedProcess[str]:
    """``python ARGUMENTS`` with no capability and a uid of nobody's.

    `files` are made in its working folder, which is readable to it; its home is
    empty. `container` and `hidepid` make its machine poorer, as `confine.command` does.
    """
    package = Path(base.package).parent
    with TemporaryDirectory(dir=package) as name:
        Path(name).chmod(0o755)
        home, work = Path(name, "home"), Path(name, "work")
        home.mkdir()
        home.chmod(0o777)
        work.mkdir()
        work.chmod(0o755)
        for file, text in files.items():
            (work / file).write_text(text)
            (work / file).chmod(0o644)
        return subprocess.run(
            command(
                [base.python, "-B", *arguments],
                container=container,
                capabilities=False,
                cgroups=False,
                uid=ORDINARY_UID,
                hidepid=hidepid,
            ),
            env={
                "PYTHONPATH": os.pathsep.join([str(package), str(work)]),
                "PATH": "/usr/bin:/bin",
                "HOME": str(home),
                "TMPDIR": str(home),
                "LD_LIBRARY_PATH": str(Path(base.python).parent.parent / "lib"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=work,
        )
