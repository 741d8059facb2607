"""``lockgate-sandbox run`` with grants that a broker carries out."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from tests.support.servers import http_server

pytestmark = pytest.mark.kernel

PACKAGES = str(Path(httpx.__file__).parents[1])


def _run(
    folder: Path, code: str, *options: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "lockgate_sandbox", "run", "--path", PACKAGES]
    return subprocess.run(
        [*command, *options, str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={**os.environ, **environ},
    )


def test_a_script_reaches_the_granted_host_with_its_own_client(folder: Path) -> None:
    with http_server() as server:
        code = f"""
            import requests, urllib.request
            url = "http://127.0.0.1:{server.port}/"
            print(requests.get(url).text, urllib.request.urlopen(url).read())
        """
        done = _run(folder, code, "--allow-net", f"127.0.0.1:{server.port} private")
    assert (done.returncode, done.stdout) == (0, "ok b'ok'\n"), done.stderr


def test_a_host_that_is_not_granted_names_the_option(folder: Path) -> None:
    with http_server() as server:
        code = f"import requests; requests.get('http://127.0.0.1:{server.port}/')"
        options = ("--allow-net", "a.test", "--report", "r.json", "--audit", "a.jsonl")
        done = _run(folder, code, *options)
        assert server.connections == 0
    wanted = f"--allow-net 127.0.0.1:{server.port}"
    assert done.returncode == 1
    assert f"to allow it: {wanted}\n" in done.stderr
    denials = json.loads((folder / "r.json").read_text())["denials"]
    told = [item["grant"] for item in denials if item["right"] == "net"]
    assert told == [wanted]
    (line,) = (folder / "a.jsonl").read_text().splitlines()
    assert json.loads(line)["decision"] == "deny"
    assert stat.S_IMODE((folder / "a.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--allow-net", "{} requests=1"], "--allow-net '{} requests=2'"),
        (["--allow-net", "{}", "--net-total", "requests=1"], "--net-total requests=2"),
    ],
)
def test_a_quota_that_is_used_up_names_the_option(
    folder: Path, options: list[str], wanted: str
) -> None:
    with http_server() as server:
        place = f"127.0.0.1:{server.port}"
        code = f"""
            import urllib.request
            for _ in range(2):
                urllib.request.urlopen("http://{place}/").read()
        """
        given = [option.format(place) for option in options]
        done = _run(folder, code, *given)
    assert done.returncode == 1
    assert f"to allow it: {wanted.format(place)}\n" in done.stderr


def test_without_any_grant_a_script_has_no_network(folder: Path) -> None:
    done = _run(folder, "import socket; socket.create_connection(('127.0.0.1', 1))")
    assert done.returncode == 1
    assert "to allow it: --allow-net 127.0.0.1:1\n" in done.stderr


def test_a_credential_is_added_and_never_seen(folder: Path) -> None:
    with http_server() as server:
        code = f"""
            import httpx
            from lockgate_session import session
            client = httpx.Client(transport=session.http_transport())
            print(client.get("http://127.0.0.1:{server.port}/v1/").text)
            try:
                session.secret("TOKEN")
            except PermissionError as error:
                print("refused" in str(error))
            import os
            print("hunter2hunter2" in str(os.environ))
        """
        done = _run(
            folder,
            code,
            "--allow-net",
            f"http://127.0.0.1:{server.port}/v1/ bearer=TOKEN private",
            "--secret",
            "TOKEN=MY_TOKEN",
            "--report",
            "r.json",
            MY_TOKEN="hunter2hunter2",
        )
        assert server.requests[0].header("authorization") == "Bearer hunter2hunter2"
    assert (done.returncode, done.stdout) == (0, "ok\nTrue\nFalse\n"), done.stderr
    assert "hunter2" not in (folder / "r.json").read_text()


def test_a_secret_that_goes_into_no_request_may_be_known(folder: Path) -> None:
    code = "from lockgate_session import session; print(session.secret('KEY'))"
    done = _run(folder, code, "--secret", "KEY=MY_KEY", MY_KEY="value-of-it")
    assert (done.returncode, done.stdout) == (0, "value-of-it\n"), done.stderr


def test_a_granted_device_is_opened(folder: Path) -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    code = f"""
        import os
        from lockgate_session import session
        os.write(session.open_device({path!r}), b"AT")
        try:
            os.open({path!r}, os.O_RDWR)
        except OSError:
            print("only so")
    """
    done = _run(folder, code, "--allow-device", path)
    assert (done.returncode, done.stdout) == (0, "only so\n"), done.stderr
    assert os.read(master, 2) == b"AT"
    os.close(master)
    os.close(slave)


def test_a_slow_server_does_not_outlast_the_wall_limit(folder: Path) -> None:
    from tests.support.servers import serve

    with serve(lambda sock: [*iter(lambda: sock.recv(4_096), b"")]) as server:
        code = f"import requests; requests.get('http://127.0.0.1:{server.port}/')"
        grant = f"127.0.0.1:{server.port} private"
        done = _run(folder, code, "--wall", "3", "--allow-net", grant)
    assert done.returncode == 124


@pytest.mark.parametrize(
    "frame",
    ["[9, call, 2, 'broker.net.open', {}]", "[9, b'x' * 8, 1, 'a', {}]", "[9, call]"],
)
def test_a_forged_question_ends_the_conversation_only(folder: Path, frame: str) -> None:
    code = f"""
        from lockgate_session import session
        call = session._now.call
        session._channel.send({frame})
        print("alive")
    """
    done = _run(folder, code, "--allow-net", "a.test")
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


def test_what_asks_without_any_grant_is_told_how_to_grant(folder: Path) -> None:
    code = "from lockgate_session import session; session.secret('KEY')"
    done = _run(folder, code)
    assert done.returncode == 1
    assert "secret KEY: nothing was granted to this file; --secret" in done.stderr
