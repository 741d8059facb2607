"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

import pytest

from lockgate.testing import PluginUnderTest


@pytest.mark.parametrize(
    ("value", "unit", "to", "made"),
    [(3, "km", "m", 3000), (1, "in", "m", 0.0254), (100, "C", "F", 212)],
)
def test_quantities_are_converted(
    plugin: PluginUnderTest, value: float, unit: str, to: str, made: float
) -> None:
    given = {"value": value, "unit": unit}

    answer = plugin.answer("convert", quantity=given, to=to)

    assert answer == {"value": made, "unit": to}


def test_units_that_are_unknown_are_left_to_others(plugin: PluginUnderTest) -> None:
    assert plugin.answer("convert", quantity={"value": 1, "unit": "m"}, to="K") is None
    assert plugin.call("table", tuple, unit="m", to="K") == ()
