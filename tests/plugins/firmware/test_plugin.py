"""The plugin adapts the library to the host's types."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import lockgate.plugin
import lockgate_firmware
from lockgate.plugin import RefusedError
from lockgate_firmware import plugin
from lockgate_firmware.boards import BOARDS
from lockgate_firmware.generate import TARGETS
from tests.support.firmware import a_spec, with_peripherals


def test_a_spec_becomes_a_generation() -> None:
    generation = plugin.generate(a_spec(ui_framework="react"), ())

    assert generation is not None
    assert "micropython/main.py" in generation.tree
    assert generation.targets == TARGETS
    assert generation.contract["device"] == "shelf_light"
    assert ("substituted", "react", "none") in {
        (note.kind, note.asked, note.given) for note in generation.notes
    }


def test_a_wrong_spec_is_refused_with_every_reason() -> None:
    spec = with_peripherals(
        {"type": "led", "pin": '13); evil("'}, {"type": "led", "pin": 99}
    )
    with pytest.raises(RefusedError) as caught:
        plugin.generate(spec, ())

    assert [reason.where for reason in caught.value.reasons] == [
        "peripherals[0].pin",
        "peripherals[1].pin",
    ]


def test_a_document_of_another_kind_is_left_to_others() -> None:
    assert plugin.generate({"esphome": {"name": "lamp"}}, ()) is None


def test_a_document_whose_keys_are_nearly_right_is_told_so() -> None:
    with pytest.raises(RefusedError) as caught:
        plugin.generate({"device-name": "Lamp"}, ())

    assert ("unknown-key", "Did you mean 'device_name'?") in {
        (reason.code, reason.hint) for reason in caught.value.reasons
    }


def test_an_empty_document_is_refused() -> None:
    with pytest.raises(RefusedError):
        plugin.generate({}, ())


def test_the_manifest_names_the_targets_and_boards_that_exist() -> None:
    manifest = tomllib.loads(
        (files("lockgate_firmware") / "lockgate.toml").read_text("utf-8")
    )

    assert tuple(manifest["capabilities"]["targets"]) == plugin.generator_targets()
    assert set(manifest["capabilities"]["boards"]) == set(BOARDS)
    assert manifest["tier"] == "read-only"


def test_the_library_knows_no_host() -> None:
    program = (
        "import sys, lockgate_firmware.generate\n"
        "print(*(name for name in sys.modules if name.split('.')[0] == 'lockgate'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert done.stdout.strip() == ""


def test_a_worker_needs_nothing_but_the_standard_library() -> None:
    folders = [
        str(Path(module.__file__).parents[1])
        for module in (lockgate_firmware, lockgate.plugin)
        if module.__file__
    ]
    program = (
        "import sys\n"
        f"sys.path += {folders!r}\n"
        "from lockgate_firmware import plugin\n"
        "print(plugin.generate({'device_name': 'Lamp', 'platform': 'esp32',"
        " 'peripherals': [{'type': 'led', 'pin': 4}]}, ()).targets)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.stdout.startswith("('micropython'"), done.stderr
