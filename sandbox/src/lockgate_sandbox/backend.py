"""The seam for another way to confine code: another system's sandbox, a microVM, wasm.

The kernel layers of Linux are built in, as the backend ``linux``. Another one is
registered on purpose, by the program that brings it; nothing is looked for::

    backend.register(MyBackend())
    with backend.open_confinement("mine") as confinement:
        print(run_python("6 * 7", sandbox=confinement).check().value)

A backend promises what ``docs/explanation/security-model.md`` says, or says in the
posture of each result what it does not: every layer by name, ``missing`` or ``off``
where it does not hold. What it can't hold it refuses with `LayerMissingError`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from lockgate_sandbox import _platform
from lockgate_sandbox.errors import Data, PlatformError, PolicyError

if TYPE_CHECKING:
    from types import TracebackType

    from lockgate_sandbox.broker import Broker
    from lockgate_sandbox.callbacks import Callbacks
    from lockgate_sandbox.layers import Layers
    from lockgate_sandbox.policy import Policy
    from lockgate_sandbox.posture import Posture
    from lockgate_sandbox.profiles import Profile
    from lockgate_sandbox.replies import Reply
    from lockgate_sandbox.results import ProgramResult, RunResult

__all__ = [
    "Backend",
    "Confined",
    "Confinement",
    "backends",
    "open_confinement",
    "register",
]


class Confined(Protocol):
    """One sealed process that answers calls: what `Worker` is on Linux."""

    @property
    def posture(self) -> Posture:
        """The layers that hold it."""
        ...

    @property
    def alive(self) -> bool:
        """Whether a call could still be answered."""
        ...

    @property
    def last_output(self) -> str:
        """What it had printed since the last reply when it ended."""
        ...

    def call(
        self,
        method: str,
        arguments: Mapping[str, Data] | None = None,
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Ask it; callbacks run meanwhile. Raises as `Worker.call` does."""
        ...

    def close(self) -> None:
        """End it and wait until nothing of it is left. May be repeated."""
        ...


class Confinement(Protocol):
    """What starts sealed processes: what `Sandbox` is on Linux. Thread-safe."""

    def __enter__(self) -> Confinement: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def worker(
        self,
        policy: Policy,
        *,
        target: str,
        path: Sequence[str] = (),
        arguments: Mapping[str, Data] | None = None,
        callbacks: Callbacks | None = None,
        broker: Broker | None = None,
        name: str = "worker",
        lazy: bool = False,
    ) -> Confined:
        """Seal a process under `policy`, then build `target` in it.

        With `lazy` that may wait for the first call, which then raises what is wrong.
        """
        ...

    def run_file(
        self,
        policy: Policy,
        script: str | os.PathLike[str],
        argv: Sequence[str] = (),
        *,
        path: Sequence[str] = (),
        stdio: tuple[int, int, int] = (0, 1, 2),
        broker: Broker | None = None,
        profile: Profile | str = "plain",
        source: bytes | None = None,
    ) -> RunResult:
        """Run one Python file, or `source`, as ``__main__`` and wait for it."""
        ...

    def run_program(
        self,
        policy: Policy,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        executable: Sequence[str] = (),
        collect: Sequence[str] = (),
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> ProgramResult:
        """Run a program in a sandbox of its own and wait for it."""
        ...

    def close(self) -> None:
        """End everything that it started. May be repeated."""
        ...


class Backend(Protocol):
    """A way to confine code on some systems."""

    @property
    def name(self) -> str:
        """One word, by which it is chosen."""
        ...

    def refusal(self) -> str:
        """Why it can't be used on this machine; empty if it can."""
        ...

    def open(self, *, layers: Layers | None = None) -> Confinement:
        """Start it. `layers` are the modes of its layers, by their names.

        Or those of one tier, by its name, as `Sandbox.open` takes them.
        """
        ...


class _Linux:
    """The layers of the Linux kernel."""

    name = "linux"

    def refusal(self) -> str:
        refused = _platform.refusal()
        return "" if refused is None else str(refused)

    def open(self, *, layers: Layers | None = None) -> Confinement:
        _platform.require()
        from lockgate_sandbox.sandbox import Sandbox

        return Sandbox.open(layers=layers)


_known: dict[str, Backend] = {"linux": _Linux()}


def backends() -> tuple[str, ...]:
    """The names of all backends, in the order in which they are tried."""
    return tuple(_known)


def register(backend: Backend) -> None:
    """Offer `backend` under its name, behind those that are there.

    Raises:
        PolicyError: If the name is taken, or is no word.
    """
    if not backend.name.isidentifier():
        msg = f"a backend's name is one word, not {backend.name!r}"
        raise PolicyError(msg)
    if backend.name in _known:
        raise PolicyError(f"there is a backend {backend.name!r} already")
    _known[backend.name] = backend


def open_confinement(name: str = "", *, layers: Layers | None = None) -> Confinement:
    """Open the backend `name`; without one, the first that works on this machine.

    Raises:
        PolicyError: If there is no such backend.
        PlatformError: If it, or without a name every one, refuses this machine.
        StartError: If it can't be started.
    """
    if name and name not in _known:
        hint = f"known: {', '.join(_known)}"
        raise PolicyError(f"there is no backend {name!r}", hint=hint)
    if not name and len(_known) == 1:
        _platform.require()
    reasons: list[str] = []
    for backend in [_known[name]] if name else _known.values():
        reason = backend.refusal()
        if not reason:
            return backend.open(layers=layers)
        reasons.append(f"{backend.name}: {reason}")
    raise PlatformError(
        *_platform.here(), reasons="; ".join(reasons), hint=_platform.HINT
    )
