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


V1 = "https://a.test/v1/ methods=GET bearer=TOKEN"


@pytest.mark.parametrize(
    ("asked", "proposed"),
    [
        (
            request("POST", "/v1/x"),
            "https://a.test:443/v1/ methods=GET,POST bearer=TOKEN",
        ),
        (request("GET", "/v2/x"), "https://a.test/v2/x methods=GET"),
        (request("POST", "/v2/x?q=1"), "https://a.test/v2/x methods=POST"),
        (request("GET", "/v2/%41;b"), "https://a.test/ methods=GET"),
    ],
)
def test_beside_a_grant_only_what_it_lacks_is_proposed(
    asked: WebRequest, proposed: str
) -> None:
    assert narrowest(asked, [parse_host_grant(V1)]) == proposed
    assert choose(asked, [parse_host_grant(proposed)])[0] is not None


def test_a_credential_is_proposed_for_no_other_path_or_host() -> None:
    grants = [parse_host_grant(V1), parse_host_grant("https://b.test/ bearer=TOKEN")]
    assert "TOKEN" not in narrowest(request("GET", "/v2/x"), grants)
    assert "TOKEN" not in narrowest(request("PUT", "/other"), grants)
