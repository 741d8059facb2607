"""What lazy workers are asked, and what crosses the wire meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lockgate_sandbox import (
    Data,
    Policy,
    Worker,
)
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox._wire.host_end import HostChannel
from tests.support.sandbox import Lab, policy

_MODULES = {
    "polite": """
        def build(session, **given):
            told = [session.call_host("step") for _ in range(given.get("asks", 0))]
            def handler(method, arguments):
                told.append(session.call_host("step"))
                return [*told, len(arguments.get("data") or "")]
            return handler
        """,
    "awaited": """
        def build(session):
            told = [session.call_host("step")]
            async def handler(method, arguments):
                return [*told, await session.acall_host("step")]
            return handler
        """,
    "mixed": """
        def build(session):
            async def rest(first):
                return [first, await session.acall_host("step")]
            return lambda method, arguments: rest(session.call_host("step"))
        """,
    "adding": """
        def build(session):
            session.call_host("step")
            return lambda method, arguments: sum(session.items())
        """,
    "counting": """
        def build(session):
            def handler(method, arguments):
                yield from range(arguments["count"])
            return handler
        """,
    "slow": """
        import time
        time.sleep(30)
        """,
    "busy": """
        while True:
            pass
        """,
    "dying": """
        import os
        os._exit(3)
        """,
    "loud": """
        print("imported")
        def build(session):
            print("built")
            return lambda method, arguments: print("called")
        """,
    "failing": """
        import time
        def build(session):
            time.sleep(0.3)
            raise ValueError("not today")
        """,
    "raising": """
        def build(session):
            raise ValueError("not today")
        """,
}


@pytest.fixture(autouse=True)
def _modules(lab: Lab) -> None:
    for name, source in _MODULES.items():
        lab.write(name, source)


class Steps:
    """A callback that counts, and how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: dict[str, Data]) -> Data:
        self.count += 1
        return self.count


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def lazy(lab: Lab, steps: Steps) -> Iterator[Callable[..., Worker]]:
    """Makes lazy workers of a module's ``build``."""
    made: list[Worker] = []

    def make(module: str, given: Policy | None = None, **options: Any) -> Worker:
        options = {"callbacks": {"step": steps}, "path": [str(lab.folder)], **options}
        target = f"{module}:build"
        worker = lab.sandbox.worker(
            given or policy(), target=target, lazy=True, **options
        )
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The frames that hosts send, in order."""
    frames: list[list[Any]] = []
    for name in ("send", "send_flat", "send_now"):
        plain = getattr(HostChannel, name)

        def note(
            channel: Any, message: list[Any], *rest: Any, plain: Any = plain
        ) -> Any:
            frames.append(message)
            return plain(channel, message, *rest)

        monkeypatch.setattr(HostChannel, name, note)
    return frames


def kinds_of(sent: list[list[Any]]) -> list[Kind]:
    """What frames were sent."""
    return [Kind(frame[0]) for frame in sent]
