"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

from typing import Any

import pytest
from lockgate.plugin import Document, Generation, RefusedError
from lockgate.testing import PluginUnderTest

POINT: Document = {
    "kind": "record",
    "name": "Point",
    "fields": {"x": "float", "label": "text"},
}


def test_a_record_becomes_code_that_works(plugin: PluginUnderTest) -> None:
    made = plugin.call("generate", Generation, spec=POINT, targets=["python"])
    space: dict[str, Any] = {"__name__": __name__}
    exec(made.tree["point.py"].text, space)

    assert len(made.tree) == 1
    assert repr(space["Point"](1.5, "a")) == "Point(x=1.5, label='a')"


def test_without_targets_everything_is_made(plugin: PluginUnderTest) -> None:
    made = plugin.call("generate", Generation, spec=POINT)

    assert {file.path for file in made.tree} == {"point.py", "point.md"}
    assert plugin.call("generator_targets", tuple) == ("python", "markdown")


def test_another_kind_of_spec_is_left_to_others(plugin: PluginUnderTest) -> None:
    assert plugin.answer("generate", spec={"kind": "poem"}) is None


def test_every_mistake_is_told(plugin: PluginUnderTest) -> None:
    spec: Document = {
        "kind": "record",
        "name": "class",
        "fields": {"x y": "text", "b": "blob"},
    }
    with pytest.raises(RefusedError) as caught:
        plugin.call("generate", Generation, spec=spec)

    where = [reason.where for reason in caught.value.reasons]
    assert where == ["name", "fields.x y", "fields.b"]
