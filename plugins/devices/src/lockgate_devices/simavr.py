"""Compiles the Arduino firmware, runs it in simavr, and holds it to its contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lockgate.values import Document, Note, PythonRun, Simulation, Tree, Verdict
from lockgate_devices.arduino.build import (
    BuildError,
    Target,
    ToolRunner,
    build,
    target_of,
)
from lockgate_devices.arduino.elf import Image
from lockgate_devices.boards import APT_PACKAGES, SIMAVR, simavr_library
from lockgate_devices.outcome import to_simulation
from lockgate_devices.simulation import (
    BENCH,
    PythonBroker,
    bench_tree,
    checked,
    source_of,
)

__all__ = ["AvrHost", "pin_map", "simulate_avr"]

CPU_SECONDS = 60.0
WALL_SECONDS = 180.0
_ELF_PATH = "build/firmware.elf"


class AvrHost(PythonBroker, ToolRunner, Protocol):
    """What the AVR board needs of `lockgate.plugin.Context`."""

    def has_program(self, name: str) -> bool:
        """Whether a tool is granted and there."""
        ...

    def log(self, level: str, message: str, **fields: Any) -> None:
        """Write a line to the host's log."""
        ...

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Say how far the work is."""
        ...


def simulate_avr(
    tree: Tree, contract: Document, host: AvrHost, *, cpu_seconds: float = CPU_SECONDS
) -> Simulation | None:
    """Compile the sketch of `tree` and run it in simavr.

    Returns:
        None if the contract names no sketch, if its board has no AVR that is
        known here, or if the tools are not there (said in the log, and by the
        board's entry among the devices).

    Raises:
        ContractError: If the contract cannot be executed.
    """
    known = checked(contract)
    sketch = source_of(tree, known, "arduino")
    target = target_of(known["board"])
    if sketch is None or target is None:
        return None
    library = simavr_library()
    if library is None or not host.has_program("avr-gcc"):
        host.log("warning", "simavr: apt-get install " + " ".join(APT_PACKAGES))
        return None
    host.progress("compiling the sketch", 0.0)
    try:
        image, elf = build(host, sketch[1], sketch[0], target)
    except BuildError as error:
        return _build_failed(error)
    sizes = _sizes(image, known["board"], target)
    artifacts = Tree.of({_ELF_PATH: elf})
    if not all(verdict.passed for verdict in sizes):
        return Simulation(
            SIMAVR, False, 0, verdicts=sizes, artifacts=artifacts, stopped="too-large"
        )
    host.progress("running it in simavr", 0.4)
    board: Document = {
        "library": library,
        "flash": image.flash,
        "mcu": target.mcu,
        "f_cpu": target.f_cpu,
        "pins": pin_map(image, target),
    }
    run = _run(host, tree, known, board, cpu_seconds)
    built = Verdict("builds", True, "avr-gcc accepts the sketch", "it does")
    return to_simulation(
        SIMAVR,
        run,
        verdicts=(built, *sizes),
        notes=_notes(target),
        artifacts=artifacts,
    )


def _run(
    host: AvrHost,
    tree: Tree,
    contract: Mapping[str, Any],
    board: Document,
    cpu_seconds: float,
) -> PythonRun:
    """Run what `board` says in simavr, beside the SDK of `tree` that talks to it."""
    sdk_path, sdk = source_of(tree, contract, "sdk") or ("", "")
    return host.run_python(
        bench_tree(),
        f"{BENCH}.entry:run_simavr",
        {
            **board,
            "sdk": sdk,
            "sdk_path": sdk_path,
            "contract": contract,
            "cpu_seconds": cpu_seconds,
        },
        cpu_seconds=cpu_seconds,
        wall_seconds=WALL_SECONDS,
    )


def _build_failed(error: BuildError) -> Simulation:
    seen = f"{error}: {error.log}" if error.log else str(error)
    verdict = Verdict("builds", False, "avr-gcc accepts the sketch", seen[:2_000])
    return Simulation(SIMAVR, False, 0, verdicts=(verdict,), stopped="build-failed")


def _sizes(
    image: Image, board: Mapping[str, Any], target: Target
) -> tuple[Verdict, ...]:
    # What the boot loader leaves, and never more than the chip has.
    flash = min(board.get("flash_bytes") or target.flash_bytes, target.flash_bytes)
    ram = board.get("ram_bytes")
    verdicts: list[Verdict] = []
    for name, used, room in (
        ("flash", len(image.flash), flash),
        ("static RAM", image.ram_bytes, ram),
    ):
        if room is not None:
            seen = f"{used} bytes ({used * 100 / room:.0f} %)"
            fits = used <= room
            verdicts.append(
                Verdict(f"{name} fits", fits, f"at most {room} bytes", seen)
            )
    return tuple(verdicts)


def _notes(target: Target) -> tuple[Note, ...]:
    if not target.usb:
        return ()
    text = "the link over USB was simulated on the processor's UART (Serial1)"
    return (Note("assumed", SIMAVR, text, asked="Serial", given="Serial1"),)


def pin_map(image: Image, target: Target) -> dict[str, list[Any]]:
    """Where each Arduino pin is: ``[port, bit, timer, ADC channel]``.

    The program's own tables say it, so each variant of the core is right. A
    channel of -1 and a port of "" say that there is none.
    """
    ports = image.table("digital_pin_to_port_PGM")
    masks = image.table("digital_pin_to_bit_mask_PGM")
    timers = image.table("digital_pin_to_timer_PGM").ljust(len(ports), b"\0")
    channels = image.table("analog_pin_to_channel_PGM")
    pins: dict[str, list[Any]] = {}
    for number, (port, mask, timer) in enumerate(
        zip(ports, masks, timers, strict=False)
    ):
        if port and mask:
            bit = mask.bit_length() - 1
            pins[str(number)] = [chr(ord("@") + port), bit, timer, -1]
    for index in range(16):
        channel = channels[index] if index < len(channels) else index
        port_bit = pins.get(str(target.first_analog + index), ["", 0, 0, -1])
        pins[f"A{index}"] = [*port_bit[:3], channel]
    return pins
