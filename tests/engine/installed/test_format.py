"""The form of a generation: what is written is read again, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.installed import (
    Generation,
    Installed,
    InstalledError,
    Wheel,
    parse,
    to_bytes,
)

SHA = "0123456789abcdef" * 4
NAMES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}(rc1|\+local)?", fullmatch=True)
LINES = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]))
HASHES = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@st.composite
def entries(draw: st.DrawFn, name: str) -> Installed:
    others = draw(st.lists(NAMES.filter(lambda n: n != name), unique=True, max_size=3))
    return Installed(
        name,
        draw(VERSIONS),
        tuple(draw(st.lists(NAMES, max_size=2))),
        tuple(Wheel(draw(HASHES), one, draw(VERSIONS)) for one in (name, *others)),
        draw(st.one_of(st.just(""), HASHES)),
        origin=tuple(sorted(draw(st.dictionaries(NAMES, LINES, max_size=2)).items())),
    )


@st.composite
def generations(draw: st.DrawFn) -> Generation:
    names = sorted(draw(st.sets(NAMES, max_size=4)))
    number = draw(st.integers(1, 10**9))
    reason = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]))
    return Generation(
        number,
        "2026-01-02T03:04:05Z",
        draw(reason),
        draw(st.integers(0, number - 1)),
        tuple(draw(entries(name)) for name in names),
    )


def document(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "schema": 1,
        "number": 2,
        "at": "2026-01-02T03:04:05Z",
        "parent": 1,
        "reason": "install acme 1.0",
        "installed": {
            "acme": {
                "version": "1.0",
                "plugins": ["acme"],
                "wheels": [[SHA, "acme", "1.0"]],
            }
        },
    }
    return plain | changes


def entry(**changes: Any) -> dict[str, Any]:
    return document(installed={"acme": document()["installed"]["acme"] | changes})


def read(data: object) -> Generation:
    return parse(json.dumps(data).encode(), file="2.json")


@given(generations())
def test_what_is_written_is_read_again(generation: Generation) -> None:
    assert parse(to_bytes(generation), file="x") == generation


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(InstalledError):
        parse(raw, file="x")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda one: st.one_of(
        st.lists(one, max_size=3), st.dictionaries(st.text(max_size=5), one, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(document())), JSON)
def test_any_value_in_the_place_of_another_is_read_or_refused(
    key: str, value: object
) -> None:
    try:
        found = read(document(**{key: value}))
    except InstalledError:
        return
    assert parse(to_bytes(found), file="x") == found


@given(st.sampled_from(["version", "plugins", "wheels", "merged"]), JSON)
def test_any_value_of_an_entry_is_read_or_refused(key: str, value: object) -> None:
    try:
        found = read(entry(**{key: value}))
    except InstalledError:
        return
    assert parse(to_bytes(found), file="x") == found


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: document(schema=2), "schema is 2"),
        (lambda: document(schema=True), "schema is True"),
        (lambda: document(more=1), "has not the keys"),
        (lambda: document(number=1), "not above its parent's"),
        (lambda: document(number=1.5), "a number is missing"),
        (lambda: document(at="yesterday"), "is no time"),
        (lambda: document(reason="a\x1b[2Jb"), "printable"),
        (lambda: document(installed=[]), "is no table"),
        (lambda: document(installed={"../x": {}}), "is no distribution's name"),
        (lambda: document(installed={"b": {}, "a": {}}), "not in order"),
        (lambda: entry(wheels=[]), "has no wheels"),
        (lambda: entry(wheels=[["../../etc", "acme", "1"]]), "is no SHA-256"),
        (lambda: entry(wheels=[[SHA.upper(), "acme", "1"]]), "is no SHA-256"),
        (lambda: entry(wheels=[[SHA, "other", "1"]]), "its own and others'"),
        (lambda: entry(wheels=[[SHA, "acme", "1"]] * 2), "its own and others'"),
        (lambda: entry(wheels=[[SHA, "acme"]]), "no SHA-256, name and version"),
        (lambda: entry(version="1 0"), "is no version"),
        (lambda: entry(plugins=["A"]), "is no plugin's name"),
        (lambda: entry(merged=""), "is no SHA-256"),
        (list, "the file is no table"),
    ],
)
def test_a_wrong_document_is_refused_with_what_is_wrong(
    wrong: Callable[[], object], said: str
) -> None:
    with pytest.raises(InstalledError, match=said):
        read(wrong())


@pytest.mark.parametrize(
    "raw",
    [
        b'{"schema": 1, "schema": 1}',
        b"[" * 100_000,
        b'{"number": ' + b"9" * 5000 + b"}",
        b" " * (8 * 1024 * 1024 + 1),
        b'{"schema": NaN}',
    ],
    ids=["a key twice", "too deep", "a huge number", "too large", "no number"],
)
def test_what_would_trouble_a_parser_is_refused(raw: bytes) -> None:
    with pytest.raises(InstalledError):
        parse(raw, file="x")


def test_a_generation_that_could_not_be_read_again_is_not_written() -> None:
    acme = Installed("acme", "1.0", ("acme",), (Wheel(SHA, "acme", "1.0"),))

    with pytest.raises(InstalledError, match="not be the same"):
        to_bytes(Generation(2, "2026-01-02T03:04:05Z", entries=(acme, acme)))
    with pytest.raises(InstalledError):
        to_bytes(Generation(2, "2026-01-02T03:04:05Z", reason="a\nb"))


def test_having_and_without_change_one_entry() -> None:
    acme = Installed("acme", "1.0", ("acme",), (Wheel(SHA, "acme", "1.0"),))
    newer = Installed("acme", "2.0", ("acme",), (Wheel(SHA, "acme", "2.0"),))
    other = Installed("aaa", "1.0", (), (Wheel(SHA, "aaa", "1.0"),))
    empty = Generation(0, "")

    both = empty.having(acme, other)

    assert [e.distribution for e in both.entries] == ["aaa", "acme"]
    assert both.having(newer).get("acme") == newer
    assert both.without("acme").entries == (other,)
    assert acme.folders("/s") == (f"/s/wheels/{SHA}/site",)
