"""An install by name that is killed: nothing is half there, the next one finishes."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.cli import main
from lockgate.errors import LockgateError
from tests.support.faults import KILL, points, run
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered
from tests.support.servers import Request

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

FILE = "/files/acme-1.0-py3-none-any.whl"


def halting(index: LoopbackIndex, until: threading.Event) -> None:
    """Send the first half of the file at once, and the rest when that is said."""
    honest = index.served[FILE]

    def pieces(request: Request) -> Iterator[bytes]:
        whole = index.answer(request)
        assert isinstance(whole, bytes)
        half = len(whole) - len(honest) // 2
        yield whole[:half]
        until.wait(30)
        yield whole[half:]

    def answer(request: Request) -> bytes | Iterator[bytes]:
        del index.answers[FILE]
        return pieces(request)

    index.answers[FILE] = answer


def test_a_download_that_was_killed_is_gone_on_with(home: Home) -> None:
    with loopback_index() as index:
        offered(index, code=f"DATA = {os.urandom(60_000).hex()!r}\n")
        home.indexes(main=index)
        killed = threading.Event()
        halting(index, killed)
        command = [sys.executable, "-m", "lockgate", "install", "acme"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        incoming = home.data / "cache" / "incoming" / "main"
        part = _part(incoming)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed.set()

        assert home.files() == set()
        assert home.json("trust", "show")["publishers"] == []
        begun = part.stat().st_size
        assert begun > 0

        assert home.json("install", "acme")["installed"]

        ranges = [r.header("range") for r in index.requests if r.target == FILE]
        assert ranges[-1] == f"bytes={begun}-"
        assert home.answer() == "1.0"
        assert list(incoming.iterdir()) == []


def _part(folder: Path) -> Path:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for part in folder.glob("*.part"):
            if part.stat().st_size:
                return part
        time.sleep(0.05)
    raise AssertionError("no part of the file came")


def test_killed_at_its_writes_it_is_whole_and_the_next_run_finishes(
    home: Home,
) -> None:
    """At ten of some two hundred points: the store's own are tested one by one."""
    with loopback_index() as index:
        index.add("needed", files={"needed/__init__.py": "x = 1\n"})
        offered(index, requires=("needed",))
        home.indexes(main=index)

        def work() -> None:
            assert main(["install", "acme", "--json"]) == 0

        def absent() -> None:
            home.run("uninstall", "acme")
            home.run("gc", "--keep", "1")

        work()  # pages are kept from now on: each run makes the same calls
        absent()
        every = list(points(work, LockgateError))
        assert len(every) > 50
        statuses: set[int] = set()
        for at in every[:-5:-1] + every[:: len(every) // 6]:
            absent()

            ended = run(work, LockgateError, at=at, fault=KILL)

            statuses.add(ended.status)
            if "acme" in {row["name"] for row in home.json("list")["plugins"]}:
                assert home.answer() == "1.0"
            assert home.json("verify")["status"] == 0
            assert home.json("install", "acme")["installed"]
            assert home.answer() == "1.0"
        assert statuses <= {-signal.SIGKILL, 0}
        assert -signal.SIGKILL in statuses


def test_a_full_disk_is_told_and_the_next_run_finishes(home: Home) -> None:
    """At points all over an installation: refused with a code, never an accident."""
    with loopback_index() as index:
        offered(index)
        home.indexes(main=index)

        def work() -> None:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                status = main(["install", "acme", "--json"])
            if status:
                code = json.loads(said.getvalue())["error"]["code"]
                assert code != "internal-error", said.getvalue()
                raise LockgateError(code)

        work()
        home.run("uninstall", "acme")
        every = list(points(work, LockgateError))
        statuses: set[int] = set()
        for at in every[:: max(1, len(every) // 24)]:
            home.run("uninstall", "acme")
            home.run("gc", "--keep", "1")

            ended = run(work, LockgateError, at=at, fault=errno.ENOSPC, lasting=True)

            assert ended.status in (0, 1), ended.said
            statuses.add(ended.status)
            assert home.json("verify")["status"] == 0
            assert home.json("install", "acme")["installed"]
        assert 1 in statuses


def test_of_four_at_once_one_installs_and_the_others_are_told(home: Home) -> None:
    """Who agreed to what is there no more is asked again; the next run finishes."""
    with loopback_index() as index:
        offered(index)
        home.indexes(main=index)
        command = [sys.executable, "-m", "lockgate", "install", "acme", "--json"]
        pipe = subprocess.PIPE
        running = [
            subprocess.Popen(command, stdout=pipe, stderr=pipe) for _ in range(4)
        ]
        told = [json.loads(process.communicate()[0]) for process in running]

        codes = [one["error"]["code"] for one in told if "error" in one]
        assert len(codes) < len(told)
        assert set(codes) <= {"consent-needed"}, told
        assert home.answer() == "1.0"
        assert home.json("verify")["status"] == 0
        assert home.json("install", "acme")["installed"]
        assert not list((home.data / "cache" / "incoming").glob("*/*"))
