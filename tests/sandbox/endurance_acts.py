"""What a run of endurance does with workers: each act starts, uses and ends some."""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from lockgate_sandbox import (
    AsyncWorker,
    PathGrant,
    Policy,
    Program,
    Sandbox,
    SandboxError,
    Worker,
    WorkerPool,
)
from lockgate_sandbox.broker import AuditRecord, Broker
from tests.support.flow import PLAIN
from tests.support.sandbox import Lab, run

__all__ = ["ACTS", "Stage"]

_POOL_SIZE = 2


class Stage:
    """A sandbox, what its workers import and may reach, and how many were `started`.

    `port` is that of a server that echoes. There are more `libraries` to preload than
    zygotes are kept for.
    """

    libraries = tuple(f"library_{number}" for number in range(8))

    def __init__(self, sandbox: Sandbox, folder: Path, port: int) -> None:
        self.sandbox = sandbox
        self.port = port
        self.started = 0
        self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody: quickly made
        self.script = folder / "script.py"
        self.granted = folder / "granted"
        self.granted.mkdir()
        (self.granted / "file").write_bytes(b"granted")
        self._path = [str(folder)]
        lab = Lab(sandbox, folder)  # which writes the usual target
        lab.write("flow", PLAIN)
        for name in self.libraries:
            lab.write(name, "HELD = [bytes(1 << 20)]")

    def worker(
        self, given: Policy, *, target: str = "lab_target:build", **options: Any
    ) -> Worker:
        """One worker, of that policy."""
        self.started += 1
        return self.sandbox.worker(given, target=target, path=self._path, **options)

    def pool(self, given: Policy) -> WorkerPool:
        """A small pool of them."""
        self.started += _POOL_SIZE
        return self.sandbox.pool(
            given, target="lab_target:build", path=self._path, size=_POOL_SIZE
        )


Act = Callable[[Stage, Policy, random.Random], None]


def _use(stage: Stage, given: Policy, dice: random.Random) -> None:
    with stage.worker(given, lazy=dice.random() < 0.3) as worker:
        for _ in range(dice.randrange(3)):
            run(worker, "result = [n] * 100", n=dice.randrange(100))


def _kill_later(kill: Callable[[], object], dice: random.Random) -> threading.Timer:
    timer = threading.Timer(dice.random() * 0.01, kill)
    timer.start()
    return timer


def _kill_in_call(stage: Stage, given: Policy, dice: random.Random) -> None:
    worker = stage.worker(given)
    timer = _kill_later(worker.kill, dice)
    with suppress(SandboxError):
        run(worker, "while True: pass")
    timer.join()
    worker.close()


def _signal(stage: Stage, given: Policy, dice: random.Random) -> None:
    worker = stage.worker(given)
    timer = _kill_later(lambda: _send(worker, dice.choice((6, 9, 11, 15))), dice)
    with suppress(SandboxError):
        for _ in range(5):
            run(worker, "result = 'x' * 1000")
    timer.join()
    worker.close()


def _send(worker: Worker, number: int) -> None:
    # Not closed before this is done, so the pid is still its own.
    with suppress(ProcessLookupError):
        os.kill(worker.pid, number)


def _close_from_elsewhere(stage: Stage, given: Policy, dice: random.Random) -> None:
    worker = stage.worker(given)
    timer = _kill_later(worker.close, dice)
    with suppress(SandboxError):
        run(worker, "import time; time.sleep(5)")
    timer.join()


def _end_itself(stage: Stage, given: Policy, dice: random.Random) -> None:
    code = dice.choice(
        ("os._exit(3)", "os.kill(os.getpid(), 11)", "os.close(3)", "1 / 0")
    )
    with stage.worker(given) as worker, suppress(SandboxError):
        run(worker, f"import os; {code}")


def _fail_to_start(stage: Stage, given: Policy, dice: random.Random) -> None:
    with suppress(SandboxError):
        stage.worker(given, target=dice.choice(("missing:x", "lab_target:missing")))


def _leave_children(stage: Stage, _: Policy, dice: random.Random) -> None:
    given = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    code = """
        import os, time
        for _ in range(count):
            if not os.fork():
                os.setsid()
                if os.fork():
                    os._exit(0)
                time.sleep(60)
                os._exit(0)
    """
    with stage.worker(given) as worker, suppress(SandboxError):
        run(worker, code, count=dice.randrange(1, 4))


