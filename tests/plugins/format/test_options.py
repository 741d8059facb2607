"""Options are checked before any program sees them."""

from __future__ import annotations

import importlib.resources
import tomllib

import pytest

from lockgate.values import Data
from lockgate_format.options import (
    CPP_STYLES,
    PYTHON_VERSIONS,
    FormatOptions,
    read_options,
)


def test_no_option_gives_the_defaults() -> None:
    assert read_options({}, {}) == (FormatOptions(), ())


def test_a_call_wins_over_the_configuration() -> None:
    options, reasons = read_options(
        {"line_length": 100, "cpp_indent": 4}, {"line_length": 60}
    )

    assert (options.line_length, options.cpp_indent) == (60, 4)
    assert reasons == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("line_length", 0),
        ("line_length", True),
        ("line_length", "88 --config=x"),
        ("line_length", 10**30),
        ("target_version", "py27"),
        ("cpp_style", "file:/etc/passwd"),
        ("cpp_style", "{BasedOnStyle: LLVM}"),
        ("cpp_style", ["LLVM"]),
        ("cpp_indent", 9),
        ("cpp_line_length", None),
    ],
)
def test_a_value_outside_its_bounds_is_a_reason(name: str, value: Data) -> None:
    options, reasons = read_options({name: value})

    assert options == FormatOptions()
    assert [(r.code, r.where) for r in reasons] == [
        ("option-invalid", f"options.{name}")
    ]
    assert reasons[0].hint


def test_an_unknown_option_is_a_reason_that_lists_the_known_ones() -> None:
    _, reasons = read_options({"linelength": 3})

    assert [(r.code, r.where) for r in reasons] == [
        ("option-unknown", "options.linelength")
    ]
    assert "line_length" in reasons[0].hint


def test_the_manifest_offers_the_same_choices() -> None:
    manifest = importlib.resources.files("lockgate_format") / "lockgate.toml"
    schema = tomllib.loads(manifest.read_text())["config-schema"]["properties"]

    assert set(schema) == set(FormatOptions.__dataclass_fields__)
    assert schema["target_version"]["enum"] == list(PYTHON_VERSIONS)
    assert schema["cpp_style"]["enum"] == list(CPP_STYLES)
