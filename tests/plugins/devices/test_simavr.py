"""The Arduino firmware, compiled and run in simavr, against the same contract."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lockgate.values import ProgramRun, Simulation
from lockgate_devices.arduino.build import BuildError, build, target_of
from lockgate_devices.boards import SIMAVR, simavr_library
from lockgate_devices.differential import differences
from lockgate_devices.runtime.avr.simavr import Simavr, SimavrError
from lockgate_devices.simavr import pin_map, simulate_avr
from lockgate_devices.simulation import simulate_virtual
from tests.support.context import LocalContext
from tests.support.devices import (
    SCENARIO,
    SKETCH,
    contract,
    needs_avr,
    tree,
    with_tools,
)

pytestmark = [pytest.mark.avr]

_HELLO = [{"do": "run", "ms": 10}, SCENARIO[6]]


def run(sketch: str = SKETCH, **changes: Any) -> Simulation:
    context = with_tools()
    simulation = simulate_avr(tree(sketch=sketch), contract(**changes), context)
    assert simulation is not None
    return simulation


def failed(simulation: Simulation) -> list[str]:
    return [verdict.name for verdict in simulation.verdicts if not verdict.passed]


def board(**changes: Any) -> dict[str, Any]:
    return {**contract()["board"], **changes}


@needs_avr
def test_the_sketch_builds_fits_and_keeps_its_contract() -> None:
    simulation = run()

    assert failed(simulation) == []
    assert (simulation.board, simulation.passed) == (SIMAVR, True)
    names = [verdict.name for verdict in simulation.verdicts[:3]]
    assert names == ["builds", "flash fits", "static RAM fits"]
    assert simulation.artifacts["build/firmware.elf"].content[:4] == b"\x7fELF"


@needs_avr
def test_it_does_the_same_as_the_virtual_board() -> None:
    virtual = simulate_virtual(tree(), contract(), with_tools())
    assert virtual is not None

    assert differences(virtual, run()) == ()


@needs_avr
def test_a_sketch_that_does_otherwise_is_told_from_the_virtual_board() -> None:
    virtual = simulate_virtual(tree(), contract(), with_tools())
    assert virtual is not None

    inverted = differences(virtual, run(SKETCH.replace("] == '1')", "] == '0')")))
    slower = differences(virtual, run(SKETCH.replace("250", "280")))

    assert "'pin 13 is 1' (number 1) passes on virtual only" in inverted
    assert any(text.startswith("pin 13") for text in slower)


@needs_avr
def test_a_sketch_that_does_not_compile_fails_with_the_compilers_words() -> None:
    simulation = run(SKETCH + "\nint redeclared; float redeclared;\n")

    assert (simulation.stopped, failed(simulation)) == ("build-failed", ["builds"])
    assert "demo.ino" in simulation.verdicts[0].seen
    assert "redeclared" in simulation.verdicts[0].seen


@needs_avr
def test_a_sketch_that_is_too_large_is_not_run() -> None:
    simulation = run(board=board(flash_bytes=1_000, ram_bytes=100))

    assert simulation.stopped == "too-large"
    assert failed(simulation) == ["flash fits", "static RAM fits"]


@needs_avr
def test_a_contract_cannot_make_the_chip_larger_than_it_is() -> None:
    big = "const char big[40000] PROGMEM = {1};\n"
    use = "void setup() {\n  Serial.print((char)pgm_read_byte(&big[millis()]));"
    sketch = big + SKETCH.replace("void setup() {", use)

    simulation = run(sketch, board=board(flash_bytes=1 << 20))

    # The linker knows the chip, too: whichever says so first.
    assert simulation.stopped in ("too-large", "build-failed")


@needs_avr
def test_a_processor_that_stops_ends_the_run() -> None:
    stop = 'void loop() { cli(); asm volatile("sleep"); }\nvoid unused() {'
    sketch = SKETCH.replace("void loop() {", stop)
    sketch = sketch.replace("  Serial.begin", "  SMCR = 1;\n  Serial.begin")

    simulation = run(sketch)

    assert simulation.stopped in ("firmware-ended", "")
    assert not simulation.passed


@needs_avr
def test_a_wrong_baud_rate_makes_garbage_of_every_answer() -> None:
    simulation = run(SKETCH.replace("9600", "19200"), scenario=_HELLO)

    assert failed(simulation) == ["hello()"]


@needs_avr
def test_an_endless_loop_keeps_its_time_and_fails_its_verdicts() -> None:
    """Machine code cannot stop the clock: simavr counts each instruction."""
    sketch = SKETCH.replace("void loop() {", "void loop() { for (;;) {}")

    simulation = run(sketch, scenario=_HELLO)

    assert failed(simulation) == ["hello()"]
    assert simulation.stopped == ""


@needs_avr
def test_a_run_that_takes_too_long_ends_at_its_cpu_budget() -> None:
    context = with_tools()
    steps = [{"do": "run", "ms": 600_000}, SCENARIO[1]]

    simulation = simulate_avr(
        tree(), contract(scenario=steps), context, cpu_seconds=1.0
    )

    assert simulation is not None
    assert simulation.stopped == "cpu-limit"


@needs_avr
@pytest.mark.parametrize(
    ("name", "mcu", "analog"),
    [("nano", "atmega328p", "A6"), ("mega2560", "atmega2560", "A0")],
)
def test_other_boards_of_the_core_work_too(name: str, mcu: str, analog: str) -> None:
    pins = copy.deepcopy(contract()["board"]["pins"])
    pins[analog] = {**pins["A0"], "output": False}
    steps = [
        {**step, **({"pin": analog} if step.get("pin") == "A0" else {})}
        for step in SCENARIO
    ]
    document = board(id=name, mcu=mcu, pins=pins, flash_bytes=30_720)

    simulation = run(SKETCH.replace("A0", analog), board=document, scenario=steps)

    assert failed(simulation) == []


@needs_avr
def test_the_usb_serial_port_is_simulated_on_the_uart_with_a_note() -> None:
    document = board(
        id="leonardo", mcu="atmega32u4", flash_bytes=28_672, ram_bytes=2_560
    )
    serial = {**contract()["serial"], "port": "usb"}

    simulation = run(board=document, serial=serial)

    assert failed(simulation) == []
    assert [(note.asked, note.given) for note in simulation.notes] == [
        ("Serial", "Serial1")
    ]


@needs_avr
def test_pwm_is_judged_by_the_timers_registers() -> None:
    sketch = SKETCH.replace("  Serial.begin", "  analogWrite(9, 64);\n  Serial.begin")
    wave = {"do": "pwm", "pin": "9", "freq_hz": 490, "duty_percent": 25}
    run_first = {"do": "run", "ms": 10}
    off = {**wave, "duty_percent": 50}

    simulation = run(sketch, scenario=[run_first, wave, off])

    assert [v.passed for v in simulation.verdicts[3:]] == [True, False]
    assert simulation.verdicts[3].seen == "490 Hz, 25.1 % high"


@needs_avr
def test_a_tone_is_measured_by_its_edges() -> None:
    sketch = SKETCH.replace("  Serial.begin", "  tone(9, 1000);\n  Serial.begin")
    wave = {"do": "pwm", "pin": "9", "freq_hz": 1_000, "duty_percent": 50}

    simulation = run(sketch, scenario=[{"do": "run", "ms": 10}, wave])

    assert failed(simulation) == []
    assert simulation.verdicts[-1].seen.startswith("1000 Hz, 50.")


@needs_avr
def test_where_the_pins_are_comes_from_the_program_itself() -> None:
    target = target_of(contract()["board"])
    assert target is not None
    image, _ = build(with_tools(), SKETCH, "demo.ino", target)

    pins = pin_map(image, target)

    assert pins["13"] == ["B", 5, 0, -1]
    assert pins["9"] == ["B", 1, 3, -1]
    assert pins["A0"] == ["C", 0, 0, 0]
    assert pins["A7"] == ["", 0, 0, 7]


@needs_avr
def test_the_cycle_counter_is_proved_before_it_is_believed() -> None:
    library = simavr_library()
    assert library is not None
    avr = Simavr(library, "atmega328p", 16_000_000, b"\xff\xcf" * 10)  # rjmp .-2

    avr.check_clock()

    with pytest.raises(SimavrError, match="knows no"):
        Simavr(library, "z80", 16_000_000, b"")


@needs_avr
def test_a_hostile_sketch_cannot_read_files_by_include() -> None:
    """What the preprocessor shows of a file is only what the tool may read."""
    target = target_of(contract()["board"])
    assert target is not None
    with pytest.raises(BuildError, match="status 1"):
        build(with_tools(), '#include "/nonexistent/secret"\n', "a.ino", target)


def test_without_the_tools_there_is_no_answer_and_a_line_says_why() -> None:
    context = LocalContext()

    assert simulate_avr(tree(), contract(), context) is None
    assert "apt-get install" in context.messages[0]


def test_a_board_without_an_avr_is_not_ours() -> None:
    document = contract(board=board(mcu="esp32"))

    assert simulate_avr(tree(), document, with_tools()) is None


def test_a_contract_without_a_sketch_is_not_ours() -> None:
    document = contract(artifacts={"micropython": "micropython/main.py"})

    assert simulate_avr(tree(), document, with_tools()) is None


class _Compiler(LocalContext):
    """A compiler that says it is done and leaves something else."""

    def has_program(self, name: str) -> bool:
        return True

    def run_program(self, name: str, arguments: Any, **options: Any) -> ProgramRun:
        return ProgramRun(0, b"", b"odd", tree(sketch="x"))


@needs_avr
def test_a_compiler_that_leaves_no_program_is_a_failed_verdict() -> None:
    simulation = simulate_avr(tree(), contract(), _Compiler())

    assert simulation is not None
    assert (simulation.stopped, simulation.passed) == ("build-failed", False)
