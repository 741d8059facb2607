"""Killed at every write, refused by the disk at every write: the store stays whole.

Each system call that changes anything is a point. At each of them a child is killed, or
the disk is full from there on; then the store must be the old or the new one, discovery
must find what it names, and the next run must finish as if nothing had been.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lockgate.discovery import discover
from lockgate.errors import LockgateError
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import Wheel
from tests.marketplace.store.conftest import install, judged
from tests.support.faults import KILL, call_number, points, run

OLD = judged("acme", "1.0", manifest=True)
LIBRARY = judged(
    "library", files={"library/__init__.py": "x = 1\n", "library/a.py": ""}
)
# It adds to the library's package: the two have to lie in one folder.
NEW = judged(
    "acme",
    "2.0",
    manifest=True,
    files={"library/more.py": "y = 2\n"},
    scripts={"tool": "#!/bin/sh\n"},
)


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one: the store is synced a thousand times."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else None
    with TemporaryDirectory(prefix="lockgate-test-", dir=base) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Case:
    """A store that is made, what is done to it, and what it may hold then."""

    make: Callable[[Store], object]
    work: Callable[[Store], object]
    before: dict[str, str]
    after: dict[str, str]


def _add(store: Store, *wheels: Wheel) -> None:
    install(store, *wheels)


def _uninstall(store: Store) -> None:
    with store.folder.locked():
        store.folder.commit(store.folder.read().without("acme"), "uninstall acme")


def _two(store: Store) -> None:
    _add(store, OLD)
    _add(store, NEW, LIBRARY)


CASES = {
    "first": Case(lambda _: None, lambda s: _add(s, OLD), {}, {"acme": "1.0"}),
    "upgrade": Case(
        lambda s: _add(s, OLD),
        lambda s: _add(s, NEW, LIBRARY),
        {"acme": "1.0"},
        {"acme": "2.0"},
    ),
    "rollback": Case(_two, lambda s: s.rollback(1), {"acme": "2.0"}, {"acme": "1.0"}),
    "gc": Case(_two, lambda s: s.collect(1), {"acme": "2.0"}, {"acme": "2.0"}),
    "uninstall": Case(lambda s: _add(s, OLD), _uninstall, {"acme": "1.0"}, {}),
}


def whole(store: Store, *allowed: dict[str, str]) -> dict[str, str]:
    """See that the store is what it says, and gives what discovery finds."""
    now = store.folder.read()
    installed = {entry.distribution: entry.version for entry in now.entries}
    assert installed in allowed
    damage = [one for one in store.verify() if one.used]
    assert damage == []
    found = discover([], data_dir=str(store.root.parent))
    assert found.store_error is None
    assert {state.name: state.version for state in found.plugins} == installed
    assert all(state.state == "ok" for state in found.plugins), found.plugins
    return installed


def copy_of(made: Path, to: Path) -> Store:
    shutil.copytree(made, to, symlinks=True)
    return Store(to)


def _quick(name: str, fault: str) -> bool:
    return name not in ("first", "upgrade") or (name, fault) == ("first", "killed")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param(name, fault, marks=() if _quick(name, fault) else pytest.mark.slow)
        for name in CASES
        for fault in ("killed", "full", "eio")
    ],
)
def test_at_each_write_the_store_is_the_old_or_the_new_one(
    room: Path, name: str, fault: str
) -> None:
    case = CASES[name]
    made = room / "made"
    made.mkdir()
    case.make(Store(made))
    counted = copy_of(made, room / "counted")
    every = list(points(lambda: case.work(counted), LockgateError))
    assert len(every) > (5 if name in ("rollback", "uninstall") else 15)
    number = {"killed": KILL, "full": errno.ENOSPC, "eio": errno.EIO}[fault]
    ended: set[int] = set()

    for at in every:
        store = copy_of(made, room / f"at-{at}")
        how = run(
            partial(case.work, store),
            LockgateError,
            at=at,
            fault=number,
            lasting=fault == "full",
        )
        ended.add(how.status)
        assert how.status in ((-9,) if fault == "killed" else (0, 1)), how.said
        whole(store, case.before, case.after)
        if how.status == 0:
            whole(store, case.after)
        elif store.folder.read().number:
            # What is in force can be gone back from, and the work be done again.
            assert store.folder.read().number in store.folder.numbers()
        _again(store, case, name)
        shutil.rmtree(room / f"at-{at}")

    assert ended <= ({-9} if fault == "killed" else {0, 1})
    assert fault == "killed" or 1 in ended


def _again(store: Store, case: Case, name: str) -> None:
    """The next run does the work, and nothing of the failed one is left."""
    if name == "rollback" and store.folder.current() == 1:
        return
    case.work(store)
    whole(store, case.after)
    assert [path.name for path in store.root.rglob("*.new")] == []
    staging = store.root / "staging"
    assert name in ("uninstall", "rollback") or list(staging.iterdir()) == []


@pytest.mark.parametrize("call", ["openat", "write", "fsync", "flock"])
def test_a_signal_in_a_call_is_no_failure(room: Path, call: str) -> None:
    store = Store(room / "counted")
    calls = run(lambda: _add(store, OLD), LockgateError).calls
    interrupted = [
        at for at, number in enumerate(calls, 1) if number == call_number(call)
    ]
    assert interrupted

    for at in interrupted:
        again = Store(room / f"at-{at}")
        how = run(
            partial(_add, again, OLD),
            LockgateError,
            at=at,
            fault=errno.EINTR,
        )

        assert how.status == 0, how.said
        whole(again, {"acme": "1.0"})
