"""The grant that is proposed for a request: the narrowest that would carry it."""

from __future__ import annotations

import pytest

from lockgate_sandbox import parse_host_grant
from lockgate_sandbox.broker._web_rules import WebRequest, choose, narrowest


def request(
    method: str = "GET", target: str = "/v1/x", *headers: tuple[str, str]
) -> WebRequest:
    return WebRequest.checked(method, "https", "a.test", 443, target, headers, 0)


@pytest.mark.parametrize(
    ("asked", "proposed"),
    [
        (request(), "https://a.test/ methods=GET"),
        (request("PUT"), "https://a.test/ methods=PUT"),
        (request("PATCH", "/%2e%2e/x;y"), "https://a.test/ methods=PATCH"),
        (request("GET", "/", ("X-HTTP-Method-Override", "PUT")), "https://a.test/"),
        (request("GET", "/?_method=PUT"), "https://a.test/"),
        (request("GET", "/", ("X-Forwarded-Host", "b.test")), "a.test:443"),
        (request("get"), "https://a.test/"),
    ],
)
def test_what_is_proposed_would_carry_it(asked: WebRequest, proposed: str) -> None:
    assert narrowest(asked) == proposed
    assert choose(asked, [parse_host_grant(proposed)])[0] is not None


def test_what_is_proposed_for_a_method_gives_no_other_one() -> None:
    grant = parse_host_grant(narrowest(request("GET")))

    assert choose(request("PUT"), [grant])[0] is None
