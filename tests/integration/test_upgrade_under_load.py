"""A host that runs goes on while its plugins are upgraded, staged and collected.

The host is a process of its own, with threads that never stop calling; the upgrades
are commands of another, as an operator gives them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.marketplace.conftest import home as home
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered

pytestmark = pytest.mark.kernel

HOST = """
import json, os, signal, sys, threading
from lockgate import Host
from lockgate.config import load_config
from lockgate.errors import LockgateError
from lockgate.values import Tree

versions, failures, over = [], [], threading.Event()

def call():
    try:
        found = host.call("transform", plugin="acme", tree=Tree(), options={})
        versions.append(found.first.tree["version.txt"].text)
    except LockgateError as error:
        failures.append(str(error))

def load():
    while not over.is_set():
        call()

with Host.open(load_config(), control="always") as host:
    threads = [threading.Thread(target=load) for _ in range(int(sys.argv[1]))]
    call()
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "kill\\n":
            os.kill(host.workers()["acme"], signal.SIGKILL)
        elif line == "call\\n":
            call()
        told = {"calls": len(versions), "latest": versions[-1:], "failures": failures}
        told["versions"] = list(dict.fromkeys(versions))
        print(json.dumps(told), flush=True)
    over.set()
    for thread in threads:
        thread.join()
"""
UNLEASED = (
    "import lockgate.installed._lease as it\n"
    "it.Lease.hold = lambda self, folders: True\n"
)
"""The layer off: a host that tells nobody what it imports from."""


@pytest.fixture
def main(home: Home) -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        home.indexes(main=index)
        yield index


@contextmanager
def running(threads: int, before: str = "") -> Generator[Callable[[str], Any]]:
    """A host in a process of its own; what is said to it, it does, and tells."""
    with subprocess.Popen(
        [sys.executable, "-c", before + HOST, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    ) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        reader, writer = host.stdout, host.stdin
        assert reader.readline() == "ready\n"

        def say(word: str) -> Any:
            writer.write(f"{word}\n")
            writer.flush()
            return json.loads(reader.readline())

        yield say
        writer.close()
        assert host.wait(timeout=30) == 0


def more_calls(say: Callable[[str], Any], count: int = 20) -> Any:
    """Let the threads make that many more calls."""
    begin = say("tell")["calls"]
    while (told := say("tell"))["calls"] < begin + count:
        assert not told["failures"]
    return told


def test_an_upgrade_that_asks_for_more_waits_and_no_call_is_lost(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    home.json("install", "acme")
    rights = '[rights]\nenv = ["LANG"]\n'
    uses = 'import os\nos.environ["LANG"]\n'
    with running(threads=4) as say:
        offered(main, version="1.1", tier="elevated", extra=rights, code=uses)
        refused = home.json("upgrade", "acme")
        assert (refused["status"], refused["plugins"][0]["state"]) == (3, "staged")
        home.run("gc", "--keep", "1")
        assert home.run("reload", "acme")[0] == 0
        told = more_calls(say)
        assert (told["versions"], told["failures"]) == (["1.0"], [])

        agreed = home.json("upgrade", "acme", "--grant-all")
        assert (agreed["status"], agreed["plugins"][0]["state"]) == (0, "upgraded")
        told = more_calls(say)
        assert (told["versions"], told["failures"]) == (["1.0"], [])

        assert home.run("reload", "acme")[0] == 0
        told = more_calls(say)
        assert (told["latest"], told["versions"]) == (["1.1"], ["1.0", "1.1"])
        assert told["failures"] == []


@pytest.mark.parametrize("leased", [True, False])
def test_what_a_running_host_imports_is_collected_only_without_its_lease(
    leased: bool, home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    home.json("install", "acme")
    with running(threads=0, before="" if leased else UNLEASED) as say:
        offered(main, version="1.1")
        home.json("upgrade", "acme")

        gone = home.json("gc", "--keep", "1")
        say("kill")
        say("call")  # which may find out that the worker is dead
        told = say("call")

        if not leased:
            assert gone["wheels"] == ["acme 1.0"]
            assert (told["calls"], len(told["failures"])) == (1, 2)
            return
        assert (gone["wheels"], gone["in-use"]) == ([], ["acme 1.0"])
        assert told["latest"] == ["1.0"]
        assert told["calls"] >= 2
        assert home.run("reload", "acme")[0] == 0
        assert say("call")["latest"] == ["1.1"]
        assert home.json("gc", "--keep", "1")["wheels"] == ["acme 1.0"]
