"""Postures are frozen data that survives the wire."""

from __future__ import annotations

import json

import pytest
from msgspec import msgpack

from lockgate_sandbox._wire.host_end import decode_plain
from lockgate_sandbox.posture import STATES, LayerError, LayerState, Posture

POSTURE = Posture(
    (
        LayerState("landlock", "active", "ABI 7"),
        LayerState("uid", "degraded", "stays uid 0", "do this"),
        LayerState("cgroup", "missing", "none"),
        LayerState("seccomp", "off"),
        LayerState("scratch", "unneeded"),
    ),
    uid=1000,
    abi=7,
)


def test_a_posture_survives_json() -> None:
    assert Posture.from_dict(json.loads(json.dumps(POSTURE.to_dict()))) == POSTURE


def test_a_posture_survives_the_channel() -> None:
    many = Posture(
        tuple(LayerState(f"layer-{n}", "active", str(n)) for n in range(40)), 0, 7
    )
    for posture in (POSTURE, many, Posture((), 1, 0)):
        told = decode_plain(msgpack.encode([5, bytes(8), [posture.to_wire(), 1]]))[2][0]
        assert Posture.from_wire(told) == posture
        first = Posture.from_wire(told).layers
        assert all(
            a is b for a, b in zip(first, Posture.from_wire(told).layers, strict=True)
        )


@pytest.mark.parametrize(
    "told",
    [
        "",
        "0",
        "0\1",
        "x\x017",
        "0\x017\1x",
        "0\x017\1x\0active\0",
        "0\x017\1x\0fine\0\0",
        "0\x017\1x\0active\0\0\0more",
        "0\x017\1x\0active\0\0\1",
    ],
)
def test_what_is_no_posture_is_refused(told: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        Posture.from_wire(told)


def test_layers_are_found_by_name() -> None:
    assert POSTURE["uid"].remedy == "do this"
    with pytest.raises(KeyError):
        POSTURE["nothing"]


def test_what_does_not_fully_hold_is_weak() -> None:
    assert [layer.name for layer in POSTURE.weak] == ["uid", "cgroup", "seccomp"]


def test_values_are_frozen_equal_and_hashable() -> None:
    twin = Posture.from_dict(POSTURE.to_dict())

    assert hash(twin) == hash(POSTURE)
    assert twin != "posture"
    assert "abi=7" in repr(twin)
    with pytest.raises(AttributeError, match="frozen"):
        twin.uid = 0
    with pytest.raises(AttributeError, match="frozen"):
        twin.layers[0].state = "off"


def test_only_the_five_states_exist() -> None:
    assert len(STATES) == 5
    with pytest.raises(ValueError, match="no such layer state"):
        LayerState("x", "fine")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"layers": [], "uid": "0", "abi": 7},
        {"layers": [], "uid": 0, "abi": None},
        {"layers": "x", "uid": 0, "abi": 7},
        {"layers": [1], "uid": 0, "abi": 7},
        {"layers": [{"name": "x"}], "uid": 0, "abi": 7},
        {
            "layers": [{"name": "x", "state": "fine", "detail": "", "remedy": ""}],
            "uid": 0,
            "abi": 7,
        },
    ],
)
def test_a_malformed_posture_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"a (posture|layer) has"):
        Posture.from_dict(data)


def test_a_layer_error_says_layer_detail_and_remedy() -> None:
    error = LayerError("landlock", "not in this kernel", "boot another")

    assert str(error) == "layer landlock: not in this kernel"
    assert error.to_dict() == {
        "layer": "landlock",
        "detail": "not in this kernel",
        "remedy": "boot another",
    }
