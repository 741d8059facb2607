"""The module `machine`, put together for one board."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from lockgate_devices.runtime.virtual.analog import AdcObject, PwmObject
from lockgate_devices.runtime.virtual.pin import PinObject, SignalObject, line_of
from lockgate_devices.runtime.virtual.rig import Costs, Rig, bind
from lockgate_devices.runtime.virtual.serial import UartObject
from lockgate_devices.runtime.virtual.timers import TimerObject, WdtObject

__all__ = ["make_machine"]

_UNIQUE_ID = b"\x02lockg\x01"
_POLL_US = 2


def _add_classes(module: Any, rig: Rig) -> None:
    module.Pin = bind(PinObject, "Pin", rig)
    rig.objects["Pin"] = module.Pin
    module.Signal = bind(SignalObject, "Signal", rig)
    module.ADC = bind(AdcObject, "ADC", rig)
    module.PWM = bind(PwmObject, "PWM", rig)
    module.UART = bind(UartObject, "UART", rig)
    module.Timer = bind(TimerObject, "Timer", rig)
    module.WDT = bind(WdtObject, "WDT", rig)


def _add_reset(module: Any, rig: Rig) -> None:
    core = rig.core
    causes = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")
    for value, name in enumerate(causes, start=1):
        setattr(module, name, value)

    def reset() -> None:
        core.stop("reset", "the firmware called machine.reset()")

    def soft_reset() -> None:
        core.stop("reset", "the firmware called machine.soft_reset()")

    def deepsleep(time_ms: int = 0) -> None:
        core.stop("deep-sleep", f"the firmware went to deep sleep for {time_ms} ms")

    def lightsleep(time_ms: int = 1_000) -> None:
        core.tick(max(time_ms, 1) * 1_000)

    module.reset, module.soft_reset = reset, soft_reset
    module.deepsleep, module.lightsleep = deepsleep, lightsleep
    module.reset_cause = lambda: module.PWRON_RESET


def _add_functions(module: Any, rig: Rig) -> None:
    core = rig.core

    def freq(hertz: int | None = None) -> int | None:
        core.tick(Costs.CALL)
        if hertz is None:
            return rig.frequency
        rig.frequency = hertz
        return None

    def disable_irq() -> int:
        core.tick(1)
        return core.mask(1)

    def enable_irq(state: int = 0) -> None:
        core.mask(state)
        core.tick(1)

    def time_pulse_us(
        pin: object, pulse_level: int, timeout_us: int = 1_000_000
    ) -> int:
        line = line_of(module.Pin, pin, "input")

        def wait(level: int) -> bool:
            end = core.now_us + timeout_us
            while line.sample(core.now_us) != level:
                core.tick(_POLL_US)
                if core.now_us >= end:
                    return False
            return True

        if not wait(pulse_level):
            return -2
        start = core.now_us
        return core.now_us - start if wait(1 - pulse_level) else -1

    module.freq, module.disable_irq, module.enable_irq = freq, disable_irq, enable_irq
    module.time_pulse_us = time_pulse_us
    module.unique_id = lambda: _UNIQUE_ID
    module.idle = lambda: core.tick(100)


def make_machine(rig: Rig) -> ModuleType:
    """A `machine` module whose pins are the wires of `rig`."""
    module = ModuleType("machine")
    _add_classes(module, rig)
    _add_reset(module, rig)
    _add_functions(module, rig)
    return module
