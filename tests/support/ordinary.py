"""A host that is an ordinary user, whoever runs the tests (root only)."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tests.support.confine import command
from tests.support.layers import ORDINARY_UID, Base, cell_base

__all__ = ["run_as_ordinary"]


def run_as_ordinary(
    arguments: Sequence[str],
    files: Mapping[str, str],
    *,
    refuse: Mapping[str, str] | None = None,
    hidepid: int = 0,
    base: Base | None = None,
) -> subprocess.CompletedProcess[str]:
    """``python ARGUMENTS`` with no capability and a uid of nobody's.

    `files` are made below a folder that is readable to it and its working folder.
    `refuse` and `hidepid` make its machine poorer, as `confine.command` does it.
    Several runs may share a `base`, which takes most of the time to make.
    """
    with contextlib.nullcontext(base) if base else cell_base() as base:
        folder = Path(base.package).parent
        codec = folder / "msgspec"
        shutil.copytree(Path(msgspec.__file__).parent, codec, dirs_exist_ok=True)
        for path in [codec, *codec.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        home, work = folder / "home", folder / "work"
        home.mkdir(exist_ok=True)
        home.chmod(0o777)
        work.mkdir(exist_ok=True)
        work.chmod(0o755)
        for name, text in files.items():
            (work / name).write_text(text)
            (work / name).chmod(0o644)
        libraries = Path(base.python).parent.parent / "lib"
        return subprocess.run(
            command(
                [base.python, "-B", *arguments],
                refuse=refuse or {},
                capabilities=False,
                cgroups=False,
                uid=ORDINARY_UID,
                hidepid=hidepid,
            ),
            env={
                "PYTHONPATH": os.pathsep.join([str(folder), str(work)]),
                "PATH": "/usr/bin:/bin",
                "HOME": str(home),
                "TMPDIR": str(home),
                "LD_LIBRARY_PATH": str(libraries),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=work,
        )
