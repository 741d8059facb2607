"""Requests that are forged, at the broker's own door: they reach nobody."""

from __future__ import annotations

import time

import pytest

from lockgate_sandbox import RemoteError
from tests.sandbox.broker.conftest import MakeBench
from tests.support.servers import http_server

pytestmark = pytest.mark.kernel

RAW = """
open = dict(method="GET", scheme="http", host=host, port=port, target="/v1/",
            headers=[], length=0)
open.update(change)
try:
    result = session.call_host("broker.http.open", open)
except session.HostCallError as error:
    result = str(error)
"""


@pytest.mark.parametrize(
    "change",
    [
        {"method": "CONNECT", "target": "127.0.0.1:22"},
        {"method": "CONNECT"},
        {"method": "TRACE"},
        {"method": "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"},
        {"target": "http://127.0.0.1:22/"},
        {"target": "//127.0.0.1:22/"},
        {"target": "/v1/ HTTP/1.1\r\nHost: evil"},
        {"target": "/v1/\n"},
        {"target": "v1/"},
        {"target": "*"},
        {"target": "/v1/#x"},
        {"target": "/v1/" + "x" * 9_000},
        {"target": "/v1/../v2"},
        {"target": "/v1/%2e%2e/v2"},
        {"target": "/v1/%2E./v2"},
        {"target": "/v1/.%2e/v2"},
        {"target": "/v1/%252e%252e/v2"},
        {"target": "/v1/..%2fv2"},
        {"target": "/v1/..%5cv2"},
        {"target": "/v1/..\\v2"},
        {"target": "/v1/..;/v2"},
        {"target": "/v1/;/../v2"},
        {"target": "/v1//../v2"},
        {"target": "/v1/%00"},
        {"target": "/v1/%c0%ae%c0%ae/v2"},
        {"target": "/v1/%e0%80%af../v2"},
        {"target": "/v1/%ff"},
        {"target": "/v1/%zz"},
        {"target": "/../v1/"},
        {"target": "/V1/"},
        {"headers": [["Host", "evil"]]},
        {"headers": [["host", "evil"]]},
        {"headers": [["Content-Length", "5"]]},
        {"headers": [["Transfer-Encoding", "chunked"]]},
        {"headers": [["transfer-encoding ", "chunked"]]},
        {"headers": [["Connection", "X-Api-Key"]]},
        {"headers": [["Upgrade", "websocket"]]},
        {"headers": [["Proxy-Authorization", "x"]]},
        {"headers": [["TE", "trailers"]]},
        {"headers": [["Expect", "100-continue"]]},
        {"headers": [["Content_Length", "5"]]},
        {"headers": [["transfer_encoding", "chunked"]]},
        {"headers": [["X-Original-URL", "/v2"]]},
        {"headers": [["x-rewrite-url", "/v2"]]},
        {"headers": [["x.rewrite!url", "/v2"]]},
        {"headers": [["Content.Length", "5"]]},
        {"headers": [["transfer~encoding", "chunked"]]},
        {"headers": [["SCRIPT_NAME", "/v1"]]},
        {"headers": [["Destination", "/v2"]]},
        {"headers": [["X-Forwarded-Host", "evil"]]},
        {"headers": [["X_Forwarded_Prefix", "/v2"]]},
        {"headers": [["X", "a\r\nHost: evil"]]},
        {"headers": [["X", "a\nb"]]},
        {"headers": [["X", "a\0b"]]},
        {"headers": [["X\r\nHost", "evil"]]},
        {"headers": [["X Y", "evil"]]},
        {"headers": [["", "evil"]]},
        {"headers": [["X", "\u2028"]]},
        {"headers": [["X"]]},
        {"headers": [["X", 1]]},
        {"headers": "X: y"},
        {"headers": [["X", "y"]] * 200},
        {"headers": [["X", "y" * 70_000]]},
        {"length": -1},
        {"length": True},
        {"length": "0"},
        {"port": 0},
        {"port": 65_536},
        {"port": "80"},
        {"scheme": "ftp"},
        {"scheme": "file", "host": "/etc/passwd"},
        {"host": "127.0.0.1@evil"},
        {"host": "127.0.0.1\r\nX"},
        {"host": None},
        {"host": "0177.0.0.1"},
        {"host": "0x7f000001"},
        {"host": "2130706433"},
        {"host": "127.0.0.1%00"},
        {"host": "１２７.0.0.1/"},
    ],
    ids=str,
)
def test_a_forged_request_reaches_nobody(
    bench: MakeBench, change: dict[str, object]
) -> None:
    """Straight to the callback, as hostile code would, past our transport."""
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/v1/ private")
        told = at.run(RAW, host="127.0.0.1", port=server.port, change=change)
        assert "refused" in str(told)
        assert server.connections == 0
        # The honest one does: it is the change that was refused.
        assert isinstance(
            at.run(RAW, host="127.0.0.1", port=server.port, change={}), dict
        )
    assert len(at.denials()) == 1


def test_the_path_that_was_judged_is_the_path_that_is_sent(bench: MakeBench) -> None:
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/v1/ private")
        change = {"target": "/v1/./a/../%7euser/%c3%a9?q=%2e"}
        told = at.run(RAW, host="127.0.0.1", port=server.port, change=change)
        assert isinstance(told, dict)
        deadline = time.monotonic() + 5
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.01)
    assert server.requests[0].target == "/v1/~user/%C3%A9?q=%2e"


@pytest.mark.parametrize(
    "name",
    [
        "broker.http.Open",
        "broker.http",
        "broker.revoke",
        "revoke",
        "broker.http.open\0",
    ],
)
def test_a_forged_callback_name_is_unknown(bench: MakeBench, name: str) -> None:
    at = bench("a.test")
    with pytest.raises(RemoteError, match="offers no callback"):
        at.run("session.call_host(name, {})", name=name)


@pytest.mark.parametrize("number", [0, -1, 7, "1", None, [1], 1.0])
def test_a_forged_exchange_is_unknown(bench: MakeBench, number: object) -> None:
    at = bench("a.test")
    for name in ("head", "read"):
        with pytest.raises(RemoteError, match=r"exchange|failed"):
            at.run(
                f"session.call_host('broker.http.{name}', {{'id': number}})",
                number=number,
            )
