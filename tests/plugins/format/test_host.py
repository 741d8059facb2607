"""The formatter through the real host: found by entry point, sealed, for real."""

from __future__ import annotations

import pytest

from lockgate.errors import InputRefusedError
from lockgate.host import Host
from lockgate.plugin import Tree

pytestmark = pytest.mark.kernel


def test_a_sealed_worker_formats_with_both_programs() -> None:
    tree = Tree.of(
        {"a.py": "x  = 1\n", "b.ino": "void  setup( ){}\n", "c.txt": "a  b\n"}
    )

    with Host.open() as host:
        (answer,) = host.call("transform", plugin="format", tree=tree, options={})

    assert answer.plugin == "format"
    assert answer.tier == "elevated"
    assert answer.denials == ()
    layers = answer.posture["layers"]
    assert isinstance(layers, list | tuple)
    states = {
        str(layer["name"]): layer["state"]
        for layer in layers
        if isinstance(layer, dict)
    }
    assert states["landlock"] == "active"
    assert states["seccomp"] == "active"
    assert answer.value.tree == Tree.of(
        {"a.py": "x = 1\n", "b.ino": "void setup() {}\n", "c.txt": "a  b\n"}
    )
    assert "-x  = 1" in answer.value.diff


def test_a_file_that_does_not_parse_comes_back_with_a_note() -> None:
    tree = Tree.of({"a.py": "x = (\n", "b.py": "y  = 2\n"})

    with Host.open() as host:
        result = host.call("transform", plugin="format", tree=tree, options={}).first

    assert result.tree["a.py"].text == "x = (\n"
    assert result.tree["b.py"].text == "y = 2\n"
    assert [note.subject for note in result.notes] == ["a.py"]


def test_a_wrong_option_is_refused_with_its_reason() -> None:
    with Host.open() as host, pytest.raises(InputRefusedError) as caught:
        host.call(
            "transform",
            plugin="format",
            tree=Tree(),
            options={"cpp_style": "file:/etc/passwd"},
        )

    assert [reason.code for reason in caught.value.reasons] == ["option-invalid"]
