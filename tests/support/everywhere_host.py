"""The process that `tests.support.everywhere` starts: a host that does as it is told.

It reads one job per line from standard input, and answers each with one line of JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from lockgate_sandbox import Sandbox
from tests.support.sandbox import TIERS, Lab, open_folder, policy, wait_until

__all__ = ["left", "postures"]


def postures() -> dict[str, Any]:
    """The posture of a worker of each tier, as plain data."""
    with open_folder() as folder, Sandbox.open() as sandbox:
        lab = Lab(sandbox, folder)
        return {
            tier.value: lab.worker(policy(tier)).posture.to_dict() for tier in TIERS
        }


def left(seconds: float = 15.0) -> list[str]:
    """What there is of this host's that should be gone with its sandboxes.

    Children, the dead ones too; descriptors beyond standard input, output and error;
    files in its home. What goes away by itself within `seconds` is not left.
    """
    wait_until(lambda: not _left(), seconds)
    return _left()


def _left() -> list[str]:
    found = [f"process {pid}" for pid in _children(os.getpid())]
    found += [f"file {path}" for path in Path(os.environ["TMPDIR"]).iterdir()]
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them
            if int(path.name) > sys.stderr.fileno():
                found.append(f"descriptor {path.name}: {path.readlink()}")
    return found


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            stat = path.name.isdigit() and (path / "stat").read_text()
            if stat and int(stat.rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.name))
    return found


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    module, _, name = job["call"].partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        return {"value": function(*job["arguments"])}
    except BaseException:  # whatever it is, the test is told
        return {"raised": traceback.format_exc()}


def _main() -> None:
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    _main()
