"""Documents from an owner: read whole, bounded, and without a key lost."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lockgate.documents import (
    DEPTH_LIMIT,
    DOCUMENT_LIMIT_BYTES,
    format_of,
    parse_document,
    read_document,
)
from lockgate.errors import DocumentError, UsageError
from lockgate.manifest import DocumentFormat
from lockgate.values import Data

PARSED: tuple[DocumentFormat, ...] = ("yaml", "json", "toml", "text")
DEEP = "[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1)


def parse(text: str, kind: DocumentFormat = "yaml") -> Data:
    return parse_document(text.encode(), kind, name="spec")


def refused(text: str, kind: DocumentFormat = "yaml") -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        parse(text, kind)
    assert caught.value.file == "spec"
    assert caught.value.exit_status == 3
    return caught.value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a: 1\nb: [x, 2.5, true, null]\n", "yaml"),
        ('{"a": 1, "b": ["x", 2.5, true, null]}', "json"),
    ],
)
def test_a_document_is_plain_data(text: str, kind: DocumentFormat) -> None:
    assert parse(text, kind) == {"a": 1, "b": ["x", 2.5, True, None]}


def test_toml_dates_become_text() -> None:
    assert parse("d = 2026-01-02\nt = 03:04:05\n", "toml") == {
        "d": "2026-01-02",
        "t": "03:04:05",
    }


def test_text_and_bytes_come_as_they_are() -> None:
    assert parse("a: 1", "text") == "a: 1"
    assert parse_document(b"\xff", "bytes", name="spec") == b"\xff"


def test_number_keys_become_their_text() -> None:
    assert parse("pins:\n  13: out\n  true: x\n") == {
        "pins": {"13": "out", "true": "x"}
    }


def test_yaml_dates_stay_text_and_bad_numbers_do_not_end_it() -> None:
    assert parse("a: 2026-01-02\nb: 0b\nc: 0x\n") == {
        "a": "2026-01-02",
        "b": "0b",
        "c": "0x",
    }


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [("a: 1\nb: 2\na: 3\n", "yaml", 3), ('{"a": 1, "a": 2}', "json", 0),
     ("a = 1\na = 2\n", "toml", 2), ("1: a\n'1': b\n", "yaml", 2)],
)  # fmt: skip
def test_a_key_that_is_written_twice_is_refused(
    text: str, kind: DocumentFormat, line: int
) -> None:
    assert refused(text, kind).line == line


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "a: !!python/name:os.system x",
        "a: !custom {}",
        "a: !!binary aGk=",
    ],
)
def test_tags_are_refused(text: str, tmp_path: Path) -> None:
    assert "tags are not read" in refused(text).message


def test_merge_keys_are_refused() -> None:
    assert "merge key" in refused("a: &a {x: 1}\nb:\n  <<: *a\n").message


def test_an_alias_repeats_its_value() -> None:
    assert parse("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_to_itself_is_refused() -> None:
    assert "not defined before" in refused("a: &x [*x]\n").message


def test_aliases_cannot_blow_a_document_up() -> None:
    lines = ["a0: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    assert "more than 200000 values" in refused("\n".join(lines)).message


@pytest.mark.parametrize(
    ("text", "kind"),
    [("[" * 100_000, "yaml"), ("- " * 5000, "yaml"), ("[" * 100_000, "json"),
     ("a = " + "[" * 5000, "toml"), (DEEP, "json")],
)  # fmt: skip
def test_deep_nesting_is_refused(text: str, kind: DocumentFormat) -> None:
    assert refused(text, kind)


def test_more_than_one_document_is_refused() -> None:
    assert "more than one document" in refused("a: 1\n---\nb: 2\n").message


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [("a: [1\nb: 2\n", "yaml", 2),
     ('{"a": 1,\n"b" 2}', "json", 2), ("a = \n", "toml", 1),
     ("\ta: 1", "yaml", 1)],
)  # fmt: skip
def test_malformed_text_is_blamed_on_a_line(
    text: str, kind: DocumentFormat, line: int
) -> None:
    assert refused(text, kind).line in (line, line + 1)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_json_without_numbers_json_does_not_have(word: str) -> None:
    assert word in refused(f'{{"a": {word}}}', "json").message


def test_a_number_of_ten_thousand_digits_is_refused() -> None:
    assert refused("9" * 10_000, "json")


@pytest.mark.parametrize("nested", ["a = {}", "a = [[{}]]", "[a]\nb = [{{c = {}}}]"])
def test_a_number_that_nobody_can_show_is_refused(nested: str) -> None:
    longest, longer = "0x" + "f" * 256, "0x1" + "0" * 256
    assert parse(nested.format(longest), "toml")
    assert "number that is too long" in refused(nested.format(longer), "toml").message
    with pytest.raises(ValueError, match="4300 digits"):  # what such a one would do
        str(tomllib.loads("a = 0x" + "f" * 5000)["a"])


@pytest.mark.parametrize("kind", ["yaml", "json", "toml", "text"])
def test_bytes_that_are_not_utf8_are_blamed_on_their_line(kind: DocumentFormat) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(b"\n\n\xff", kind, name="spec")

    assert caught.value.line == 3


def test_a_file_is_read_by_its_format(tmp_path: Path) -> None:
    path = tmp_path / "spec.YAML"
    path.write_text("a: 1\n")

    assert read_document(str(path), format_of(str(path))) == {"a": 1}


def test_a_missing_file_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        read_document("/nowhere/spec.yaml", "yaml")

    assert caught.value.where == "/nowhere/spec.yaml"
    assert caught.value.exit_status == 2


def test_a_file_that_is_too_large_or_no_file_is_refused(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    with big.open("wb") as file:
        file.truncate(DOCUMENT_LIMIT_BYTES + 1)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    with pytest.raises(DocumentError, match="larger than"):
        read_document(str(big), "yaml")
    with pytest.raises(UsageError, match="not a regular file"):
        read_document(str(fifo), "yaml")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_json_comes_back_as_it_went_in(value: Data) -> None:
    assert parse(json.dumps(value), "json") == value


@given(_JSON)
def test_yaml_means_what_the_safe_loader_takes_it_for(value: Data) -> None:
    text = yaml.safe_dump(value)  # pyright: ignore[reportUnknownMemberType]
    if "<<" in text:
        return  # the merge key is refused, which is tested by itself

    assert parse(text) == yaml.safe_load(text)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"\n \t#,?0159.", max_size=60))
def test_any_text_is_a_document_or_a_document_error(text: str) -> None:
    for kind in PARSED:
        try:
            parse_document(text.encode(), kind, name="spec")
        except DocumentError as error:
            outcome = error.message
        else:
            outcome = "document"
        assert outcome


@given(st.binary(max_size=80))
def test_any_bytes_are_a_document_or_a_document_error(raw: bytes) -> None:
    for kind in PARSED:
        try:
            parse_document(raw, kind, name="spec")
        except DocumentError as error:
            outcome = error.message
        else:
            outcome = "document"
        assert outcome


def test_an_alias_of_a_long_text_is_refused_before_it_is_spelled_out() -> None:
    # 2 MB of text, a hundred times: 200 MB on the wire, from a document of 2 MB.
    bomb = "a: &a " + "x" * 2_000_000 + "\nb: [" + "*a, " * 100 + "]\n"
    assert "characters" in str(refused(bomb))


def test_the_keys_of_an_aliased_object_are_counted_too() -> None:
    bomb = "a: &a {" + "k" * 1000 + ": 1}\nb: [" + "*a, " * 20_000 + "]\n"
    assert "characters" in str(refused(bomb))


def test_a_number_to_base_60_of_any_length_is_text() -> None:
    digits = ":".join(["1"] * 200_000)
    assert parse(f"a: {digits}\nb: 1:30\n") == {"a": digits, "b": 90}


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 100_000) + " = 1",
        "[" + ".".join(['"a"'] * 100_000) + "]",
        "x = {" + " . ".join(["a"] * 100_000) + " = 1}",
        "x = {" + ".".join(["1"] * 100_000) + " = 1}",
    ],
)
def test_a_toml_key_of_very_many_parts_is_refused_at_once(text: str) -> None:
    assert "dots" in str(refused(text, "toml"))


def test_long_lines_of_numbers_are_toml() -> None:
    numbers = [0.5] * 5000
    assert parse(f"x = {numbers}\n", "toml") == {"x": numbers}
