"""A disk that is really full: a small tmpfs in a mount namespace of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wheels import forge_file

SMALL = """
import json, subprocess, sys
from pathlib import Path

from lockgate.discovery import discover
from lockgate.errors import LockgateError
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel

place, options, more, first, second = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
store = Store(f"{place}/data")

def install(path):
    with store.held():
        entry = store.environment([store.add(open_wheel(Path(path)))], ["acme"])
        return store.commit([entry], reason="install").number

def state():
    found = discover([], data_dir=f"{place}/data")
    damage = [one.message for one in store.verify() if one.used]
    return [[s.version, s.state] for s in found.plugins], damage

told = [install(first), state()]
try:
    told.append(install(second))
except LockgateError as error:
    told.append([error.code, error.hint])
told += [state(), [p.name for p in (store.root / "staging").iterdir()]]
subprocess.run(["mount", "-o", f"remount,{more}", place], check=True)
told += [install(second), state()]
print(json.dumps(told))
"""


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    argv = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("options", "more"),
    [("size=300k", "size=16m"), ("size=16m,nr_inodes=60", "nr_inodes=1000")],
    ids=["no bytes left", "no inodes left"],
)
def test_a_full_disk_leaves_what_was_and_more_room_finishes_it(
    tmp_path: Path, options: str, more: str
) -> None:
    if not _may_mount():
        pytest.skip("no mount namespace for us here")
    first = forge_file(tmp_path, "acme", "1.0", manifest=True)
    files = {f"acme/m{n}.py": f"x = {n}\\n" * 2000 for n in range(60)}
    second = forge_file(tmp_path, "acme", "2.0", manifest=True, files=files)
    place = tmp_path / "full"
    place.mkdir()

    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", SMALL, place, options, more, first,
         second],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    number, before, refused, after, left, again, end = json.loads(done.stdout)
    assert (number, before) == (1, [[["1.0", "ok"]], []])
    assert refused[0] in ("store-unwritable", "installed-invalid")
    assert refused[1]
    assert after == before
    assert left == []
    assert (again, end) == (2, [[["2.0", "ok"]], []])
