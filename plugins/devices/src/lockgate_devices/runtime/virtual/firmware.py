"""Runs `main.py` in a thread of its own, on the scenario's baton."""

from __future__ import annotations

import threading
import traceback
from typing import Any

from lockgate_devices.runtime.virtual.core import PowerOff
from lockgate_devices.runtime.virtual.rig import Rig
from lockgate_devices.runtime.virtual.shims import make_builtins, make_modules

__all__ = ["Firmware"]

_IDLE_US = 1_000_000


class Firmware:
    """The firmware's thread. `outcome` says why it ended: a code and a text."""

    def __init__(self, source: str, path: str, rig: Rig) -> None:
        self.outcome = ("", "")
        self._source = source
        self._path = path
        self._rig = rig
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        core = self._rig.core
        try:
            core.begin()
            self._main()
            # A board whose main.py ended still serves its timers and interrupts.
            while self._rig.live:
                core.tick(_IDLE_US)
            self.outcome = ("firmware-ended", f"{self._path} ran to its end")
        except PowerOff:
            self.outcome = core.stopped
        except SystemExit as error:
            self.outcome = ("firmware-ended", f"{self._path} exited: {error.code!r}")
        except BaseException as error:
            self.outcome = ("firmware-raised", self._describe(error))
        core.end()

    def _main(self) -> None:
        modules = make_modules(self._rig)
        names: dict[str, Any] = {
            "__name__": "__main__",
            "__builtins__": make_builtins(self._rig, modules),
        }
        code = compile(self._source, self._path, "exec", dont_inherit=True)
        exec(code, names)  # noqa: S102 - running firmware is what this worker is for

    def _describe(self, error: BaseException) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame.lineno for frame in frames if frame.filename == self._path]
        line = own[-1] if own else getattr(error, "lineno", None)
        text = f"{type(error).__name__}: {error}"[:400]
        return f"{self._path}:{line}: {text}" if line else f"{self._path}: {text}"

    def switch_off(self) -> None:
        """End the thread at its next call; one that makes none is left behind."""
        self._rig.core.power_off()
        self._thread.join(timeout=0.2)
