"""Our client with the servers that others run: pypiserver, simple-repository, devpi.

Of each a plugin is installed by its name, with what it needs, and answers.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

from lockgate_marketplace.errors import MarketplaceError
from lockgate_marketplace.fetch import Credentials, Fetcher
from lockgate_marketplace.memory import LocalMemory
from lockgate_marketplace.resolve import IndexClient, Policy, Want, resolve, search
from lockgate_marketplace.sources import Index, Sources
from lockgate_marketplace.wheel import open_wheel
from tests.support.dists import manifest_text
from tests.support.market import CODE, Home
from tests.support.wheels import forge, forge_file, wheel_filename

pytestmark = [pytest.mark.slow, pytest.mark.kernel]

BIN = Path(sys.executable).parent

# devpi lives apart: it brings a start-up file, which would slow every Python here.
DEVPI = Path(__file__).parents[2] / ".venv-devpi" / "bin"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def running(folder: Path, port: int, *command: str | Path) -> Generator[None]:
    """The server, from when it answers until the end of the test."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "HOME": str(folder)},
        )
    try:
        end = time.monotonic() + 40
        while not answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False


def forge_two(folder: Path) -> None:
    forge_file(folder, "echo-base", "2.0", files={"echo_base.py": "x = 1\n"})
    forge_file(folder, "echo-base", "1.0", files={"echo_base.py": "x = 0\n"})
    forge_file(folder, "echo-top", "1.0", requires=["echo-base>=1"])
    code = {"acme/__init__.py": CODE.format(version="1.0")}
    text = manifest_text("acme")
    forge_file(folder, "acme", "1.0", manifest=text, files=code, requires=["echo-top"])


def install(index: Index, folder: Path) -> dict[str, str]:
    """What is chosen and passes the gate: version by name."""
    sources = Sources({index.name: index}, cooldown=timedelta())
    wheels = folder / "got"
    wheels.mkdir(exist_ok=True)
    with Fetcher(folder / "cache", credentials=Credentials({}, {})) as fetcher:
        client = IndexClient(sources, fetcher, LocalMemory(folder / "seen"))
        found = resolve([Want.parse("echo-top")], client, Policy.running())
        wanted = [
            client.wanted(index, one.file, wheels / one.file.filename)
            for one in found.pinned
        ]
        for one, got in zip(found.pinned, fetcher.download_all(wanted), strict=True):
            one.check(open_wheel(got.path, expect=one.file.wheel))
            client.freshness.pin(
                index.name, one.name, one.file.filename, got.sha256, got.size
            )
        assert [f.name for f in search(client, index, ["top"]).found] == ["echo-top"]
    return {one.name: one.version for one in found.pinned}


def by_name(home: Home, url: str, more: str = "") -> None:
    """Install a plugin by its name, as its user would, and call it."""
    home.indexes(main=f'url = "{url}"\ncooldown-days = 0\n{more}')

    found = home.json("install", "acme")

    assert found["status"] == 0, found
    needs = sorted(wheel["filename"].partition("-py3")[0] for wheel in found["wheels"])
    assert needs == ["acme-1.0", "echo_base-2.0", "echo_top-1.0"]
    assert home.answer() == "1.0"


USER = "/" + "root"  # in devpi; written so, because no file may name a home folder
WANTED = {"echo-base": "2.0", "echo-top": "1.0"}


