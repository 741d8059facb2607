"""What a sealed worker costs: to start, and to call.

Cold: fork, every seal, import of a small module, first reply, and the end. Warm:
a call with its reply, on one core where the row says so, because placement alone
changes a round trip five-fold.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lockgate_sandbox import Policy, Sandbox
from lockgate_sandbox.errors import Data
from tests.bench.harness import (
    Row,
    Unavailable,
    command_seconds,
    paired,
    per_call,
    pinned,
)
from tests.support.sandbox import open_folder

__all__ = ["ROWS"]

_TARGET = "def build(session):\n    return lambda method, arguments: arguments\n"
_CALLS = 300


@contextmanager
def _sandbox() -> Generator[tuple[Sandbox, str]]:
    with open_folder() as folder, Sandbox.open() as sandbox:
        (folder / "echo.py").write_text(_TARGET)
        yield sandbox, str(folder)


def _cold_side(sandbox: Sandbox, folder: str) -> Callable[[], float]:
    policy = Policy.for_tier("read-only")

    def side() -> float:
        started = time.perf_counter()
        worker = sandbox.worker(policy, target="echo:build", path=[folder])
        worker.call("echo", {})
        seconds = time.perf_counter() - started
        worker.close()
        return seconds

    return side


def _bubblewrap() -> Callable[[], float]:
    program = shutil.which("bwrap")
    if program is None:

        def missing() -> float:
            reason = "bubblewrap is not installed"
            raise Unavailable(reason)

        return missing
    argv = [program, "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev"]
    return command_seconds([*argv, sys.executable, "-I", "-S", "-c", "pass"])


def _cold_python(name: str) -> Row:
    peer = command_seconds([sys.executable, "-c", "pass"])
    with _sandbox() as made:
        return paired(
            name,
            _cold_side(*made),
            peer,
            peer_name="python -c pass",
            target=1 / 9,
            unit="ms",
            rounds=40,
        )


def _cold_bubblewrap(name: str) -> Row:
    with _sandbox() as made:
        return paired(
            name,
            _cold_side(*made),
            _bubblewrap(),
            peer_name="bubblewrap + python -I -S",
            target=1 / 14,
            unit="ms",
            rounds=40,
        )


def _echo(value: Data) -> Data:
    return value


def _raw_echo(stack: ExitStack) -> socket.socket:
    """A forked child that sends back each packet: the floor of any round trip."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        mine.close()
        while data := theirs.recv(1 << 17):
            theirs.send(data)
        os._exit(0)
    theirs.close()
    stack.callback(os.waitpid, child, 0)
    stack.callback(mine.close)
    return mine


def _warm(name: str, size: int, raw: bool, target: float) -> Row:
    with ExitStack() as stack:
        placement = stack.enter_context(pinned())
        sandbox, folder = stack.enter_context(_sandbox())
        policy = Policy.for_tier("read-only")
        worker = sandbox.worker(policy, target="echo:build", path=[folder])
        data = "x" * size
        arguments: dict[str, Data] = {"data": data}
        if raw:
            pipe, packet = _raw_echo(stack), data.encode()

            def once() -> object:
                pipe.send(packet)
                return pipe.recv(1 << 17)

            peer_name = "raw SEQPACKET echo"
        else:
            pool = stack.enter_context(ProcessPoolExecutor(1))

            def once() -> object:
                return pool.submit(_echo, data).result()

            peer_name = "ProcessPoolExecutor"
        return paired(
            name,
            per_call(lambda: worker.call("echo", arguments), _CALLS),
            per_call(once, _CALLS),
            peer_name=peer_name,
            target=target,
            rounds=11,
            placement=placement,
        )


def _warm_row(size: int, raw: bool, target: float) -> Callable[[str], Row]:
    return lambda name: _warm(name, size, raw, target)


def _memory_row(name: str) -> Row:
    """PSS of an idle worker, per worker at fifty of them, against idle pythons."""
    with _sandbox() as (sandbox, folder):
        policy = Policy.for_tier("read-only")
        workers = [
            sandbox.worker(policy, target="echo:build", path=[folder])
            for _ in range(50)
        ]
        mine = sum(_pss(worker.pid) for worker in workers) / len(workers)
        for worker in workers:
            worker.close()
    with ProcessPoolExecutor(1) as pool:
        theirs = _pss(pool.submit(os.getpid).result())
    return Row(name, mine, theirs, "ProcessPoolExecutor worker", "MB", 1 / 10)


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    reason = "no smaps_rollup in this kernel"
    raise Unavailable(reason)


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-cold-python": _cold_python,
    "sandbox-cold-bubblewrap": _cold_bubblewrap,
    "sandbox-warm-100B-pool": _warm_row(100, raw=False, target=1 / 5),
    "sandbox-warm-10KiB-pool": _warm_row(10_240, raw=False, target=1 / 5),
    "sandbox-warm-100B-raw": _warm_row(100, raw=True, target=2.0),
    "sandbox-warm-10KiB-raw": _warm_row(10_240, raw=True, target=2.0),
    "sandbox-idle-memory": _memory_row,
}
