"""A process that is forked with a host open: it has none, and ends nothing of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate.errors import HostClosedError
from lockgate.host import Host
from lockgate.installed._lease import Lease
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of
from tests.support.stores import Kept

_PLUGIN = """
from lockgate.plugin import *
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options):
    return Transformation(Tree.of({"made.txt": "text"}))
"""
_MADE = Tree.of({"made.txt": "text"})


def _in_a_copy(what: Callable[[], object]) -> int:
    """The exit status of a forked copy that does it; 9 if that raised."""
    copy = os.fork()
    if not copy:
        status = 9
        try:
            what()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])


def _is_refused(host: Host) -> None:
    for _ in range(2):
        with pytest.raises(HostClosedError, match="was forked from") as caught:
            host.call("transform", tree=Tree.of({}))
        assert "Host.open" in caught.value.hint


@pytest.mark.kernel
@pytest.mark.parametrize("before", [True, False], ids=["running", "not begun"])
def test_a_copy_asks_no_plugin_of_its_parents_host(
    tmp_path: Path, before: bool
) -> None:
    site = Site(tmp_path)
    manifest = manifest_of(
        "acme", kinds="transformer", hooks={"transform": "transform"}
    )
    site.add("acme", _PLUGIN, manifest=manifest)
    with site.open() as host:
        if before:
            assert host.call("transform", tree=Tree.of({})).first.tree == _MADE
        assert _in_a_copy(lambda: _is_refused(host)) == 0
        running = host.workers()
        assert _in_a_copy(host.close) == 0
        assert host.workers() == running
        assert host.call("transform", tree=Tree.of({})).first.tree == _MADE
        assert not before or host.workers() == running


@pytest.mark.parametrize("ours", [True, False], ids=["copy's", "its own"])
def test_a_copy_lets_go_of_no_lease_of_its_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    """What is collected then would be gone below the host that imports from it."""
    kept = Kept(tmp_path / "data")
    kept.install("acme")
    (entry,) = kept.store.read().entries
    lease = Lease(kept.store)
    assert lease.hold(entry.folders(kept.store.root))

    def close() -> None:
        if not ours:  # as it was: whoever closes it removes it
            lease._home = os.getpid()  # pyright: ignore[reportPrivateUsage]
        lease.close()

    assert _in_a_copy(close) == 0
    with kept.store.locked():
        assert bool(kept.store.leased()) == ours
    lease.close()
    with kept.store.locked():
        assert not kept.store.leased()
