"""A host that runs out of something: nobody vanishes for it, and nobody is blamed."""

from __future__ import annotations

import array
import ctypes
import os
import resource
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lockgate._sealed import succession
from lockgate._start.supervision import DEATHS_MAXIMUM
from lockgate.discovery import _scan
from lockgate.errors import HostExhaustedError, LockgateError
from lockgate.host import Host
from lockgate.values import Tree
from tests.support.host_plugins import Site

TREE = Tree.of({"a.txt": "text"})
SOURCE = """
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options):
    return Transformation(Tree.of({{"v": "{version}"}}))
"""
NAMES = ("one", "two", "zzz")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    for name in NAMES:
        install(made, name, "1")
    return made


def install(site: Site, name: str, version: str) -> None:
    remove(site, name)
    site.add(name, SOURCE.format(version=version), version=version)


def remove(site: Site, name: str) -> None:
    for old in site.folder.glob(f"test_{name}-*"):
        shutil.rmtree(old)


def versions(host: Host) -> dict[str, str]:
    """Who answers, by which version it says it is."""
    answers = host.call("transform", tree=TREE, options={})
    return {one.plugin: one.value.tree["v"].text for one in answers.items}


@contextmanager
def no_descriptors(left: int = 0) -> Generator[None]:
    """Let this process open `left` more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1000), hard))
    try:
        while True:
            try:
                held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                break
        for _ in range(left):
            os.close(held.pop())
        yield
    finally:
        for handle in held:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_who_can_not_look_removes_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.open() as host:
        assert set(versions(host)) == set(NAMES)
        install(site, "one", "2")
        with no_descriptors(), pytest.raises(HostExhaustedError, match="Too many open"):
            host.refresh()
        assert versions(host) == dict.fromkeys(NAMES, "1")
        assert host.refresh().reloaded == ("one",)

        def passed(_error: OSError, _path: str) -> None:
            """It was taken for a folder that can't be listed."""

        monkeypatch.setattr(_scan, "check_exhausted", passed)
        install(site, "one", "3")
        with no_descriptors():
            assert host.refresh().removed == NAMES
        assert host.call("transform", tree=TREE, options={}).items == ()


def test_a_refresh_that_has_no_room_is_whole_all_the_same(site: Site) -> None:
    seen: set[bool] = set()
    with site.open() as host:
        versions(host)
        for left in (*range(9), 100, 101):
            version = str(left + 2)
            install(site, "one", version)
            install(site, "two", version)
            if left % 2:
                install(site, "zzz", version)
            else:
                remove(site, "zzz")
            try:
                with no_descriptors(left):
                    changed = host.refresh()
            except HostExhaustedError:
                continue  # nothing was changed
            seen.add(bool(changed.failed))
            now = versions(host)
            assert set(host.implementers("transform")) == set(now)
            assert ("zzz" in now) == bool(left % 2)
            for name in changed.reloaded:
                assert now[name] == version
            for name, error in changed.failed.items():
                assert now[name] != version
                assert "the host can't start" in error.message
        assert host.refresh().failed == {}
    assert seen == {True, False}


# -- room that somebody else has taken ------------------------------------------------

_CAP_SYS_ADMIN, _CAP_SYS_RESOURCE = 21, 24


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")
    )


@contextmanager
def without_room_to_send() -> Generator[None]:
    """Have as many descriptors under way as this user may (unix(7)).

    A plugin of the same user can: `tests.sandbox.attacks.test_descriptors_under_way`.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(0x20080522, 0), (_Sets * 2)()
    libc.capget(ctypes.byref(header), sets)
    before = sets[0].effective
    sets[0].effective &= ~(1 << _CAP_SYS_ADMIN | 1 << _CAP_SYS_RESOURCE)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    null, kept = os.open("/dev/null", os.O_RDONLY), list[socket.socket]()
    packed = array.array("i", [null] * 100)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 400), hard))
    try:
        libc.capset(ctypes.byref(header), sets)
        with suppress(OSError):  # ETOOMANYREFS
            while True:
                kept += socket.socketpair()
                for _ in range(4):
                    kept[-2].sendmsg([b"x"], rights)
        yield
    finally:
        sets[0].effective = before
        libc.capset(ctypes.byref(header), sets)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(null)
        for one in kept:
            one.close()


def starved(site: Site) -> tuple[int, str]:
    """How often a plugin's worker can't be started for want of room; its state then."""
    failed = 0
    with site.open() as host:
        versions(host)
        with without_room_to_send():
            for _ in range(10):
                if "one" in host.workers():
                    os.kill(host.workers()["one"], 9)
                try:
                    host.call("transform", plugin="one", tree=TREE, options={})
                except LockgateError:
                    failed += 1
        return failed, next(p.state for p in host.plugins() if p.name == "one")


def test_a_worker_for_which_there_is_no_room_is_not_its_plugins_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, state = starved(site)
    assert failed > DEATHS_MAXIMUM
    assert state == "ok"

    monkeypatch.setattr(succession, "_MACHINE", frozenset[str]())
    assert starved(site)[1] == "quarantined"
