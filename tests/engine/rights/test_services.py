"""Hosts, devices and secrets of a manifest: from the grant to the real thing."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path
from typing import Any

import httpx
import pytest

from lockgate._rights.file import GrantsFile
from lockgate._seating.seats import identity_of
from lockgate.discovery import discover
from lockgate.grants import rights_asked
from lockgate.host import AuditRecord, Host
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of
from tests.support.servers import http_server

PACKAGES = str(Path(httpx.__file__).parents[1])

ASKING = f"""
import json, os, sys
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options, context):
    sys.path.append({PACKAGES!r})
    try:
        value = ask(options, context)
    except OSError as error:
        value = str(error)
    return Transformation(Tree.of({{"answer.json": json.dumps(value)}}))

def ask(options, context):
    if options["what"] == "http":
        import httpx
        client = httpx.Client(transport=context.http_transport())
        return client.get(options["url"]).text
    if options["what"] == "socket":
        import urllib.request
        return urllib.request.urlopen(options["url"]).read().decode()
    if options["what"] == "device":
        fd = context.open_device(options["path"])
        os.write(fd, b"AT")
        return os.close(fd)
    return context.secret("api-token")
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def add(site: Site, rights: str) -> None:
    more = f"[rights]\nread = [{PACKAGES!r}]\n{rights}"
    manifest = manifest_of("asker", tier="elevated", more=more)
    site.add("asker", ASKING, manifest=manifest)


def grant(site: Site, *kinds: str) -> None:
    state = discover([str(site.folder)]).get("asker")
    assert state is not None
    assert state.manifest is not None
    asked = rights_asked(state.manifest)
    given = {r.key for r in asked if not kinds or r.key.startswith(kinds)}
    file = GrantsFile(Path(site.config.grants_file))
    file.grant(identity_of(state), asked, frozenset(given))


def ask(host: Host, **options: Any) -> Any:
    answers = host.call("transform", tree=Tree(), options=options)
    return json.loads(answers.first.tree["answer.json"].text)


def test_a_granted_host_is_reached_by_transport_and_by_socket(site: Site) -> None:
    records: list[AuditRecord] = []
    with http_server() as server:
        url = f"http://127.0.0.1:{server.port}/v1/"
        add(site, f'net = ["127.0.0.1:{server.port} private"]')
        grant(site)
        with site.open(on_audit=records.append) as host:
            assert ask(host, what="http", url=url) == "ok"
            assert ask(host, what="socket", url=url) == "ok"
            told = ask(host, what="http", url="http://a.test/")
    assert "no grant names this host" in told
    nets = [record for record in records if record.right.startswith("net:")]
    assert {record.action for record in nets} >= {"broker", "refuse"}
    assert {record.plugin for record in nets} == {"asker"}


def test_an_injected_secret_of_the_environment_is_not_the_plugins(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKGATE_SECRET_API_TOKEN", "hunter2hunter2")
    records: list[AuditRecord] = []
    with http_server() as server:
        url = f"http://127.0.0.1:{server.port}/v1/"
        add(site, f'net = ["{url} bearer=api-token private"]')
        grant(site)
        with site.open(on_audit=records.append) as host:
            assert ask(host, what="http", url=url) == "ok"
            assert "session.http_transport" in ask(host, what="socket", url=url)
            assert "not granted" in ask(host, what="secret")
        assert server.requests[0].header("authorization") == "Bearer hunter2hunter2"
    assert "hunter2" not in repr(records)


def test_a_granted_secret_is_known_and_a_missing_one_is_absent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(site, 'secrets = ["api-token"]')
    grant(site)
    monkeypatch.delenv("LOCKGATE_SECRET_API_TOKEN", raising=False)
    with site.open() as host:
        assert "LOCKGATE_SECRET_API_TOKEN is not set" in ask(host, what="secret")
    monkeypatch.setenv("LOCKGATE_SECRET_API_TOKEN", "hunter2hunter2")
    with site.open() as host:
        assert ask(host, what="secret") == "hunter2hunter2"


def test_a_host_or_a_quota_that_is_not_asked_for_is_named_with_its_right(
    site: Site,
) -> None:
    with http_server() as server:
        place = f"127.0.0.1:{server.port}"
        add(site, f'net = ["{place} requests=1 private"]')
        grant(site)
        with site.open() as host:
            assert ask(host, what="http", url=f"http://{place}/") == "ok"
            told = [
                ask(host, what="http", url=f"http://{place}/"),
                ask(host, what="http", url="https://b.test/"),
            ]
    for text, net in zip(
        told,
        (f"{place} requests=2 private", "https://b.test/ methods=GET"),
        strict=True,
    ):
        right = f'its author has to ask for it: [rights] net = ["{net}"]'
        assert f"To allow it: {right}" in text


@pytest.mark.parametrize("what", ["http", "socket", "secret", "device"])
def test_a_missing_grant_is_named_with_its_command(site: Site, what: str) -> None:
    add(
        site,
        'net = ["a.test:443"]\nsecrets = ["api-token"]\ndevices = ["/dev/ttyUSB7"]',
    )
    grant(site, "read:")
    right = {
        "http": "net:a.test:443",
        "socket": "net:a.test:443",
        "secret": "secret:api-token",
        "device": "device:/dev/ttyUSB7",
    }[what]
    with site.open() as host:
        options = {"what": what, "url": "https://a.test/", "path": "/dev/ttyUSB7"}
        answers = host.call("transform", tree=Tree(), options=options)
        told = answers.first.tree["answer.json"].text
        command = f"lockgate grants grant asker {right} tier:elevated"
        denials = answers.items[0].denials
    assert command in told
    assert command in [denial["grant"] for denial in denials]


def test_a_granted_device_is_opened_by_the_host(site: Site) -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    add(site, f'devices = ["{path}"]')
    grant(site)
    with site.open() as host:
        assert ask(host, what="device", path=path) is None
        assert os.read(master, 2) == b"AT"
    os.close(master)
    os.close(slave)


def test_what_is_malformed_is_absent_with_the_reason(site: Site) -> None:
    add(site, 'net = ["*.test"]\ndevices = ["/etc/passwd"]')
    grant(site)
    with site.open() as host:
        assert "refused" in ask(host, what="device", path="/etc/passwd")