def test_pypiserver(tmp_path: Path, home: Home) -> None:
    forge_two(tmp_path / "wheels")
    port = free_port()
    command: list[str | Path] = [
        BIN / "pypi-server",
        "run",
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with running(tmp_path, port, *command, "-P", ".", "-a", ".", tmp_path / "wheels"):
        index = Index("main", f"http://127.0.0.1:{port}/simple/")
        assert install(index, tmp_path) == WANTED
        assert install(index, tmp_path) == WANTED
        by_name(home, index.url)


def test_simple_repository_server_gives_no_hashes(tmp_path: Path, home: Home) -> None:
    """Refused, unless the owner marks it; then the first hash seen is pinned."""
    for name in ("acme", "echo-base", "echo-top"):
        (tmp_path / "wheels" / name).mkdir(parents=True)
    forge_two(tmp_path / "all")
    for wheel in (tmp_path / "all").iterdir():
        name = wheel.name.partition("-")[0].replace("_", "-")
        wheel.rename(tmp_path / "wheels" / name / wheel.name)
    port = free_port()
    command: list[str | Path] = [
        BIN / "simple-repository-server",
        "--host",
        "127.0.0.1",
    ]
    place = tmp_path / "wheels"
    with running(tmp_path, port, *command, "--port", str(port), place):
        url = f"http://127.0.0.1:{port}/simple/"
        with pytest.raises(MarketplaceError) as caught:
            install(Index("main", url), tmp_path)
        assert caught.value.code == "page-unhashed"

        index = Index("main", url, unhashed=True)
        assert install(index, tmp_path) == WANTED
        assert install(index, tmp_path) == WANTED
        by_name(home, url, "unhashed = true")

        swapped = forge("echo-base", "2.0", files={"echo_base.py": "x = 'evil'\n"})
        filename = wheel_filename("echo-base", "2.0")
        (place / "echo-base" / filename).write_bytes(swapped)
        (tmp_path / "got" / filename).unlink()
        with pytest.raises(MarketplaceError) as caught:
            install(index, tmp_path)
        assert caught.value.code in ("fetch-hash", "resolve-metadata-differs")


@pytest.mark.skipif(
    not DEVPI.is_dir(), reason="devpi's environment is not here (.ci/run makes it)"
)
def test_devpi(tmp_path: Path, home: Home) -> None:
    port, data = free_port(), tmp_path / "data"
    init: list[str | Path] = [
        DEVPI / "devpi-init",
        "--serverdir",
        data,
        "--no-root-pypi",
    ]
    subprocess.run(
        [*init, "--root-passwd", "secret"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    command: list[str | Path] = [
        DEVPI / "devpi-server",
        "--serverdir",
        data,
        "--host",
        "127.0.0.1",
    ]
    with running(tmp_path, port, *command, "--port", str(port), "--offline-mode"):
        asked(port, "PUT", f"{USER}/dev", b'{"bases": [], "volatile": true}')
        forge_two(tmp_path / "wheels")
        for wheel in sorted((tmp_path / "wheels").iterdir()):
            upload(port, wheel)

        index = Index("main", f"http://127.0.0.1:{port}{USER}/dev/+simple/")
        assert install(index, tmp_path) == WANTED
        by_name(home, index.url)


def asked(port: int, method: str, path: str, body: bytes, kind: str = "") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    login = b64encode(b"root:" + token(port).encode()).decode()
    headers = {
        "X-Devpi-Auth": login,
        "Content-Type": kind or "application/json",
        "Accept": "application/json",
    }
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    assert answer.status in (200, 201), answer.read()
    connection.close()


def token(port: int) -> str:
    import json

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"user": "root", "password": "secret"})
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    connection.request("POST", "/+login", body, headers)
    found: str = json.load(connection.getresponse())["result"]["password"]
    connection.close()
    return found


def upload(port: int, wheel: Path) -> None:
    """The upload that twine makes."""
    name, version = wheel.name.split("-")[:2]
    fields = {
        ":action": "file_upload",
        "name": name.replace("_", "-"),
        "version": version,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "metadata_version": "2.1",
        "protocol_version": "1",
    }
    boundary = b"lockgate-boundary"
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (boundary, key.encode(), value.encode())
        for key, value in fields.items()
    ]
    parts.append(
        b'--%s\r\nContent-Disposition: form-data; name="content"; filename="%s"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--%s--\r\n"
        % (boundary, wheel.name.encode(), wheel.read_bytes(), boundary)
    )
    kind = f"multipart/form-data; boundary={boundary.decode()}"
    asked(port, "POST", f"{USER}/dev/", b"".join(parts), kind)
