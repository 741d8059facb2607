"""Workers that use up what their host may open, by connections and by themselves.

The host runs as a process of its own with a low limit. With the reserve it refuses what
comes too much, by name, and goes on; without it, it can't open anything any more, and
can't see what its workers use.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import pytest

from lockgate_sandbox import HostDescriptorsError
from lockgate_sandbox._watch import descriptors

pytestmark = pytest.mark.kernel

_LIMIT = 256

_HOST = """
import json, os, resource, sys, tempfile
from contextlib import nullcontext
guarded, port, limit = sys.argv[1] == "1", int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(7)[1]))
from lockgate_sandbox import HostGrant, Policy, Quota, Sandbox, SandboxError
from lockgate_sandbox._watch import descriptors
from lockgate_sandbox.broker import Broker

if not guarded:
    descriptors._kept = lambda limit: -limit

HANDLER = '''
import socket
kept = []

def build(session):
    def handler(method, arguments):
        if method == "echo":
            return arguments
        told = ""
        try:
            for _ in range(64):
                place = "127.0.0.1", arguments["port"]
                kept.append(socket.create_connection(place, 10))
        except OSError as error:
            told = str(error)
        return [len(kept), told]
    return handler
'''
quota = Quota(per_second=5_000, burst=5_000)
grant = HostGrant("127.0.0.1", ports=(port,), allow_private=True, quota=quota)
policy = Policy.for_tier("elevated", hosts=[grant], total=quota)
told = {"fills": [], "alive": [], "start": None}
with tempfile.TemporaryDirectory() as folder, Sandbox.open() as sandbox:
    with open(os.path.join(folder, "filler.py"), "w") as file:
        file.write(HANDLER)
    os.chmod(folder, 0o755)
    workers, brokers = [], []
    for _ in range(3):
        brokers.append(Broker(policy))
        workers.append(sandbox.worker(
            policy, target="filler:build", path=[folder], broker=brokers[-1]
        ))
    for worker in workers:
        try:
            told["fills"].append(worker.call("fill", {"port": port}).value)
        except SandboxError as error:
            told["fills"].append([0, repr(error)])
    try:
        for fd in os.pipe():
            os.close(fd)
        told["host"] = "opens"
    except OSError as error:
        told["host"] = error.errno
    try:
        sandbox.worker(Policy.for_tier("read-only"), target="filler:build",
                       path=[folder]).close()
        told["start"] = "started"
    except Exception as error:
        told["start"] = [type(error).__name__, str(error), getattr(error, "hint", "")]
    for worker in workers:
        for n in range(20):
            try:
                told["alive"].append(worker.call("echo", {"n": n}).value)
            except SandboxError as error:
                told["alive"].append(error.code)
    brokers[0].close()
    workers[0].close()
    try:
        with sandbox.worker(Policy.for_tier("read-only"), target="filler:build",
                            path=[folder]) as worker:
            told["later"] = worker.call("echo", {"n": 1}).value
    except Exception as error:
        told["later"] = repr(error)
    for broker in brokers:
        broker.close()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """A port that takes any number of connections and keeps them."""
    listening = socket(AF_INET, SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    listening.listen(512)
    kept: list[socket] = []

    def accept() -> None:
        while True:
            try:
                kept.append(listening.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(2)
    listening.close()
    thread.join()
    for one in kept:
        one.close()


def _told(port: int, *, guarded: bool) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _HOST, str(int(guarded)), str(port), str(_LIMIT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_connections_leave_the_host_what_it_needs(server: int) -> None:
    told = _told(server, guarded=True)
    counts = [count for count, _ in told["fills"]]
    assert counts[0] == 64
    assert sum(counts) < 128  # two descriptors each
    assert "keeps 64 back" in told["fills"][-1][1]
    assert told["host"] == "opens"
    kind, text, hint = told["start"]
    assert kind == "HostDescriptorsError"
    assert "a worker needs 12 descriptors" in text
    assert f"of {_LIMIT} in use" in text
    assert "raise_open_files()" in hint
    assert told["alive"] == [{"n": n} for n in range(20)] * 3
    assert told["later"] == {"n": 1}


def test_without_the_reserve_the_host_has_none_left(server: int) -> None:
    told = _told(server, guarded=False)
    assert "keeps" not in told["fills"][-1][1]
    assert told["host"] == 24  # EMFILE
    assert told["start"] != "started"


def test_what_is_about_to_be_opened_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    used = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208
    assert abs(descriptors._used() - used) <= 2  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(descriptors, "_limit", lambda: 1_000)
    monkeypatch.setattr(descriptors, "_used", lambda: 900)
    with descriptors.room_for(20, "one"):
        assert descriptors.has_room(16)
        assert not descriptors.has_room(17)
        with pytest.raises(HostDescriptorsError) as refused:
            descriptors.room_for(17, "two").__enter__()
    assert (refused.value.used, refused.value.need) == (920, 17)
    assert descriptors.has_room(36)
    assert not descriptors.has_room(37)
