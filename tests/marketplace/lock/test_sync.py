"""A lock brought in force without a command line: what each word of its owner lets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.config import load_config
from lockgate_marketplace.consent import ConsentPolicy
from lockgate_marketplace.errors import LockFileError
from lockgate_marketplace.install import Terms
from lockgate_marketplace.install.locked import changes
from lockgate_marketplace.install.locked.sync import Sync
from lockgate_marketplace.lock import LockedPlugin, lock_of
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel
from tests.marketplace.store.conftest import install
from tests.support.market import Home

pytestmark = pytest.mark.kernel


def silent(message: str, fraction: float | None) -> None:
    del message, fraction


def locked(home: Home) -> tuple[list[LockedPlugin], Path]:
    """What a lock made elsewhere would change here, and the folder of its wheel."""
    wheel = Path(home.wheel())
    other = Store(home.root / "other")
    install(other, open_wheel(wheel), plugins=("acme",))
    return changes(lock_of(other, {}), Store(home.data)), wheel.parent


def test_what_is_nowhere_is_refused_and_from_a_folder_it_comes_once(home: Home) -> None:
    changed, folder = locked(home)
    sync = Sync(Terms(load_config()), ConsentPolicy())
    with pytest.raises(LockFileError, match="nor given by --wheels") as caught:
        sync.carry_out(changed, silent)
    assert caught.value.code == "lock-wheel-missing"
    with pytest.raises(LockFileError, match=r"no index is asked \(--offline\)"):
        replace(sync, offline=True).carry_out(changed, silent)
    sync = replace(sync, wheels=folder)

    tried = sync.carry_out(changed, silent, dry_run=True)
    assert (tried.generation, home.files()) == (0, set())
    done = sync.carry_out(changed, silent)

    assert (done.generation, done.fetched, done.given) == (1, (), ())
    assert home.answer() == "1.0"
    assert sync.carry_out([], silent).generation == 1
