"""An index that answers an upload with malice: without end, or with the password.

Each server is asked by httpx too, as its users do: the attack works there.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from lockgate.cli import main
from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.fetch import _post
from lockgate_marketplace.publish import Credentials, Ready, prepare, upload
from tests.support.servers import Request, Server, http_server, reply
from tests.support.wheels import forge_file

ME = Credentials("me", 's3cret/"token"')
ROUNDS = 64


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp("dist")
    return prepare(forge_file(folder, "lockgate-acme", manifest=True))


def at(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}/"


def answered(answer: bytes, _: Request) -> bytes:
    return answer


def refused(ready: Ready, server: Server) -> PublishError:
    with pytest.raises(PublishError) as caught:
        upload([ready], at(server), ME)
    return caught.value


def with_httpx(url: str) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(url, content=b"x", timeout=1)


def early_hints() -> Iterator[bytes]:
    """One informational answer after the other, never the real one."""
    for _step in range(100):
        time.sleep(0.05)
        yield b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def dripping() -> Iterator[bytes]:
    """An answer of a million bytes, of which one comes now and then."""
    yield b"HTTP/1.1 400 No\r\nContent-Length: 1000000\r\n\r\n"
    for _step in range(100):
        time.sleep(0.05)
        yield b"."


@pytest.mark.parametrize("answer", [early_hints, dripping])
def test_no_answer_without_an_end_keeps_who_publishes(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Iterator[bytes]]
) -> None:
    monkeypatch.setattr(_post, "_ANSWER_SECONDS", 0.4)
    with http_server(lambda _: answer()) as server:
        assert refused(ready, server).code == "publish-unreachable"

    with http_server(lambda _: answer()) as server:
        # A timeout of httpx is one of each read.
        asking = threading.Thread(target=with_httpx, args=(at(server),))
        asking.start()
        asking.join(2)
        assert asking.is_alive()
    asking.join(10)


def test_an_answer_is_read_no_further_than_it_is_shown(ready: Ready) -> None:
    sent: list[int] = []

    def bomb(_: Request) -> Iterator[bytes]:
        """64 MiB of blanks and then some words, in a few KiB of gzip."""
        packer = zlib.compressobj(9, wbits=31)
        yield b"HTTP/1.1 400 No\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
        for _step in range(ROUNDS):
            yield packer.compress(b" " * (1 << 20))
        yield packer.flush()
        raise ConnectionError

    def flood(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        for _step in range(ROUNDS):
            yield b"." * (1 << 20)
            sent.append(1 << 20)
        raise ConnectionError

    with http_server(bomb) as server:
        assert len(refused(ready, server).message) < 500
        assert len(httpx.post(at(server), content=b"x").content) == ROUNDS << 20
    with http_server(flood) as server:
        assert upload([ready], at(server), None) == [ready.wheel.filename]
    assert sum(sent) < 16 << 20  # what the sockets' buffers took
    with http_server(flood) as server:
        assert len(httpx.post(at(server), content=b"x").content) == ROUNDS << 20


def test_a_password_that_is_repeated_is_not_shown(ready: Ready) -> None:
    def echo(request: Request) -> bytes:
        basic = str(request.header("authorization"))
        pair = base64.b64decode(basic.split()[1]).decode()
        page = f'{basic} is {pair}, s3cret%2F%22token%22, s3cret/\\"token\\"'
        return reply(page.encode(), status="400 Bad")

    def in_the_status(request: Request) -> Iterator[bytes]:
        yield f"{request.header('authorization')}\r\n\r\n".encode()
        raise ConnectionError

    def in_a_length(_: Request) -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Length: {ME.password}\r\n\r\n".encode()
        raise ConnectionError

    for answer in (echo, in_the_status, in_a_length):
        with http_server(answer) as server:
            told = str(refused(ready, server).to_dict())
            assert "s3cret" not in told
            assert ME.basic not in told
    # httpx quotes the line, and with it what somebody sent.
    with http_server(in_the_status) as server:
        pair = ME.user, ME.password
        with pytest.raises(httpx.RemoteProtocolError, match=ME.basic[:20]):
            httpx.post(at(server), content=b"x", auth=pair)


def test_an_answer_does_not_write_on_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__LOAD", "off")
    wheel = forge_file(tmp_path, "lockgate-acme", manifest=True)
    page = "\x1b]0;title\x07\x1b[2J\u202eecil\u2066\u0085\nerror[x]: forged".encode()
    with http_server(lambda _: reply(page, status="400 Bad")) as server:
        assert main(["publish", str(wheel), "--upload", at(server)]) == 3

    shown = capsys.readouterr().err
    assert "forged" in shown
    assert not any(char in shown for char in "\x1b\x07\u202e\u2066\u0085")
    assert not any(line.startswith("error[x]") for line in shown.splitlines())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_other_address_is_told_of(ready: Ready, status: int) -> None:
    with http_server() as thief:
        for target in (at(thief), f"//localhost:{thief.port}/", "/again/"):
            away = reply(b"", f"{status} Away", (f"Location: {target}",))
            with http_server(partial(answered, away)) as server:
                error = refused(ready, server)
                assert error.code == "publish-redirected"
                assert len(server.requests) == 1
    assert thief.requests == []


def test_another_scheme_of_authorization_gets_nothing(ready: Ready) -> None:
    for scheme in ('Digest realm="x", nonce="y", algorithm=MD5', "NTLM", "Bearer"):
        asks = reply(b"", "401 No", (f"WWW-Authenticate: {scheme}",))
        with http_server(partial(answered, asks)) as server:
            assert refused(ready, server).code == "publish-credentials"
            assert len(server.requests) == 1


def test_a_cookie_of_one_answer_goes_with_no_other_request(ready: Ready) -> None:
    sets = reply(b"", headers=("Set-Cookie: id=1; Path=/",))
    with http_server(lambda _: sets) as server:
        upload([ready, ready], at(server), ME)
    assert [one.header("cookie") for one in server.requests] == [None, None]

    with http_server(lambda _: sets) as server, httpx.Client() as client:
        for _ in range(2):
            client.post(at(server), content=b"x")
    assert server.requests[1].header("cookie") == "id=1"


def test_a_name_that_stands_for_this_machine_is_not_asked(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolved(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with http_server() as server:
        port = server.port
        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        with pytest.raises(PublishError) as caught:
            upload([ready], f"https://index.example:{port}/", ME)
        assert server.connections == 0
    assert "an address of this machine" in caught.value.message
