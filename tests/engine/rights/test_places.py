"""A granted path is looked up once: what it leads to and by which links."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from lockgate._rights.places import openable
from lockgate_sandbox.places import resolved


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that a plugin may write to, beside one that it may not read."""
    root = tmp_path.resolve()
    (root / "victim").mkdir()
    (root / "shared" / "data").mkdir(parents=True)
    return root / "shared"


class _Swapping:
    """What a plugin would do in `shared`, as quickly as it can."""

    def __init__(self, shared: Path) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._swap, args=(str(shared),))

    def _swap(self, shared: str) -> None:
        data, kept, link = f"{shared}/data", f"{shared}/kept", f"{shared}/link"
        os.symlink(f"{shared}/../victim", link)  # noqa: PTH211
        while not self._end.is_set():
            for away, here in ((kept, link), (link, kept)):
                os.rename(data, away)  # noqa: PTH104
                os.rename(here, data)  # noqa: PTH104

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def test_a_path_that_is_swapped_meanwhile_leads_nowhere_else(shared: Path) -> None:
    data, victim = str(shared / "data"), str(shared.parent / "victim")
    seen: set[str] = set()
    fooled = 0
    with _Swapping(shared):
        for times in range(100_000):
            with suppress(ValueError):
                seen.add(openable(data, [], [str(shared)]))
            # The place and the links by a call each: that the attack passes.
            with suppress(OSError):
                fooled += os.path.realpath(data) == victim and not resolved(data)[1]
            if fooled and times >= 2_000:
                break
    assert fooled
    assert seen <= {data}


def test_a_path_that_can_not_be_looked_up_is_told(shared: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        openable(str(shared / ("n" * 300)), [], [])
