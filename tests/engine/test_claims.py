"""Devices that plugins claim: real pseudo-terminals, real workers, two hosts."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockgate._claims import claims_folder, claims_held
from lockgate._grants import GrantsFile
from lockgate._seats import identity_of
from lockgate.cli import _checks
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
    else:
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


def ask(host: Host, plugin: str, do: str, path: str = "") -> Any:
    answers = host.call(
        "transform", tree=Tree(), options={"do": do, "path": path}, plugin=plugin
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
        told = ask(host, "two", "open", path)
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
        told = ask(host, "alone", "open", path)
        assert told["code"] == "device-busy"
        assert "plugin one" in told["error"]
        assert "plugin two" in told["error"]


OTHER_HOST = """
import json, sys
from pathlib import Path
from tests.engine.test_claims import ask
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
        told = ask(host, "two", "open", path)
        assert told["code"] == "device-busy"
        assert f"plugin one (host {other.pid})" in told["error"]
        other.kill()
        other.wait()
        until = time.monotonic() + 10
        while (told := ask(host, "two", "open", path)) != "done":
            assert time.monotonic() < until, told
            time.sleep(0.05)
        assert held(site) == [("two", "exclusive", os.getpid())]


def test_doctor_warns_of_two_that_want_a_device_alone(site: Site, path: str) -> None:
    add(site, "one", path, "exclusive")
    add(site, "two", path)
    found = discover([str(site.folder)])
    checks = list(_checks.device_checks(site.config, found))
    assert [check.state for check in checks] == ["warning", "ok"]
    assert checks[0].message == f"{path} is claimed for itself by each of one, two"
    assert [state.state for state in found.plugins] == ["ok", "ok"]

    add(site, "two", path, "shared")
    with site.open() as host:
        assert ask(host, "one", "open", path) == "done"
        checks = list(_checks.device_checks(site.config, discover([str(site.folder)])))
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
