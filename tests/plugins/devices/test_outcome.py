"""What a worker hands back is foreign data: firmware ran there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.values import PythonRun
from lockgate_devices.outcome import to_simulation

GOOD: dict[str, Any] = {
    "events": [{"at_us": 1, "kind": "pin", "pin": "13", "level": 1}],
    "verdicts": [
        {"name": "a", "passed": True, "expected": "1", "seen": "1", "at_us": 5}
    ],
    "duration_us": 10,
    "stopped": "",
    "notes": ["n"],
}


def test_a_good_answer_becomes_a_simulation() -> None:
    simulation = to_simulation("virtual", PythonRun(GOOD))

    assert (simulation.passed, simulation.duration_us) == (True, 10)
    assert simulation.verdicts[0].name == "a"
    assert simulation.notes[0].message == "n"


def test_a_run_that_stopped_early_has_not_passed() -> None:
    assert not to_simulation("virtual", PythonRun({**GOOD, "stopped": "reset"})).passed


@pytest.mark.parametrize(
    "change",
    [
        {"events": None},
        {"events": [{"at_us": -1, "kind": "pin"}]},
        {"events": [{"at_us": 1, "kind": "exec"}]},
        {"verdicts": [{"name": "a"}]},
        {"verdicts": [{**GOOD["verdicts"][0], "passed": 1}]},
        {"duration_us": True},
        {"stopped": None},
        {"notes": [1]},
    ],
)
def test_an_answer_of_another_form_fails_and_raises_nothing(change: Any) -> None:
    simulation = to_simulation("virtual", PythonRun({**GOOD, **change}))

    assert (simulation.passed, simulation.stopped) == (False, "answer-invalid")


@pytest.mark.parametrize("code", ["cpu-limit", "memory-limit", "worker-died", "odd"])
def test_an_end_by_a_limit_is_a_failed_verdict(code: str) -> None:
    run = PythonRun(None, error=code, message="told so")

    simulation = to_simulation("virtual", run)

    assert (simulation.stopped, simulation.passed) == (code, False)
    assert [v.name for v in simulation.verdicts] == [code]


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*GOOD, "kind", "at_us"]), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(_DATA)
def test_no_answer_makes_the_reader_fail_itself(value: Any) -> None:
    simulation = to_simulation("virtual", PythonRun(value))

    assert not simulation.passed
