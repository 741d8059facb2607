"""Names are bound to one index; settings are judged whole."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_marketplace.errors import SourceError
from lockgate_marketplace.sources import Index, Sources, url_problem


def sources(default: str = "", **indexes: dict[str, Any]) -> Sources:
    tables = {
        name: {"url": f"https://{name}.example/simple", **table}
        for name, table in indexes.items()
    }
    return Sources.from_settings({"default": default, "indexes": tables})


def refused(code: str) -> Any:
    return pytest.raises(SourceError, check=lambda error: error.code == code)


def test_one_index_answers_for_everything() -> None:
    only = sources(main={})

    assert only.bind("six").name == "main"
    assert only.bind("six").url == "https://main.example/simple/"
    assert only.bind("six").project_url("Six.Seven") == (
        "https://main.example/simple/six-seven/"
    )


def test_a_prefix_binds_and_the_longest_wins() -> None:
    both = sources(
        "pub", pub={}, acme={"prefixes": ["Acme-"]}, lab={"prefixes": ["acme-lab"]}
    )

    assert both.bind("acme").name == "acme"
    assert both.bind("ACME.echo").name == "acme"
    assert both.bind("acme-lab-x").name == "lab"
    assert both.bind("acmelab").name == "pub"
    assert both.bind("pub/six").name == "pub"


def test_a_name_of_a_prefix_is_taken_from_nowhere_else() -> None:
    """Dependency confusion: the public index may not answer for a private name."""
    both = sources("pub", pub={}, acme={"prefixes": ["acme"]})

    with refused("source-reserved"):
        both.bind("pub/acme-core")
    with refused("source-elsewhere"):
        both.bind_dependency("acme-core", both.named("pub"))


def test_a_dependency_comes_from_the_declared_index_only() -> None:
    some = sources(
        pub={},
        acme={"prefixes": ["acme"], "dependencies": "pub"},
        lab={"prefixes": ["lab"]},
    )
    acme = some.named("acme")

    assert some.bind_dependency("acme-core", acme).name == "acme"
    assert some.bind_dependency("six", acme).name == "pub"
    assert some.bind_dependency("six", some.named("lab")).name == "lab"
    with refused("source-elsewhere"):
        some.bind_dependency("lab-core", acme)


def test_no_index_and_too_many_are_told_apart() -> None:
    with refused("source-none"):
        sources().bind("six")
    with refused("source-unbound"):
        sources(a={}, b={}).bind("six")
    with refused("source-unknown") as caught:
        sources(main={}).bind("mian/six")
    assert "main" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("index.example", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("https:///simple", "no web address"),
        ("http://index.example/", "without TLS"),
        ("http://localhost.evil.example/", "without TLS"),
        ("https://me:secret@index.example/", "carries a password"),
        ("https://index.example/?a=1", "query"),
        ("https://index.example:x/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://index.example/a b/", "letters"),
        ("https://index.example/\n", "letters"),
    ],
)
def test_an_unsound_address_is_refused_with_a_way_out(url: str, said: str) -> None:
    with refused("source-url") as caught:
        sources(main={"url": url})

    assert said in caught.value.message
    assert caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://index.example/simple/", "http://localhost:8080/", "http://[::1]/x"],
)
def test_a_sound_address_is_taken(url: str) -> None:
    assert url_problem(url) == ""


def test_http_is_taken_where_the_owner_says_so() -> None:
    assert sources(main={"url": "http://index.example/", "insecure": True}).bind("six")


@pytest.mark.parametrize(
    "table",
    [
        {"prefixes": [""]},
        {"prefixes": ["ac me"]},
        {"files": ["https://files.example"]},
        {"files": ["files.example/x"]},
    ],
)
def test_unsound_settings_are_refused(table: dict[str, Any]) -> None:
    with refused("source-config"):
        sources(main=table)


def test_one_prefix_belongs_to_one_index() -> None:
    with refused("source-config"):
        sources(a={"prefixes": ["acme"]}, b={"prefixes": ["acme-"]})
    with refused("source-unknown"):
        sources(a={"dependencies": "b"})
    with refused("source-unknown"):
        sources("b", a={})
    with refused("source-config"):
        Index.from_settings("Main Index", {"url": "https://a.example/"})


def test_the_cooldown_of_an_index_goes_before_the_general_one() -> None:
    some = sources(a={}, b={"cooldown-days": 0})

    assert some.cooldown_of(some.named("a")) == timedelta(days=3)
    assert some.cooldown_of(some.named("b")) == timedelta()


@settings(max_examples=60)
@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=3))
def test_no_text_breaks_the_settings(text: str, more: list[str]) -> None:
    table = {"url": text, "prefixes": more, "files": more, "dependencies": text}
    with contextlib.suppress(SourceError):
        found = Sources.from_settings({"indexes": {"main": table}, "default": text})
        assert found.bind(text).name == "main"
