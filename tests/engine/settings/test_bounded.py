"""A plugin's schema in the host: the same verdict as jsonschema's, and an end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._plugin_settings.bounded import UncheckableError, errors_of
from lockgate.errors import ConfigError
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

SOURCE = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree):
    return Transformation(tree)
"""
HOURS = "^(a+)+$"
TEXT = "a" * 40 + "!"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _twice(levels: int) -> dict[str, Any]:
    """A schema that is looked at twice as often with each line."""
    defs: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**defs, f"d{levels}": {"type": "object"}}}


@pytest.mark.parametrize(
    ("schema", "settings", "word"),
    [
        (_object(x={"type": "string", "pattern": HOURS}), {"x": TEXT}, "match"),
        (_object(x={"$schema": DIALECT, "pattern": HOURS}), {"x": TEXT}, "match"),
        (
            {"patternProperties": {HOURS: {}}, "additionalProperties": False},
            {TEXT: 1},
            "unexpected",
        ),
        (
            _object(x={"type": "array", "uniqueItems": True}),
            {"x": [{"n": n % 2999} for n in range(3000)]},
            "non-unique",
        ),
    ],
)
def test_what_took_hours_takes_a_moment(
    schema: dict[str, Any], settings: dict[str, Any], word: str
) -> None:
    started = time.process_time()

    (error,) = errors_of(schema, settings)

    assert word in error.message
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (_twice(40), "200,000 steps"),
        ({"$ref": "#"}, "without end"),
        ({"$dynamicRef": "#"}, "without end"),
        ({"unevaluatedProperties": False}, "not supported"),
        (_object(x={"pattern": "(?=a)b"}), "bounded time"),
        (_object(x={"pattern": "(a{1000}){1000}"}), "bounded time"),
    ],
)
def test_what_has_no_bound_is_not_begun(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(UncheckableError, match=why):
        errors_of(schema, {"x": "v"})


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["a", "ab", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "ab", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", "integer"]),
            "pattern": st.sampled_from(["^a", "b$", "a|b"]),
            "enum": st.lists(_VALUES, min_size=1, max_size=3),
            "uniqueItems": st.booleans(),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "ab"]), inner),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "c"]), inner),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
        },
    ),
    max_leaves=5,
)


@given(_SCHEMAS, _VALUES)
def test_the_verdict_is_jsonschemas_own(schema: dict[str, Any], value: Any) -> None:
    theirs: Any = jsonschema.Draft202012Validator(schema)

    def told(errors: Any) -> list[str]:
        return sorted(f"{list(e.absolute_path)} {e.validator}" for e in errors)

    assert told(errors_of(schema, value)) == told(theirs.iter_errors(value))


def test_a_plugins_pattern_does_not_stop_its_host(tmp_path: Path) -> None:
    site = Site(tmp_path)
    field = f"properties = {{ x = {{ pattern = '{HOURS}', default = '{TEXT}' }} }}"
    manifest = manifest_of("evil", more=f"[config-schema]\n{field}")
    site.add("evil", SOURCE, manifest=manifest)
    site.add("good", SOURCE)

    with site.open() as host:
        with pytest.raises(ConfigError, match="does not match"):
            host.call("transform", plugin="evil", tree=Tree())
        assert host.call("transform", plugin="good", tree=Tree()).items

    # What it did: whoever matches like this holds all threads of its process.
    code = f"import re; re.search({HOURS!r}, {TEXT!r})"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-I", "-c", code], timeout=1.5, check=False)
