"""Reading a spec: what has the wrong form is refused, with the place and a way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lockgate_firmware.generate import generate
from lockgate_firmware.problems import SpecRefusedError
from tests.support.firmware import a_spec, make, refusals, with_peripherals

SEED_SPECS = Path(__file__).parents[4] / "shared" / "data" / "specs"


def test_a_small_spec_is_accepted() -> None:
    assert make(a_spec()).contract["device"] == "shelf_light"


@pytest.mark.parametrize("pin", ['13); evil("', "13 ", "", "A", "13\n", "-1", "١٣"])
def test_a_text_that_is_no_pin_is_refused(pin: str) -> None:
    assert refusals(with_peripherals({"type": "led", "pin": pin})) == {
        "peripherals[0].pin": "bad-pin"
    }


@pytest.mark.parametrize("pin", [True, 13.0, -1, 10**30, [13], {"a": 1}, b"13"])
def test_a_value_of_another_type_is_no_pin(pin: object) -> None:
    assert refusals(with_peripherals({"type": "led", "pin": pin})) == {
        "peripherals[0].pin": "bad-pin"
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../escaped", "path-in-name"),
        ("/etc/passwd", "path-in-name"),
        ("a\\b", "path-in-name"),
        ("c:evil", "path-in-name"),
        (".hidden", "path-in-name"),
        ("two\nlines", "control-character"),
        ("nul\x00", "control-character"),
        ("right-to-left \u202e", "control-character"),
        ("half \ud800", "control-character"),
        ("x" * 65, "too-long"),
        ("x" * 1_000_000, "too-long"),
        ("   ", "empty"),
        (17, "wrong-type"),
        (["a"], "wrong-type"),
    ],
)
def test_a_device_name_that_could_do_harm_is_refused(name: object, code: str) -> None:
    assert refusals(a_spec(device_name=name)) == {"device_name": code}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Wi-Fi Lamp", "wi_fi_lamp"),
        ("3D-Printer", "device_3d_printer"),
        ("class", "class_device"),
        ("Serial", "serial_device"),
        ("json", "json_device"),
        ("NUL", "nul_device"),
        ("Größe 2", "groe_2"),
        ("Лампа", "unnamed"),
    ],
)
def test_a_device_name_becomes_a_safe_file_name(name: str, file: str) -> None:
    assert f"sdk/{file}.py" in make(a_spec(device_name=name)).files


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        (True, "wrong-type"),
        ("9600", "wrong-type"),
        (9600.0, "wrong-type"),
        (0, "out-of-range"),
        (-9600, "out-of-range"),
        (10**40, "out-of-range"),
        (9601, "baud-unsupported"),
        ("9600); evil(", "wrong-type"),
    ],
)
def test_a_crafted_baud_rate_is_refused(rate: object, code: str) -> None:
    assert refusals(a_spec(timing={"BAUD_RATE": rate})) == {"timing.BAUD_RATE": code}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"platform": "arduno"}, "platform", "unknown-platform"),
    ({"platform": "meshtastic-esp32"}, "platform", "unknown-platform"),
    ({"platform": 3}, "platform", "wrong-type"),
    ({"platform": None}, "platform", "missing-key"),
    ({"device_name": None}, "device_name", "missing-key"),
    ({"peripherals": None}, "peripherals", "missing-key"),
    ({"peripherals": []}, "peripherals", "empty"),
    ({"peripherals": {}}, "peripherals", "wrong-type"),
    ({"peripherals": [{}] * 65}, "peripherals", "too-many"),
    ({"hardware": {"mcu": "Z80"}}, "hardware.mcu", "unsupported-mcu"),
    ({"hardware": {"mcu": "ESP32"}}, "hardware.mcu", "contradiction"),
    ({"hardware": {"board": "unno"}}, "hardware.board", "unsupported-board"),
    ({"hardware": []}, "hardware", "wrong-type"),
    ({"m5stack_model": "core"}, "m5stack_model", "contradiction"),
    ({"pins": [1]}, "pins", "wrong-type"),
    ({"pins": {"a b": 1}}, "pins", "bad-pin-name"),
    ({"pins": {"X": "$(rm)"}}, "pins.X", "bad-pin"),
    ({"pins": {"X": 99}}, "pins.X", "pin-not-on-board"),
    ({"ui_framework": "reactt"}, "ui_framework", "unknown-ui-framework"),
    ({"software_language": "pyton"}, "software_language", "unknown-language"),
    (
        {"communication": {"protocol": "serail"}},
        "communication.protocol",
        "unknown-protocol",
    ),
    (
        {"communication": {"baudrate": 19200}},
        "communication.baudrate",
        "contradiction",
    ),
    ({"peripherals": None, "peripheral": []}, "peripheral", "unknown-key"),
    ({"timing": {"BLINK_INTERVALL": 5}}, "timing.BLINK_INTERVALL", "unknown-key"),
    (
        {"timing": {"BLINK_INTERVAL": 5}},
        "timing.BLINK_INTERVAL",
        "out-of-range",
    ),
]


@pytest.mark.parametrize(("changes", "where", "code"), WRONG)
def test_a_wrong_field_is_named(changes: dict[str, Any], where: str, code: str) -> None:
    assert refusals(a_spec(**changes))[where] == code


def test_every_reason_is_found_at_once() -> None:
    spec = a_spec(
        device_name="../x",
        timing={"BAUD_RATE": "fast"},
        peripherals=[{"type": "led", "pin": "x"}, {"type": "lde", "pin": 12}],
    )

    assert refusals(spec) == {
        "device_name": "path-in-name",
        "timing.BAUD_RATE": "wrong-type",
        "peripherals[0].pin": "bad-pin",
        "peripherals[1].type": "unknown-peripheral",
    }


def test_a_typo_is_answered_with_the_right_word() -> None:
    with pytest.raises(SpecRefusedError) as caught:
        generate(with_peripherals({"type": "buton", "pin": 2}))

    assert "'button'" in caught.value.problems[0].hint


def test_an_unknown_key_that_resembles_none_is_left_out_and_said() -> None:
    product = make(a_spec(colour="blue"))

    assert [r.asked for r in product.remarks if r.subject == "colour"] == ["'blue'"]


def test_a_flood_of_wrong_entries_gives_a_bounded_refusal() -> None:
    spec = a_spec(pins={f"P{n}": "!" for n in range(199)})

    assert len(refusals(spec)) <= 100


@pytest.mark.parametrize("document", [None, 7, "text", [], [{}], {1: 2}, {}])
def test_a_document_of_another_shape_is_refused(document: object) -> None:
    assert refusals(document)


def test_the_network_password_is_in_no_file() -> None:
    spec = a_spec(wifi={"ssid": "nest", "password": "swordfish"})

    product = make(spec)

    assert not any("swordfish" in body for body in product.files.values())
    assert "wifi" in {r.subject for r in product.remarks if r.kind == "substituted"}


@pytest.mark.parametrize(
    ("changes", "subject", "asked", "given"),
    [
        ({"ui_framework": "react"}, "ui_framework", "react", "none"),
        ({"software_language": "cpp"}, "software_language", "cpp", "python"),
        (
            {"communication": {"data_format": "binary"}},
            "communication.data_format",
            "binary",
            "text",
        ),
        (
            {"communication": {"protocol": "wifi"}},
            "communication.protocol",
            "wifi",
            "serial",
        ),
        (
            {"hardware": {"mcu": "ATmega328P", "clock_speed": "8MHz"}},
            "hardware.clock_speed",
            "8MHz",
            "16MHz",
        ),
    ],
)
def test_what_is_not_made_is_recorded_as_substituted(
    changes: dict[str, Any], subject: str, asked: str, given: str
) -> None:
    remarks = make(a_spec(**changes)).remarks

    assert (subject, asked, given) in {
        (r.subject, r.asked, r.given) for r in remarks if r.kind == "substituted"
    }


def test_a_peripheral_that_is_not_driven_is_recorded_and_keeps_its_pin() -> None:
    spec = with_peripherals({"type": "display", "pin": 5}, {"type": "led", "pin": 5})
    assert refusals(spec) == {"peripherals[1].pin": "duplicate-pin"}

    product = make(with_peripherals({"type": "gps"}, {"type": "led", "pin": 5}))
    assert product.contract["missing"] == [{"type": "gps", "pin": None}]
    assert ("substituted", "gps") in {(r.kind, r.asked) for r in product.remarks}


def test_a_spec_without_anything_to_drive_is_refused() -> None:
    assert refusals(with_peripherals({"type": "display"})) == {
        "peripherals": "nothing-to-drive"
    }


@pytest.mark.skipif(not SEED_SPECS.is_dir(), reason="no seed specs beside the tree")
def test_specs_from_elsewhere_are_accepted_unmodified() -> None:
    names = sorted(SEED_SPECS.glob("*.yaml"))

    for name in names:
        product = generate(yaml.safe_load(name.read_text()))

        assert product.contract["peripherals"], name


@pytest.mark.parametrize(
    ("communication", "baud"),
    [
        ({"protocol": "serial", "port": 115200}, 115200),
        ({"protocol": "serial", "port": "/dev/ttyUSB0"}, 9600),
        ({"protocol": "wifi", "port": 8080}, 9600),
        ({"protocol": "serial", "baudrate": 57600, "port": 57600}, 57600),
    ],
)
def test_a_port_is_a_baud_rate_only_on_a_serial_link(
    communication: dict[str, Any], baud: int
) -> None:
    contract: dict[str, Any] = dict(
        make(a_spec(timing=None, communication=communication)).contract
    )

    assert contract["serial"]["baud"] == baud
