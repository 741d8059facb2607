"""What a host imports from the store stays there while it lives, and no longer."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.errors import InstalledError
from lockgate.installed._lease import Lease
from tests.support.stores import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path / "data")
    kept.install("acme")
    return kept


def folder(kept: Kept) -> str:
    (entry,) = kept.store.read().entries
    return entry.folders(kept.store.root)[0]


def leased(kept: Kept) -> set[str]:
    with kept.store.locked():
        return set(kept.store.leased())


def test_what_is_held_is_told_until_it_is_let_go(kept: Kept) -> None:
    lease, name = Lease(kept.store), folder(kept).removesuffix("/site")

    assert lease.hold([folder(kept), "/usr/lib/python3"])
    assert leased(kept) == {name.removeprefix(f"{kept.store.root}/")}

    other = Lease(kept.store)
    assert other.hold([folder(kept)])
    lease.close()
    assert len(leased(kept)) == 1
    other.hold([])
    assert leased(kept) == set()
    assert not list(Path(kept.store.leases).iterdir())


def test_a_host_that_was_killed_holds_nothing(kept: Kept) -> None:
    code = (
        "import sys\n"
        "from lockgate.installed._lease import Lease\n"
        "from lockgate._store_place import StorePlace\n"
        f"lease = Lease(StorePlace({str(kept.data)!r}))\n"
        f"print(lease.hold([{folder(kept)!r}]), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"True\n"
        assert len(leased(kept)) == 1
        host.send_signal(signal.SIGKILL)
    assert leased(kept) == set()
    assert not list(Path(kept.store.leases).iterdir())


def test_who_comes_too_late_is_told_to_look_again(kept: Kept) -> None:
    gone = f"{kept.store.root}/wheels/{'0' * 64}/site"
    lease = Lease(kept.store)

    assert not lease.hold([folder(kept), gone])
    assert lease.hold([folder(kept)])
    lease.close()


def test_a_lease_that_cannot_be_understood_stops_whoever_collects(kept: Kept) -> None:
    lease = Lease(kept.store)
    lease.hold([folder(kept)])
    (file,) = Path(kept.store.leases).iterdir()
    file.write_text("wheels/../../elsewhere\n")

    with pytest.raises(InstalledError, match="no lease"):
        leased(kept)

    lease.close()
    assert leased(kept) == set()


def test_where_nothing_was_installed_nothing_is_made(tmp_path: Path) -> None:
    nothing = Kept(tmp_path / "none")
    lease = Lease(nothing.store)

    assert lease.hold(["/usr/lib/python3"])
    lease.close()

    assert not nothing.data.exists()
