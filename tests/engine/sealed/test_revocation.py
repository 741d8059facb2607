"""A right that is taken back while calls run: none that begins later has it."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lockgate._rights.file import GrantsFile
from lockgate._seating.seats import identity_of
from lockgate.grants import rights_asked
from lockgate.host import Host
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

pytestmark = pytest.mark.kernel

TRYING = """
import json, time
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options, context):
    time.sleep(options.get("sleep", 0))
    said = {}
    for name, act in (
        ("secret", lambda: context.secret("api-token")),
        ("file", lambda: open(options["file"]).read()),
    ):
        try:
            said[name] = act()
        except OSError as error:
            said[name] = ""
    return Transformation(Tree.of({"said.json": json.dumps(said)}))
"""


class Owner:
    """Grants and takes back what the plugin asks for."""

    def __init__(self, site: Site, secret: Path) -> None:
        self.file = GrantsFile(Path(site.config.grants_file))
        rights = f'[rights]\nread = ["{secret}"]\nsecrets = ["api-token"]\n'
        manifest = manifest_of("trying", tier="elevated", more=rights)
        site.add("trying", TRYING, manifest=manifest)
        state = site.state("trying")
        assert state.manifest is not None
        self.identity, self.asked = identity_of(state), rights_asked(state.manifest)

    def grant(self) -> None:
        keys = frozenset(right.key for right in self.asked)
        self.file.grant(self.identity, self.asked, keys)

    def revoke(self) -> None:
        self.file.revoke("trying")


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCKGATE_SECRET_API_TOKEN", "hunter2hunter2")
    path = tmp_path / "secret.txt"
    path.write_text("hunter2 in a file")
    return path


def ask(host: Host, secret: Path, **options: Any) -> dict[str, str]:
    answers = host.call(
        "transform", tree=Tree(), options={"file": str(secret), **options}
    )
    return dict(json.loads(answers.first.tree["said.json"].text))


def test_no_call_that_begins_after_a_revocation_has_the_right(
    tmp_path: Path, secret: Path
) -> None:
    site = Site(tmp_path / "site")
    owner = Owner(site, secret)
    revoked = threading.Event()
    late: list[dict[str, str]] = []
    early: list[dict[str, str]] = []
    stop = time.monotonic() + 30

    def hammer(host: Host) -> None:
        while len(late) < 12 and time.monotonic() < stop:
            into = late if revoked.is_set() else early
            into.append(ask(host, secret))

    for _ in range(3):
        owner.grant()
        revoked.clear()
        early.clear()
        late.clear()
        with site.open() as host, ThreadPoolExecutor(4) as pool:
            assert ask(host, secret)["secret"]  # with the right it works
            running = [pool.submit(hammer, host) for _ in range(4)]
            while len(early) < 4:
                time.sleep(0.002)
            owner.revoke()
            revoked.set()
            for one in running:
                one.result(60)
        assert any(said["file"] and said["secret"] for said in early)
        assert len(late) >= 12
        assert all(said == {"secret": "", "file": ""} for said in late)


def test_a_grant_that_another_process_tears_is_no_grant(
    tmp_path: Path, secret: Path
) -> None:
    """Half a file, or one that others could write, gives nothing and takes nothing."""
    site = Site(tmp_path / "site")
    owner = Owner(site, secret)
    owner.grant()
    whole = owner.file.path.read_bytes()
    with site.open() as host:
        assert ask(host, secret)["file"]
        for content, mode in ((whole[: len(whole) // 2], 0o600), (whole, 0o666)):
            owner.file.path.write_bytes(content)
            owner.file.path.chmod(mode)
            assert ask(host, secret) == {"secret": "", "file": ""}
        owner.file.path.chmod(0o600)
        owner.file.path.write_bytes(whole + b"\n")
        assert ask(host, secret)["file"]


def test_a_call_under_way_loses_what_the_broker_gives_at_once(
    tmp_path: Path, secret: Path
) -> None:
    """The kernel's part, an open rule for a file, goes with the worker."""
    site = Site(tmp_path / "site")
    owner = Owner(site, secret)
    owner.grant()
    with site.open() as host, ThreadPoolExecutor(1) as pool:
        assert ask(host, secret)["secret"]
        before = host.workers()["trying"]
        running = pool.submit(ask, host, secret, sleep=1)
        time.sleep(0.2)
        owner.revoke()
        assert running.result(30) == {"secret": "", "file": "hunter2 in a file"}
        assert ask(host, secret) == {"secret": "", "file": ""}
        assert host.workers()["trying"] != before


def test_what_is_granted_meanwhile_waits_for_the_next_worker(
    tmp_path: Path, secret: Path
) -> None:
    site = Site(tmp_path / "site")
    owner = Owner(site, secret)
    with site.open() as host, ThreadPoolExecutor(1) as pool:
        ask(host, secret)
        running = pool.submit(ask, host, secret, sleep=1)
        time.sleep(0.2)
        owner.grant()
        assert running.result(30) == {"secret": "", "file": ""}
        assert ask(host, secret)["secret"]
