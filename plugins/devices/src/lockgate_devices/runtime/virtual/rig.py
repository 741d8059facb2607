"""What the objects of the virtual modules share: one board's insides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lockgate_devices.runtime.trace import Trace
from lockgate_devices.runtime.virtual.core import Core
from lockgate_devices.runtime.virtual.lines import Lines
from lockgate_devices.runtime.virtual.wire import Wire

__all__ = ["Costs", "Rig", "RigObject", "bind"]

_Class = TypeVar("_Class")


class Costs:
    """Microseconds that calls take, the size of an ESP32 at 240 MHz.

    Only the order of size matters: time must pass with every call, or a loop
    that polls would never end.
    """

    CALL = 5
    ADC = 60
    UART = 12


@dataclass(slots=True)
class Rig:
    """One board's clock, wires and trace, and what it says it is."""

    core: Core
    lines: Lines
    wire: Wire
    trace: Trace
    platform: str = "esp32"
    machine_name: str = "virtual board"
    frequency: int = 240_000_000
    objects: dict[Any, Any] = field(default_factory=dict[Any, Any])
    live: set[object] = field(default_factory=set[object])
    """Timers and pins whose interrupts keep a board going after `main` ended."""

    def shout(self, where: str, error: Exception) -> None:
        """An interrupt handler raised: a real board prints it and goes on."""
        message = f"{where}: {type(error).__name__}: {error}"[:500]
        self.trace.fault("firmware.interrupt", message, self.core.now_us)

    def guarded(self, where: str, call: Callable[[], object]) -> Callable[[], None]:
        """`call` as an interrupt handler, its exceptions reported."""

        def run() -> None:
            try:
                call()
            except Exception as error:
                self.shout(where, error)

        return run


class RigObject:
    """Base of the classes in `machine`; `bind` gives each its board."""

    rig: Rig


def bind(kind: type[_Class], name: str, rig: Rig, **more: Mapping[str, Any]) -> Any:
    """`kind` as the class of one board's module."""
    return type(name, (kind,), {"rig": rig, "__module__": "machine", **more})
