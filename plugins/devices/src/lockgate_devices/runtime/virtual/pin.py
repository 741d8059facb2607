"""`machine.Pin` and `machine.Signal`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate_devices.runtime.virtual.lines import Line, Watch
from lockgate_devices.runtime.virtual.rig import Costs, RigObject

__all__ = ["PinObject", "SignalObject", "line_of"]

_MODES = {1: "input", 3: "output", 7: "open_drain"}
_PULLS = {None: "", -1: "", 0: "", 1: "down", 2: "up"}


def line_of(board: Any, pin: object, ability: str) -> Line:
    """The line of `pin` (a Pin, or what names one), if it has `ability`.

    Raises:
        ValueError: If there is no such pin, or it lacks the ability, with the
            words that the boards use.
    """
    rig = board.rig
    line = pin.line if isinstance(pin, PinObject) else rig.lines.find(pin)
    if line is None:
        rig.lines.fault("pin.invalid", f"the board has no pin {pin!r}")
        msg = "invalid pin"
        raise ValueError(msg)
    if ability and not getattr(line.pin, ability):
        rig.lines.fault("pin.ability", f"pin {line.pin.name} has no {ability}")
        msg = "pin can only be input" if ability == "output" else "invalid pin"
        raise ValueError(msg)
    return line


class PinObject(RigObject):
    """A pin; one object per pin, as on the boards."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3

    line: Line

    def __new__(cls, id: object, *_rest: Any, **_options: Any) -> PinObject:  # noqa: A002
        """The one object of this pin."""
        cls.rig.core.tick(Costs.CALL)
        line = line_of(cls, id, "")
        found: PinObject | None = cls.rig.objects.get(("pin", line.pin.name))
        if found is None:
            found = super().__new__(cls)
            found.line = line
            cls.rig.objects["pin", line.pin.name] = found
        return found

    def __init__(
        self,
        id: object,  # noqa: A002
        mode: int = -1,
        pull: int | None = -1,
        *,
        value: object = None,
        drive: int = 0,
        alt: int = -1,
    ) -> None:
        del id, drive, alt
        if mode != -1:
            if self.line.owner:
                self.rig.lines.fault(
                    "pin.reused",
                    f"pin {self.line.pin.name} is already {self.line.owner}",
                )
            self.line.owner = f"used as {_MODES.get(mode, 'a pin')}"
        self._set(mode, pull, value)

    def init(
        self, mode: int = -1, pull: int | None = -1, *, value: object = None
    ) -> None:
        """Configure the pin anew."""
        self.rig.core.tick(Costs.CALL)
        self._set(mode, pull, value)

    def _set(self, mode: int, pull: int | None, value: object) -> None:
        line = self.line
        if value is not None:
            # The latch is set first, so that an output starts without a glitch.
            line.out = 1 if value else 0
        if mode == -1 and pull == -1:
            if value is not None:
                self.rig.lines.settle(line, "device")
            return
        name = line.mode if mode == -1 else _MODES.get(mode, "")
        if not name or pull not in _PULLS:
            msg = f"invalid mode {mode} or pull {pull}"
            raise ValueError(msg)
        if name in ("output", "open_drain"):
            line_of(self, self, "output")
        elif name == "input":
            line_of(self, self, "input")
        self.rig.lines.configure(line, name, _PULLS[pull])

    def value(self, *level: object) -> int | None:
        """Get the level, or set it."""
        self.rig.core.tick(Costs.CALL)
        if not level:
            return self.line.sample(self.rig.core.now_us)
        self.rig.lines.write(self.line, 1 if level[0] else 0)
        return None

    __call__ = value

    def on(self) -> None:
        """Set the pin high."""
        self.value(1)

    def off(self) -> None:
        """Set the pin low."""
        self.value(0)

    high = on
    low = off

    def toggle(self) -> None:
        """Turn the output over."""
        self.value(1 - self.line.out)

    def mode(self, mode: int | None = None) -> int | None:
        """Get or set the mode."""
        if mode is not None:
            self.init(mode)
            return None
        return next((k for k, v in _MODES.items() if v == self.line.mode), 0)

    def irq(
        self,
        handler: Callable[[PinObject], object] | None = None,
        trigger: int = 3,
        *,
        priority: int = 1,
        wake: object = None,
        hard: bool = False,
    ) -> PinObject:
        """Call `handler` with the pin at edges; it runs between two calls."""
        del priority, wake, hard
        self.rig.core.tick(Costs.CALL)
        self.rig.live.discard(self)
        self.line.watch = None
        if handler is not None:
            where = f"the interrupt of pin {self.line.pin.name}"
            call = self.rig.guarded(where, lambda: handler(self))
            self.line.watch = Watch(call, bool(trigger & 1), bool(trigger & 2))
            self.rig.live.add(self)
        return self

    def __repr__(self) -> str:
        return f"Pin({self.line.pin.name})"


class SignalObject(RigObject):
    """A pin with a meaning: `invert` turns the level over."""

    def __init__(self, pin: Any, *args: Any, invert: bool = False, **more: Any) -> None:
        made = isinstance(pin, PinObject)
        self._pin = pin if made else self.rig.objects["Pin"](pin, *args, **more)
        self._invert = invert

    def value(self, *state: object) -> int | None:
        """Get or set the state."""
        if not state:
            return int(bool(self._pin.value()) != self._invert)
        self._pin.value(int(bool(state[0]) != self._invert))
        return None

    __call__ = value

    def on(self) -> None:
        """Make it active."""
        self.value(1)

    def off(self) -> None:
        """Make it inactive."""
        self.value(0)
