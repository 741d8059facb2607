"""Requests that a gateway reads differently than their first line says.

The servers are real ones (wsgiref), with what widespread frameworks do: a header that
names the method or the path that is meant, and ``_`` and ``-`` in a header's name that
become the same (RFC 3875 4.1.18).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from tests.sandbox.broker.conftest import MakeBench
from tests.support.wsgi import answering

pytestmark = pytest.mark.kernel

SEND = """
import httpx
client = httpx.Client(transport=session.http_transport())
try:
    result = client.post(url, headers=headers).text
except Exception as error:
    result = str(error)
"""


def _frame(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answers with method and path as a framework would dispatch, and the key."""
    method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
    path = environ.get("HTTP_X_ORIGINAL_URL", environ["PATH_INFO"])
    key = environ.get("HTTP_X_API_KEY", "")
    start("200 OK", [("Content-Type", "text/plain")])
    return [f"{method} {path} {key}".encode()]


@pytest.mark.parametrize(
    ("grant", "headers", "reached"),
    [
        ("/ methods=POST", {"X-HTTP-Method-Override": "DELETE"}, "DELETE /v1/x "),
        ("/ methods=POST", {"x_http_method_override": "DELETE"}, "DELETE /v1/x "),
        ("/v1", {"X-Original-URL": "/admin"}, "POST /admin "),
        ("/v1", {"X_Original_Url": "/admin"}, "POST /admin "),
    ],
)
def test_no_header_says_another_method_or_path(
    bench: MakeBench, grant: str, headers: dict[str, str], reached: str
) -> None:
    with answering(_frame) as port:
        url = f"http://127.0.0.1:{port}/v1/x"
        at = bench(f"http://127.0.0.1:{port}{grant} private")
        assert at.run(SEND, url=url, headers={"X": "1"}) == "POST /v1/x "
        told = at.run(SEND, url=url, headers=headers)
        assert "refused" in str(told)
        assert "may ask for what the grant does not give" in str(told)
        # A client of the host's own gets through: the attack is real.
        assert httpx.post(url, headers=headers, trust_env=False).text == reached
        # So does one whose grant names neither.
        free = bench(f"http://127.0.0.1:{port}/ private")
        assert free.run(SEND, url=url, headers=headers) == reached


def test_no_other_spelling_stands_beside_an_injected_credential(
    bench: MakeBench,
) -> None:
    headers = {"X_Api_Key": "mine", "X-Api_Key": "mine"}
    with answering(_frame) as port:
        url = f"http://127.0.0.1:{port}/"
        at = bench(
            f"http://127.0.0.1:{port}/ inject=X-Api-Key:KEY private",
            secrets={"KEY": "the-owners-own-key"},
        )
        told = at.run(SEND, url=url, headers=headers)
        assert told == f"POST / {'*' * len('the-owners-own-key')}"
        both = httpx.post(
            url, headers={**headers, "X-Api-Key": "owner"}, trust_env=False
        )
        assert "mine" in both.text
