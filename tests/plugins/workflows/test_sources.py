"""Files beside a pipeline: read with lines, bounded, nothing but JSON's types."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.values import Tree
from lockgate_workflows import sources
from lockgate_workflows.sources import SourceError, load, read


def test_a_document_has_the_line_of_each_key_and_item() -> None:
    source = read(b"a: 1\nb:\n  - x\n  - {c: 2}\n")

    assert source.document == {"a": 1, "b": ["x", {"c": 2}]}
    assert source.lines[("a",)] == 1
    assert source.lines[("b", 1, "c")] == 4


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("a: 2024-01-01", {"a": "2024-01-01"}),
        ("13: led", {"13": "led"}),
        ("{a: ~, b: true, c: 1.5, d: '1'}", {"a": None, "b": True, "c": 1.5, "d": "1"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ('{"json": [1, null]}', {"json": [1, None]}),
        ("", None),
    ],
)
def test_a_document_is_plain_data(text: str, document: object) -> None:
    assert read(text.encode()).document == document


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\na: 2", "the key 'a' stands twice"),
        (b"a: [1", "no YAML"),
        (b"\xff", "no UTF-8"),
        (b"a: !!python/object/apply:os.system [ls]", "is no type of a document"),
        (b"!!set {a}", "is no type of a document"),
        (b"[1]: 2", "a key is a text"),
        (b"a: !!int x", "is no number"),
        (b"a: 1\n---\nb: 2", "no YAML"),
        (b"[" * 100_000, "levels"),
        (b"- 1\n" * 60_000, "values"),
        (b"x" * 600_000, "larger than"),
        (b"a: &a\n  b: *a\n", "unfold into too much"),
    ],
)
def test_a_bad_file_is_refused_with_the_reason(content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(content)


def test_aliases_cannot_unfold_into_gigabytes() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    start = time.process_time()
    with pytest.raises(SourceError, match="unfold"):
        read("\n".join(lines).encode())

    assert time.process_time() - start < 10


def test_only_files_that_came_along_are_found() -> None:
    files = Tree.of({"specs/led.yaml": "a: 1"})

    assert load(files, "specs/led.yaml").document == {"a": 1}
    for path in ("/etc/hostname", "../led.yaml", "specs/lde.yaml"):
        with pytest.raises(SourceError, match="there is no file"):
            load(files, path)


@given(
    st.binary(max_size=200)
    | st.text("{}[]:-,&*!'\"\n ab1~<>", max_size=60).map(str.encode)
)
def test_any_bytes_are_a_document_or_a_source_error(content: bytes) -> None:
    with suppress(SourceError):
        document: Any = read(content).document
        assert document is None or isinstance(document, str | int | float | list | dict)


LONG = "1" + ":59" * 170_000


@pytest.mark.parametrize("number", [LONG, f"{LONG[:30_001]}.5", "0x" + "f" * 500_000])
def test_a_number_of_any_length_is_refused_at_once(number: str) -> None:
    with pytest.raises(SourceError, match="is no number"):
        read(f"a: {number}".encode())


def test_a_number_to_base_60_would_take_its_time_squared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def seconds(length: int) -> float:
        started = time.process_time()
        read(f"a: {LONG[:length]}".encode())
        return time.process_time() - started

    monkeypatch.setattr(sources, "NUMBER_LIMIT_CHARS", len(LONG))
    assert seconds(150_001) > 6 * seconds(37_501)
