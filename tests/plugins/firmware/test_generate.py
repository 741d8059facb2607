"""Targets: what is made, what is refused, and how it is labelled."""

from __future__ import annotations

import pytest

from lockgate_firmware.generate import TARGETS
from tests.support.firmware import EVERY_KIND, a_spec, make, refusals


def test_an_avr_gets_every_target() -> None:
    assert make(a_spec()).targets == TARGETS


@pytest.mark.parametrize("platform", ["esp32", "m5stack", "stm32"])
def test_no_cpp_is_made_where_nothing_can_compile_it(platform: str) -> None:
    product = make(EVERY_KIND[platform])

    assert "arduino" not in product.targets
    assert not any(path.startswith("arduino/") for path in product.files)
    assert "arduino" in {remark.subject for remark in product.remarks}


def test_asking_for_such_cpp_is_refused() -> None:
    assert refusals(EVERY_KIND["esp32"], "arduino") == {"targets": "target-unavailable"}


def test_an_unknown_target_is_refused() -> None:
    assert refusals(a_spec(), "micropythn") == {"targets": "unknown-target"}


@pytest.mark.parametrize(
    ("platform", "twin"),
    [("uno", True), ("stm32", True), ("esp32", False), ("m5stack", False)],
)
def test_micropython_is_labelled_a_twin_where_the_board_cannot_run_it(
    platform: str, twin: bool
) -> None:
    product = make(EVERY_KIND[platform])

    assert ("simulation twin" in product.files["micropython/main.py"]) == twin
    assert ("micropython" in {remark.subject for remark in product.remarks}) == twin


def test_the_same_spec_makes_the_same_files() -> None:
    assert make(EVERY_KIND["uno"]) == make(EVERY_KIND["uno"])
