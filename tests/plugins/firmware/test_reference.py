"""The reference pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import lockgate_firmware
from lockgate_firmware._words import (
    COMMUNICATION_KEYS,
    HARDWARE_KEYS,
    PERIPHERAL_KEYS,
    TOP_KEYS,
)
from lockgate_firmware.parts import KINDS
from lockgate_firmware.reference import page
from tests.support.firmware import EVERY_KIND, make, peripherals_of

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_the_page_of_the_peripherals_is_written_from_the_code() -> None:
    written = (REFERENCE / "peripherals.md").read_text()

    assert written == page(), "python -m lockgate_firmware.reference > the page"


def test_every_field_of_the_contract_is_described() -> None:
    text = (REFERENCE / "contract.md").read_text()
    for spec in EVERY_KIND.values():
        product = make(spec)
        names = set(product.contract)
        for peripheral in peripherals_of(product):
            names |= set(peripheral)
            names |= {name for command in peripheral["commands"] for name in command}

        assert {name for name in names if f"`{name}`" not in text} == set[str]()


def test_every_kind_of_step_is_described() -> None:
    text = (REFERENCE / "contract.md").read_text()
    for spec in EVERY_KIND.values():
        scenario = make(spec).contract["scenario"]
        assert isinstance(scenario, list)
        for step in scenario:
            assert isinstance(step, dict)
            assert f"| `{step['do']}` |" in text
            assert {key for key in step if f"`{key}`" not in text} <= {"do"}


def test_every_kind_is_tried_by_some_test_spec() -> None:
    tried = {
        peripheral["kind"]
        for spec in EVERY_KIND.values()
        for peripheral in peripherals_of(make(spec))
    }

    assert tried == {kind.kind for kind in KINDS}


def test_every_code_of_a_refusal_is_described() -> None:
    text = (REFERENCE / "spec.md").read_text()
    package = Path(lockgate_firmware.__file__).parent
    source = "\n".join(path.read_text() for path in package.rglob("*.py"))
    codes = {
        *re.findall(r'refuse\(\s*"([a-z-]+)"', source),
        *re.findall(r'Reason\("([a-z-]+)"', source),
        *re.findall(r'"(unknown-[a-z-]+)"', source),
    }

    assert len(codes) > 20
    assert {code for code in codes if f"`{code}`" not in text} == set[str]()


def test_every_key_of_a_spec_is_described() -> None:
    text = (REFERENCE / "spec.md").read_text()
    keys = (*TOP_KEYS, *HARDWARE_KEYS, *COMMUNICATION_KEYS, *PERIPHERAL_KEYS)

    assert {key for key in keys if not re.search(rf"`[a-z.]*{key}\b", text)} == set[
        str
    ]()