def _borrow(stage: Stage, given: Policy, dice: random.Random) -> None:
    with stage.pool(given) as pool:
        for _ in range(dice.randrange(1, 4)):
            with pool.worker() as worker, suppress(SandboxError):
                if dice.random() < 0.3:
                    _send(worker, 9)
                run(worker, "result = 1")


def _share_a_library(stage: Stage, given: Policy, dice: random.Random) -> None:
    # Now and then one that seldom is asked for: an older zygote makes room for it.
    rare = dice.random() < 0.05
    name = dice.choice(stage.libraries) if rare else stage.libraries[0]
    worker = stage.worker(given, preload=[name])
    if dice.random() < 0.3:
        _send(worker, 9)
    with worker, suppress(SandboxError):
        run(worker, f"import {name}; result = {name}.HELD[0]")


_ASKS = """
import socket
with session.open(path) as file:
    kept = file.read()
with socket.create_connection(("127.0.0.1", port)) as client:
    client.sendall(kept * 1000)
    result = len(client.recv(10))
try:
    socket.create_connection(("127.0.0.1", 9))
except OSError:
    pass
"""


def _ask_the_broker(stage: Stage, _: Policy, dice: random.Random) -> None:
    given = Policy.for_tier(
        "elevated",
        files=[PathGrant(str(stage.granted))],
        hosts=[f"127.0.0.1:{stage.port} private"],
    )
    records: list[AuditRecord] = []
    with closing(Broker(given, audit=records.append, trust=stage.trust)) as broker:
        worker = stage.worker(given, broker=broker)
        timer = _kill_later(worker.kill, dice) if dice.random() < 0.5 else None
        with worker, suppress(SandboxError):
            run(worker, _ASKS, path=str(stage.granted / "file"), port=stage.port)
        if timer:
            timer.join()


def _wait_for_it(stage: Stage, given: Policy, dice: random.Random) -> None:
    async def use(worker: AsyncWorker) -> None:
        if dice.random() < 0.5:
            asyncio.get_running_loop().call_later(dice.random() * 0.01, worker.kill)
        calls = [worker.call("echo", {"n": n}) for n in range(5)]
        await asyncio.gather(*calls, return_exceptions=True)
        async with worker.stream("count", {"n": 50}) as stream:
            async for item in stream:
                if item == dice.randrange(60):
                    break

    async def main() -> None:
        async with AsyncWorker(stage.worker(given, target="flow:build")) as worker:
            with suppress(SandboxError):
                await use(worker)

    asyncio.run(main())


def _stream(stage: Stage, given: Policy, dice: random.Random) -> None:
    worker = stage.worker(given, target="flow:build")
    timer = _kill_later(worker.kill, dice) if dice.random() < 0.3 else None
    with worker, suppress(SandboxError):
        with worker.stream("double", items=range(dice.randrange(100))) as stream:
            for item in stream:
                if item == dice.randrange(100):
                    break
        pending = [worker.submit("echo", {"n": n}) for n in range(dice.randrange(20))]
        for call in pending[:1]:  # the others end with their worker
            call.result()
    if timer:
        timer.join()


def _carry(stage: Stage, given: Policy, dice: random.Random) -> None:
    worker = stage.worker(given)
    timer = _kill_later(worker.kill, dice) if dice.random() < 0.5 else None
    with worker, suppress(SandboxError):
        for _ in range(3):
            run(worker, "result = bytes(data)", data=bytes(1 << 20))
    if timer:
        timer.join()


def _run_a_script(stage: Stage, given: Policy, dice: random.Random) -> None:
    code = dice.choice(("pass", "1 / 0", "import os; os.abort()", "bytearray(1 << 40)"))
    stage.started += 1
    stage.script.write_text(code)
    with Path(os.devnull).open("r+b") as null, suppress(SandboxError):
        fd = null.fileno()
        stage.sandbox.run_file(given, stage.script, stdio=(fd, fd, fd))


ACTS: dict[Act, int] = {
    _use: 8,
    _kill_in_call: 4,
    _signal: 4,
    _close_from_elsewhere: 2,
    _end_itself: 4,
    _fail_to_start: 2,
    _leave_children: 1,
    _borrow: 1,
    _share_a_library: 2,
    _ask_the_broker: 2,
    _wait_for_it: 2,
    _stream: 3,
    _carry: 1,
    _run_a_script: 1,
}
"""What is done with a worker, and how often compared with the rest."""
