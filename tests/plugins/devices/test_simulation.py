"""The virtual board from the outside: firmware and contract in, verdicts out."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lockgate.values import Simulation, Tree
from lockgate_devices.simulation import (
    ContractError,
    bench_tree,
    simulate_virtual,
    source_of,
)
from tests.support.devices import FIRMWARE, SDK, call, contract, tree, with_tools


def run(firmware: str = FIRMWARE, *, sdk: str = SDK, **changes: Any) -> Simulation:
    found = simulate_virtual(
        tree(firmware, sdk=sdk), contract(**changes), with_tools(), cpu_seconds=3.0
    )
    assert found is not None
    return found


def failed(simulation: Simulation) -> list[str]:
    return [verdict.name for verdict in simulation.verdicts if not verdict.passed]


def test_firmware_that_keeps_its_contract_passes_every_verdict() -> None:
    simulation = run()

    assert failed(simulation) == []
    assert (simulation.board, simulation.passed, simulation.stopped) == (
        "virtual",
        True,
        "",
    )


def test_each_expectation_of_the_scenario_is_one_verdict() -> None:
    silent = ("run", "drive", "analog")
    expected = [s for s in contract()["scenario"] if s["do"] not in silent]

    assert len(run().verdicts) == len(expected)


def test_the_same_run_gives_the_same_result_twice() -> None:
    assert run() == run()


def test_events_are_in_order_of_time_and_hold_edges_and_traffic() -> None:
    events = run().events

    times = [int(str(event["at_us"])) for event in events]
    assert times == sorted(times)
    assert {"at_us", "kind", "pin", "level", "by"} in [set(event) for event in events]
    lines = [e["line"] for e in events if e["kind"] == "tx"]
    assert lines[:2] == ["lockgate 1 demo", "led 1"]
    by_world = [e for e in events if e["kind"] == "pin" and e.get("by") == "world"]
    assert [(e["pin"], e["level"]) for e in by_world] == [("2", 0), ("2", 1)]


def test_a_minute_of_the_device_takes_seconds_at_most() -> None:
    started = time.process_time()
    simulation = run(scenario=[{"do": "run", "ms": 60_000}, contract()["scenario"][1]])

    assert simulation.duration_us == 60_000_000
    assert simulation.passed
    assert time.process_time() - started < 30


def test_an_endless_loop_without_calls_ends_at_the_cpu_limit() -> None:
    simulation = run("while True:\n    pass\n")

    assert simulation.stopped == "cpu-limit"
    assert not simulation.passed
    assert failed(simulation)[0].startswith("cpu-limit")


def test_what_happened_before_an_endless_loop_is_not_lost() -> None:
    source = (
        "from machine import Pin\nPin(13, Pin.OUT, value=1)\nwhile True:\n    pass\n"
    )

    simulation = run(source)

    assert simulation.stopped == "cpu-limit"
    assert [e["level"] for e in simulation.events if "level" in e] == [1]


def test_a_loop_that_the_bench_cannot_see_ends_at_the_kernels_limit() -> None:
    """An SDK that never waits holds the scenario itself up."""
    endless = SDK.replace(
        "        self._transport = transport", "        while 1: pass"
    )

    simulation = run(sdk=endless)

    assert simulation.stopped == "cpu-limit"
    assert failed(simulation) == ["cpu-limit"]


def test_firmware_that_raises_is_a_failed_verdict_with_the_line() -> None:
    simulation = run("import time\ntime.sleep_ms(5)\n1 / 0\n")

    assert simulation.stopped == "firmware-raised"
    seen = simulation.verdicts[0].seen
    assert "micropython/main.py:3: ZeroDivisionError: division by zero" in seen


def test_firmware_that_is_no_python_is_a_failed_verdict() -> None:
    simulation = run("def (:\n")

    assert simulation.stopped == "firmware-raised"
    assert "SyntaxError" in simulation.verdicts[0].seen


def test_firmware_that_ends_is_said_to_have_ended() -> None:
    assert run("x = 1\n").stopped == "firmware-ended"


def test_firmware_that_catches_everything_is_still_switched_off() -> None:
    source = (
        "import time\nwhile True:\n    try:\n        time.sleep_ms(1)\n"
        "    except:\n        pass\n"
    )

    simulation = run(source, scenario=[{"do": "run", "ms": 20}])

    assert simulation.stopped == ""


def test_an_sdk_that_raises_is_a_failed_verdict_and_the_run_goes_on() -> None:
    simulation = run(sdk=SDK.replace('self._ask("button")', 'self._ask("buttom")'))

    assert set(failed(simulation)) == {"button_get()"}
    assert simulation.stopped == ""


def test_an_sdk_that_does_not_load_is_a_failed_verdict() -> None:
    simulation = run(sdk="import lockgate_nothing_like_it\n")

    seen = [v.seen for v in simulation.verdicts if v.name == "hello()"]
    assert "ModuleNotFoundError" in seen[0]


def test_the_time_of_the_sdk_is_the_boards() -> None:
    steps = [call("pause", [30.0], 30.0, "", "")]

    assert run(scenario=steps).passed


def test_a_result_of_another_type_is_not_equal() -> None:
    """A device that answers 1 where True is promised breaks its types."""
    steps = [call("led_set", [True], 1, "led 1", "led 1")]

    assert failed(run(scenario=steps)) == ["led_set(True)"]


def test_traffic_that_differs_fails_though_the_result_is_right() -> None:
    steps = [call("led_set", [True], True, "led  1", "led 1")]

    assert failed(run(scenario=steps)) == ["led_set(True)"]


def test_a_scenario_without_expectations_does_not_pass() -> None:
    simulation = run(scenario=[{"do": "run", "ms": 1}])

    assert failed(simulation) == ["expectations"]
    assert not simulation.passed


def test_a_bad_pin_is_named_with_the_line_that_asked_for_it() -> None:
    simulation = run("from machine import Pin\nPin(77, Pin.OUT)\n")

    assert "pin.invalid" in failed(simulation)
    assert "main.py:2: ValueError: invalid pin" in simulation.verdicts[0].seen


def test_output_to_an_input_only_pin_fails() -> None:
    simulation = run("from machine import Pin\nPin(34, Pin.OUT)\n")

    assert "pin.ability" in failed(simulation)
    assert "pin can only be input" in simulation.verdicts[0].seen


def test_a_pin_that_is_used_twice_fails() -> None:
    source = FIRMWARE.replace("Pin(2, Pin.IN, Pin.PULL_UP)", "Pin(13, Pin.IN)")

    assert "pin.reused" in failed(run(source))


def test_an_interrupt_that_raises_fails_and_the_firmware_goes_on() -> None:
    source = FIRMWARE.replace(
        "uart = UART", "button.irq(lambda pin: 1 / 0, Pin.IRQ_FALLING)\nuart = UART"
    )

    assert failed(run(source)) == ["firmware.interrupt"]


def test_a_wrong_baud_rate_makes_garbage_of_every_answer() -> None:
    assert "hello()" in failed(run(FIRMWARE.replace("9600", "19200")))


def test_stray_output_of_print_is_on_the_wire_as_on_a_board() -> None:
    source = FIRMWARE.replace('return "led', 'print("x")\n        return "led')

    assert "led_set(True)" in failed(run(source))


def test_too_many_events_are_counted_and_not_kept() -> None:
    source = (
        "from machine import Pin\nled = Pin(13, Pin.OUT)\nwhile True:\n"
        "    led.toggle()\n"
    )

    simulation = run(source, scenario=[{"do": "run", "ms": 1000}])

    assert len(simulation.events) == 20_000
    assert "over the limit" in simulation.notes[-1].message


def test_no_micropython_firmware_means_no_answer() -> None:
    document = contract(artifacts={"arduino": "arduino/demo/demo.ino"})

    assert simulate_virtual(tree(), document, with_tools()) is None


def test_a_file_that_is_not_in_the_tree_is_a_reason() -> None:
    with pytest.raises(ContractError, match="has no file"):
        simulate_virtual(Tree(), contract(), with_tools())
    assert source_of(tree(), contract(), "pins") is None


def test_the_bench_imports_nothing_but_the_standard_library() -> None:
    """The worker has nothing else; a stray import would show only there."""
    assert all(file.path.startswith("lockgate_devices/") for file in bench_tree())
    texts = [line for file in bench_tree() for line in file.text.splitlines()]
    ours = [line for line in texts if line.startswith("from lockgate")]
    assert all(line.startswith("from lockgate_devices.runtime") for line in ours)
