"""Patches apply with ``patch -p1`` and make the firmware plugin accept the spec."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.values import Data, Task, Tree
from lockgate_assistant.fix import Fixer
from tests.plugins.assistant.support import apply_patches, build, fix, reasons_of

pytestmark = pytest.mark.skipif(
    shutil.which("patch") is None, reason="needs the program patch"
)

_UNO = """\
# A comment at the top.
device_name: "LED Controller"
platform: "arduino"   # the platform

hardware:
  mcu: "ATmega328P"

pins:
  LED_PIN: 13
  STATUS_LED: 12

timing:
  BAUD_RATE: 9600   # both ends

peripherals:
  - type: "led"
    pin: 13
    description: "Main"  # keep me

  # the second one
  - type: "led"
    pin: 12

communication:
  protocol: "serial"
  baudrate: 9600
"""

_ESP32 = """\
device_name: Sensor
platform: esp32
pins: {BUTTON_PIN: 4, SENSOR_PIN: 34}
peripherals:
- {type: button, pin: 4}
- {type: sensor, pin: 34}   # flow style
timing:
  BAUD_RATE: 115200
"""

_CASES = {
    "duplicate pin": (_UNO, "    pin: 12\n", "    pin: 13\n", "duplicate-pin"),
    "duplicate pin under another name": (
        _UNO,
        "    pin: 12\n",
        '    pin: "13"\n',
        "duplicate-pin",
    ),
    "pin that is code": (_UNO, "pin: 12\n", "pin: '12); evil('\n", "bad-pin"),
    "pin that the board lacks": (_UNO, "pin: 12\n", "pin: 99\n", "pin-not-on-board"),
    "serial pin": (_UNO, "    pin: 12\n", "    pin: 1\n", "pin-reserved"),
    "no pin": (_UNO, "    pin: 12\n", "", "missing-pin"),
    "digital sensor": (
        _UNO,
        '- type: "led"\n    pin: 12',
        '- type: "sensor"\n    pin: 7',
        "pin-not-analog",
    ),
    "motor without PWM": (
        _UNO,
        '- type: "led"\n    pin: 12',
        '- type: "motor"\n    pin: 4',
        "pin-no-pwm",
    ),
    "encoder with one pin": (
        _UNO,
        '- type: "led"\n    pin: 12',
        '- type: "encoder"\n    pin: 4',
        "missing-pin",
    ),
    "speaker against motor": (
        _UNO,
        '- type: "led"\n    pin: 12',
        '- type: "motor"\n    pin: 3\n  - type: "speaker"\n    pin: 8',
        "timer-conflict",
    ),
    "path as a name": (
        _UNO,
        '"LED Controller"',
        '"../../escaped"',
        "path-in-name",
    ),
    "hidden character": (
        _UNO,
        '"LED Controller"',
        '"LED\\u202EController"',
        "control-character",
    ),
    "long name": (_UNO, "LED Controller", "LED " * 40, "too-long"),
    "empty name": (_UNO, "LED Controller", "", "empty"),
    "no name": (_UNO, 'device_name: "LED Controller"\n', "", "missing-key"),
    "no platform": (_UNO, 'platform: "arduino"   # the platform\n', "", "missing-key"),
    "mistyped platform": (_UNO, '"arduino"', '"ardiuno"', "unknown-platform"),
    "strange platform": (_UNO, '"arduino"', '"zx81"', "unknown-platform"),
    "mistyped type": (_UNO, '"led"\n    pin: 12', '"lde"\n    pin: 12', None),
    "mistyped processor": (_UNO, "ATmega328P", "ATmega382P", "unsupported-mcu"),
    "processor of another platform": (_UNO, "ATmega328P", "ESP32", "contradiction"),
    "unknown board": (
        _UNO,
        "  mcu:",
        "  board: Unno\n  mcu:",
        "unsupported-board",
    ),
    "odd baud": (
        _UNO.replace("baudrate: 9600\n", "baudrate: 14400\n"),
        "BAUD_RATE: 9600",
        "BAUD_RATE: 14400",
        "baud-unsupported",
    ),
    "two bauds": (_UNO, "baudrate: 9600", "baudrate: 19200", "contradiction"),
    "baud as a text": (_UNO, "BAUD_RATE: 9600", 'BAUD_RATE: "9600"', "wrong-type"),
    "name as a number": (_UNO, '"LED Controller"', "42", "wrong-type"),
    "blinking too fast": (
        _UNO,
        "BAUD_RATE: 9600",
        "BLINK_INTERVAL: 1\n  BAUD_RATE: 9600",
        "out-of-range",
    ),
    "mistyped key": (_UNO, "timing:", "timng:", "unknown-key"),
    "mistyped protocol": (_UNO, '"serial"', '"seral"', "unknown-protocol"),
    "bad pin name": (_UNO, "STATUS_LED:", "2nd-led:", "bad-pin-name"),
    "name for the wrong pin": (_UNO, "LED_PIN: 13", "BUTTON_PIN: 13", "contradiction"),
    "table names a missing pin": (
        _UNO,
        "STATUS_LED: 12",
        "STATUS_LED: 12\n  SPARE: 77",
        "pin-not-on-board",
    ),
    "button that floats": (
        _ESP32.replace("BUTTON_PIN: 4", "BUTTON_PIN: 39"),
        "type: button, pin: 4",
        "type: button, pin: 39",
        "pin-no-pull-up",
    ),
    "output on an input": (
        _ESP32.replace("BUTTON_PIN: 4", "LED_PIN: 35"),
        "type: button, pin: 4",
        "type: led, pin: 35",
        "pin-input-only",
    ),
    "flash pin": (
        _ESP32.replace("BUTTON_PIN: 4, ", ""),
        "type: button, pin: 4",
        "type: button, pin: 6",
        "pin-reserved",
    ),
    "active high": (
        _ESP32,
        "pin: 4}",
        "pin: 4, active: high}",
        "contradiction",
    ),
    "unknown pull": (_ESP32, "pin: 4}", "pin: 4, pull: extrnal}", "unknown-pull"),
}


@pytest.mark.parametrize("name", _CASES)
def test_a_refused_spec_is_accepted_after_its_patches(
    tmp_path: Path, name: str
) -> None:
    good, before, after, code = _CASES[name]
    assert good.count(before) == 1, "the case must change one place"
    text = good.replace(before, after)
    problems = reasons_of(text)
    assert problems, "the case must be refused"
    if code:
        assert code in {problem.code for problem in problems}

    # What one mending uncovers, the next round mends: never more than three.
    for round_number in range(3):
        answer = fix(text, problems)
        assert answer.patches, [problem.message for problem in problems]
        text = apply_patches(tmp_path / str(round_number), text, answer.patches)
        problems = reasons_of(text)
        if not problems:
            break

    assert problems == []
    assert build(text).files


@pytest.mark.parametrize("name", _CASES)
def test_a_patch_touches_few_lines_and_no_comment(tmp_path: Path, name: str) -> None:
    good, before, after, _ = _CASES[name]
    text = good.replace(before, after)

    mended = apply_patches(tmp_path, text, fix(text, reasons_of(text)).patches)

    left = set(text.split("\n")) - set(mended.split("\n"))
    assert len(left) <= 4
    for line in text.split("\n"):
        if "#" in line:
            assert line[line.index("#") :] in mended


def test_a_duplicate_pin_goes_to_the_pin_that_the_table_names_for_it(
    tmp_path: Path,
) -> None:
    text = _UNO.replace("    pin: 12\n", "    pin: 13\n")

    answer = fix(text, reasons_of(text))

    assert apply_patches(tmp_path, text, answer.patches) == _UNO
    assert "pin 12" in answer.patches[0].why


def test_the_name_of_a_pin_moves_along_with_its_only_user(tmp_path: Path) -> None:
    text = _ESP32.replace("BUTTON_PIN: 4", "BUTTON_PIN: 39").replace(
        "type: button, pin: 4", "type: button, pin: 39"
    )

    mended = apply_patches(tmp_path, text, fix(text, reasons_of(text)).patches)

    assert "{type: button, pin: 16}" in mended
    assert "BUTTON_PIN: 16" in mended


def test_several_troubles_give_patches_that_apply_in_order(tmp_path: Path) -> None:
    text = (
        _UNO.replace("    pin: 12\n", "    pin: 13\n")
        .replace("LED Controller", "../x")
        .replace("BAUD_RATE: 9600", "BAUD_RATE: 9601")
        .replace('"serial"', '"seriall"')
    )

    answer = fix(text, reasons_of(text))
    mended = apply_patches(tmp_path, text, answer.patches)
    again = fix(mended, reasons_of(mended))

    assert len(answer.patches) == 4
    assert reasons_of(apply_patches(tmp_path, mended, again.patches)) == []


def test_windows_line_ends_and_a_missing_last_one_survive(tmp_path: Path) -> None:
    text = _UNO.replace("    pin: 12\n", "    pin: 13\n").replace("\n", "\r\n")
    text = text.removesuffix("\r\n")

    mended = apply_patches(tmp_path, text, fix(text, reasons_of(text)).patches)

    assert mended == _UNO.replace("\n", "\r\n").removesuffix("\r\n")


def test_a_patch_names_the_file_of_the_tree(tmp_path: Path) -> None:
    text = _UNO.replace("    pin: 12\n", "    pin: 13\n")
    path = "specs/my device.yaml"

    answer = fix(text, reasons_of(text), path)

    assert answer.patches[0].path == path
    assert apply_patches(tmp_path, text, answer.patches, path) == _UNO


def test_a_finding_about_a_strapping_pin_moves_the_peripheral(tmp_path: Path) -> None:
    text = _ESP32.replace("BUTTON_PIN: 4", "BUTTON_PIN: 0").replace(
        "pin: 4}", "pin: 0}"
    )
    findings: list[Data] = [
        {
            "path": "micropython/main.py",
            "rule": "pin-strapping",
            "severity": "warning",
            "message": "button_0: pin 0 decides at reset how the chip boots",
        }
    ]
    task = Task("fix", "", {"findings": findings}, Tree.of({"spec.yaml": text}))

    answer = Fixer().complete(task)
    mended = apply_patches(tmp_path, text, answer.patches)

    assert "{type: button, pin: 16}" in mended
    assert reasons_of(mended) == []


def test_what_has_no_safe_mending_is_a_note_and_no_patch() -> None:
    text = "device_name: x\nplatform: esp32\nperipherals: []\n"

    answer = fix(text, reasons_of(text))

    assert answer.patches == ()
    assert [note.subject for note in answer.notes] == ["peripherals"]


def test_a_spec_that_is_no_yaml_is_a_note() -> None:
    task = Task(
        "fix",
        "",
        {"reasons": [{"code": "duplicate-pin", "where": "peripherals[0].pin"}]},
        Tree.of({"spec.yaml": "a: [1\n"}),
    )

    answer = Fixer().complete(task)

    assert answer.patches == ()
    assert "no YAML" in answer.notes[0].message


def test_fixing_needs_a_text_and_a_trouble_that_it_knows() -> None:
    known: list[Data] = [{"code": "duplicate-pin", "where": "peripherals[0].pin"}]
    strange: list[Data] = [{"code": "too-cold", "where": "weather"}]
    tree = Tree.of({"spec.yaml": _UNO})

    assert Fixer().can_handle(Task("fix", "", {"reasons": known}, tree)) == 1.0
    assert Fixer().can_handle(Task("fix", "", {"reasons": known})) == 0.0
    assert Fixer().can_handle(Task("fix", "", {"reasons": strange}, tree)) == 0.0
    assert Fixer().can_handle(Task("explain", "", {"reasons": known}, tree)) == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "[" * 30_000,
        "a: {" * 10_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(500)),
        "a: &a {<<: *a}\n",
        "peripherals: &p [*p]\n",
        "? [a]\n: b\n",
        "a: !!python/object/apply:os.system [id]\n",
        "\x00",
        "\ufeffplatform: arduino\nperipherals: [{type: led, pin: 13}]\n",
    ],
    ids=lambda text: ascii(text[:16]),
)
def test_hostile_yaml_gives_patches_or_notes_and_runs_nothing(text: str) -> None:
    trouble: Data = {"code": "missing-pin", "where": "peripherals[0].pin"}
    task = Task("fix", "", {"reasons": [trouble], "text": text})

    answer = Fixer().complete(task)

    assert len(answer.patches) + len(answer.notes) == 1


_CODES = st.sampled_from(
    [
        *("duplicate-pin", "bad-pin", "contradiction", "wrong-type", "empty"),
        *("out-of-range", "unknown-key", "missing-key", "bad-pin-name", "too-long"),
    ]
)
_WHERE = st.sampled_from(
    [
        *("peripherals[0].pin", "peripherals[9].pin", "pins.LED_PIN", "pins", ""),
        *("device_name", "timing.BAUD_RATE", "a.b[3].c", "peripherals", "[0]"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=120) | st.sampled_from([_UNO, _ESP32]),
    code=_CODES,
    where=_WHERE | st.text(max_size=20),
    words=st.text(max_size=40),
)
def test_no_text_and_no_trouble_break_the_fixer(
    text: str, code: str, where: str, words: str
) -> None:
    trouble: Data = {"code": code, "where": where, "message": words, "hint": words}
    task = Task("fix", "", {"reasons": [trouble], "text": text})

    if Fixer().can_handle(task):
        answer = Fixer().complete(task)
        assert len(answer.patches) + len(answer.notes) == 1
