"""The example plugins of the documentation: checked, tested, installed and called.

Each is built as its author would and lies in a folder of its own environment; a host
finds all five there, and their workers see nothing else.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import wave
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lockgate._rights.file import GrantsFile
from lockgate._seating.seats import identity_of
from lockgate.config import Config
from lockgate.errors import LockgateError
from lockgate.grants import rights_asked
from lockgate.host import Host
from lockgate.project import check_project, find_project
from lockgate.values import Tree
from tests.meta.workspace import ROOT

EXAMPLES = ROOT / "docs" / "examples"
NAMES = ("analytics", "audio", "custom", "integration", "security")
KINDS = {"custom": "units"}
NAME = "example-integration"


def test_these_are_the_examples() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}

    assert folders == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_gold_and_its_manifest_is_its_code(name: str) -> None:
    checked = check_project(find_project(EXAMPLES / name))

    assert checked.findings == ()
    assert not checked.diff
    assert checked.level == "gold"
    assert checked.manifest is not None
    (kind,) = checked.manifest.added_kinds
    assert kind.name == KINDS.get(name, name)
    assert len((EXAMPLES / name / "README.md").read_text().splitlines()) <= 20


@pytest.mark.kernel
@pytest.mark.slow
def test_their_own_tests_pass_in_both_places(tmp_path: Path) -> None:
    sources = [str(EXAMPLES / name / "src") for name in NAMES]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-c", os.devnull),
        *("-p", "lockgate.testing", "-p", "no:cacheprovider", "-W", "error"),
        *("--import-mode=importlib", f"--rootdir={tmp_path}"),
        *(str(EXAMPLES / name / "tests") for name in NAMES),
    ]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sources),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout


# -- installed, in a host ------------------------------------------------------------


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks; the first attempt of each event fails."""

    seen: list[tuple[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.headers["idempotency-key"], json.loads(body)))
        self.send_response(503 if len(self.seen) == 1 else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@dataclass
class Installed:
    """A host of the five, and what the receiver got."""

    host: Host
    config: Config
    seen: list[tuple[str, Any]]
    port: int

    def grant_all(self, plugin: str) -> None:
        (state,) = (s for s in self.host.plugins() if s.name == plugin)
        assert state.manifest is not None
        asked = rights_asked(state.manifest)
        keys = frozenset(right.key for right in asked)
        GrantsFile(Path(self.config.grants_file)).grant(identity_of(state), asked, keys)

    def call(self, hook: str, **arguments: object) -> Any:
        ask: Any = self.host.call
        (answer,) = ask(hook, **arguments)
        return answer.value


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[int, list[tuple[str, Any]]]]:
    seen: list[tuple[str, Any]] = []
    handler = type("Handler", (Receiver,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory,
    receiver: tuple[int, list[tuple[str, Any]]],
) -> Iterator[Installed]:
    port, seen = receiver
    folder = tmp_path_factory.mktemp("examples")
    projects = folder / "projects"
    shutil.copytree(
        EXAMPLES, projects, ignore=shutil.ignore_patterns("__pycache__", "tests")
    )
    manifest = next(projects.glob("integration/src/*/lockgate.toml"))
    manifest.write_text(manifest.read_text().replace(":8099", f":{port}"))
    site = folder / "site"
    build([projects / name for name in NAMES], site)
    home = folder / "home"
    own = (str(site), sysconfig.get_path("purelib"))
    config = Config(
        grants_file=str(home / "grants" / "grants.toml"),
        cache_dir=str(home / "cache"),
        data_dir=str(home / "data"),
        state_dir=str(home / "state"),
        environments={f"lockgate-example-{name}": own for name in NAMES},
    )
    with Host.open(config, search_path=[folder / "nothing"]) as host:
        yield Installed(host, config, seen, port)


def build(projects: list[Path], site: Path) -> None:
    """Wheels of the projects, unpacked into `site`; no index is asked."""
    here = str(Path(sys.executable).parent)
    path = f"{here}{os.pathsep}{os.environ.get('PATH', '')}"
    uv = shutil.which("uv", path=path)
    if uv is None:
        pytest.skip("uv is not installed")
    command = [
        *(uv, "pip", "install", "--offline", "--quiet", "--python", sys.executable),
        *("--no-build-isolation", "--no-deps", "--target", str(site)),
        *map(str, projects),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.kernel
def test_all_five_kinds_are_there(installed: Installed) -> None:
    states = {state.name: state.state for state in installed.host.plugins()}

    assert states == {f"example-{name}": "ok" for name in NAMES}
    kinds = [KINDS.get(name, name) for name in NAMES]
    assert [p.name for k in kinds for p in installed.host.find(kind=k)] == [*states]


@pytest.mark.kernel
def test_audio_changes_a_wav(installed: Installed) -> None:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\x00\x10\x00\x20")
    change = {"normalise": True, "reverse": True}

    sound = installed.call("process_audio", wav=made.getvalue(), change=change)

    assert sound["peak"] == 1.0
    with wave.open(io.BytesIO(sound["wav"])) as file:
        assert file.readframes(9) == b"\xff\x7f\x00\x40"


@pytest.mark.kernel
def test_security_finds_a_secret_in_a_tree(installed: Installed) -> None:
    tree = Tree.of({"a.env": "KEY=AKIA" + "X3" * 8 + "\n"})
    (found,) = installed.call("find_secrets", tree=tree)

    assert (found.path, found.rule, found.severity) == (
        "a.env", "aws-access-key", "error",
    )  # fmt: skip
    assert "AKIA" not in found.message


@pytest.mark.kernel
def test_analytics_counts_events_and_what_is_announced(installed: Installed) -> None:
    installed.call("announce", topic="opened", message={})
    installed.call("count_event", event="sale", amount=2.5)
    installed.call("count_event", event="sale")

    totals = installed.call("totals")

    assert [(t["event"], t["count"], t["amount"]) for t in totals] == [
        ("announced.opened", 1, 1.0),
        ("sale", 2, 3.5),
    ]


@pytest.mark.kernel
def test_custom_converts_and_gives_a_stream(installed: Installed) -> None:
    quantity = {"value": 3.0, "unit": "km"}
    assert installed.call("convert", quantity=quantity, to="m")["value"] == 3000
    stream: Any = installed.host.stream
    with stream("table", unit="C", to="F", step=50.0) as rows:
        made = [next(rows).value["made"]["value"] for _ in range(3)]

    assert made == [32.0, 122.0, 212.0]


@pytest.mark.kernel
def test_integration_posts_only_where_it_is_granted(installed: Installed) -> None:
    payload = {"n": 1}
    ask_one: Any = installed.host.call
    with pytest.raises(LockgateError) as refused:
        # Named, since under `collect` it would come in a group.
        ask_one("deliver_event", plugin=NAME, event="built", payload=payload)
    assert installed.seen == []
    told = f"{refused.value} {refused.value.hint}"
    assert f"http://127.0.0.1:{installed.port}" in told
    assert "lockgate grants grant example-integration" in told

    installed.grant_all(NAME)
    url = f"http://127.0.0.1:{installed.port}/hook"
    installed.host.close()
    settings = {NAME: {"url": url}}
    config = replace(installed.config, plugins=settings)
    with Host.open(config, search_path=[]) as host:
        ask: Any = host.call
        (answer,) = ask("deliver_event", event="built", payload=payload)

    assert answer.value == {"status": 204, "attempts": 2, "delivered": True}
    assert [body for _, body in installed.seen] == [
        {"event": "built", "payload": payload}
    ] * 2
    assert len({key for key, _ in installed.seen}) == 1
