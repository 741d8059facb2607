"""The generated SDK: typed, patient at the start, strict afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.firmware import EVERY_KIND, a_spec, make

GREETING = b"lockgate 1 shelf_light\n"


class Wire:
    """A transport that answers from a list; None is silence."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = deque(answers)
        self.sent = b""

    def write(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def read_line(self, timeout: float) -> bytes:
        assert timeout > 0
        return (self.answers.popleft() if self.answers else None) or b""


def load(spec: dict[str, Any]) -> ModuleType:
    (source,) = (
        body for path, body in make(spec).files.items() if path.startswith("sdk/")
    )
    module = ModuleType("sdk_under_test")
    sys.modules[module.__name__] = module
    exec(compile(source, "sdk.py", "exec"), module.__dict__)
    return module


@pytest.fixture
def sdk() -> ModuleType:
    return load(a_spec())


def test_nothing_is_sent_before_the_first_call(sdk: ModuleType) -> None:
    wire = Wire()
    sdk.Device(wire)

    assert wire.sent == b""


def test_hello_names_the_device(sdk: ModuleType) -> None:
    wire = Wire(GREETING)

    assert sdk.Device(wire).hello() == "shelf_light"
    assert wire.sent == b"hello\n"


def test_hello_is_repeated_while_the_board_starts(sdk: ModuleType) -> None:
    wire = Wire(None, None, GREETING, GREETING)

    assert sdk.Device(wire).hello() == "shelf_light"
    assert not wire.answers, "a second greeting must not answer the next command"


def test_half_a_line_of_the_start_is_no_answer(sdk: ModuleType) -> None:
    wire = Wire(b"ady\n", b"err unknown\n", GREETING)

    assert sdk.Device(wire).hello() == "shelf_light"


def test_a_silent_port_is_given_up(sdk: ModuleType) -> None:
    with pytest.raises(sdk.NoAnswerError):
        sdk.Device(Wire()).hello()


def test_another_device_is_told(sdk: ModuleType) -> None:
    with pytest.raises(sdk.WrongDeviceError, match="other"):
        sdk.Device(Wire(b"lockgate 1 other\n")).hello()


def test_a_command_gives_its_value(sdk: ModuleType) -> None:
    wire = Wire(b"led_13 1\n", b"led_13 0\r\n", b"led_13 1")
    device = sdk.Device(wire)

    assert device.led_13_set(True) is True
    assert device.led_13_get() is False
    assert device.led_13_get() is True
    assert wire.sent == b"led_13 1\nled_13\nled_13\n"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"err argument\n", "CommandError"),
        (b"led_12 1\n", "DeviceError"),
        (b"led_13 on\n", "DeviceError"),
        (b"led_13\n", "DeviceError"),
        (b"\xff\xfe\n", "DeviceError"),
        (None, "NoAnswerError"),
    ],
)
def test_a_wrong_answer_is_an_error(
    sdk: ModuleType, answer: bytes | None, error: str
) -> None:
    with pytest.raises(getattr(sdk, error)):
        sdk.Device(Wire(answer)).led_13_get()


def test_every_command_of_the_contract_is_a_method() -> None:
    for spec in EVERY_KIND.values():
        contract: dict[str, Any] = dict(make(spec).contract)
        module = load(spec)

        for peripheral in contract["peripherals"]:
            for command in peripheral["commands"]:
                wire = Wire(command["reply"].encode() + b"\n")
                method = getattr(module.Device(wire), command["method"])
                value = method(*command["args"])

                assert wire.sent.decode() == command["send"] + "\n"
                assert type(value).__name__ == command["returns"]
                assert method.__doc__


def test_the_update_interval_is_a_constant() -> None:
    assert load(a_spec(timing={"UPDATE_INTERVAL": 250})).UPDATE_INTERVAL_MS == 250


@pytest.mark.slow
def test_the_sdk_is_fully_typed(tmp_path: Path) -> None:
    for name, spec in EVERY_KIND.items():
        for path, body in make(spec).files.items():
            if path.startswith("sdk/"):
                (tmp_path / f"{name}.py").write_text(body)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "c")]
        + [str(path) for path in tmp_path.glob("*.py")],
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 0, done.stdout
