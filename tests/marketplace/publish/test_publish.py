"""Wheels go out: judged first, placed whole, or sent to a real index server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lockgate.cli import main
from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.publish import (
    Credentials,
    _prepare,
    checked_url,
    credentials_for,
    place,
    prepare,
    upload,
    wheels_of,
)
from lockgate_marketplace.site import Options, build
from lockgate_marketplace.site.release import PROVENANCE_SUFFIX
from lockgate_marketplace.wheel import Surroundings, Wheel, open_wheel
from tests.marketplace.site.samples import manifest, plugin_wheel, provenance_for
from tests.support.market import CODE
from tests.support.servers import Server, http_server, reply
from tests.support.wheels import Draft, forge_file

NETWORK = """
import socket
from lockgate.plugin import hookimpl

@hookimpl
def transform(tree, options, context):
    socket.create_connection(("example.org", 80))
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LOCKGATE_")]:
        monkeypatch.delenv(name)
    # Half a second each; what it finds is `test_trial`'s.
    monkeypatch.setenv("LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__LOAD", "off")
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("CONFIG", "CACHE", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], status: int, *words: str) -> Any:
    assert main(["publish", *words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_sound_wheel_is_ready_with_a_verdict(tmp_path: Path) -> None:
    path = forge_file(tmp_path, "lockgate-acme", manifest=True)
    ready = prepare(path)

    assert ready.manifest is not None
    assert ready.data == path.read_bytes()
    assert [(v.check, v.outcome) for v in ready.verdicts] == [("rights", "passed")]


def test_a_right_that_is_used_and_not_asked_for_stops(tmp_path: Path) -> None:
    path = forge_file(
        tmp_path,
        "lockgate-acme",
        manifest=True,
        files={"lockgate_acme/__init__.py": NETWORK},
    )

    with pytest.raises(PublishError) as caught:
        prepare(path)

    assert caught.value.code == "publish-rights"
    assert "asks for no host" in caught.value.message


def test_a_right_that_is_asked_for_and_not_used_is_noted(tmp_path: Path) -> None:
    text = manifest("acme", more='[rights]\nenv = ["LANG"]\n')
    ready = prepare(forge_file(tmp_path, "lockgate-acme", manifest=text))

    assert ready.verdicts[0].outcome == "noted"
    assert "env:LANG" in ready.notes[0]


def test_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PublishError) as caught:
        wheels_of([tmp_path])

    assert caught.value.code == "publish-nothing"


def test_wheels_are_placed_with_what_goes_with_them(tmp_path: Path) -> None:
    path = forge_file(tmp_path / "dist", "lockgate-acme", manifest=True)
    path.with_name(f"{path.name}.provenance").write_bytes(provenance_for(path))

    (placed,) = place([prepare(path)], tmp_path / "wheels")
    report = build(tmp_path / "wheels", tmp_path / "site")

    assert placed.read_bytes() == path.read_bytes()
    assert report.refused == ()
    files = json.loads((tmp_path / "site" / "catalog.json").read_text())["plugins"][0][
        "versions"
    ][0]["files"]
    assert files[0]["provenance"] is True
    assert files[0]["verdicts"][0]["check"] == "rights"


def test_a_name_that_is_taken_by_other_bytes_stops_all(tmp_path: Path) -> None:
    place([prepare(plugin(tmp_path / "a", "one"))], tmp_path / "wheels")
    before = sorted(path.name for path in (tmp_path / "wheels").iterdir())
    ready = [
        prepare(plugin(tmp_path / "b", "two")),
        prepare(plugin(tmp_path / "b", "one", summary="Another.")),
    ]

    with pytest.raises(PublishError) as caught:
        place(ready, tmp_path / "wheels")

    assert caught.value.code == "index-file-changed"
    assert sorted(path.name for path in (tmp_path / "wheels").iterdir()) == before


def test_no_pipe_of_a_checkout_keeps_who_publishes(tmp_path: Path) -> None:
    wheel = plugin(tmp_path / "checkout", "one")
    ready, wheels = prepare(wheel), tmp_path / "wheels"
    beside = wheel.with_name(wheel.name + PROVENANCE_SUFFIX)
    wheels.mkdir()
    os.mkfifo(beside)
    os.mkfifo(wheels / wheel.name)

    with pytest.raises(PublishError) as unread:
        prepare(wheel)
    with pytest.raises(PublishError) as unplaced:
        place([ready], wheels)

    assert (unread.value.code, unplaced.value.code) == (
        "index-sidecar-invalid",
        "index-unwritable",
    )
    assert "no regular file" in unread.value.message
    # Whoever opens it as any file waits until somebody writes.
    waiting = threading.Thread(target=beside.read_bytes, daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    beside.write_bytes(b"")
    waiting.join(10)


def plugin(folder: Path, name: str, **about: Any) -> Path:
    """A plugin's wheel whose code answers what its manifest says."""
    code = CODE.format(version="1.0").replace("def transform(", "def answer(")
    code = code.replace("@hookimpl", '@hookimpl(specname="transform")')
    files = {f"lockgate_{name}/__init__.py": code}
    return plugin_wheel(folder, name, files=files, **about)


def test_a_wheel_that_changes_while_it_is_judged_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plugin(tmp_path, "acme")

    def judged(path: Path, *, around: Surroundings) -> Wheel:
        wheel = open_wheel(path, around=around)
        path.write_bytes(b"other bytes")
        return wheel

    monkeypatch.setattr(_prepare, "open_wheel", judged)

    with pytest.raises(PublishError) as caught:
        prepare(path)

    assert caught.value.code == "publish-changed"


# -- sending


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """pypiserver, as it is, on loopback; anybody may upload."""
    folder = tmp_path_factory.mktemp("pypiserver")
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    command = [
        sys.executable, "-W", "ignore", "-m", "pypiserver", "run", "-p", str(port),
        "-i", "127.0.0.1", "-P", ".", "-a", ".", "--disable-fallback", str(folder),
    ]  # fmt: skip
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}/"
    for _ in range(600):
        try:
            httpx.get(url)
            break
        except httpx.TransportError:
            time.sleep(0.05)
    yield url, folder
    server.kill()
    server.wait()


def test_an_index_server_takes_it(index: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = index
    path = plugin(tmp_path, "acme", headers=("Classifier: A :: B", "Classifier: C"))

    assert upload([prepare(path)], url, Credentials("me", "secret")) == [path.name]

    assert (folder / path.name).read_bytes() == path.read_bytes()
    assert path.name in httpx.get(f"{url}simple/lockgate-acme/").text


def test_the_same_version_again_is_refused_by_it(
    index: tuple[str, Path], tmp_path: Path
) -> None:
    url, _ = index
    ready = [prepare(plugin(tmp_path, "twice"))]
    upload(ready, url, None)

    with pytest.raises(PublishError) as caught:
        upload(ready, url, None)

    assert caught.value.code == "publish-refused"
    assert "409" in caught.value.message


def test_the_form_and_the_credentials_arrive(tmp_path: Path) -> None:
    path = plugin(tmp_path, "acme", requires=("six",))
    path.with_name(f"{path.name}.provenance").write_bytes(provenance_for(path))
    with http_server(lambda _: reply(b"ok")) as server:
        upload([prepare(path)], local(server), Credentials("__token__", "s3"))
    (request,) = server.requests

    assert request.header("authorization") == "Basic X190b2tlbl9fOnMz"
    for part in ("action", "requires_dist", "sha256_digest", "attestations", "content"):
        assert f'{part}"'.encode() in request.body
    assert b"six" in request.body
    assert prepare(path).data in request.body


def test_who_is_not_let_in_is_told_how(tmp_path: Path) -> None:
    ready = [prepare(plugin(tmp_path, "acme"))]
    refusing = http_server(lambda _: reply(b"no", status="403 Forbidden"))
    with refusing as server, pytest.raises(PublishError) as caught:
        upload(ready, local(server), Credentials("me", "the-secret"))

    assert caught.value.code == "publish-credentials"
    assert "the-secret" not in str(caught.value.to_dict())


def test_a_redirect_is_not_followed_with_the_password(tmp_path: Path) -> None:
    ready = [prepare(plugin(tmp_path, "acme"))]
    with http_server(lambda _: reply(b"")) as thief:
        away = reply(
            b"", status="307 Temporary Redirect", headers=(f"Location: {local(thief)}",)
        )
        with (
            http_server(lambda _: away) as server,
            pytest.raises(PublishError) as caught,
        ):
            upload(ready, local(server), Credentials("me", "secret"))

    assert caught.value.code == "publish-redirected"
    assert thief.requests == []


def local(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}/"


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(PublishError) as caught:
            upload([prepare(plugin(tmp_path, "acme"))], url, None)

    assert caught.value.code == "publish-unreachable"


@pytest.mark.parametrize(
    "url",
    ["http://index.example/", "ftp://x/", "file:///etc", "https://a:b@x.example/", ""],
)
def test_an_address_that_would_give_the_wheel_or_password_away(url: str) -> None:
    with pytest.raises(PublishError) as caught:
        checked_url(url)

    assert caught.value.code == "publish-url"


def test_credentials_come_from_the_environment_or_netrc(tmp_path: Path) -> None:
    url = "https://index.example/legacy/"
    assert credentials_for(url, {}) is None
    assert credentials_for(url, {"LOCKGATE_PUBLISH_PASSWORD": "t"}) == Credentials(
        "__token__", "t"
    )

    netrc = tmp_path / ".netrc"
    entries = "machine index.example login me password s\n"
    netrc.write_text(f"{entries}default login any password x\n")
    netrc.chmod(0o600)
    assert credentials_for(url, {}) == Credentials("me", "s")
    assert credentials_for("https://other.example/", {}) is None
    assert "'s'" not in repr(credentials_for(url, {}))

    netrc.write_text("machine index.example login me password s hunter2\n")
    with pytest.raises(PublishError) as caught:
        credentials_for(url, {})
    assert caught.value.code == "publish-credentials"
    assert "hunter2" not in str(caught.value)


# -- the verb


def test_the_verb_places_and_builds_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(tmp_path / "wheels", "first")
    build(tmp_path / "wheels", tmp_path / "site", Options(title="Ours"))
    path = plugin(tmp_path / "dist", "second")

    data = told(capsys, 0, str(path), "--to", "wheels", "--out", "site")

    assert [one["file"] for one in data["wheels"]] == [path.name]
    page = (tmp_path / "site" / "index.html").read_text()
    assert "<title>Ours</title>" in page
    assert "lockgate-second" in page


def test_the_verb_signs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin(tmp_path / "dist", "acme")
    assert main(["trust", "key", "publish.pem", "--json"]) == 0
    public = json.loads(capsys.readouterr().out)["public"]

    signed = ["dist", "--to", "wheels", "--out", "site", "--key", "publish.pem"]
    assert told(capsys, 0, *signed)["wheels"][0]["signed"] is True

    catalog = json.loads((tmp_path / "site" / "catalog.json").read_text())
    files = catalog["plugins"][0]["versions"][0]["files"]
    assert files[0]["signers"] == [public]
    assert main(["publish", "dist", "--key", "publish.pem"]) == 2


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "wheels").write_text("a file")

    with pytest.raises(PublishError) as caught:
        place([prepare(plugin(tmp_path / "dist", "acme"))], tmp_path / "wheels")

    assert caught.value.code == "index-unwritable"


def test_one_refused_wheel_keeps_all_at_home(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(tmp_path / "dist", "good")
    evil = Draft("lockgate-zz")
    evil.add("lockgate_zz.pth", "import os\n")
    evil.seal().write(tmp_path / "dist")

    error = told(capsys, 3, "dist", "--to", "wheels")["error"]

    assert error["code"].startswith("wheel-")
    assert not (tmp_path / "wheels").exists()


def test_without_a_place_it_only_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(tmp_path / "dist", "good")

    assert told(capsys, 0, "dist")["to"] == ""
    assert main(["publish", "dist", "--out", "site"]) == 2


def test_an_index_of_the_settings_says_where_it_takes_wheels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(forge_file(tmp_path, "lockgate-acme", manifest=True))
    asked: list[str] = []

    def answer(request: Any) -> bytes:
        asked.append(request.target)
        return reply(b"")

    with http_server(answer) as server:
        base = f"http://127.0.0.1:{server.port}"
        config = tmp_path / "CONFIG" / "lockgate" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(
            "[plugins.marketplace.indexes.main]\n"
            f'url = "{base}/simple/"\nupload = "{base}/legacy/"\n'
            f'[plugins.marketplace.indexes.other]\nurl = "{base}/simple/"\n'
        )
        told(capsys, 0, path, "--index", "main")
        nowhere = told(capsys, 3, path, "--index", "other")
        unknown = told(capsys, 3, path, "--index", "mane")

    assert asked == ["/legacy/"]
    assert nowhere["error"]["code"] == "publish-url"
    assert nowhere["error"]["where"] == "plugins.marketplace.indexes.other.upload"
    assert (unknown["error"]["code"], unknown["error"]["hint"]) == (
        "source-unknown",
        "Did you mean 'main'?",
    )
