"""Devices that plugins claim: real pseudo-terminals, real workers, two hosts."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockgate._rights.claim_line import Line
from lockgate._rights.claims import claims_folder, claims_held
from lockgate._rights.file import GrantsFile
from lockgate._seating.seats import identity_of
from lockgate.aio import AsyncHost
from lockgate.cli import _doctor_checks, ps
from lockgate.discovery import discover
from lockgate.errors import HookError, ManifestError
from lockgate.grants import rights_asked
from lockgate.host import Host
from lockgate.manifest import Manifest, parse_manifest
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

pytestmark = pytest.mark.kernel

HOLDING = """
import json
import os
import signal
from lockgate.plugin import hookimpl
from lockgate.values import Transformation, Tree

KEPT = []

@hookimpl
def transform(tree, options, context):
    try:
        told = act(options, context)
    except OSError as error:
        told = {"error": str(error), "code": getattr(error, "code", ""),
                "hint": getattr(error, "hint", "")}
    return Transformation(Tree.of({"answer.json": json.dumps(told).encode()}))

def act(options, context):
    if options["do"] == "open":
        KEPT.append(context.open_device(options["path"]))
    elif options["do"] == "close":
        os.close(KEPT.pop())
    elif options["do"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def path() -> Iterator[str]:
    """A serial line whose other end stays open."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


def text_of(name: str, path: str, claim: str = "") -> str:
    more = f'[rights]\ndevices = ["{path}"]\n'
    if claim:
        more += f'[[rights.claims]]\ndevice = "{path}"\nmode = "{claim}"\n'
    return manifest_of(name, tier="elevated", more=more)


def add(site: Site, name: str, path: str, claim: str = "") -> None:
    site.add(name, HOLDING, manifest=text_of(name, path, claim))
    state = discover([str(site.folder)]).get(name)
    assert state is not None
    assert state.manifest is not None
    asked = rights_asked(state.manifest)
    file = GrantsFile(Path(site.config.grants_file))
    file.grant(identity_of(state), asked, frozenset(right.key for right in asked))


WAIT = 1.5
"""Seconds of a call that waits for a device in vain."""


def ask(
    host: Host, plugin: str, do: str, path: str = "", timeout: float | None = None
) -> Any:
    if timeout is not None:  # so that it is not the start of a worker that takes it
        ask(host, plugin, "nothing")
    answers = host.call(
        "transform",
        tree=Tree(),
        options={"do": do, "path": path},
        plugin=plugin,
        timeout=timeout,
    )
    return json.loads(answers.first.tree["answer.json"].text)


def held(site: Site) -> list[tuple[str, str, int]]:
    found = claims_held(claims_folder(site.config.runtime_folder))
    return [(claim.plugin, claim.mode, claim.host) for claim in found]


def test_an_exclusive_claim_names_its_holder_until_it_is_released(
    site: Site, path: str
) -> None:
    add(site, "one", path, "exclusive")
    add(site, "two", path)
    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        assert held(site) == [("one", "exclusive", os.getpid())]
        told = ask(host, "two", "open", path, WAIT)
        assert told["code"] == "device-busy"
        assert f"{path} is in use by plugin one (host {os.getpid()})" in told["error"]
        assert "declare the device as shared" in told["hint"]

        assert ask(host, "one", "close") == "done"
        assert held(site) == []
        assert ask(host, "two", "open", path) == "done"
        assert held(site) == [("two", "exclusive", os.getpid())]

        with pytest.raises(HookError):
            ask(host, "two", "die")
        assert held(site) == []
        assert ask(host, "one", "open", path) == "done"
    assert held(site) == []


def test_a_shared_claim_is_shared_with_those_that_share_it(
    site: Site, path: str
) -> None:
    add(site, "one", path, "shared")
    add(site, "two", path, "shared")
    add(site, "alone", path, "exclusive")
    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        assert ask(host, "two", "open", path) == "done"
        assert {plugin for plugin, _, _ in held(site)} == {"one", "two"}
        told = ask(host, "alone", "open", path, WAIT)
        assert told["code"] == "device-busy"
        assert "plugin one" in told["error"]
        assert "plugin two" in told["error"]


OTHER_HOST = """
import json, sys
from pathlib import Path
from tests.engine.rights.test_claims import ask
from tests.support.host_plugins import Site

root, path = sys.argv[1:]
site = Site.__new__(Site)
site.root, site.folder = Path(root), Path(root, "site")
with site.open() as host:
    print(json.dumps(ask(host, "one", "open", path)), flush=True)
    sys.stdin.read()
"""


def test_a_claim_holds_across_hosts_and_ends_with_a_killed_one(
    site: Site, path: str
) -> None:
    add(site, "one", path, "exclusive")
    add(site, "two", path, "exclusive")
    command = [sys.executable, "-c", OTHER_HOST, str(site.root), path]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other,
        site.open() as host,
    ):
        assert other.stdout is not None
        assert json.loads(other.stdout.readline()) == "done"
        told = ask(host, "two", "open", path, WAIT)
        assert told["code"] == "device-busy"
        assert f"plugin one (host {other.pid})" in told["error"]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ask, host, "two", "open", path, 30)
            until_waiting(site, 1)
            other.kill()
            other.wait()
            assert waiting.result() == "done"
        assert held(site) == [("two", "exclusive", os.getpid())]


def tickets(site: Site) -> int:
    return len(list(Path(claims_folder(site.config.runtime_folder)).glob("*.ticket")))


def until_waiting(site: Site, count: int) -> None:
    until = time.monotonic() + 20
    while tickets(site) < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_who_waits_gets_the_device_in_the_order_of_coming(
    site: Site, path: str
) -> None:
    names = ("two", "three", "four")
    add(site, "one", path, "exclusive")
    for name in names:
        add(site, name, path, "exclusive" if name != "four" else "shared")
    said: list[str] = []
    order: list[str] = []

    def wait(name: str) -> None:
        assert ask(host, name, "open", path, 60) == "done"
        order.append(name)
        assert ask(host, name, "close") == "done"

    with (
        site.open(on_progress=lambda event: said.append(event.message)) as host,
        ThreadPoolExecutor(3) as pool,
    ):
        assert ask(host, "one", "open", path) == "done"
        running: list[Future[None]] = []
        for count, name in enumerate(names, 1):
            running.append(pool.submit(wait, name))
            until_waiting(site, count)
        assert order == []
        assert ask(host, "one", "close") == "done"
        for one in running:
            one.result(60)

    assert order == [*names]
    assert f"waits for {path}: plugin one (host {os.getpid()}) has it" in said
    assert tickets(site) == 0


def test_who_waits_in_vain_is_told_in_time_and_lives(site: Site, path: str) -> None:
    add(site, "one", path, "exclusive")
    add(site, "two", path, "exclusive")
    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        assert ask(host, "two", "open", path, WAIT)["code"] == "device-busy"
        worker = host.workers()["two"]
        began = time.monotonic()
        told = ask(host, "two", "open", path, WAIT)

        assert told["code"] == "device-busy"  # and no hook-timeout
        assert time.monotonic() - began >= 0.2
        assert host.workers()["two"] == worker
        assert tickets(site) == 0


def test_nobody_waits_for_itself_or_for_another_program(site: Site, path: str) -> None:
    add(site, "one", path, "exclusive")
    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        assert "plugin one" in ask(host, "one", "open", path)["error"]
        assert ask(host, "one", "close") == "done"
        code = (
            "import fcntl, sys; file = open(sys.argv[1], 'rb+', buffering=0)\n"
            "fcntl.flock(file, fcntl.LOCK_EX); print('has it', flush=True)\n"
            "sys.stdin.read()\n"
        )
        command = [sys.executable, "-c", code, path]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as stranger:
            assert stranger.stdout is not None
            assert stranger.stdout.readline() == "has it\n"
            began = time.monotonic()
            told = ask(host, "one", "open", path)
            assert time.monotonic() - began < 20  # the call had minutes
    assert "another program" in told["error"]


def test_a_cancelled_call_leaves_the_line(site: Site, path: str) -> None:
    add(site, "one", path, "exclusive")
    add(site, "two", path, "exclusive")

    async def cancelled(host: Host) -> None:
        beside = AsyncHost(host)
        task = asyncio.ensure_future(
            beside.call(
                "transform",
                tree=Tree(),
                options={"do": "open", "path": path},
                plugin="two",
            )
        )
        await asyncio.to_thread(until_waiting, site, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        asyncio.run(cancelled(host))
        until = time.monotonic() + 10
        while tickets(site):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert ask(host, "one", "close") == "done"
        assert ask(host, "two", "open", path) == "done"


def test_the_ticket_of_the_dead_is_taken_away(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from lockgate._rights.claim_line import Line\n"
        "Line(Path(sys.argv[1]), 'key').stand(); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    first, second = Line(tmp_path, "key"), Line(tmp_path, "key")
    assert len(list(tmp_path.glob("*.ticket"))) == 1

    assert not first.others_first()
    first.stand()
    second.stand()

    assert len(list(tmp_path.glob("*.ticket"))) == 2
    assert (first.others_first(), second.others_first()) == (False, True)
    assert not Line(tmp_path, "other").others_first()
    first.leave()
    first.leave()
    assert not second.others_first()
    second.leave()


def test_ps_shows_who_has_which_device(site: Site, path: str) -> None:
    add(site, "one", path, "exclusive")
    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        devices = ps.devices_of(site.config)
    assert devices == {(os.getpid(), "one"): [path]}
    assert ps.devices_of(site.config) == {}


def test_doctor_warns_of_two_that_want_a_device_alone(site: Site, path: str) -> None:
    add(site, "one", path, "exclusive")
    add(site, "two", path)
    found = discover([str(site.folder)])
    checks = list(_doctor_checks.device_checks(site.config, found))
    assert [check.state for check in checks] == ["warning", "ok"]
    assert checks[0].message == f"{path} is claimed for itself by each of one, two"
    assert [state.state for state in found.plugins] == ["ok", "ok"]

    add(site, "two", path, "shared")
    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        checks = list(
            _doctor_checks.device_checks(site.config, discover([str(site.folder)]))
        )
    assert [check.state for check in checks] == ["ok"]
    assert f"open in plugin one of host {os.getpid()}" in checks[0].message


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (["/dev/ttyUSB1"], "/dev/ttyUSB1 is claimed but not asked for"),
        (["/dev/ttyUSB0", "/dev/ttyUSB0"], "/dev/ttyUSB0 is claimed twice"),
    ],
)
def test_a_claim_is_of_a_device_that_is_asked_for(
    claims: list[str], message: str
) -> None:
    text = text_of("one", "/dev/ttyUSB0")
    text += "".join(f'\n[[rights.claims]]\ndevice = "{one}"\n' for one in claims)
    with pytest.raises(ManifestError, match=message) as caught:
        parse_manifest(text.encode(), file="lockgate.toml", distribution="test-one")
    assert caught.value.key.startswith("rights.claims.")


def test_claims_travel_through_the_index() -> None:
    text = text_of("one", "/dev/ttyUSB0", "shared")
    read = parse_manifest(text.encode(), file="lockgate.toml", distribution="test-one")
    for short in (True, False):
        data = json.loads(json.dumps(read.to_data(short=short)))
        assert Manifest.from_data(data).rights == read.rights
    assert read.rights.shares("/dev/ttyUSB0")
    assert not replace(read.rights, claims=()).shares("/dev/ttyUSB0")
